use std::io::{Cursor, Read};

use proptest::prelude::*;
use time::OffsetDateTime;

use super::*;
use crate::envelope::{self, EnvelopeOptions, EnvelopeReader, SoapError, Version};

mod submissions;

pub(super) fn read<T>(
    body: &[u8],
    read: impl FnOnce(&mut EnvelopeReader<Cursor<Vec<u8>>>) -> Result<T, SoapError>,
) -> Result<T, SoapError> {
    let text = envelope::write(Version::Soap11, None, body);
    let mut reader = EnvelopeReader::open(Cursor::new(text), &EnvelopeOptions::default())?;
    let value = read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

fn moments() -> impl Strategy<Value = OffsetDateTime> {
    (0i64..4_000_000_000, 0i64..1000).prop_map(|(seconds, ms)| {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap() + time::Duration::milliseconds(ms)
    })
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[ -~]{0,20}", "[あ-ん𠮷\u{e000}<>&\"' ]{0,10}"]
}

fn names() -> impl Strategy<Value = String> {
    "[!-~]{1,20}"
}

fn receipts() -> impl Strategy<Value = Receipt> {
    let digest = "[0-9a-f]{64}".prop_map(|hex| format!("sha256:{hex}"));
    (
        (names(), proptest::option::of(names()), names(), moments(), proptest::option::of(moments())),
        (any::<[u64; 3]>(), digest.clone(), digest.clone(), proptest::option::of(digest), any::<bool>()),
        (0usize..5, any::<u64>(), any::<[u32; 8]>(), proptest::collection::vec(held(), 0..3)),
    )
        .prop_map(|(a, b, c)| {
            let [pending, in_flight, in_doubt, delivered, partial, rejected, cancelled, expired] =
                c.2.map(u64::from);
            let accepted = c.2.iter().map(|&n| u64::from(n)).sum();
            let sums = Sums {
                accepted,
                pending,
                in_flight,
                in_doubt,
                delivered,
                partial,
                rejected,
                cancelled,
                expired,
            };
            assert!(sums.balanced());
            Receipt {
                id: a.0,
                reference: a.1,
                route: a.2,
                door: "swa".into(),
                received_at: a.3,
                finished_at: a.4,
                records: b.0[0],
                set_aside: b.0[1],
                replaced_characters: b.0[1] % 3,
                bytes: b.0[2],
                payload_digest: b.1,
                records_digest: b.2,
                log_head: b.3.clone(),
                delivered_digest: b.3,
                duplicate: b.4,
                duplicate_by: b.4.then_some(DuplicateBy::ALL[c.0 % 3]),
                state: State::ALL[c.0],
                chunks: c.1,
                sums,
                held: c.3,
            }
        })
}

fn held() -> impl Strategy<Value = HeldRecords> {
    (names(), any::<u64>(), texts(), texts()).prop_map(|(code, records, message, message_ja)| HeldRecords {
        code,
        records,
        message,
        message_ja,
    })
}

fn errors() -> impl Strategy<Value = RecordError> {
    let number = || proptest::option::of(any::<u64>());
    (
        (any::<u64>(), number()),
        proptest::option::of(names()),
        proptest::option::of(names()),
        (number(), number(), number()),
        (proptest::option::of(names()), proptest::collection::vec(any::<u64>(), 0..3)),
        names(),
        proptest::array::uniform4(proptest::option::of(texts())),
        (texts(), texts()),
    )
        .prop_map(
            |(
                (record, last_record),
                field,
                path,
                (line, column, byte),
                (outcome, rows),
                code,
                [expected, expected_ja, found, found_ja],
                (message, message_ja),
            )| RecordError {
                record,
                last_record,
                field,
                path,
                line,
                column,
                byte,
                outcome,
                rows,
                code,
                expected,
                expected_ja,
                found,
                found_ja,
                message,
                message_ja,
            },
        )
}

fn chunks() -> impl Strategy<Value = ChunkEntry> {
    (any::<[u64; 6]>(), 0usize..5, any::<bool>(), proptest::option::of(names()), moments(), moments())
        .prop_map(
            |(
                [number, first_record, last_record, records, rows, attempt],
                state,
                held,
                code,
                opened_at,
                changed_at,
            )| {
                let state = ChunkState::ALL[state];
                ChunkEntry {
                    number,
                    first_record,
                    last_record,
                    records,
                    rows,
                    attempt,
                    state,
                    held,
                    code,
                    opened_at,
                    changed_at,
                }
            },
        )
}

fn hops() -> impl Strategy<Value = Hop> {
    (
        (names(), proptest::option::of(names()), 0usize..4, moments(), proptest::option::of(moments())),
        (
            proptest::option::of(any::<u64>()),
            proptest::option::of(0u32..10_000_000),
            proptest::option::of(names()),
        ),
        (texts(), texts(), any::<[u64; 5]>()),
    )
        .prop_map(|(a, b, c)| Hop {
            name: a.0,
            upstream: a.1,
            state: HopState::ALL[a.2],
            since: a.3,
            checked_at: a.4,
            age_ms: b.0,
            latency_ms: b.1.map(|us| f64::from(us) / 1000.0),
            class: b.2,
            text: c.0,
            text_ja: c.1,
            evidence: Evidence {
                checks_passed: c.2[0],
                checks_failed: c.2[1],
                traffic_passed: c.2[2],
                traffic_failed: c.2[3],
                failures_in_a_row: c.2[4],
            },
        })
}

pub(super) fn answers() -> impl Strategy<Value = Answer> {
    let page = (
        names(),
        any::<[u64; 2]>(),
        proptest::option::of(any::<u64>()),
        proptest::collection::vec(errors(), 0..4),
    )
        .prop_map(|(id, [total, from], next, errors)| ErrorsPage { id, total, from, next, errors });
    let history = (names(), proptest::option::of(any::<u64>()), proptest::collection::vec(chunks(), 0..4))
        .prop_map(|(id, next, chunks)| ChunksPage { id, next, chunks });
    let heartbeat = (moments(), 0usize..4, proptest::collection::vec(hops(), 0..4))
        .prop_map(|(taken_at, state, hops)| Heartbeat { taken_at, state: HopState::ALL[state], hops });
    prop_oneof![
        receipts().prop_map(Answer::Submitted),
        receipts().prop_map(Answer::State),
        receipts().prop_map(Answer::Cancelled),
        page.prop_map(Answer::Errors),
        history.prop_map(Answer::Chunks),
        heartbeat.prop_map(Answer::Heartbeat),
    ]
}

proptest! {
    #[test]
    fn answers_read_back(answer in answers()) {
        prop_assert_eq!(read(&answer.write(), Answer::read).unwrap(), answer);
    }

    #[test]
    fn requests_read_back(id in names(), from in any::<u64>(), limit in proptest::option::of(any::<u64>())) {
        for request in [
            Request::BatchState { id: id.clone() },
            Request::CancelBatch { id: id.clone() },
            Request::BatchErrors { id: id.clone(), from, limit },
            Request::BatchChunks { id, after: from, limit },
            Request::Heartbeat,
        ] {
            prop_assert_eq!(read(&request.write(), Request::read).unwrap(), request);
        }
    }

    /// JSON has the members that XML has elements, under the same names, and reads back.
    #[test]
    fn receipts_are_the_same_in_json(receipt in receipts()) {
        let json = serde_json::to_value(&receipt).unwrap();
        let xml = String::from_utf8(Answer::State(receipt.clone()).write()).unwrap();
        for (name, value) in json.as_object().unwrap() {
            let element = format!("<g:{name}>");
            prop_assert!(xml.contains(&element), "{}", name);
            if let Some(text) = value.as_str().filter(|text| !text.contains(['&', '<', '>'])) {
                let whole = format!("{element}{text}</g:{name}>");
                prop_assert!(xml.contains(&whole), "{}", name);
            }
        }
        // Each reason is an element with a code, a number and two texts; in JSON they are one member.
        let once = json.as_object().unwrap().keys().filter(|name| *name != "held").count();
        prop_assert_eq!(xml.matches("</g:").count(), once + 9 + 2 + 5 * receipt.held.len());
        prop_assert_eq!(serde_json::from_value::<Receipt>(json).unwrap(), receipt);
    }
}

#[test]
fn other_messages_are_refused() {
    let table: &[(&str, &str)] = &[
        ("<heartbeat xmlns='urn:other'/>", "message-unknown-operation"),
        ("<other xmlns='urn:sekisho:gateway:1'/>", "message-unknown-operation"),
        ("<submitBatch xmlns='urn:sekisho:gateway:1'/>", "message-unknown-operation"),
        ("", "message-unknown-operation"),
        ("<heartbeat xmlns='urn:sekisho:gateway:1'><a/></heartbeat>", "message-unexpected-element"),
        ("<heartbeat xmlns='urn:sekisho:gateway:1'>a</heartbeat>", "message-unexpected-text"),
        ("<batchState xmlns='urn:sekisho:gateway:1'/>", "message-missing-element"),
        ("<batchState xmlns='urn:sekisho:gateway:1'><id/></batchState>", "message-invalid-value"),
        (
            "<batchState xmlns='urn:sekisho:gateway:1'><id>1</id><id>2</id></batchState>",
            "message-unexpected-element",
        ),
        (
            "<batchState xmlns='urn:sekisho:gateway:1'><id>1<b/></id></batchState>",
            "message-unexpected-element",
        ),
        (
            "<batchState xmlns='urn:sekisho:gateway:1'><id xmlns=''>1</id></batchState>",
            "message-unexpected-element",
        ),
        (
            "<batchErrors xmlns='urn:sekisho:gateway:1'><id>1</id><from>x</from></batchErrors>",
            "message-invalid-value",
        ),
        (
            "<batchErrors xmlns='urn:sekisho:gateway:1'><id>1</id><from>-1</from></batchErrors>",
            "message-invalid-value",
        ),
        (
            "<batchErrors xmlns='urn:sekisho:gateway:1'><id>1</id><from>+1</from></batchErrors>",
            "message-invalid-value",
        ),
        (
            "<batchErrors xmlns='urn:sekisho:gateway:1'><id>1</id><limit>1</limit><from>1</from></batchErrors>",
            "message-unexpected-element",
        ),
    ];
    for (body, code) in table {
        let error = read(body.as_bytes(), Request::read).expect_err(body);
        assert_eq!(error.code(), *code, "{body}: {error}");
        assert!(!error.message_ja().is_empty() && error.position().is_some());
    }
    let long = format!("<batchState xmlns='{NAMESPACE}'><id>{}</id></batchState>", "a".repeat(257));
    assert_eq!(read(long.as_bytes(), Request::read).unwrap_err().code(), "message-invalid-value");
    let answer =
        "<heartbeatResponse xmlns='urn:sekisho:gateway:1'><takenAt>yesterday</takenAt></heartbeatResponse>";
    assert_eq!(read(answer.as_bytes(), Answer::read).unwrap_err().code(), "message-invalid-value");
    assert_eq!(read(b"<a xmlns='urn:a'/>", Answer::read).unwrap_err().code(), "message-unknown-operation");
}

#[test]
fn the_element_that_is_wrong_is_named() {
    let of = |operation: &str, children: &str| {
        format!("<{operation} xmlns='{NAMESPACE}'>{children}</{operation}>")
    };
    for (body, wanted) in [
        (of("heartbeat", "<K4NARY/>"), "does not have stands in heartbeat"),
        (of("heartbeat", "K4NARY"), "(heartbeat)"),
        (of("batchState", "<id>1</id><id>2</id>"), "the element id stands"),
        (of("batchState", "<id>1<K4NARY/></id>"), "does not have stands in id"),
        (of("batchState", "<id xmlns=''>1</id>"), "does not have stands in batchState"),
        (of("batchErrors", "<id>1</id><limit>1</limit><from>1</from>"), "the element from stands"),
        (of("batchErrors", "<from>1</from>"), "the element from stands"),
        (of("batchErrors", ""), "(id)"),
    ] {
        let text = read(body.as_bytes(), Request::read).unwrap_err().to_string();
        assert!(text.contains(wanted), "{body}: {text}");
        assert!(!text.contains("K4NARY"), "{body}: {text}");
    }
}

#[test]
fn a_message_without_end_costs_no_more_than_its_limit() {
    let start = format!(
        "<e:Envelope xmlns:e='{}'><e:Body><heartbeat xmlns='{NAMESPACE}'>",
        Version::Soap11.namespace()
    );
    struct Endless;
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = buffer.len() / 4 * 4;
            buffer[..count].chunks_exact_mut(4).for_each(|chunk| chunk.copy_from_slice(b"<a/>"));
            Ok(count)
        }
    }
    let input = std::io::BufReader::with_capacity(8192, start.as_bytes().chain(Endless));
    let mut reader = EnvelopeReader::open(input, &EnvelopeOptions::default()).unwrap();
    assert_eq!(Request::read(&mut reader).unwrap_err().code(), "soap-limit");
}

#[test]
fn sums_that_lose_a_record_do_not_balance() {
    let sums = Sums { accepted: 3, pending: 1, delivered: 1, ..Sums::default() };
    assert!(!sums.balanced());
    assert!(Sums { expired: 1, ..sums }.balanced());
    assert!(!Sums { pending: u64::MAX, ..sums }.balanced(), "a sum that overflows is no balance");
}

#[test]
fn a_problem_document_says_what_the_fault_says() {
    let fault = crate::fault::Fault::new(crate::fault::Who::Sender, "mime-truncated", "id-1", "en", "ja");
    let json = serde_json::to_value(Problem::of(&fault, 400)).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "type": "urn:sekisho:problem:mime-truncated", "title": "mime truncated", "status": 400,
            "detail": "en", "detailJa": "ja", "code": "mime-truncated", "id": "id-1"
        })
    );
    assert_eq!(serde_json::from_value::<Problem>(json).unwrap(), Problem::of(&fault, 400));
}
