use super::*;
use crate::testing::{Outcome, families, visits};

/// A document of visits: the children of the root as given.
fn document(children: &str) -> String {
    format!(
        "<Visits xmlns='urn:example:visits' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>{children}</Visits>"
    )
}

fn read(children: &str) -> Outcome {
    visits().xml(&document(children))
}

const GOOD: &str = "<Visit><Id>1</Id><Name>a</Name><Flag>1</Flag><Month>2026-01</Month></Visit>";

#[test]
fn records_are_the_children_of_the_root_or_the_root() {
    assert_eq!(read(&format!("\n {GOOD}<!-- c -->{GOOD}\n")).canonical.len(), 2);
    assert_eq!(read("").canonical.len(), 0);
    let root =
        GOOD.replacen("<Visit>", "<v:Visit xmlns:v='urn:example:visits' xmlns='urn:example:visits'>", 1);
    let outcome = visits().xml(&root.replace("</Visit>", "</v:Visit>"));
    assert_eq!((outcome.canonical.len(), outcome.failure()), (1, None));
}

#[test]
fn prefixes_cdata_and_references_make_no_difference() {
    let plain = read(GOOD);
    let text = "<v:Visits xmlns:v='urn:example:visits'><v:Visit><v:Id><![CDATA[1]]></v:Id><!--x--><v:Name>&#x61;</v:Name>\
                <v:Flag>1</v:Flag><v:Month> 2026-<!-- y -->01</v:Month></v:Visit></v:Visits>";
    assert_eq!(visits().xml(text).canonical, plain.canonical);
}

#[test]
fn an_element_that_is_no_record_is_an_error_wherever_it_stands() {
    let wrong = GOOD.replace("Visit>", "Vist>");
    let other_namespace = GOOD.replacen("<Visit>", "<Visit xmlns='urn:other'>", 1);
    let wrapped = format!("<All>{GOOD}</All>");
    for stray in [wrong.as_str(), "<Header>h<x/></Header>", "<x/>", &other_namespace, &wrapped] {
        for (children, line, records) in [
            (format!("\n{stray}{GOOD}"), 2, 0),
            (format!("{GOOD}\n{stray}\n{GOOD}"), 2, 1),
            (format!("{GOOD}{GOOD}\n\n{stray}"), 3, 2),
            (format!("\n{stray}"), 2, 0),
        ] {
            let outcome = read(&children);
            let failure = outcome.failure().map(|failure| (failure.0, failure.1, failure.2, failure.3));
            assert_eq!(failure, Some(("xml-not-a-record", line, 1, 0)), "{children}");
            assert_eq!(outcome.canonical.len(), records, "{children}");
            let error = outcome.error.as_ref().unwrap();
            assert!(error.to_string().contains("Visit") && error.message_ja().contains("Visit"), "{error}");
            assert!(!error.to_string().contains("Vist") && !error.message_ja().contains("Vist"), "{error}");
        }
    }
    assert_eq!(
        read(&format!("{GOOD} x")).failure().map(|failure| failure.0),
        Some("xml-text-between-records")
    );
}

#[test]
fn only_the_named_elements_may_stand_beside_the_records_and_in_each_other() {
    let subject = visits();
    let named = |local| QName::new("urn:example:visits", local);
    let names = [named("Header"), named("x"), QName::new("", "Visit"), QName::new("", "Id")];
    let with = |children: &str| {
        let text = document(children);
        let mut reader = Reader::new(text.as_bytes(), sekisho_xml::Limits::default());
        let records = XmlRecords::from_document(&mut reader, &subject.layout, XmlOptions::default());
        subject.take(&mut records.beside(&names))
    };
    let header = "<Header>h<x/></Header>";
    let no_namespace = "<Visit xmlns=''><Id>1</Id></Visit>";
    for (children, records) in [
        (format!("{header}{GOOD}"), 1),
        (format!("{header}{no_namespace}{header}{GOOD}"), 1),
        (format!("{GOOD}{header}{GOOD}{GOOD}<x/>{GOOD}{GOOD}\n{header}"), 5),
        (header.to_owned(), 0),
    ] {
        let outcome = with(&children);
        assert_eq!((outcome.canonical.len(), outcome.failure()), (records, None), "{children}");
    }
    let misspelt = GOOD.replace("Visit>", "Vist>");
    for (children, line) in [
        (format!("\n<Head/>{GOOD}"), 2),
        (format!("\n<Header xmlns='urn:other'/>{GOOD}"), 2),
        (format!("{GOOD}\n\n<Head/>"), 3),
        (format!("\n<All>{header}{GOOD}</All>"), 2),
        // Nothing is lost in what is passed over.
        (format!("<Header>\n{GOOD}</Header>"), 2),
        (format!("<Header>\n{misspelt}</Header>{GOOD}"), 2),
        (format!("{GOOD}<Header>h<x>\n<Unnamed/></x></Header>"), 2),
        (format!("{GOOD}<Header>\n\n{}</Header>", GOOD.replacen("<Visit>", "<Visit xmlns='urn:o'>", 1)), 3),
    ] {
        let failure = with(&children).failure().map(|failure| (failure.0, failure.1));
        assert_eq!(failure, Some(("xml-not-a-record", line)), "{children}");
    }
}

/// Field and code of each violation.
type Found = &'static [(Option<&'static str>, &'static str)];

#[test]
fn what_does_not_match_gets_the_errors_of_the_standard() {
    let record = |inside: &str| format!("<Visit>{inside}</Visit>");
    let head = "<Id>1</Id><Name>a</Name><Flag>1</Flag>";
    let table: &[(String, Found)] = &[
        (record(&format!("{head}<Month>2026-01</Month>")), &[]),
        (
            record("<Name>a</Name><Id>1</Id><Flag>1</Flag><Month>2026-01</Month>"),
            &[(Some("Id"), "cvc-complex-type.2.4"), (Some("Id"), "cvc-complex-type.2.4")],
        ),
        (record(&format!("<Id>1</Id>{head}<Month>2026-01</Month>")), &[(Some("Id"), "cvc-complex-type.2.4")]),
        (record(&format!("{head}<Month>2026-01</Month><Bad/>")), &[(None, "cvc-complex-type.2.4")]),
        (
            record(&format!("{head}<Month xmlns='urn:o'>2026-01</Month>")),
            &[(Some("Month"), "cvc-complex-type.2.4"), (Some("Day"), "cvc-complex-type.2.4")],
        ),
        (record(&format!("{head}<Month>2026-01<b/></Month>")), &[(None, "cvc-complex-type.2.4")]),
        (record(&format!("{head} text <Month>2026-01</Month>")), &[(None, "cvc-complex-type.2.3")]),
        (
            record(&format!("{head}<Month xsi:nil='true'/>")),
            &[(Some("Month"), "cvc-elt.3.1"), (Some("Month"), "cvc-datatype-valid")],
        ),
        (record(&format!("{head}<Month xsi:nil='false'>2026-01</Month>")), &[(Some("Month"), "cvc-elt.3.1")]),
        (
            record(&format!("{head}<Amount xsi:nil='true'>1</Amount><Month>2026-01</Month>")),
            &[(Some("Amount"), "cvc-elt.3.2.1")],
        ),
        (
            record(&format!("{head}<Amount xsi:nil='true'> </Amount><Month>2026-01</Month>")),
            &[(Some("Amount"), "cvc-elt.3.2.1")],
        ),
        (record(&format!("{head}<Amount xsi:nil='0'>1</Amount><Month>2026-01</Month>")), &[]),
        (record(&format!("{head}<Amount xsi:nil=' 1 '/><Month>2026-01</Month>")), &[]),
        (
            record(&format!("{head}<Month xsi:type='a'>2026-01</Month>")),
            &[(Some("Month"), "xml-xsi-type-not-allowed")],
        ),
        (
            record(&format!("{head}<Month x='a'>2026-01</Month>")),
            &[(Some("Month"), "xml-attribute-not-allowed")],
        ),
        (
            record(&format!("{head}<Month xml:lang='ja'>2026-01</Month>")),
            &[(Some("Month"), "xml-attribute-not-allowed")],
        ),
        (record(&format!("{head}<Month xsi:schemaLocation='a b'>2026-01</Month>")), &[]),
        (
            format!("<Visit id='1'>{head}<Month>2026-01</Month></Visit>"),
            &[(None, "xml-attribute-not-allowed")],
        ),
        // What is empty stands for its default, and one error for itself.
        (record(&format!("{head}<Kind/><Month>2026-01</Month> text")), &[(None, "cvc-complex-type.2.3")]),
        (record(&format!("{head}<Kind/><Month>2026-01</Month><Bad/>")), &[(None, "cvc-complex-type.2.4")]),
        (
            record(&format!("{head}<Kind> </Kind><Month>2026-01</Month><Bad/>")),
            &[(Some("Kind"), "cvc-enumeration-valid"), (None, "cvc-complex-type.2.4")],
        ),
        ("<Visit xsi:nil='true'/>".into(), &[(None, "cvc-elt.3.1"), (None, "cvc-complex-type.2.4")]),
        (
            record(&format!("{head}<Month>2026-01<b x='1'/></Month>")),
            // A name that only the payload has is not told.
            &[(None, "xml-attribute-not-allowed")],
        ),
    ];
    for (record, expected) in table {
        let outcome = read(&format!("{GOOD}\n{record}\n{GOOD}"));
        let expected: Vec<_> = expected.iter().map(|(field, code)| (2, *field, *code)).collect();
        assert_eq!(outcome.codes(), expected, "{record}");
        assert!(outcome.error.is_none(), "{record}");
        assert_eq!(outcome.canonical.len(), if expected.is_empty() { 3 } else { 2 }, "{record}");
        assert!(outcome.violations.iter().all(|found| found.line == Some(2)), "{record}");
    }
}

#[test]
fn groups_are_elements_and_an_all_has_no_order() {
    let subject = families();
    let read =
        |family: &str| subject.xml(&format!("<F xmlns='urn:example:families'><Family>{family}</Family></F>"));
    let good = read(
        "<Id>A1</Id><Address><Block>1</Block><Town>12345</Town></Address>\
         <Member><Name>a</Name><Job><Title>t</Title></Job><Job><Title/></Job></Member>\n<Member><Name>b</Name></Member>",
    );
    assert_eq!(good.codes(), []);
    let expected = b"\x02A1\x83\x0512345\x011\x84\x80\x01\x83\x01a\x80\x01\x83\x01t\x84\x83\x04none\x84\x84\x83\x01b\x84\xFF";
    assert_eq!(good.canonical[0].1, expected);

    let table = [
        (
            "<Id>A1</Id><Address><Town>12345</Town><Town>12345</Town></Address><Member><Name>a</Name></Member>",
            "Town",
        ),
        ("<Id>A1</Id><Member><Name>a</Name></Member><Remark/><Member><Name>a</Name></Member>", "Member"),
        ("<Id>A1</Id><Member><Name>a</Name></Member><Address><Town>12345</Town></Address>", "Address"),
    ];
    for (family, field) in table {
        assert_eq!(read(family).codes(), [(1, Some(field), "cvc-complex-type.2.4")], "{family}");
    }
    let text = read("<Id>A1</Id><Member>x<Name>a</Name></Member>");
    assert_eq!(text.codes(), [(1, Some("Member"), "cvc-complex-type.2.3")]);
}

#[test]
fn unreadable_xml_is_named_with_record_and_field() {
    let table = [
        ("<Visit><Id>1</Id>", "xml-not-well-formed", 1, None),
        ("<Visit><Id>1", "xml-not-well-formed", 1, Some("Id")),
        ("<Visit><Id>&x;</Id>", "xml-not-well-formed", 1, Some("Id")),
        ("<!DOCTYPE a>", "xml-doctype", 0, None),
        ("<?pi?>", "xml-processing-instruction", 0, None),
        ("<Visit><?pi?></Visit>", "xml-processing-instruction", 1, None),
    ];
    for (text, code, record, field) in table {
        let text = format!("<Visits xmlns='urn:example:visits'>{text}");
        let outcome = visits().xml(&text);
        let failure = outcome.failure().map(|failure| (failure.0, failure.3, failure.4));
        assert_eq!(failure, Some((code, record, field)), "{text}");
    }
    assert_eq!(visits().xml("").failure().map(|failure| failure.0), Some("xml-not-well-formed"));
    let outcome = visits().xml(&format!("{}<x/>", document(GOOD)));
    assert_eq!(outcome.canonical.len(), 1);
    assert_eq!(outcome.failure().map(|failure| failure.0), Some("xml-not-well-formed"));
}

#[test]
fn limits_are_held() {
    let options = XmlOptions { max_field_bytes: 8, max_record_bytes: 200 };
    let long = GOOD.replace("<Name>a", "<Name>aaaa&amp;aaaa");
    let outcome = visits().xml_with(&document(&format!("{long}{GOOD}")), options);
    assert_eq!(outcome.codes(), [(1, Some("Name"), "field-too-long")]);
    assert_eq!(outcome.canonical.len(), 1);
    for filler in ["<!-- 0123456789 -->", "<b/>", " <b>x</b>"] {
        let big = GOOD.replace("<Flag>", &format!("{}<Flag>", filler.repeat(60)));
        let outcome = visits().xml_with(&document(&format!("{GOOD}{big}")), options);
        assert_eq!(
            outcome.failure().map(|failure| (failure.0, failure.3)),
            Some(("payload-limit", 2)),
            "{filler}"
        );
    }
}

#[test]
fn records_are_read_out_of_the_middle_of_a_document() {
    use sekisho_xml::Limits;

    let subject = visits();
    let text = format!("<e><h/><b xmlns='urn:example:visits'>{GOOD}{GOOD}</b><t/></e>");
    let mut reader = Reader::new(text.as_bytes(), Limits::default());
    loop {
        if let Event::Start(start) = reader.next().unwrap()
            && start.local() == "b"
        {
            break;
        }
    }
    let outcome = subject.take(&mut XmlRecords::new(&mut reader, &subject.layout, XmlOptions::default()));
    assert_eq!((outcome.canonical.len(), outcome.failure()), (2, None));
    assert!(matches!(reader.next().unwrap(), Event::Start(start) if start.local() == "t"));
}

#[test]
fn a_nil_record_with_white_space_is_not_empty() {
    let subject = crate::testing::load("nillable.xsd", "urn:t", "Rec");
    for space in [" ", "&#32;", "<![CDATA[ ]]>", "\n<!-- -->"] {
        let text = format!(
            "<List xmlns='urn:t' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>\
             <Rec xsi:nil='true'>{space}</Rec></List>"
        );
        let outcome = subject.xml(&text);
        let codes: Vec<_> = outcome.codes().iter().map(|found| found.2).collect();
        assert_eq!(codes, ["cvc-elt.3.2.1"], "{space:?}: {outcome:?}");
    }
}
