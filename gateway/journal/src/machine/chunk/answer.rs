//! An answer: what it makes of a chunk, and of each of its open records.

use std::ops::Range;

use super::states::{Again, Answered, Any, Doubt, First, InDoubt, Live, Unsettled};
use super::{Chunk, Facts, State};
use crate::machine::{Code, Exception, Illegal, MOST_TEXT, Outcome, Run, Settlement};
use crate::ranges::RangeSet;

/// What came of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Answered, or in doubt for what the answer left open.
    pub chunk: Chunk,
    /// Records that have their outcome.
    pub settled: Vec<Run>,
    /// Records that return, and why. None, where the chunk was in doubt before.
    pub returned: Vec<(Range<u64>, Code)>,
}

impl Chunk<First> {
    /// The answer is known: its open records are delivered, except for these.
    ///
    /// # Errors
    /// An exception is for another record, out of order, or at odds with itself.
    pub fn answer(self, exceptions: &[Exception], rows: u64, at: u64) -> Result<Answer, Illegal> {
        check(&self, exceptions)?;
        Ok(self.into_state(at, |state| (state.records, Before::NoDoubt)).answered(exceptions, rows, at))
    }
}

impl Chunk<Again> {
    /// As [`Chunk::<First>::answer`]; a record that would return is in doubt, for an earlier try may have had its effect.
    ///
    /// # Errors
    /// An exception is for another record, out of order, or at odds with itself.
    pub fn answer(self, exceptions: &[Exception], rows: u64, at: u64) -> Result<Answer, Illegal> {
        check(&self, exceptions)?;
        Ok(self
            .into_state(at, |state| (state.records, Before::Earlier(state.before)))
            .answered(exceptions, rows, at))
    }
}

impl Chunk<InDoubt> {
    /// The answer came late, or was asked for. What it leaves open has been in doubt since it was.
    ///
    /// # Errors
    /// An exception is for another record, out of order, or at odds with itself.
    pub fn answer(self, exceptions: &[Exception], rows: u64, at: u64) -> Result<Answer, Illegal> {
        check(&self, exceptions)?;
        Ok(self
            .into_state(at, |state| (state.records, Before::Present(state.doubt)))
            .answered(exceptions, rows, at))
    }
}

/// The doubt that there was when the answer came.
enum Before {
    NoDoubt,
    /// Of an earlier try.
    Earlier(Doubt),
    /// Of this one.
    Present(Doubt),
}

fn check<S: State>(chunk: &Chunk<S>, exceptions: &[Exception]) -> Result<(), Illegal> {
    let number = chunk.number();
    let mut last = None;
    for exception in exceptions {
        let position = exception.position;
        if last.is_some_and(|last| last >= position) || !chunk.live().contains(position) {
            return Err(Illegal::ExceptionPosition { chunk: number, position });
        }
        last = Some(position);
        if (exception.outcome == Outcome::Partial) == exception.rows.is_empty() {
            return Err(Illegal::ExceptionRows { chunk: number, position });
        }
        if let Some(length) = exception.field.as_ref().map(String::len).filter(|length| *length > MOST_TEXT) {
            return Err(Illegal::TooLong { chunk: number, what: "field's name", length });
        }
    }
    Ok(())
}

impl Chunk<(Unsettled, Before)> {
    fn answered(self, exceptions: &[Exception], rows: u64, at: u64) -> Answer {
        let facts = Facts { rows, ..self.facts };
        let (records, before) = self.state;
        let number = facts.number;
        let mut delivered = records.into_set();
        let mut open = RangeSet::new();
        let mut code = None;
        let mut returned = Vec::new();
        let mut exceptional: Vec<Run> = Vec::new();
        for exception in exceptions {
            let one = exception.position..exception.position + 1;
            delivered.remove(one.clone());
            #[cfg(feature = "planted")]
            if crate::planted::is(crate::planted::Bug::CountedTwice) {
                delivered.insert(one.clone());
            }
            let outcome = match (exception.outcome, &before) {
                (Outcome::Partial, _) => Settlement::Partial,
                (Outcome::Rejected, _) => Settlement::Rejected,
                (Outcome::Returned, Before::NoDoubt) => {
                    returned.push((one, exception.code.clone()));
                    continue;
                }
                // A record that returns from a chunk that was in doubt may have had its effect in an earlier try.
                (Outcome::Returned | Outcome::InDoubt, _) => {
                    open.insert(one);
                    code.get_or_insert_with(|| exception.code.clone());
                    continue;
                }
            };
            match exceptional.last_mut() {
                Some(run) if continues(run, exception, outcome) => run.count += 1,
                _ => exceptional.push(Run {
                    first: exception.position,
                    count: 1,
                    outcome,
                    code: Some(exception.code.clone()),
                    field: exception.field.clone(),
                    rows: exception.rows.clone(),
                    chunk: Some(number),
                    at,
                }),
            }
        }
        let mut settled: Vec<Run> = delivered
            .runs()
            .map(|run| Run::new(run, Settlement::Delivered, None, Some(number), at))
            .collect();
        settled.append(&mut exceptional);
        let state = match (Unsettled::of(open).zip(code), before) {
            (Some((records, code)), before) => {
                // What was in doubt before has been since then.
                let doubt = match before {
                    Before::Present(doubt) => doubt,
                    Before::NoDoubt | Before::Earlier(_) => Doubt::since(at),
                };
                Any::Live(Live::InDoubt(InDoubt { records, code, held: false, doubt }))
            }
            (None, Before::NoDoubt) => Any::Answered(Answered { code: None, doubt: None }),
            (None, Before::Earlier(doubt) | Before::Present(doubt)) => {
                Any::Answered(Answered { code: None, doubt: Some(doubt) })
            }
        };
        Answer { chunk: Chunk { facts, state }, settled, returned }
    }
}

/// The exception is the run's next record, and has all else in common with it.
fn continues(run: &Run, exception: &Exception, outcome: Settlement) -> bool {
    run.first + run.count == exception.position
        && run.outcome == outcome
        && run.code.as_ref() == Some(&exception.code)
        && run.field == exception.field
        && run.rows == exception.rows
}
