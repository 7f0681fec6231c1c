//! Room that checks use again.

/// Buffers of one thread's checks; grows to the longest value seen.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    pub(crate) text: String,
}

impl Scratch {
    /// Empty room.
    pub fn new() -> Scratch {
        Scratch::default()
    }
}
