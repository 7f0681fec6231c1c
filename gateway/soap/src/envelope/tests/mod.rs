use sekisho_xml::Event;

use super::*;

mod bad;

const S11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const S12: &str = "http://www.w3.org/2003/05/soap-envelope";

pub(super) fn open(text: &str) -> Result<EnvelopeReader<&[u8]>, SoapError> {
    EnvelopeReader::open(text.as_bytes(), &EnvelopeOptions::default())
}

/// Reads it all; the code of the error, if there is one.
pub(super) fn verdict(text: &str, options: &EnvelopeOptions) -> Result<(), SoapError> {
    EnvelopeReader::open(text.as_bytes(), options)?.finish()
}

pub(super) fn envelope(namespace: &str, header: &str, body: &str) -> String {
    format!("<e:Envelope xmlns:e='{namespace}'>{header}<e:Body>{body}</e:Body></e:Envelope>")
}

#[test]
fn stops_behind_the_start_of_the_bodys_child() {
    let text = envelope(S11, "", "\n <op xmlns='urn:x' a='1'><in>text</in>tail</op> ");
    let mut reader = open(&text).unwrap();
    assert_eq!(reader.version(), Version::Soap11);
    let child = reader.body().unwrap();
    assert!(child.name.is("urn:x", "op"));
    assert_eq!(child.attributes, [(QName::new("", "a"), "1".to_owned())]);
    assert_eq!(child.at.line, 2);
    match reader.xml().next().unwrap() {
        Event::Start(start) => assert!(start.is("urn:x", "in")),
        other => panic!("{other:?}"),
    }
    reader.finish().expect("what the caller left is passed over");
}

#[test]
fn an_empty_body_is_legal() {
    for body in ["", " \n ", "<!-- nothing -->"] {
        for namespace in [S11, S12] {
            let text = envelope(namespace, "<e:Header/>", body);
            let reader = open(&text).unwrap();
            assert!(reader.body().is_none() && reader.headers().is_empty());
            reader.finish().unwrap();
        }
    }
    let short = format!("<e:Envelope xmlns:e='{S11}'><e:Body/></e:Envelope>\n");
    let reader = open(&short).unwrap();
    assert!(reader.body().is_none());
    reader.finish().unwrap();
    let leaf = envelope(S12, "", "<x:op xmlns:x='urn:x'/>");
    let reader = open(&leaf).unwrap();
    assert!(reader.body().is_some());
    reader.finish().unwrap();
}

const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

#[test]
fn finds_how_long_a_message_is_good() {
    use std::time::Duration;
    let now = time::OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
    let left = |header: &str| {
        let text = envelope(
            S11,
            &format!("<e:Header xmlns:u='{WSU}' xmlns:w='urn:w'>{header}</e:Header>"),
            "<x:op xmlns:x='urn:x'/>",
        );
        let lifetime = open(&text).unwrap().lifetime();
        lifetime.map(|lifetime| lifetime.left(now).as_secs_f64())
    };
    let (created, expires) = (
        "<u:Created>2001-01-01T00:00:00Z</u:Created>",
        "<u:Expires> 2001-01-01T09:00:30.5+09:00\n</u:Expires>",
    );
    let timestamp = |inside: &str| format!("<u:Timestamp>{inside}</u:Timestamp>");
    let secured = |inside: &str| format!("<w:Security>{}<w:More>x</w:More></w:Security>", timestamp(inside));
    // Both by one clock, whatever ours shows; in a security header or by itself, and in any order.
    assert_eq!(left(&secured(&format!("{created}{expires}"))), Some(30.5));
    assert_eq!(left(&timestamp(&format!("{expires}<u:More/>{created}"))), Some(30.5));
    // The first one counts; what another block holds is no timestamp's.
    let named = format!(
        "<w:Security><w:Token><u:Created>1999-01-01T00:00:00Z</u:Created></w:Token>{}</w:Security>",
        timestamp(expires)
    );
    assert_eq!(left(&named), Some(0.0), "by our clock it was over long ago");
    let twice = format!(
        "{}{}",
        secured(&format!("{created}{expires}")),
        timestamp("<u:Expires>2099-01-01T00:00:00Z</u:Expires>")
    );
    assert_eq!(left(&twice), Some(30.5));
    // Without a zone it is UTC.
    let soon = (now + Duration::from_secs(7)).format(&time::format_description::well_known::Rfc3339).unwrap();
    assert_eq!(
        left(&timestamp(&format!("<u:Expires>{}</u:Expires>", soon.trim_end_matches('Z')))),
        Some(7.0)
    );
    // Over before it began; no end, or none that can be read; for somebody else.
    assert_eq!(left(&timestamp(&format!("<u:Created>2001-01-02T00:00:00Z</u:Created>{expires}"))), Some(0.0));
    assert_eq!(left(&timestamp(created)), None);
    assert_eq!(left(&timestamp("<u:Expires>tomorrow</u:Expires>")), None);
    assert_eq!(left(&timestamp(&format!("<u:Deep>{expires}</u:Deep>"))), None);
    let others = format!("<w:Security e:actor='urn:other'>{}</w:Security>", timestamp(expires));
    assert_eq!(left(&others), None);
    assert_eq!(left("<w:Security/>"), None);
}

#[test]
fn finds_what_must_be_understood_here() {
    let next11 = "http://schemas.xmlsoap.org/soap/actor/next";
    let ultimate = format!("{S12}/role/ultimateReceiver");
    // version, attributes of the block, mandatory for us
    let table = [
        (S11, "".to_owned(), false),
        (S11, "e:mustUnderstand='0'".to_owned(), false),
        (S11, "e:mustUnderstand='1'".to_owned(), true),
        (S11, "e:mustUnderstand=' 1 ' e:actor=''".to_owned(), true),
        (S11, format!("e:mustUnderstand='1' e:actor='{next11}'"), true),
        (S11, "e:mustUnderstand='1' e:actor='urn:another'".to_owned(), false),
        (S11, "e:mustUnderstand='1' e:actor='urn:ours'".to_owned(), true),
        (S11, "mustUnderstand='1'".to_owned(), false),
        (S12, "e:mustUnderstand='1'".to_owned(), true),
        (S12, "e:mustUnderstand='true'".to_owned(), true),
        (S12, "e:mustUnderstand='false'".to_owned(), false),
        (S12, format!("e:mustUnderstand='true' e:role='{S12}/role/next'"), true),
        (S12, format!("e:mustUnderstand='true' e:role='{ultimate}'"), true),
        (S12, format!("e:mustUnderstand='true' e:role='{S12}/role/none'"), false),
        (S12, "e:mustUnderstand='true' e:role='urn:another'".to_owned(), false),
        (S12, "e:mustUnderstand='true' e:actor='urn:another'".to_owned(), true),
    ];
    let options = EnvelopeOptions { roles: vec!["urn:ours".into()], ..EnvelopeOptions::default() };
    for (namespace, attributes, mandatory) in table {
        let block = format!("<e:Header> <h:block xmlns:h='urn:h' {attributes}><h:in/></h:block> </e:Header>");
        let text = envelope(namespace, &block, "");
        let reader = EnvelopeReader::open(text.as_bytes(), &options).unwrap();
        let missing = reader.not_understood(|_| false);
        assert_eq!(
            missing,
            if mandatory { vec![QName::new("urn:h", "block")] } else { vec![] },
            "{attributes}"
        );
        assert!(reader.not_understood(|name| name.is("urn:h", "block")).is_empty());
        assert_eq!(reader.headers().len(), 1);
    }
}

#[test]
fn a_signature_is_found_in_any_block_and_nowhere_else() {
    const D: &str = "http://www.w3.org/2000/09/xmldsig#";
    const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
    let signature = format!("<d:Signature xmlns:d='{D}'><d:SignedInfo/></d:Signature>");
    let security =
        |inside: &str| format!("<w:Security xmlns:w='{WSSE}'><w:Token>t</w:Token>{inside}</w:Security>");
    let header = |blocks: &str| format!("<e:Header>{blocks}</e:Header>");
    for (header, body, signed) in [
        (header(&security(&signature)), "<x xmlns='urn:x'/>".to_owned(), true),
        (header(&(security("<w:Nothing/>") + &security(&signature))), String::new(), true),
        (header(&signature), String::new(), true),
        (header(&security(&format!("<w:A>{signature}</w:A>"))), String::new(), true),
        (header(&security("")), format!("<x xmlns='urn:x'>{signature}</x>"), false),
        (header(&security("<Signature xmlns='urn:x'/>")), String::new(), false),
        (String::new(), String::new(), false),
    ] {
        for namespace in [S11, S12] {
            let text = envelope(namespace, &header, &body);
            let mut reader = open(&text).unwrap();
            assert_eq!(reader.is_signed(), signed, "{text}");
            assert_eq!(reader.body().is_some(), !body.is_empty());
            let _ = reader.xml();
            reader.finish().unwrap();
        }
    }
}

#[test]
fn reads_ws_addressing() {
    let header = format!(
        "<e:Header xmlns:a='{WSA}'><a:Action e:mustUnderstand='1'> urn:x#op </a:Action><a:To>urn:to</a:To>\
         <a:MessageID>urn:uuid:1</a:MessageID><a:RelatesTo>urn:a</a:RelatesTo><a:RelatesTo RelationshipType='x'>urn:b</a:RelatesTo>\
         <a:ReplyTo><a:Address>{ANONYMOUS}</a:Address><a:ReferenceParameters><k>1</k></a:ReferenceParameters></a:ReplyTo>\
         <a:From> <a:Metadata/><a:Address>urn:from</a:Address></a:From></e:Header>"
    );
    let text = envelope(S12, &header, "");
    let reader = open(&text).unwrap();
    let expected = Addressing {
        message_id: Some("urn:uuid:1".into()),
        action: Some("urn:x#op".into()),
        to: Some("urn:to".into()),
        reply_to: Some(ANONYMOUS.into()),
        fault_to: None,
        from: Some("urn:from".into()),
        relates_to: vec!["urn:a".into(), "urn:b".into()],
    };
    assert_eq!(reader.addressing(), &expected);
    assert!(expected.is_present() && expected.elsewhere().is_none());
    assert!(reader.not_understood(|_| false).is_empty(), "WS-Addressing is understood");
    let none = Some(NONE.to_owned());
    for (reply_to, fault_to, elsewhere) in [
        (none.clone(), none.clone(), None),
        (None, Some("http://10.0.0.1/".to_owned()), Some("FaultTo")),
        (Some("mailto:a@example".to_owned()), Some(ANONYMOUS.to_owned()), Some("ReplyTo")),
        (Some(format!("{ANONYMOUS}/")), none, Some("ReplyTo")),
    ] {
        let addressing = Addressing { reply_to, fault_to, ..Addressing::default() };
        assert_eq!(addressing.elsewhere(), elsewhere, "{addressing:?}");
    }

    let for_another = header.replace("<a:To>", "<a:To e:role='urn:another'>");
    let reader_text = envelope(S12, &for_another, "");
    assert_eq!(open(&reader_text).unwrap().addressing().to, None);
}

#[test]
fn actions_are_those_of_the_submission_too() {
    let earlier = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
    let action = |namespace: &str, text: &str| format!("<Action xmlns='{namespace}'>{text}</Action>");
    let to = format!("<To xmlns='{earlier}'>urn:to</To>");
    let other = format!("<Action xmlns='{earlier}' e:role='urn:another'>urn:o</Action>");
    for (blocks, wanted) in [
        (String::new(), &[][..]),
        (action(WSA, "urn:a"), &["urn:a"]),
        (action(earlier, " urn:b ") + &to, &["urn:b"]),
        (
            action(earlier, "urn:b") + &action(WSA, "urn:a") + &action(earlier, "urn:c"),
            &["urn:a", "urn:b", "urn:c"],
        ),
        (action(earlier, " ") + &other, &[]),
    ] {
        let text = envelope(S12, &format!("<e:Header>{blocks}</e:Header>"), "");
        let reader = open(&text).unwrap();
        assert_eq!(reader.actions().collect::<Vec<_>>(), wanted, "{blocks}");
        assert_eq!(reader.addressing().to, None);
        assert_eq!(reader.addressing().action.is_some(), blocks.contains(WSA));
    }
    let demanded =
        format!("<e:Header><Action xmlns='{earlier}' e:mustUnderstand='1'>urn:b</Action></e:Header>");
    let text = envelope(S12, &demanded, "");
    assert_eq!(open(&text).unwrap().not_understood(|_| false).len(), 1, "it is read, not understood");
    let nested =
        envelope(S12, &format!("<e:Header>{}</e:Header>", action(earlier, "<x xmlns='urn:x'/>")), "");
    assert_eq!(open(&nested).err().unwrap().code(), "wsa-invalid-header");
}

#[test]
fn the_media_type_tells_the_version() {
    let table = [
        ("text/xml; charset=utf-8", Some(Version::Soap11)),
        ("application/soap+xml; action=\"x\"", Some(Version::Soap12)),
        ("multipart/related; type=\"text/xml\"", Some(Version::Soap11)),
        ("multipart/related; type=\"application/soap+xml\"", Some(Version::Soap12)),
        ("multipart/related; type=\"application/xop+xml\"; start-info=\"text/xml\"", Some(Version::Soap11)),
        (
            "multipart/related; type=\"application/xop+xml\"; start-info=\"application/soap+xml; action=\\\"a\\\"\"",
            Some(Version::Soap12),
        ),
        ("application/xop+xml; type=\"text/xml\"", Some(Version::Soap11)),
        ("multipart/related", None),
        ("multipart/related; type=\"application/xop+xml\"", None),
        ("application/xml", None),
    ];
    for (media, version) in table {
        assert_eq!(Version::of_media_type(&MediaType::parse(media).unwrap()), version, "{media}");
    }
}

#[test]
fn what_is_written_reads_back() {
    let headers = ReplyHeaders {
        action: "urn:a?b&c".into(),
        relates_to: Some("urn:uuid:1".into()),
        message_id: Some("urn:uuid:2".into()),
    };
    for version in [Version::Soap11, Version::Soap12] {
        for headers in [None, Some(&headers)] {
            let text = write(version, headers, b"<x:op xmlns:x='urn:x'/>");
            let reader = EnvelopeReader::open(&text[..], &EnvelopeOptions::default()).unwrap();
            assert_eq!(reader.version(), version);
            assert!(reader.body().unwrap().name.is("urn:x", "op"));
            if let Some(headers) = headers {
                assert_eq!(reader.addressing().action.as_deref(), Some("urn:a?b&c"));
                assert_eq!(reader.addressing().to.as_deref(), Some(ANONYMOUS));
                assert_eq!(reader.addressing().relates_to, [headers.relates_to.clone().unwrap()]);
            }
            reader.finish().unwrap();
        }
    }
}
