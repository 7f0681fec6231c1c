//! `sekisho explain-schema`, as its users run it.

#![allow(clippy::unwrap_used)] // a test that cannot go on must end

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn explain(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sekisho"))
        .env_remove("SEKISHO_LANGUAGE")
        .arg("explain-schema")
        .args(args)
        .output()
        .unwrap()
}

fn schema(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas").join(name);
    path.to_str().unwrap().to_owned()
}

#[test]
fn json_tells_what_a_schema_is_and_costs() {
    let output = explain(&["--output", "json", &schema("attributes.xsd")]);
    assert_eq!(output.status.code(), Some(0));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let pin = Command::new(env!("CARGO_BIN_EXE_sekisho"))
        .args(["pin", &schema("attributes.xsd")])
        .output()
        .unwrap();
    assert_eq!(told["digest"].as_str().unwrap(), String::from_utf8(pin.stdout).unwrap().trim());
    let names: Vec<_> =
        told["documents"].as_array().unwrap().iter().map(|d| d["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["attributes-types.xsd", "attributes.xsd"]);
    assert!(told["compile_ms"].as_f64() > Some(0.0));
    let models = told["models"].as_array().unwrap();
    assert_eq!(models[0]["type"], "AttributeRecord");
    // The sums are those of the parts.
    let mut bytes = 0;
    for kind in ["table", "counted", "all"] {
        let of_kind: Vec<_> = models.iter().filter(|model| model["kind"] == kind).collect();
        let sum = &told["models_by_kind"][kind];
        assert_eq!(sum["number"].as_u64(), Some(of_kind.len() as u64));
        let own: u64 = of_kind.iter().map(|model| model["bytes"].as_u64().unwrap()).sum();
        assert_eq!(sum["bytes"].as_u64(), Some(own));
        bytes += own;
    }
    assert!(told["bytes"].as_u64() > Some(bytes));
    assert_eq!(told["constraints"][0]["name"], "RecordKey");
    assert!(told["constraints"][0]["least_bytes_per_record"].as_u64() >= Some(16));
    assert!(told["patterns"].as_array().unwrap().iter().all(|pattern| pattern["bytes"].as_u64() > Some(0)));
}

#[test]
fn tables_are_in_either_language() {
    let english = String::from_utf8(explain(&[&schema("household.xsd")]).stdout).unwrap();
    for head in ["digest", "Documents", "Content models", "Patterns (", "Keys, kept"] {
        assert!(english.lines().any(|line| line.starts_with(head)), "{head}: {english}");
    }
    assert!(!english.chars().any(|c| c >= 'ぁ'), "{english}");
    let japanese =
        String::from_utf8(explain(&["--language", "ja", &schema("household.xsd")]).stdout).unwrap();
    assert_eq!(japanese.lines().count(), english.lines().count());
    for head in ["ダイジェスト", "文書", "内容モデル", "パターン（", "キー（"] {
        assert!(japanese.lines().any(|line| line.starts_with(head)), "{head}: {japanese}");
    }
}

#[test]
fn refusals_have_file_line_and_rule() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, body: &str| {
        let path = folder.path().join(name);
        let text = format!("<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>\n{body}\n</xs:schema>");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let missing = file("missing.xsd", "<xs:element name='a' type='none'/>");
    let newer =
        file("newer.xsd", "<xs:complexType name='c'><xs:sequence/><xs:assert test='1'/></xs:complexType>");
    let outside = file("outside.xsd", "<xs:include schemaLocation='http://example.org/a.xsd'/>");
    let gone = folder.path().join("gone.xsd").to_str().unwrap().to_owned();
    for (path, code, english, japanese) in [
        (&missing, 2, "missing.xsd:2:", "スキーマの規則"),
        (&newer, 2, "newer.xsd:2:", "XSD 1.0で書いてください"),
        (&outside, 2, "outside.xsd:2:", "ネットワーク上"),
        (&gone, 3, "gone.xsd", "ファイルがありません"),
    ] {
        for (language, wanted) in [("en", english), ("ja", japanese)] {
            let output = explain(&["--language", language, path]);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(code), "{said}");
            assert!(output.stdout.is_empty() && said.contains(wanted), "{wanted}: {said}");
        }
    }
    let unresolved = String::from_utf8(explain(&[&missing]).stderr).unwrap();
    assert!(unresolved.contains("src-resolve"), "{unresolved}");
}

/// A bound is passed at a line of a document: every command that loads the schema says where, by which rule, how much may be
/// and what to do.
#[test]
fn what_is_too_large_is_told_by_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let head = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>\n";
    let large = format!("{head}<!--\n{}\n--></xs:schema>", "x".repeat(16 << 20));
    std::fs::write(at("large.xsd"), large).unwrap();
    std::fs::write(at("main.xsd"), format!("{head}<xs:include schemaLocation='large.xsd'/>\n</xs:schema>"))
        .unwrap();
    std::fs::write(at("a.xml"), "<a/>").unwrap();
    std::fs::write(at("s.toml"), "[[schema]]\nname = \"s\"\nrecord = \"a\"\nfile = \"main.xsd\"\n").unwrap();
    let (main, document, config) = (at("main.xsd"), at("a.xml"), at("s.toml"));
    for command in [
        &["explain-schema", &main][..],
        &["validate", "--schema", &main, &document],
        &["pin", &main],
        &["check-config", "--config", &config],
    ] {
        for (language, wanted) in [
            (
                "en",
                "limit-document-bytes: a schema document has at most 16777216 bytes, and here it has one more: make several of it",
            ),
            (
                "ja",
                "スキーマの上限 limit-document-bytes を超えています（スキーマの文書は16777216バイトまでで、",
            ),
        ] {
            let mut sekisho = Command::new(env!("CARGO_BIN_EXE_sekisho"));
            let output = sekisho.args(command).args(["--language", language]).output().unwrap();
            let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert_ne!(output.status.code(), Some(0), "{said}");
            assert!(said.contains("large.xsd:3:") && said.contains(wanted), "{command:?}: {said}");
        }
    }
}

#[test]
fn a_name_that_two_documents_declare_is_told_with_both_places() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, body) in [
        ("main.xsd", "<xs:include schemaLocation='d1.xsd'/><xs:include schemaLocation='d2.xsd'/>"),
        ("d1.xsd", "<xs:element name='a' type='xs:int'/>"),
        ("d2.xsd", "\n <xs:element name='a' type='xs:date'/>"),
    ] {
        let text = format!("<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>\n{body}</xs:schema>");
        std::fs::write(at(name), text).unwrap();
    }
    let english = String::from_utf8(explain(&[&at("main.xsd")]).stderr).unwrap();
    let wanted = "d2.xsd:3:2: sch-props-correct: the element a is declared twice, first at d1.xsd:2:1: take one of the two out, or rename it";
    assert!(english.contains(wanted), "{english}");
    let japanese = String::from_utf8(explain(&["--language", "ja", &at("main.xsd")]).stderr).unwrap();
    assert!(japanese.contains("要素 a が二度宣言されています。最初の宣言は d1.xsd:2:1 です。"), "{japanese}");
}
