//! What a service can do (`OPTIONS`, RFC 3507 section 4.10).

use super::head::HeadReader;
use crate::ScanError;

/// Bytes of the longest preview that is sent, whatever a server wants.
const LONGEST_PREVIEW: u64 = 32 * 1024;

/// A service of an ICAP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Host and port, as the server is called.
    pub host: String,
    /// Path, with its slash.
    pub path: String,
}

/// What a service says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Bytes of the preview; none where it wants no preview.
    pub preview: Option<usize>,
    /// Its state as it tags it.
    pub tag: Option<Box<str>>,
    /// How long this holds, in seconds; until the tag changes where absent.
    pub lifetime: Option<u64>,
}

/// Asking a service for its options.
#[derive(Debug, Default)]
pub struct AskOptions(HeadReader);

impl AskOptions {
    /// The question.
    pub fn question(service: &Service) -> Vec<u8> {
        let Service { host, path } = service;
        format!(
            "OPTIONS icap://{host}{path} ICAP/1.0\r\nHost: {host}\r\nUser-Agent: sekisho\r\nConnection: close\r\n\
             Encapsulated: null-body=0\r\n\r\n"
        )
        .into_bytes()
    }

    /// Takes bytes of the answer; the options once they are there.
    ///
    /// # Errors
    /// When the answer is not of the protocol, is a refusal, or the service does not take requests.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Option<Options>, ScanError> {
        let (_, head) = self.0.read(bytes)?;
        let Some(head) = head else { return Ok(None) };
        if head.status != 200 {
            return Err(ScanError::Refused(head.status));
        }
        let methods = head.methods.unwrap_or_default();
        if !methods.split(',').any(|method| method.trim() == "REQMOD") {
            return Err(ScanError::Nonsense("the service does not take REQMOD"));
        }
        let preview = head.preview.map(|bytes| bytes.min(LONGEST_PREVIEW) as usize);
        Ok(Some(Options { preview, tag: head.tag, lifetime: head.lifetime }))
    }
}
