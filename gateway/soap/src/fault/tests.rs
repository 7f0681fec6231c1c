use proptest::prelude::*;

use super::*;
use crate::envelope::EnvelopeOptions;

fn received(bytes: &[u8]) -> ReceivedFault {
    let mut reader = EnvelopeReader::open(bytes, &EnvelopeOptions::default()).expect("an envelope");
    let fault = ReceivedFault::read(&mut reader).expect("readable").expect("a fault");
    reader.finish().expect("nothing behind it");
    fault
}

fn full() -> Fault {
    Fault {
        location: Location {
            part: Some(2),
            line: Some(3),
            column: Some(4),
            byte: Some(0),
            record: Some(6),
            field: Some("年齢".into()),
        },
        not_understood: vec![QName::new("urn:h?a&b", "block")],
        errors: vec![
            RecordError {
                record: 7,
                last_record: Some(9),
                field: Some("f01".into()),
                path: Some("Record[1]/f01[1]".into()),
                line: Some(8),
                column: Some(9),
                byte: Some(12),
                outcome: None,
                rows: vec![2, 5],
                code: "cvc-pattern-valid".into(),
                expected: Some("a match of <[0-9]>".into()),
                expected_ja: Some("パターン <[0-9]>".into()),
                found: None,
                found_ja: None,
                message: "does not match <its> pattern".into(),
                message_ja: "形式が違います".into(),
            },
            RecordError { record: 8, code: "x".into(), ..RecordError::default() },
        ],
        errors_total: Some(1234),
        ..Fault::new(Who::Sender, "records-invalid", "0192-ab", "2 records & more", "レコードの誤り")
    }
}

#[test]
fn soap_1_1_has_the_shape_of_r1000() {
    let text = String::from_utf8(full().write(Version::Soap11)).unwrap();
    assert!(text.contains("<env:Fault><faultcode>env:Client</faultcode><faultstring xml:lang=\"en\">2 records &amp; more</faultstring><detail><g:problem "), "{text}");
    assert!(text.ends_with("</g:problem></detail></env:Fault></env:Body></env:Envelope>"));
    assert!(text.contains("<g:code>records-invalid</g:code>"), "our code stands in the detail (R1031)");
    assert!(!text.contains("env:Header"));
}

#[test]
fn soap_1_2_has_code_reason_and_detail() {
    let text = String::from_utf8(full().write(Version::Soap12)).unwrap();
    assert!(text.contains("<env:Code><env:Value>env:Sender</env:Value><env:Subcode><env:Value xmlns:g=\"urn:sekisho:gateway:1\">g:records-invalid</env:Value></env:Subcode></env:Code>"));
    assert!(text.contains("<env:Text xml:lang=\"ja\">レコードの誤り</env:Text>"));
    assert!(text.contains("<env:NotUnderstood qname=\"u:block\" xmlns:u=\"urn:h?a&amp;b\"/>"));
    let mismatch =
        Fault::new(Who::VersionMismatch, "soap-version-mismatch", "1", "en", "ja").write(Version::Soap12);
    let text = String::from_utf8(mismatch).unwrap();
    assert_eq!(text.matches("<env:SupportedEnvelope qname=\"v:Envelope\"").count(), 2);
}

/// WS-Addressing 1.0 SOAP Binding sections 6.1, 6.2, 6.3.1, 6.4.1 and 6.4.1.7.
#[test]
fn a_fault_of_ws_addressing_has_its_codes_and_names_the_header() {
    let headers = ReplyHeaders {
        action: ACTION.to_owned(),
        relates_to: Some("urn:m:<1>".to_owned()),
        message_id: None,
    };
    let fault = Fault {
        invalid_header: Some(InvalidHeader::elsewhere("FaultTo")),
        headers: Some(headers),
        ..Fault::new(Who::Sender, "wsa-reply-elsewhere", "1", "en", "ja")
    };
    for version in [Version::Soap11, Version::Soap12] {
        let bytes = fault.write(version);
        let text = String::from_utf8(bytes.clone()).unwrap();
        let problem = ">wsa:FaultTo</wsa:ProblemHeaderQName></";
        let place = if version == Version::Soap11 { "wsa:FaultDetail><" } else { "env:Detail><" };
        assert!(text.contains(&format!("{problem}{place}")), "{text}");
        let mut reader = EnvelopeReader::open(&bytes[..], &EnvelopeOptions::default()).unwrap();
        assert_eq!(reader.addressing().relates_to, ["urn:m:<1>"]);
        assert_eq!(reader.addressing().action.as_deref(), Some(ACTION));
        let read = ReceivedFault::read(&mut reader).unwrap().unwrap();
        match version {
            Version::Soap11 => assert_eq!(read.code, "OnlyAnonymousAddressSupported"),
            Version::Soap12 => {
                assert_eq!(read.code, "Sender");
                assert_eq!(read.subcodes, ["InvalidAddressingHeader", "OnlyAnonymousAddressSupported"]);
            }
        }
        assert_eq!(read.who(), Who::Sender);
        let ours = read.ours.unwrap();
        assert_eq!((ours.code.as_str(), ours.who), ("wsa-reply-elsewhere", Who::Sender));
    }
    let invalid = Fault { invalid_header: Some(InvalidHeader { header: "To", code: None }), ..fault };
    assert_eq!(received(&invalid.write(Version::Soap11)).code, "InvalidAddressingHeader");
    assert_eq!(received(&invalid.write(Version::Soap12)).subcodes, ["InvalidAddressingHeader"]);
}

#[test]
fn codes_and_statuses_follow_the_version() {
    let table = [
        (Who::Sender, "Client", "Sender", 400),
        (Who::Receiver, "Server", "Receiver", 500),
        (Who::MustUnderstand, "MustUnderstand", "MustUnderstand", 500),
        (Who::VersionMismatch, "VersionMismatch", "VersionMismatch", 500),
    ];
    for (who, code11, code12, status12) in table {
        let fault = Fault::new(who, "a-code", "1", "en", "ja");
        assert_eq!((who.code(Version::Soap11), who.code(Version::Soap12)), (code11, code12));
        assert_eq!((fault.http_status(Version::Soap11), fault.http_status(Version::Soap12)), (500, status12));
        assert_eq!(received(&fault.write(Version::Soap11)).code, code11);
        assert_eq!(received(&fault.write(Version::Soap12)).code, code12);
        assert_eq!(received(&fault.write(Version::Soap12)).subcodes, ["a-code"]);
    }
}

#[test]
fn what_is_written_reads_back() {
    for version in [Version::Soap11, Version::Soap12] {
        let fault = received(&full().write(version));
        assert_eq!(fault.ours.as_ref(), Some(&full()));
        assert_eq!(fault.reason, "2 records & more");
        assert_eq!(fault.who(), Who::Sender);
    }
}

#[test]
fn reads_the_faults_of_others() {
    let dotted = b"<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body><e:Fault><faultcode>e:Server.Timeout</faultcode>\
        <faultstring>slow</faultstring><faultactor>urn:x</faultactor><detail>text<d:info xmlns:d='urn:d'/></detail></e:Fault></e:Body></e:Envelope>";
    let fault = received(dotted);
    assert_eq!((fault.code.as_str(), fault.who()), ("Server.Timeout", Who::Receiver));
    assert_eq!(fault.reason, "slow");
    assert_eq!(fault.detail, [QName::new("urn:d", "info")]);
    assert_eq!(fault.ours, None);

    let qualified = b"<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body><e:Fault><e:faultcode>Client</e:faultcode></e:Fault></e:Body></e:Envelope>";
    assert_eq!(received(qualified).who(), Who::Sender);

    let nested = b"<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope'><e:Body><e:Fault><e:Code><e:Value>e:Sender</e:Value>\
        <e:Subcode><e:Value>x:a</e:Value><e:Subcode><e:Value>b</e:Value></e:Subcode></e:Subcode></e:Code>\
        <e:Reason><e:Text xml:lang='fr'>non</e:Text><e:Text xml:lang='en-GB'>no</e:Text></e:Reason></e:Fault></e:Body></e:Envelope>";
    let fault = received(nested);
    assert_eq!(fault.subcodes, ["a", "b"]);
    assert_eq!(fault.reason, "no");

    // A detail of our namespace that is not our message is not believed, and the fault is still one.
    let forged = b"<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body><e:Fault><faultcode>e:Client</faultcode>\
        <faultstring>s</faultstring><detail><problem xmlns='urn:sekisho:gateway:1'><other/></problem></detail></e:Fault></e:Body></e:Envelope>";
    assert_eq!(received(forged).ours, None);

    let none = crate::envelope::write(Version::Soap11, None, b"<a xmlns='urn:a'/>");
    let mut reader = EnvelopeReader::open(&none[..], &EnvelopeOptions::default()).unwrap();
    assert_eq!(ReceivedFault::read(&mut reader).unwrap(), None);
}

#[test]
fn errors_of_the_envelope_become_faults_with_a_place() {
    let text = "<a>\n  <b></a>";
    let error = EnvelopeReader::open(text.as_bytes(), &EnvelopeOptions::default()).err().unwrap();
    let fault = Fault::of(&error, "id");
    assert_eq!(fault.code, error.code());
    assert_eq!(fault.location.line, error.position().map(|at| at.line));
    let fault = Fault::not_understood(vec![QName::new("urn:h", "b")], "id");
    assert_eq!((fault.who, fault.http_status(Version::Soap12)), (Who::MustUnderstand, 500));
}

proptest! {
    /// Whatever the texts hold, the fault is an envelope; what XML can hold reads back.
    #[test]
    fn any_text_makes_a_fault(reason in any::<String>(), ja in any::<String>(), code in "[ -~]{0,20}") {
        let fault = Fault::new(Who::Receiver, &code, "id", &reason, &ja);
        for version in [Version::Soap11, Version::Soap12] {
            let read = received(&fault.write(version));
            let ours = read.ours.expect("ours");
            if !reason.contains(|c: char| (c < ' ' && !"\t\r\n".contains(c)) || matches!(c, '\u{fffe}' | '\u{ffff}')) {
                prop_assert_eq!(&ours.reason_en, &reason);
            }
        }
    }
}
