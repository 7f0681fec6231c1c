//! Writes `multipart/related` packages: SwA and MTOM, streaming.
use crate::Version;
use std::io::{self, Write};

/// How the root part is packaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packaging {
    /// SOAP with Attachments.
    Swa,
    /// MTOM/XOP.
    Mtom,
}

/// What a part says of itself.
#[derive(Debug, Clone, Default)]
pub struct PartLabel<'a> {
    /// `Content-Type`.
    pub content_type: &'a str,
    /// `Content-ID` without brackets.
    pub content_id: &'a str,
    /// `filename` for `Content-Disposition: attachment`.
    pub filename: Option<&'a str>,
}

/// Writes one package: root first, CR LF throughout, a random boundary.
pub struct Writer<W> {
    out: W,
    boundary: String,
}

impl<W: Write> Writer<W> {
    /// Writes the root part (8bit, UTF-8).
    pub fn start(out: W, version: Version, packaging: Packaging, envelope: &[u8]) -> io::Result<Self> {
        let _ = (version, packaging, envelope);
        Ok(Self { out, boundary: String::new() })
    }
    /// Value for the HTTP `Content-Type` header.
    pub fn content_type(&self) -> String {
        self.boundary.clone()
    }
    /// Begins a binary part; write its body with `Write`.
    pub fn part(&mut self, label: &PartLabel<'_>) -> io::Result<()> {
        let _ = label;
        todo!()
    }
    /// Writes the closing boundary and gives the output back.
    pub fn finish(self) -> io::Result<W> {
        Ok(self.out)
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.out.write(buf)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
