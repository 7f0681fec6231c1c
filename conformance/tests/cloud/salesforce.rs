//! The collections and partner calls, logins and quotas.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};

use crate::Site;

const COLLECTIONS: &str = "/services/data/v60.0/composite/sobjects/people/F001";

fn record(key: &str) -> Json {
    json!({"attributes": {"type": "people"}, "F001": key, "F002": "x"})
}

#[test]
fn collections_answer_in_the_order_of_the_request() {
    let site = Site::quick();
    site.admin("/admin/bad-records", r#"{"pattern":"U2","code":"STRING_TOO_LONG"}"#);
    let authorization = format!("Bearer {}", site.token());
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
    let body = json!({"allOrNone": false, "records": [record("U1"), record("U2"), record("U3")]}).to_string();
    let reply = site.send("PATCH", COLLECTIONS, &headers, body.as_bytes());
    assert!(reply.header("sforce-limit-info").unwrap().starts_with("api-usage="));
    let results: Json = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(results[0]["created"], true);
    assert_eq!(results[1]["errors"][0]["statusCode"], "STRING_TOO_LONG");
    assert_eq!(results[2]["success"], true);

    let (_, results) = site.json("PATCH", COLLECTIONS, &headers, &body.replace("false", "true"));
    assert_eq!(results[0]["errors"][0]["statusCode"], "ALL_OR_NONE_OPERATION_ROLLED_BACK");

    // A merge: what is not sent stays.
    let merge =
        json!({"records": [{"attributes": {"type": "people"}, "F001": "U1", "F003": null}]}).to_string();
    assert_eq!(site.json("PATCH", COLLECTIONS, &headers, &merge).0, 200);
    let dump = site.send("GET", "/admin/rows/people?format=ndjson", &[], b"").text();
    assert!(dump.contains(r#"{"F001":"U1","F002":"x","F003":null}"#), "{dump}");

    let many: Vec<Json> = (0..201).map(|n| record(&format!("V{n}"))).collect();
    let (status, error) = site.json("PATCH", COLLECTIONS, &headers, &json!({"records": many}).to_string());
    assert_eq!((status, &error[0]["errorCode"]), (400, &"EXCEEDED_ID_LIMIT".into()));
    let (status, _) = site.json("PATCH", COLLECTIONS, &headers, r#"{"records":[{"F001":"U1"}]}"#);
    assert_eq!(status, 400);
}

#[test]
fn single_records_are_upserted_by_their_path() {
    let site = Site::quick();
    let authorization = format!("Bearer {}", site.token());
    let headers = [("Authorization", authorization.as_str())];
    let path = "/services/data/v60.0/sobjects/people/F001/U1";
    assert_eq!(site.json("PATCH", path, &headers, r#"{"F002":"1"}"#).0, 201);
    assert_eq!(site.json("PATCH", path, &headers, r#"{"F002":"2"}"#).0, 200);
    assert_eq!(site.json("PATCH", path, &headers, r#"{"F001":"U1"}"#).0, 400);
    assert_eq!(site.json("GET", "/services/data/v60.0/limits", &headers, "").0, 200);
}

fn upsert(session: &str, objects: &str) -> String {
    format!(
        "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Header>\
         <p:SessionHeader xmlns:p=\"urn:partner.soap.sforce.com\"><p:sessionId>{session}</p:sessionId></p:SessionHeader>\
         </e:Header><e:Body><p:upsert xmlns:p=\"urn:partner.soap.sforce.com\">\
         <p:externalIDFieldName>F001</p:externalIDFieldName>{objects}</p:upsert></e:Body></e:Envelope>"
    )
}

fn object(key: &str, more: &str) -> String {
    format!(
        "<p:sObjects xmlns:o=\"urn:sobject.partner.soap.sforce.com\"><o:type>people</o:type>{more}<o:F001>{key}</o:F001></p:sObjects>"
    )
}

#[test]
fn the_partner_upsert_answers_per_object() {
    let site = Site::quick();
    let token = site.token();
    let objects =
        object("U1", "<o:fieldsToNull>F009</o:fieldsToNull>") + &object("U2", "") + &object("U2", "");
    let headers = [("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", "\"\"")];
    let reply = site.send("POST", "/services/Soap/u/58.0", &headers, upsert(&token, &objects).as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    let text = reply.text();
    assert!(text.contains("<result><created>true</created><id>a00"), "{text}");
    assert!(
        text.contains(
            "<s:Header><LimitInfoHeader xmlns=\"urn:partner.soap.sforce.com\"><limitInfo><current>1<"
        )
    );
    assert_eq!(text.matches("<statusCode>DUPLICATE_VALUE</statusCode>").count(), 2, "{text}");
    let dump = site.send("GET", "/admin/rows/people?format=ndjson", &[], b"").text();
    assert!(dump.contains(r#"{"F001":"U1","F009":null}"#), "{dump}");

    let reply = site.send("POST", "/services/Soap/u/58.0", &headers, upsert("nobody", &objects).as_bytes());
    assert_eq!(reply.status, 500);
    assert!(reply.text().contains("sf:INVALID_SESSION_ID"));
    let many: String = (0..201).map(|n| object(&format!("V{n}"), "")).collect();
    let reply = site.send("POST", "/services/Soap/u/58.0", &headers, upsert(&token, &many).as_bytes());
    assert!(reply.text().contains("<sf:exceptionCode>EXCEEDED_ID_LIMIT</sf:exceptionCode>"));
    assert_eq!(site.stats()["objects"]["people"]["rows"], 1);
}

#[test]
fn the_partner_login_says_who_where_and_for_whom() {
    let site = Site::quick();
    let headers = [("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", "login")];
    let login = |password: &str| {
        let body = format!(
            "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Header><p:CallOptions \
             xmlns:p=\"urn:partner.soap.sforce.com\"><p:client>x</p:client></p:CallOptions></e:Header><e:Body>\
             <p:login xmlns:p=\"urn:partner.soap.sforce.com\"><p:username>gateway</p:username>\
             <p:password>{password}</p:password></p:login></e:Body></e:Envelope>"
        );
        site.send("POST", "/services/Soap/u/58.0", &headers, body.as_bytes())
    };
    let text = login("reference-secret").text();
    let named = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name}"));
        rest.split('<').next().unwrap().to_owned()
    };
    assert_eq!((named("passwordExpired").as_str(), named("sandbox").as_str()), ("false", "false"));
    assert_eq!((named("organizationId").len(), named("userId").len()), (18, 18));
    // The service's own address has the organization behind the version, and calls go there.
    let address = named("serverUrl");
    let path = format!("/services/Soap/u/58.0/{}", named("organizationId"));
    assert!(address.starts_with("http://127.0.0.1:") && address.ends_with(&path), "{address}");
    let body = upsert(&named("sessionId"), &object("U1", ""));
    assert_eq!(site.send("POST", &path, &headers, body.as_bytes()).status, 200);

    let refused = login("wrong");
    assert_eq!(refused.status, 500);
    for part in ["<faultcode>sf:INVALID_LOGIN<", "<sf:LoginFault ", "<sf:exceptionCode>INVALID_LOGIN<"] {
        assert!(refused.text().contains(part), "{part}: {}", refused.text());
    }
}

#[test]
fn an_expired_session_is_refused_until_the_next_login() {
    let site = Site::quick();
    let token = site.token();
    let headers = [("Authorization", format!("Bearer {token}"))];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let limits = "/services/data/v60.0/limits";
    assert_eq!(site.json("GET", limits, &headers, "").0, 200);
    site.admin("/admin/sessions/expire", "");
    assert_eq!(site.json("GET", limits, &headers, "").0, 401);
    let reply = site.send("POST", "/services/intake/people/F001", &headers, b"");
    assert_eq!(reply.status, 401, "a wrong token is refused even where none is needed");
    assert!(reply.header("www-authenticate").unwrap().contains("invalid_token"));
    let fresh = format!("Bearer {}", site.token());
    assert_eq!(site.json("GET", limits, &[("Authorization", &fresh)], "").0, 200);
}

#[test]
fn described_services_that_are_not_open_want_credentials() {
    let site = Site::with(|options| options.open = false);
    let path = "/services/api/people/F001/rows";
    let csv = ("Content-Type", "text/csv");
    assert_eq!(site.json("POST", path, &[csv], "F001\nU1\n").0, 401);
    let basic = format!("Basic {}", STANDARD.encode("gateway:reference-secret"));
    assert_eq!(site.json("POST", path, &[csv, ("Authorization", &basic)], "F001\nU1\n").0, 200);
    let basic = format!("Basic {}", STANDARD.encode("gateway:wrong"));
    assert_eq!(site.json("POST", path, &[csv, ("Authorization", &basic)], "F001\nU1\n").0, 401);
    let (status, error) = site.json("POST", "/services/oauth2/token", &[], "grant_type=password");
    assert_eq!((status, &error["error"]), (400, &"unsupported_grant_type".into()));
    let (status, error) = site.json(
        "POST",
        "/services/oauth2/token",
        &[("Authorization", &basic)],
        "grant_type=client_credentials",
    );
    assert_eq!((status, &error["error"]), (401, &"invalid_client".into()));
}

#[test]
fn the_days_calls_run_out_and_come_back() {
    let site = Site::with(|options| options.model.daily_quota = 2);
    let path = "/services/api/people/F001/rows";
    let csv = [("Content-Type", "text/csv")];
    assert_eq!(site.json("POST", path, &csv, "F001\nU1\n").0, 200);
    assert_eq!(site.json("POST", path, &csv, "F001\nU2\n").0, 200);
    let reply = site.send("POST", path, &csv, b"F001\nU3\n");
    assert_eq!(reply.status, 429);
    assert!(reply.header("retry-after").unwrap().parse::<u64>().unwrap() > 80_000);
    assert!(reply.header("ratelimit").unwrap().starts_with("\"day\";r=0;t="));
    let token = format!("Bearer {}", site.token());
    let (status, error) = site.json("GET", "/services/data/v60.0/limits", &[("Authorization", &token)], "");
    assert_eq!((status, &error[0]["errorCode"]), (403, &"REQUEST_LIMIT_EXCEEDED".into()));
    site.admin("/admin/new-day", "");
    assert_eq!(site.json("POST", path, &csv, "F001\nU3\n").0, 200);
    assert_eq!(site.stats()["quota_refusals"], 2);
}

#[test]
fn a_jwt_is_taken_by_its_signature_and_its_claims() {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let path = std::env::temp_dir().join(format!("sekisho-cloud-jwt-{}.pem", std::process::id()));
    let der = AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(key.public_key()).unwrap();
    let pem =
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der.as_ref()));
    std::fs::write(&path, pem).unwrap();
    let site = Site::with(|options| options.jwt_key = Some(path.clone()));
    std::fs::remove_file(&path).unwrap();

    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let login = |claims: Json| {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        let form =
            format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
        site.json("POST", "/services/oauth2/token", &[], &form)
    };
    let good =
        json!({"iss": "gateway", "sub": "user", "aud": "https://login.example.test", "exp": now + 120});
    let with = |name: &str, value: Json| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    assert_eq!(login(good.clone()).0, 200);
    assert_eq!(login(with("exp", json!((now + 60).to_string()))).0, 200, "a number as a string");
    assert_eq!(login(with("exp", json!(now + 182))).0, 200, "the longest time, rounded up by another clock");
    for wrong in [
        with("exp", json!(now + 600)),
        with("exp", json!(now - 1)),
        with("iss", json!("other")),
        with("aud", json!("https://elsewhere.example")),
    ] {
        let (status, error) = login(wrong);
        assert_eq!((status, &error["error"]), (400, &"invalid_grant".into()));
    }
}

#[test]
fn the_push_service_fails_as_such_services_do() {
    let site = Site::with(|options| options.push_quota = 3);
    let send = |account: &str, text: &str| {
        let body = json!({"account": account, "text": text}).to_string();
        site.json("POST", "/services/push/messages", &[], &body)
    };
    assert_eq!(send("a", "hello").0, 202);
    assert_eq!(send("wrong-name", "hello").0, 404);
    assert_eq!(send("a", &"あ".repeat(493)).0, 400);
    assert_eq!(send("a", &"あ".repeat(492)).0, 202);
    assert_eq!(send("a", "3").0, 202);
    assert_eq!(send("a", "4").0, 429);
    let (_, feed) = site.json("GET", "/services/application/errors?after=1", &[], "");
    assert_eq!(feed["errors"][0]["code"], "TEXT_TOO_LONG");
    site.admin(
        "/admin/application",
        r#"{"state":"down","code":"ACCOUNT_UNKNOWN","message":"no such account"}"#,
    );
    let (_, state) = site.json("GET", "/services/application/state", &[], "");
    assert_eq!((&state["state"], &state["last_error"]["number"]), (&"down".into(), &3.into()));
}
