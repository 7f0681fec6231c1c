//! Documents in every encoding, decoded and read: verdict, code and place.

use sekisho_charset::Encoding;
use sekisho_xml::{DetectError, Event, Limits, Reader, XmlError, decode_document};

#[path = "../data/encodings.rs"]
mod table;

/// Code, column in line 1 and byte in the input of what is wrong with a document.
fn wrong(document: &[u8], label: Option<Encoding>) -> Option<(&'static str, u64, u64)> {
    let mut reader = match decode_document(document, label) {
        Ok(text) => Reader::new(text, Limits::default()),
        Err(error) => {
            let error: &DetectError =
                error.get_ref().and_then(|inner| inner.downcast_ref()).expect("its fault");
            assert_eq!(error.at.line, 1);
            return Some((error.code(), error.at.column, error.offset));
        }
    };
    loop {
        match reader.next() {
            Ok(Event::Eof) => return None,
            Ok(_) => {}
            Err(XmlError::Encoding(error, at)) => return Some((error.code(), at.column, error.offset)),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn every_document_has_its_verdict_code_and_place() {
    for case in table::cases() {
        let label = case.label.as_deref().map(|label| Encoding::from_label(label).expect("a known label"));
        let wanted = case
            .refused
            .as_deref()
            .map(|code| (code, case.column.expect("a column"), case.byte.expect("a byte")));
        assert_eq!(wrong(&case.document(), label), wanted, "{}", case.name);
    }
}
