//! From rows to records: what becomes of a chunk's records when some of its rows were not taken.

#[cfg(feature = "planted")]
use sekisho_journal::planted::{Bug, is as is_planted};
use sekisho_journal::{Code, Exception, Outcome};

use crate::dialect::{RowProblem, RowProblemKind};
use crate::encode::Measured;
use crate::resend::Resend;

/// The answer says nothing of the record.
pub(crate) const MISSING: &str = "answer-missing";

/// Some of the record's rows were taken, and the others are to be sent again: it is not what it was before it was sent.
pub(crate) const IN_PART: &str = "taken-in-part";

/// The records of a chunk that were not delivered, ascending. `doubted`: an earlier try may have had its effect and was not
/// answered, so that a refusal for the moment proves nothing. A record may be refused for the moment `most` times.
pub(crate) fn exceptions(
    problems: &[RowProblem],
    chunk: &Measured,
    idempotent: bool,
    doubted: bool,
    resend: &mut Resend,
    most: u32,
) -> Vec<Exception> {
    let mut exceptions = Vec::new();
    let mut rest = problems;
    while let Some(first) = rest.first() {
        let (position, _) = chunk.record_of(first.row);
        let count = rest.iter().take_while(|problem| chunk.record_of(problem.row).0 == position).count();
        let (problems, later) = rest.split_at(count);
        rest = later;
        let of_record = OfRecord { position, problems, chunk, idempotent, doubted };
        exceptions.extend(of_record.exception(resend, most));
    }
    exceptions
}

/// What an answer says of one record, some of whose rows were not taken.
struct OfRecord<'a> {
    position: u64,
    problems: &'a [RowProblem],
    chunk: &'a Measured,
    idempotent: bool,
    doubted: bool,
}

impl OfRecord<'_> {
    /// What that comes to; nothing where each row was taken in one try or another.
    fn exception(&self, resend: &mut Resend, most: u32) -> Option<Exception> {
        let (position, problems) = (self.position, self.problems);
        if problems.iter().any(|problem| problem.kind == RowProblemKind::Unknown) {
            return Some(Exception::new(position, Outcome::InDoubt, MISSING));
        }
        let rows = self.chunk.rows_of(position) as usize;
        let refused_now = problems.iter().map(|problem| self.chunk.record_of(problem.row).1).collect();
        let lacking = resend.lacking(position, refused_now);
        #[cfg(feature = "planted")]
        let lacking = if is_planted(Bug::PartForAll) && lacking.len() < rows { Vec::new() } else { lacking };
        if lacking.is_empty() {
            return None;
        }
        let lasting = problems.iter().find(|problem| is_lasting(problem));
        let passing = problems.iter().find(|problem| !is_lasting(problem));
        let untouched = lacking.len() == rows;
        // Repeating a record repeats the rows of it that were taken, too.
        let repeatable = self.idempotent || untouched;
        if let Some(problem) = passing
            && repeatable
            && (lasting.is_none() || self.doubted && self.idempotent)
        {
            let refused = problems.iter().any(|problem| problem.kind != RowProblemKind::NotDone);
            if !refused || resend.may_retry(position, most) {
                #[cfg(feature = "planted")]
                let untouched = untouched || is_planted(Bug::PartReturned);
                if lasting.is_none() && untouched {
                    return Some(Exception::new(position, Outcome::Returned, code_of(Some(problem))));
                }
                if !untouched {
                    resend.taken_in_part(position, lacking);
                }
                return Some(Exception::new(position, Outcome::InDoubt, IN_PART));
            }
        }
        if let Some(problem) = passing.filter(|_| self.doubted) {
            return Some(Exception::new(position, Outcome::InDoubt, code_of(Some(problem))));
        }
        let telling = lasting.or(problems.first());
        let outcome = if untouched { Outcome::Rejected } else { Outcome::Partial };
        let mut exception = Exception::new(position, outcome, code_of(telling));
        if let Some(RowProblem { kind: RowProblemKind::Refused { field, .. }, .. }) = telling {
            exception.field.clone_from(field);
        }
        if !untouched {
            exception.rows = lacking;
        }
        Some(exception)
    }
}

fn is_lasting(problem: &RowProblem) -> bool {
    matches!(problem.kind, RowProblemKind::Refused { temporary: false, .. })
}

fn code_of(problem: Option<&RowProblem>) -> Code {
    match problem.map(|problem| &problem.kind) {
        Some(RowProblemKind::Refused { code, .. }) => Code::new(code),
        Some(RowProblemKind::NotDone) => Code::new("not-processed"),
        Some(RowProblemKind::Unknown) | None => Code::new(MISSING),
    }
}

#[cfg(test)]
mod tests;
