#![allow(clippy::unwrap_used)] // a test may fail where it stands

use super::*;

#[test]
fn an_action_is_found_wherever_a_head_can_have_one() {
    let related = "multipart/related; boundary=cut; start=\"<r@t>\"";
    let xop = format!("{related}; type=\"application/xop+xml\"");
    let cases: Vec<(Option<&str>, String, &[&str])> = vec![
        (None, "text/xml".to_owned(), &[]),
        (Some("\"\""), "text/xml; action=\"\"".to_owned(), &[]),
        (Some("urn:a"), "text/xml".to_owned(), &["urn:a"]),
        (Some(" \" urn:a \" "), "text/xml".to_owned(), &["urn:a"]),
        (Some("\"\""), "application/soap+xml; action=\"urn:b\"".to_owned(), &["urn:b"]),
        (Some("\"urn:a\""), "application/soap+xml; action=urn:b".to_owned(), &["urn:a", "urn:b"]),
        (None, format!("{related}; type=\"application/soap+xml; action=\\\"urn:c\\\"\""), &["urn:c"]),
        (
            Some("\"urn:a\""),
            format!("{xop}; action=\"urn:b\"; start-info=\"application/soap+xml; action=\\\"urn:c\\\"\""),
            &["urn:a", "urn:b", "urn:c"],
        ),
        (
            None,
            "application/xop+xml; type=\"application/soap+xml; action=\\\"urn:d\\\"\"".to_owned(),
            &["urn:d"],
        ),
        // Not everybody's start-info is a media type.
        (None, format!("{related}; type=\"text/xml\"; start-info=\"-o ps -f\""), &[]),
    ];
    for (header, media_type, wanted) in cases {
        let mut headers = HeaderMap::new();
        if let Some(value) = header {
            headers.insert("soapaction", value.parse().unwrap());
        }
        let found = in_head(&headers, &MediaType::parse(&media_type).unwrap()).unwrap();
        assert_eq!(found, wanted, "{header:?} {media_type}");
    }
}

#[test]
fn an_action_that_cannot_be_read_is_none_that_is_passed_over() {
    let plain = MediaType::parse("text/xml").unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("soapaction", http::HeaderValue::from_bytes(b"\"urn:\x83a\"").unwrap());
    assert_eq!(in_head(&headers, &plain).unwrap_err().code, "action-unreadable");
    let broken = "multipart/related; boundary=c; start-info=\"application/soap+xml action=\\\"urn:a\\\"\"";
    let media_type = MediaType::parse(broken).unwrap();
    assert_eq!(in_head(&HeaderMap::new(), &media_type).unwrap_err().code, "action-unreadable");
}
