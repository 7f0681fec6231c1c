//! Records that wait for an operator: the spool cannot give them, or nobody can know what became of them.

mod reason;

use std::ops::Range;

use sekisho_journal::{BatchView, Code, Ledger, LedgerError, SetAside};
use sekisho_soap::message::{HeldRecords, RecordError};

use self::reason::Reason;

/// What of a batch waits, by reason.
pub(super) async fn by_reason(ledger: &Ledger, batch: &BatchView) -> Result<Vec<HeldRecords>, LedgerError> {
    // What is held is in doubt: most batches need not be looked into.
    if batch.sums.in_doubt == 0 {
        return Ok(Vec::new());
    }
    let held = ledger.held(batch.id).await?;
    let told = held.into_iter().map(|(code, records)| {
        let (message, message_ja) = Reason::of(code.as_str()).said();
        HeldRecords { code: code.to_string(), records, message, message_ja }
    });
    Ok(told.collect())
}

/// The runs of records that wait, by their numbers in the payload: those behind `from`, at most `limit`; and how many
/// records wait in all.
pub(super) async fn runs(
    ledger: &Ledger,
    batch: &BatchView,
    set_aside: &[SetAside],
    from: u64,
    limit: u32,
) -> Result<(Vec<RecordError>, u64), LedgerError> {
    if batch.sums.in_doubt == 0 {
        return Ok((Vec::new(), 0));
    }
    let Some(state) = ledger.state(batch.id).await? else { return Ok((Vec::new(), 0)) };
    let held = state.chunks().filter(|chunk| chunk.held());
    let total = held.clone().map(|chunk| chunk.live().len()).sum();
    let mut waiting: Vec<(Range<u64>, Option<&Code>)> =
        held.flat_map(|chunk| chunk.live().runs().map(|run| (run, chunk.code()))).collect();
    waiting.sort_by_key(|(run, _)| run.start);
    let before = SetAside::position_after(set_aside, from);
    let listed = waiting.into_iter().flat_map(|(run, code)| {
        numbered(run.start.max(before)..run.end, set_aside).map(move |(first, last)| entry(first, last, code))
    });
    Ok((listed.take(limit as usize).collect(), total))
}

/// The numbers in the payload of a run of positions, first and last: in several pieces where records were left out
/// between them.
pub(crate) fn numbered(run: Range<u64>, set_aside: &[SetAside]) -> impl Iterator<Item = (u64, u64)> + '_ {
    let mut position = run.start;
    std::iter::from_fn(move || {
        if position >= run.end {
            return None;
        }
        let first = SetAside::number_of(set_aside, position);
        let next = set_aside.partition_point(|left_out| left_out.record <= first);
        let until_next = set_aside.get(next).map_or(u64::MAX, |left_out| left_out.record - first);
        let count = until_next.min(run.end - position);
        position += count;
        Some((first, first + count - 1))
    })
}

fn entry(first: u64, last: u64, code: Option<&Code>) -> RecordError {
    let code = code.map_or(Code::UNREADABLE, Code::as_str);
    let (message, message_ja) = Reason::of(code).said();
    RecordError {
        record: first,
        last_record: (last > first).then_some(last),
        outcome: Some("inDoubt".to_owned()),
        code: code.to_owned(),
        message,
        message_ja,
        ..RecordError::default()
    }
}
