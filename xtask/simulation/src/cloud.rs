//! The cloud: takes requests as bytes, has effects, answers. It reads rows with the reference cloud's own readers.

use std::collections::BTreeMap;
use std::ops::Range;

use sekisho_conformance::cloud::csv_rows::{self, CsvForm};
use sekisho_conformance::cloud::rows::{Rows, Value};
use sekisho_conformance::cloud::{intake, json_rows};
use sekisho_delivery::{DialectSpec, SoapVersion};
use serde_json::json;

use crate::scenario::{Content, NAMESPACE};

/// A row as it arrived: which record of which payload it says it is, and which of its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) key: String,
    /// Index of the payload.
    pub(crate) payload: usize,
    pub(crate) position: u64,
    /// Of the record's rows.
    pub(crate) row: usize,
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
    pub(crate) position: u64,
}

/// What the cloud holds: by route, by key.
#[derive(Debug, Default)]
pub(crate) struct Cloud {
    pub(crate) tables: BTreeMap<(usize, String), Held>,
}

/// The rows of a request, or of an upload.
///
/// # Errors
/// It is not what the dialect describes.
pub(crate) fn read(dialect: &DialectSpec, body: &[u8]) -> Result<Vec<Row>, String> {
    told(&match dialect {
        DialectSpec::Soap(_) => intake::read_rows(body)?,
        DialectSpec::Bulk2(_) => csv_rows::read(body, CsvForm::default())?,
        _ => json_rows::read_array(body)?,
    })
}

/// The keys that a request asks for.
///
/// # Errors
/// It is no question by key.
pub(crate) fn read_keys(body: &[u8]) -> Result<Vec<String>, String> {
    intake::read_keys(body)
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
        let row = key.split_once('-').map_or(Ok(0), |(_, row)| row.parse());
        let row = row.map_err(|_| format!("row {at} is none of a record"))?;
        Ok(Row { key: key.to_owned(), payload, position, row })
    };
    (0..rows.len()).map(row).collect()
}

/// The text of a record's value: by it the cloud's rows are known again.
pub(crate) fn value(payload: usize, position: u64) -> String {
    format!("{payload}:{position}")
}

/// The key of a record, and of a row of one that has members.
pub(crate) fn key(content: &Content, member: Option<usize>) -> String {
    match member {
        None => format!("K{}", content.key),
        Some(member) => format!("K{}-{member}", content.key),
    }
}

/// What becomes of a row that the cloud looks at now.
pub(crate) fn judge(bad: bool, locked: bool) -> RowEnd {
    if bad {
        RowEnd::Refused("FIELD_INTEGRITY")
    } else if locked {
        RowEnd::Refused("UNABLE_TO_LOCK_ROW")
    } else {
        RowEnd::Taken
    }
}

/// The answer to a call that was done.
pub(crate) fn answer(dialect: &DialectSpec, rows: &[Row], ends: &[RowEnd]) -> Vec<u8> {
    let DialectSpec::Soap(soap) = dialect else {
        let result = |(row, end): (&Row, &RowEnd)| match end {
            RowEnd::Taken => json!({"key": row.key, "success": true}),
            RowEnd::Refused(code) => json!({"key": row.key, "success": false, "code": code}),
        };
        let results: Vec<_> = rows.iter().zip(ends).map(result).collect();
        return json!({ "results": results }).to_string().into_bytes();
    };
    let mut body = format!(r#"<putRecordsResponse xmlns="{NAMESPACE}">"#);
    for (row, end) in rows.iter().zip(ends) {
        let success = *end == RowEnd::Taken;
        body += &format!("<result><key>{}</key><success>{success}</success>", row.key);
        if let RowEnd::Refused(code) = end {
            body += &format!("<error><code>{code}</code></error>");
        }
        body += "</result>";
    }
    envelope(soap.version, &(body + "</putRecordsResponse>"))
}

/// The answer to a question by key: those of the keys that are there.
pub(crate) fn found<'k>(version: SoapVersion, keys: impl IntoIterator<Item = &'k String>) -> Vec<u8> {
    let keys: String = keys.into_iter().map(|key| format!("<found><key>{key}</key></found>")).collect();
    envelope(version, &format!(r#"<findRecordsResponse xmlns="{NAMESPACE}">{keys}</findRecordsResponse>"#))
}

/// A call's error.
pub(crate) fn error(dialect: &DialectSpec, code: &str) -> Vec<u8> {
    let DialectSpec::Soap(soap) = dialect else {
        return json!({ "code": code }).to_string().into_bytes();
    };
    let detail = format!(r#"<intakeFault xmlns="{NAMESPACE}"><code>{code}</code></intakeFault>"#);
    let fault = match soap.version {
        SoapVersion::Soap11 => format!(
            "<s:Fault><faultcode>s:Server</faultcode><faultstring>no</faultstring><detail>{detail}</detail></s:Fault>"
        ),
        SoapVersion::Soap12 => format!(
            "<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text xml:lang=\"en\">no</s:Text>\
             </s:Reason><s:Detail>{detail}</s:Detail></s:Fault>"
        ),
    };
    envelope(soap.version, &fault)
}

fn envelope(version: SoapVersion, body: &str) -> Vec<u8> {
    let namespace = match version {
        SoapVersion::Soap11 => "http://schemas.xmlsoap.org/soap/envelope/",
        SoapVersion::Soap12 => "http://www.w3.org/2003/05/soap-envelope",
    };
    let head = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
    format!(r#"{head}<s:Envelope xmlns:s="{namespace}"><s:Body>{body}</s:Body></s:Envelope>"#).into_bytes()
}

/// What an answer's `Content-Type` says.
pub(crate) fn media(dialect: &DialectSpec) -> &'static str {
    match dialect {
        DialectSpec::Soap(soap) if soap.version == SoapVersion::Soap12 => {
            "application/soap+xml; charset=utf-8"
        }
        DialectSpec::Soap(_) => "text/xml; charset=utf-8",
        _ => "application/json",
    }
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

    /// The rows that the cloud has come to, one after the other.
    pub(crate) fn reached(&self) -> usize {
        self.ends.iter().take_while(|end| **end != NOT_REACHED).count()
    }

    /// The rows of a part of the work.
    pub(crate) fn part(&self, which: u8, of: u8) -> Range<usize> {
        let cut = |part: u8| self.rows.len() * usize::from(part) / usize::from(of);
        cut(which)..cut(which + 1)
    }
}
