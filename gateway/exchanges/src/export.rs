//! Lines chosen for an auditor.

use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::clock::moment;

/// The members of a line in their order: the columns of a CSV.
pub(crate) const COLUMNS: [&str; 30] = [
    "line",
    "kind",
    "direction",
    "id",
    "within",
    "began",
    "ended",
    "client",
    "certificate",
    "address",
    "route",
    "purpose",
    "upstream",
    "door",
    "method",
    "operation",
    "batch",
    "chunk",
    "message",
    "bytes_in",
    "bytes_out",
    "parts",
    "records",
    "digest",
    "schema",
    "policy",
    "scan",
    "outcome",
    "status",
    "code",
];

/// Which lines are wanted.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Those that began at this time or later, in unix milliseconds.
    pub from: Option<u64>,
    /// Those that began before this time.
    pub until: Option<u64>,
    /// Those of this client.
    pub client: Option<String>,
    /// Those of this route.
    pub route: Option<String>,
}

impl Choice {
    fn wants(&self, line: &Map<String, Value>) -> bool {
        let text = |name: &str| line.get(name).and_then(Value::as_str);
        let began = text("began").and_then(moment).unwrap_or_default();
        self.from.is_none_or(|from| began >= from)
            && self.until.is_none_or(|until| began < until)
            && self.client.as_deref().is_none_or(|client| text("client") == Some(client))
            && self.route.as_deref().is_none_or(|route| text("route") == Some(route))
    }
}

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportForm {
    /// RFC 4180, with a head.
    Csv,
    /// As they stand in the log.
    Ndjson,
}

/// Writes the lines that are wanted.
pub struct Export<W> {
    choice: Choice,
    form: ExportForm,
    out: W,
    /// Lines that were written.
    pub written: u64,
}

impl<W: Write> Export<W> {
    /// Begins: a CSV has a head.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn begin(choice: Choice, form: ExportForm, mut out: W) -> io::Result<Self> {
        if form == ExportForm::Csv {
            write!(out, "{}\r\n", COLUMNS.join(","))?;
        }
        Ok(Self { choice, form, out, written: 0 })
    }

    /// One line of the log, with its end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn line(&mut self, line: &[u8]) -> io::Result<()> {
        let Ok(Value::Object(members)) = serde_json::from_slice(line) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a line of the log is no JSON object"));
        };
        if !self.choice.wants(&members) {
            return Ok(());
        }
        self.written += 1;
        match self.form {
            ExportForm::Ndjson => self.out.write_all(line),
            ExportForm::Csv => {
                let fields: Vec<String> = COLUMNS.iter().map(|name| field(members.get(*name))).collect();
                write!(self.out, "{}\r\n", fields.join(","))
            }
        }
    }

    /// Everything was written.
    ///
    /// # Errors
    /// When it was not.
    pub fn end(mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.written)
    }
}

/// A field (RFC 4180 section 2). What a spreadsheet would take for a formula has an apostrophe before it.
fn field(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => return String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test says so by failing

    use super::*;

    const LINES: [&str; 3] = [
        "{\"line\":1,\"kind\":\"exchange\",\"began\":\"2026-11-22T00:00:00.000Z\",\"client\":\"city\",\"route\":\"a\",\"hash\":\"0\"}\n",
        "{\"line\":2,\"kind\":\"exchange\",\"began\":\"2026-11-22T12:00:00.000Z\",\"client\":\"=town\",\"route\":\"a\",\"purpose\":\"x,\\\"y\\\"\",\"hash\":\"0\"}\n",
        "{\"line\":3,\"kind\":\"exchange\",\"began\":\"2026-11-23T00:00:00.000Z\",\"route\":\"b\",\"status\":404,\"hash\":\"0\"}\n",
    ];

    fn chosen(choice: Choice, form: ExportForm) -> String {
        let mut out = Vec::new();
        let mut export = Export::begin(choice, form, &mut out).unwrap();
        for line in LINES {
            export.line(line.as_bytes()).unwrap();
        }
        export.end().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_are_chosen_by_time_client_and_route() {
        let all = |choice| chosen(choice, ExportForm::Ndjson);
        let day = |text| moment(text);
        assert_eq!(all(Choice::default()), LINES.concat());
        assert_eq!(all(Choice { from: day("2026-11-22T12:00"), ..Choice::default() }), LINES[1..].concat());
        assert_eq!(all(Choice { until: day("2026-11-23"), ..Choice::default() }), LINES[..2].concat());
        assert_eq!(all(Choice { client: Some("city".into()), ..Choice::default() }), LINES[0]);
        assert_eq!(all(Choice { route: Some("b".into()), ..Choice::default() }), LINES[2]);
        assert_eq!(all(Choice { route: Some("c".into()), ..Choice::default() }), "");
    }

    #[test]
    fn a_table_has_a_column_for_each_member_and_no_formula() {
        let csv = chosen(Choice::default(), ExportForm::Csv);
        let rows: Vec<&str> = csv.split("\r\n").collect();
        assert_eq!(rows.len(), 5);
        assert_eq!(rows[0].split(',').count(), COLUMNS.len());
        assert!(rows[2].contains("'=town") && rows[2].contains("\"x,\"\"y\"\"\""), "{}", rows[2]);
        assert!(rows[3].ends_with(",404,"), "{}", rows[3]);
    }
}
