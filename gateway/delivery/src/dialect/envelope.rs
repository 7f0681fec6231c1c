//! SOAP envelopes and packages around rows.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use http::header::{CONTENT_TYPE, HeaderMap};
use http::{HeaderName, HeaderValue};
use sekisho_soap::Version;
use sekisho_soap::related::{Packaging, PartLabel, Writer};
use sekisho_xml::write::escape_attribute;

use super::{HeaderElement, SoapVersion, setting};
use crate::encode::Framing;
use crate::plan::PlanError;

pub(super) const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");

/// The envelope of a dialect's requests.
pub(super) struct Envelope<'a> {
    pub(super) version: SoapVersion,
    pub(super) headers: &'a [HeaderElement],
}

impl Envelope<'_> {
    /// The envelope around rows that stand between `open` and `close` in the body.
    pub(super) fn around(&self, open: &str, close: &str) -> Result<Framing, PlanError> {
        let mut blocks = String::new();
        for block in self.headers {
            super::xml_name("dialect.headers", &block.name)?;
            blocks.push_str(&format!(
                r#"<h:{0} xmlns:h="{1}">{2}</h:{0}>"#,
                block.name,
                attribute_text(&block.namespace)?,
                attribute_text(&block.text)?
            ));
        }
        self.around_with(&blocks, open, close)
    }

    /// As [`Envelope::around`], with header blocks as they are.
    pub(super) fn around_with(&self, blocks: &str, open: &str, close: &str) -> Result<Framing, PlanError> {
        let header = if blocks.is_empty() { String::new() } else { format!("<s:Header>{blocks}</s:Header>") };
        let head = format!(
            r#"<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{}">{header}<s:Body>{open}"#,
            self.soap_version().namespace()
        );
        Ok(Framing { head: head.into_bytes(), tail: format!("{close}</s:Body></s:Envelope>").into_bytes() })
    }

    /// Content-Type and, for SOAP 1.1, SOAPAction (SOAP 1.1 section 6.1.1; SOAP 1.2 part 2 appendix A).
    pub(super) fn label(&self, action: &str, headers: &mut HeaderMap) -> Result<(), PlanError> {
        let media = match self.version {
            SoapVersion::Soap11 => "text/xml; charset=utf-8".to_owned(),
            SoapVersion::Soap12 if action.is_empty() => "application/soap+xml; charset=utf-8".to_owned(),
            SoapVersion::Soap12 => format!("application/soap+xml; charset=utf-8; action={}", quoted(action)),
        };
        self.label_package(&media, action, headers)
    }

    /// As [`Envelope::label`], with the Content-Type of a package.
    pub(super) fn label_package(
        &self,
        media: &str,
        action: &str,
        headers: &mut HeaderMap,
    ) -> Result<(), PlanError> {
        let value = |text: &str| {
            HeaderValue::from_str(text)
                .map_err(|_| setting("dialect.action", "cannot stand in a header field"))
        };
        headers.insert(CONTENT_TYPE, value(media)?);
        if self.version == SoapVersion::Soap11 {
            headers.insert(SOAP_ACTION, value(&quoted(action))?);
        }
        Ok(())
    }

    /// The package with this root part, up to and from the attachment's content: its Content-Type and what stands
    /// around the rows.
    pub(super) fn package(&self, root: &Framing, content_id: &str) -> Result<(String, Framing), PlanError> {
        let mut envelope = root.head.clone();
        envelope.extend_from_slice(&root.tail);
        let written = Written::default();
        let failed = |_: io::Error| setting("dialect.content_id", "cannot stand in a part's header");
        let mut writer =
            Writer::start(written.clone(), self.soap_version(), Packaging::Swa, &envelope).map_err(failed)?;
        let label = PartLabel { content_type: "text/csv; charset=utf-8", content_id, filename: None };
        writer.part(&label).map_err(failed)?;
        let media = writer.content_type().to_owned();
        let head = written.take();
        writer.finish().map_err(failed)?;
        Ok((media, Framing { head, tail: written.take() }))
    }

    fn soap_version(&self) -> Version {
        match self.version {
            SoapVersion::Soap11 => Version::Soap11,
            SoapVersion::Soap12 => Version::Soap12,
        }
    }
}

/// Text for an attribute's value or an element's content.
pub(super) fn attribute_text(text: &str) -> Result<String, PlanError> {
    let mut out = Vec::new();
    let unwritable = || setting("dialect", "a text has a character that XML 1.0 cannot hold");
    escape_attribute(text, &mut out).map_err(|_| unwritable())?;
    String::from_utf8(out).map_err(|_| unwritable())
}

/// A quoted-string (RFC 9110 section 5.6.4).
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What was written so far, to be taken away in between.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
