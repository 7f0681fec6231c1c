//! One segment: header, records with their lengths, trailer.

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::{constant_time, hmac};

use super::disk::{self, Disk, DiskFile};
use super::error::{IoContext, Result, SpoolError};
use super::key_file::Keys;
use super::pages::Fields;
use crate::identity::BatchId;

const MAGIC: &[u8; 8] = b"SEKISEGM";
const VERSION: u16 = 1;
const FLAG_LAST: u16 = 1;
const HEADER: usize = 72;
const TRAILER: usize = 32;
/// Not encrypted.
const NO_KEY: u32 = 0;
/// Bytes that are gathered before they are written.
const BUFFER: usize = 64 * 1024;

/// The longest canonical record that is taken, in bytes (16 MiB).
pub const MOST_RECORD_BYTES: u64 = 16 * 1024 * 1024;

/// A segment never has more content than this: a longest record after a longest segment, with lengths.
const MOST_CONTENT: u64 = 2 * MOST_RECORD_BYTES + 64;

/// What a segment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) batch: BatchId,
    pub(super) counter: u32,
    pub(super) last: bool,
    pub(super) first: u64,
    pub(super) count: u64,
    pub(super) length: u64,
}

impl Header {
    fn encode(&self, key_id: [u8; 8]) -> [u8; HEADER] {
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(if self.last { FLAG_LAST } else { 0 }).to_le_bytes());
        bytes.extend_from_slice(&NO_KEY.to_le_bytes());
        bytes.extend_from_slice(&key_id);
        bytes.extend_from_slice(self.batch.as_bytes());
        bytes.extend_from_slice(&self.counter.to_le_bytes());
        bytes.extend_from_slice(&0u32.to_le_bytes()); // reserved
        bytes.extend_from_slice(&self.first.to_le_bytes());
        bytes.extend_from_slice(&self.count.to_le_bytes());
        bytes.extend_from_slice(&self.length.to_le_bytes());
        let mut header = [0; HEADER];
        header.copy_from_slice(&bytes);
        header
    }

    fn decode(bytes: &[u8; HEADER], key_id: [u8; 8], path: &Path) -> Result<Self> {
        let damaged = |what| SpoolError::Damaged { path: path.to_owned(), what };
        let mut fields = Fields(bytes);
        if &fields.bytes::<8>() != MAGIC {
            return Err(damaged("it is no segment"));
        }
        let version = fields.u16();
        if version != VERSION {
            return Err(SpoolError::Newer { path: path.to_owned(), found: version, known: VERSION });
        }
        let (flags, encryption) = (fields.u16(), fields.u32());
        if fields.bytes::<8>() != key_id || encryption != NO_KEY {
            return Err(SpoolError::OtherKey { path: path.to_owned() });
        }
        let batch = BatchId::from_bytes(fields.bytes());
        let (counter, reserved) = (fields.u32(), fields.u32());
        let header = Self {
            batch,
            counter,
            last: flags & FLAG_LAST != 0,
            first: fields.u64(),
            count: fields.u64(),
            length: fields.u64(),
        };
        if reserved != 0 || flags & !FLAG_LAST != 0 || header.length > MOST_CONTENT {
            return Err(damaged("its header has impossible values"));
        }
        Ok(header)
    }
}

/// A segment being written. The header is known and written last.
#[derive(Debug)]
pub(super) struct SegmentWriter {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    mac: hmac::Context,
    header: Header,
    buffer: Vec<u8>,
}

impl SegmentWriter {
    /// Begins segment `counter` at record `first`; `buffer` is one that an earlier segment gave back, or empty.
    pub(super) fn create(
        disk: &dyn Disk,
        path: PathBuf,
        keys: &Keys,
        batch: BatchId,
        counter: u32,
        first: u64,
        buffer: Vec<u8>,
    ) -> Result<Self> {
        let file = disk::create_file(disk, &path)?;
        let header = Header { batch, counter, last: false, first, count: 0, length: 0 };
        Ok(Self { file, path, mac: hmac::Context::with_key(&keys.segment), header, buffer })
    }

    /// Bytes of content so far: the offset at which the next record begins.
    pub(super) fn length(&self) -> u64 {
        self.header.length + self.buffer.len() as u64
    }

    /// Adds a record; `length` is its length as a varint.
    pub(super) fn push(&mut self, length: &[u8], record: &[u8]) -> Result<()> {
        if self.buffer.len() + length.len() + record.len() > BUFFER {
            self.flush()?;
        }
        self.buffer.extend_from_slice(length);
        if record.len() > BUFFER {
            self.flush()?;
            self.write(record)?;
        } else {
            self.buffer.extend_from_slice(record);
        }
        self.header.count += 1;
        Ok(())
    }

    /// Completes the segment and makes its content durable. Gives the buffer back.
    pub(super) fn close(mut self, last: bool, keys: &Keys) -> Result<Vec<u8>> {
        self.flush()?;
        self.header.last = last;
        let header = self.header.encode(keys.id);
        self.mac.update(&header);
        let tag = self.mac.sign();
        let end = HEADER as u64 + self.header.length;
        disk::write_at(&*self.file, &self.path, tag.as_ref(), end)?;
        disk::write_at(&*self.file, &self.path, &header, 0)?;
        disk::sync_file(&*self.file, &self.path)?;
        Ok(self.buffer)
    }

    fn flush(&mut self) -> Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let written = self.write(&buffer);
        buffer.clear();
        self.buffer = buffer;
        written
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let offset = HEADER as u64 + self.header.length;
        disk::write_at(&*self.file, &self.path, bytes, offset)?;
        self.mac.update(bytes);
        self.header.length += bytes.len() as u64;
        Ok(())
    }
}

/// A segment that was read whole and is authentic.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) header: Header,
    content: Vec<u8>,
}

impl Segment {
    /// Reads segment `counter` of `batch`.
    pub(super) fn read(
        disk: &dyn Disk,
        path: &Path,
        keys: &Keys,
        batch: BatchId,
        counter: u32,
    ) -> Result<Self> {
        let damaged = |what| SpoolError::Damaged { path: path.to_owned(), what };
        let file = disk.open_file(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => damaged("it is missing"),
            _ => SpoolError::Io { what: "opening", path: path.to_owned(), source: error },
        })?;
        let size = file.size().at("reading", path)?;
        if size < (HEADER + TRAILER) as u64 {
            return Err(damaged("it ends early"));
        }
        let mut bytes = [0; HEADER];
        file.read_exact_at(&mut bytes, 0).at("reading", path)?;
        let header = Header::decode(&bytes, keys.id, path)?;
        if (header.batch, header.counter) != (batch, counter) {
            return Err(damaged("it belongs to another place"));
        }
        if size != (HEADER + TRAILER) as u64 + header.length {
            return Err(damaged("it has another length than it says"));
        }
        // At most `MOST_CONTENT`, and as long as the file is.
        let mut content = vec![0; header.length as usize];
        file.read_exact_at(&mut content, HEADER as u64).at("reading", path)?;
        let mut trailer = [0; TRAILER];
        file.read_exact_at(&mut trailer, HEADER as u64 + header.length).at("reading", path)?;
        let mut mac = hmac::Context::with_key(&keys.segment);
        mac.update(&content);
        mac.update(&bytes);
        constant_time::verify_slices_are_equal(mac.sign().as_ref(), &trailer)
            .map_err(|_| damaged("it is not authentic"))?;
        Ok(Self { header, content })
    }

    /// The record that begins at `offset`, and the offset after it; `None` if there is none.
    pub(super) fn record(&self, offset: usize) -> Option<(&[u8], usize)> {
        let rest = self.content.get(offset..)?;
        let (length, used) = decode_varint(rest)?;
        let end = used.checked_add(usize::try_from(length).ok()?)?;
        Some((rest.get(used..end)?, offset + end))
    }

    /// Bytes of content.
    pub(super) fn len(&self) -> usize {
        self.content.len()
    }
}

/// LEB128, as little as possible: at most 4 bytes for a record that is not too long.
pub(crate) fn encode_varint(mut value: u64, out: &mut [u8; 10]) -> usize {
    let mut used = 0;
    loop {
        let more = value > 0x7F;
        out[used] = (value & 0x7F) as u8 | if more { 0x80 } else { 0 };
        used += 1;
        value >>= 7;
        if !more {
            return used;
        }
    }
}

fn decode_varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(9).enumerate() {
        value |= u64::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}
