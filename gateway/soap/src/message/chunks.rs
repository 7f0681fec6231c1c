//! The history of a batch's chunks, in pages.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::receipt::{moment, written};
use super::tree::{self, Node};
use super::xml::Element;
use crate::envelope::SoapError;

/// Where a chunk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChunkState {
    /// Written down; may or may not have left the gateway.
    Open,
    /// On its way.
    Sent,
    /// What became of some of its records is not known.
    InDoubt,
    /// Answered: each of its records has an outcome, or waits to be sent again.
    Answered,
    /// Not sent, or proven to have had no effect: its records wait to be sent again.
    Returned,
}

impl ChunkState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Open, Self::Sent, Self::InDoubt, Self::Answered, Self::Returned];

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Sent => "sent",
            Self::InDoubt => "in-doubt",
            Self::Answered => "answered",
            Self::Returned => "returned",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// One chunk: a run of records that were sent in one request, or one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChunkEntry {
    /// Its number in the batch, from 1.
    pub number: u64,
    /// Number of its first record in the payload, from 1.
    pub first_record: u64,
    /// Number of its last record in the payload. Records that were set aside may lie between them.
    pub last_record: u64,
    /// How many records it was opened with.
    pub records: u64,
    /// Rows that were sent for them, once it was answered.
    pub rows: u64,
    /// Which try it is for these records, from 1.
    pub attempt: u64,
    /// Where it stands.
    pub state: ChunkState,
    /// Whether it waits for an operator's decision.
    pub held: bool,
    /// Why it is in doubt, returned or held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// When it was opened.
    #[serde(with = "time::serde::rfc3339")]
    pub opened_at: OffsetDateTime,
    /// When something last became of it.
    #[serde(with = "time::serde::rfc3339")]
    pub changed_at: OffsetDateTime,
}

impl ChunkEntry {
    fn write(&self, element: &mut Element) {
        element.around("chunk", |element| {
            element.number("number", self.number);
            element.number("firstRecord", self.first_record);
            element.number("lastRecord", self.last_record);
            element.number("records", self.records);
            element.number("rows", self.rows);
            element.number("attempt", self.attempt);
            element.text("state", self.state.name());
            element.text("held", if self.held { "true" } else { "false" });
            element.optional("code", self.code.as_deref());
            element.text("openedAt", &written(self.opened_at));
            element.text("changedAt", &written(self.changed_at));
        });
    }

    fn read(node: &Node) -> Result<Self, SoapError> {
        let mut fields = node.fields()?;
        let entry = Self {
            number: fields.parsed("number", tree::number)?,
            first_record: fields.parsed("firstRecord", tree::number)?,
            last_record: fields.parsed("lastRecord", tree::number)?,
            records: fields.parsed("records", tree::number)?,
            rows: fields.parsed("rows", tree::number)?,
            attempt: fields.parsed("attempt", tree::number)?,
            state: fields.parsed("state", ChunkState::from_name)?,
            held: fields.parsed("held", tree::boolean)?,
            code: fields.optional_text("code")?,
            opened_at: fields.parsed("openedAt", moment)?,
            changed_at: fields.parsed("changedAt", moment)?,
        };
        fields.end()?;
        Ok(entry)
    }
}

/// One page of a batch's chunks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChunksPage {
    /// The gateway's id of the batch.
    pub id: String,
    /// What to pass as `after` for the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// The chunks, by number.
    pub chunks: Vec<ChunkEntry>,
}

impl ChunksPage {
    pub(super) fn write(&self, element: &mut Element) {
        element.text("id", &self.id);
        element.optional_number("next", self.next);
        for chunk in &self.chunks {
            chunk.write(element);
        }
    }

    pub(super) fn read(node: &Node) -> Result<Self, SoapError> {
        let mut fields = node.fields()?;
        let mut page = Self {
            id: fields.text("id")?,
            next: fields.optional_parsed("next", tree::number)?,
            chunks: Vec::new(),
        };
        while let Some(chunk) = fields.optional("chunk") {
            page.chunks.push(ChunkEntry::read(chunk)?);
        }
        fields.end()?;
        Ok(page)
    }
}
