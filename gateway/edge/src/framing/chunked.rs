//! Chunked transfer coding, followed byte by byte (RFC 9112 §7.1).

use super::BrokenChunk;
use super::head::is_token;

/// Bytes that a chunk's extensions or one trailer line may have.
const MAX_LINE: u16 = 1024;
/// Bytes of extensions in all chunks of a body: hyper stops at twice as many, and does not say why.
const MAX_EXTENSIONS: u16 = 8_000;
/// Trailer bytes in all.
const MAX_TRAILER: u16 = 4096;
/// Trailer fields.
const MAX_TRAILERS: u8 = 32;

/// Where a scan stands; carries no data.
#[derive(Debug, Clone)]
pub(super) struct ChunkScanner {
    at: At,
    extensions: u16,
    trailer: u16,
    trailers: u8,
    /// Bytes of the body, as it is framed, that were followed.
    followed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Size { value: u64, digits: u8 },
    Extension { value: u64, length: u16 },
    SizeLf { value: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName { length: u16 },
    Trailer { length: u16 },
    TrailerLf,
    LastLf,
    Done,
}

impl ChunkScanner {
    pub(super) fn new() -> Self {
        Self { at: At::Size { value: 0, digits: 0 }, extensions: 0, trailer: 0, trailers: 0, followed: 0 }
    }

    pub(super) fn is_done(&self) -> bool {
        self.at == At::Done
    }

    /// The framing is broken at the byte that comes next.
    pub(super) fn broken(&self) -> BrokenChunk {
        BrokenChunk { byte: self.followed }
    }

    /// Follows `bytes` up to the end of the body; answers how many of them belong to it.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Result<usize, BrokenChunk> {
        let mut i = 0;
        while i < bytes.len() {
            if let At::Data { left } = self.at {
                let n = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - i);
                i += n;
                self.followed += n as u64;
                let left = left - n as u64;
                self.at = if left == 0 { At::DataCr } else { At::Data { left } };
                continue;
            }
            if self.is_done() {
                break;
            }
            self.at = self.step(bytes[i]).ok_or_else(|| self.broken())?;
            self.followed += 1;
            i += 1;
        }
        Ok(i)
    }

    fn step(&mut self, byte: u8) -> Option<At> {
        let next = match (self.at, byte) {
            (At::Size { value, digits }, b) if b.is_ascii_hexdigit() => {
                // Fifteen digits keep the size below 2^60: no overflow, and more than any body here.
                if digits == 15 {
                    return None;
                }
                let digit = (b as char).to_digit(16).map_or(0, u64::from);
                At::Size { value: value * 16 + digit, digits: digits + 1 }
            }
            (At::Size { value, digits: 1.. }, b'\r') => At::SizeLf { value },
            (At::Size { value, digits: 1.. }, b';') => At::Extension { value, length: 0 },
            (At::Extension { value, .. }, b'\r') => At::SizeLf { value },
            (At::Extension { value, length }, b)
                if length < MAX_LINE
                    && self.extensions < MAX_EXTENSIONS
                    && (b == b'\t' || (0x20..0x7f).contains(&b)) =>
            {
                self.extensions += 1;
                At::Extension { value, length: length + 1 }
            }
            (At::SizeLf { value: 0 }, b'\n') => At::TrailerStart,
            (At::SizeLf { value }, b'\n') => At::Data { left: value },
            (At::DataCr, b'\r') => At::DataLf,
            (At::DataLf, b'\n') => At::Size { value: 0, digits: 0 },
            (At::TrailerStart, b'\r') => At::LastLf,
            (At::TrailerStart, b) if is_token(b) && self.trailers < MAX_TRAILERS => {
                self.trailers += 1;
                At::TrailerName { length: 1 }
            }
            (At::TrailerName { length }, b':') => At::Trailer { length },
            (At::TrailerName { length }, b) if self.has_room(length) && is_token(b) => {
                self.trailer += 1;
                At::TrailerName { length: length + 1 }
            }
            (At::Trailer { .. }, b'\r') => At::TrailerLf,
            (At::Trailer { length }, b)
                if self.has_room(length) && (b == b'\t' || (b >= 0x20 && b != 0x7f)) =>
            {
                self.trailer += 1;
                At::Trailer { length: length + 1 }
            }
            (At::TrailerLf, b'\n') => At::TrailerStart,
            (At::LastLf, b'\n') => At::Done,
            _ => return None,
        };
        Some(next)
    }

    fn has_room(&self, length: u16) -> bool {
        length < MAX_LINE && self.trailer < MAX_TRAILER
    }
}
