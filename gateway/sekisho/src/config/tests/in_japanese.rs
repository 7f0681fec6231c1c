//! What is said of mistakes in Japanese: sentences, and no English but names.

use super::*;

/// What no Japanese text may be: a piece of a sentence put into another, or words of English one behind the other.
fn broken(text: &str) -> Option<String> {
    for particle in ["が", "に", "を", "は", "の"] {
        for before in ["（", "：", "、"] {
            if text.contains(&format!("{before}{particle}")) {
                return Some(format!("{before}{particle}"));
            }
        }
    }
    // Names stand in quotes, and so do values to write.
    let outside: String = text.split('"').step_by(2).collect();
    let outside: String = outside.split('`').step_by(2).collect();
    let mut in_a_row = Vec::new();
    for word in outside.split(' ') {
        if word.len() > 1 && word.chars().all(|c| c.is_ascii_lowercase()) {
            in_a_row.push(word);
        } else {
            in_a_row.clear();
        }
        if in_a_row.len() == 3 {
            return Some(in_a_row.join(" "));
        }
    }
    None
}

fn whole(found: &[Mistake]) {
    for mistake in found {
        let text = mistake.problem.in_language(Language::Japanese);
        assert_eq!(broken(text), None, "{}: {text}", mistake.key);
    }
}

#[test]
fn the_mistakes_of_a_file_are_whole_sentences() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mistakes.toml");
    let found = judged(&file, &std::fs::read_to_string(&file).unwrap());
    assert!(found.len() > 100, "{}", found.len());
    whole(&found);
}

/// One line of an example, changed; the key that is told, and what is said of it in English and in Japanese.
#[test]
fn what_other_rooms_find_is_said_of_the_key_that_it_is_about() {
    for (example_file, from, to, key, english, japanese) in [
        (
            "asp-lgwan.toml",
            "record = \"{urn:example:city:attributes:1}Record\"",
            "record = \"{urn:example:city:attributes:1}Recrd\"",
            "record",
            "is not declared in the schema",
            "レコード要素 {urn:example:city:attributes:1}Recrd がスキーマで宣言されていません",
        ),
        (
            "asp-lgwan.toml",
            "operation = \"putRecords\"",
            "operation = \"put Records\"",
            "dialect.operation",
            "must be the name of an XML element",
            "XMLの要素名にしてください",
        ),
        (
            "ip-vpn.toml",
            "mapping = { key = [\"order_id\"] }",
            "mapping = { key = [\"order_id\"], rename = { note = \"the note\" } }",
            "mapping",
            "column the note becomes an XML element",
            "列 the note はXMLの要素になります",
        ),
    ] {
        let text = example(example_file);
        assert!(text.contains(from), "{example_file}: {from}");
        let found = judged(&repository().join("config/test.toml"), &text.replacen(from, to, 1));
        let [mistake] = found.as_slice() else { panic!("{found:#?}") };
        assert!(mistake.key.ends_with(&format!(": {key}")), "{mistake:?}");
        let said = |language| mistake.problem.in_language(language);
        assert!(said(Language::English).contains(english), "{mistake:?}");
        assert!(said(Language::Japanese).contains(japanese), "{mistake:?}");
        assert!(!said(Language::English).contains("rename the column"), "{mistake:?}");
        whole(&found);
    }
}
