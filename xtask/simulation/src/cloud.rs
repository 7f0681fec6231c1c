//! The cloud: takes requests as bytes, has effects, answers. It reads rows with the reference cloud's own reader.

use std::collections::BTreeMap;
use std::ops::Range;

use sekisho_conformance::cloud::csv_rows::{self, CsvForm};
use sekisho_conformance::cloud::json_rows;
use sekisho_conformance::cloud::rows::{Rows, Value};
use serde_json::json;

use crate::scenario::Content;

/// A row as it arrived: which record of which payload it says it is.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) key: String,
    /// Index of the payload.
    pub(crate) payload: usize,
    pub(crate) position: u64,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowEnd {
    Taken,
    /// Refused, with this code.
    Refused(&'static str),
}

/// The cloud has not looked at the row.
pub(crate) const NOT_REACHED: RowEnd = RowEnd::Refused("not-reached");

/// An effect that the cloud has had.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) payload: usize,
    /// The payload's place in the order of acceptance.
    pub(crate) sequence: u64,
}

/// What the cloud holds: by route, by key.
#[derive(Debug, Default)]
pub(crate) struct Cloud {
    pub(crate) tables: BTreeMap<(usize, String), Held>,
}

/// The rows of a request.
///
/// # Errors
/// It is not what the dialect describes.
pub(crate) fn read(body: &[u8]) -> Result<Vec<Row>, String> {
    told(&json_rows::read_array(body)?)
}

/// The rows of an upload.
///
/// # Errors
/// It is not what the dialect describes.
pub(crate) fn read_csv(body: &[u8]) -> Result<Vec<Row>, String> {
    told(&csv_rows::read(body, CsvForm::default())?)
}

fn told(rows: &Rows) -> Result<Vec<Row>, String> {
    let columns = [rows.find("K"), rows.find("V")];
    let cell = |at: usize, column: Option<u16>| match column.and_then(|column| rows.value(at, column)) {
        Some(Value::Text(text)) => Ok(text),
        _ => Err(format!("row {at} lacks a cell")),
    };
    let row = |at: usize| {
        let (key, value) = (cell(at, columns[0])?, cell(at, columns[1])?);
        let parts = value
            .split_once(':')
            .and_then(|(payload, position)| Some((payload.parse().ok()?, position.parse().ok()?)));
        let (payload, position) = parts.ok_or_else(|| format!("row {at} is no record"))?;
        Ok(Row { key: key.to_owned(), payload, position })
    };
    (0..rows.len()).map(row).collect()
}

/// The text of a record's value: by it the cloud's rows are known again.
pub(crate) fn value(payload: usize, position: u64) -> String {
    format!("{payload}:{position}")
}

/// What becomes of a row that the cloud looks at now.
pub(crate) fn judge(content: Content, locked: bool) -> RowEnd {
    if content.bad {
        RowEnd::Refused("FIELD_INTEGRITY")
    } else if locked {
        RowEnd::Refused("UNABLE_TO_LOCK_ROW")
    } else {
        RowEnd::Taken
    }
}

/// The answer to a call that was done.
pub(crate) fn answer(rows: &[Row], ends: &[RowEnd]) -> Vec<u8> {
    let result = |(row, end): (&Row, &RowEnd)| match end {
        RowEnd::Taken => json!({"key": row.key, "success": true}),
        RowEnd::Refused(code) => json!({"key": row.key, "success": false, "code": code}),
    };
    let results: Vec<_> = rows.iter().zip(ends).map(result).collect();
    json!({ "results": results }).to_string().into_bytes()
}

/// A call's error.
pub(crate) fn error(code: &str) -> Vec<u8> {
    json!({ "code": code }).to_string().into_bytes()
}

/// A call that is in the network or at work in the cloud.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) incarnation: u64,
    pub(crate) task: sekisho_delivery::dispatch::TaskId,
    pub(crate) route: usize,
    pub(crate) rows: Vec<Row>,
    pub(crate) ends: Vec<RowEnd>,
    pub(crate) fate: Fate,
    /// How often it may still have an effect: arrivals and work that are to come.
    pub(crate) to_come: u32,
}

/// What a request meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Answered,
    /// The client's side of the connection is gone by then, in one way or another.
    Unheard,
    /// Refused for the moment.
    Later,
    /// All is done; the answer is none.
    Nonsense(u8),
}

impl Request {
    /// It may yet have an effect on the record.
    pub(crate) fn may_take(&self, payload: usize, position: u64) -> bool {
        let mut rows = self.rows.iter().zip(&self.ends);
        self.to_come > 0
            && rows.any(|(row, end)| {
                (row.payload, row.position) == (payload, position)
                    && matches!(*end, RowEnd::Taken | NOT_REACHED)
            })
    }

    /// The rows of a part of the work.
    pub(crate) fn part(&self, which: u8, of: u8) -> Range<usize> {
        let cut = |part: u8| self.rows.len() * usize::from(part) / usize::from(of);
        cut(which)..cut(which + 1)
    }
}
