//! One segment: header, records with their lengths, trailer.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::{constant_time, hmac, rand};

use super::data_key::{FolderKey, TAG};
use super::disk::{self, Disk, DiskFile};
use super::error::{IoContext, Result, SpoolError};
use super::frames::{FRAME, Frames};
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
/// Encrypted with the folder's key, in frames.
const FOLDER_KEY: u32 = 1;
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
    /// Bytes of content, as it is before it is encrypted.
    pub(super) length: u64,
    /// Where it is encrypted, the writer's part of the nonces.
    pub(super) salt: Option<u32>,
}

impl Header {
    /// Of a segment that is begun, at record `first`.
    pub(super) fn begin(batch: BatchId, counter: u32, first: u64) -> Self {
        Self { batch, counter, last: false, first, count: 0, length: 0, salt: None }
    }

    /// As far as it is known while content is written.
    fn begun(&self) -> Self {
        Self { last: false, count: 0, length: 0, ..*self }
    }

    /// Bytes between header and trailer.
    fn content_length(&self) -> u64 {
        self.salt.map_or(self.length, |_| Frames::sealed_length(self.length))
    }

    fn encode(&self, key_id: [u8; 8]) -> [u8; HEADER] {
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(if self.last { FLAG_LAST } else { 0 }).to_le_bytes());
        bytes.extend_from_slice(&self.salt.map_or(NO_KEY, |_| FOLDER_KEY).to_le_bytes());
        bytes.extend_from_slice(&key_id);
        bytes.extend_from_slice(self.batch.as_bytes());
        bytes.extend_from_slice(&self.counter.to_le_bytes());
        bytes.extend_from_slice(&self.salt.unwrap_or(0).to_le_bytes());
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
        if fields.bytes::<8>() != key_id || encryption > FOLDER_KEY {
            return Err(SpoolError::OtherKey { path: path.to_owned() });
        }
        let batch = BatchId::from_bytes(fields.bytes());
        let (counter, salt) = (fields.u32(), fields.u32());
        let header = Self {
            batch,
            counter,
            last: flags & FLAG_LAST != 0,
            first: fields.u64(),
            count: fields.u64(),
            length: fields.u64(),
            salt: (encryption == FOLDER_KEY).then_some(salt),
        };
        if (encryption == NO_KEY && salt != 0) || flags & !FLAG_LAST != 0 || header.length > MOST_CONTENT {
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
    /// What is not written yet; of an encrypted segment, never more than a frame.
    buffer: Vec<u8>,
    sealing: Option<Sealing>,
}

/// What a segment's content is encrypted with.
#[derive(Debug)]
struct Sealing {
    key: Arc<FolderKey>,
    frames: Frames,
    /// What is said of each frame but the last.
    begun: [u8; HEADER],
}

/// The key of a folder, and its writer's part of the nonces.
#[derive(Debug, Clone)]
pub(super) struct Secret {
    pub(super) key: Arc<FolderKey>,
    pub(super) salt: u32,
}

impl SegmentWriter {
    /// Begins a segment, encrypted if there is a secret; `buffer` is one that an earlier segment gave back, or empty.
    pub(super) fn create(
        disk: &dyn Disk,
        path: PathBuf,
        keys: &Keys,
        header: Header,
        buffer: Vec<u8>,
        secret: Option<&Secret>,
    ) -> Result<Self> {
        let file = disk::create_file(disk, &path)?;
        let header = Header { salt: secret.map(|secret| secret.salt), ..header };
        let sealing = secret.map(|secret| Sealing {
            key: Arc::clone(&secret.key),
            frames: Frames::new(secret.salt, header.counter),
            begun: header.begun().encode(keys.id),
        });
        Ok(Self { file, path, mac: hmac::Context::with_key(&keys.segment), header, buffer, sealing })
    }

    /// Bytes of content so far: the offset at which the next record begins.
    pub(super) fn length(&self) -> u64 {
        self.header.length + self.buffer.len() as u64
    }

    /// Adds a record; `length` is its length as a varint.
    pub(super) fn push(&mut self, length: &[u8], record: &[u8]) -> Result<()> {
        if self.sealing.is_some() {
            self.fill(length)?;
            self.fill(record)?;
            self.header.count += 1;
            return Ok(());
        }
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
        self.header.last = last;
        let header = if self.sealing.is_some() {
            let length = self.header.length + self.buffer.len() as u64;
            let header = Header { length, ..self.header }.encode(keys.id);
            self.seal_frame(Some(&header))?;
            header
        } else {
            self.flush()?;
            self.header.encode(keys.id)
        };
        self.mac.update(&header);
        let tag = self.mac.sign();
        let end = HEADER as u64 + self.header.content_length();
        disk::write_at(&*self.file, &self.path, tag.as_ref(), end)?;
        disk::write_at(&*self.file, &self.path, &header, 0)?;
        disk::sync_file(&*self.file, &self.path)?;
        Ok(self.buffer)
    }

    /// Adds content to frames.
    fn fill(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let room = FRAME - self.buffer.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == FRAME {
                self.seal_frame(None)?;
            }
        }
        Ok(())
    }

    /// Seals what is in the buffer as a frame, and writes it; the last one says the whole header.
    fn seal_frame(&mut self, whole: Option<&[u8; HEADER]>) -> Result<()> {
        let Some(sealing) = &mut self.sealing else { return Ok(()) };
        let offset = HEADER + sealing.frames.sealed() as usize * (FRAME + TAG);
        let length = self.buffer.len() as u64;
        self.buffer.reserve_exact(FRAME + TAG - self.buffer.len());
        sealing.frames.seal(&sealing.key, whole.unwrap_or(&sealing.begun), &mut self.buffer);
        disk::write_at(&*self.file, &self.path, &self.buffer, offset as u64)?;
        self.mac.update(&self.buffer);
        self.header.length += length;
        self.buffer.clear();
        Ok(())
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

impl Secret {
    pub(super) fn new(key: FolderKey) -> Result<Self> {
        let mut salt = [0; 4];
        rand::fill(&mut salt).map_err(|_| SpoolError::NoRandom)?;
        Ok(Self { key: Arc::new(key), salt: u32::from_le_bytes(salt) })
    }
}

/// A segment that was read whole and is authentic.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) header: Header,
    content: Vec<u8>,
}

impl Segment {
    /// Reads segment `counter` of `batch`, which is encrypted if its folder has a key.
    pub(super) fn read(
        disk: &dyn Disk,
        path: &Path,
        keys: &Keys,
        batch: BatchId,
        counter: u32,
        key: Option<&FolderKey>,
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
        if key.is_some() != header.salt.is_some() {
            return Err(damaged("it is encrypted, or is not, against what the index says"));
        }
        if size != (HEADER + TRAILER) as u64 + header.content_length() {
            return Err(damaged("it has another length than it says"));
        }
        // At most `MOST_CONTENT` with its tags, and as long as the file is.
        let mut content = vec![0; header.content_length() as usize];
        file.read_exact_at(&mut content, HEADER as u64).at("reading", path)?;
        let mut trailer = [0; TRAILER];
        file.read_exact_at(&mut trailer, HEADER as u64 + header.content_length()).at("reading", path)?;
        let mut mac = hmac::Context::with_key(&keys.segment);
        mac.update(&content);
        mac.update(&bytes);
        constant_time::verify_slices_are_equal(mac.sign().as_ref(), &trailer)
            .map_err(|_| damaged("it is not authentic"))?;
        if let (Some(key), Some(salt)) = (key, header.salt) {
            let (begun, length) = (header.begun().encode(keys.id), header.length as usize);
            if !Frames::new(salt, counter).open(key, &begun, &bytes, &mut content, length) {
                return Err(damaged("its content is not what was encrypted with the batch's key"));
            }
        }
        Ok(Self { header, content })
    }

    /// The record that begins at `offset`, and the offset after it; `None` if there is none.
    pub(super) fn record(&self, offset: usize) -> Option<(&[u8], usize)> {
        let rest = self.content.get(offset..)?;
        let (length, used) = decode_varint(rest)?;
        let end = used.checked_add(usize::try_from(length).ok()?)?;
        Some((rest.get(used..end)?, offset + end))
    }

    /// The records from `first` on, which begins at `offset`, up to `end` (exclusive), by themselves, where they are no more than
    /// half of the content: who needs few records for long does not hold all of them.
    pub(super) fn few(&self, offset: usize, first: u64, end: u64) -> Option<Self> {
        let count = end.checked_sub(first)?;
        let mut to = offset;
        for _ in 0..count {
            (_, to) = self.record(to)?;
        }
        let content = self.content.get(offset..to).filter(|few| few.len() <= self.len() / 2)?;
        Some(Self { header: Header { first, count, ..self.header }, content: content.to_vec() })
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
