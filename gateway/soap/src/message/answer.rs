//! Answers: the body's child is named after the operation, with `Response`.

use std::io::BufRead;

use super::xml::Element;
use super::{ChunksPage, ErrorsPage, Heartbeat, NAMESPACE, Node, Receipt};
use crate::envelope::{EnvelopeReader, MessageProblem, SoapError};

/// An answer to one of the gateway's operations.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// `submitBatchResponse`.
    Submitted(Receipt),
    /// `batchStateResponse`.
    State(Receipt),
    /// `batchErrorsResponse`.
    Errors(ErrorsPage),
    /// `batchChunksResponse`.
    Chunks(ChunksPage),
    /// `cancelBatchResponse`.
    Cancelled(Receipt),
    /// `heartbeatResponse`.
    Heartbeat(Heartbeat),
}

impl Answer {
    /// The body's child as XML.
    pub fn write(&self) -> Vec<u8> {
        let mut element = Element::new(self.name());
        match self {
            Self::Submitted(receipt) | Self::State(receipt) | Self::Cancelled(receipt) => {
                element.around("receipt", |element| receipt.write(element));
            }
            Self::Errors(page) => page.write(&mut element),
            Self::Chunks(page) => page.write(&mut element),
            Self::Heartbeat(heartbeat) => heartbeat.write(&mut element),
        }
        element.finish()
    }

    /// Reads the body's child at whose start the envelope reader stands, to its end.
    pub fn read<R: BufRead>(envelope: &mut EnvelopeReader<R>) -> Result<Self, SoapError> {
        let Some(child) = envelope.body() else {
            let at = envelope.position();
            return Err(SoapError::Message {
                problem: MessageProblem::UnknownOperation,
                element: "Body",
                at,
            });
        };
        let (name, at) = (child.name.clone(), child.at);
        let known = [
            "submitBatchResponse",
            "batchStateResponse",
            "cancelBatchResponse",
            "batchErrorsResponse",
            "batchChunksResponse",
            "heartbeatResponse",
        ];
        if &*name.namespace != NAMESPACE || !known.contains(&&*name.local) {
            return Err(SoapError::Message {
                problem: MessageProblem::UnknownOperation,
                element: "Body",
                at,
            });
        }
        let node = Node::read(envelope.xml(), name.clone())?;
        Ok(match &*name.local {
            "batchErrorsResponse" => Self::Errors(ErrorsPage::read(&node)?),
            "batchChunksResponse" => Self::Chunks(ChunksPage::read(&node)?),
            "heartbeatResponse" => Self::Heartbeat(Heartbeat::read(&node)?),
            "submitBatchResponse" => Self::Submitted(receipt(&node)?),
            "batchStateResponse" => Self::State(receipt(&node)?),
            _ => Self::Cancelled(receipt(&node)?),
        })
    }

    /// Name of its element.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Submitted(_) => "submitBatchResponse",
            Self::State(_) => "batchStateResponse",
            Self::Errors(_) => "batchErrorsResponse",
            Self::Chunks(_) => "batchChunksResponse",
            Self::Cancelled(_) => "cancelBatchResponse",
            Self::Heartbeat(_) => "heartbeatResponse",
        }
    }
}

fn receipt(node: &Node) -> Result<Receipt, SoapError> {
    let mut fields = node.fields()?;
    let receipt = Receipt::read(fields.required("receipt")?)?;
    fields.end()?;
    Ok(receipt)
}
