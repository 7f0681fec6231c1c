//! XML in every encoding, by what it says of itself and by its label: as a body, as the file of a form, as an attachment.

use crate::record_sets::RecordSet;
use crate::site::Site;
use crate::ways::{Message, Way, envelope, form, question, submit, swa};

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

#[test]
fn what_was_put_for_characters_that_an_encoding_does_not_have_is_counted_in_the_receipt() {
    let site = Site::edited(|route| route.records.unmappable = sekisho_charset::Unmappable::Replace('〓'));
    let csv = b"order_id,customer,amount,note\r\n1,A\xffB,1.00,\xff\r\n2,C,1.00,\xfe\r\n";
    let json = b"[{\"order_id\":\"1\",\"customer\":\"A\xffB\",\"amount\":\"1.00\",\"note\":\"\xff\"},\
                 {\"order_id\":\"2\",\"customer\":\"C\",\"amount\":\"1.00\",\"note\":\"\xfe\"}]";
    let rows = RecordSet::orders(&[["1", "A?B", "1.00", "?"], ["2", "C", "1.00", "?"]]);
    // Written with a question mark, which none of the documents has elsewhere behind its declaration.
    let xml: Vec<u8> = rows.xml().replace("<?", "\0").replace("?>", "\u{1}").into_bytes();
    let xml: Vec<u8> = xml
        .into_iter()
        .flat_map(|byte| match byte {
            b'?' => vec![0xff],
            0 => b"<?".to_vec(),
            1 => b"?>".to_vec(),
            other => vec![other],
        })
        .collect();
    let ways = Way::CSV.map(|way| (way, &csv[..]));
    let mut sent = 0;
    for (way, payload) in ways.into_iter().chain([(Way::RestJson, &json[..]), (Way::RestXml, &xml[..])]) {
        let receipt = site.client().ask(way.message(payload).to("/orders")).receipt();
        assert_eq!((receipt.records, receipt.replaced_characters), (2, 3), "{way:?}");
        sent += 3;
        let state = question("batchState", &format!("<g:id>{}</g:id>", receipt.id)).to("/orders");
        assert_eq!(site.client().ask(state).receipt().replaced_characters, 3, "{way:?}");
        let counted = site.gateway.metrics.characters_replaced.with_label_values(&["orders"]).get();
        assert_eq!(counted, sent, "{way:?}");
    }
    let good = site.client().ask(Way::RestCsv.message(rows.csv().as_bytes()).to("/orders"));
    assert_eq!(good.receipt().replaced_characters, 0);
    assert!(!good.text().contains("replacedCharacters"), "{good}");
}
