//! Conservation under any events, and a store's rows as the whole truth.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::identity::Epoch;

pub(crate) const RECORDS: u64 = 40;
const EPOCH: Epoch = Epoch(1);

/// What a store would hold: the changes written down, nothing else.
#[derive(Debug, Default)]
struct Store {
    chunks: BTreeMap<u64, ChunkRow>,
    live: BTreeMap<u64, RangeSet>,
    settled: Vec<Run>,
    finished: bool,
}

impl Store {
    fn write(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Chunk { chunk, live } => {
                    if live {
                        self.live.insert(chunk.number(), chunk.live().clone());
                    }
                    let row = ChunkRow::from(chunk);
                    self.chunks.insert(row.number, ChunkRow { live: RangeSet::new(), ..row });
                }
                Change::Settled(run) => self.settled.push(run),
                Change::Finished { .. } => self.finished = true,
            }
        }
    }

    fn rebuild(&self, of: &BatchState) -> Result<BatchState, Inconsistent> {
        let mut rebuild =
            Rebuild::new(of.records(), of.sums().set_aside, of.opened(), of.closing(), self.finished);
        for run in &self.settled {
            rebuild.settled(run.first..run.first + run.count, run.outcome)?;
        }
        for (number, chunk) in &self.chunks {
            let live = self.live[number].clone();
            if !live.is_empty() {
                rebuild.chunk(ChunkRow { live, ..chunk.clone() })?;
            }
        }
        rebuild.finish(&of.sums())
    }
}

fn exception() -> impl Strategy<Value = Exception> {
    let outcome = prop_oneof![
        Just(Outcome::Partial),
        Just(Outcome::Rejected),
        Just(Outcome::Returned),
        Just(Outcome::InDoubt)
    ];
    (0..RECORDS + 2, outcome, prop_oneof![Just("A"), Just("B")], any::<bool>()).prop_map(
        |(position, outcome, code, odd)| Exception {
            rows: if (outcome == Outcome::Partial) != (odd && code == "B") { vec![0] } else { vec![] },
            ..Exception::new(position, outcome, code)
        },
    )
}

/// Any event at all; most are illegal.
fn wild() -> impl Strategy<Value = Event> {
    let chunk = 0u64..8;
    let code = || Just(Code::from("why"));
    prop_oneof![
        (chunk.clone(), 0..RECORDS + 2, 0u64..9, 0u32..3)
            .prop_map(|(chunk, first, count, attempt)| Event::ChunkOpened { chunk, first, count, attempt }),
        chunk.clone().prop_map(|chunk| Event::ChunkSent { chunk, reference: None }),
        (chunk.clone(), prop::collection::vec(exception(), 0..4))
            .prop_map(|(chunk, exceptions)| Event::ChunkAnswered { chunk, exceptions, rows: 3 }),
        (chunk.clone(), code()).prop_map(|(chunk, code)| Event::ChunkReturned { chunk, code }),
        (chunk.clone(), code()).prop_map(|(chunk, code)| Event::ChunkInDoubt { chunk, code }),
        (chunk.clone(), code()).prop_map(|(chunk, code)| Event::DoubtAsked { chunk, code }),
        (chunk.clone(), 0u32..4).prop_map(|(chunk, attempt)| Event::DoubtRepeated { chunk, attempt }),
        chunk.clone().prop_map(|chunk| Event::DoubtDelivered { chunk }),
        (chunk.clone(), code()).prop_map(|(chunk, code)| Event::DoubtReturned { chunk, code }),
        (chunk, code()).prop_map(|(chunk, code)| Event::DoubtHeld { chunk, code }),
        (0..RECORDS + 2, 0u64..4, code()).prop_map(|(first, count, code)| Event::RecordsRejected {
            first,
            count,
            code
        }),
        code().prop_map(|code| Event::Cancelled { code }),
        code().prop_map(|code| Event::Expired { code }),
        Just(Event::Finished { delivered_digest: None }),
    ]
}

/// A choice that becomes a legal event of the state that it meets, so that runs get far.
#[derive(Debug, Clone)]
pub(crate) enum Move {
    Wild(Event),
    Open(u64),
    Turn(usize, u8, Vec<(u64, u8)>),
    Finish,
}

pub(crate) fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        2 => wild().prop_map(Move::Wild),
        4 => (1u64..9).prop_map(Move::Open),
        6 => (0usize..4, 0u8..8, prop::collection::vec((0u64..9, 0u8..4), 0..5))
            .prop_map(|(which, what, exceptions)| Move::Turn(which, what, exceptions)),
        1 => Just(Move::Finish),
    ];
    prop::collection::vec(one, 0..60)
}

pub(crate) fn event(choice: Move, state: &BatchState) -> Option<Event> {
    match choice {
        Move::Wild(event) => Some(event),
        Move::Finish => state.is_drained().then_some(Event::Finished { delivered_digest: None }),
        Move::Open(most) => state.pending().first_run().map(|run| Event::ChunkOpened {
            chunk: state.next_chunk(),
            first: run.start,
            count: most.min(run.end - run.start),
            attempt: 1,
        }),
        Move::Turn(which, what, exceptions) => {
            let chunk = state.chunks().nth(which % state.chunks().len().max(1))?;
            let code = Code::from("why");
            let number = chunk.number();
            let mut seen = BTreeMap::new();
            for (offset, outcome) in exceptions {
                let outcome = [Outcome::Partial, Outcome::Rejected, Outcome::Returned, Outcome::InDoubt]
                    [usize::from(outcome)];
                let position = chunk.first() + offset;
                if chunk.live().contains(position) {
                    let rows = if outcome == Outcome::Partial { vec![1, 2] } else { vec![] };
                    seen.insert(position, Exception { rows, ..Exception::new(position, outcome, "X") });
                }
            }
            let exceptions = seen.into_values().collect();
            Some(match (chunk.state().is_in_flight(), what) {
                (true, 0 | 1) => Event::ChunkInDoubt { chunk: number, code },
                (true, 2) => Event::ChunkReturned { chunk: number, code },
                (true, 3) => Event::ChunkSent { chunk: number, reference: Some("job".into()) },
                (false, 0) => Event::DoubtRepeated { chunk: number, attempt: chunk.attempt() + 1 },
                (false, 1) => Event::DoubtReturned { chunk: number, code },
                (false, 2) => Event::DoubtDelivered { chunk: number },
                (false, 3) => Event::DoubtHeld { chunk: number, code },
                _ => Event::ChunkAnswered { chunk: number, exceptions, rows: 5 },
            })
        }
    }
}

proptest! {
    /// No event, legal or not, loses or doubles a record; an illegal one changes nothing; the rows alone rebuild the
    /// same state at every moment.
    #[test]
    fn conserves_and_rebuilds(choices in moves()) {
        let (mut state, mut store) = (BatchState::new(RECORDS, 2), Store::default());
        for (at, choice) in choices.into_iter().enumerate() {
            let Some(event) = event(choice, &state) else { continue };
            let before = state.clone();
            match state.apply(&event, EPOCH, at as u64) {
                Ok(changes) => store.write(changes),
                Err(_) => prop_assert_eq!(&state, &before, "an illegal {:?} changed something", event),
            }
            prop_assert!(state.sums().balanced());
            prop_assert_eq!(state.sums().accepted, RECORDS);
            // An outcome is for good.
            let settled = |s: &Sums| [s.delivered, s.partial, s.rejected, s.cancelled, s.expired];
            prop_assert!(settled(&before.sums()).iter().zip(settled(&state.sums())).all(|(was, is)| *was <= is));
            prop_assert_eq!(store.rebuild(&state), Ok(state.clone()));
        }
    }

    /// Rows that were tampered with are refused, whatever was done to them.
    #[test]
    fn contradicting_rows_are_refused(choices in moves(), which in any::<prop::sample::Index>(), how in 0u8..4) {
        let (mut state, mut store) = (BatchState::new(RECORDS, 0), Store::default());
        for choice in choices {
            if let Some(event) = event(choice, &state)
                && let Ok(changes) = state.apply(&event, EPOCH, 0)
            {
                store.write(changes);
            }
        }
        prop_assume!(!store.settled.is_empty());
        let run = which.index(store.settled.len());
        match how {
            0 => { store.settled.remove(run); }
            1 => store.settled.push(store.settled[run].clone()),
            2 => store.settled[run].count += RECORDS,
            _ => store.settled[run].count = 0,
        }
        prop_assert!(store.rebuild(&state).is_err());
    }
}

fn opened(records: u64, chunks: &[(u64, u64)]) -> BatchState {
    let mut state = BatchState::new(records, 0);
    for (number, (first, count)) in chunks.iter().enumerate() {
        let event = Event::ChunkOpened { chunk: number as u64 + 1, first: *first, count: *count, attempt: 1 };
        state.apply(&event, EPOCH, 0).unwrap();
    }
    state
}

#[test]
fn each_illegal_event_is_told_apart() {
    let code = Code::from("why");
    let open = |chunk, first, count, attempt| Event::ChunkOpened { chunk, first, count, attempt };
    let answered = |exceptions| Event::ChunkAnswered { chunk: 1, exceptions, rows: 0 };
    let rejected = |position| Exception::new(position, Outcome::Rejected, "X");
    let cases = [
        (open(1, 5, 2, 1), "chunk-out-of-turn"),
        (open(2, 5, 2, 0), "chunk-attempt"),
        (open(2, 4, 2, 1), "records-not-pending"),
        (open(2, 9, 2, 1), "records-not-pending"),
        (open(2, 5, 0, 1), "records-not-pending"),
        (open(2, u64::MAX, 2, 1), "records-not-pending"),
        (Event::ChunkReturned { chunk: 2, code: code.clone() }, "chunk-not-open"),
        (Event::DoubtDelivered { chunk: 1 }, "chunk-state"),
        (Event::DoubtRepeated { chunk: 1, attempt: 2 }, "chunk-state"),
        (answered(vec![rejected(5)]), "exception-position"),
        (answered(vec![rejected(1), rejected(1)]), "exception-position"),
        (answered(vec![rejected(2), rejected(1)]), "exception-position"),
        (answered(vec![Exception::new(1, Outcome::Partial, "X")]), "exception-rows"),
        (answered(vec![Exception { rows: vec![0], ..rejected(1) }]), "exception-rows"),
        (answered(vec![Exception { field: Some("f".repeat(257)), ..rejected(1) }]), "text-too-long"),
        (Event::ChunkSent { chunk: 1, reference: Some("r".repeat(257)) }, "text-too-long"),
        (Event::Finished { delivered_digest: None }, "batch-not-drained"),
    ];
    for (event, expected) in cases {
        let mut state = opened(10, &[(0, 5)]);
        let before = state.clone();
        assert_eq!(
            state.apply(&event, EPOCH, 1).map_err(|illegal| illegal.code()),
            Err(expected),
            "{event:?}"
        );
        assert_eq!(state, before);
    }
}

#[test]
fn what_was_in_doubt_cannot_simply_return() {
    let code = Code::from("time-limit");
    let mut state = opened(5, &[(0, 5)]);
    state.apply(&Event::ChunkInDoubt { chunk: 1, code: code.clone() }, EPOCH, 1).unwrap();
    state.apply(&Event::DoubtRepeated { chunk: 1, attempt: 2 }, EPOCH, 2).unwrap();
    assert_eq!(state.sums().in_flight, 5);
    let returned = Event::ChunkReturned { chunk: 1, code: code.clone() };
    assert_eq!(state.apply(&returned, EPOCH, 3), Err(Illegal::OnceInDoubt { chunk: 1 }));
    // The repetition's answer says of one record that it had no effect: the first try may have had.
    let exceptions = vec![Exception::new(2, Outcome::Returned, "LOCKED")];
    state.apply(&Event::ChunkAnswered { chunk: 1, exceptions, rows: 5 }, EPOCH, 4).unwrap();
    assert_eq!((state.sums().delivered, state.sums().in_doubt, state.sums().pending), (4, 1, 0));
    state.apply(&Event::DoubtReturned { chunk: 1, code }, EPOCH, 5).unwrap();
    assert_eq!((state.sums().pending, state.pending().first_run()), (1, Some(2..3)));
}

#[test]
fn what_is_known_of_a_doubt_stays_until_the_next_one() {
    let mut state = opened(10, &[(0, 5)]);
    let (cut, gone) = (Code::from("cut"), Code::from("job-gone"));
    let known = |state: &BatchState| {
        let chunk = state.chunk(1).unwrap();
        (chunk.sent_at(), chunk.doubted_at(), chunk.asked(), chunk.asked_at(), chunk.asked_code().cloned())
    };
    let asked = Event::DoubtAsked { chunk: 1, code: gone.clone() };
    assert!(matches!(state.apply(&asked, EPOCH, 1), Err(Illegal::ChunkState { .. })), "it is in flight");
    state.apply(&Event::ChunkInDoubt { chunk: 1, code: cut.clone() }, EPOCH, 2).unwrap();
    state.apply(&asked, EPOCH, 3).unwrap();
    state.apply(&asked, EPOCH, 4).unwrap();
    let silent = vec![Exception::new(3, Outcome::InDoubt, "answer-missing")];
    state.apply(&Event::ChunkAnswered { chunk: 1, exceptions: silent, rows: 5 }, EPOCH, 5).unwrap();
    state.apply(&Event::DoubtHeld { chunk: 1, code: cut.clone() }, EPOCH, 6).unwrap();
    // Neither what was asked, nor an answer that leaves some open, nor waiting makes the doubt a new one.
    let sent_at = state.chunk(1).unwrap().opened_at();
    assert_eq!(known(&state), (sent_at, Some(2), 2, Some(4), Some(gone)));
    assert!(!state.chunk(1).unwrap().is_waiting());
    state.apply(&Event::DoubtRepeated { chunk: 1, attempt: 2 }, EPOCH, 7).unwrap();
    state.apply(&Event::ChunkInDoubt { chunk: 1, code: cut }, EPOCH, 8).unwrap();
    assert_eq!(known(&state), (7, Some(8), 0, None, None));
    assert!(state.chunk(1).unwrap().is_waiting());
}

#[test]
fn a_cancelled_batch_takes_no_chunk_and_ends_when_its_chunks_end() {
    let code = Code::from("client");
    let mut state = opened(10, &[(0, 3), (3, 3)]);
    state.apply(&Event::Cancelled { code: code.clone() }, EPOCH, 1).unwrap();
    assert_eq!((state.sums().cancelled, state.status()), (4, Status::Closing));
    let open = Event::ChunkOpened { chunk: 3, first: 6, count: 1, attempt: 1 };
    assert_eq!(state.apply(&open, EPOCH, 2), Err(Illegal::Closing(Closing::Cancelled)));
    let expired = Event::Expired { code: code.clone() };
    assert_eq!(state.apply(&expired, EPOCH, 2), Err(Illegal::Closing(Closing::Cancelled)));
    state.apply(&Event::ChunkReturned { chunk: 1, code: code.clone() }, EPOCH, 3).unwrap();
    state.apply(&Event::ChunkInDoubt { chunk: 2, code: code.clone() }, EPOCH, 4).unwrap();
    state.apply(&Event::DoubtHeld { chunk: 2, code }, EPOCH, 5).unwrap();
    assert_eq!((state.sums().cancelled, state.status()), (7, Status::Held));
    state.apply(&Event::DoubtDelivered { chunk: 2 }, EPOCH, 6).unwrap();
    state.apply(&Event::Finished { delivered_digest: None }, EPOCH, 7).unwrap();
    assert_eq!((state.sums().delivered, state.sums().cancelled, state.status()), (3, 7, Status::Finished));
    assert_eq!(state.apply(&Event::DoubtDelivered { chunk: 2 }, EPOCH, 8), Err(Illegal::Finished));
}

#[test]
fn neighbours_with_one_reason_are_one_run() {
    let mut state = opened(10, &[(0, 10)]);
    let rejected = |position, code| Exception::new(position, Outcome::Rejected, code);
    let exceptions = vec![rejected(2, "A"), rejected(3, "A"), rejected(4, "B"), rejected(6, "B")];
    let changes = state.apply(&Event::ChunkAnswered { chunk: 1, exceptions, rows: 10 }, EPOCH, 1).unwrap();
    let mut runs: Vec<_> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Settled(run) => Some((run.first, run.count, run.code.as_ref().map(Code::as_str))),
            _ => None,
        })
        .collect();
    runs.sort_unstable();
    let expected =
        [(0, 2, None), (2, 2, Some("A")), (4, 1, Some("B")), (5, 1, None), (6, 1, Some("B")), (7, 3, None)];
    assert_eq!(runs, expected);
}

#[test]
fn free_text_is_no_code() {
    for good in ["time-limit", "REQUIRED_FIELD_MISSING", "sf:INVALID_TYPE", "a.b"] {
        assert_eq!(Code::new(good).as_str(), good);
    }
    for text in ["", "two words", "住所", "a\nb", &"x".repeat(65)] {
        assert_eq!(Code::new(text).as_str(), Code::UNREADABLE);
    }
}
