//! `sekisho validate` on records: all that is told of a document's violations is told of those of CSV, JSON, NDJSON and XML.

#![allow(clippy::unwrap_used)] // a test that cannot go on must end

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const GOOD_JSON: &str = r#"{"order_id": 1, "customer": "名", "amount": 1.5}"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn validate(format: &str, args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sekisho"))
        .env_remove("SEKISHO_LANGUAGE")
        .args(["validate", "--record", "{urn:example:bulk}order", "--format", format, "--schema"])
        .arg(root().join("schemas/orders.xsd"))
        .args(args)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not read its input has closed it by now, perhaps.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn violations(format: &str, input: &str) -> Vec<Value> {
    let output = validate(format, &["--output", "json"], input);
    assert_eq!(output.status.code(), Some(1));
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(!out.contains("CANARY"), "a value of the payload must not be shown: {out}");
    let objects = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    objects.filter(|object| object["type"] == "violation").collect()
}

fn japanese(text: &Value) -> bool {
    text.as_str().unwrap().chars().any(|c| c >= 'ぁ')
}

/// The same three mistakes at every door: a value of another type, one too long, and none at all. With them what stands
/// where each is.
fn payloads() -> Vec<(&'static str, String, [&'static str; 3])> {
    let long = "あ".repeat(201);
    let csv = format!("order_id,customer,amount,note\r\n1,名,1.5,\r\n2,{long},CANARY,\r\n3,C,,n\r\n");
    let bad = format!(r#"{{"order_id": 2, "customer": "{long}", "amount": "CANARY"}}"#);
    let gap = r#"{"note": "n", "order_id": 3, "customer": "C"}"#;
    let json = format!("[{GOOD_JSON},\n {bad},\n {gap}]");
    let lines = format!("{GOOD_JSON}\n{bad}\n{gap}\n");
    let xml = format!(
        "<orders xmlns='urn:example:bulk'>\n<order><order_id>1</order_id><customer>名</customer><amount>1.5</amount></order>\n\
         <order><order_id>2</order_id><customer>{long}</customer><amount>CANARY</amount></order>\n\
         <order><order_id>3</order_id><customer>C</customer><note>n</note></order></orders>"
    );
    vec![
        ("csv", csv, ["あ", "CANARY", ",n\r\n"]),
        ("json", json, ["\"あ", "\"CANARY", "{\"note\""]),
        ("ndjson", lines, ["\"あ", "\"CANARY", "{\"note\""]),
        ("xml", xml, ["<customer>あ", "<amount>CANARY", "<note>"]),
    ]
}

#[test]
fn every_violation_has_its_place_and_what_was_expected() {
    for (format, input, there) in payloads() {
        let found = violations(format, &input);
        let codes: Vec<_> = found.iter().map(|violation| violation["code"].as_str().unwrap()).collect();
        assert_eq!(codes, ["cvc-maxLength-valid", "cvc-datatype-valid", "cvc-complex-type.2.4"], "{format}");
        for (violation, there) in found.iter().zip(there) {
            let byte = violation["byte"].as_u64().unwrap() as usize;
            assert!(input[byte..].starts_with(there), "{format}: {violation}");
            let before = &input[..byte];
            assert_eq!(
                violation["line"].as_u64().unwrap() as usize,
                before.matches('\n').count() + 1,
                "{violation}"
            );
            let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
            assert_eq!(violation["column"].as_u64().unwrap() as usize, column, "{violation}");
            for key in ["expected", "found"] {
                assert!(violation[key]["en"].as_str().unwrap().is_ascii(), "{format}: {violation}");
                assert!(japanese(&violation[key]["ja"]), "{format}: {violation}");
            }
            assert!(violation["message"].as_str().unwrap().is_ascii() && japanese(&violation["message_ja"]));
        }
        let about: Vec<_> =
            found.iter().map(|v| (v["record"].as_u64().unwrap(), v["path"].as_str().unwrap())).collect();
        let wanted = [(2, "order[2]/customer[1]"), (2, "order[2]/amount[1]"), (3, "order[3]")];
        assert_eq!(about, wanted, "{format}");
        let lengths: Vec<_> =
            found.iter().map(|violation| violation["found"]["en"].as_str().unwrap()).collect();
        assert_eq!(lengths, ["201 characters", "6 characters", "element note"]);
        assert_eq!(found[2]["field"], "amount");
    }
}

#[test]
fn what_ends_a_payload_has_its_place_once() {
    for (format, input, code, there, path) in [
        (
            "csv",
            "order_id,amount\r\n1,名\"CANARY\r\n",
            "csv-quote-in-cell",
            "\"CANARY",
            Some("order[1]/amount"),
        ),
        ("json", "[{\"order_id\" 7}]", "json-syntax", "7}", Some("order[1]")),
        ("ndjson", "{\"order_id\": 1, \"amount\": \"名", "json-truncated", "", Some("order[1]/amount")),
        (
            "xml",
            "<orders xmlns='urn:example:bulk'>CANARY</orders>",
            "xml-text-between-records",
            "CANARY",
            None,
        ),
    ] {
        let found = violations(format, input);
        let [violation] = &found[..] else { panic!("{found:?}") };
        assert_eq!(
            (&violation["code"], violation["path"].as_str()),
            (&Value::from(code), path),
            "{violation}"
        );
        let byte = violation["byte"].as_u64().unwrap() as usize;
        assert!(input[byte..].starts_with(there), "{violation}");
        for key in ["expected", "found"] {
            assert!(violation[key]["en"].is_string() && violation[key]["ja"].is_string(), "{violation}");
        }
        // The place stands before the code, in text; and in members of their own in JSON.
        for key in ["message", "message_ja"] {
            let message = violation[key].as_str().unwrap();
            assert!(!message.contains("column") && !message.contains("文字目"), "{message}");
        }
        let output = validate(format, &["--language", "ja"], input);
        let text = String::from_utf8(output.stdout).unwrap();
        let (line, column) = (violation["line"].as_u64().unwrap(), violation["column"].as_u64().unwrap());
        assert!(text.starts_with(&format!("-:{line}:{column}: {code}: ")), "{text}");
    }
}

#[test]
fn sarif_has_regions_and_paths_of_records() {
    for (format, input, _) in payloads() {
        let output = validate(format, &["--output", "sarif"], &input);
        let log: Value = serde_json::from_slice(&output.stdout).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.len(), 3);
        for result in results {
            let location = &result["locations"][0];
            let region = &location["physicalLocation"]["region"];
            for key in ["startLine", "startColumn", "byteOffset"] {
                assert!(region[key].as_u64() >= Some(1), "{key}: {result}");
            }
            let path = location["logicalLocations"][0]["fullyQualifiedName"].as_str().unwrap();
            assert!(path.starts_with("order["), "{result}");
            for key in ["expected", "found"] {
                assert!(result["properties"][key]["en"].is_string(), "{result}");
            }
        }
    }
}

#[test]
fn a_schema_that_is_no_layout_is_named_and_a_folder_is_no_schema() {
    let folder = tempfile::tempdir().unwrap();
    let schema = folder.path().join("own.xsd");
    let text = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' targetNamespace='urn:o'><xs:element name='r'>\
         <xs:complexType><xs:sequence><xs:element name='m' type='xs:int' maxOccurs='9'/></xs:sequence></xs:complexType>\
         </xs:element></xs:schema>";
    std::fs::write(&schema, text).unwrap();
    let asked = |schema: &Path, language: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_sekisho"))
            .env("SEKISHO_LANGUAGE", language)
            .args(["validate", "--record", "{urn:o}r", "--format", "csv", "--schema"])
            .args([schema, schema])
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for (language, words) in [("en", "may occur more than once"), ("ja", "繰り返せます")] {
        let (code, said) = asked(&schema, language);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("own.xsd: layout-repeated-value: ") && said.contains(words), "{said}");
        let (code, said) = asked(folder.path(), language);
        assert_eq!(code, Some(3), "{said}");
    }
}

#[test]
fn of_a_record_with_more_errors_than_are_counted_there_are_at_least_so_many() {
    let record = |count: usize| format!("<order xmlns='urn:example:bulk'>{}</order>", "<x/>".repeat(count));
    for (count, told, complete) in
        [(5_000, "1000 of 50", true), (30_000, "1000 of at least 10000 violations told", false)]
    {
        let text = validate("xml", &[], &record(count));
        let text = String::from_utf8(text.stdout).unwrap();
        let last = text.lines().last().unwrap();
        assert!(last.contains(told), "{last}");
        let json = validate("xml", &["--output", "json"], &record(count));
        let end: Value =
            serde_json::from_str(String::from_utf8(json.stdout).unwrap().lines().last().unwrap()).unwrap();
        assert_eq!(end["complete"], complete, "{end}");
    }
}
