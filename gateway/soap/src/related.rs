//! Writes `multipart/related` packages, SwA and MTOM, as a stream: root first, CR LF throughout.

use std::io::{self, Write};

use crate::Version;

#[cfg(test)]
mod tests;

/// How the root part is packaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Packaging {
    /// SOAP with Attachments, as the Attachments Profile 1.0 binds it (and the same for SOAP 1.2).
    Swa,
    /// MTOM (XOP): `application/xop+xml` with the envelope's media type in `start-info`.
    Mtom,
}

/// What an attachment says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PartLabel<'a> {
    /// `Content-Type`.
    pub content_type: &'a str,
    /// `Content-ID` without brackets.
    pub content_id: &'a str,
    /// `filename` of a `Content-Disposition: attachment`.
    pub filename: Option<&'a str>,
}

/// Content-ID of the root part.
const ROOT: &str = "root@sekisho";

/// Writes one package. Its parts are binary, so a body is copied through as it is; the boundary is 128 random bits, which no
/// body holds but by intent or by a chance of 1 in 10³⁸.
pub struct Writer<W> {
    out: W,
    boundary: String,
    content_type: String,
}

impl<W: Write> Writer<W> {
    /// Begins the package and writes the root part: UTF-8, 8bit.
    pub fn start(out: W, version: Version, packaging: Packaging, envelope: &[u8]) -> io::Result<Self> {
        let mut writer = Self::start_root(out, version, packaging)?;
        writer.write_all(envelope)?;
        Ok(writer)
    }

    /// Begins the package up to the root part's body, which the caller writes through [`Write`].
    pub fn start_root(out: W, version: Version, packaging: Packaging) -> io::Result<Self> {
        let boundary = format!("sekisho-{:032x}", fastrand::u128(..));
        let media = version.media_type();
        let (content_type, root_type) = match packaging {
            Packaging::Swa => (
                format!("multipart/related; type=\"{media}\"; start=\"<{ROOT}>\"; boundary=\"{boundary}\""),
                format!("{media}; charset=UTF-8"),
            ),
            Packaging::Mtom => (
                format!(
                    "multipart/related; type=\"application/xop+xml\"; start=\"<{ROOT}>\"; \
                     start-info=\"{media}\"; boundary=\"{boundary}\""
                ),
                format!("application/xop+xml; charset=UTF-8; type=\"{media}\""),
            ),
        };
        let mut writer = Self { out, boundary, content_type };
        write!(
            writer.out,
            "--{}\r\nContent-Type: {root_type}\r\nContent-Transfer-Encoding: 8bit\r\nContent-ID: <{ROOT}>\r\n\r\n",
            writer.boundary
        )?;
        Ok(writer)
    }

    /// Value for the HTTP `Content-Type` header.
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// Ends the part before and begins a binary one, whose body the caller writes through [`Write`].
    ///
    /// # Errors
    /// `InvalidInput` if the label would break out of its header line; those of the output.
    pub fn part(&mut self, label: &PartLabel<'_>) -> io::Result<()> {
        let texts = [label.content_type, label.content_id, label.filename.unwrap_or_default()];
        if texts.iter().any(|text| text.chars().any(char::is_control))
            || label.content_id.contains(['<', '>', ' '])
            || label.content_id.is_empty()
        {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a part's label does not fit a header"));
        }
        write!(
            self.out,
            "\r\n--{}\r\nContent-Type: {}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{}>\r\n",
            self.boundary, label.content_type, label.content_id
        )?;
        if let Some(filename) = label.filename {
            let filename = filename.replace('\\', "\\\\").replace('"', "\\\"");
            write!(self.out, "Content-Disposition: attachment; filename=\"{filename}\"\r\n")?;
        }
        self.out.write_all(b"\r\n")
    }

    /// Writes the closing boundary and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        write!(self.out, "\r\n--{}--\r\n", self.boundary)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
