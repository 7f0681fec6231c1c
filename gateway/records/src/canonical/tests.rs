use proptest::prelude::*;

use super::*;

/// A record as its items say it, for comparison.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Text(String),
    Nil,
    Group(Vec<(u16, Node)>),
}

fn level(depth: u32) -> BoxedStrategy<Vec<(u16, Node)>> {
    let text = prop_oneof![
        8 => "[0-9a-z]{0,3}".prop_map(Node::Text),
        2 => "\\PC{0,8}".prop_map(Node::Text),
        1 => (120..140_usize).prop_map(|n| Node::Text("x".repeat(n))),
        1 => Just(Node::Nil),
    ];
    // Which fields there are, as steps from the field before: 0 for none in between.
    let fields = prop::collection::vec((prop_oneof![4 => 1..3_u16, 1 => 1..400_u16], text), 0..12);
    let groups = if depth == 0 {
        Just(Vec::new()).boxed()
    } else {
        prop::collection::vec((0..12_usize, prop::collection::vec(level(depth - 1), 1..3)), 0..3).boxed()
    };
    (fields, groups)
        .prop_map(|(fields, groups)| {
            let mut out: Vec<(u16, Node)> = Vec::new();
            let mut at = 0;
            for (n, (step, node)) in fields.into_iter().enumerate() {
                at += step;
                match groups.iter().find(|(place, _)| *place == n) {
                    Some((_, instances)) => {
                        out.extend(instances.iter().map(|instance| (at - 1, Node::Group(instance.clone()))));
                    }
                    None => out.push((at - 1, node)),
                }
            }
            out
        })
        .boxed()
}

fn write(fields: &[(u16, Node)], writer: &mut Writer<'_>) {
    for (field, node) in fields {
        match node {
            Node::Text(text) => writer.text(FieldId(*field), text.as_bytes()),
            Node::Nil => writer.nil(FieldId(*field)),
            Node::Group(inner) => {
                writer.open(FieldId(*field));
                write(inner, writer);
                writer.close();
            }
        }
    }
}

fn encode(fields: &[(u16, Node)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out);
    write(fields, &mut writer);
    writer.end();
    out
}

fn decode(record: CanonicalRecord<'_>) -> Vec<(u16, Node)> {
    let mut open: Vec<(u16, Vec<(u16, Node)>)> = vec![(0, Vec::new())];
    for item in record.items() {
        match item {
            Item::Value(field, Value::Nil) => open.last_mut().unwrap().1.push((field.0, Node::Nil)),
            Item::Value(field, Value::Text(text)) => {
                open.last_mut().unwrap().1.push((field.0, Node::Text(text.to_owned())));
            }
            Item::Open(group) => open.push((group.0, Vec::new())),
            Item::Close => {
                let (group, inner) = open.pop().unwrap();
                open.last_mut().unwrap().1.push((group, Node::Group(inner)));
            }
        }
    }
    open.pop().unwrap().1
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(fields in level(3)) {
        let bytes = encode(&fields);
        let record = CanonicalRecord::new(&bytes).unwrap();
        prop_assert_eq!(decode(record), fields);
    }

    /// Whatever bytes are taken for a record are those that the encoder writes for it: there is one form.
    #[test]
    fn other_forms_are_refused(
        fields in level(2),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, codes()), 1..4),
    ) {
        let mut bytes = encode(&fields);
        for (at, edit, byte) in edits {
            let at = at.index(bytes.len());
            match edit {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 if bytes.len() > 1 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        if let Ok(record) = CanonicalRecord::new(&bytes) {
            prop_assert_eq!(encode(&decode(record)), bytes);
        }
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(codes(), 0..40)) {
        if let Ok(record) = CanonicalRecord::new(&bytes) {
            prop_assert_eq!(encode(&decode(record)), bytes);
        }
    }
}

fn codes() -> impl Strategy<Value = u8> {
    prop_oneof![3 => 0..4_u8, 4 => prop::sample::select(vec![SKIP, LONG, NIL, OPEN, CLOSE, END]), 2 => any::<u8>()]
}

#[test]
fn the_form_is_as_documented() {
    let fields = vec![
        (0, Node::Text("1".into())),
        (1, Node::Text(String::new())),
        (4, Node::Nil),
        (5, Node::Group(vec![(1, Node::Text("x".into()))])),
        (5, Node::Group(vec![])),
        (6, Node::Text("a".repeat(127))),
    ];
    let mut expected =
        vec![1, b'1', 0, SKIP, 2, NIL, OPEN, SKIP, 1, 1, b'x', CLOSE, OPEN, CLOSE, SKIP, 1, LONG, 127];
    expected.extend([b'a'; 127]);
    expected.push(END);
    assert_eq!(encode(&fields), expected);
    assert_eq!(encode(&[]), [END]);
}

#[test]
fn each_rule_is_held() {
    let table: &[(&[u8], &str)] = &[
        (&[], "the record is cut short"),
        (&[1], "the record is cut short"),
        (&[3, b'a', END], "the record is cut short"),
        (&[OPEN], "the record is cut short"),
        (&[END, END], "bytes behind the end of the record"),
        (&[SKIP, 0, 0, END], "a skip of no fields"),
        (&[SKIP, 1, SKIP, 1, 0, END], "a skip must lead to a field"),
        (&[SKIP, 1, END], "a skip must lead to a field"),
        (&[OPEN, SKIP, 1, CLOSE, END], "a skip must lead to a field"),
        (&[SKIP, 0x81, 0x00, 0, END], "a number in more bytes than it needs"),
        (&[SKIP, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0, END], "a number over 32 bits"),
        (&[SKIP, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], "a number over 32 bits"),
        (&[SKIP, 0x80, 0x80, 0x04, 0, END], "more fields than a layout has"),
        (&[SKIP, 0xFF, 0xFF, 0x03, 0, 0, END], "more fields than a layout has"),
        (&[LONG, 1, b'a', END], "a short text in the long form"),
        (&[CLOSE, END], "the end of a group that is not open"),
        (&[OPEN, END], "the end of the record inside a group"),
        (&[OPEN, CLOSE, 0, END], "a group is left by a skip"),
        (&[OPEN, CLOSE, NIL, END], "a group is left by a skip"),
        (&[1, 0xFF, END], "a text that is not UTF-8"),
        (&[0x7F, END], "an unknown code"),
        (&[0x85, END], "an unknown code"),
        (&[OPEN; 20], "groups deeper than a layout has"),
    ];
    for (bytes, rule) in table {
        let error = CanonicalRecord::new(bytes).unwrap_err();
        assert_eq!(error.rule, *rule, "{bytes:02x?}");
        assert!(error.offset <= bytes.len());
        assert_eq!(error.code(), "canonical-record");
    }
}
