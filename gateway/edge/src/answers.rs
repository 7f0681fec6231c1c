//! What the ledger and the board know, in the words of the answers.

mod chunks;
mod held;
mod withdrawn;

use sekisho_journal::{
    BatchView, Code, Digest, Ledger, LedgerError, Outcome, RecordException, RepeatedBy, SetAside, Status,
    Sums,
};
use sekisho_liveness::Snapshot;
use sekisho_records::{Violation, Violations};
use sekisho_soap::message::{self, DuplicateBy, ErrorsPage, Heartbeat, Receipt, RecordError, State};
use sekisho_xsd::Words;
use time::OffsetDateTime;

use crate::gateway::Gateway;

pub(crate) use self::chunks::page as chunks;
pub(crate) use self::held::numbered;

/// The receipt of a batch as it stands, with what of it waits for an operator.
pub(crate) async fn standing(
    gateway: &Gateway,
    batch: &BatchView,
    duplicate: Option<RepeatedBy>,
) -> Result<Receipt, LedgerError> {
    let held = held::by_reason(&gateway.ledger, batch).await?;
    // As it is now: what was on record when the receipt was given cannot be taken away unseen.
    let log_head = batch.finished_at.and_then(|_| gateway.log.head()).map(|head| head.to_string());
    Ok(Receipt { held, log_head, ..receipt(batch, duplicate) })
}

/// The receipt of a batch that has just been accepted. One that was accepted before has a standing already; where that
/// cannot be had now, the receipt is true without it.
pub(crate) async fn accepted(gateway: &Gateway, batch: &BatchView, duplicate: Option<RepeatedBy>) -> Receipt {
    standing(gateway, batch, duplicate).await.unwrap_or_else(|error| {
        tracing::warn!(%error, batch = %batch.id, "what is held could not be read for a receipt");
        receipt(batch, duplicate)
    })
}

fn receipt(batch: &BatchView, duplicate: Option<RepeatedBy>) -> Receipt {
    let sums = &batch.sums;
    Receipt {
        id: batch.id.to_string(),
        reference: batch.reference.clone(),
        route: batch.route.clone(),
        door: batch.door.clone(),
        received_at: at(batch.received_at),
        finished_at: batch.finished_at.map(at),
        records: sums.accepted,
        set_aside: sums.set_aside,
        replaced_characters: batch.replaced,
        bytes: batch.bytes,
        chunks: batch.chunks,
        delivered_digest: batch.delivered_digest.map(|digest| digest.to_string()),
        log_head: None,
        payload_digest: batch.payload_digest.to_string(),
        records_digest: batch.records_digest.to_string(),
        duplicate: duplicate.is_some(),
        duplicate_by: duplicate.map(|by| match by {
            RepeatedBy::Key => DuplicateBy::Key,
            RepeatedBy::MessageId => DuplicateBy::MessageId,
            RepeatedBy::Content => DuplicateBy::Content,
        }),
        state: match batch.status {
            Status::Accepted => State::Accepted,
            Status::Delivering => State::Delivering,
            Status::Held => State::Held,
            Status::Closing => State::Closing,
            Status::Finished => State::Finished,
        },
        sums: self::sums(sums),
        held: Vec::new(),
    }
}

/// The sums of a batch as messages have them.
pub(crate) fn sums(sums: &Sums) -> message::Sums {
    message::Sums {
        accepted: sums.accepted,
        pending: sums.pending,
        in_flight: sums.in_flight,
        in_doubt: sums.in_doubt,
        delivered: sums.delivered,
        partial: sums.partial,
        rejected: sums.rejected,
        cancelled: sums.cancelled,
        expired: sums.expired,
    }
}

/// Unix milliseconds as a time; one that the calendar cannot hold becomes its origin.
pub(crate) fn at(millis: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// A record that the cloud did not take; `number` is its number in the payload.
fn exception(exception: &RecordException, number: u64) -> RecordError {
    let (outcome, en, ja) = match exception.outcome {
        Outcome::Partial => {
            ("partial", "Some rows of the record arrived, some did not.", "一部の行だけが反映されました。")
        }
        Outcome::Rejected if exception.code.as_str() == Code::SUPERSEDED => (
            "rejected",
            "A later record of the batch has the same key: that one is sent in its place.",
            "同じバッチの後のレコードが同じキーを持つため、そちらを送信します。",
        ),
        Outcome::Rejected => {
            ("rejected", "The cloud refused the record.", "クラウドがレコードを拒否しました。")
        }
        Outcome::Returned => ("pending", "The record will be sent again.", "再送されます。"),
        Outcome::InDoubt => {
            ("inDoubt", "It is not known whether the record arrived.", "反映されたかどうか不明です。")
        }
    };
    RecordError {
        record: number,
        field: exception.field.clone(),
        outcome: Some(outcome.to_owned()),
        // Delivery counts a record's rows from 0, people from 1.
        rows: exception.rows.iter().map(|row| u64::from(*row) + 1).collect(),
        code: exception.code.to_string(),
        message: en.to_owned(),
        message_ja: ja.to_owned(),
        ..RecordError::default()
    }
}

/// A record that was left out of its batch.
fn left_out(left_out: &SetAside) -> RecordError {
    let broken = broken(left_out.code.as_str());
    RecordError {
        record: left_out.record,
        field: left_out.field.clone(),
        line: left_out.line,
        column: left_out.column,
        outcome: Some("setAside".to_owned()),
        code: left_out.code.to_string(),
        message: format!(
            "The record was left out of the batch: {}. Mend it and send it in a new batch.",
            broken.en
        ),
        message_ja: format!(
            "バッチから除外されました：{}。修正して、新しいバッチとして送信してください。",
            broken.ja
        ),
        ..RecordError::default()
    }
}

/// What a record that is left out breaks, as far as the code says it: what a rule demands of a field is not on record.
fn broken(code: &str) -> Words {
    sekisho_xsd::rule(code).unwrap_or_else(|| {
        let (en, ja) = match code.starts_with("policy-") {
            true => ("it breaks the disclosure policy of the route", "特定通信の開示規則に違反しています"),
            false => ("it breaks the schema", "スキーマに違反しています"),
        };
        Words { en: en.to_owned(), ja: ja.to_owned() }
    })
}

/// One page of what became of records that were not delivered as they should: those left out, those that the cloud did
/// not take and, in runs, those that wait for an operator and those that were withdrawn, by their number in the payload.
/// `from` counts the records before the page, from 0.
pub(crate) async fn errors(
    ledger: &Ledger,
    batch: &BatchView,
    from: u64,
    limit: u32,
) -> Result<ErrorsPage, LedgerError> {
    let set_aside = if batch.sums.set_aside > 0 { ledger.set_aside(batch.id).await? } else { Vec::new() };
    let position = SetAside::position_after(&set_aside, from);
    let found = ledger.errors(batch.id, position, limit).await?;
    let (waiting, held) = held::runs(ledger, batch, &set_aside, from, limit).await?;
    let (withdrawn, never_sent) = withdrawn::runs(ledger, batch, &set_aside, from, limit).await?;
    let mut errors: Vec<_> = set_aside
        .iter()
        .filter(|left_out| left_out.record > from)
        .take(limit as usize)
        .map(left_out)
        .chain(found.iter().map(|found| exception(found, SetAside::number_of(&set_aside, found.position))))
        .chain(waiting)
        .chain(withdrawn)
        .collect();
    errors.sort_by_key(|error| error.record);
    let more = errors.len() >= limit as usize;
    errors.truncate(limit as usize);
    Ok(ErrorsPage {
        id: batch.id.to_string(),
        total: batch.sums.partial + batch.sums.rejected + batch.sums.set_aside + held + never_sent,
        from,
        next: errors.last().filter(|_| more).map(|last| last.last_record.unwrap_or(last.record)),
        errors,
    })
}

/// The violations of a refused batch.
pub(crate) fn violations(violations: &Violations) -> Vec<RecordError> {
    violations.listed().iter().map(violated).collect()
}

fn violated(violation: &Violation) -> RecordError {
    let both = |words: &Option<Words>| words.clone().map(|words| (words.en, words.ja)).unzip();
    let ((expected, expected_ja), (found, found_ja)) = (both(&violation.expected), both(&violation.found));
    RecordError {
        record: violation.record,
        field: violation.field.clone(),
        path: violation.path.clone(),
        line: violation.line,
        column: violation.column,
        byte: violation.byte,
        code: violation.code.to_string(),
        expected,
        expected_ja,
        found,
        found_ja,
        message: violation.message.clone(),
        message_ja: violation.message_ja.clone(),
        ..RecordError::default()
    }
}

/// A heartbeat's answer.
pub(crate) fn heartbeat(snapshot: &Snapshot) -> Heartbeat {
    Heartbeat {
        taken_at: snapshot.taken_at,
        state: hop_state(snapshot.overall()),
        hops: snapshot.hops.iter().map(hop).collect(),
    }
}

fn hop(hop: &sekisho_liveness::Hop) -> message::Hop {
    let seen = &hop.evidence;
    message::Hop {
        name: hop.name.to_string(),
        upstream: hop.upstream.as_deref().map(str::to_owned),
        state: hop_state(hop.state),
        since: hop.since,
        checked_at: hop.checked_at,
        age_ms: hop.age_ms,
        latency_ms: hop.latency().map(|latency| latency.as_secs_f64() * 1_000.0),
        class: hop.class.map(|class| class.as_str().to_owned()),
        text: hop.text_en.to_string(),
        text_ja: hop.text_ja.to_string(),
        evidence: message::Evidence {
            checks_passed: seen.checks_passed,
            checks_failed: seen.checks_failed,
            traffic_passed: seen.traffic_passed,
            traffic_failed: seen.traffic_failed,
            failures_in_a_row: seen.failures_in_a_row,
        },
    }
}

fn hop_state(state: sekisho_liveness::HopState) -> message::HopState {
    match state {
        sekisho_liveness::HopState::Up => message::HopState::Up,
        sekisho_liveness::HopState::Degraded => message::HopState::Degraded,
        sekisho_liveness::HopState::Down => message::HopState::Down,
        sekisho_liveness::HopState::Unknown => message::HopState::Unknown,
    }
}

/// The digest of a payload as RFC 9530 writes it, for the answer's header.
pub(crate) fn repr_digest(digest: &Digest) -> String {
    use base64::Engine as _;
    format!("sha-256=:{}:", base64::engine::general_purpose::STANDARD.encode(digest.0))
}
