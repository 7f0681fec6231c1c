//! Room that checks use again.

/// Buffers of one thread's checks; each grows to the longest value seen.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// A value whose white space had to be changed.
    pub(crate) text: String,
    /// The canonical bytes of an atomic value that is looked up.
    pub(crate) key: Vec<u8>,
    /// The canonical bytes of a list or union that is looked up; lent out while its parts are checked.
    pub(crate) whole: Vec<u8>,
}

impl Scratch {
    /// Empty room.
    pub fn new() -> Scratch {
        Scratch::default()
    }

    /// Takes the room of [`Scratch::whole`], empty; whoever is inside finds none and makes their own.
    pub(crate) fn lend(&mut self) -> Vec<u8> {
        let mut room = std::mem::take(&mut self.whole);
        room.clear();
        room
    }
}
