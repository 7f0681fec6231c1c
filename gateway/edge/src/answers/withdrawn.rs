//! Records that had not left, or had no effect, when their batch was withdrawn or its time was over.

use sekisho_journal::machine::{Run, Settlement};
use sekisho_journal::{BatchView, Code, Ledger, LedgerError, SetAside};
use sekisho_soap::message::RecordError;

use super::held::numbered;

/// The runs of records that were cancelled or have expired, by their numbers in the payload: those behind `from`, at most
/// `limit`; and how many records that are in all.
pub(super) async fn runs(
    ledger: &Ledger,
    batch: &BatchView,
    set_aside: &[SetAside],
    from: u64,
    limit: u32,
) -> Result<(Vec<RecordError>, u64), LedgerError> {
    let total = batch.sums.cancelled + batch.sums.expired;
    if total == 0 {
        return Ok((Vec::new(), 0));
    }
    let before = SetAside::position_after(set_aside, from);
    let found = ledger.withdrawn(batch.id, before, limit).await?;
    let listed = found.iter().flat_map(|run| {
        numbered(run.first.max(before)..run.first + run.count, set_aside)
            .map(move |(first, last)| entry(first, last, run))
    });
    Ok((listed.take(limit as usize).collect(), total))
}

fn entry(first: u64, last: u64, run: &Run) -> RecordError {
    let outcome = if run.outcome == Settlement::Expired { "expired" } else { "cancelled" };
    let code = run.code.as_ref().map_or(outcome, Code::as_str);
    let [message, message_ja] = said(outcome, code, run.chunk.is_some());
    RecordError {
        record: first,
        last_record: (last > first).then_some(last),
        outcome: Some(outcome.to_owned()),
        code: code.to_owned(),
        message,
        message_ja,
        ..RecordError::default()
    }
}

/// Who ended the batch, what that means for these records, and what to do: English, Japanese. Of records that were `sent`,
/// the code is why they came back; who ended the batch is not known with them.
fn said(outcome: &str, code: &str, sent: bool) -> [String; 2] {
    let why = match (outcome, code) {
        ("expired", _) => [
            "The time of the batch (expire_after_seconds of the route) was over",
            "バッチの配信期限（特定通信のexpire_after_seconds）が過ぎたため",
        ],
        (_, "cancelled-by-client") => ["The client cancelled the batch", "団体がバッチを取り消したため"],
        (_, "cancelled-by-operator") => {
            ["The gateway's operator cancelled the batch", "ゲートウェイの運用者がバッチを取り消したため"]
        }
        (_, "purged-by-operator") => [
            "The gateway's operator destroyed what the batch held",
            "ゲートウェイの運用者がバッチの内容を破棄したため",
        ],
        _ => ["The batch was cancelled", "バッチが取り消されたため"],
    };
    let when = if sent {
        [
            "after these records had come back from the cloud without effect",
            "接続先に反映されずに戻ったこれらのレコードは再送されず、配信されていません。",
        ]
    } else {
        ["before these records were sent", "これらのレコードは送信されず、配信されていません。"]
    };
    let then = [
        "They are not delivered; where they are still wanted, send them as a new batch.",
        "必要な場合は、これらのレコードを新しいバッチとして送信してください。",
    ];
    [format!("{} {}. {}", why[0], when[0], then[0]), format!("{}、{}{}", why[1], when[1], then[1])]
}
