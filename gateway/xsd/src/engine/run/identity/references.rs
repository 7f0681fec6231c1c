//! References to keys, kept until it is known which keys there are.

use super::super::Stop;
use super::super::fingerprint::Fingerprint;
use super::super::prints::{Kept as _, Room, words};
use super::super::sites::Sites;

/// The least and the most references of a piece.
const FEW: usize = 8;
const MANY: usize = 1 << 14;

/// References in the order in which they were made, in pieces that are never moved.
#[derive(Debug, Default)]
pub(super) struct References {
    pieces: Vec<Vec<[u64; 2]>>,
    len: usize,
    /// A site for each.
    sites: Sites,
}

impl References {
    pub(super) fn push(&mut self, to: Fingerprint, site: &[u64], room: &mut Room) -> Result<(), Stop> {
        let full = self.pieces.last().is_none_or(|last| last.len() == last.capacity());
        if full {
            let piece = Vec::with_capacity((self.len / 4).clamp(FEW, MANY));
            room.take(piece.capacity() * size_of::<[u64; 2]>())?;
            self.pieces.push(piece);
        }
        if let Some(last) = self.pieces.last_mut() {
            last.push(words(to));
            self.len += 1;
            self.sites.push(site, room);
        }
        Ok(())
    }

    /// All of them with their sites; they are then no longer kept.
    pub(super) fn each(self, room: &mut Room, mut take: impl FnMut(Fingerprint, &[u64])) {
        let mut sites = self.sites.rows();
        for piece in &self.pieces {
            piece.iter().for_each(|to| take(to.print(), sites.next().unwrap_or_default()));
        }
        for piece in self.pieces {
            room.give_back(piece.capacity() * size_of::<[u64; 2]>());
        }
        self.sites.release(room);
    }
}
