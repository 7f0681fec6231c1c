use proptest::prelude::*;
use sekisho_journal::machine::Change;
use sekisho_journal::{Code, Epoch, Event, Exception, Outcome};

use super::*;

fn left_out(record: u64) -> SetAside {
    SetAside { record, field: None, line: None, column: None, code: Code::new("x") }
}

/// What happens to a chunk of so many records.
#[derive(Debug, Clone)]
enum Deed {
    Answered(Vec<Option<Outcome>>),
    InDoubt,
    Left,
    Rejected,
}

fn deed() -> impl Strategy<Value = Deed> {
    let outcome = prop_oneof![
        Just(None),
        Just(Some(Outcome::Partial)),
        Just(Some(Outcome::Rejected)),
        Just(Some(Outcome::Returned))
    ];
    prop_oneof![
        3 => prop::collection::vec(outcome, 1..5).prop_map(Deed::Answered),
        1 => (1..4u64).prop_map(|_| Deed::InDoubt),
        1 => Just(Deed::Left),
        1 => Just(Deed::Rejected),
    ]
}

/// Fates as the machine's own rules have them, one by one, and the state and runs that come of them.
struct Truth {
    state: BatchState,
    runs: Vec<Run>,
    fates: Vec<Fate>,
}

fn truth(deeds: &[Deed], records: u64, cancelled: bool) -> Truth {
    let mut truth = Truth {
        state: BatchState::new(records, 0),
        runs: Vec::new(),
        fates: vec![Fate::NotDone; usize::try_from(records).unwrap()],
    };
    let mut first = 0;
    for deed in deeds {
        let count = match deed {
            Deed::Answered(outcomes) => outcomes.len() as u64,
            _ => 2,
        };
        if first + count > records {
            break;
        }
        let chunk = truth.state.next_chunk();
        let opened = Event::ChunkOpened { chunk, first, count, attempt: 1 };
        let all = usize::try_from(first).unwrap()..usize::try_from(first + count).unwrap();
        match deed {
            Deed::Rejected => {
                truth.happens(&Event::RecordsRejected { first, count, code: Code::new("x") });
                truth.fates[all].fill(Fate::Refused);
            }
            Deed::Left => {
                truth.happens(&opened);
                truth.fates[all].fill(Fate::InDoubt);
            }
            Deed::InDoubt => {
                truth.happens(&opened);
                truth.happens(&Event::ChunkInDoubt { chunk, code: Code::new("x") });
                truth.fates[all].fill(Fate::InDoubt);
            }
            Deed::Answered(outcomes) => {
                truth.happens(&opened);
                let mut exceptions = Vec::new();
                for (position, outcome) in (first..).zip(outcomes) {
                    let fate = match outcome {
                        None => Fate::Done,
                        Some(Outcome::Partial) => Fate::Partly,
                        Some(Outcome::Rejected) => Fate::Refused,
                        Some(_) => Fate::NotDone,
                    };
                    truth.fates[usize::try_from(position).unwrap()] = fate;
                    exceptions.extend(outcome.map(|outcome| {
                        let mut exception = Exception::new(position, outcome, "x");
                        if outcome == Outcome::Partial {
                            exception.rows = vec![0];
                        }
                        exception
                    }));
                }
                truth.happens(&Event::ChunkAnswered { chunk, exceptions, rows: count });
            }
        }
        first += count;
    }
    if cancelled {
        truth.happens(&Event::Cancelled { code: Code::new("x") });
    }
    truth.runs.sort_by_key(|run| run.first);
    truth
}

impl Truth {
    fn happens(&mut self, event: &Event) {
        for change in self.state.apply(event, Epoch(1), 1).unwrap() {
            if let Change::Settled(run) = change {
                self.runs.push(run);
            }
        }
    }
}

/// Fates by the numbers of the message, out of spans.
fn unrolled(spans: &[Span]) -> Vec<Fate> {
    let mut fates = Vec::new();
    for span in spans {
        assert_eq!(span.first, fates.len() as u64 + 1, "{spans:?}");
        fates.extend((span.first..=span.last).map(|_| span.fate));
    }
    fates
}

proptest! {
    #[test]
    fn every_record_is_in_one_span_and_has_the_fate_that_it_has(
        deeds in prop::collection::vec(deed(), 0..12),
        more in 0..20u64,
        aside in prop::collection::btree_set(1..60u64, 0..8),
        cancelled: bool,
        page in 1..4usize,
    ) {
        let records = 12 + more;
        let truth = truth(&deeds, records, cancelled);
        // Numbers in the message: as many as there are records, those left out among them.
        let mut numbers = Vec::new();
        let mut position = 0;
        let mut set_aside = Vec::new();
        for number in 1.. {
            if aside.contains(&number) {
                set_aside.push(left_out(number));
                numbers.push(Fate::Refused);
            } else if position < truth.fates.len() {
                numbers.push(truth.fates[position]);
                position += 1;
            } else {
                // What would be behind the last record's neighbours was never in the message.
                break;
            }
        }
        let mut spans = Spans::new(&set_aside);
        walk(&truth.state, &mut spans, |from| {
            let behind = truth.runs.iter().filter(|run| run.first + run.count > from);
            Ok(behind.take(page).cloned().collect())
        })
        .unwrap();
        let (listed, total) = spans.end();
        prop_assert_eq!(total, listed.len() as u64);
        prop_assert_eq!(unrolled(&listed), numbers);
        prop_assert!(listed.windows(2).all(|two| two[0].fate != two[1].fate));
    }
}

#[test]
fn no_more_spans_are_listed_than_a_fault_should_have() {
    let mut spans = Spans::new(&[]);
    for position in 0..3_000 {
        spans.positions(position..position + 1, if position % 2 == 0 { Fate::Done } else { Fate::NotDone });
    }
    let (listed, total) = spans.end();
    assert_eq!((listed.len(), total), (MOST_SPANS, 3_000));
}
