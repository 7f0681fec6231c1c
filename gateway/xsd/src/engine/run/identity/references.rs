//! References to keys, kept until it is known which keys there are.

use super::super::Stop;
use super::super::fingerprint::Fingerprint;
use super::super::identifiers::{Place, Reference};
use super::super::prints::{Kept as _, Room};

/// The least and the most references of a piece.
const FEW: usize = 8;
const MANY: usize = 1 << 14;

/// References in the order in which they were made, in pieces that are never moved.
#[derive(Debug, Default)]
pub(super) struct References {
    pieces: Vec<Vec<Reference>>,
    len: usize,
}

impl References {
    pub(super) fn push(&mut self, to: Fingerprint, at: Place, room: &mut Room) -> Result<(), Stop> {
        let full = self.pieces.last().is_none_or(|last| last.len() == last.capacity());
        if full {
            let piece = Vec::with_capacity((self.len / 4).clamp(FEW, MANY));
            room.take(piece.capacity() * size_of::<Reference>())?;
            self.pieces.push(piece);
        }
        if let Some(last) = self.pieces.last_mut() {
            last.push(Reference::new(to, at));
            self.len += 1;
        }
        Ok(())
    }

    /// All of them, which are then no longer kept.
    pub(super) fn each(self, room: &mut Room, mut take: impl FnMut(Fingerprint, Place)) {
        for piece in self.pieces {
            room.give_back(piece.capacity() * size_of::<Reference>());
            piece.iter().for_each(|reference| take(reference.print(), reference.at));
        }
    }
}
