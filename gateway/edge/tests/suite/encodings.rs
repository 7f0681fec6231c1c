//! XML in every encoding, by what it says of itself and by its label: as a body, as the file of a form, as an attachment.

use crate::site::Site;
use crate::ways::{Message, form, swa};

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
