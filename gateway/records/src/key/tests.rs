use super::*;
use crate::Place;
use crate::testing::{families, visits};

fn key(id: Option<&str>, open: Option<&str>) -> Option<Vec<u8>> {
    let layout = visits().layout;
    let key = RecordKey::compile(&layout, &["Id", "Open"]).unwrap();
    let mut record = Record::new();
    record.start(1, Place::default());
    for (name, value) in [("Id", id), ("Open", open)] {
        if let Some(value) = value {
            record.push(layout.field(name).unwrap(), Value::Text(value), Place::default());
        }
    }
    let mut out = vec![9];
    let has_key = key.write(&record, &mut out);
    assert!(out.starts_with(&[9]) && (has_key || out.len() == 1));
    has_key.then(|| out.split_off(1))
}

#[test]
fn equal_values_give_equal_keys() {
    assert_eq!(key(Some("7"), Some("true")).unwrap(), b"\0\0\0\x017\0\0\0\x04true");
    for (id, open) in [("007", "1"), ("+7", "true"), ("7.0", "true"), ("7.", "1")] {
        assert_eq!(key(Some(id), Some(open)), key(Some("7"), Some("true")), "{id} {open}");
    }
    assert_eq!(key(Some("-0"), Some("0")), key(Some("0.00"), Some("false")));
    assert_ne!(key(Some("70"), Some("true")), key(Some("7"), Some("true")));
    assert_ne!(key(Some("-7"), Some("true")), key(Some("7"), Some("true")));
    assert_eq!(key(Some("7"), None), None);
}

#[test]
fn a_key_is_of_single_values() {
    let code = |fields: &[&str]| RecordKey::compile(&families().layout, fields).unwrap_err().to_string();
    assert!(code(&["Nobody"]).contains("no field"));
    assert!(code(&["Member"]).contains("a group"));
    assert!(code(&["Id", "Id"]).contains("twice"));
}
