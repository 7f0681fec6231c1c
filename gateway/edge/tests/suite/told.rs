//! What a client is told of the records that a batch is refused for: enough to find and to mend each, at every door.

use crate::record_sets::RecordSet;
use crate::site::Site;
use crate::ways::Way;

/// Line and column of a byte.
fn place(text: &str, byte: u64) -> (u64, u64) {
    let before = &text[..byte as usize];
    let line = before.matches('\n').count() as u64 + 1;
    (line, before.rsplit('\n').next().unwrap().chars().count() as u64 + 1)
}

fn japanese(text: &str) -> bool {
    text.chars().any(|c| c >= 'ぁ')
}

#[test]
fn every_error_says_where_what_was_expected_and_what_was_found() {
    let site = Site::new();
    let set =
        RecordSet::orders(&[["1", "名", "1.00", ""], ["CANARY", "名", "1.00", ""], ["3", "東京", "", "n"]]);
    for way in Way::ALL {
        let answer = site.client().ask(way.request("/orders", &set));
        assert!(!answer.to_string().contains("CANARY"), "{way:?}: {answer}");
        let refused = answer.refused();
        let paths: Vec<_> = refused.errors.iter().map(|error| error.path.as_deref()).collect();
        assert_eq!(paths, [Some("order[2]/order_id[1]"), Some("order[3]")], "{way:?}");
        let payload = way.payload(&set);
        for error in &refused.errors {
            let (en, ja) = (error.expected.as_deref().unwrap(), error.expected_ja.as_deref().unwrap());
            assert!(en.is_ascii() && japanese(ja), "{way:?}: {error:?}");
            let (en, ja) = (error.found.as_deref().unwrap(), error.found_ja.as_deref().unwrap());
            assert!(en.is_ascii() && japanese(ja), "{way:?}: {error:?}");
            // Records that stand in a message are told by their place in the message.
            if way != Way::SoapXml {
                let place = place(&payload, error.byte.unwrap());
                assert_eq!((error.line, error.column), (Some(place.0), Some(place.1)), "{way:?}: {error:?}");
            }
        }
        assert_eq!(refused.errors[0].found.as_deref(), Some("6 characters"), "{way:?}");
        assert_eq!(refused.errors[1].field.as_deref(), Some("amount"), "{way:?}");
    }
    site.assert_nothing_kept();
}

#[test]
fn a_key_that_comes_twice_is_told_with_its_line() {
    let site = Site::new();
    let set = RecordSet::orders(&[
        ["7", "a", "1.00", ""],
        ["8", "b\nc", "1.00", ""],
        ["9", "c", "1.00", ""],
        ["8", "d", "1.00", ""],
    ]);
    for way in Way::ALL {
        let refused = site.client().ask(way.request("/orders", &set)).refused();
        let [error] = &refused.errors[..] else { panic!("{way:?}: {refused:?}") };
        assert_eq!((refused.code.as_str(), error.record), ("duplicate-keys", 4), "{way:?}");
        assert_eq!(error.path.as_deref(), Some("order[4]"), "{way:?}");
        assert_eq!(error.found.as_deref(), Some("the key of record 2"), "{way:?}");
        let payload = way.payload(&set);
        let line = error.line.unwrap_or_else(|| panic!("{way:?}: {error:?}"));
        if way != Way::SoapXml {
            let fourth = payload.rfind("1.00").unwrap();
            // The record begins on the line of its first value, or before that.
            let (of_value, _) = place(&payload, fourth as u64);
            assert!((1..=of_value).contains(&line) && line + 6 > of_value, "{way:?}: {line}\n{payload}");
        }
    }
    // Of one it is said as of one.
    let said = site.client().ask(Way::RestCsv.request("/orders", &set)).json();
    assert!(
        said["detail"].as_str().unwrap().starts_with("1 record has the key of an earlier record."),
        "{said}"
    );
    let bad = RecordSet::orders(&[["1", "a", "1.00", ""], ["x", "a", "1.00", ""]]);
    let said = site.client().ask(Way::RestCsv.request("/orders", &bad)).json();
    let detail = said["detail"].as_str().unwrap();
    assert!(detail.starts_with("1 of the first 2 records breaks the schema (1 error)."), "{detail}");
}

#[test]
fn english_says_where_a_payload_breaks_off_as_japanese_does() {
    let site = Site::new();
    for (way, body, code) in [
        (Way::RestCsv, "order_id,customer,amount\r\n1,a,1.00\r\n2,b\"CANARY,1\r\n", "csv-quote-in-cell"),
        (Way::RestJson, "[{\"order_id\": 1, \"amount\": 1},\n {\"order_id\": 2 CANARY}]", "json-syntax"),
        (
            Way::RestXml,
            "<orders xmlns='urn:example:bulk'>\n<order><order_id>1</order_id><amount>1</amount></order>\n\
             <order><order_id>2</order_id></amount></order></orders>",
            "xml-not-well-formed",
        ),
    ] {
        let said = site.client().ask(way.message(body.as_bytes()).to("/orders")).json();
        assert_eq!(said["code"], code, "{said}");
        let location = &said["location"];
        let (line, column) = (location["line"].to_string(), location["column"].to_string());
        assert_eq!((&*line, &location["record"]), (if way == Way::RestJson { "2" } else { "3" }, &2.into()));
        assert!(location["byte"].is_u64(), "{said}");
        for key in ["detail", "detailJa"] {
            let text = said[key].as_str().unwrap();
            assert!(text.contains(&line) && text.contains(&column) && !text.contains("CANARY"), "{text}");
        }
        let english = said["detail"].as_str().unwrap();
        assert!(english.contains(&format!("line {line}, column {column}: ")), "{english}");
    }
    site.assert_nothing_kept();
}
