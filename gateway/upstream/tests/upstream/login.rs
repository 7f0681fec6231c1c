use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sekisho_upstream::{EndpointConfig, LoginConfig, LoginError, Look, Upstream};

use crate::server::{Server, answer, ok, request};

/// A token endpoint that keeps what it was sent and numbers its tokens.
async fn tokens(extra: &'static str) -> (Server, Arc<Mutex<Vec<(String, String)>>>) {
    let seen: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let kept = Arc::clone(&seen);
    let server = Server::start(move |mut stream, _| {
        let kept = Arc::clone(&kept);
        async move {
            while let Some((head, body)) = request(&mut stream).await {
                let number = {
                    let mut kept = kept.lock().expect("lock");
                    kept.push((head, String::from_utf8(body).expect("a form")));
                    kept.len()
                };
                let body = format!(r#"{{"access_token":"secret-{number}","token_type":"Bearer"{extra}}}"#);
                answer(&mut stream, &ok(&body)).await;
            }
        }
    })
    .await;
    (server, seen)
}

fn open(server: &Server, login: LoginConfig) -> Result<Upstream, LoginError> {
    Upstream::open("cloud", &EndpointConfig { login: Some(login), ..server.config() })
}

fn client_credentials(server: &Server, secret: &std::path::Path) -> LoginConfig {
    LoginConfig::ClientCredentials {
        token_url: format!("http://{}/services/oauth2/token", server.address),
        client_id: "gate way".into(),
        client_secret_file: secret.to_owned(),
        scope: Some("api rows".into()),
    }
}

#[tokio::test]
async fn client_credentials_are_sent_once_and_renewed_by_the_first_who_finds_them_expired() {
    let (server, seen) = tokens("").await;
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "s:e&c\n").expect("written");
    let upstream = open(&server, client_credentials(&server, &secret)).expect("an upstream");
    let tokens = upstream.tokens().expect("a login");
    let first = tokens.token().await.expect("a token");
    assert_eq!(tokens.token().await.expect("kept"), first);
    assert_eq!(first.secret(), "secret-1");
    assert_eq!(first.bearer(), "Bearer secret-1");
    assert!(first.bearer().is_sensitive() && !format!("{first:?}").contains("secret"));
    {
        let seen = seen.lock().expect("lock");
        assert_eq!(seen.len(), 1);
        let (head, form) = &seen[0];
        assert!(head.starts_with("POST /services/oauth2/token HTTP/1.1\r\n"), "{head}");
        let credentials = STANDARD.encode("gate+way:s%3Ae%26c");
        assert!(head.contains(&format!("authorization: Basic {credentials}\r\n")), "{head}");
        assert!(head.contains("content-type: application/x-www-form-urlencoded\r\n"), "{head}");
        assert_eq!(form, "grant_type=client_credentials&scope=api+rows");
    }
    // Ten find it expired at once: one logs in.
    let all: Vec<_> = (0..10)
        .map(|_| {
            let (tokens, first) = (tokens.clone(), first.clone());
            tokio::spawn(async move { tokens.renew(&first).await.expect("renewed") })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.expect("joined").secret(), "secret-2");
    }
    assert_eq!(seen.lock().expect("lock").len(), 2);
}

#[tokio::test]
async fn a_login_whose_new_tokens_are_refused_is_not_seen_to_work_by_issuing_another() {
    let (server, _) = tokens("").await;
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "s").expect("written");
    let upstream = open(&server, client_credentials(&server, &secret)).expect("an upstream");
    let tokens = upstream.tokens().expect("a login");
    let first = tokens.token().await.expect("a token");
    assert_eq!(tokens.look().await.expect("a token"), Look::LoggedIn);
    // One that is no longer in use proves nothing.
    tokens.refuse(&first).await;
    assert_eq!(tokens.look().await.expect("a token"), Look::LoggedIn);
    let held = tokens.token().await.expect("a token");
    let renewed = tokens.renew(&held).await.expect("renewed");
    tokens.refuse(&renewed).await;
    for _ in 0..2 {
        assert_eq!(tokens.look().await.expect("a token"), Look::Refused);
    }
    // What comes of another try is not known before its answer.
    tokens.token().await.expect("a token");
    assert_eq!(tokens.look().await.expect("a token"), Look::LoggedIn);
}

#[tokio::test]
async fn a_token_about_to_expire_by_its_own_statement_is_not_used() {
    let (server, seen) = tokens(r#","expires_in":0"#).await;
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "x").expect("written");
    let upstream = open(&server, client_credentials(&server, &secret)).expect("an upstream");
    let tokens = upstream.tokens().expect("a login");
    assert_eq!(tokens.token().await.expect("a token").secret(), "secret-1");
    assert_eq!(tokens.token().await.expect("a token").secret(), "secret-2");
    assert_eq!(seen.lock().expect("lock").len(), 2);
}

#[tokio::test]
async fn a_jwt_assertion_is_signed_with_the_key_and_short_lived() {
    let (server, seen) = tokens("").await;
    let folder = tempfile::tempdir().expect("a folder");
    let key = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der: Pkcs8V1Der<'_> = key.as_der().expect("encoded");
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD
            .encode(der.as_ref())
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).expect("ASCII"))
            .collect::<Vec<_>>()
            .join("\n")
    );
    let key_file = folder.path().join("key.pem");
    std::fs::write(&key_file, pem).expect("written");
    let login = LoginConfig::JwtBearer {
        token_url: format!("http://{}/token", server.address),
        client_id: "client".into(),
        subject: "user@example.test".into(),
        audience: "https://login.example.test".into(),
        key_file,
        lifetime_seconds: 170,
    };
    let upstream = open(&server, login).expect("an upstream");
    assert_eq!(upstream.tokens().expect("a login").token().await.expect("a token").secret(), "secret-1");
    let (_, form) = seen.lock().expect("lock")[0].clone();
    let assertion = form
        .strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=")
        .expect("the grant");
    let (signed, signature) = assertion.rsplit_once('.').expect("three parts");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref())
        .verify(signed.as_bytes(), &signature)
        .expect("the signature holds");
    let (header, claims) = signed.split_once('.').expect("two parts");
    let decoded = |part: &str| -> serde_json::Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
    };
    assert_eq!(decoded(header), serde_json::json!({"alg": "RS256", "typ": "JWT"}));
    let claims = decoded(claims);
    assert_eq!((&claims["iss"], &claims["sub"]), (&"client".into(), &"user@example.test".into()));
    assert_eq!(claims["aud"], "https://login.example.test");
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let left = claims["exp"].as_u64().expect("a number") - now;
    assert!((100..=170).contains(&left), "{left}");
}

#[tokio::test]
async fn a_token_file_is_read_again_when_the_session_has_expired() {
    let (server, _) = tokens("").await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("session");
    std::fs::write(&path, "first\n").expect("written");
    let upstream = open(&server, LoginConfig::TokenFile { path: path.clone() }).expect("an upstream");
    let tokens = upstream.tokens().expect("a login");
    let first = tokens.token().await.expect("a token");
    let error = tokens.renew(&first).await.expect_err("nobody has put a fresh one there");
    assert_eq!(error.code(), "login-expired");
    std::fs::write(&path, "second").expect("written");
    assert_eq!(tokens.renew(&first).await.expect("fresh").secret(), "second");
}

#[tokio::test]
async fn a_token_in_a_file_is_expired_only_when_the_upstream_has_refused_it() {
    let (server, _) = tokens("").await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("session");
    std::fs::write(&path, "first\n").expect("written");
    let upstream = open(&server, LoginConfig::TokenFile { path: path.clone() }).expect("an upstream");
    let tokens = upstream.tokens().expect("a login");
    for _ in 0..3 {
        assert_eq!(tokens.look().await.expect("unchanged, and nobody has refused it"), Look::InFile);
    }
    // What somebody puts there is used from the next look on.
    std::fs::write(&path, "second").expect("written");
    assert_eq!(tokens.look().await.expect("changed"), Look::InFile);
    let second = tokens.token().await.expect("a token");
    assert_eq!(second.secret(), "second");

    tokens.renew(&second).await.expect_err("refused");
    for _ in 0..2 {
        assert_eq!(tokens.look().await.expect_err("still there").code(), "login-expired");
    }
    std::fs::write(&path, "third").expect("written");
    assert_eq!(tokens.look().await.expect("a fresh one"), Look::InFile);

    // Used once more after a refusal, it may be taken: what comes of it is not known before the answer.
    let third = tokens.token().await.expect("a token");
    tokens.renew(&third).await.expect_err("refused");
    tokens.token().await.expect("for another try");
    assert_eq!(tokens.look().await.expect("not refused again yet"), Look::InFile);

    std::fs::remove_file(&path).expect("removed");
    assert_eq!(tokens.look().await.expect_err("gone").code(), "login-file");
}

#[tokio::test]
async fn refusals_and_useless_answers_are_named_without_quoting_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "x").expect("written");
    let cases = [
        (
            "401 No",
            r#"{"error":"invalid_client","error_description":"user 田中 is wrong"}"#,
            "login-refused",
            "invalid_client",
        ),
        ("400 No", r#"{"error":"no such user 田中"}"#, "login-refused", "(-)"),
        ("200 OK", r#"{"access_token":"line\nfeed"}"#, "login-answer", "header"),
        ("200 OK", r#"{"token_type":"Bearer"}"#, "login-answer", "access_token"),
        ("200 OK", "<html>", "login-answer", "JSON"),
        ("302 Found", "", "login-refused", "302"),
    ];
    for (status, body, code, word) in cases {
        let server = Server::start(move |mut stream, _| async move {
            request(&mut stream).await;
            answer(
                &mut stream,
                &format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
            )
            .await;
        })
        .await;
        let upstream = open(&server, client_credentials(&server, &secret)).expect("an upstream");
        let error = upstream.tokens().expect("a login").token().await.expect_err(body);
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(word) && !error.to_string().contains("田中"), "{error}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_no_login_and_an_endless_life_no_panic() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "x").expect("written");
    let server = Server::start(|mut stream, _| async move {
        request(&mut stream).await;
        answer(&mut stream, &format!("HTTP/1.1 200 OK\r\n\r\n{}", " ".repeat(70 * 1024))).await;
    })
    .await;
    let upstream = open(&server, client_credentials(&server, &secret)).expect("an upstream");
    let error = upstream.tokens().expect("a login").token().await.expect_err("too long");
    assert_eq!(error.code(), "login-unreachable");
    assert!(error.to_string().contains("65536"), "{error}");

    let (server, seen) = tokens(r#","expires_in":18446744073709551615"#).await;
    let upstream = open(&server, client_credentials(&server, &secret)).expect("an upstream");
    let tokens = upstream.tokens().expect("a login");
    assert_eq!(tokens.token().await.expect("a token"), tokens.token().await.expect("the same"));
    assert_eq!(seen.lock().expect("lock").len(), 1);
}

#[tokio::test]
async fn settings_that_cannot_work_are_found_before_anything_is_opened() {
    let (server, seen) = tokens("").await;
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing");
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "\n").expect("written");
    let key = folder.path().join("key.pem");
    std::fs::write(&key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").expect("written");
    let jwt = LoginConfig::JwtBearer {
        token_url: format!("http://{}/token", server.address),
        client_id: "c".into(),
        subject: "s".into(),
        audience: "a".into(),
        key_file: key,
        lifetime_seconds: 60,
    };
    let ftp = LoginConfig::ClientCredentials {
        token_url: "ftp://x/".into(),
        client_id: "c".into(),
        client_secret_file: empty.clone(),
        scope: None,
    };
    for (login, code) in [
        (client_credentials(&server, &missing), "login-file"),
        (LoginConfig::TokenFile { path: missing.clone() }, "login-file"),
        (LoginConfig::TokenFile { path: empty }, "login-file"),
        (jwt, "login-key"),
        (ftp, "endpoint-url"),
    ] {
        let error = open(&server, login).map(|_| ()).expect_err(code);
        assert_eq!(error.code(), code, "{error}");
    }
    assert!(seen.lock().expect("lock").is_empty());
}
