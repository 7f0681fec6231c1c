//! The one answer to a batch whose client awaits it: what the upstream said of each row, in the client's order.
//!
//! It is made once every record has its outcome, from the results that were kept beside the payload, and kept beside them:
//! asked for again, it is the same. What an outcome was decided by without the upstream's words (a record that was never sent,
//! an operator's decision, a chunk refused whole) is said in the form of a result, with the gateway's code.

mod beside;
mod merge;
mod result;

use bytes::Bytes;
use sekisho_journal::machine::Run;
use sekisho_journal::{BatchId, BatchView, Ledger, LedgerError, Records, Spool, SpoolError, SpoolReader};
use sekisho_xml::QName;
use sekisho_xml::write::escape_attribute;

pub(crate) use self::beside::Beside;
use crate::dialect::AnswerForm;
use crate::plan::{CompiledPlan, Counted, PlanError};

/// Bytes of the numbers behind the results.
const COUNTS: usize = 16;

/// Why there is no answer to a batch.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// Some of its records have no outcome yet.
    #[error("some records of the batch have no outcome yet: ask again when it is finished")]
    Unfinished,
    /// It has gone with the payload.
    #[error("the answer has had its time and is no longer kept (keep_payload_seconds)")]
    Gone,
    /// The batch's plan makes none.
    #[error("the route that the batch came by makes no answer of its results")]
    None,
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The answer cannot be kept, or read.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The plan is none of this version's.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// What made it broke off.
    #[error("making the answer broke off")]
    BrokenOff,
}

impl AnswerError {
    /// Stable, kebab-case code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unfinished => "answer-unfinished",
            Self::Gone => "answer-gone",
            Self::None => "answer-none",
            Self::Ledger(error) => error.code(),
            Self::Spool(error) => error.code(),
            Self::Plan(error) => error.code(),
            Self::BrokenOff => "answer-broken-off",
        }
    }
}

/// How many results an answer has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    taken: u64,
    refused: u64,
}

impl Counts {
    fn of(self, counted: Counted) -> u64 {
        match counted {
            Counted::Results => self.taken + self.refused,
            Counted::Taken => self.taken,
            Counted::Refused => self.refused,
        }
    }

    fn write(self) -> [u8; COUNTS] {
        let mut bytes = [0; COUNTS];
        bytes[..8].copy_from_slice(&self.taken.to_be_bytes());
        bytes[8..].copy_from_slice(&self.refused.to_be_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let number =
            |range: std::ops::Range<usize>| Some(u64::from_be_bytes(bytes.get(range)?.try_into().ok()?));
        Some(Self { taken: number(0..8)?, refused: number(8..16)? })
    }
}

/// An answer: the body's child of the message, whole, ready to be read from the disk.
#[derive(Debug)]
pub struct MergedAnswer {
    element: QName,
    head: Vec<u8>,
    tail: Vec<u8>,
    /// Bytes of the results.
    length: u64,
    content: SpoolReader,
    counts: Counts,
    action: Option<String>,
}

/// The answer to a batch that is finished; made now, if it was not before.
///
/// # Errors
/// The batch is not finished, its answer is gone or its plan makes none; ledger or spool fail.
pub async fn merged_answer(
    ledger: &Ledger,
    spool: &Spool,
    batch: &BatchView,
) -> Result<MergedAnswer, AnswerError> {
    if batch.finished_at.is_none() {
        return Err(AnswerError::Unfinished);
    }
    if batch.payload_removed_at.is_some() {
        return Err(AnswerError::Gone);
    }
    let json = ledger.plan(batch.plan).await?.ok_or(AnswerError::None)?;
    let (ledger, spool, batch) = (ledger.clone(), spool.clone(), batch.id);
    let making = tokio::task::spawn_blocking(move || {
        let settled = |from, limit| ledger.settled_blocking(batch, from, limit);
        make_answer(&spool, batch, &json, settled)
    });
    making.await.unwrap_or(Err(AnswerError::BrokenOff))
}

/// The answer to a batch whose records all have their outcome (blocking); made now, if it was not before. `settled` gives the runs
/// of outcomes that end behind a position, so many at the most, as the ledger has them; `plan` is the batch's, as JSON.
///
/// # Errors
/// The plan makes none, some records have no outcome; ledger or spool fail.
pub fn make_answer(
    spool: &Spool,
    batch: BatchId,
    plan: &str,
    settled: impl FnMut(u64, u32) -> Result<Vec<Run>, LedgerError>,
) -> Result<MergedAnswer, AnswerError> {
    let plan = CompiledPlan::new(crate::plan::Plan::from_json(plan)?)?;
    let answer = plan.plan.answer.as_ref().ok_or(AnswerError::None)?;
    let form = plan.dialect.answer_form(answer.element.as_ref()).ok_or(AnswerError::None)?;
    let content = match spool.merged(batch)? {
        Some(content) => content,
        None => {
            merge::Merge::new(spool, batch, &plan, &form)?.write(settled)?;
            spool.merged(batch)?.ok_or(AnswerError::Gone)?
        }
    };
    MergedAnswer::open(content, &plan, &form)
}

impl MergedAnswer {
    fn open(content: SpoolReader, plan: &CompiledPlan, form: &AnswerForm) -> Result<Self, AnswerError> {
        let last = content.records().saturating_sub(1);
        let mut records = content.read(last..last + 1)?;
        let sealed = records.next()?.map(|(_, bytes)| bytes.to_vec()).ok_or(AnswerError::Gone)?;
        let (counts, beside) = sealed.split_at_checked(COUNTS).ok_or(AnswerError::Gone)?;
        let counts = Counts::read(counts).ok_or(AnswerError::Gone)?;
        let beside = Beside::read(beside);
        let length = content.sealed().bytes.saturating_sub(sealed.len() as u64);
        let (prefix, bound) = if form.unqualified { ("q:", ":q") } else { ("", "") };
        let mut head = format!("<{prefix}{} xmlns{bound}=\"", form.element).into_bytes();
        // Names and namespaces were checked with the plan, and can stand in XML.
        let _ = escape_attribute(&form.namespace, &mut head);
        head.extend_from_slice(b"\">");
        head.extend(beside.before.concat());
        for count in plan.plan.answer.iter().flat_map(|answer| &answer.counts) {
            let (element, number) = (&count.element, counts.of(count.of));
            head.extend_from_slice(format!("<{element}>{number}</{element}>").as_bytes());
        }
        let mut tail = Vec::new();
        let steps: Vec<&str> = result::steps(&form.results.result);
        for step in steps.iter().take(steps.len().saturating_sub(1)) {
            head.extend_from_slice(format!("<{step}>").as_bytes());
            tail.splice(0..0, format!("</{step}>").into_bytes());
        }
        tail.extend(beside.after.concat());
        tail.extend_from_slice(format!("</{prefix}{}>", form.element).as_bytes());
        let element = QName::new(&form.namespace, &form.element);
        Ok(Self { element, head, tail, content, length, counts, action: beside.action })
    }

    /// Its name.
    pub fn element(&self) -> &QName {
        &self.element
    }

    /// The `wsa:Action` that the upstream gave all of its answers.
    pub fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    /// How many results say that a row was taken, and how many that it was not.
    pub fn results(&self) -> (u64, u64) {
        (self.counts.taken, self.counts.refused)
    }

    /// Its bytes.
    pub fn length(&self) -> u64 {
        self.length + self.head.len() as u64 + self.tail.len() as u64
    }

    /// Its bytes, piece by piece.
    ///
    /// # Errors
    /// The file system, or what lies there is not what was written.
    pub fn pieces(self) -> Result<AnswerPieces, SpoolError> {
        let content = self.content.read(0..self.content.records().saturating_sub(1))?;
        Ok(AnswerPieces { head: Some(self.head), content: Some(content), tail: Some(self.tail) })
    }
}

/// An answer's bytes. Memory: a piece and a segment of the spool.
#[derive(Debug)]
pub struct AnswerPieces {
    head: Option<Vec<u8>>,
    content: Option<Records>,
    tail: Option<Vec<u8>>,
}

impl AnswerPieces {
    /// The next piece (blocking), of some 32 KiB; none at the end.
    ///
    /// # Errors
    /// The file system, or what lies there is not what was written.
    #[allow(clippy::should_implement_trait)] // it can fail at each step, as `Records::next`
    pub fn next(&mut self) -> Result<Option<Bytes>, SpoolError> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head.into()));
        }
        if let Some(content) = &mut self.content {
            if let Some((_, piece)) = content.next()? {
                return Ok(Some(Bytes::copy_from_slice(piece)));
            }
            self.content = None;
        }
        Ok(self.tail.take().map(Bytes::from))
    }
}

#[cfg(test)]
mod tests;
