//! Batches whose client awaits the answer: what the cloud says of rows is kept beside the payload, and the one answer that is made
//! of it says of every row, in the client's order, what is true.

use sekisho_delivery::{AnswerError, MergedAnswer, make_answer};
use sekisho_journal::machine::Settlement;
use sekisho_journal::{BatchId, Spool};

use crate::cloud;
use crate::disk::DiskFaults;
use crate::world::{Broken, World, tell};

impl World {
    /// The answer to a batch that is finished is made, as its client is told it; made again it is the same. While the disk fails it
    /// may be told in fewer words, and nobody looks.
    pub(crate) fn answer_to(&mut self, batch: BatchId) -> Result<(), Broken> {
        let (Some(entry), Some(&payload)) = (self.ledger.batch(batch), self.batches.get(&batch)) else {
            return Ok(());
        };
        let view = entry.view();
        let awaited = self.scenario.routes[self.truths[payload].route].plan.answer.is_some();
        let DiskFaults { write, read } = self.faults.disk;
        let disk_fails = write > 0.0 || read > 0.0;
        if !awaited || disk_fails || view.finished_at.is_none() || view.payload_removed_at.is_some() {
            return Ok(());
        }
        let Some(spool) = self.gateway.as_ref().map(|gateway| gateway.spool.clone()) else { return Ok(()) };
        let said = match self.made(&spool, batch, payload) {
            Ok(said) => said,
            Err(error) => return Err(format!("no answer can be made for payload {payload}: {error}")),
        };
        self.check_answer(batch, payload, &said)?;
        tell!(self, "the answer to {batch} has {} bytes", said.len());
        self.counted.answers += 1;
        match self.told.insert(batch, said) {
            Some(before) if before != self.told[&batch] => {
                Err(format!("the answer to payload {payload} was another one before"))
            }
            _ => Ok(()),
        }
    }

    fn made(&self, spool: &Spool, batch: BatchId, payload: usize) -> Result<String, AnswerError> {
        let json = &self.plans[self.truths[payload].route].1;
        let settled = |from: u64, limit: u32| {
            let runs = self.ledger.batch(batch).into_iter().flat_map(|entry| entry.settled.values());
            Ok(runs.filter(|run| run.first + run.count > from).take(limit as usize).cloned().collect())
        };
        text(make_answer(spool, batch, json, settled)?)
    }

    /// A result for each row, in the order of the client's records: its key, and that it was taken just where it was.
    fn check_answer(&self, batch: BatchId, payload: usize, said: &str) -> Result<(), Broken> {
        let truth = &self.truths[payload];
        let Some(entry) = self.ledger.batch(batch) else { return Ok(()) };
        let element = if said.contains("<results>") { "results" } else { "result" };
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let mut results = said.split(&open).skip(1).map(|rest| rest.split(&close).next().unwrap_or_default());
        for (position, content) in (0_u64..).zip(&truth.records) {
            let members = self.scenario.routes[truth.route].members;
            let rows = content.bad.len();
            let outcome =
                entry.settled.values().find(|run| (run.first..run.first + run.count).contains(&position));
            if rows == 0 && outcome.is_none_or(|run| run.outcome != Settlement::Delivered) {
                // It has no row, and a result all the same: that it was not taken.
                match results.next() {
                    Some(result) if result.contains("<success>false</success>") => continue,
                    other => {
                        return Err(format!(
                            "record {position} of payload {payload} has no row, and {other:?}"
                        ));
                    }
                }
            }
            for row in 0..rows {
                let key = cloud::key(content, members.then_some(row));
                let taken = truth.effects[position as usize][row] > 0;
                let (key, taken) = (format!("<key>{key}</key>"), format!("<success>{taken}</success>"));
                // Where results stand in the order of rows, the gateway's own have no key.
                let is_its = |result: &str| !result.contains("<key>") || result.contains(&key);
                match results.next() {
                    Some(result) if is_its(result) && result.contains(&taken) => {}
                    other => {
                        return Err(format!(
                            "row {row} of record {position} of payload {payload} has the result {other:?}, not {key}{taken}"
                        ));
                    }
                }
            }
        }
        match results.next() {
            None => Ok(()),
            Some(more) => Err(format!("there are more results than rows of payload {payload}: {more}")),
        }
    }
}

fn text(answer: MergedAnswer) -> Result<String, AnswerError> {
    let (mut bytes, length) = (Vec::new(), answer.length());
    let mut pieces = answer.pieces()?;
    while let Some(piece) = pieces.next()? {
        bytes.extend_from_slice(&piece);
    }
    assert_eq!(bytes.len() as u64, length, "an answer is as long as it says");
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
