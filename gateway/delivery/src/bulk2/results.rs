//! The three result files of a job, joined to the rows by key.

use std::collections::HashMap;
use std::io::{self, Read};

use http::Method;
use sekisho_upstream::UpstreamError;

use super::{Job, bare, base, lost};
use crate::chunk::{End, Outgoing};
use crate::csv_table::CsvTable;
use crate::dialect::{Bulk2Spec, Codes, RowProblem, RowProblemKind, Verdict};
use crate::encode::Measured;

/// What a result file may have beside each row as it was sent, in bytes: an id, an error in prose.
const MOST_BESIDE_ROW: u64 = 4 * 1024;

/// Reads the three files. What a job that says that it is complete names in none of them is unknown. Of one that was
/// stopped, it was not looked at, if the job has counted no more rows than the files name.
pub(super) async fn results(
    outgoing: &Outgoing,
    spec: &Bulk2Spec,
    chunk: &Measured,
    job: &Job,
) -> Result<End, End> {
    let index = chunk.keys.hashes.iter().zip(0_u32..).map(|(hash, row)| (*hash, row)).collect();
    let mut joined = Joined { index, fates: vec![None; chunk.keys.hashes.len()] };
    // Each field may come back in quotes, and each quote doubled.
    let limit = 64 * 1024 + 3 * chunk.bytes + MOST_BESIDE_ROW * chunk.rows;
    for (file, which) in [
        ("successfulResults", Which::Successful),
        ("failedResults", Which::Failed),
        ("unprocessedrecords", Which::Unprocessed),
    ] {
        let path = format!("{}/{}/{file}", base(spec), job.id);
        let request = || bare(outgoing, Method::GET, &path, "text/csv");
        // The rows were sent long before: that this call was not says nothing of them.
        let answer = outgoing.call_streaming(request, limit).await.map_err(|end| match end {
            End::NotSent { code, .. } => lost(&code),
            other => other,
        })?;
        if !answer.status.is_success() {
            return Err(lost("job-results"));
        }
        let reader = answer.into_reader();
        let (keys, external_id) = (chunk.keys.hasher(), spec.external_id.clone());
        let read = tokio::task::spawn_blocking(move || {
            joined.read(reader, &external_id, which, |key| keys.hash(key)).map(|()| joined)
        });
        joined = read.await.map_err(|_| lost("job-results"))??;
    }
    let codes = outgoing.source.plan.dialect.codes();
    Ok(End::Answered(Verdict::Rows(joined.problems(codes, job))))
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RowFate {
    Taken,
    Refused { code: String, field: Option<String> },
    NotDone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Successful,
    Failed,
    Unprocessed,
}

/// Why a file is no result of this job.
#[derive(Debug)]
pub(super) enum NoResult {
    /// It did not arrive whole.
    Upstream(UpstreamError),
    /// A key that was not sent, or that stands in it twice or in two files: the upstream contradicts itself.
    Key,
    /// Not CSV, or not with the columns that such a file has.
    Form,
}

impl From<NoResult> for End {
    fn from(error: NoResult) -> Self {
        match error {
            NoResult::Upstream(error) => {
                End::Lost { code: error.code().to_owned(), timeout: error.is_timeout() }
            }
            NoResult::Key => lost("answer-key"),
            NoResult::Form => lost("answer-unreadable"),
        }
    }
}

impl From<io::Error> for NoResult {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<UpstreamError>()) {
            Some(upstream) => NoResult::Upstream(upstream.clone()),
            None => NoResult::Form,
        }
    }
}

/// Rows by the hashes of their keys, and what the files say of them.
pub(super) struct Joined {
    pub(super) index: HashMap<u64, u32>,
    pub(super) fates: Vec<Option<RowFate>>,
}

impl Joined {
    /// Reads one file. A success is one only with the id of what it made: an upload that is sent back proves nothing.
    pub(super) fn read(
        &mut self,
        input: impl Read,
        external_id: &str,
        which: Which,
        hash: impl Fn(&str) -> u64,
    ) -> Result<(), NoResult> {
        let mut table = CsvTable::new(input);
        let mut record: Vec<String> = Vec::new();
        if !table.next(&mut record)? {
            // No header and no rows: nothing to report.
            return Ok(());
        }
        let column = |name: &str| record.iter().position(|column| column == name);
        let key = column(external_id).ok_or(NoResult::Form)?;
        let said = match which {
            Which::Successful => column("sf__Id").ok_or(NoResult::Form)?,
            Which::Failed => column("sf__Error").ok_or(NoResult::Form)?,
            Which::Unprocessed => key,
        };
        let width = record.len();
        while table.next(&mut record)? {
            if record.len() != width {
                return Err(NoResult::Form);
            }
            let cell = |at: usize| record.get(at).map_or("", String::as_str);
            let row = *self.index.get(&hash(cell(key))).ok_or(NoResult::Key)?;
            let fate = match which {
                Which::Successful if cell(said).is_empty() => continue,
                Which::Successful => RowFate::Taken,
                Which::Unprocessed => RowFate::NotDone,
                Which::Failed => refused(cell(said)),
            };
            match usize::try_from(row).ok().and_then(|row| self.fates.get_mut(row)) {
                Some(slot) if slot.is_none() => *slot = Some(fate),
                _ => return Err(NoResult::Key),
            }
        }
        Ok(())
    }

    /// The rows that were not taken.
    pub(super) fn problems(self, codes: &Codes, job: &Job) -> Vec<RowProblem> {
        let looked_at =
            |fate: &&Option<RowFate>| matches!(fate, Some(RowFate::Taken | RowFate::Refused { .. }));
        let named = self.fates.iter().filter(looked_at).count() as u64;
        let stopped = job.state != "JobComplete" && job.number_records_processed == Some(named);
        let problem = |(row, fate): (usize, Option<RowFate>)| {
            let kind = match fate {
                Some(RowFate::Taken) => return None,
                Some(RowFate::Refused { code, field }) => {
                    RowProblemKind::Refused { temporary: codes.is_temporary(&code), code, field }
                }
                Some(RowFate::NotDone) => RowProblemKind::NotDone,
                None if stopped => RowProblemKind::NotDone,
                None => RowProblemKind::Unknown,
            };
            Some(RowProblem { row: row as u64, kind })
        };
        self.fates.into_iter().enumerate().filter_map(problem).collect()
    }
}

/// `CODE:text:FIELD --`: the code, and the field where there is one; the text may quote the record and is dropped.
pub(super) fn refused(error: &str) -> RowFate {
    let code = error.split(':').next().unwrap_or_default().trim();
    let word = |text: &str| {
        !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let field = error.rsplit(':').next().unwrap_or_default().trim().trim_end_matches("--").trim();
    RowFate::Refused {
        code: if word(code) { code.to_owned() } else { "refused".to_owned() },
        field: (field != code && word(field)).then(|| field.to_owned()),
    }
}
