//! `sekisho validate`: many files, standard input, text, JSON and SARIF, as their users get them.

#![allow(clippy::unwrap_used)] // a test that cannot go on must end

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn data(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name).to_str().unwrap().to_owned()
}

fn validate(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sekisho"))
        .env_remove("SEKISHO_LANGUAGE")
        .args(["validate", "--schema"])
        .arg(root().join("schemas/orders.xsd"))
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

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn objects(output: &Output) -> Vec<Value> {
    out(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn japanese(text: &Value) -> bool {
    text.as_str().unwrap().chars().any(|c| c >= 'ぁ')
}

#[test]
fn json_has_an_object_for_each_violation_and_one_for_each_file() {
    let (good, bad) = (data("orders.xml"), data("orders-bad.xml"));
    let output = validate(&["--output", "json", &bad, "no-such.xml", &good, "-"], b"<cut");
    assert_eq!(code(&output), 3, "the highest of all");
    let all = objects(&output);
    let files: Vec<_> = all.iter().filter(|object| object["type"] == "file").collect();
    let verdicts: Vec<_> = files.iter().map(|file| file["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["invalid", "unreadable", "valid", "invalid"]);
    assert!(files[1]["message"].is_string() && japanese(&files[1]["message_ja"]));
    assert_eq!((&files[2]["complete"], &files[3]["complete"]), (&Value::Bool(true), &Value::Bool(false)));
    let text = std::fs::read_to_string(&bad).unwrap();
    let of_bad: Vec<_> = all.iter().filter(|o| o["type"] == "violation" && o["file"] == *bad).collect();
    assert_eq!(of_bad.len() as u64, files[0]["violations"].as_u64().unwrap());
    assert!(!of_bad.is_empty());
    for violation in of_bad {
        assert!(violation["code"].as_str().unwrap().starts_with("cvc-"), "{violation}");
        assert!(violation["message"].as_str().unwrap().is_ascii() && japanese(&violation["message_ja"]));
        assert!(violation["path"].is_string() && violation["record"].as_u64() >= Some(1), "{violation}");
        // Line, column and byte are one place: that of a tag.
        let byte = violation["byte"].as_u64().unwrap() as usize;
        assert_eq!(&text[byte..=byte], "<");
        let before = &text[..byte];
        assert_eq!(violation["line"].as_u64().unwrap() as usize, before.matches('\n').count() + 1);
        let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
        assert_eq!(violation["column"].as_u64().unwrap() as usize, column);
    }
    assert!(!out(&output).contains("CANARY"), "a value of the payload must not be shown");
    // What is after the files that fail was told as well, and comes last.
    assert_eq!(all.last().unwrap()["file"], "-");
}

#[test]
fn sarif_has_what_version_2_1_0_requires() {
    let (good, bad) = (data("orders.xml"), data("orders-bad.xml"));
    for language in ["en", "ja"] {
        let args = ["--language", language, "--output", "sarif", &bad, "no-such.xml", &good, &bad];
        let output = validate(&args, b"");
        assert_eq!(code(&output), 3);
        let log: Value = serde_json::from_str(out(&output)).unwrap();
        assert_eq!(log["version"], "2.1.0");
        assert!(log["$schema"].as_str().unwrap().ends_with("sarif-schema-2.1.0.json"));
        let run = &log["runs"][0];
        assert_eq!(log["runs"].as_array().unwrap().len(), 1);
        let driver = &run["tool"]["driver"];
        assert_eq!((&driver["name"], &driver["language"]), (&"sekisho".into(), &language.into()));
        let rules = driver["rules"].as_array().unwrap();
        for (at, rule) in rules.iter().enumerate() {
            assert!(rules[..at].iter().all(|other| other["id"] != rule["id"]), "{rule}");
            assert_eq!(rule["shortDescription"]["text"], rule["properties"][language]);
            assert!(
                rule["properties"]["en"].as_str().unwrap().is_ascii() && japanese(&rule["properties"]["ja"])
            );
        }
        let results = run["results"].as_array().unwrap();
        assert!(
            results.len() >= 4 && results.len().is_multiple_of(2),
            "the same file twice: {}",
            results.len()
        );
        for result in results {
            let index = result["ruleIndex"].as_u64().unwrap() as usize;
            assert_eq!(rules[index]["id"], result["ruleId"]);
            assert_eq!(result["level"], "error");
            assert_eq!(japanese(&result["message"]["text"]), language == "ja", "{result}");
            let place = &result["locations"][0]["physicalLocation"];
            assert!(place["artifactLocation"]["uri"].as_str().unwrap().ends_with("orders-bad.xml"));
            for key in ["startLine", "startColumn", "byteOffset"] {
                assert!(place["region"][key].as_u64() >= Some(1), "{key}: {result}");
            }
        }
        let invocation = &run["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], false);
        assert_eq!(invocation["toolExecutionNotifications"].as_array().unwrap().len(), 1);
        assert!(!out(&output).contains("CANARY"));
    }
    let clean: Value = serde_json::from_str(out(&validate(&["--output", "sarif", &good], b""))).unwrap();
    assert_eq!(clean["runs"][0]["results"], Value::Array(Vec::new()));
    assert_eq!(clean["runs"][0]["invocations"][0]["executionSuccessful"], true);
}

/// What the schema of SARIF 2.1.0 (OASIS, `sarif-schema-2.1.0.json`) requires of the objects that are written here, and which
/// of its properties these have; it allows no others. The schema itself is OASIS's to pass on.
const SARIF: &[(&str, &[&str], &[&str])] = &[
    ("sarifLog", &["version", "runs"], &["$schema", "version", "runs"]),
    ("run", &["tool"], &["tool", "invocations", "results", "columnKind"]),
    ("tool", &["driver"], &["driver"]),
    ("toolComponent", &["name"], &["name", "version", "language", "rules"]),
    ("reportingDescriptor", &["id"], &["id", "shortDescription", "properties"]),
    ("result", &["message"], &["ruleId", "ruleIndex", "level", "message", "locations", "properties"]),
    ("message", &["text"], &["text"]),
    ("multiformatMessageString", &["text"], &["text"]),
    ("location", &[], &["physicalLocation", "logicalLocations"]),
    ("physicalLocation", &["artifactLocation"], &["artifactLocation", "region"]),
    ("artifactLocation", &[], &["uri"]),
    ("region", &[], &["startLine", "startColumn", "byteOffset"]),
    ("logicalLocation", &[], &["fullyQualifiedName", "kind"]),
    ("invocation", &["executionSuccessful"], &["executionSuccessful", "toolExecutionNotifications"]),
    ("notification", &["message"], &["level", "message", "locations"]),
];

/// What is in a property, by the object's kind; plain values have none.
fn kind_of(property: &str) -> Option<&'static str> {
    Some(match property {
        "runs" => "run",
        "tool" => "tool",
        "driver" => "toolComponent",
        "rules" => "reportingDescriptor",
        "shortDescription" => "multiformatMessageString",
        "results" => "result",
        "message" => "message",
        "locations" => "location",
        "physicalLocation" => "physicalLocation",
        "artifactLocation" => "artifactLocation",
        "region" => "region",
        "logicalLocations" => "logicalLocation",
        "invocations" => "invocation",
        "toolExecutionNotifications" => "notification",
        _ => return None,
    })
}

fn assert_sarif(kind: &str, value: &Value) {
    if let Some(items) = value.as_array() {
        return items.iter().for_each(|item| assert_sarif(kind, item));
    }
    let (_, required, known) = SARIF.iter().find(|(name, ..)| *name == kind).unwrap();
    let object = value.as_object().unwrap_or_else(|| panic!("{kind}: {value}"));
    assert!(required.iter().all(|name| object.contains_key(*name)), "{kind}: {value}");
    for (name, inner) in object {
        assert!(known.contains(&name.as_str()), "{kind} has no {name}: {value}");
        match (kind_of(name), name.as_str()) {
            (Some(inner_kind), _) => assert_sarif(inner_kind, inner),
            (None, "startLine" | "startColumn") => assert!(inner.as_u64() >= Some(1), "{value}"),
            (None, "byteOffset" | "ruleIndex") => assert!(inner.is_u64(), "{value}"),
            (None, "level") => {
                assert!(["note", "warning", "error"].iter().any(|level| inner == level), "{value}")
            }
            (None, "executionSuccessful") => assert!(inner.is_boolean(), "{value}"),
            (None, "properties") => assert!(inner.is_object(), "{value}"),
            (None, _) => assert!(inner.is_string(), "{kind} {name}: {value}"),
        }
    }
}

#[test]
fn sarif_has_the_shape_of_its_schema() {
    let (good, bad) = (data("orders.xml"), data("orders-bad.xml"));
    let csv = data("orders-bad.csv");
    let records = ["--record", "{urn:example:bulk}order", "--format", "csv"];
    for (args, input) in [
        (vec![&*bad, "no-such.xml", &good], &b""[..]),
        (vec!["--max-errors", "1", "--language", "ja", &bad], b""),
        (vec!["-"], b"<cut"),
        (vec![&good], b""),
        ([&records[..], &[&*csv]].concat(), b""),
        ([&records[..], &["-"]].concat(), b"order_id,amount\n1,2\"3\n"),
    ] {
        let output = validate(&[&["--output", "sarif"], &args[..]].concat(), input);
        assert_sarif("sarifLog", &serde_json::from_str(out(&output)).unwrap());
    }
}

#[test]
fn many_files_are_told_in_their_order_however_many_are_checked_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let good = std::fs::read_to_string(data("orders.xml")).unwrap();
    let bad = std::fs::read_to_string(data("orders-bad.xml")).unwrap();
    // Every third file is bad, and one of them has far more violations than wait for their turn.
    let mut flood = bad.clone();
    let at = flood.rfind("</").unwrap();
    flood.insert_str(at, &"<nothing/>".repeat(3000));
    let files: Vec<String> = (0..40)
        .map(|number| {
            let path = folder.path().join(format!("{number:02}.xml"));
            let text = if number == 7 {
                &flood
            } else if number % 3 == 0 {
                &bad
            } else {
                &good
            };
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        })
        .collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let run = |jobs: &str| validate(&[&["--output", "json", "--jobs", jobs], &files[..]].concat(), b"");
    let one = run("1");
    assert_eq!(code(&one), 1);
    for jobs in ["2", "7", "64"] {
        assert_eq!(out(&run(jobs)), out(&one), "{jobs} jobs");
    }
    let ends: Vec<Value> = objects(&one).into_iter().filter(|object| object["type"] == "file").collect();
    let order: Vec<_> = ends.iter().map(|file| file["file"].as_str().unwrap()).collect();
    assert_eq!(order, files);
    assert_eq!(ends[7]["told"], 1000);
    assert!(ends[7]["violations"].as_u64().unwrap() >= 3000);
}

#[test]
fn no_more_violations_are_told_than_asked_for_and_all_are_counted() {
    let bad = data("orders-bad.xml");
    let all = out(&validate(&[&bad], b"")).lines().count() as u64;
    assert!(all > 1);
    let output = validate(&["--max-errors", "1", &bad], b"");
    assert_eq!(code(&output), 1);
    let lines: Vec<_> = out(&output).lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[1].ends_with(&format!("1 of {all} violations told")), "{lines:?}");
    let records = ["--record", "{urn:example:bulk}order", "--format", "csv", "--max-errors", "1"];
    let mut csv = std::fs::read_to_string(data("orders-bad.csv")).unwrap();
    let last = csv.lines().nth(2).unwrap().to_owned();
    csv.push_str(&last);
    let output = validate(&[&records[..], &["--output", "json", "-"]].concat(), csv.as_bytes());
    let all = objects(&output);
    assert_eq!(all.iter().filter(|object| object["type"] == "violation").count(), 1);
    let end = all.last().unwrap();
    assert_eq!((&end["told"], end["violations"].as_u64() > Some(1)), (&Value::from(1), true), "{end}");
    // What ends the check is told in any case.
    let cut = validate(&["--max-errors", "1", "-"], b"<bulk xmlns='urn:x'><a");
    assert!(out(&cut).contains("document-not-well-formed"), "{}", out(&cut));
}

#[test]
fn standard_input_is_a_file_like_others_but_there_is_one() {
    let good = std::fs::read(data("orders.xml")).unwrap();
    let output = validate(&["-"], &good);
    assert_eq!((code(&output), out(&output)), (0, ""));
    let output = validate(&["--language", "ja", "-"], &std::fs::read(data("orders-bad.xml")).unwrap());
    assert_eq!(code(&output), 1);
    for line in out(&output).lines() {
        assert!(line.starts_with("-:") && line.chars().any(|c| c >= 'ぁ'), "{line}");
    }
    assert_eq!(code(&validate(&["-", "-"], &good)), 64);
    for wrong in [["--jobs", "0", "-"], ["--max-errors", "0", "-"], ["--output", "xml", "-"]] {
        assert_eq!(code(&validate(&wrong, &good)), 64, "{wrong:?}");
    }
}

#[test]
fn values_are_shown_to_those_who_ask() {
    let bad = data("orders-bad.xml");
    let hidden = validate(&[&bad], b"");
    assert!(!out(&hidden).contains("CANARY"));
    let shown = validate(&["--show-values", &bad], b"");
    assert!(out(&shown).contains("CANARY"), "{}", out(&shown));
    let records = ["--record", "{urn:example:bulk}order", "--format", "xml"];
    let shown = validate(&[&records[..], &["--show-values", &bad]].concat(), b"");
    assert!(out(&shown).contains("CANARY"), "{}", out(&shown));
}
