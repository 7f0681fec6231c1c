//! The history of a batch's chunks, as its client sees it.

use sekisho_journal::machine::Chunk;
use sekisho_journal::{BatchView, ChunkState, Ledger, LedgerError, SetAside};
use sekisho_soap::message::{self, ChunkEntry, ChunksPage};

use super::at;

/// One page of a batch's chunks, those behind the number `after`; records by their numbers in the payload. The upstream's
/// own name for a chunk is the operator's matter and not there.
pub(crate) async fn page(
    ledger: &Ledger,
    batch: &BatchView,
    after: u64,
    limit: u32,
) -> Result<ChunksPage, LedgerError> {
    let set_aside = if batch.sums.set_aside > 0 { ledger.set_aside(batch.id).await? } else { Vec::new() };
    let found = ledger.chunks(batch.id, after, limit).await?;
    let last = found.last().map(|chunk| chunk.number());
    Ok(ChunksPage {
        id: batch.id.to_string(),
        // Chunks are numbered without gaps, and the view may be older than they are.
        next: last.filter(|last| *last < batch.chunks && found.len() == limit as usize),
        chunks: found.iter().map(|chunk| entry(chunk, &set_aside)).collect(),
    })
}

fn entry(chunk: &Chunk, set_aside: &[SetAside]) -> ChunkEntry {
    ChunkEntry {
        number: chunk.number(),
        first_record: SetAside::number_of(set_aside, chunk.first()),
        // A chunk has at least one record.
        last_record: SetAside::number_of(set_aside, chunk.first() + chunk.count().saturating_sub(1)),
        records: chunk.count(),
        rows: chunk.rows(),
        attempt: u64::from(chunk.attempt()),
        state: match chunk.state() {
            ChunkState::Open => message::ChunkState::Open,
            ChunkState::Sent => message::ChunkState::Sent,
            ChunkState::InDoubt => message::ChunkState::InDoubt,
            ChunkState::Answered => message::ChunkState::Answered,
            ChunkState::Returned => message::ChunkState::Returned,
        },
        held: chunk.held(),
        code: chunk.code().map(ToString::to_string),
        opened_at: at(chunk.opened_at()),
        changed_at: at(chunk.changed_at()),
    }
}
