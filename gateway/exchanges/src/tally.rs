//! What of a body has passed.

use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

/// Counts and digests a body as it passes, for the line of its exchange: shared by who moves the body and who writes the line.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Passed>);

#[derive(Debug, Default)]
struct Passed {
    bytes: u64,
    digest: Sha256,
    whole: bool,
    /// The digest, as soon as somebody has asked for it.
    sum: Option<[u8; 32]>,
}

impl Tally {
    /// A piece has passed, which was the last one or not.
    pub fn piece(&self, piece: &[u8], last: bool) {
        let mut passed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        passed.bytes += piece.len() as u64;
        passed.digest.update(piece);
        passed.whole = last;
        passed.sum = None;
    }

    /// All of it has passed at once: so many bytes, whose SHA-256 is known from elsewhere.
    pub fn all(&self, bytes: u64, sha256: [u8; 32]) {
        let mut passed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *passed = Passed { bytes, whole: true, sum: Some(sha256), ..Passed::default() };
    }

    /// Nothing more comes: that was all of it, or not.
    pub fn end(&self, whole: bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).whole = whole;
    }

    /// Bytes so far, and their SHA-256 where they are all of it and more than none.
    pub fn sum(&self) -> (u64, Option<[u8; 32]>) {
        let mut passed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !passed.whole || passed.bytes == 0 {
            return (passed.bytes, None);
        }
        let digest = match passed.sum {
            Some(sum) => sum,
            None => passed.digest.clone().finalize().into(),
        };
        passed.sum = Some(digest);
        (passed.bytes, Some(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_of_all_of_it_or_there_is_none() {
        let of_all: [u8; 32] = Sha256::digest(b"one two").into();
        let tally = Tally::default();
        assert_eq!(tally.sum(), (0, None));
        tally.piece(b"one ", false);
        assert_eq!(tally.sum(), (4, None));
        tally.piece(b"two", true);
        assert_eq!(tally.sum(), (7, Some(of_all)));
        tally.end(false);
        assert_eq!(tally.sum(), (7, None));
        tally.end(true);
        assert_eq!(tally.sum(), (7, Some(of_all)));
        tally.piece(b"!", true);
        assert_eq!(tally.sum(), (8, Some(Sha256::digest(b"one two!").into())));
        let known = Tally::default();
        known.all(7, of_all);
        assert_eq!(known.sum(), (7, Some(of_all)));
        let nothing = Tally::default();
        nothing.end(true);
        assert_eq!(nothing.sum(), (0, None));
    }
}
