use super::*;
use proptest::prelude::*;

#[test]
fn reads_what_stacks_send() {
    let gsoap = MediaType::parse(
        "multipart/related; charset=utf-8; boundary=\"==71/nsK3+RLju0zmN==\"; type=\"application/xop+xml\"; \
         start=\"<SOAP-ENV:Envelope>\"; start-info=\"text/xml\"",
    )
    .unwrap();
    assert!(gsoap.is("multipart/related"));
    assert_eq!(gsoap.kind(), "multipart");
    assert_eq!(gsoap.subtype(), "related");
    assert_eq!(gsoap.boundary(), Ok("==71/nsK3+RLju0zmN=="));
    assert_eq!(gsoap.parameter("start"), Some("<SOAP-ENV:Envelope>"));
    assert_eq!(gsoap.charset(), Some("utf-8"));

    let jaxws =
        MediaType::parse("multipart/related;start=\"<a*b@c>\";type=\"x/y\";boundary=\"uuid:e9-1\"").unwrap();
    assert_eq!(jaxws.boundary(), Ok("uuid:e9-1"));

    let unquoted =
        MediaType::parse("Multipart/Related; Boundary=MIME; TYPE=text/xml; start=<root@x>;").unwrap();
    assert_eq!(unquoted.parameter("type"), Some("text/xml"));
    assert_eq!(unquoted.parameter("start"), Some("<root@x>"));
    assert_eq!(unquoted.essence(), "multipart/related");

    let odd = MediaType::parse(" text/xml ;; charset=\"U\\\"T\"\t; ; a=b ").unwrap();
    assert_eq!(odd.charset(), Some("U\"T"));
    assert_eq!(odd.parameters().count(), 2);
}

#[test]
fn refuses_with_a_position() {
    let syntax = [
        ("", 0),
        ("text", 4),
        ("text/", 5),
        ("/xml", 0),
        ("text/xml charset=utf-8", 9),
        ("text/xml; charset", 17),
        ("text/xml; charset=", 18),
        ("text/xml; charset= utf-8", 18),
        ("text/xml; charset =utf-8", 17),
        ("text/xml; =x", 10),
        ("text/xml; a=\"b", 14),
        ("text/xml; a=\"b\"c", 15),
        ("text/xml, text/plain", 8),
        ("text/xml; a=b,c", 13),
        ("text/xml; a=\"b\u{7}\"", 14),
        ("text/xml; a=日本", 12),
    ];
    for (value, expected) in syntax {
        match MediaType::parse(value) {
            Err(MediaTypeError::Syntax { at, .. }) => assert_eq!(at, expected, "{value:?}"),
            other => panic!("{value:?}: {other:?}"),
        }
    }
    let twice = MediaType::parse("multipart/related; type=\"text/xml\"; TYPE=\"text/xml\"").unwrap_err();
    assert_eq!(twice, MediaTypeError::DuplicateParameter { at: 36 });
    assert_eq!(twice.code(), "media-type-duplicate-parameter");
    let many: String =
        std::iter::once("a/b".to_owned()).chain((0..=MAX_PARAMETERS).map(|i| format!(";p{i}=1"))).collect();
    assert_eq!(MediaType::parse(&many).unwrap_err().code(), "media-type-limit");
    let long = format!("a/b;c={}", "d".repeat(MAX_BYTES));
    assert_eq!(MediaType::parse(&long).unwrap_err().code(), "media-type-limit");
}

#[test]
fn checks_the_boundary() {
    let boundary = |value: &str| {
        MediaType::parse(&format!("multipart/related; boundary={value}"))
            .unwrap()
            .boundary()
            .map(str::to_owned)
    };
    let longest = "b".repeat(70);
    for good in ["a", "uuid:1", "\"==a/b+c==\"", "\"'()+_,-./:=? x\"", longest.as_str()] {
        assert!(boundary(good).is_ok(), "{good}");
    }
    let too_long = "b".repeat(71);
    for bad in ["\"\"", "\"a \"", "\"a\tb\"", "\"a*b\"", "\"a\\\"b\"", "\"é\"", too_long.as_str()] {
        assert_eq!(boundary(bad), Err(MediaTypeError::BoundaryInvalid), "{bad}");
    }
    assert_eq!(
        MediaType::parse("multipart/related").unwrap().boundary(),
        Err(MediaTypeError::BoundaryMissing)
    );
}

proptest! {
    #[test]
    fn what_is_displayed_reads_back(
        essence in "[a-z]{1,8}/[a-z+.-]{1,8}",
        names in proptest::collection::btree_set("[a-z-]{1,8}", 0..5),
        values in proptest::collection::vec("[ -~あ]{0,12}", 5),
    ) {
        let quoted: String = names
            .iter()
            .zip(&values)
            .map(|(n, v)| format!("; {n}=\"{}\"", v.replace('\\', "\\\\").replace('"', "\\\"")))
            .collect();
        let parsed = MediaType::parse(&format!("{essence}{quoted}")).unwrap();
        for (name, value) in names.iter().zip(&values) {
            prop_assert_eq!(parsed.parameter(name), Some(value.as_str()));
        }
        prop_assert_eq!(MediaType::parse(&parsed.to_string()).unwrap(), parsed);
    }

    #[test]
    fn never_panics(value in any::<String>()) {
        if let Err(e) = MediaType::parse(&value) {
            prop_assert!(!e.to_string().is_empty() && !e.message_ja().is_empty());
        }
    }
}
