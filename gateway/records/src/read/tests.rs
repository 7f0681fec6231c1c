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

#[test]
fn values_and_groups_are_counted_in_json_as_in_xml() {
    let subject = crate::testing::families();
    // Of so many bytes a record has 1,024 values and ends of groups at most.
    let bytes = 8192;
    let last = |jobs: usize, more: bool| {
        let many = |job: &str, last: &str, between: &str| {
            let mut all = vec![job; jobs];
            all.extend(more.then_some(last));
            all.join(between)
        };
        let json = many("{}", r#"{"Title":""}"#, ",");
        let json = format!(r#"[{{"Id":"A1","Member":[{{"Name":"","Job":[{json}]}}]}}]"#);
        let limits = crate::JsonLimits { record_bytes: bytes, ..crate::JsonLimits::default() };
        let mut reader =
            crate::JsonReader::new(json.as_bytes(), &subject.layout, crate::JsonForm::Array, limits);
        let of_json =
            crate::RecordSource::next(&mut reader, &mut crate::Record::new()).map_err(|error| error.code());
        let xml = many("<Job/>", "<Job><Title/></Job>", "");
        let xml =
            format!("<Family xmlns='urn:example:families'><Id>A1</Id><Member><Name/>{xml}</Member></Family>");
        let mut reader = sekisho_xml::Reader::new(xml.as_bytes(), sekisho_xml::Limits::default());
        let options = crate::XmlOptions { max_record_bytes: bytes, ..crate::XmlOptions::default() };
        let mut records = crate::XmlRecords::from_document(&mut reader, &subject.layout, options);
        let of_xml =
            crate::RecordSource::next(&mut records, &mut crate::Record::new()).map_err(|error| error.code());
        assert_eq!(of_json, of_xml, "{jobs} {more}");
        of_json
    };
    // The record's Id, its Member opened and that one's Name, and two for each job: after 510 of them a job is the last for which
    // there is room, and has none for its title.
    assert_eq!(last(511, false), Ok(true));
    assert_eq!(last(510, true), Err("payload-limit"));
    assert_eq!(last(509, true), Ok(true));
}
