#![allow(clippy::unwrap_used)] // a test that fails is what they are for

use proptest::prelude::*;

use super::*;

/// What `follow` makes of a text: the length, and label and text of each value.
fn followed<'t>(expectation: &Expectation<u8>, text: &'t str) -> Option<(usize, Vec<(u8, &'t str)>)> {
    let mut values = Vec::new();
    let length = expectation.follow(text, &mut values)?.length;
    Some((length, values.iter().map(|value| (value.label, &text[value.start..value.end])).collect()))
}

fn taught(lessons: &[(&str, &[u8])]) -> Expectation<u8> {
    let mut expectation = Expectation::default();
    lessons.iter().for_each(|(text, labels)| expectation.learn(text, labels));
    expectation
}

#[test]
fn an_element_written_alike_is_followed_to_its_end() {
    let expectation = taught(&[("<r><a>1</a>\n<b x='>'>22</b><c/></r>", &[1, 2, 3])]);
    let text = "<r><a></a>\n<b x='>'>あい]</b><c/></r><r>";
    assert_eq!(followed(&expectation, text), Some((text.len() - 3, vec![(1, ""), (2, "あい]"), (3, "")])));
}

#[test]
fn what_is_not_written_alike_is_not_followed() {
    let expectation = taught(&[("<r><a>1</a>\n<b>22</b><c/></r>", &[1, 2, 3])]);
    for text in [
        "",
        "<r><a>1</a>\n<b>22</b><c/></r",
        "<r><a>1</a>\n<b>22",
        "<r><a>1</a><b>22</b><c/></r>",
        "<r><a>&lt;</a>\n<b>22</b><c/></r>",
        "<r><a>1\r2</a>\n<b>22</b><c/></r>",
        "<r><a>]]></a>\n<b>22</b><c/></r>",
        "<r><a><!-- --></a>\n<b>22</b><c/></r>",
        "<r><a>1</a>\n<b>22</b><c></c></r>",
        "<r><a>1</a>\n<b>22</b><c/>x</r>",
    ] {
        assert_eq!(followed(&expectation, text), None, "{text}");
    }
}

#[test]
fn ways_part_and_meet_again() {
    let expectation =
        taught(&[("<r><a>1</a><c>3</c></r>", &[1, 3]), ("<r><a>1</a><b>2</b><c>3</c></r>", &[1, 2, 3])]);
    for text in ["<r><a>x</a><b>y</b><c>z</c></r>", "<r><a>x</a><c>z</c></r>"] {
        assert_eq!(followed(&expectation, text).unwrap().0, text.len());
    }
    assert_eq!(followed(&expectation, "<r><b>y</b><c>z</c></r>"), None);
}

#[test]
fn a_value_hides_no_child_that_was_seen_in_its_place() {
    let (child, none) = ("<r><a>\n<b></b></a></r>", "<r><a></a></r>");
    for lessons in [[child, none, child], [none, child, none]] {
        let expectation = taught(&lessons.map(|lesson| (lesson, [0].as_slice())));
        for text in [child, none, "<r><a>\n</a></r>"] {
            assert!(followed(&expectation, text).is_some(), "{text} after {lessons:?}");
        }
    }
}

#[test]
fn the_oldest_way_is_forgotten_first() {
    let text = |n: usize| format!("<r>{}<a>1</a></r>", " ".repeat(n));
    let expectation = {
        let mut expectation = Expectation::default();
        (0..=MAX_WAYS).for_each(|n| expectation.learn(&text(n), &[1_u8]));
        expectation
    };
    assert!(followed(&expectation, &text(0)).is_none());
    (1..=MAX_WAYS).for_each(|n| assert!(followed(&expectation, &text(n)).is_some(), "{n}"));
}

#[test]
fn tags_that_do_not_match_are_never_put_together() {
    let expectation = taught(&[
        ("<p:r><p:a>1</p:a></p:r>", &[1]),
        ("<q:r><q:a>1</q:a></q:r>", &[1]),
        ("<r><g><a>1</a></g><b>2</b></r>", &[1, 2]),
        ("<r><h><a>1</a></h><b>2</b></r>", &[1, 2]),
        ("<r><a/><b>2</b></r>", &[1, 2]),
    ]);
    for text in [
        "<p:r><p:a>1</p:a></q:r>",
        "<p:r><p:a>1</q:a></q:r>",
        "<q:r><q:a>1</p:a></p:r>",
        "<r><g><a>1</a></h><b>2</b></r>",
        "<r><a/></a></g><b>2</b></r>",
    ] {
        assert_eq!(followed(&expectation, text), None, "{text}");
    }
}

#[test]
fn memory_is_bounded() {
    let mut expectation = Expectation::default();
    for n in 0..20_000 {
        let space = " ".repeat(n % 97);
        expectation.learn(&format!("<r a{n}='1'>{space}<a>1</a></r>"), &[1_u8]);
        assert!(expectation.bytes <= MAX_BYTES);
        assert!(expectation.places.iter().all(|place| place.ways.len() <= MAX_WAYS));
    }
}

/// An element: its text, and how many elements in it have no children.
fn element() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "p:a"]);
    let space = prop::sample::select(vec!["", " ", "\n"]);
    let leaf = (name.clone(), "[x>あ]{0,3}", any::<bool>()).prop_map(|(name, text, empty)| {
        if empty { format!("<{name}/>") } else { format!("<{name}>{text}</{name}>") }
    });
    let inner = leaf.prop_recursive(3, 12, 4, move |inner| {
        (name.clone(), space.clone(), prop::collection::vec(inner, 1..4))
            .prop_map(|(name, space, children)| format!("<{name}>{space}{}</{name}>", children.join(space)))
    });
    prop::collection::vec(inner, 1..4).prop_map(|children| format!("<r>{}</r>", children.join("")))
}

/// How a reader sees a text up to the end of its first element: `None` when it refuses it.
fn read(text: &str) -> Option<(usize, Vec<String>)> {
    let text = format!("<x xmlns:p='urn:p'>{text}</x>");
    let mut reader = crate::Reader::new(text.as_bytes(), crate::Limits::default());
    let (mut values, mut value) = (Vec::new(), None);
    loop {
        match reader.next().ok()? {
            crate::Event::Start(_) => value = Some(String::new()),
            crate::Event::Text(text) => value.iter_mut().for_each(|value| value.push_str(text.text)),
            crate::Event::End(_) => {
                values.extend(value.take());
                if reader.depth() == 1 {
                    return Some((reader.end_byte() as usize - "<x xmlns:p='urn:p'>".len(), values));
                }
            }
            crate::Event::Eof => return None,
        }
    }
}

proptest! {
    /// Whatever is followed, a reader reads, to the same end and with the same values.
    #[test]
    fn what_is_followed_is_what_a_reader_reads(lessons in prop::collection::vec(element(), 1..6), texts in prop::collection::vec(element(), 1..12), cut in 0..80_usize, with in "[<>/ab ]{0,2}") {
        let mut expectation = Expectation::default();
        for lesson in &lessons {
            let labels: Vec<u8> = (0..leaves(lesson).len() as u8).collect();
            expectation.learn(lesson, &labels);
            let plain = leaves(lesson).iter().all(|leaf| !lesson[leaf.value.clone()].contains('>'));
            prop_assert_eq!(followed(&expectation, lesson).is_some(), plain);
        }
        for text in texts.iter().chain(&lessons) {
            let mut text = text.clone();
            let at = text.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(0);
            for text in [text.clone(), { text.insert_str(at, &with); text }] {
                if let Some((length, values)) = followed(&expectation, &text) {
                    let (end, read) = read(&text).unwrap();
                    prop_assert_eq!(length, end);
                    let values: Vec<_> = values.into_iter().map(|(_, value)| value.to_owned()).collect();
                    prop_assert_eq!(values, read);
                }
            }
        }
    }
}
