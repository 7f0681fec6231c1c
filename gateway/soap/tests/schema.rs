//! Everything that the gateway writes is what `schemas/gateway.xsd` says, and what the schema refuses it never writes.

use std::path::{Path, PathBuf};

use sekisho_soap::envelope::EnvelopeOptions;
use sekisho_soap::fault::{Fault, Location, ReceivedFault, Who};
use sekisho_soap::message::{
    Answer, Carrier, ChunkEntry, ChunkState, ChunksPage, DuplicateBy, ErrorsPage, Evidence, Fate, Heartbeat,
    HeldRecords, Hop, HopState, NAMESPACE, Receipt, RecordError, Request, Span, State, SubmissionFrame, Sums,
    Unfinished,
};
use sekisho_soap::{EnvelopeReader, Version};
use sekisho_xml::QName;
use sekisho_xsd::Schema;
use time::OffsetDateTime;

fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

fn schema() -> Schema {
    Schema::load(&schemas().join("gateway.xsd"), None).expect("the schema of our own messages")
}

/// What the schema has against a document.
fn violations(schema: &Schema, document: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let result = schema.validate_document(document, &mut |violation| {
        found.push(format!("{}: {}", violation.code, violation.message));
    });
    result.expect("a document");
    found
}

#[track_caller]
fn assert_valid(schema: &Schema, document: &[u8]) {
    let found = violations(schema, document);
    assert!(found.is_empty(), "{found:?}\n{}", String::from_utf8_lossy(document));
}

fn receipt(full: bool) -> Receipt {
    let at = OffsetDateTime::from_unix_timestamp_nanos(1_700_000_000_123_000_000).expect("a moment");
    let digest = format!("sha256:{}", "0f".repeat(32));
    Receipt {
        id: "0192a3b4-0000-7000-8000-000000000000".into(),
        reference: full.then(|| "第1回 <B&1>".into()),
        route: "属性情報".into(),
        door: "swa".into(),
        received_at: at,
        finished_at: full.then_some(at),
        records: 400_000,
        set_aside: 3,
        replaced_characters: if full { 7 } else { 0 },
        bytes: u64::MAX,
        payload_digest: digest.clone(),
        records_digest: digest.clone(),
        delivered_digest: full.then_some(digest),
        log_head: full.then(|| format!("4711:{}", "0f".repeat(32))),
        duplicate: full,
        duplicate_by: full.then_some(DuplicateBy::MessageId),
        state: State::Delivering,
        chunks: 12,
        sums: Sums { accepted: 400_000, delivered: 400_000, ..Sums::default() },
        held: if full { vec![held("spool-damaged", 120), held("outcome-unknown", 1)] } else { Vec::new() },
    }
}

fn held(code: &str, records: u64) -> HeldRecords {
    let (message, message_ja) = ("cannot be <read>".into(), "読み取れません".into());
    HeldRecords { code: code.into(), records, message, message_ja }
}

fn errors() -> Vec<RecordError> {
    vec![
        RecordError {
            record: 1,
            last_record: Some(120),
            field: Some("f01".into()),
            path: Some("Record[1]/f01[1]".into()),
            line: Some(2),
            column: Some(3),
            byte: Some(12),
            outcome: Some("partial".into()),
            rows: vec![1, 3],
            code: "cvc-datatype-valid.1.2.1".into(),
            expected: Some("1 <digit>".into()),
            expected_ja: Some("数字1桁".into()),
            found: Some("2 characters".into()),
            found_ja: Some("2文字".into()),
            message: "not a <digit>".into(),
            message_ja: "数字ではありません".into(),
        },
        RecordError { record: 2, code: "REQUIRED_FIELD_MISSING".into(), ..RecordError::default() },
    ]
}

fn chunks() -> Vec<ChunkEntry> {
    let at = OffsetDateTime::from_unix_timestamp(1_700_000_000).expect("a moment");
    let chunk = |(number, state): (u64, ChunkState)| ChunkEntry {
        number,
        first_record: number,
        last_record: number + 2,
        records: 2,
        rows: 5,
        attempt: 1,
        state,
        held: state == ChunkState::InDoubt,
        code: (state != ChunkState::Answered).then(|| "time-limit".into()),
        opened_at: at,
        changed_at: at,
    };
    (1..).zip(ChunkState::ALL).map(chunk).collect()
}

fn heartbeat() -> Heartbeat {
    let at = OffsetDateTime::from_unix_timestamp(1_700_000_000).expect("a moment");
    let hop = |name: &str, state, full: bool| Hop {
        name: name.into(),
        upstream: full.then(|| "cloud-a".into()),
        state,
        since: at,
        checked_at: full.then_some(at),
        age_ms: full.then_some(12),
        latency_ms: full.then_some(0.125),
        class: full.then(|| "timeout".into()),
        text: "no answer".into(),
        text_ja: "応答がありません".into(),
        evidence: Evidence { checks_failed: 1, ..Evidence::default() },
    };
    let hops = HopState::ALL.map(|state| hop("line", state, true)).into_iter();
    let hops = hops.chain([hop("gateway", HopState::Up, false)]).collect();
    Heartbeat { taken_at: at, state: HopState::Down, hops }
}

#[test]
fn answers_are_valid() {
    let schema = schema();
    let page = |errors, next| ErrorsPage { id: "b".into(), total: 2, from: 0, next, errors };
    let answers = [
        Answer::Submitted(receipt(true)),
        Answer::Submitted(receipt(false)),
        Answer::State(receipt(true)),
        Answer::Cancelled(receipt(false)),
        Answer::Errors(page(errors(), Some(2))),
        Answer::Errors(page(Vec::new(), None)),
        Answer::Chunks(ChunksPage { id: "b".into(), next: Some(5), chunks: chunks() }),
        Answer::Chunks(ChunksPage { id: "b".into(), next: None, chunks: Vec::new() }),
        Answer::Heartbeat(heartbeat()),
        Answer::Heartbeat(Heartbeat { hops: Vec::new(), ..heartbeat() }),
    ];
    for answer in &answers {
        assert_valid(&schema, &answer.write());
    }
    for state in State::ALL {
        assert_valid(&schema, &Answer::State(Receipt { state, ..receipt(true) }).write());
    }
    for by in DuplicateBy::ALL {
        let answer = Answer::Submitted(Receipt { duplicate_by: Some(by), ..receipt(true) });
        assert_valid(&schema, &answer.write());
    }
    for door in ["swa", "soap", "rest"] {
        assert_valid(&schema, &Answer::State(Receipt { door: door.into(), ..receipt(true) }).write());
    }
}

#[test]
fn requests_are_valid() {
    let schema = schema();
    let id = || "0192a3b4".to_owned();
    for request in [
        Request::BatchState { id: id() },
        Request::CancelBatch { id: id() },
        Request::BatchErrors { id: id(), from: 0, limit: None },
        Request::BatchErrors { id: id(), from: 1000, limit: Some(1000) },
        Request::BatchChunks { id: id(), after: 0, limit: None },
        Request::BatchChunks { id: id(), after: 3, limit: Some(7) },
        Request::Heartbeat,
    ] {
        assert_valid(&schema, &request.write());
    }
    for (carrier, payload) in [
        (Carrier::Attachment("data.csv@example.test"), ""),
        // Without line ends: the schema engine refuses white space inside, which XSD 1.0 part 2 section 3.2.16 allows.
        (Carrier::Base64, "QUJDREVG"),
        (Carrier::Base64, ""),
        (Carrier::Records, "<r xmlns=''><a>1</a></r><r xmlns='urn:r'/>"),
        (Carrier::Records, ""),
    ] {
        for reference in [None, Some("B-0001")] {
            let frame = SubmissionFrame::new(Version::Soap11, reference, reference, reference, carrier);
            let text = [&frame.before[..], payload.as_bytes(), &frame.after].concat();
            assert_valid(&schema, &body(&text));
        }
    }
}

/// The child of an envelope's body that our own writer wrote, as a document.
fn body(envelope: &[u8]) -> Vec<u8> {
    let start = memchr::memmem::find(envelope, b"<env:Body>").expect("a body") + 10;
    let end = memchr::memmem::find(envelope, b"</env:Body>").expect("its end");
    envelope[start..end].to_vec()
}

fn problem(envelope: &[u8]) -> Vec<u8> {
    let start = memchr::memmem::find(envelope, b"<g:problem").expect("a detail");
    let end = memchr::memmem::find(envelope, b"</g:problem>").expect("its end") + 12;
    envelope[start..end].to_vec()
}

fn unfinished() -> Unfinished {
    let spans = Fate::ALL.into_iter().zip(1..).map(|(fate, first)| Span { fate, first, last: first });
    let sums = Sums {
        accepted: 5,
        delivered: 1,
        partial: 1,
        rejected: 1,
        pending: 1,
        in_flight: 1,
        in_doubt: 0,
        cancelled: 0,
        expired: 0,
    };
    Unfinished { batch: "0192a3b4".into(), sums, spans: spans.collect(), spans_total: 1_000 }
}

#[test]
fn details_of_faults_are_valid() {
    let schema = schema();
    let plain = Fault::new(Who::Receiver, "spool-full", "0192a3b4", "no space", "空き容量がありません");
    let full = Fault {
        location: Location {
            part: Some(1),
            line: Some(2),
            column: Some(3),
            byte: Some(4),
            record: Some(5),
            field: Some("f01".into()),
        },
        not_understood: vec![QName::new("urn:h", "a"), QName::new("", "b")],
        errors: errors(),
        errors_total: Some(99),
        unfinished: Some(Box::new(unfinished())),
        ..plain.clone()
    };
    for fault in [plain, full] {
        for version in [Version::Soap11, Version::Soap12] {
            let text = fault.write(version);
            assert_valid(&schema, &problem(&text));
            let mut reader =
                EnvelopeReader::open(&text[..], &EnvelopeOptions::default()).expect("an envelope");
            let received = ReceivedFault::read(&mut reader).expect("readable").expect("a fault");
            assert_eq!(received.ours, Some(fault.clone()));
        }
    }
}

/// The schema is no rubber stamp: what breaks the contract is refused by it.
#[test]
fn the_schema_refuses_other_messages() {
    let schema = schema();
    let receipt_text = String::from_utf8(Answer::State(receipt(true)).write()).expect("UTF-8");
    let changed = |from: &str, to: &str| {
        assert!(receipt_text.contains(from), "{from}");
        receipt_text.replacen(from, to, 1)
    };
    let message = |text: &str| text.replace("@", &format!("xmlns='{NAMESPACE}'"));
    let table = [
        changed("<g:state>delivering</g:state>", "<g:state>lost</g:state>"),
        changed("<g:door>swa</g:door>", "<g:door>window</g:door>"),
        changed("<g:door>swa</g:door>", ""),
        changed("<g:duplicateBy>message-id</g:duplicateBy>", "<g:duplicateBy>chance</g:duplicateBy>"),
        changed("<g:records>400000</g:records>", "<g:records>-1</g:records>"),
        changed("sha256:0f", "md5:0f"),
        changed("<g:pending>0</g:pending>", ""),
        changed("</g:receipt>", "<g:more/></g:receipt>"),
        changed("<g:records>120</g:records>", ""),
        changed("<g:code>spool-damaged</g:code>", "<g:code>spool damaged</g:code>"),
        message("<submitBatch @><records/><data/></submitBatch>"),
        message("<submitBatch @><data>*</data></submitBatch>"),
        message("<submitBatch @><batchId/></submitBatch>"),
        message("<submitBatch @><idempotencyKey>k</idempotencyKey><batchId>b</batchId></submitBatch>"),
        message("<heartbeat @>x</heartbeat>"),
        message("<batchState @/>"),
        message("<unknown @/>"),
    ];
    for document in table {
        assert!(!violations(&schema, document.as_bytes()).is_empty(), "{document}");
    }
}

/// What JSON holds has the members that the OpenAPI document describes, all required ones among them, and no others.
#[test]
fn json_is_what_the_openapi_document_says() {
    let text = std::fs::read_to_string(schemas().join("openapi.json")).expect("the document");
    let api: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let fault = Fault {
        location: Location { field: Some("f".into()), ..Location::default() },
        errors: errors(),
        errors_total: Some(2),
        ..Fault::new(Who::Sender, "c", "i", "en", "ja")
    };
    let problem = sekisho_soap::message::Problem::of(&fault, 422);
    let bare = sekisho_soap::message::Problem::of(&Fault::new(Who::Sender, "c", "i", "en", "ja"), 422);
    let list = sekisho_soap::message::BatchList { batches: vec![receipt(true)], next: Some("n".into()) };
    let page = ErrorsPage { id: "b".into(), total: 2, from: 0, next: Some(2), errors: errors() };
    let history = ChunksPage { id: "b".into(), next: Some(2), chunks: chunks() };
    let json = |value: Result<serde_json::Value, serde_json::Error>| value.expect("JSON");
    for (name, value) in [
        ("Receipt", json(serde_json::to_value(receipt(true)))),
        ("Receipt", json(serde_json::to_value(receipt(false)))),
        ("BatchList", json(serde_json::to_value(list))),
        ("ErrorsPage", json(serde_json::to_value(page))),
        ("ChunksPage", json(serde_json::to_value(history))),
        ("Heartbeat", json(serde_json::to_value(heartbeat()))),
        ("Problem", json(serde_json::to_value(problem))),
        ("Problem", json(serde_json::to_value(bare))),
    ] {
        check(&api, &api["components"]["schemas"][name], &value, name);
    }
}

/// As much of JSON Schema as the OpenAPI document uses for answers.
fn check(api: &serde_json::Value, schema: &serde_json::Value, value: &serde_json::Value, path: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target =
            api.pointer(reference.trim_start_matches('#')).expect("a reference that leads somewhere");
        return check(api, target, value, path);
    }
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value), "{path}: {value}");
    }
    match schema["type"].as_str() {
        Some("object") => {
            let object = value.as_object().unwrap_or_else(|| panic!("{path} is no object"));
            let properties =
                schema["properties"].as_object().unwrap_or_else(|| panic!("{path}: no properties"));
            for required in schema["required"].as_array().into_iter().flatten() {
                let required = required.as_str().unwrap_or_default();
                assert!(object.contains_key(required), "{path} has no {required}");
            }
            for (name, member) in object {
                let property =
                    properties.get(name).unwrap_or_else(|| panic!("{path}.{name} is not described"));
                check(api, property, member, &format!("{path}.{name}"));
            }
        }
        Some("array") => {
            for item in value.as_array().unwrap_or_else(|| panic!("{path} is no array")) {
                check(api, &schema["items"], item, path);
            }
        }
        Some("string") => assert!(value.is_string(), "{path}"),
        Some("integer") => assert!(value.is_u64(), "{path}"),
        Some("number") => assert!(value.is_number(), "{path}"),
        Some("boolean") => assert!(value.is_boolean(), "{path}"),
        other => panic!("{path}: type {other:?}"),
    }
}
