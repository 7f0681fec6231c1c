use super::*;
use crate::fault::Who;

/// Envelopes that are refused, with the code.
#[test]
fn refuses_by_name() {
    let e = |header: &str, body: &str| envelope(S11, header, body);
    let e12 = |header: &str, body: &str| envelope(S12, header, body);
    let deep = format!("{}{}", "<x xmlns='urn:x'>".repeat(200), "</x>".repeat(200));
    let wide: String = (0..200).map(|i| format!(" a{i}=''")).collect();
    let many: String = (0..65).map(|_| "<h:a xmlns:h='urn:h'/>").collect();
    let long = "u".repeat(3000);
    let wsa = |inside: &str| e(&format!("<e:Header xmlns:a='{WSA}'>{inside}</e:Header>"), "");
    let table: Vec<(&str, String, &str)> = vec![
        ("nothing", String::new(), "xml-not-well-formed"),
        ("not XML", "hello".into(), "xml-not-well-formed"),
        ("another root", "<a/>".into(), "soap-not-an-envelope"),
        ("a body alone", format!("<e:Body xmlns:e='{S11}'/>"), "soap-not-an-envelope"),
        ("no namespace", "<Envelope><Body/></Envelope>".into(), "soap-version-mismatch"),
        (
            "another version",
            envelope("http://www.w3.org/2001/12/soap-envelope", "", ""),
            "soap-version-mismatch",
        ),
        ("no body", format!("<e:Envelope xmlns:e='{S11}'/>"), "soap-body-missing"),
        (
            "a header alone",
            format!("<e:Envelope xmlns:e='{S11}'><e:Header/></e:Envelope>"),
            "soap-body-missing",
        ),
        ("two headers", e("<e:Header/><e:Header/>", ""), "soap-envelope-child"),
        ("a stranger before the body", e("<x xmlns='urn:x'/>", ""), "soap-envelope-child"),
        (
            "a body of the other version",
            format!("<e:Envelope xmlns:e='{S11}'><f:Body xmlns:f='{S12}'/></e:Envelope>"),
            "soap-envelope-child",
        ),
        ("text before the body", e("text", ""), "soap-text"),
        ("text in the header", e("<e:Header>text</e:Header>", ""), "soap-text"),
        ("text in the body", e("", "text"), "soap-text"),
        ("text behind the child", e("", "<x xmlns='urn:x'/>text"), "soap-text"),
        ("two children", e("", "<x xmlns='urn:x'/><x xmlns='urn:x'/>"), "soap-several-body-children"),
        ("a child without a namespace", e("", "<x/>"), "soap-body-unqualified"),
        ("a block without a namespace", e("<e:Header><x/></e:Header>", ""), "soap-header-unqualified"),
        (
            "an element behind the body",
            format!("<e:Envelope xmlns:e='{S11}'><e:Body/><x xmlns='urn:x'/></e:Envelope>"),
            "soap-after-body",
        ),
        (
            "a header behind the body",
            format!("<e:Envelope xmlns:e='{S11}'><e:Body/><e:Header/></e:Envelope>"),
            "soap-after-body",
        ),
        (
            "two bodies",
            format!("<e:Envelope xmlns:e='{S11}'><e:Body/><e:Body/></e:Envelope>"),
            "soap-after-body",
        ),
        (
            "text behind the body",
            format!("<e:Envelope xmlns:e='{S11}'><e:Body/>text</e:Envelope>"),
            "soap-after-body",
        ),
        ("two envelopes", [e("", ""), e("", "")].concat(), "xml-not-well-formed"),
        ("text behind the envelope", e("", "") + "text", "xml-not-well-formed"),
        ("cut in the head", format!("<e:Envelope xmlns:e='{S11}'><e:He"), "xml-not-well-formed"),
        ("cut in the body", format!("<e:Envelope xmlns:e='{S11}'><e:Body>"), "xml-not-well-formed"),
        ("cut behind the body", format!("<e:Envelope xmlns:e='{S11}'><e:Body/>"), "xml-not-well-formed"),
        ("a DTD", format!("<!DOCTYPE x>{}", e("", "")), "xml-doctype"),
        ("a DTD with an entity", format!("<!DOCTYPE x [<!ENTITY a 'b'>]>{}", e("", "&a;")), "xml-doctype"),
        ("an entity", e("", "<x xmlns='urn:x'>&a;</x>"), "xml-not-well-formed"),
        ("a PI before", format!("<?a b?>{}", e("", "")), "xml-processing-instruction"),
        ("a PI in the header", e("<e:Header><?a b?></e:Header>", ""), "xml-processing-instruction"),
        ("a PI in the body", e("", "<?a b?>"), "xml-processing-instruction"),
        ("a PI behind", e("", "") + "<?a b?>", "xml-processing-instruction"),
        ("deep nesting", e("", &deep), "xml-limit"),
        ("deep nesting in the header", e(&format!("<e:Header>{deep}</e:Header>"), ""), "xml-limit"),
        ("many attributes", e("", &format!("<x xmlns='urn:x'{wide}/>")), "xml-limit"),
        ("a huge attribute", e("", &format!("<x xmlns='urn:x' a='{}'/>", "a".repeat(100_000))), "xml-limit"),
        ("a huge name", e("", &format!("<x{} xmlns='urn:x'/>", "a".repeat(1000))), "xml-limit"),
        ("many header blocks", e(&format!("<e:Header>{many}</e:Header>"), ""), "soap-limit"),
        ("an undeclared prefix", e("", "<y:x/>"), "xml-not-well-formed"),
        ("an attribute twice", e("", "<x xmlns='urn:x' a='' a=''/>"), "xml-not-well-formed"),
        (
            "mustUnderstand=2",
            e("<e:Header><h:a xmlns:h='urn:h' e:mustUnderstand='2'/></e:Header>", ""),
            "soap-must-understand-value",
        ),
        (
            "mustUnderstand=true in 1.1",
            e("<e:Header><h:a xmlns:h='urn:h' e:mustUnderstand='true'/></e:Header>", ""),
            "soap-must-understand-value",
        ),
        (
            "mustUnderstand empty in 1.2",
            e12("<e:Header><h:a xmlns:h='urn:h' e:mustUnderstand=''/></e:Header>", ""),
            "soap-must-understand-value",
        ),
        ("encodingStyle in 1.2", e12("<e:Header e:encodingStyle='urn:x'/>", ""), "soap-encoding-style"),
        (
            "two message ids",
            wsa("<a:MessageID>a</a:MessageID><a:MessageID>b</a:MessageID>"),
            "wsa-invalid-header",
        ),
        ("an empty action", wsa("<a:Action> </a:Action>"), "wsa-invalid-header"),
        ("an action with an element", wsa("<a:Action>x<y/></a:Action>"), "wsa-invalid-header"),
        ("ReplyTo without an address", wsa("<a:ReplyTo/>"), "wsa-invalid-header"),
        ("ReplyTo with text", wsa("<a:ReplyTo>x</a:ReplyTo>"), "wsa-invalid-header"),
        (
            "ReplyTo with two addresses",
            wsa("<a:ReplyTo><a:Address>a</a:Address><a:Address>b</a:Address></a:ReplyTo>"),
            "wsa-invalid-header",
        ),
        (
            "two ReplyTo",
            wsa(&"<a:ReplyTo><a:Address>a</a:Address></a:ReplyTo>".repeat(2)),
            "wsa-invalid-header",
        ),
        ("a long message id", wsa(&format!("<a:MessageID>{long}</a:MessageID>")), "soap-limit"),
        ("many RelatesTo", wsa(&"<a:RelatesTo>a</a:RelatesTo>".repeat(17)), "soap-limit"),
    ];
    assert!(table.len() >= 50);
    for (what, text, code) in &table {
        let error = verdict(text, &EnvelopeOptions::default()).expect_err(what);
        assert_eq!(error.code(), *code, "{what}: {error}");
        let who = if *code == "soap-version-mismatch" { Who::VersionMismatch } else { Who::Sender };
        assert_eq!(error.who(), who, "{what}");
        assert!(error.position().is_some(), "{what}");
        assert!(!error.to_string().is_empty() && !error.message_ja().is_empty());
        assert!(error.input().is_none());
    }
}

#[test]
fn the_media_type_and_the_envelope_must_agree() {
    for (namespace, expected, agrees) in [
        (S11, Version::Soap11, true),
        (S12, Version::Soap12, true),
        (S11, Version::Soap12, false),
        (S12, Version::Soap11, false),
    ] {
        let options = EnvelopeOptions { expected: Some(expected), ..EnvelopeOptions::default() };
        let error = verdict(&envelope(namespace, "", ""), &options).err();
        assert_eq!(error.as_ref().map(SoapError::code), (!agrees).then_some("soap-version-content-type"));
        let at = error.as_ref().and_then(SoapError::position).map(|at| (at.line, at.column));
        assert_eq!(at, (!agrees).then_some((1, 1)));
        let said = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(agrees || (said.contains("SOAP 1.1") && said.contains("SOAP 1.2")), "{said}");
    }
}

#[test]
fn encoding_style_is_tolerated_in_1_1() {
    let text =
        format!("<e:Envelope xmlns:e='{S11}' e:encodingStyle='x'><e:Body e:encodingStyle='x'/></e:Envelope>");
    verdict(&text, &EnvelopeOptions::default()).unwrap();
}

#[test]
fn a_failing_input_shows_through() {
    use std::io::{BufReader, Error, ErrorKind, Read};
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(Error::from(ErrorKind::TimedOut))
        }
    }
    let text = format!("<e:Envelope xmlns:e='{S11}'><e:Body>");
    let input = BufReader::new(text.as_bytes().chain(Failing));
    let error = EnvelopeReader::open(input, &EnvelopeOptions::default()).err().expect("the input fails");
    assert_eq!(error.input().map(Error::kind), Some(ErrorKind::TimedOut));
    assert_eq!(error.who(), Who::Receiver);
}
