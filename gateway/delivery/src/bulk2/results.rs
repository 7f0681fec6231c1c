//! The three result files of a job, joined to the rows by key.

use std::collections::HashMap;
use std::io::{self, Read};

use sekisho_upstream::UpstreamError;
use sekisho_xml::write::escape_text;

use super::course::{Job, lost};
use crate::chunk::End;
use crate::csv_table::CsvTable;
use crate::dialect::{Codes, RowProblem, RowProblemKind};
use crate::encode::Measured;

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

impl Which {
    const ALL: [Self; 3] = [Self::Successful, Self::Failed, Self::Unprocessed];

    /// What the file is called.
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Successful => "successfulResults",
            Self::Failed => "failedResults",
            Self::Unprocessed => "unprocessedrecords",
        }
    }

    pub(super) fn named(file: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|which| which.file() == file)
    }

    /// The file that is read after this one.
    pub(super) fn after(file: &str) -> Option<Self> {
        Self::ALL.into_iter().skip_while(|which| which.file() != file).nth(1)
    }
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

/// Bytes of what the files say of rows, in elements, that are kept of one job: of the rest the gateway says itself what became.
const MOST_SAID: usize = 8 * 1024 * 1024;

/// Bytes of an error in prose that are kept.
const MOST_MESSAGE: usize = 1024;

/// Rows by the hashes of their keys, and what the files say of them.
pub(super) struct Joined {
    pub(super) index: HashMap<u64, u32>,
    pub(super) fates: Vec<Option<RowFate>>,
    /// What they say of each row, in elements: whether it was taken, and the text. Where nobody awaits that, none.
    pub(super) said: Option<HashMap<u32, (bool, Vec<u8>)>>,
    /// Bytes of that.
    pub(super) bytes: usize,
}

impl Joined {
    /// The rows of a chunk, of which nothing is known yet. What a job that says that it is complete names in none of its
    /// files is unknown. Of one that was stopped, it was not looked at, if the job has counted no more rows than the files name.
    pub(super) fn new(chunk: &Measured, keep: bool) -> Self {
        let index = chunk.keys.hashes.iter().zip(0_u32..).map(|(hash, row)| (*hash, row)).collect();
        Self { index, fates: vec![None; chunk.keys.hashes.len()], said: keep.then(HashMap::new), bytes: 0 }
    }

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
        let created = column("sf__Created");
        let id = column("sf__Id");
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
                Some(slot) if slot.is_none() => *slot = Some(fate.clone()),
                _ => return Err(NoResult::Key),
            }
            let text = |at: Option<usize>| at.map_or("", cell);
            let words = Words {
                external_id,
                key: cell(key),
                id: text(id),
                created: text(created),
                error: cell(said),
            };
            self.keep(row, &fate, &words);
        }
        Ok(())
    }

    /// What a file says of a row, where that is awaited and there is room for it.
    fn keep(&mut self, row: u32, fate: &RowFate, words: &Words<'_>) {
        let Some(said) = self.said.as_mut().filter(|_| self.bytes < MOST_SAID) else { return };
        let taken = match fate {
            RowFate::Taken => true,
            RowFate::Refused { .. } => false,
            RowFate::NotDone => return,
        };
        let text = words.result(fate);
        self.bytes += text.len();
        said.insert(row, (taken, text));
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

/// What a file says of one row.
struct Words<'a> {
    external_id: &'a str,
    key: &'a str,
    id: &'a str,
    created: &'a str,
    error: &'a str,
}

impl Words<'_> {
    /// The same in elements, as the upstream's synchronous calls say it.
    fn result(&self, fate: &RowFate) -> Vec<u8> {
        let mut out = b"<result>".to_vec();
        put(&mut out, self.external_id, self.key);
        match fate {
            RowFate::Refused { code, field } => {
                put(&mut out, "success", "false");
                out.extend_from_slice(b"<errors>");
                put(&mut out, "statusCode", code);
                let end = (0..=MOST_MESSAGE.min(self.error.len()))
                    .rev()
                    .find(|at| self.error.is_char_boundary(*at));
                put(&mut out, "message", self.error.get(..end.unwrap_or(0)).unwrap_or_default());
                if let Some(field) = field {
                    put(&mut out, "fields", field);
                }
                out.extend_from_slice(b"</errors>");
            }
            RowFate::Taken | RowFate::NotDone => {
                put(&mut out, "id", self.id);
                put(&mut out, "success", "true");
                if !self.created.is_empty() {
                    put(&mut out, "created", self.created);
                }
            }
        }
        out.extend_from_slice(b"</result>");
        out
    }
}

fn put(out: &mut Vec<u8>, name: &str, text: &str) {
    out.extend_from_slice(format!("<{name}>").as_bytes());
    // What XML cannot hold is left out.
    let _ = escape_text(text, out);
    out.extend_from_slice(format!("</{name}>").as_bytes());
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
