//! SARIF 2.1.0 (OASIS, *Static Analysis Results Interchange Format*), written as it comes: only the rules that were
//! broken and the files that could not be read are kept until the end.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::finding::{End, Finding, Verdict};
use super::report::properties;
use crate::config::words;
use crate::language::{Language, Text, text};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// The most notes about files; the rest are counted.
const MAX_NOTES: usize = 1000;

/// A log with one run.
pub(super) struct Log {
    language: Language,
    /// Codes of the rules met so far, by their index.
    rules: Vec<&'static str>,
    results: u64,
    notes: Vec<Value>,
    untold_notes: u64,
    unreadable: bool,
}

impl Log {
    pub(super) fn new(language: Language) -> Log {
        Log { language, rules: Vec::new(), results: 0, notes: Vec::new(), untold_notes: 0, unreadable: false }
    }

    /// Results come first, and the tool with its rules when all are known.
    pub(super) fn begin(&mut self, out: &mut impl Write) -> io::Result<()> {
        write!(
            out,
            r#"{{"$schema":"{SCHEMA}","version":"2.1.0","runs":[{{"columnKind":"unicodeCodePoints","results":["#
        )
    }

    pub(super) fn result(&mut self, out: &mut impl Write, file: &Path, finding: &Finding) -> io::Result<()> {
        let known = self.rules.iter().position(|rule| *rule == finding.code);
        let index = known.unwrap_or_else(|| {
            self.rules.push(finding.code);
            self.rules.len() - 1
        });
        let mut region = json!({});
        if let Some((line, column)) = finding.place.filter(|place| place.0 > 0) {
            region["startLine"] = line.into();
            region["startColumn"] = column.max(1).into();
        }
        if let Some(byte) = finding.byte {
            region["byteOffset"] = byte.into();
        }
        let mut location = json!({ "physicalLocation": { "artifactLocation": { "uri": uri(file) } } });
        if region.as_object().is_some_and(|region| !region.is_empty()) {
            location["physicalLocation"]["region"] = region;
        }
        if let Some(path) = &finding.path {
            location["logicalLocations"] = json!([{ "fullyQualifiedName": path, "kind": "element" }]);
        }
        let mut properties = properties(finding);
        properties["message_ja"] = finding.message.in_language(Language::Japanese).into();
        let result = json!({
            "ruleId": finding.code,
            "ruleIndex": index,
            "level": "error",
            "message": { "text": finding.message.in_language(self.language) },
            "locations": [location],
            "properties": properties,
        });
        let comma = if self.results == 0 { "\n" } else { ",\n" };
        self.results += 1;
        write!(out, "{comma}{result}")
    }

    pub(super) fn file(&mut self, file: &Path, end: &End, told: u64) {
        let name = words::on_a_line(file);
        let (level, what) = match &end.verdict {
            Verdict::Unreadable(why) => {
                self.unreadable = true;
                ("error", why.clone())
            }
            _ if end.violations > told => {
                let all = end.violations;
                let text = text!(
                    "{name}: {told} of {all} violations told",
                    "{name}: 違反{all}件のうち{told}件を表示しました"
                );
                ("note", text)
            }
            _ => return,
        };
        if self.notes.len() == MAX_NOTES {
            self.untold_notes += 1;
            return;
        }
        self.notes.push(json!({
            "level": level,
            "message": { "text": what.in_language(self.language) },
            "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(file) } } }],
        }));
    }

    pub(super) fn finish(mut self, out: &mut impl Write) -> io::Result<()> {
        if self.untold_notes > 0 {
            let more = self.untold_notes;
            let notes = if more == 1 { "note" } else { "notes" };
            let text = text!("{more} more {notes}", "ほか{more}件");
            self.notes
                .push(json!({ "level": "note", "message": { "text": text.in_language(self.language) } }));
        }
        let rules: Vec<Value> = self.rules.iter().map(|code| rule(code, self.language)).collect();
        let driver = json!({
            "name": "sekisho",
            "version": env!("CARGO_PKG_VERSION"),
            "language": self.language.of("en", "ja"),
            "rules": rules,
        });
        let invocation =
            json!({ "executionSuccessful": !self.unreadable, "toolExecutionNotifications": self.notes });
        writeln!(out, "\n],\"tool\":{},\"invocations\":[{invocation}]}}]}}", json!({ "driver": driver }))
    }
}

fn rule(code: &str, language: Language) -> Value {
    let words = meaning(code);
    let (en, ja) = (words.in_language(Language::English), words.in_language(Language::Japanese));
    json!({
        "id": code,
        "shortDescription": { "text": words.in_language(language) },
        "properties": { "en": en, "ja": ja },
    })
}

/// What a rule says.
fn meaning(code: &str) -> Text {
    if let Some(words) = sekisho_xsd::rule(code) {
        return Text::new(words.en, words.ja);
    }
    let family = code.split('-').next().unwrap_or_default();
    match family {
        "cvc" | "src" => Text::new("a rule of the schema is broken", "スキーマの規則に反しています"),
        "csv" => Text::new("the file is not CSV as the layout has it", "レイアウトどおりのCSVではありません"),
        "json" => {
            Text::new("the file is not JSON as the layout has it", "レイアウトどおりのJSONではありません")
        }
        "policy" => {
            Text::new("a rule of the route's disclosure policy is broken", "特定通信の開示規則に反しています")
        }
        "xml" => Text::new("the file is not XML as the gateway takes it", "受け付けられるXMLではありません"),
        "duplicate" | "no" | "too" => Text::new(
            "the gateway does not take the batch as a whole",
            "バッチ全体としてゲートウェイが受け付けません",
        ),
        "charset" | "payload" => Text::new(
            "the file is not text in the encoding that was named",
            "指定の文字コードのテキストではありません",
        ),
        _ => Text::new("the record is not one of the layout", "レイアウトどおりのレコードではありません"),
    }
}

/// A relative or absolute path as a URI reference (RFC 3986 section 4.1).
fn uri(file: &Path) -> String {
    if file == Path::new("-") {
        return "stdin".to_owned();
    }
    let mut uri = String::new();
    if file.is_absolute() {
        uri.push_str("file://");
    }
    for &byte in file.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte))
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_uri_references() {
        for (path, expected) in [
            ("a/b.xml", "a/b.xml"),
            ("/data/a b.xml", "file:///data/a%20b.xml"),
            ("c:d.xml", "c%3Ad.xml"),
            ("表.xml", "%E8%A1%A8.xml"),
            ("-", "stdin"),
        ] {
            assert_eq!(uri(Path::new(path)), expected);
        }
    }
}
