//! A part's header block: lines, unfolding (RFC 5322 section 2.2.3), and the fields that mean something here.

use std::io::Read;

use super::window::Window;
use super::{
    Defect, Disposition, HeaderField, MimeError, PartHead, PartLimits, TransferEncoding, content_id,
};
use crate::MediaType;
use crate::media_type;

/// Reads a header block up to and with the empty line behind it.
pub(super) fn read<R: Read>(
    window: &mut Window<R>,
    part: u32,
    limits: &PartLimits,
) -> Result<PartHead, MimeError> {
    let line = window.line();
    let first = window.byte();
    let mut fields: Vec<HeaderField> = Vec::new();
    let mut text = Vec::new();
    loop {
        let at = window.place(part, 0);
        let refuse = |defect| MimeError::Malformed { defect, at };
        let left = (limits.header_bytes as u64).saturating_sub(window.byte() - first);
        read_line(window, part, limits, left, &mut text)?;
        if text.is_empty() {
            let index = part as usize - 1;
            return assemble(fields, index, line).map_err(refuse);
        }
        if let Some(byte) = text.iter().find(|&&b| (b < b' ' && b != b'\t') || b == 0x7f) {
            return Err(refuse(Defect::HeaderByte { byte: *byte }));
        }
        if matches!(text[0], b' ' | b'\t') {
            let last = fields.last_mut().ok_or_else(|| refuse(Defect::HeaderLine))?;
            last.value.extend_from_slice(&text);
            continue;
        }
        if fields.len() == limits.headers {
            let max = limits.headers as u64;
            return Err(refuse(Defect::Limit { which: "header fields", max }));
        }
        fields.push(field(&text).ok_or_else(|| refuse(Defect::HeaderLine))?);
    }
}

/// Reads one line of at most `left` bytes, without its end.
fn read_line<R: Read>(
    window: &mut Window<R>,
    part: u32,
    limits: &PartLimits,
    left: u64,
    text: &mut Vec<u8>,
) -> Result<(), MimeError> {
    text.clear();
    loop {
        if window.peek()?.is_none() {
            return Err(MimeError::Malformed { defect: Defect::Truncated, at: window.place(part, 0) });
        }
        let bytes = window.bytes();
        let end = memchr::memchr(b'\n', bytes);
        let count = end.map_or(bytes.len(), |i| i + 1);
        if text.len() as u64 + count as u64 > left {
            let defect = Defect::Limit { which: "header bytes", max: limits.header_bytes as u64 };
            // The place is that of the first byte too many, however the input was cut.
            let fits = left as usize - text.len();
            return Err(MimeError::Malformed { defect, at: window.place(part, fits) });
        }
        text.extend_from_slice(&bytes[..count]);
        if end.is_some() {
            text.pop();
            if text.last() == Some(&b'\r') {
                text.pop();
            } else if !limits.bare_line_feed {
                let at = window.place(part, count - 1);
                return Err(MimeError::Malformed { defect: Defect::BareLineFeed, at });
            }
            window.advance(count);
            return Ok(());
        }
        window.advance(count);
    }
}

/// `name: value`; no white space may stand before the colon, as readers would disagree on the name.
fn field(text: &[u8]) -> Option<HeaderField> {
    let colon = memchr::memchr(b':', text)?;
    let (name, value) = (&text[..colon], &text[colon + 1..]);
    if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    Some(HeaderField { name, value: value.to_vec() })
}

fn assemble(mut headers: Vec<HeaderField>, index: usize, line: u64) -> Result<PartHead, Defect> {
    for field in &mut headers {
        field.value = field.value.trim_ascii().to_vec();
    }
    let content_type = single(&headers, "Content-Type")?
        .map(|value| MediaType::parse(value).map_err(Defect::ContentType))
        .transpose()?;
    let content_id = single(&headers, "Content-ID")?
        .map(|value| content_id::bare(value).ok_or(Defect::HeaderValue { name: "Content-ID" }))
        .transpose()?
        .map(str::to_owned);
    let transfer_encoding = single(&headers, "Content-Transfer-Encoding")?
        .map(|value| TransferEncoding::from_label(value).ok_or(Defect::UnknownTransferEncoding))
        .transpose()?;
    let location = single(&headers, "Content-Location")?.map(str::to_owned);
    let disposition = headers
        .iter()
        .find(|field| field.name == "content-disposition")
        .and_then(|field| std::str::from_utf8(&field.value).ok())
        .and_then(disposition);
    Ok(PartHead { content_type, content_id, transfer_encoding, location, disposition, headers, index, line })
}

/// The value of a field that may stand once and must be ASCII.
fn single<'a>(headers: &'a [HeaderField], name: &'static str) -> Result<Option<&'a str>, Defect> {
    let mut found = headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
    let Some(field) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(Defect::DuplicateHeader { name });
    }
    match std::str::from_utf8(&field.value) {
        Ok(value) if value.is_ascii() => Ok(Some(value)),
        _ => Err(Defect::HeaderValue { name }),
    }
}

fn disposition(value: &str) -> Option<Disposition> {
    let (kind, parameters) = media_type::labelled(value).ok()?;
    let take =
        |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    Some(Disposition { kind, name: take("name"), filename: take("filename") })
}
