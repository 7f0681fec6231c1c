use super::*;

#[test]
fn cid_urls_are_decoded() {
    let table = [
        ("cid:orders.csv@example.test", Some("orders.csv@example.test")),
        ("CID:a%40b", Some("a@b")),
        ("cid:a%25b%2fc", Some("a%b/c")),
        ("cid:%3Croot%3E", Some("root")),
        (" cid:a\n", Some("a")),
        ("cid:csv=3065d378-c71f@jaxws.sun.com", Some("csv=3065d378-c71f@jaxws.sun.com")),
        ("cid:", None),
        ("cid:%", None),
        ("cid:%4", None),
        ("cid:%zz", None),
        ("cid:%ff", None),
        ("cid:a%20b", None),
        ("cid:a%00", None),
        ("http://example.test/a", None),
        ("a@b", None),
        ("日本", None),
        ("", None),
    ];
    for (href, expected) in table {
        assert_eq!(cid(href).as_deref(), expected, "{href:?}");
    }
    assert_eq!(cid(&format!("cid:{}", "a".repeat(513))), None);
    assert!(cid(&format!("cid:{}", "%61".repeat(512))).is_some());
}

#[test]
fn ids_match_with_and_without_brackets() {
    assert!(same_content_id("<a@b>", "a@b"));
    assert!(same_content_id(" <a@b> ", "<a@b>"));
    assert!(!same_content_id("<a@b>", "A@b"), "case counts");
    assert!(!same_content_id("<a@b", "a@b"));
    assert!(!same_content_id("", ""));
}
