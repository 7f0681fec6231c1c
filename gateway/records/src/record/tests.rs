use super::*;
use crate::testing::families;

fn place(column: u64) -> Place {
    Place { line: 7, column, byte: 100 + column }
}

#[test]
fn entries_come_into_layout_order_with_their_places() {
    let layout = families().layout;
    let mut record = Record::new();
    record.start(3, Place { line: 5, column: 2, byte: 90 });
    record.push(FieldId(3), Value::Text("remark"), place(1));
    record.open(FieldId(2), place(2));
    record.push(FieldId(1), Value::Nil, place(3));
    record.push(FieldId(0), Value::Text("first"), place(4));
    record.close(FieldId(2));
    record.open(FieldId(2), place(5));
    record.push(FieldId(0), Value::Text("second"), place(6));
    record.close(FieldId(2));
    record.push(FieldId(0), Value::Text("A1"), place(7));
    record.sort(&layout);
    let columns: Vec<_> = record
        .entries
        .iter()
        .filter(|entry| entry.kind != EntryKind::Close)
        .map(|entry| record.place_of(entry).column)
        .collect();
    assert_eq!(columns, [7, 2, 4, 3, 5, 6, 1]);
    assert_eq!(record.place_of(&record.entries[0]).line, 7);
    assert_eq!(record.value(FieldId(0)), Some(Value::Text("A1")));
    assert_eq!(record.value(FieldId(3)), Some(Value::Text("remark")));
    assert_eq!(record.value(FieldId(1)), None);
    assert_eq!((record.number(), record.place()), (3, Place { line: 5, column: 2, byte: 90 }));

    let mut canonical = Vec::new();
    record.canonical(&mut canonical);
    assert_eq!(canonical, b"\x02A1\x80\x01\x83\x05first\x82\x84\x83\x06second\x84\x80\x01\x06remark\xFF");
}

#[test]
fn a_record_is_empty_again_when_it_starts() {
    let mut record = Record::new();
    record.start(1, place(1));
    record.push(FieldId(0), Value::Text("a"), place(1));
    record.start(2, place(1));
    assert_eq!(record.value(FieldId(0)), None);
    assert!(!record.has_faults());
}
