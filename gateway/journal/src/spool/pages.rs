//! Pages of fixed-size entries, each authenticated by itself, so that one can be read without the others.

use std::path::Path;

use aws_lc_rs::{constant_time, hmac};

use super::disk::{self, DiskFile};
use super::error::{Result, SpoolError};
use super::key_file::Keys;
use crate::identity::BatchId;

pub(super) const PAGE: usize = 4096;
const MAC: usize = 16;
/// Bytes of a page that hold entries.
pub(super) const PAYLOAD: usize = PAGE - MAC;

/// What a page says; part of what is authenticated, so that one kind cannot stand in for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Head = 0,
    Records = 1,
    Keys = 2,
}

fn mac(keys: &Keys, batch: BatchId, kind: Kind, number: u64, payload: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&keys.page);
    context.update(batch.as_bytes());
    context.update(&[kind as u8]);
    context.update(&number.to_le_bytes());
    context.update(payload);
    context.sign()
}

/// Writes page `number` of the file; `payload` is filled up with zeros.
pub(super) fn write(
    file: &dyn DiskFile,
    path: &Path,
    keys: &Keys,
    batch: BatchId,
    kind: Kind,
    number: u64,
    payload: &[u8],
) -> Result<()> {
    let mut page = [0; PAGE];
    page[..payload.len()].copy_from_slice(payload);
    let tag = mac(keys, batch, kind, number, &page[..PAYLOAD]);
    page[PAYLOAD..].copy_from_slice(&tag.as_ref()[..MAC]);
    disk::write_at(file, path, &page, number * PAGE as u64)
}

/// Reads page `number` of the file.
pub(super) fn read(
    file: &dyn DiskFile,
    path: &Path,
    keys: &Keys,
    batch: BatchId,
    kind: Kind,
    number: u64,
) -> Result<[u8; PAYLOAD]> {
    let damaged = |what| SpoolError::Damaged { path: path.to_owned(), what };
    let mut page = [0; PAGE];
    file.read_exact_at(&mut page, number * PAGE as u64).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => damaged("a page is missing"),
        _ => SpoolError::Io { what: "reading", path: path.to_owned(), source: error },
    })?;
    let tag = mac(keys, batch, kind, number, &page[..PAYLOAD]);
    constant_time::verify_slices_are_equal(&tag.as_ref()[..MAC], &page[PAYLOAD..])
        .map_err(|_| damaged("a page is not authentic"))?;
    let mut payload = [0; PAYLOAD];
    payload.copy_from_slice(&page[..PAYLOAD]);
    Ok(payload)
}

/// Reads little-endian fields one after the other.
pub(super) struct Fields<'b>(pub(super) &'b [u8]);

impl Fields<'_> {
    /// The next `N` bytes; zeros past the end, which no caller reaches since layouts are fixed.
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        if let Some((head, tail)) = self.0.split_at_checked(N) {
            bytes.copy_from_slice(head);
            self.0 = tail;
        }
        bytes
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.bytes())
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.bytes())
    }

    pub(super) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }
}
