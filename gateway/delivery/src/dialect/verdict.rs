//! What an answer means for the rows of a chunk.

use std::collections::HashMap;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
#[cfg(feature = "planted")]
use sekisho_journal::planted::{Bug, is as is_planted};

use super::Codes;
use super::retry_after::retry_after;
use crate::encode::RowKeys;

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Every row was taken, except for these (ascending).
    Rows(Vec<RowProblem>),
    /// The session has expired; nothing was done.
    Session(String),
    /// Refused whole for what it holds; nothing was done.
    Data {
        /// Which code.
        code: String,
        /// The code is configured as one about data. If not, the call itself may be wrong.
        certain: bool,
    },
    /// Too many rows or bytes; nothing was done.
    TooLarge(String),
    /// Not now; nothing was done.
    Later {
        /// Which code.
        code: String,
        /// How long to wait, if the upstream says so.
        wait: Option<Duration>,
        /// What it gives in a time is used up.
        quota: bool,
    },
    /// The upstream does not take such calls at all (address, method, rights); nothing was done.
    Misuse(String),
    /// Stopped at the time limit: part of the effects may be done.
    TimeLimit(String),
    /// Nobody can tell from the answer.
    Unknown(String),
}

/// A row that was not taken, or of which the answer does not say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowProblem {
    /// Which row of the chunk, from 0.
    pub row: u64,
    /// What became of it.
    pub kind: RowProblemKind,
}

/// What became of a row that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowProblemKind {
    /// Refused.
    Refused {
        /// Why.
        code: String,
        /// The column that the upstream named.
        field: Option<String>,
        /// It may be taken when tried again.
        temporary: bool,
    },
    /// Proven not to have been looked at.
    NotDone,
    /// The answer does not say.
    Unknown,
}

/// What an answer says of one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RowResult {
    /// Hash of the key, where the answer has one.
    pub(crate) key: Option<u64>,
    /// Whether the row was taken; `None` where the answer does not say.
    pub(crate) success: Option<bool>,
    pub(crate) code: Option<String>,
    pub(crate) field: Option<String>,
    /// Whether it has the id of what was made of the row; `None` where no such id is to be expected.
    pub(crate) id: Option<bool>,
    /// The whole result, where it is kept.
    pub(crate) text: Vec<u8>,
}

impl RowResult {
    /// The row was taken, and something was made of it.
    pub(crate) fn is_taken(&self) -> bool {
        self.success == Some(true) && self.id != Some(false)
    }
}

/// Whether a text is an id that an upstream gives: letters and digits.
pub(crate) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Codes {
    /// A code as it is compared: without a prefix.
    pub(crate) fn plain(code: &str) -> &str {
        code.rsplit_once(':').map_or(code, |(_, local)| local).trim()
    }

    fn has(list: &[String], code: &str) -> bool {
        list.iter().any(|known| known == code)
    }

    pub(crate) fn is_temporary(&self, code: &str) -> bool {
        Self::has(&self.temporary, Self::plain(code))
    }

    /// What a code means for a whole call, if it is one that means anything.
    pub(crate) fn verdict(&self, code: &str, headers: &HeaderMap) -> Option<Verdict> {
        let code = Self::plain(code);
        let named = || code.to_owned();
        if Self::has(&self.session, code) {
            Some(Verdict::Session(named()))
        } else if Self::has(&self.time_limit, code) {
            Some(Verdict::TimeLimit(named()))
        } else if Self::has(&self.too_large, code) {
            Some(Verdict::TooLarge(named()))
        } else if Self::has(&self.quota, code) {
            Some(Verdict::Later { code: named(), wait: retry_after(headers), quota: true })
        } else if Self::has(&self.unavailable, code) {
            Some(Verdict::Later { code: named(), wait: retry_after(headers), quota: false })
        } else if Self::has(&self.data, code) {
            Some(Verdict::Data { code: named(), certain: true })
        } else {
            None
        }
    }
}

/// What a status means when no code says more (RFC 9110 section 15, RFC 6585).
pub(crate) fn by_status(status: StatusCode, code: Option<&str>, headers: &HeaderMap) -> Verdict {
    let named =
        || code.map_or_else(|| format!("status-{}", status.as_u16()), |code| Codes::plain(code).to_owned());
    match status.as_u16() {
        401 => Verdict::Session(named()),
        408 | 425 => Verdict::Later { code: named(), wait: retry_after(headers), quota: false },
        429 => Verdict::Later { code: named(), wait: retry_after(headers), quota: true },
        413 => Verdict::TooLarge(named()),
        400 | 422 => Verdict::Data { code: named(), certain: false },
        // With Retry-After it is the server itself that speaks and says "not now"; without, it may be a machine before
        // it that gave up waiting.
        503 if retry_after(headers).is_some() => {
            Verdict::Later { code: named(), wait: retry_after(headers), quota: false }
        }
        // No redirect is followed. 303 comes after the effect, and so do 301 and 302 where they are used as it is (RFC 9110
        // sections 15.4.2 to 15.4.4): they fall to what is not known.
        501 | 300 | 304..=399 | 402..=499 => Verdict::Misuse(named()),
        _ => Verdict::Unknown(named()),
    }
}

/// Which result is each row's: by key where results are described with one, else by order. An answer that does not fit is no
/// proof: then there is a code for why.
pub(crate) fn joined(
    results: &[RowResult],
    by_key: bool,
    rows: u64,
    keys: &RowKeys,
) -> Result<Vec<Option<usize>>, &'static str> {
    if !by_key && results.len() as u64 != rows {
        return Err("answer-count");
    }
    let mut of_row: Vec<Option<usize>> = vec![None; usize::try_from(rows).unwrap_or(usize::MAX)];
    let mut index: Option<HashMap<u64, usize>> = None;
    for (number, result) in results.iter().enumerate() {
        let row = if !by_key || result.key.is_some_and(|key| keys.hashes.get(number) == Some(&key)) {
            Some(number)
        } else {
            let index = index.get_or_insert_with(|| {
                keys.hashes.iter().enumerate().map(|(row, hash)| (*hash, row)).collect()
            });
            result.key.and_then(|key| index.get(&key).copied())
        };
        match row.and_then(|row| of_row.get_mut(row)) {
            Some(slot) if slot.is_none() => *slot = Some(number),
            // A key that was not sent, or two results for one row.
            _ => return Err("answer-key"),
        }
    }
    Ok(of_row)
}

/// What became of the rows that were not taken, by the result of each.
pub(crate) fn problems(
    results: &[RowResult],
    of_row: &[Option<usize>],
    codes: &Codes,
    known_columns: impl Fn(&str) -> bool,
) -> Vec<RowProblem> {
    let mut problems = Vec::new();
    for (row, result) in of_row.iter().enumerate() {
        let kind = match result.and_then(|number| results.get(number)) {
            Some(result) if result.is_taken() => continue,
            #[cfg(feature = "planted")]
            None if is_planted(Bug::SilenceTakenForYes) => continue,
            // Neither taken nor a reason why not, or taken and nothing made of it: the answer does not say.
            None
            | Some(
                RowResult { success: None, code: None, .. }
                | RowResult { success: Some(true), id: Some(false), .. },
            ) => RowProblemKind::Unknown,
            Some(result) => {
                let code = Codes::plain(result.code.as_deref().unwrap_or("refused")).to_owned();
                RowProblemKind::Refused {
                    temporary: codes.is_temporary(&code),
                    field: result.field.clone().filter(|field| known_columns(field)),
                    code,
                }
            }
        };
        problems.push(RowProblem { row: row as u64, kind });
    }
    problems
}
