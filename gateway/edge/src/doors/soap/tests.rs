use super::*;

#[test]
fn media_types_promise_a_version_or_none() {
    use Version::{Soap11, Soap12};
    for (value, version) in [
        ("text/xml; charset=utf-8", Some(Soap11)),
        ("application/soap+xml; action=\"urn:x\"", Some(Soap12)),
        ("multipart/related; boundary=b; type=\"text/xml\"", Some(Soap11)),
        ("multipart/related; boundary=b; type=text/xml", Some(Soap11)),
        ("multipart/related; boundary=b; type=\"Application/SOAP+XML\"", Some(Soap12)),
        (
            "multipart/related; boundary=b; type=\"application/xop+xml\"; start-info=\"text/xml\"",
            Some(Soap11),
        ),
        (
            "multipart/related; boundary=b; type=\"application/xop+xml\"; start-info=\"application/soap+xml\"",
            Some(Soap12),
        ),
        (
            "multipart/related; boundary=b; type=\"application/xop+xml\"; \
             start-info=\"application/soap+xml; action=\\\"urn:x\\\"\"",
            Some(Soap12),
        ),
        ("application/xop+xml; type=\"application/soap+xml\"", Some(Soap12)),
        ("application/xop+xml; type=\"text/xml\"", Some(Soap11)),
        ("multipart/related; boundary=b", None),
        ("multipart/related; boundary=b; type=\"application/xop+xml\"", None),
        ("multipart/related; boundary=b; type=\"image/png\"", None),
        ("multipart/related; boundary=b; type=\"multipart/related; type=text/xml\"", None),
        ("application/xop+xml; type=\"application/xop+xml\"", None),
        ("application/json", None),
    ] {
        assert_eq!(promised_version(&MediaType::parse(value).unwrap()), version, "{value}");
    }
}
