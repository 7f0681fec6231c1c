//! Requests other than `submitBatch`: small, read whole.

use std::io::BufRead;

use super::tree::{self, Node};
use super::xml::Element;
use super::{NAMESPACE, REFERENCE_CHARACTERS};
use crate::envelope::{EnvelopeReader, MessageProblem, SoapError};

/// A request other than `submitBatch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `batchState`: the receipt as it stands.
    BatchState {
        /// The gateway's id of the batch.
        id: String,
    },
    /// `batchErrors`: a page of errors.
    BatchErrors {
        /// The gateway's id of the batch.
        id: String,
        /// Position of the first record to look at, from 0.
        from: u64,
        /// How many at most; the gateway may give fewer.
        limit: Option<u64>,
    },
    /// `batchChunks`: a page of the history of its chunks.
    BatchChunks {
        /// The gateway's id of the batch.
        id: String,
        /// Number of the last chunk of the page before; 0 for the first page.
        after: u64,
        /// How many at most; the gateway may give fewer.
        limit: Option<u64>,
    },
    /// `cancelBatch`: nothing more is to be sent.
    CancelBatch {
        /// The gateway's id of the batch.
        id: String,
    },
    /// `heartbeat`: how is every hop?
    Heartbeat,
}

impl Request {
    /// Whether the body's child is one of these, by its name.
    pub fn is_named(local: &str) -> bool {
        matches!(local, "batchState" | "batchErrors" | "batchChunks" | "cancelBatch" | "heartbeat")
    }

    /// Reads the body's child at whose start the envelope reader stands, to its end.
    pub fn read<R: BufRead>(envelope: &mut EnvelopeReader<R>) -> Result<Self, SoapError> {
        let (name, at) = match envelope.body() {
            Some(child) => (child.name.clone(), child.at),
            None => return Err(unknown(envelope.position())),
        };
        if &*name.namespace != NAMESPACE || !Self::is_named(&name.local) {
            return Err(unknown(at));
        }
        let node = Node::read(envelope.xml(), name.clone())?;
        let mut fields = node.fields()?;
        let request = match &*name.local {
            "batchState" => Self::BatchState { id: fields.parsed("id", id)? },
            "batchErrors" => Self::BatchErrors {
                id: fields.parsed("id", id)?,
                from: fields.optional_parsed("from", tree::number)?.unwrap_or(0),
                limit: fields.optional_parsed("limit", tree::number)?,
            },
            "batchChunks" => Self::BatchChunks {
                id: fields.parsed("id", id)?,
                after: fields.optional_parsed("after", tree::number)?.unwrap_or(0),
                limit: fields.optional_parsed("limit", tree::number)?,
            },
            "cancelBatch" => Self::CancelBatch { id: fields.parsed("id", id)? },
            _ => Self::Heartbeat,
        };
        fields.end()?;
        Ok(request)
    }

    /// The body's child as XML.
    pub fn write(&self) -> Vec<u8> {
        let mut element = Element::new(self.name());
        match self {
            Self::BatchState { id } | Self::CancelBatch { id } => element.text("id", id),
            Self::BatchErrors { id, from, limit } => {
                element.text("id", id);
                element.number("from", *from);
                element.optional_number("limit", *limit);
            }
            Self::BatchChunks { id, after, limit } => {
                element.text("id", id);
                element.number("after", *after);
                element.optional_number("limit", *limit);
            }
            Self::Heartbeat => {}
        }
        element.finish()
    }

    /// Name of the operation and of its element; the `SOAPAction` is [`super::NAMESPACE`], `#` and this.
    pub fn name(&self) -> &'static str {
        match self {
            Self::BatchState { .. } => "batchState",
            Self::BatchErrors { .. } => "batchErrors",
            Self::BatchChunks { .. } => "batchChunks",
            Self::CancelBatch { .. } => "cancelBatch",
            Self::Heartbeat => "heartbeat",
        }
    }
}

fn unknown(at: sekisho_xml::Position) -> SoapError {
    SoapError::Message { problem: MessageProblem::UnknownOperation, element: "Body", at }
}

fn id(text: &str) -> Option<String> {
    (!text.is_empty() && text.chars().count() <= REFERENCE_CHARACTERS).then(|| text.to_owned())
}
