//! What was delivered, as one digest: half of a final receipt's proof.

use aws_lc_rs::digest;

use crate::identity::{BatchId, Digest};
use crate::ledger::{Ledger, LedgerError};
use crate::machine::Settlement;
use crate::ranges::RangeSet;
use crate::spool::{Spool, SpoolError, encode_varint};

/// Runs of outcomes that are read at a time.
const RUNS: u32 = 10_000;

/// SHA-256 over the delivered records of a batch, in their order, each with its length before it, as `recordsDigest` is
/// made of all records. To be called when every record has its outcome. Where all were delivered it is the digest of the
/// records, and nothing is read; else the payload is read once, on a thread that may block. `None`: the payload cannot be
/// read, or there is no such batch.
///
/// # Errors
/// The ledger cannot be read.
pub async fn delivered_digest(
    spool: &Spool,
    ledger: &Ledger,
    batch: BatchId,
) -> Result<Option<Digest>, LedgerError> {
    let Some(view) = ledger.batch(batch).await? else { return Ok(None) };
    if view.sums.delivered == view.sums.accepted {
        return Ok(Some(view.records_digest));
    }
    if view.sums.delivered == 0 {
        return Ok(Some(Digest::of(b"")));
    }
    let (spool, ledger) = (spool.clone(), ledger.clone());
    let reading = tokio::task::spawn_blocking(move || {
        let delivered = delivered(&ledger, batch)?;
        Ok(digest_of(&spool, batch, &delivered).map(Some).unwrap_or_else(|error| {
            tracing::warn!(%batch, code = error.code(), %error, "a receipt goes without the digest of what was delivered");
            None
        }))
    });
    // Reading does not panic and is not cancelled, unless the runtime is going down.
    reading.await.unwrap_or(Err(LedgerError::Closed))
}

fn delivered(ledger: &Ledger, batch: BatchId) -> Result<RangeSet, LedgerError> {
    let (mut delivered, mut from) = (RangeSet::new(), 0);
    loop {
        let runs = ledger.settled_blocking(batch, from, RUNS)?;
        let Some(last) = runs.last() else { return Ok(delivered) };
        from = last.first + last.count;
        for run in runs.iter().filter(|run| run.outcome == Settlement::Delivered) {
            delivered.insert(run.first..run.first + run.count);
        }
    }
}

fn digest_of(spool: &Spool, batch: BatchId, delivered: &RangeSet) -> Result<Digest, SpoolError> {
    let mut digest = digest::Context::new(&digest::SHA256);
    let mut runs = delivered.runs().peekable();
    // One pass: where outcomes alternate, finding each run by the index would cost more than passing over what is between.
    let first = runs.peek().map_or(0, |run| run.start);
    let mut records = spool.reader(batch)?.read(first..u64::MAX)?;
    while let Some(run) = runs.peek()
        && let Some((position, record)) = records.next()?
    {
        if position >= run.start {
            let mut varint = [0; 10];
            let used = encode_varint(record.len() as u64, &mut varint);
            digest.update(&varint[..used]);
            digest.update(record);
        }
        if position + 1 >= run.end {
            runs.next();
        }
    }
    Ok(Digest::finished(digest.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::NewBatch;
    use crate::machine::{Event, Exception, Outcome};

    const NOW: u64 = 1_700_000_000_000;
    const RECORDS: u64 = 40;

    fn record(position: u64) -> Vec<u8> {
        vec![position as u8; position as usize * 7]
    }

    async fn accept(spool: &Spool, ledger: &Ledger, kept: impl Fn(u64) -> bool) -> (BatchId, Digest) {
        let mut writer = spool.create(BatchId::new(NOW)).unwrap();
        for position in (0..RECORDS).filter(|position| kept(*position)) {
            writer.push(&record(position), None).unwrap();
        }
        let sealed = writer.seal().unwrap();
        let digest = Digest::of(b"");
        let batch = NewBatch {
            id: sealed.batch,
            client: "city".into(),
            route: "attributes".into(),
            door: "rest".into(),
            reference: None,
            plan: ledger.define("{}".into()).await.unwrap(),
            schema: digest,
            mapping: digest,
            policy: None,
            records: sealed.records,
            set_aside: Vec::new(),
            replaced: 0,
            bytes: sealed.bytes,
            stored: sealed.stored,
            payload_digest: digest,
            records_digest: sealed.records_digest,
            received_at: NOW,
            accepted_at: NOW,
            expires_at: None,
            ordered: false,
            idempotency: None,
        };
        ledger.accept(batch).await.unwrap();
        (sealed.batch, sealed.records_digest)
    }

    #[tokio::test]
    async fn the_digest_is_that_of_a_batch_of_just_the_delivered_records() {
        let state = tempfile::tempdir().unwrap();
        let spool = Spool::open(&state.path().join("spool"), &state.path().join("spool.key")).unwrap();
        let spool = spool.with_segment_bytes(500);
        let (ledger, _) = Ledger::open(&state.path().join("ledger.db"), "test", NOW).unwrap();
        for refused in
            [vec![], vec![0], vec![39], vec![3, 4, 5, 20], (0..40).step_by(2).collect(), (0..40).collect()]
        {
            let (id, whole) = accept(&spool, &ledger, |_| true).await;
            let (_, alone) = accept(&spool, &ledger, |position| !refused.contains(&position)).await;
            let exceptions =
                refused.iter().map(|position| Exception::new(*position, Outcome::Rejected, "X")).collect();
            let opened = Event::ChunkOpened { chunk: 1, first: 0, count: RECORDS, attempt: 1 };
            let answered = Event::ChunkAnswered { chunk: 1, exceptions, rows: RECORDS };
            ledger.apply(id, ledger.epoch(), NOW, vec![opened, answered]).await.unwrap();
            let found = delivered_digest(&spool, &ledger, id).await.unwrap();
            assert_eq!(
                found,
                Some(if refused.len() as u64 == RECORDS { Digest::of(b"") } else { alone }),
                "{refused:?}"
            );
            assert_eq!(found == Some(whole), refused.is_empty());
            if !refused.is_empty() && (refused.len() as u64) < RECORDS {
                spool.remove(id).unwrap();
                assert_eq!(delivered_digest(&spool, &ledger, id).await.unwrap(), None, "the payload is gone");
            }
        }
        assert_eq!(delivered_digest(&spool, &ledger, BatchId::new(NOW)).await.unwrap(), None);
    }
}
