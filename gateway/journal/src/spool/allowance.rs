//! How much may be written: asked while records come, so that nobody fills the disk with what he may not keep.

use std::fmt;

/// The room that there is for one batch.
pub trait Allowance: fmt::Debug + Send + Sync {
    /// Takes so many more bytes (0 when the batch begins) of it, on a thread that may block. False: there are not so many, and the batch ends here.
    fn take(&self, bytes: u64) -> bool;
}
