//! A client that sends records while they are made: nothing of a payload is held, on either side.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use base64::write::EncoderWriter;

use super::Bench;
use crate::demo::Door;

/// The longest that either side may say nothing.
const SILENCE: Duration = Duration::from_secs(300);
/// Bytes of one chunk of the transfer coding.
const CHUNK: usize = 64 * 1024;
/// Namespace of the gateway's own messages.
const NAMESPACE: &str = "urn:sekisho:gateway:1";
/// How an XML file of the generator ends.
const ROOT_END: &[u8] = b"</AttributeBatch>\n";

/// Records of the generator, as they are made.
pub(super) struct Generated {
    child: Child,
}

impl Generated {
    /// Starts the generator.
    pub(super) fn start(bench: &Bench, records: u64, format: &str) -> anyhow::Result<Self> {
        let mut command = bench.programs.command("sekisho-generate");
        command.args(["--records", &records.to_string(), "--format", format]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("the generator")?;
        Ok(Self { child })
    }
}

impl Read for Generated {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.child.stdout.as_mut().map_or(Ok(0), |out| out.read(buf))
    }
}

impl Drop for Generated {
    fn drop(&mut self) {
        // It has written everything, or what it writes is not wanted any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A way by which a payload is sent: each door, and beside them the form of a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Door(Door),
    /// `multipart/form-data` with a CSV file.
    Form,
}

impl Way {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Door(door) => door.name(),
            Self::Form => "rest-form",
        }
    }

    /// The format of what is sent.
    pub(super) fn format(self) -> &'static str {
        match self {
            Self::Door(door) => door.format(),
            Self::Form => "csv",
        }
    }

    /// Where it goes below the route, and as what.
    fn path_and_type(self) -> (&'static str, &'static str) {
        match self {
            Self::Door(Door::Swa) => {
                ("", "multipart/related; boundary=MIME; type=\"text/xml\"; start=\"<root@bench>\"")
            }
            Self::Door(Door::SoapXml | Door::SoapBase64) => ("", "text/xml; charset=utf-8"),
            Self::Door(Door::RestCsv) => ("/batches", "text/csv; charset=utf-8"),
            Self::Door(Door::RestJson) => ("/batches", "application/json"),
            Self::Door(Door::RestNdjson) => ("/batches", "application/x-ndjson"),
            Self::Door(Door::RestXml) => ("/batches", "application/xml"),
            Self::Form => ("/batches", "multipart/form-data; boundary=MIME"),
        }
    }
}

impl From<Door> for Way {
    fn from(door: Door) -> Self {
        Self::Door(door)
    }
}

/// Sends a payload by a door with chunked transfer coding; answers the bytes of the payload.
///
/// An error is one of the connection, or an answer other than a success, with that answer's text.
pub(super) fn send(
    gateway: SocketAddr,
    way: impl Into<Way>,
    key: &str,
    payload: &mut dyn Read,
) -> anyhow::Result<u64> {
    let way = way.into();
    let mut stream = TcpStream::connect(gateway)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    let (path, content_type) = way.path_and_type();
    write!(
        stream,
        "POST /attributes{path} HTTP/1.1\r\nHost: {gateway}\r\nContent-Type: {content_type}\r\n\
         SOAPAction: \"\"\r\nIdempotency-Key: \"{key}\"\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    )?;
    let mut body = Chunked { stream: &mut stream, buffer: Vec::with_capacity(CHUNK) };
    let sent = write_body(way, key, payload, &mut body).and_then(|bytes| body.end().map(|()| bytes));
    if sent.is_err() {
        // Whatever the gateway has to say about it, it is not to wait for the rest.
        let _ = stream.shutdown(Shutdown::Write);
    }
    // A gateway that refuses does not read to the end: its answer says more than the error of writing.
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    let status = answer.split(' ').nth(1).unwrap_or_default();
    if !matches!(status, "200" | "202") {
        let text: String = answer.chars().take(600).collect();
        bail!("the gateway answered {text:?} (writing: {:?}, reading: {:?})", sent.err(), read.err());
    }
    Ok(sent?)
}

fn write_body(way: Way, key: &str, payload: &mut dyn Read, out: &mut dyn Write) -> io::Result<u64> {
    match way {
        Way::Door(Door::RestCsv | Door::RestJson | Door::RestNdjson | Door::RestXml) => {
            io::copy(payload, out)
        }
        Way::Form => {
            out.write_all(
                b"--MIME\r\nContent-Disposition: form-data; name=\"file\"; filename=\"records.csv\"\r\n\
                 Content-Type: text/csv; charset=utf-8\r\n\r\n",
            )?;
            let bytes = io::copy(payload, out)?;
            out.write_all(b"\r\n--MIME--\r\n")?;
            Ok(bytes)
        }
        Way::Door(Door::Swa) => {
            let (before, after) = envelope(key, "<data href=\"cid:payload@bench\"/>", "");
            write!(
                out,
                "--MIME\r\nContent-Type: text/xml; charset=utf-8\r\nContent-ID: <root@bench>\r\n\r\n{before}{after}\r\n\
                 --MIME\r\nContent-Type: text/csv; charset=utf-8\r\nContent-ID: <payload@bench>\r\n\r\n"
            )?;
            let bytes = io::copy(payload, out)?;
            out.write_all(b"\r\n--MIME--\r\n")?;
            Ok(bytes)
        }
        Way::Door(Door::SoapBase64) => {
            let (before, after) = envelope(key, "<data contentType=\"text/csv; charset=utf-8\">", "</data>");
            out.write_all(before.as_bytes())?;
            let mut encoder = EncoderWriter::new(&mut *out, &base64::engine::general_purpose::STANDARD);
            let bytes = io::copy(payload, &mut encoder)?;
            encoder.finish()?;
            drop(encoder);
            out.write_all(after.as_bytes())?;
            Ok(bytes)
        }
        Way::Door(Door::SoapXml) => {
            let records =
                format!("<g:records xmlns:g=\"{NAMESPACE}\" xmlns=\"urn:example:city:attributes:1\">");
            let (before, after) = envelope(key, &records, "</g:records>");
            out.write_all(before.as_bytes())?;
            let bytes = copy_content(payload, out)?;
            out.write_all(after.as_bytes())?;
            Ok(bytes)
        }
    }
}

/// An envelope around what goes between `open` and `close`.
fn envelope(key: &str, open: &str, close: &str) -> (String, String) {
    let before = format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><submitBatch \
         xmlns=\"{NAMESPACE}\"><idempotencyKey>{key}</idempotencyKey>{open}"
    );
    (before, format!("{close}</submitBatch></s:Body></s:Envelope>"))
}

/// Copies what is between the tags of a generated document's root: its first two lines and its end are left out.
fn copy_content(document: &mut dyn Read, out: &mut dyn Write) -> io::Result<u64> {
    let mut document = BufReader::with_capacity(CHUNK, document);
    for _ in ["declaration", "root"] {
        document.skip_until(b'\n')?;
    }
    let mut held = Vec::with_capacity(CHUNK + ROOT_END.len());
    let mut bytes = 0;
    loop {
        let data = document.fill_buf()?;
        if data.is_empty() {
            break;
        }
        let length = data.len();
        held.extend_from_slice(data);
        document.consume(length);
        let known = held.len().saturating_sub(ROOT_END.len());
        out.write_all(&held[..known])?;
        held.drain(..known);
        bytes += known as u64;
    }
    if held != ROOT_END {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the generated document ends differently"));
    }
    Ok(bytes)
}

/// The chunked transfer coding (RFC 9112 §7.1).
struct Chunked<'s> {
    stream: &'s mut TcpStream,
    buffer: Vec<u8>,
}

impl Chunked<'_> {
    fn end(mut self) -> io::Result<()> {
        self.flush()?;
        self.stream.write_all(b"0\r\n\r\n")
    }
}

impl Write for Chunked<'_> {
    /// Takes all of `data`: the base64 encoder above it answers a part of it with nothing written, which ends a copy.
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let mut left = data;
        while !left.is_empty() {
            let (now, later) = left.split_at(left.len().min(CHUNK - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            left = later;
            if self.buffer.len() == CHUNK {
                self.flush()?;
            }
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        write!(self.stream, "{:x}\r\n", self.buffer.len())?;
        self.buffer.extend_from_slice(b"\r\n");
        self.stream.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_of_a_document_is_what_is_between_the_tags_of_its_root() {
        let content = "<Record><F001>U1</F001></Record>\n".repeat(5_000);
        let document = format!(
            "<?xml version=\"1.0\"?>\n<AttributeBatch xmlns=\"urn:x\">\n{content}</AttributeBatch>\n"
        );
        let mut out = Vec::new();
        assert_eq!(copy_content(&mut document.as_bytes(), &mut out).unwrap(), content.len() as u64);
        assert_eq!(out, content.as_bytes());
        assert!(copy_content(&mut &document.as_bytes()[..document.len() - 3], &mut Vec::new()).is_err());
    }
}
