//! The gateway's own operations, document/literal in [`NAMESPACE`]: requests and answers, written and read.
//!
//! | operation | request | answer |
//! | --- | --- | --- |
//! | `submitBatch` | [`Submission`] (its records are streamed) | [`Answer::Submitted`] |
//! | `batchState` | [`Request::BatchState`] | [`Answer::State`] |
//! | `batchErrors` | [`Request::BatchErrors`] | [`Answer::Errors`] |
//! | `batchChunks` | [`Request::BatchChunks`] | [`Answer::Chunks`] |
//! | `cancelBatch` | [`Request::CancelBatch`] | [`Answer::Cancelled`] |
//! | `heartbeat` | [`Request::Heartbeat`] | [`Answer::Heartbeat`] |
//!
//! REST speaks the same structs as JSON, under the same names.

mod ahead;
mod answer;
mod chunks;
mod errors;
mod frame;
mod heartbeat;
mod names;
mod problem;
mod receipt;
mod request;
mod submission;
mod tree;
mod unfinished;
pub(crate) mod xml;

#[cfg(test)]
mod tests;

pub use ahead::{InlineFault, PayloadPlace, PayloadReader};
pub use answer::Answer;
pub use chunks::{ChunkEntry, ChunkState, ChunksPage};
pub use errors::{ErrorsPage, RecordError};
pub use frame::{Carrier, SubmissionFrame};
pub use heartbeat::{Evidence, Heartbeat, Hop, HopState};
pub use problem::{BatchList, Problem};
pub use receipt::{DuplicateBy, HeldRecords, Receipt, State, Sums};
pub use request::Request;
pub use submission::{Payload, Submission, SubmissionShape};
pub use unfinished::{Fate, Span, Unfinished};

pub(crate) use tree::{Node, number as tree_number};

/// Namespace of the gateway's own messages.
pub const NAMESPACE: &str = "urn:sekisho:gateway:1";

/// The most characters that a batch reference or an idempotency key may have.
pub const REFERENCE_CHARACTERS: usize = 256;
