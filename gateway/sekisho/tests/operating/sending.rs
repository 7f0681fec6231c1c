//! `sekisho send` against a running gateway.

use crate::running::{Gateway, Site, said, text};

#[test]
fn a_refusal_is_said_for_people_and_as_json() {
    let gateway = Gateway::start(Site::new());
    let bad = gateway.site.write("bad.csv", "Code\r\nA\r\nCANARY\r\n");
    let route = gateway.route();
    for door in ["swa", "soap-base64", "rest-csv"] {
        let send = ["send", text(&bad), "--to", &route, "--door", door];
        let (code, out, err) = said(&send);
        assert_eq!((code, out.as_str()), (2, ""), "{door}: {err}");
        assert!(err.contains("record 2, Code (line 3, column 1): cvc-"), "{door}: {err}");

        let (code, out, err) = said(&[&send[..], &["--language", "ja"]].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{door}: {err}");
        assert!(
            err.contains("受け付けられませんでした") && err.contains("レコード2、Code（3行1文字目）"),
            "{door}: {err}"
        );

        let (code, out, err) = said(&[&send[..], &["--json"]].concat());
        assert_eq!((code, err.as_str()), (2, ""), "{door}: {out}");
        let problem: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert!(problem["code"].is_string() && problem["id"].is_string(), "{door}: {out}");
        assert_eq!(problem["errors"][0]["record"], 2, "{door}: {out}");
        assert!(!out.contains("CANARY"), "a value of the payload must not be shown: {out}");
    }
}

#[test]
fn a_file_is_sent_as_what_its_ending_says_by_every_door() {
    const JSON: &str = r#"[{"Code":"A"},{"Code":"A"}]"#;
    const XML: &str = r#"<Rows xmlns="urn:t"><Row><Code>A</Code></Row><Row><Code>A</Code></Row></Rows>"#;
    let gateway = Gateway::start(Site::new());
    let file = |name: &str, content: &str| gateway.site.write(name, content);
    let (json, xml) = (file("rows.json", JSON), file("rows.xml", XML));
    let ndjson = file("rows.ndjson", "{\"Code\":\"A\"}\n{\"Code\":\"A\"}\n");
    let (rows, shouted) = (file("rows.csv", "Code\r\nA\r\nA\r\n"), file("ROWS.XML", XML));
    let (nameless, lines) =
        (file("rows", "Code\nA\nA\n"), file("rows.jsonl", "{\"Code\":\"A\"}\n{\"Code\":\"A\"}\n"));
    let route = gateway.route();
    let taken = |door: &str, file: &std::path::Path, more: &[&str]| {
        let send = ["send", text(file), "--to", &route, "--door", door, "--wait", "0", "--json"];
        let (code, out, err) = said(&[&send[..], more].concat());
        // Taken, and not delivered: the cloud says nothing.
        assert_eq!(code, 5, "{door}, {}: {out}{err}", file.display());
        let receipt: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(receipt["records"], 2, "{door}, {}: {out}", file.display());
    };
    for door in ["swa", "soap-base64"] {
        for file in [&json, &xml, &ndjson, &rows, &shouted, &nameless, &lines] {
            taken(door, file, &[]);
        }
    }
    taken("soap-xml", &xml, &[]);

    // A door that is named after a format sends that, and whoever says what a file is, is believed.
    let (bare, windows) = (file("json.dat", JSON), gateway.site.path("rows.txt"));
    std::fs::write(&windows, b"Code\nA\nA\n").unwrap();
    taken("rest-json", &bare, &[]);
    for (door, file) in [("rest-csv", &rows), ("rest-ndjson", &lines), ("rest-xml", &xml)] {
        taken(door, file, &[]);
    }
    for door in ["swa", "soap-base64", "rest-csv"] {
        taken(door, &bare, &["--content-type", "application/json"]);
        taken(door, &windows, &["--content-type", "text/csv; charset=Windows-31J"]);
        let (code, out, _) = said(&["send", text(&bare), "--to", &route, "--door", door, "--json"]);
        assert_eq!(code, 2, "{door}: nothing but its ending tells what a file is: {out}");
    }
}

#[test]
fn what_cannot_be_sent_is_json_too() {
    let gateway = Gateway::start(Site::new());
    let rows = gateway.site.write("rows.csv", "Code\r\nA\r\n");
    let nowhere = format!("http://{}/nowhere", gateway.address("one"));
    let (code, out, _) = said(&["send", text(&rows), "--to", &nowhere, "--json"]);
    let problem: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, problem["status"].as_u64()), (2, Some(404)), "{out}");
    let (code, out, _) = said(&["send", "no-such-file.csv", "--to", &gateway.route(), "--json"]);
    let problem: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, problem["code"].as_str()), (3, Some("file-unreadable")), "{out}");
    // What answers there is no gateway: the admin listener knows no SOAP.
    let (code, out, _) = said(&["send", text(&rows), "--to", &gateway.admin(), "--json"]);
    let problem: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, problem["code"].as_str()), (2, Some("answer-unknown")), "{out}");
}
