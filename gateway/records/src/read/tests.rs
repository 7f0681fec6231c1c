//! What all readers say alike.
use super::RecordSource;
use super::csv::{CsvOptions, CsvReader, Header};
use super::json::{JsonForm, JsonLimits, JsonReader};
use super::xml::{XmlOptions, XmlRecords};
use crate::record::Place;
use crate::testing::visits;

#[test]
fn who_has_no_record_says_where_one_could_stand() {
    let subject = visits();
    let csv = |text: &'static str, header| {
        let options = CsvOptions { header, ..CsvOptions::default() };
        let mut source = CsvReader::new(text.as_bytes(), &subject.layout, &options).unwrap();
        assert!(subject.take(&mut source).canonical.is_empty());
        source.awaited()
    };
    let json = |text: &'static str, form| {
        let mut source = JsonReader::new(text.as_bytes(), &subject.layout, form, JsonLimits::default());
        assert!(subject.take(&mut source).canonical.is_empty());
        source.awaited()
    };
    let xml = |text: &'static str| {
        let mut reader = sekisho_xml::Reader::new(text.as_bytes(), sekisho_xml::Limits::default());
        let mut source = XmlRecords::from_document(&mut reader, &subject.layout, XmlOptions::default());
        assert!(subject.take(&mut source).canonical.is_empty());
        source.awaited()
    };
    for (found, place, en, ja) in [
        (
            csv("Id,Name\n", Header::Names),
            (2, 1, 8),
            "a line of cells behind the header line",
            "見出し行に続く値の行",
        ),
        (
            csv("Id,Name", Header::Names),
            (2, 1, 7),
            "a line of cells behind the header line",
            "見出し行に続く値の行",
        ),
        (csv("", Header::Positions), (1, 1, 0), "a line of cells", "値の行"),
        (json(" [\n] ", JsonForm::Array), (2, 3, 5), "an object in the array", "配列の中のオブジェクト"),
        (json("\n", JsonForm::Lines), (2, 1, 1), "a line with an object", "オブジェクトの行"),
        (xml("<visits>\n</visits>"), (2, 10, 18), "an element Visit", "要素 Visit"),
    ] {
        let Place { line, column, byte } = found.place;
        assert_eq!(((line, column, byte), &*found.record.en, &*found.record.ja), (place, en, ja));
    }
}
