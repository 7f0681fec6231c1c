//! A chunk as a store holds it. What is read back has not been made by a transition: it is held against what each state has.

use std::num::NonZeroU32;

use super::states::{Asked, Doubt, InFlight, NoDoubt, Unsettled};
use super::{Answered, Any, Chunk, ChunkState, Facts, InDoubt, Live, Returned};
use crate::identity::Epoch;
use crate::machine::{Code, Inconsistent};
use crate::ranges::RangeSet;

/// A chunk's columns and its open records; what they are, [`Chunk`] says of each.
#[derive(Debug, Clone)]
pub(crate) struct ChunkRow {
    pub(crate) number: u64,
    pub(crate) first: u64,
    pub(crate) count: u64,
    pub(crate) attempt: u32,
    pub(crate) state: ChunkState,
    pub(crate) live: RangeSet,
    pub(crate) doubted: bool,
    pub(crate) held: bool,
    pub(crate) reference: Option<String>,
    pub(crate) code: Option<Code>,
    pub(crate) rows: u64,
    pub(crate) epoch: Epoch,
    pub(crate) opened_at: u64,
    pub(crate) changed_at: u64,
    pub(crate) sent_at: u64,
    pub(crate) doubted_at: Option<u64>,
    pub(crate) asked: u32,
    pub(crate) asked_at: Option<u64>,
    pub(crate) asked_code: Option<Code>,
}

impl From<Chunk> for ChunkRow {
    fn from(chunk: Chunk) -> Self {
        Self {
            number: chunk.number(),
            first: chunk.first(),
            count: chunk.count(),
            attempt: chunk.attempt(),
            state: chunk.state(),
            live: chunk.live().clone(),
            doubted: chunk.doubted(),
            held: chunk.held(),
            code: chunk.code().cloned(),
            rows: chunk.rows(),
            epoch: chunk.epoch(),
            opened_at: chunk.opened_at(),
            changed_at: chunk.changed_at(),
            sent_at: chunk.sent_at(),
            doubted_at: chunk.doubted_at(),
            asked: chunk.asked(),
            asked_at: chunk.asked_at(),
            asked_code: chunk.asked_code().cloned(),
            reference: chunk.facts.reference,
        }
    }
}

impl TryFrom<ChunkRow> for Chunk {
    type Error = Inconsistent;

    fn try_from(row: ChunkRow) -> Result<Self, Inconsistent> {
        let wrong = |what| Inconsistent { what };
        let attempt = NonZeroU32::new(row.attempt).ok_or(wrong("a chunk has no try"))?;
        let end = row.first.checked_add(row.count).ok_or(wrong("a chunk ends beyond all numbers"))?;
        if !row.live.runs().all(|live| row.first <= live.start && live.end <= end) {
            return Err(wrong("a chunk's open records are not the chunk's"));
        }
        let asked = match (NonZeroU32::new(row.asked), row.asked_at, row.asked_code) {
            (None, None, None) => None,
            (Some(times), Some(at), Some(code)) => Some(Asked { times, at, code }),
            _ => return Err(wrong("what was asked of a chunk is there in part")),
        };
        let doubt = match (row.doubted, row.doubted_at, asked) {
            (false, None, None) => None,
            (true, Some(since), asked) => Some(Doubt { since, asked }),
            _ => return Err(wrong("what is known of a chunk's doubt is there in part")),
        };
        let state = match (row.state, Unsettled::of(row.live), row.code, row.held) {
            (word @ (ChunkState::Open | ChunkState::Sent), Some(records), None, false) => {
                let left = word == ChunkState::Sent;
                Any::Live(match doubt {
                    None => Live::First(InFlight { records, left, before: NoDoubt }),
                    Some(before) => Live::Again(InFlight { records, left, before }),
                })
            }
            (ChunkState::InDoubt, Some(records), Some(code), held) => {
                let doubt = doubt.ok_or(wrong("a chunk is in doubt, and was never"))?;
                Any::Live(Live::InDoubt(InDoubt { records, code, held, doubt }))
            }
            (ChunkState::Answered, None, code, false) => Any::Answered(Answered { code, doubt }),
            (ChunkState::Returned, None, Some(code), false) => Any::Returned(Returned { code, doubt }),
            (ChunkState::Answered | ChunkState::Returned, Some(_), ..) => {
                return Err(wrong("a settled chunk has open records"));
            }
            (_, None, ..) => return Err(wrong("a chunk under way has no open records")),
            _ => return Err(wrong("a chunk has what no chunk in its state has")),
        };
        let facts = Facts {
            number: row.number,
            first: row.first,
            count: row.count,
            attempt,
            reference: row.reference,
            rows: row.rows,
            epoch: row.epoch,
            opened_at: row.opened_at,
            changed_at: row.changed_at,
            sent_at: row.sent_at,
        };
        Ok(Self { facts, state })
    }
}
