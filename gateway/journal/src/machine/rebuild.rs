use super::{BatchState, Chunk, Closing, Run, Sums};

/// What a store holds about a batch, to build its state from.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// Records of the batch.
    pub records: u64,
    /// Sums as they were written down.
    pub sums: Sums,
    /// Chunks opened so far.
    pub opened: u64,
    /// Cancelled or expired.
    pub closing: Option<Closing>,
    /// Finished.
    pub finished: bool,
    /// Chunks with open records, each with them.
    pub chunks: Vec<Chunk>,
    /// Settled records.
    pub settled: Vec<Run>,
}

/// Rows that contradict one another: the store is damaged or was written by something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the ledger's rows contradict one another: {what}; restore it from a backup")]
pub struct Inconsistent {
    /// What does not fit.
    pub what: &'static str,
}

impl BatchState {
    /// The state from its rows.
    ///
    /// # Errors
    /// The rows contradict one another.
    pub fn rebuild(rows: Rows) -> Result<Self, Inconsistent> {
        let _ = rows;
        todo!()
    }
}
