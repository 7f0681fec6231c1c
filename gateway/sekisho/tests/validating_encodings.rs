//! `sekisho validate` on XML in every encoding: as a whole document and as records, from a file and from standard input.

#![allow(clippy::unwrap_used)] // a test that cannot go on must end

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

#[path = "../../xml/tests/data/encodings.rs"]
mod encodings;

fn validate(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sekisho"))
        .env_remove("SEKISHO_LANGUAGE")
        .args(["validate", "--schema"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/orders.xsd"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not read its input has closed it by now, perhaps.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

#[test]
fn every_mode_gives_the_same_verdict_code_and_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("document.xml");
    let file = file.to_str().unwrap();
    let mut failures = Vec::new();
    let cases = encodings::cases();
    for case in &cases {
        let document = case.document();
        std::fs::write(file, &document).unwrap();
        let label = case.label.as_ref().map_or(Vec::new(), |label| vec!["--charset", label]);
        let records = ["--record", "{urn:example:bulk}order", "--format", "xml"];
        for (mode, input, args) in [
            ("document", file, &[][..]),
            ("document", "-", &[][..]),
            ("records", file, &records[..]),
            ("records", "-", &records[..]),
        ] {
            let args = [args, &label[..], &["--output", "json", input]].concat();
            let output = validate(&args, if input == "-" { &document } else { b"" });
            let status = output.status.code();
            let said = String::from_utf8(output.stdout).unwrap();
            let objects: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let as_wanted = match (&case.refused, objects.as_slice()) {
                (None, [end]) => status == Some(0) && end["verdict"] == "valid",
                (Some(code), [violation, end]) => {
                    let byte = case.byte.unwrap().to_string();
                    status == Some(1)
                        && end["verdict"] == "invalid"
                        && violation["code"] == **code
                        && violation["line"] == 1
                        && violation["column"] == case.column.unwrap()
                        && violation["byte"] == case.byte.unwrap()
                        && violation["message"].as_str().unwrap().contains(&byte)
                        && violation["message_ja"].as_str().unwrap().contains(&byte)
                }
                _ => false,
            };
            if !as_wanted {
                failures.push(format!("{}: {mode} {input}: {status:?} {said}", case.name));
            }
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
    assert!(cases.len() > 50);
}

#[test]
fn an_encoding_that_is_not_taken_is_named_with_those_that_are() {
    for name in ["EUC-JP", "ISO-8859-1", "UTF-7"] {
        let document = format!("<?xml version='1.0' encoding='{name}'?><orders/>");
        for language in ["en", "ja"] {
            let output = validate(&["--language", language, "-"], document.as_bytes());
            assert_eq!(output.status.code(), Some(1));
            let said = String::from_utf8(output.stdout).unwrap();
            for word in [name, "UTF-8", "UTF-16", "Windows-31J", "30"] {
                assert!(said.contains(word), "{said}");
            }
        }
    }
}

/// A name of a file, or a value that is shown, is one line and reads from left to right.
#[test]
fn names_and_values_keep_to_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a\nb\u{202e}.xml");
    let value = "x\u{202e}y\u{2028}z\u{feff}";
    std::fs::write(
        &file,
        format!("<orders xmlns='urn:example:bulk'><order><order_id>{value}</order_id><amount>1</amount></order></orders>"),
    )
    .unwrap();
    let output = validate(&["--show-values", file.to_str().unwrap()], b"");
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(!said.contains(['\u{202e}', '\u{2028}', '\u{feff}']), "{said:?}");
    assert!(said.contains("a\\nb\\u{202e}.xml") && said.contains("x y z"), "{said}");
    let output = validate(&[folder.path().join("none\n.xml").to_str().unwrap()], b"");
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1);
}
