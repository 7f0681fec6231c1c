//! What is said to a scanner about one content, and what its answers mean: pure, whichever scanner it is.

use crate::clamd::InStream;
use crate::icap::ReqMod;
use crate::{ScanError, Verdict};

/// What a talk has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Nothing yet.
    Nothing,
    /// The verdict: the talk is over.
    Verdict(Verdict),
}

/// One talk about one content. What it writes goes to the scanner in order; what comes from there goes into [`Self::read`].
#[derive(Debug)]
pub enum Talk {
    /// With clamd.
    Clamd(InStream),
    /// With an ICAP server.
    Icap(Box<ReqMod>),
}

impl Talk {
    /// The longest piece that may be given at once, in bytes.
    pub const PIECE: usize = 64 * 1024;

    /// Whether the next piece may be given, or the end be told; before that the scanner has to say something.
    pub fn takes_more(&self) -> bool {
        match self {
            Self::Clamd(talk) => talk.takes_more(),
            Self::Icap(talk) => talk.takes_more(),
        }
    }

    /// Whether the scanner has everything, so that it is its turn.
    pub fn is_told(&self) -> bool {
        match self {
            Self::Clamd(talk) => talk.is_told(),
            Self::Icap(talk) => talk.is_told(),
        }
    }

    /// Writes what comes first.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Clamd(talk) => talk.begin(out),
            Self::Icap(talk) => talk.begin(out),
        }
    }

    /// Writes a piece of the content, of [`Self::PIECE`] bytes at the most.
    pub fn piece(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Clamd(talk) => talk.piece(piece, out),
            Self::Icap(talk) => talk.piece(piece, out),
        }
    }

    /// Writes that there is no more of the content.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Clamd(talk) => talk.end(out),
            Self::Icap(talk) => talk.end(out),
        }
    }

    /// Takes what came from the scanner; may write what has waited for it.
    ///
    /// # Errors
    /// When that is no answer, or one that says that there is no verdict.
    pub fn read(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<Said, ScanError> {
        match self {
            Self::Clamd(talk) => talk.read(bytes),
            Self::Icap(talk) => talk.read(bytes, out),
        }
    }
}
