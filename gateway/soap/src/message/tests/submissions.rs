use sekisho_xml::QName;

use super::*;
use crate::envelope::XOP;

const SWA: &str = "cid:a%40b";

/// What the operation of these tests has beside its payload.
fn beside() -> Vec<QName> {
    let named = ["file", "name", "at", "tail", "deep"].map(|local| QName::new("urn:example:bulk", local));
    [&named[..], &[QName::new("", "file")]].concat()
}

fn submission(body: &str) -> Result<(Submission, Option<Vec<u8>>), SoapError> {
    let beside = beside();
    read(body.as_bytes(), |envelope| {
        let shape = SubmissionShape { beside: &beside, ..SubmissionShape::default() };
        let mut submission = Submission::read(envelope, &shape)?;
        let mut bytes = None;
        match submission.payload {
            Payload::Base64 => {
                let mut decoded = Vec::new();
                let result = submission.base64(envelope).read_to_end(&mut decoded);
                result.expect("good base64");
                bytes = Some(decoded);
            }
            Payload::Records => envelope.xml().skip_element()?,
            _ => {}
        }
        submission.finish(envelope, &shape)?;
        Ok((submission, bytes))
    })
}

fn op(inside: &str) -> String {
    format!("<submitBatch xmlns='{NAMESPACE}'>{inside}</submitBatch>")
}

fn foreign(inside: &str) -> String {
    format!("<b:send xmlns:b='urn:example:bulk'>{inside}</b:send>")
}

#[test]
fn finds_the_payload_in_every_form() {
    let include = format!("<x:Include xmlns:x='{XOP}' href='{SWA}'/>");
    let inline = format!("<x:Include xmlns:x='{XOP}'>QUJD</x:Include>");
    let attachment = || Payload::Attachment("a@b".into());
    let table = [
        (op(""), Payload::Unnamed, None),
        (op("<data/>"), Payload::Unnamed, None),
        (op("<data> \n </data>"), Payload::Unnamed, None),
        (op(&format!("<data href='{SWA}'/>")), attachment(), None),
        (op(&format!("<data href='{SWA}'> </data>")), attachment(), None),
        (op(&format!("<data>\n{SWA}\n</data>")), attachment(), None),
        (op(&format!("<attachment>{SWA}</attachment>")), attachment(), None),
        (op(&format!("<data> {include} </data>")), attachment(), None),
        (op(&format!("<data>{inline}</data>")), Payload::Base64, Some(&b"ABC"[..])),
        (op("<data>QUJD</data>"), Payload::Base64, Some(b"ABC")),
        (
            op("<data>\n Q<!-- c -->UJ<![CDATA[D]]> \nREVG&#x51;Q==\n</data>"),
            Payload::Base64,
            Some(b"ABCDEFA"),
        ),
        (op("<data>cidd</data>"), Payload::Base64, Some(b"r'\x5d")),
        (op("<records/>"), Payload::Records, None),
        (op("<records>text<r xmlns='urn:r'><records/></r></records>"), Payload::Records, None),
        (foreign(&format!("<b:data href='{SWA}'/>")), attachment(), None),
        (foreign(&format!("<data href='{SWA}'/><b:tail/>")), attachment(), None),
        (foreign(&format!("<b:file><b:name>x</b:name><b:at href='{SWA}'/></b:file>")), attachment(), None),
        (foreign(&format!("<b:file><b:at> {SWA} </b:at></b:file>")), attachment(), None),
        (foreign(&format!("<file href='{SWA}'/>")), attachment(), None),
        (foreign(&format!("<file>{include}</file>")), attachment(), None),
        (foreign(&include), attachment(), None),
        (foreign("<file href='http://example.test/'/><b:file>text</b:file>"), Payload::Unnamed, None),
        (foreign("<b:tail/><data>QUJD</data><b:tail><b:deep/></b:tail>"), Payload::Base64, Some(b"ABC")),
        (foreign("<b:tail/><records><r/></records><b:tail/>"), Payload::Records, None),
        (String::new(), Payload::Unnamed, None),
    ];
    for (body, payload, bytes) in table {
        let (found, decoded) = submission(&body).unwrap_or_else(|error| panic!("{body}: {error}"));
        assert_eq!(found.payload, payload, "{body}");
        assert_eq!(decoded.as_deref(), bytes, "{body}");
    }
}

#[test]
fn reads_reference_key_and_type() {
    let body = op(
        "<batchId> B-0001\n</batchId><idempotencyKey>k</idempotencyKey><data contentType='text/csv'>QUJD</data>",
    );
    let (found, _) = submission(&body).unwrap();
    assert_eq!(found.reference.as_deref(), Some("B-0001"));
    assert_eq!(found.idempotency_key.as_deref(), Some("k"));
    assert_eq!(found.content_type.as_deref(), Some("text/csv"));
    let body = foreign(
        "<data xmlns:m='http://www.w3.org/2005/05/xmlmime' m:contentType='text/csv'>QUJD</data><b:batchId>B</b:batchId>",
    );
    let (found, _) = submission(&body).unwrap();
    assert_eq!(found.content_type.as_deref(), Some("text/csv"));
    assert_eq!(found.reference.as_deref(), Some("B"), "a reference behind the payload is taken too");
}

#[test]
fn refuses_what_is_not_one_payload() {
    let long = format!("<batchId>{}</batchId>", "a".repeat(257));
    let endless = format!("<batchId>{}</batchId>", "a".repeat(100_000));
    let pointer = format!("<data>cid:{}</data>", "a".repeat(5000));
    let include = format!("<x:Include xmlns:x='{XOP}' href='{SWA}'/>");
    let table = [
        (op("text"), "message-unexpected-text"),
        (op("<other/>"), "message-unexpected-element"),
        (op("<batchId/>"), "message-invalid-value"),
        (op("<batchId> </batchId>"), "message-invalid-value"),
        (op("<batchId><a/></batchId>"), "message-unexpected-element"),
        (op("<batchId>1</batchId><batchId>2</batchId>"), "message-unexpected-element"),
        (
            op("<idempotencyKey>1</idempotencyKey><idempotencyKey>2</idempotencyKey>"),
            "message-unexpected-element",
        ),
        (op(&long), "message-invalid-value"),
        (op(&endless), "message-invalid-value"),
        (op("<data href='http://example.test/'/>"), "message-not-cid"),
        (op("<data href='cid:'/>"), "message-not-cid"),
        (op("<data href='a@b'/>"), "message-not-cid"),
        (op(&pointer), "message-not-cid"),
        (op(&format!("<data href='{SWA}'>QUJD</data>")), "message-several-payloads"),
        (op(&format!("<data href='{SWA}'><a/></data>")), "message-unexpected-element"),
        (op(&format!("<data href='{SWA}'/><data>QUJD</data>")), "message-several-payloads"),
        (op(&format!("<data>QUJD</data><data href='{SWA}'/>")), "message-several-payloads"),
        (op(&format!("<data href='{SWA}'/><records/>")), "message-several-payloads"),
        (op("<records/><records/>"), "message-several-payloads"),
        (op("<data>QUJD</data><records/>"), "message-several-payloads"),
        (op(&format!("<data>{include}{include}</data>")), "message-several-payloads"),
        (op(&format!("<data>{include}x</data>")), "message-several-payloads"),
        (op("<data><a/></data>"), "message-unexpected-element"),
        (op("<data>cid:a<a/></data>"), "message-unexpected-element"),
        (op("<data>QU<a/></data>"), "message-unexpected-element"),
        (op("<records/>text"), "message-unexpected-text"),
        (op("<records/><other/>"), "message-unexpected-element"),
        (foreign(&format!("<file href='{SWA}'/><b:at href='{SWA}'/>")), "message-several-payloads"),
        (foreign(&format!("<records/><b:tail href='{SWA}'/>")), "message-several-payloads"),
        (foreign("<records/><b:tail/><records/>"), "message-several-payloads"),
        // Bytes that stand for themselves are a payload wherever they are.
        (foreign(&format!("<file><x:Include xmlns:x='{XOP}'>QUJD</x:Include></file>")), "message-not-cid"),
        (foreign(&format!("<file><x:Include xmlns:x='{XOP}' href='http://x/'/></file>")), "message-not-cid"),
        (
            foreign(&format!("<file>{}</file>", include.replace("/>", ">QUJD</x:Include>"))),
            "message-several-payloads",
        ),
        (op("<b:tail xmlns:b='urn:example:bulk'/>"), "message-unexpected-element"),
    ];
    for (body, code) in table {
        let error = submission(&body).expect_err(&body);
        assert_eq!(error.code(), code, "{body}: {error}");
    }
}

/// What an operation does not name may hold records under a wrong name: it is refused wherever it stands, and never passed over.
#[test]
fn what_an_operation_does_not_name_is_refused_at_its_place() {
    let records = "<records><r/></records>";
    for (inside, column) in [
        ("<K4NARY/>", 1),
        ("<recrods><r/></recrods>", 1),
        ("<b:tail/><K4NARY/>", 10),
        ("<tail/>", 1),
        ("<b:K4NARY>x</b:K4NARY>", 1),
        ("<x:file xmlns:x='urn:K4NARY'/>", 1),
        ("<file href='x'><K4NARY/></file>", 16),
        ("<file><b:name>x</b:name>\t<b:at><K4NARY/></b:at></file>", 32),
        // Not even what would be read if it stood elsewhere.
        ("<file><data>QUJD</data></file>", 7),
        ("<file><records><r/></records></file>", 7),
        ("<file><batchId>K4NARY</batchId></file>", 7),
    ] {
        for body in [
            format!("\n{inside}"),
            format!("\n{inside}{records}"),
            format!("{records}\n{inside}"),
            format!("<data>QUJD</data>\n{inside}"),
            format!("<data href='{SWA}'/>\n{inside}"),
        ] {
            let error = submission(&foreign(&body)).expect_err(&body);
            assert_eq!(error.code(), "message-unexpected-element", "{body}: {error}");
            let at = error.position().map(|at| (at.line, at.column));
            assert_eq!(at, Some((2, column)), "{body}");
            for text in [error.to_string(), error.message_ja()] {
                assert!(text.contains("beside_records") && !text.contains("K4NARY"), "{body}: {text}");
            }
        }
    }
}

#[test]
fn both_payloads_of_a_message_are_named_with_their_places() {
    for (body, first, second, column) in [
        (
            op("<records/>\n<records/>"),
            "the element records at line 1, column 160",
            "the element records at line 2",
            1,
        ),
        (
            op("<data>QUJD</data>\n <records/>"),
            "the element data at line 1",
            "the element records at line 2",
            2,
        ),
        (
            op(&format!("<attachment>{SWA}</attachment>\n<data>QUJD</data>")),
            "the element attachment at",
            "the element data at",
            1,
        ),
    ] {
        let error = submission(&body).expect_err(&body);
        let (en, ja) = (error.to_string(), error.message_ja());
        assert_eq!(error.code(), "message-several-payloads", "{body}");
        assert_eq!(error.position().map(|at| (at.line, at.column)), Some((2, column)), "{body}");
        assert!(en.starts_with(second) && en.contains(first) && en.contains("send one of them"), "{en}");
        assert!(ja.starts_with(&format!("2行{column}文字目の要素")) && ja.contains("二つ目"), "{ja}");
    }
}

#[test]
fn bad_base64_is_told_where_it_stands_in_the_envelope() {
    use crate::message::InlineFault;
    let long = "QUJD".repeat(5_000);
    for (text, byte, line, column) in [
        ("QUJD*UJD".to_owned(), 4, 2, 5),
        (format!(" \n {long}\n*"), 20_004, 4, 1),
        (format!("{long}*"), 20_000, 2, 20_001),
        (format!("QU<!-- c -->JD{long}*QUJD"), 20_004, 2, 20_015),
        (format!("Q<!-- c -->U*{long}"), 2, 2, 13),
        (format!("Q*<!-- c -->U{long}"), 1, 2, 2),
        ("QUJDQ".to_owned(), 5, 2, 6),
        ("QUJD\nQUJDQ".to_owned(), 10, 3, 6),
        ("Q".to_owned(), 1, 2, 2),
    ] {
        let body = op(&format!("<data>\n{text}</data>"));
        let fault = read(body.as_bytes(), |envelope| {
            let mut submission = Submission::read(envelope, &SubmissionShape::default())?;
            let error = submission.base64(envelope).read_to_end(&mut Vec::new()).unwrap_err();
            Ok(*error.get_ref().unwrap().downcast_ref::<InlineFault>().unwrap())
        });
        let fault = fault.unwrap();
        // The line end before the text is a byte of it.
        assert_eq!(
            (fault.fault.byte, fault.at.line, fault.at.column),
            (byte + 1, line, column),
            "{text:.20}"
        );
        assert!(
            fault.to_string().contains(&format!("line {line}, column {column} of the envelope")),
            "{fault}"
        );
        assert!(fault.message_ja().starts_with(&format!("Envelope の{line}行{column}文字目")), "{fault:?}");
    }
}

/// The culprit, and not its parent; but never a name that only the message has.
#[test]
fn an_unexpected_element_is_named_if_the_contract_has_its_name() {
    for (body, en, ja) in [
        (op("<K4NARY/>"), "does not have stands in submitBatch", "submitBatchの中に"),
        (op("<receipt/>"), "the element receipt stands", "receiptの位置"),
        (op("<batchState xmlns='urn:K4NARY'/>"), "does not have stands in submitBatch", "submitBatchの中に"),
        (op("<batchId>1</batchId><batchId>2</batchId>"), "the element batchId stands", "batchIdの位置"),
        (op("<batchId><K4NARY/></batchId>"), "does not have stands in batchId", "batchIdの中に"),
        (op("<batchId><data/></batchId>"), "the element data stands", "dataの位置"),
        (op("<data><K4NARY/></data>"), "does not have stands in data", "dataの中に"),
        (op("<data><records/></data>"), "the element records stands", "recordsの位置"),
        (op(&format!("<data href='{SWA}'><records/></data>")), "the element records stands", "recordsの位置"),
    ] {
        let error = submission(&body).expect_err(&body);
        assert_eq!(error.code(), "message-unexpected-element", "{body}");
        for (text, wanted) in [(error.to_string(), en), (error.message_ja(), ja)] {
            assert!(text.contains(wanted), "{body}: {text}");
            assert!(!text.contains("K4NARY"), "{body}: {text}");
        }
    }
}

#[test]
fn bad_base64_has_its_place() {
    for (text, code, byte) in [
        ("\n  QUJD*A==", "base64-byte", 7),
        ("QUJD\nQ", "base64-truncated", 6),
        ("QU", "base64-truncated", 2),
        ("QUJDQ===", "base64-padding", 5),
    ] {
        let text = envelope::write(Version::Soap12, None, op(&format!("<data>{text}</data>")).as_bytes());
        let mut reader = EnvelopeReader::open(&text[..], &EnvelopeOptions::default()).unwrap();
        let mut submission = Submission::read(&mut reader, &SubmissionShape::default()).unwrap();
        let error = submission.base64(&mut reader).read_to_end(&mut Vec::new()).unwrap_err();
        let fault = error.get_ref().and_then(|e| e.downcast_ref::<crate::message::InlineFault>()).unwrap();
        assert_eq!((fault.code(), fault.fault.byte), (code, byte));
    }
    // Broken XML inside the text shows as what it is.
    let text = envelope::write(Version::Soap12, None, op("<data>QUJD&x;</data>").as_bytes());
    let mut reader = EnvelopeReader::open(&text[..], &EnvelopeOptions::default()).unwrap();
    let mut submission = Submission::read(&mut reader, &SubmissionShape::default()).unwrap();
    let error = submission.base64(&mut reader).read_to_end(&mut Vec::new()).unwrap_err();
    assert!(error.get_ref().is_some_and(|e| e.is::<sekisho_xml::XmlError>()));
}

#[test]
fn what_the_client_program_frames_is_read() {
    let table = [
        (Carrier::Attachment("a b%\"@x"), "", None),
        (Carrier::Attachment("a/b@x"), "", Some(Payload::Attachment("a/b@x".into()))),
        (Carrier::Include("a@b"), "", Some(Payload::Attachment("a@b".into()))),
        (Carrier::Base64, "QUJD", Some(Payload::Base64)),
        (Carrier::Records, "<r xmlns=''/>", Some(Payload::Records)),
    ];
    for version in [Version::Soap11, Version::Soap12] {
        for (carrier, payload, expected) in &table {
            let frame = SubmissionFrame::new(version, Some("B & 1"), Some("k"), Some("text/csv"), *carrier);
            let text = [&frame.before[..], payload.as_bytes(), &frame.after].concat();
            let mut reader = EnvelopeReader::open(&text[..], &EnvelopeOptions::default()).unwrap();
            let shape = SubmissionShape::default();
            let result = Submission::read(&mut reader, &shape);
            let Some(expected) = expected else {
                assert_eq!(result.unwrap_err().code(), "message-not-cid", "no Content-ID has a space");
                continue;
            };
            let mut submission = result.unwrap();
            assert_eq!(submission.reference.as_deref(), Some("B & 1"));
            assert_eq!(&submission.payload, expected);
            if *expected == Payload::Base64 {
                std::io::copy(&mut submission.base64(&mut reader), &mut std::io::sink()).unwrap();
            } else if *expected == Payload::Records {
                reader.xml().skip_element().unwrap();
            }
            submission.finish(&mut reader, &shape).unwrap();
            reader.finish().unwrap();
        }
    }
}
