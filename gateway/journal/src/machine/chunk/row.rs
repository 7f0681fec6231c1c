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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{BatchState, Change, Event};

    /// Rows of one chunk as its transitions write them down, in flight, sent, in doubt, asked, held, repeated, proven.
    fn written() -> Vec<ChunkRow> {
        let code = || Code::from("why");
        let mut state = BatchState::new(10, 0);
        let events = [
            Event::ChunkOpened { chunk: 1, first: 2, count: 5, attempt: 1 },
            Event::ChunkSent { chunk: 1, reference: Some("job".into()) },
            Event::ChunkInDoubt { chunk: 1, code: code() },
            Event::DoubtAsked { chunk: 1, code: code() },
            Event::DoubtHeld { chunk: 1, code: code() },
            Event::DoubtRepeated { chunk: 1, attempt: 2 },
            Event::ChunkInDoubt { chunk: 1, code: code() },
            Event::DoubtReturned { chunk: 1, code: code() },
            Event::ChunkOpened { chunk: 2, first: 2, count: 5, attempt: 3 },
            Event::ChunkAnswered { chunk: 2, exceptions: Vec::new(), rows: 5 },
        ];
        let changes = events.iter().flat_map(|event| state.apply(event, Epoch(1), 7).unwrap());
        changes
            .filter_map(
                |change| if let Change::Chunk { chunk, .. } = change { Some(chunk.into()) } else { None },
            )
            .collect()
    }

    #[test]
    fn what_a_transition_wrote_is_read_back() {
        for row in written() {
            let chunk = Chunk::try_from(row.clone()).unwrap();
            assert_eq!(Chunk::try_from(ChunkRow::from(chunk.clone())).as_ref(), Ok(&chunk), "{row:?}");
        }
    }

    #[test]
    fn what_no_transition_writes_is_refused() {
        let [open, sent, doubted, asked, held, again, _, returned, _, answered] =
            written().try_into().unwrap();
        let records = || RangeSet::from(2..7);
        let code = || Some(Code::from("why"));
        let wrong = [
            ("no try", ChunkRow { attempt: 0, ..open.clone() }),
            ("in flight without records", ChunkRow { live: RangeSet::new(), ..open.clone() }),
            ("another chunk's records", ChunkRow { live: RangeSet::from(1..3), ..open.clone() }),
            ("beyond all numbers", ChunkRow { first: u64::MAX, ..open.clone() }),
            ("in flight and held", ChunkRow { held: true, ..sent.clone() }),
            ("in flight with a reason", ChunkRow { code: code(), ..sent }),
            ("doubted without a time", ChunkRow { doubted: true, ..open.clone() }),
            ("a time without a doubt", ChunkRow { doubted_at: Some(1), ..open }),
            ("in doubt without a doubt", ChunkRow { doubted: false, doubted_at: None, ..doubted.clone() }),
            ("in doubt without a reason", ChunkRow { code: None, ..doubted.clone() }),
            ("in doubt without records", ChunkRow { live: RangeSet::new(), ..doubted }),
            ("asked, and never", ChunkRow { asked: 0, ..asked.clone() }),
            ("asked without a time", ChunkRow { asked_at: None, ..asked.clone() }),
            ("asked without an answer", ChunkRow { asked_code: None, ..asked }),
            ("held without a reason", ChunkRow { code: None, ..held }),
            ("again, and held", ChunkRow { held: true, ..again }),
            ("returned with records", ChunkRow { live: records(), ..returned.clone() }),
            ("returned and held", ChunkRow { held: true, ..returned.clone() }),
            ("returned without a reason", ChunkRow { code: None, ..returned }),
            ("answered with records", ChunkRow { live: records(), ..answered.clone() }),
            ("answered and held", ChunkRow { held: true, ..answered }),
        ];
        for (name, row) in wrong {
            assert!(Chunk::try_from(row).is_err(), "{name}");
        }
    }
}
