//! The results of all chunks, one after the other in the order of the client's records.

use std::collections::BTreeSet;

use sekisho_journal::machine::{Run, Settlement};
#[cfg(feature = "planted")]
use sekisho_journal::planted::{Bug, is as is_planted};
use sekisho_journal::{
    BatchId, BatchWriter, KeptResults, LedgerError, Records, RowAnswer, Spool, SpoolError, SpoolReader,
};
use sekisho_records::{Cell, RowBuf};

use super::beside::{self, Beside};
use super::result::{self, Fate};
use super::{AnswerError, Counts};
use crate::dialect::AnswerForm;
use crate::encode::rows_of;
use crate::plan::CompiledPlan;

/// Bytes of results that are kept together.
const PIECE: usize = 32 * 1024;
/// Runs of outcomes that are read from the ledger at a time.
const PAGE: u32 = 1_000;
/// Records that are passed over one by one rather than looked up.
const NEAR: u64 = 512;

/// Makes one answer. Memory: pages of the ledger, a segment for each chunk that is open, and what a batch's writer takes.
pub(super) struct Merge<'a> {
    form: &'a AnswerForm,
    kept: KeptResults,
    /// Those whose words stand in the answer.
    chunks: BTreeSet<u64>,
    payload: Payload<'a>,
    out: Out,
}

impl<'a> Merge<'a> {
    pub(super) fn new(
        spool: &Spool,
        batch: BatchId,
        plan: &'a CompiledPlan,
        form: &'a AnswerForm,
    ) -> Result<Self, AnswerError> {
        let payload = Payload { reader: spool.reader(batch)?, records: None, plan, rows: RowBuf::new() };
        let out = Out { writer: spool.merge(batch)?, buffer: Vec::new(), counts: Counts::default() };
        let kept = spool.results(batch)?;
        Ok(Self { form, kept, chunks: BTreeSet::new(), payload, out })
    }

    /// Writes the answer beside the payload; it is on the disk when this returns.
    pub(super) fn write(
        mut self,
        mut settled: impl FnMut(u64, u32) -> Result<Vec<Run>, LedgerError>,
    ) -> Result<(), AnswerError> {
        let records = self.payload.reader.records();
        let mut position = 0;
        while position < records {
            let page = settled(position, PAGE)?;
            for run in &page {
                for one in run.first.max(position)..run.first + run.count {
                    if one != position {
                        return Err(AnswerError::Unfinished);
                    }
                    self.record(position, run)?;
                    position += 1;
                }
            }
            if page.is_empty() {
                return Err(AnswerError::Unfinished);
            }
        }
        let beside = self.beside();
        self.out.seal(&beside)
    }

    /// What the answers to all calls say beside their results.
    fn beside(&mut self) -> Beside {
        let chunks = std::mem::take(&mut self.chunks);
        let mut all: Option<Beside> = None;
        for chunk in chunks {
            let of_chunk = Beside::of(self.kept.of(chunk, beside::POSITION));
            all = Some(match all {
                None => of_chunk,
                Some(all) => all.and(&of_chunk),
            });
        }
        let counts = self.payload.plan.plan.answer.iter().flat_map(|answer| &answer.counts);
        let names: Vec<&str> = counts.map(|count| count.element.as_str()).collect();
        all.unwrap_or_default().without(&names)
    }

    fn record(&mut self, position: u64, run: &Run) -> Result<(), AnswerError> {
        let kept = run.chunk.map(|chunk| self.kept.of(chunk, position)).unwrap_or_default();
        #[cfg(feature = "planted")]
        if kept.is_empty() && is_planted(Bug::SilenceLeftOut) {
            return Ok(());
        }
        if !kept.is_empty() && fits(run, &kept) {
            self.chunks.extend(run.chunk);
            for row in kept {
                self.out.result(&row.text, row.taken)?;
            }
            return Ok(());
        }
        let taken = |row: usize| match run.outcome {
            Settlement::Delivered => true,
            Settlement::Partial => u32::try_from(row).is_ok_and(|row| !run.rows.contains(&row)),
            Settlement::Rejected | Settlement::Cancelled | Settlement::Expired => false,
        };
        let code = run.code.as_ref().map_or_else(|| word(run.outcome), |code| code.as_str());
        let mut keys = self.payload.keys(position, self.form.results.key.is_some());
        if keys.is_empty() && run.outcome != Settlement::Delivered {
            keys.push(None);
        }
        for (row, key) in keys.iter().enumerate() {
            let taken = taken(row);
            let fate = Fate { taken, code: Some(code), field: run.field.as_deref() };
            self.out.result(&result::write(&self.form.results, key.as_deref(), fate), taken)?;
        }
        Ok(())
    }
}

/// Whether the upstream's words of a record say, row by row, what its outcome says: an earlier or a later call may have decided.
fn fits(run: &Run, rows: &[RowAnswer]) -> bool {
    #[cfg(feature = "planted")]
    if is_planted(Bug::WordsAgainstOutcome) {
        return true;
    }
    match run.outcome {
        Settlement::Delivered => rows.iter().all(|row| row.taken),
        Settlement::Partial => rows.iter().all(|row| row.taken != run.rows.contains(&row.row)),
        Settlement::Rejected => rows.iter().all(|row| !row.taken),
        Settlement::Cancelled | Settlement::Expired => false,
    }
}

fn word(outcome: Settlement) -> &'static str {
    match outcome {
        Settlement::Delivered => "delivered",
        Settlement::Partial => "partial",
        Settlement::Rejected => "rejected",
        Settlement::Cancelled => "cancelled",
        Settlement::Expired => "expired",
    }
}

/// The client's records, for the keys of rows that the upstream said nothing of.
struct Payload<'a> {
    reader: SpoolReader,
    /// Records from the one behind the last that was looked at.
    records: Option<(u64, Records)>,
    plan: &'a CompiledPlan,
    rows: RowBuf,
}

impl Payload<'_> {
    /// One for each row of the record: its key, where there is one and it is wanted.
    fn keys(&mut self, position: u64, wanted: bool) -> Vec<Option<String>> {
        if !wanted && self.plan.plan.mapping.rows.is_none() {
            return vec![None];
        }
        match self.read(position) {
            Ok(keys) => keys,
            Err(code) => {
                tracing::warn!(position, code, "a record of a finished batch cannot be read for its answer");
                vec![None]
            }
        }
    }

    fn read(&mut self, position: u64) -> Result<Vec<Option<String>>, &'static str> {
        let near = self.records.take().filter(|(next, _)| *next <= position && position - *next <= NEAR);
        let (_, mut records) = match near {
            Some(near) => near,
            None => (position, self.reader.read(position..u64::MAX).map_err(|error| error.code())?),
        };
        loop {
            let (at, bytes) = match records.next() {
                Ok(Some(record)) => record,
                Ok(None) => return Err(SpoolError::Unknown(self.reader.batch()).code()),
                Err(error) => return Err(error.code()),
            };
            if at < position {
                continue;
            }
            let count =
                rows_of(&self.plan.mapper, at, bytes, &mut self.rows).map_err(|error| error.code())?;
            let column = self.plan.dialect.key_column();
            let key = |row| match self.rows.cells(row).nth(column?)? {
                Cell::Text(text) => Some(text.to_owned()),
                _ => None,
            };
            let keys = (0..count).map(key).collect();
            self.records = Some((position + 1, records));
            return Ok(keys);
        }
    }
}

/// Where results go.
struct Out {
    writer: BatchWriter,
    buffer: Vec<u8>,
    counts: Counts,
}

impl Out {
    fn result(&mut self, text: &[u8], taken: bool) -> Result<(), AnswerError> {
        *if taken { &mut self.counts.taken } else { &mut self.counts.refused } += 1;
        self.buffer.extend_from_slice(text);
        if self.buffer.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), AnswerError> {
        if !self.buffer.is_empty() {
            self.push_buffer()?;
        }
        Ok(())
    }

    fn push_buffer(&mut self) -> Result<(), AnswerError> {
        let pushed = self.writer.push(&self.buffer, None);
        self.buffer.clear();
        pushed.map_err(|error| match error.downcast::<SpoolError>() {
            Ok(error) => error.into(),
            Err(_) => AnswerError::BrokenOff,
        })
    }

    fn seal(mut self, beside: &Beside) -> Result<(), AnswerError> {
        self.flush()?;
        self.buffer.extend_from_slice(&self.counts.write());
        beside.write(&mut self.buffer);
        self.push_buffer()?;
        self.writer.seal()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::Measured;

    fn said(position: u64, taken: &[bool]) -> Vec<RowAnswer> {
        let row = |(row, taken): (usize, &bool)| RowAnswer {
            position,
            row: u32::try_from(row).unwrap_or(u32::MAX),
            taken: *taken,
            text: b"<r/>".to_vec(),
        };
        taken.iter().enumerate().map(row).collect()
    }

    #[test]
    fn words_stand_in_an_answer_where_they_say_of_each_row_what_the_outcome_says() {
        let run = |outcome, rows: &[u32]| Run {
            first: 0,
            count: 1,
            outcome,
            code: None,
            field: None,
            rows: rows.to_vec(),
            chunk: Some(1),
            at: 0,
        };
        let partial = run(Settlement::Partial, &[1]);
        assert!(fits(&partial, &said(0, &[true, false])));
        // Another call has taken what this one refused for the moment, and the other way round.
        assert!(!fits(&partial, &said(0, &[false, false])) && !fits(&partial, &said(0, &[false, true])));
        let delivered = run(Settlement::Delivered, &[]);
        assert!(fits(&delivered, &said(0, &[true, true])) && !fits(&delivered, &said(0, &[true, false])));
        let rejected = run(Settlement::Rejected, &[]);
        assert!(fits(&rejected, &said(0, &[false])) && !fits(&rejected, &said(0, &[false, true])));
        assert!(!fits(&run(Settlement::Cancelled, &[]), &said(0, &[false])));
    }

    #[test]
    fn of_a_record_some_rows_of_which_an_answer_leaves_out_nothing_is_kept() {
        let chunk = Measured::of_rows(5, &[2, 1, 0, 2]);
        let whole = said(5, &[true, false]);
        let mut all = whole.clone();
        all.extend(said(8, &[true]));
        assert_eq!(chunk.whole(all), whole);
        let mut silent = said(6, &[true]);
        silent[0].text.clear();
        assert_eq!(chunk.whole(silent), []);
    }
}
