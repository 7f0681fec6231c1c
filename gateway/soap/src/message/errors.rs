//! Errors and outcomes of single records, in pages.

use serde::{Deserialize, Serialize};

use super::tree::{self, Node};
use super::xml::Element;
use crate::envelope::SoapError;

/// The error or outcome of one record, or of a run of records that have it in common. No value of the record is ever in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordError {
    /// Number of the record in its batch, from 1; the first one of a run.
    pub record: u64,
    /// Number of the run's last record; none where it is about one record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_record: Option<u64>,
    /// Name of the field in the schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Where in the records: steps of `name[number]` from the record, whose number is that in its batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Line of the payload, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Column of that line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// Byte offset in the payload as UTF-8 text, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    /// What became of the record: `setAside`, `rejected`, `partial`, `inDoubt`, `pending`, `cancelled`, `expired`; none if the whole batch was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Of a partial record: which of its rows did not arrive, from 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<u64>,
    /// Stable code.
    pub code: String,
    /// What the schema or the layout has there, in English: names, facets, bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The same in Japanese.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_ja: Option<String>,
    /// What the payload has there, in English: lengths, kinds, names from the schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// The same in Japanese.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_ja: Option<String>,
    /// What is wrong, in English.
    pub message: String,
    /// The same in Japanese.
    pub message_ja: String,
}

impl RecordError {
    pub(crate) fn write(&self, element: &mut Element) {
        element.around("error", |element| {
            element.number("record", self.record);
            element.optional_number("lastRecord", self.last_record);
            element.optional("field", self.field.as_deref());
            element.optional("path", self.path.as_deref());
            element.optional_number("line", self.line);
            element.optional_number("column", self.column);
            element.optional_number("byte", self.byte);
            element.optional("outcome", self.outcome.as_deref());
            for row in &self.rows {
                element.number("row", *row);
            }
            element.text("code", &self.code);
            element.optional_bilingual("expected", self.expected.as_deref(), self.expected_ja.as_deref());
            element.optional_bilingual("found", self.found.as_deref(), self.found_ja.as_deref());
            element.bilingual("message", &self.message, &self.message_ja);
        });
    }

    pub(crate) fn read(node: &Node) -> Result<Self, SoapError> {
        let mut fields = node.fields()?;
        let mut error = Self {
            record: fields.parsed("record", tree::number)?,
            last_record: fields.optional_parsed("lastRecord", tree::number)?,
            field: fields.optional_text("field")?,
            path: fields.optional_text("path")?,
            line: fields.optional_parsed("line", tree::number)?,
            column: fields.optional_parsed("column", tree::number)?,
            byte: fields.optional_parsed("byte", tree::number)?,
            outcome: fields.optional_text("outcome")?,
            ..Self::default()
        };
        while let Some(row) = fields.optional_parsed("row", tree::number)? {
            error.rows.push(row);
        }
        error.code = fields.text("code")?;
        (error.expected, error.expected_ja) = fields.optional_bilingual("expected");
        (error.found, error.found_ja) = fields.optional_bilingual("found");
        (error.message, error.message_ja) = fields.bilingual("message")?;
        fields.end()?;
        Ok(error)
    }
}

/// One page of a batch's errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorsPage {
    /// The gateway's id of the batch.
    pub id: String,
    /// Records in all that were left out, refused, cancelled or expired, of which only a part was taken, or that wait for an
    /// operator.
    pub total: u64,
    /// Position of the first record that was looked at, from 0.
    pub from: u64,
    /// What to pass as `from` for the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// The errors, by record.
    pub errors: Vec<RecordError>,
}

impl ErrorsPage {
    pub(super) fn write(&self, element: &mut Element) {
        element.text("id", &self.id);
        element.number("total", self.total);
        element.number("from", self.from);
        element.optional_number("next", self.next);
        for error in &self.errors {
            error.write(element);
        }
    }

    pub(super) fn read(node: &Node) -> Result<Self, SoapError> {
        let mut fields = node.fields()?;
        let mut page = Self {
            id: fields.text("id")?,
            total: fields.parsed("total", tree::number)?,
            from: fields.parsed("from", tree::number)?,
            next: fields.optional_parsed("next", tree::number)?,
            errors: Vec::new(),
        };
        while let Some(error) = fields.optional("error") {
            page.errors.push(RecordError::read(error)?);
        }
        fields.end()?;
        Ok(page)
    }
}
