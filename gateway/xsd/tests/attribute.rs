//! The attribute-data schema: its record type, its records, whole documents of it.

#![allow(clippy::unwrap_used, reason = "what does not load fails the test")]

use std::path::Path;

use sekisho_xml::QName;
use sekisho_xsd::{Checker, ElementContent, KeyKind, Particle, RecordType, Schema, SchemaDigest, Violation};

const NS: &str = "urn:example:attribute-data:1";

fn load(name: &str) -> Schema {
    Schema::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name), None).unwrap()
}

fn record(schema: &Schema) -> RecordType {
    schema.record_type(&QName::new(NS, "Record")).unwrap()
}

fn violations(checker: &mut Checker, xml: &str) -> Vec<Violation> {
    let mut all = Vec::new();
    checker.element(xml.as_bytes(), &mut |violation| all.push(violation));
    all
}

fn good(ages: &str) -> String {
    format!(
        "<Record xmlns=\"{NS}\"><UserId>A1</UserId><AgeBaseDate>20260401</AgeBaseDate><Sex>1</Sex>\
         <BirthYear>1970</BirthYear><BirthMonth>12</BirthMonth><MunicipalityCode>13101</MunicipalityCode>\
         <TownCode>00001</TownCode><AddressReserve>00000000000000000000</AddressReserve><Spouse>0</Spouse>{ages}\
         <TaxCurrent>0</TaxCurrent><TaxPrevious>0</TaxPrevious><TaxBeforePrevious>0</TaxBeforePrevious>\
         <NationalHealthInsurance>0</NationalHealthInsurance><LateElderlyMedical>0</LateElderlyMedical>\
         <ChildAllowance>0</ChildAllowance><ChildRearingAllowance>0</ChildRearingAllowance>\
         <PublicAssistance>0</PublicAssistance></Record>"
    )
}

fn ages() -> String {
    format!("<Ages>{}</Ages>", ["0"; 101].join(" "))
}

#[test]
fn the_record_type_is_a_sequence_with_a_choice() {
    let schema = load("attribute.xsd");
    assert!(schema.element_exists(&QName::new(NS, "AttributeData")));
    assert!(!schema.element_exists(&QName::new(NS, "Record")));
    let record = record(&schema);
    assert_eq!(record.keys, []);
    let Particle::Element(first) = &record.content[0] else { panic!("{:?}", record.content[0]) };
    assert_eq!(first.name, QName::new(NS, "UserId"));
    assert_eq!((first.min, first.max, first.nillable), (1, Some(1), false));
    let ElementContent::Simple(ty) = &first.content else { panic!() };
    assert_eq!(ty.name, "UserIdType");
    let Particle::Choice { min: 1, max: Some(1), items } = &record.content[9] else {
        panic!("{:?}", record.content[9])
    };
    let [Particle::Sequence { items: elements, .. }, Particle::Element(list)] = items.as_slice() else {
        panic!()
    };
    assert_eq!(elements.len(), 101);
    assert_eq!(&*list.name.local, "Ages");
    let ElementContent::Simple(ty) = &list.content else { panic!() };
    assert_eq!((ty.kind, ty.max_length), (sekisho_xsd::ValueKind::List, Some(101)));
}

#[test]
fn a_key_above_the_records_is_theirs() {
    let schema = load("attribute-key.xsd");
    let keys = record(&schema).keys;
    assert_eq!(keys.len(), 1);
    assert_eq!((keys[0].name.as_str(), keys[0].kind), ("UserIdKey", KeyKind::Key));
    assert_eq!(keys[0].fields, [QName::new(NS, "UserId")]);
}

#[test]
fn a_pin_must_match() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/attribute.xsd");
    let digest = load("attribute.xsd").digest();
    Schema::load(&path, Some(&digest)).unwrap();
    assert_eq!(digest.to_string().parse::<SchemaDigest>().unwrap(), digest);
    let other = load("attribute-key.xsd").digest();
    let error = Schema::load(&path, Some(&other)).unwrap_err();
    assert_eq!(error.code(), "schema-pin");
    let text = error.to_string();
    assert!(text.contains(&digest.to_string()) && text.contains(&other.to_string()), "{text}");
}

#[test]
fn records_are_checked_alone() {
    let schema = load("attribute.xsd");
    let mut checker = Checker::new(&schema, &record(&schema));
    assert_eq!(violations(&mut checker, &good(&ages())), []);

    let bad = good(&ages()).replace("<Sex>1</Sex>", "<Sex>4</Sex>").replace(">13101<", ">1310X<");
    let found = violations(&mut checker, &bad);
    let seen: Vec<_> = found.iter().map(|v| (v.code, v.field.as_deref().unwrap())).collect();
    assert_eq!(seen, [("cvc-maxInclusive-valid", "Sex"), ("cvc-pattern-valid", "MunicipalityCode")]);
    assert_eq!(found[0].message, "element Sex: the greatest value allowed is 3 (type SexCode)");
    assert_eq!(found[0].path.as_deref(), Some("Record[1]/Sex[1]"));
    let column = bad.find("<Sex>").map(|at| at as u64 + 1);
    assert_eq!((found[0].line, found[0].column), (Some(1), column));
}

#[test]
fn every_error_of_a_record_is_told_once() {
    let schema = load("attribute.xsd");
    let mut checker = Checker::new(&schema, &record(&schema));
    let mut told = |record: &str| -> Vec<_> {
        let found = violations(&mut checker, record);
        found.into_iter().map(|v| (v.code, v.field.unwrap_or_default(), v.message)).collect()
    };
    let model = "cvc-complex-type.2.4";
    let said = |code, field: &str, message: &str| (code, field.to_owned(), message.to_owned());

    // Two missing, one wrong after them, the last missing.
    let record = good(&ages())
        .replace("<Sex>1</Sex>", "")
        .replace("<TownCode>00001</TownCode>", "")
        .replace("<Spouse>0<", "<Spouse>2<")
        .replace("<PublicAssistance>0</PublicAssistance>", "");
    assert_eq!(
        told(&record),
        [
            said(model, "Sex", "element Sex is missing in element Record"),
            said(model, "TownCode", "element TownCode is missing in element Record"),
            said(
                "cvc-enumeration-valid",
                "Spouse",
                "element Spouse: the value is none of the 2 that are listed, found 1 character (type Flag)"
            ),
            said(model, "PublicAssistance", "element PublicAssistance is missing in element Record"),
        ]
    );
    // An element that has no business there, one that the schema does not have, one twice.
    let record = good(&ages())
        .replace("<Sex>", "<Header/><Sex>")
        .replace("<BirthYear>", "<secret7/><BirthYear>")
        .replace("<Spouse>", "<TownCode>1</TownCode><Spouse>");
    assert_eq!(
        told(&record),
        [
            said(model, "Header", "element Header is not allowed here in element Record"),
            said(model, "", "an element that the schema does not declare stands in element Record"),
            said(model, "TownCode", "element TownCode is not allowed here in element Record"),
        ]
    );
    // One of a choice: the shorter way is proposed, the other named.
    assert_eq!(
        told(&good("")),
        [said(model, "Ages", "element Ages is missing in element Record, or Age000")]
    );
    assert_eq!(told(&format!("<Record xmlns=\"{NS}\">")).last().unwrap().0, "well-formed");
}

#[test]
fn whole_documents_are_checked_and_errors_capped() {
    let schema = load("attribute-key.xsd");
    let document = |records: usize, key: &dyn Fn(usize) -> String| {
        let record = good(&ages()).replace(&format!(" xmlns=\"{NS}\""), "");
        let records: String =
            (0..records).map(|i| record.replace(">A1<", &format!(">{}<", key(i)))).collect();
        format!(
            "<AttributeData xmlns=\"{NS}\"><Header><DataId>x</DataId><Created>2026-04-01T00:00:00Z</Created>\
             <RecordCount>1</RecordCount></Header>{records}</AttributeData>"
        )
    };
    let check = |text: &str| {
        let mut all = Vec::new();
        let validity =
            schema.validate_document(text.as_bytes(), &mut |violation| all.push(violation)).unwrap();
        (validity, all)
    };
    let (validity, all) = check(&document(5, &|i| format!("K{i}")));
    assert!(validity.valid && validity.complete, "{all:?}");
    let (validity, all) = check(&document(3, &|i| format!("K{}", i % 2)));
    assert_eq!((validity.valid, validity.violations), (false, 1));
    assert_eq!(all[0].message, "element Record repeats a key");
    let (validity, all) = check(&document(1200, &|i| format!("K{i}")).replace(">13101<", ">?<"));
    assert_eq!((validity.violations, all.len()), (1200, 1000));
    assert!(all.iter().all(|violation| !violation.message.contains('?')));
}
