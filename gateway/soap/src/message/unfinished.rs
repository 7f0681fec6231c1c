//! What a fault says of an awaited batch that is not whole: what was done, what was not, and what nobody knows.

use super::receipt::Sums;
use super::tree::{self, Node};
use super::xml::Element;
use crate::envelope::SoapError;

/// A batch whose client waits for an answer that is not there, by its records' numbers in the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The gateway's id of the batch: what it can be asked for by.
    pub batch: String,
    /// How many records are in which state; records that were set aside are not among them.
    pub sums: Sums,
    /// Runs of records with one fate, ascending by number, as far as they are listed.
    pub spans: Vec<Span>,
    /// How many runs there are in all.
    pub spans_total: u64,
}

/// A run of records with one fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// What became of them.
    pub fate: Fate,
    /// Number of the first in the message, from 1.
    pub first: u64,
    /// Number of the last.
    pub last: u64,
}

/// What became of a record, as far as can be said now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// All of it has had its effect.
    Done,
    /// Some of its rows have had their effect, some have not.
    Partly,
    /// It was refused for good, or set aside: it has had no effect and will have none.
    Refused,
    /// It has had no effect.
    NotDone,
    /// It is under way, or nobody knows.
    InDoubt,
}

impl Fate {
    /// Every fate.
    pub const ALL: [Self; 5] = [Self::Done, Self::Partly, Self::Refused, Self::NotDone, Self::InDoubt];

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Partly => "partly",
            Self::Refused => "refused",
            Self::NotDone => "notDone",
            Self::InDoubt => "inDoubt",
        }
    }

    /// The fate of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fate| fate.name() == name)
    }
}

impl Unfinished {
    pub(crate) fn write(&self, element: &mut Element) {
        element.around("unfinished", |element| {
            element.text("batchId", &self.batch);
            element.around("sums", |element| self.sums.write(element));
            element.number("spansTotal", self.spans_total);
            for span in &self.spans {
                element.around("span", |element| {
                    element.text("outcome", span.fate.name());
                    element.number("firstRecord", span.first);
                    element.number("lastRecord", span.last);
                });
            }
        });
    }

    pub(crate) fn read(node: &Node) -> Result<Self, SoapError> {
        let mut fields = node.fields()?;
        let mut unfinished = Self {
            batch: fields.text("batchId")?,
            sums: Sums::read(fields.required("sums")?)?,
            spans_total: fields.parsed("spansTotal", tree::number)?,
            spans: Vec::new(),
        };
        while let Some(span) = fields.optional("span") {
            let mut fields = span.fields()?;
            unfinished.spans.push(Span {
                fate: fields.parsed("outcome", Fate::from_name)?,
                first: fields.parsed("firstRecord", tree::number)?,
                last: fields.parsed("lastRecord", tree::number)?,
            });
            fields.end()?;
        }
        fields.end()?;
        Ok(unfinished)
    }
}
