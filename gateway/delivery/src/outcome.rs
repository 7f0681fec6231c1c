//! From rows to records: what becomes of a chunk's records when some of its rows were not taken.

use sekisho_journal::{Code, Exception, Outcome};

use crate::dialect::{RowProblem, RowProblemKind};
use crate::encode::Measured;

/// The answer says nothing of the record.
pub(crate) const MISSING: &str = "answer-missing";

/// The records of a chunk that were not delivered, ascending. `doubted`: an earlier try may have had its effect, so that a
/// refusal for the moment proves nothing. `may_retry` says of a record whether it may be tried again after such a refusal.
pub(crate) fn exceptions(
    problems: &[RowProblem],
    chunk: &Measured,
    idempotent: bool,
    doubted: bool,
    mut may_retry: impl FnMut(u64) -> bool,
) -> Vec<Exception> {
    let mut exceptions = Vec::new();
    let mut rest = problems;
    while let Some(first) = rest.first() {
        let (position, _) = chunk.record_of(first.row);
        let count = rest.iter().take_while(|problem| chunk.record_of(problem.row).0 == position).count();
        let (of_record, later) = rest.split_at(count);
        rest = later;
        exceptions.push(exception(position, of_record, chunk, idempotent, doubted, &mut may_retry));
    }
    exceptions
}

fn exception(
    position: u64,
    problems: &[RowProblem],
    chunk: &Measured,
    idempotent: bool,
    doubted: bool,
    may_retry: &mut impl FnMut(u64) -> bool,
) -> Exception {
    if problems.iter().any(|problem| problem.kind == RowProblemKind::Unknown) {
        return Exception::new(position, Outcome::InDoubt, MISSING);
    }
    let all = problems.len() == chunk.rows_of(position) as usize;
    let lasting = problems
        .iter()
        .find(|problem| matches!(problem.kind, RowProblemKind::Refused { temporary: false, .. }));
    let passing = lasting.is_none();
    // Repeating a record repeats the rows of it that were taken, too.
    if passing && (all || idempotent) {
        let refused = problems.iter().any(|problem| problem.kind != RowProblemKind::NotDone);
        if !refused || may_retry(position) {
            return Exception::new(position, Outcome::Returned, code_of(problems.first()));
        }
        if doubted {
            return Exception::new(position, Outcome::InDoubt, code_of(problems.first()));
        }
    }
    let telling = lasting.or(problems.first());
    let mut exception =
        Exception::new(position, if all { Outcome::Rejected } else { Outcome::Partial }, code_of(telling));
    if let Some(RowProblem { kind: RowProblemKind::Refused { field, .. }, .. }) = telling {
        exception.field.clone_from(field);
    }
    if !all {
        exception.rows = problems.iter().map(|problem| chunk.record_of(problem.row).1).collect();
    }
    exception
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
