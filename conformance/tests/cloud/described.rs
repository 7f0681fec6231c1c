//! The described services: SOAP, SwA, REST.

use crate::{SOAP_11, Site, envelope, rows};

#[test]
fn put_records_answers_one_result_a_row_and_holds_the_rows() {
    let site = Site::quick();
    let reply =
        site.put_records("<row><F001>U1</F001><F002>a &amp; b</F002></row><row><F002>no key</F002></row>");
    assert_eq!(reply.status, 200);
    let text = reply.text();
    assert!(text.contains("<accepted>1</accepted><rejected>1</rejected>"), "{text}");
    assert!(
        text.contains("<result><key>U1</key><success>true</success><created>true</created></result>"),
        "{text}"
    );
    assert!(text.contains("<code>REQUIRED_FIELD_MISSING</code><field>F001</field>"), "{text}");

    let dump = site.send("GET", "/admin/rows/people?format=ndjson", &[], b"").text();
    assert_eq!(
        dump,
        "{\"changes\":1,\"key\":\"U1\",\"row\":{\"F001\":\"U1\",\"F002\":\"a & b\"},\"writes\":1}\n"
    );
    let dump = site.send("GET", "/admin/rows/people", &[], b"").text();
    assert_eq!(dump, "_key,_writes,_changes,F001,F002\nU1,1,1,U1,a & b\n");
}

#[test]
fn a_row_replaces_the_one_before_and_null_is_not_empty() {
    let site = Site::quick();
    site.put_records("<row><F001>U1</F001><F002>1</F002><F003>x</F003></row>");
    let nil = "<row xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><F001>U1</F001><F002 xsi:nil=\"true\"/><F004/></row>";
    assert!(site.put_records(nil).text().contains("<created>false</created>"));
    let dump = site.send("GET", "/admin/rows/people?format=ndjson", &[], b"").text();
    assert!(dump.contains("{\"F001\":\"U1\",\"F002\":null,\"F004\":\"\"},\"writes\":2"), "{dump}");
    assert_eq!(site.stats()["objects"]["people"]["repeated_effects"], 1);
}

#[test]
fn the_same_key_twice_in_a_call_is_refused_twice() {
    let site = Site::quick();
    let text = site.put_records("<row><F001>U1</F001></row><row><F001>U1</F001></row>").text();
    assert_eq!(text.matches("DUPLICATE_VALUE").count(), 2);
    assert_eq!(site.stats()["rows_written"], 0);
}

#[test]
fn an_operation_field_deletes_rows() {
    let site = Site::quick();
    site.put_records(&rows(2));
    let body = envelope(
        "<row><F000>delete</F000><F001>U0</F001></row><row><F000>upsert</F000><F001>U5</F001></row>",
    );
    let reply = site.send("POST", "/services/intake/people/F001?operation=F000", &SOAP_11, body.as_bytes());
    assert_eq!(reply.status, 200);
    let mut keys: Vec<String> = site
        .send("GET", "/admin/rows/people", &[], b"")
        .text()
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap().to_owned())
        .collect();
    keys.sort();
    assert_eq!(keys, ["U1", "U5"]);
    assert!(!site.send("GET", "/admin/rows/people", &[], b"").text().contains("upsert"));
}

#[test]
fn soap_1_2_is_answered_in_its_version_and_what_is_no_soap_by_a_fault() {
    let site = Site::quick();
    let body = envelope(&rows(1))
        .replace("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope");
    let reply = site.send(
        "POST",
        "/services/intake/people/F001",
        &[("Content-Type", "application/soap+xml")],
        body.as_bytes(),
    );
    assert_eq!(reply.status, 200);
    assert!(reply.text().contains("http://www.w3.org/2003/05/soap-envelope"));

    let reply = site.send("POST", "/services/intake/people/F001", &SOAP_11, body.as_bytes());
    assert_eq!(reply.status, 500, "a 1.2 envelope under the 1.1 media type");
    for broken in [
        "<a/>".to_owned(),
        envelope("<row><F001>U1</F001></row>").replace("</s:Body>", ""),
        format!("<!DOCTYPE x [<!ENTITY e \"x\">]>{}", envelope("<row><F001>&e;</F001></row>")),
        envelope("<row><F001>U1</F001><F001>U2</F001></row>"),
        envelope("<row><F001><deep/></F001></row>"),
        envelope("<column/>"),
        format!("{}<more/>", envelope("")),
    ] {
        let reply = site.send("POST", "/services/intake/people/F001", &SOAP_11, broken.as_bytes());
        assert_eq!(reply.status, 500, "{broken}");
        assert!(reply.text().contains("<code>XML_PARSER_ERROR</code>"), "{}", reply.text());
    }
    assert_eq!(site.stats()["objects"]["people"]["rows"], 1);
}

#[test]
fn find_records_names_those_that_are_held() {
    let site = Site::quick();
    site.put_records(&rows(3));
    let body = envelope("")
        .replace("putRecords", "findRecords")
        .replace("</findRecords>", "<key>U1</key><key>U9</key></findRecords>");
    let text = site.send("POST", "/services/intake/people/F001", &SOAP_11, body.as_bytes()).text();
    assert!(text.contains("<found><key>U1</key></found>") && !text.contains("U9"), "{text}");
}

#[test]
fn an_add_is_an_effect_each_time() {
    let site = Site::quick();
    let body = envelope(&rows(2)).replace("putRecords", "addRecords");
    for _ in 0..2 {
        assert_eq!(site.send("POST", "/services/intake/people/F001", &SOAP_11, body.as_bytes()).status, 200);
    }
    assert_eq!(site.stats()["objects"]["people"]["repeated_effects"], 2);
}

#[test]
fn the_wsdl_names_its_own_address() {
    let site = Site::quick();
    let reply = site.send("GET", "/services/intake/people/F001?wsdl", &[], b"");
    assert_eq!(reply.status, 200);
    let address = format!("location=\"http://{}/services/intake/people/F001\"", site.peer.authority());
    assert!(reply.text().contains(&address));
}

fn swa(part: &str, href: &str) -> String {
    format!(
        "--b\r\nContent-Type: text/xml\r\nContent-ID: <root>\r\n\r\n\
         <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
         <putFile xmlns=\"urn:example:city-cloud:intake:1\"><file href=\"cid:{href}\"/></putFile></s:Body></s:Envelope>\r\n\
         --b\r\nContent-ID: <rows.csv>\r\n{part}\r\n--b--\r\n"
    )
}

#[test]
fn an_attached_file_is_taken() {
    let site = Site::quick();
    let headers = [("Content-Type", "multipart/related; boundary=b; type=\"text/xml\"; start=\"<root>\"")];
    let plain = swa("Content-Type: text/csv\r\n\r\nF001,F002\r\nU1,\"a\r\nb\"\r\nU2,\r\n", "rows.csv");
    let reply = site.send("POST", "/services/swa/people/F001", &headers, plain.as_bytes());
    assert_eq!(reply.status, 200);
    assert!(reply.text().contains("<putFileResponse"), "{}", reply.text());
    let coded = "Content-Type: text/csv\r\nContent-Transfer-Encoding: base64\r\n\r\nRjAwMQpV\r\nMwo=\r\n";
    assert_eq!(
        site.send("POST", "/services/swa/people/F001", &headers, swa(coded, "rows.csv").as_bytes()).status,
        200
    );
    assert_eq!(site.stats()["objects"]["people"]["rows"], 3);

    for wrong in
        [swa("Content-Type: text/csv\r\n\r\nF001\r\nU9\r\n", "other"), plain.replace("--b--", "--c--")]
    {
        assert_eq!(site.send("POST", "/services/swa/people/F001", &headers, wrong.as_bytes()).status, 500);
    }
    assert_eq!(site.stats()["objects"]["people"]["rows"], 3);
}

#[test]
fn every_rest_format_makes_the_same_rows() {
    let site = Site::quick();
    for (media, body) in [
        ("text/csv; charset=utf-8", "F001,F002,F003\r\nU1,1.50,\"x,y\"\r\n"),
        ("application/json", r#"[{"F001":"U1","F002":1.50,"F003":"x,y"}]"#),
        ("application/x-ndjson", "{\"F001\":\"U1\",\"F002\":\"1.50\",\"F003\":\"x,y\"}\n"),
        (
            "application/xml",
            "<rows><row><F001>U1</F001><F002>1.50</F002><F003><![CDATA[x,y]]></F003></row></rows>",
        ),
    ] {
        let (status, body) =
            site.json("POST", "/services/api/people/F001/rows", &[("Content-Type", media)], body);
        assert_eq!((status, &body["accepted"]), (200, &1.into()), "{media}");
        assert_eq!(body["results"][0]["key"], "U1");
    }
    let counts = &site.stats()["objects"]["people"];
    assert_eq!(
        (&counts["rows"], &counts["writes"], &counts["repeated_effects"]),
        (&1.into(), &4.into(), &0.into())
    );
}

#[test]
fn rest_refuses_what_it_cannot_read() {
    let site = Site::quick();
    for (media, body, status) in [
        ("text/csv", "F001,F002\r\nU1\r\n", 400),
        ("application/json", "[{\"F001\":\"U1\"", 400),
        ("application/json", r#"[{"F001":{"deep":1}}]"#, 400),
        ("image/png", "x", 415),
    ] {
        let (found, body) =
            site.json("POST", "/services/api/people/F001/rows", &[("Content-Type", media)], body);
        assert_eq!(found, status);
        assert!(body["code"].is_string());
    }
    assert_eq!(site.send("GET", "/services/api/people/F001/rows", &[], b"").status, 405);
    assert_eq!(site.stats()["rows_written"], 0);
}

#[test]
fn single_rows_are_put_read_and_deleted() {
    let site = Site::quick();
    let path = "/services/api/people/F001/rows/U1";
    assert_eq!(site.json("PUT", path, &[], r#"{"F002":"1"}"#).0, 201);
    assert_eq!(site.json("PUT", path, &[], r#"{"F001":"U1","F002":"2"}"#).0, 200);
    assert_eq!(site.json("PUT", path, &[], r#"{"F001":"U2","F002":"2"}"#).0, 400);
    let (status, row) = site.json("GET", path, &[], "");
    assert_eq!((status, &row["F002"]), (200, &"2".into()));
    assert_eq!(site.send("DELETE", path, &[], b"").status, 204);
    assert_eq!(site.send("GET", path, &[], b"").status, 404);
}

#[test]
fn rows_over_the_cap_are_refused_whole() {
    let site = Site::with(|options| options.model.max_rows = 2);
    let reply = site.put_records(&rows(3));
    assert_eq!(reply.status, 413);
    assert!(reply.text().contains("EXCEEDED_MAX_SIZE_REQUEST"));
    assert_eq!(site.stats()["rows_written"], 0);
}
