//! A file as the message of a door: its length is known before a byte is sent, and it is read while it is sent.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, bail};
use base64::write::EncoderWriter;
use sekisho_soap::related::{Packaging, PartLabel, Writer};
use sekisho_soap::{Version, envelope, message};
use sekisho_xml::write::{escape_attribute, escape_text};
use sekisho_xml::{Event, Limits, Reader};

use crate::cli::DoorArg;

/// What is put around a file.
pub(super) struct Message {
    /// `Content-Type` of the request.
    pub(super) content_type: String,
    /// `SOAPAction`, for SOAP.
    pub(super) action: Option<String>,
    before: Vec<u8>,
    content: Content,
    after: Vec<u8>,
}

struct Content {
    start: u64,
    length: u64,
    base64: bool,
}

impl Message {
    /// Prepares the file for a door.
    pub(super) fn prepare(
        path: &Path,
        door: DoorArg,
        content_type: Option<&str>,
        reference: Option<&str>,
        key: &str,
    ) -> anyhow::Result<Self> {
        let length = std::fs::metadata(path).with_context(|| path.display().to_string())?.len();
        let whole = Content { start: 0, length, base64: false };
        let file_type = content_type.unwrap_or_else(|| door.media_type(path));
        let plain = |content_type: &str| Self {
            content_type: content_type.to_owned(),
            action: None,
            before: Vec::new(),
            content: Content { start: 0, length, base64: false },
            after: Vec::new(),
        };
        Ok(match door {
            DoorArg::RestCsv | DoorArg::RestJson | DoorArg::RestNdjson | DoorArg::RestXml => plain(file_type),
            DoorArg::Swa => attached(whole, file_type, reference, key)?,
            DoorArg::SoapBase64 => {
                let marker = "\u{1}";
                let data = format!("<data contentType=\"{}\">{marker}</data>", attribute(file_type)?);
                let (before, after) = around(&data, marker, reference, key)?;
                soap(before, Content { base64: true, ..whole }, after)
            }
            DoorArg::SoapXml => {
                let (declarations, content) = inner(path, length)?;
                let marker = "\u{1}";
                let records = format!(
                    "<g:records xmlns:g=\"{}\"{declarations}>{marker}</g:records>",
                    message::NAMESPACE
                );
                let (before, after) = around(&records, marker, reference, key)?;
                soap(before, content, after)
            }
        })
    }

    /// Bytes of the whole message.
    pub(super) fn length(&self) -> u64 {
        let content = &self.content;
        let content = if content.base64 { content.length.div_ceil(3) * 4 } else { content.length };
        self.before.len() as u64 + content + self.after.len() as u64
    }

    /// Writes the message, reading the file on the way.
    pub(super) fn write(&self, path: &Path, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.before)?;
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.content.start))?;
        let mut content = BufReader::with_capacity(64 * 1024, file.take(self.content.length));
        let copied = if self.content.base64 {
            let mut encoder = EncoderWriter::new(Whole(out), &base64::engine::general_purpose::STANDARD);
            let copied = io::copy(&mut content, &mut encoder)?;
            encoder.finish()?;
            copied
        } else {
            io::copy(&mut content, out)?
        };
        if copied != self.content.length {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the file became shorter while it was sent",
            ));
        }
        out.write_all(&self.after)
    }
}

impl DoorArg {
    /// The media type of a file, where nobody says it: a door that is of one format has that of the format, whatever the file is
    /// called; the others take any file, and go by its ending. What has another ending, or none, is CSV.
    fn media_type(self, file: &Path) -> &'static str {
        let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match (self, ending.to_ascii_lowercase().as_str()) {
            (Self::RestJson, _) | (Self::Swa | Self::SoapBase64, "json") => "application/json",
            (Self::RestNdjson, _) | (Self::Swa | Self::SoapBase64, "ndjson" | "jsonl") => {
                "application/x-ndjson"
            }
            (Self::RestXml | Self::SoapXml, _) | (Self::Swa | Self::SoapBase64, "xml") => "application/xml",
            (Self::RestCsv | Self::Swa | Self::SoapBase64, _) => "text/csv; charset=utf-8",
        }
    }
}

/// Writes all or fails: the encoder answers a part of its output with nothing written, and that ends a copy.
struct Whole<'w>(&'w mut dyn Write);

impl Write for Whole<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.write_all(data)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The contract's `SOAPAction` for a batch, in quotes (SOAP 1.1 section 6.1.1).
fn action() -> String {
    format!("\"{}\"", sekisho_soap::contract::soap_action("submitBatch"))
}

fn soap(before: Vec<u8>, content: Content, after: Vec<u8>) -> Message {
    Message {
        content_type: "text/xml; charset=utf-8".to_owned(),
        action: Some(action()),
        before,
        content,
        after,
    }
}

fn attribute(text: &str) -> anyhow::Result<String> {
    let mut out = Vec::new();
    escape_attribute(text, &mut out).map_err(|_| anyhow::anyhow!("a character that XML cannot hold"))?;
    Ok(String::from_utf8(out)?)
}

fn element(name: &str, text: Option<&str>) -> anyhow::Result<String> {
    let Some(text) = text else { return Ok(String::new()) };
    let mut out = format!("<{name}>").into_bytes();
    escape_text(text, &mut out).map_err(|_| anyhow::anyhow!("a character that XML cannot hold"))?;
    out.extend_from_slice(format!("</{name}>").as_bytes());
    Ok(String::from_utf8(out)?)
}

/// An envelope around `payload`, cut at the marker.
fn around(
    payload: &str,
    marker: &str,
    reference: Option<&str>,
    key: &str,
) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
    let whole = request(payload, reference, key)?;
    let at = memchr::memmem::find(&whole, marker.as_bytes()).context("the envelope has lost its payload")?;
    Ok((whole[..at].to_vec(), whole[at + marker.len()..].to_vec()))
}

fn request(payload: &str, reference: Option<&str>, key: &str) -> anyhow::Result<Vec<u8>> {
    let body = format!(
        "<submitBatch xmlns=\"{}\">{}{}{payload}</submitBatch>",
        message::NAMESPACE,
        element("batchId", reference)?,
        element("idempotencyKey", Some(key))?,
    );
    Ok(envelope::write(Version::Soap11, None, body.as_bytes()))
}

/// SOAP with attachments, cut where the file goes.
fn attached(
    content: Content,
    file_type: &str,
    reference: Option<&str>,
    key: &str,
) -> anyhow::Result<Message> {
    let envelope = request("<data href=\"cid:payload@sekisho\"/>", reference, key)?;
    let mut writer = Writer::start(Vec::new(), Version::Soap11, Packaging::Swa, &envelope)?;
    let content_type = writer.content_type().to_owned();
    writer.part(&PartLabel { content_type: file_type, content_id: "payload@sekisho", filename: None })?;
    const MARKER: &[u8] = b"\x01\x02\x01";
    writer.write_all(MARKER)?;
    let whole = writer.finish()?;
    let at = memchr::memmem::find(&whole, MARKER).context("the package has lost its payload")?;
    Ok(Message {
        content_type,
        action: Some(action()),
        before: whole[..at].to_vec(),
        content,
        after: whole[at + MARKER.len()..].to_vec(),
    })
}

/// The content of a document's root, and the namespace declarations that it stands under.
fn inner(path: &Path, length: u64) -> anyhow::Result<(String, Content)> {
    let limits =
        Limits { processing_instructions: sekisho_xml::ProcessingInstructions::Skip, ..Limits::default() };
    let mut reader = Reader::new(BufReader::new(File::open(path)?), limits);
    let mut declarations = String::new();
    loop {
        match reader.next().with_context(|| format!("reading {}", path.display()))? {
            Event::Start(start) => {
                if start.is_empty_tag() {
                    bail!("{}: the root element is empty", path.display());
                }
                for (prefix, uri) in start.declarations() {
                    let name = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
                    declarations.push_str(&format!(" {name}=\"{}\"", attribute(uri)?));
                }
                break;
            }
            Event::Eof => bail!("{}: no root element", path.display()),
            Event::Text(_) | Event::End(_) => {}
        }
    }
    // The event behind the root's start tag begins where the content does.
    reader.next().with_context(|| format!("reading {}", path.display()))?;
    let start = reader.position().byte;
    let end = last_end_tag(path, length)?;
    if end < start {
        bail!("{}: the root element has no content", path.display());
    }
    Ok((declarations, Content { start, length: end - start, base64: false }))
}

/// Where the last `</` of the file is: the root's end tag.
fn last_end_tag(path: &Path, length: u64) -> anyhow::Result<u64> {
    const TAIL: u64 = 64 * 1024;
    let mut file = File::open(path)?;
    let from = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let at = memchr::memmem::rfind(&tail, b"</");
    at.map(|at| from + at as u64).with_context(|| format!("{}: no end tag", path.display()))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    /// Takes seven bytes at a time, as a full socket or buffer would.
    struct Narrow(Vec<u8>);

    impl Write for Narrow {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            let n = data.len().min(7);
            self.0.extend_from_slice(&data[..n]);
            Ok(n)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_door_writes_the_length_that_it_announced_however_little_is_taken_at_once() {
        let record = "<Record><F001>U1</F001></Record>\n";
        let document =
            format!("<?xml version=\"1.0\"?>\n<Batch xmlns=\"urn:x\">{}</Batch>\n", record.repeat(3_000));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &document).unwrap();
        for door in DoorArg::value_variants() {
            let message = Message::prepare(file.path(), *door, None, Some("weekly"), "key").unwrap();
            let mut out = Narrow(Vec::new());
            message.write(file.path(), &mut out).unwrap();
            assert_eq!(out.0.len() as u64, message.length(), "{door:?}");
        }
    }

    #[test]
    fn a_batch_is_sent_under_the_action_that_the_contract_names() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "<Batch xmlns=\"urn:x\"><Record/></Batch>\n").unwrap();
        let contract = include_str!("../../../../schemas/gateway.wsdl");
        for door in [DoorArg::Swa, DoorArg::SoapXml, DoorArg::SoapBase64] {
            let message = Message::prepare(file.path(), door, None, None, "key").unwrap();
            let action = message.action.unwrap();
            assert!(contract.contains(&format!("soapAction={action}")), "{door:?}: {action}");
            assert!(action.ends_with("#submitBatch\""), "{door:?}: {action}");
        }
    }
}
