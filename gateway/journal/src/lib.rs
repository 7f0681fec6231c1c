//! The spool, the ledger and the state machine of batches, chunks and outcomes.
#![forbid(unsafe_code)]
