//! What refusals say: whose a limit is, and nothing of the payload, not even a byte.

use crate::client::Answer;
use crate::record_sets::RecordSet;
use crate::site::Site;
use crate::ways::{Message, Way, envelope, package, submit, swa};

/// Both texts of a refusal, by whatever protocol.
fn said(site: &Site, request: &[u8]) -> (Answer, String) {
    let answer = site.client().ask(request);
    assert!(answer.status >= 400, "{answer}");
    let text = answer.text();
    (answer, text)
}

#[test]
fn a_limit_is_named_in_words_with_the_setting_that_it_comes_from() {
    let site = Site::new();
    let body = |inner: &str| Message::soap11(&envelope(inner)).to("/orders");
    // An operation of the municipality's passes over what it names.
    let deep = format!("<b:submitBatch xmlns:b='urn:example:bulk'>{}", "<b:sender>".repeat(100));
    let long = "x".repeat(300_000);
    let many: String = (0..200).map(|n| format!(" a{n}='1'")).collect();
    let spaces: String = (0..200).map(|n| format!(" xmlns:a{n}='urn:{n}'")).collect();
    let root = envelope(&submit("<g:data href=\"cid:p@t\"/>"));
    let images = std::iter::repeat_n(("Content-Type: image/png\r\n", &b"x"[..]), 40);
    let parts: Vec<_> =
        std::iter::once(("Content-Type: text/xml\r\n", root.as_bytes())).chain(images).collect();
    let part_head = format!("X: {long}\r\n");
    let related = "multipart/related; boundary=cut; type=\"text/xml\"";
    let rest =
        |content_type: &str, payload: String| Message::rest(content_type, payload.as_bytes()).to("/orders");
    let column = "order_id,customer,amount,note\r\n";
    let nested = format!("[{{\"order_id\":{}", "[".repeat(100));
    let field = format!("<orders xmlns=\"urn:example:bulk\"><order><order_id>{long}");
    for (name, request, en, ja) in [
        (
            "records",
            Way::RestCsv.request("/small", &RecordSet::many_orders(9)),
            "limits.records",
            "limits.records",
        ),
        (
            "declared bytes",
            Way::RestCsv.message(&[b'x'; 5_000]).to("/small"),
            "limits.body_bytes",
            "limits.body_bytes",
        ),
        (
            "bytes",
            Way::RestJson.message(&[b' '; 5_000]).chunked("/small", 99),
            "limits.body_bytes",
            "limits.body_bytes",
        ),
        (
            "unpacked bytes",
            Message::rest("application/json", &[b' '; 3 << 20]).gzipped().to("/small"),
            "limits.unpacked_bytes",
            "limits.unpack_ratio",
        ),
        (
            "csv field",
            rest("text/csv", format!("{column}1,{long}")),
            "limits.record_bytes",
            "limits.record_bytes",
        ),
        (
            "json field",
            rest("application/json", format!("[{{\"order_id\":\"{long}")),
            "limits.record_bytes",
            "limits.record_bytes",
        ),
        ("json depth", rest("application/json", nested), "limits.depth", "limits.depth"),
        ("xml field", rest("application/xml", field), "limits.record_bytes", "limits.record_bytes"),
        (
            "depth",
            body(&deep),
            "over the limit of 64 elements open at once. The limit is limits.depth",
            "limits.depth",
        ),
        (
            "tag",
            body(&format!("<a xmlns='urn:x'{}/>", " ".repeat(200_000))),
            "bytes of one tag, comment",
            "タグ",
        ),
        (
            "attribute",
            body(&format!("<a xmlns='urn:x' b='{}'/>", "x".repeat(100_000))),
            "limits.field_bytes",
            "属性値",
        ),
        (
            "attributes",
            body(&format!("<a xmlns='urn:x'{many}/>")),
            "of 128 attributes of one element. This",
            "固定",
        ),
        (
            "namespaces",
            body(&format!("<a xmlns='urn:x'{spaces}/>")),
            "namespace declarations in scope. This",
            "固定",
        ),
        (
            "name",
            body(&format!("<{}/>", "x".repeat(1_000))),
            "of 512 bytes of one name. This limit is fixed",
            "名前",
        ),
        (
            "namespace",
            body(&format!("<a xmlns='urn:{}'/>", "x".repeat(3_000))),
            "bytes of one namespace name",
            "固定",
        ),
        (
            "parts",
            package(related, &parts).to("/orders"),
            "The limit is limits.parts of the route",
            "limits.parts",
        ),
        ("part's head", package(related, &[(&part_head, b"x")]).to("/orders"), "This limit is fixed", "固定"),
    ] {
        let (answer, text) = said(&site, &request);
        assert_eq!(answer.status, 413, "{name}: {answer}");
        assert!(text.contains(en) && text.contains(ja), "{name}: {text}");
        for internal in ["event_bytes", "name_bytes", "attribute_value", "namespaces_in", "uri_bytes"] {
            assert!(!text.contains(internal), "{name} names what no configuration has: {text}");
        }
    }
}

#[test]
fn no_byte_of_a_payload_is_said() {
    let site = Site::new();
    let part = |encoding: &str, bytes: &[u8]| {
        let head = format!("Content-Type: text/csv\r\nContent-Transfer-Encoding: {encoding}\r\n");
        let root = envelope(&submit(""));
        package(
            "multipart/related; boundary=cut; type=\"text/xml\"",
            &[("Content-Type: text/xml\r\n", root.as_bytes()), (&head, bytes)],
        )
    };
    let inline = envelope(&submit("<g:data>b3JkZXJf*WQ=</g:data>"));
    for (name, message, code) in [
        ("base64 part", part("base64", b"b3JkZXJf*WQ="), "base64-byte"),
        ("base64 inline", Message::soap11(&inline), "base64-byte"),
        ("quoted-printable", part("quoted-printable", b"order_id\x01"), "quoted-printable-byte"),
        ("7bit", part("7bit", "order_id,名\r\n".as_bytes()), "mime-not-7bit"),
        ("json", Message::rest("application/json", b"[{*}]"), "json-syntax"),
        ("ndjson", Message::rest("application/x-ndjson", b"{\"order_id\":*}"), "json-syntax"),
    ] {
        let (answer, text) = said(&site, &message.to("/orders"));
        assert_eq!(answer.refused().code, code, "{name}: {answer}");
        let lower = text.to_ascii_lowercase();
        assert!(!lower.contains("0x") && !text.contains('*'), "{name}: {text}");
    }
}

#[test]
fn both_parts_of_a_package_with_two_payloads_are_named() {
    let site = Site::new();
    let root = envelope(&submit("<g:data href=\"cid:p@t\"/>"));
    let csv = b"order_id,customer,amount,note\r\n1,a,1.00,\r\n";
    let message = package(
        "multipart/related; boundary=cut; type=\"text/xml\"",
        &[
            ("Content-Type: text/xml\r\n", root.as_bytes()),
            ("Content-Type: image/png\r\n", b"x"),
            ("Content-Type: text/csv\r\nContent-ID: <p@t>\r\n", csv),
            ("Content-Type: text/csv; charset=utf-8\r\n", csv),
        ],
    );
    let (answer, text) = said(&site, &message.to("/orders"));
    assert_eq!(answer.refused().code, "attachment-second");
    assert!(text.contains("Part 4") && text.contains("part 3"), "{text}");
    assert!(text.contains("パート4") && text.contains("パート3"), "{text}");
}

#[test]
fn who_cannot_be_understood_at_a_soap_door_is_answered_with_a_fault() {
    let site = Site::new();
    let good = swa(b"order_id,customer,amount,note\r\n1,a,1.00,\r\n", "text/csv");
    for (value, code, soap12) in [
        ("multipart/related; boundary=\"cut", "media-type-syntax", false),
        ("multipart/related; boundary=cut; boundary=tuc", "media-type-duplicate-parameter", false),
        (
            "multipart/related; boundary=a; boundary=b; type=\"Application/SOAP+xml\"",
            "media-type-duplicate-parameter",
            true,
        ),
        ("/", "media-type-syntax", false),
    ] {
        let (answer, _) = said(&site, &good.clone().with("Content-Type", value).to("/orders"));
        let media_type =
            if soap12 { "application/soap+xml; charset=utf-8" } else { "text/xml; charset=utf-8" };
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (415, Some(media_type)),
            "{value}: {answer}"
        );
        assert_eq!(answer.refused().code, code, "{value}");
    }
    let none = "POST /orders HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx";
    let (answer, _) = said(&site, none.as_bytes());
    assert_eq!(answer.header("content-type"), Some("text/xml; charset=utf-8"), "{answer}");
    assert_eq!(answer.refused().code, "content-type-missing");
    // What can be read and is none of SOAP's is answered as the web does.
    let other = Way::RestCsv.message(b"x");
    let (answer, _) = said(&site, &Message { below: "", ..other }.to("/orders"));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer}");
}
