//! XML in every encoding, by what it says of itself and by its label: as a body, as the file of a form, as an attachment.

use crate::record_sets::RecordSet;
use crate::site::Site;
use crate::ways::{Message, envelope, form, submit, swa};

#[path = "../../../xml/tests/data/encodings.rs"]
mod table;

#[test]
fn every_door_gives_the_verdict_code_and_place_of_the_table() {
    let (refusing, taking) = (Site::new(), Site::new());
    let mut failures = Vec::new();
    let cases = table::cases();
    for case in &cases {
        let document = case.document();
        let label = case.label.as_ref().map_or(String::new(), |label| format!("; charset={label}"));
        let media_type = format!("application/xml{label}");
        for (door, message, unreadable) in [
            ("body", Message::rest(&media_type, &document), 400),
            ("form", form(&document, &media_type), 400),
            ("attachment", swa(&document, &media_type), 500),
        ] {
            let site = if case.refused.is_some() { &refusing } else { &taking };
            let answer = site.client().ask(message.to("/orders"));
            let as_wanted = match &case.refused {
                None => matches!(answer.status, 200 | 202),
                Some(_) if answer.status != unreadable => false,
                Some(code) => {
                    let refused = answer.refused();
                    let at = &refused.location;
                    refused.code == *code
                        && (at.line, at.column, at.byte) == (Some(1), case.column, case.byte)
                }
            };
            if !as_wanted {
                failures.push(format!("{}: {door}: {answer}", case.name));
            }
        }
    }
    refusing.assert_nothing_kept();
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn an_envelope_is_what_its_label_says_or_else_what_it_says() {
    let records = RecordSet::orders(&[["1", "関所", "1.00", ""]]).elements();
    let soap = envelope(&submit(&format!("<g:records>{records}</g:records>")));
    assert!(soap.contains("encoding=\"UTF-8\""));
    let declared = |name: &str| soap.replacen("\"UTF-8\"", &format!("\"{name}\""), 1);
    let message =
        |media_type: &str, name: &str| Message::soap11(&declared(name)).with("Content-Type", media_type);
    let (refusing, taking) = (Site::new(), Site::new());
    for (name, code) in [
        ("UTF-16", "xml-encoding-contradiction"),
        ("EUC-JP", "xml-encoding-unsupported"),
        ("K4NARY", "xml-encoding-unsupported"),
    ] {
        let answer = refusing.client().ask(message("text/xml", name).to("/orders"));
        assert_eq!(answer.status, 500, "{name}: {answer}");
        assert!(!answer.to_string().contains("K4NARY"), "{answer}");
        let refused = answer.refused();
        let at = soap.find("UTF-8").map(|at| at as u64);
        assert_eq!((refused.code.as_str(), refused.location.byte), (code, at), "{name}");
        let answer = taking.client().ask(message("text/xml; charset=utf-8", name).to("/orders"));
        assert_eq!(answer.status, 200, "{name}: {answer}");
    }
    refusing.assert_nothing_kept();
}
