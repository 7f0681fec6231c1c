//! The SOAP message in an answer: alone or as the root of a package, in whatever encoding it says (WS-I Basic Profile 1.2
//! R1012, R1019; Attachments Profile 1.0).

use std::io::{BufRead, BufReader, Read};

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use sekisho_charset::Encoding;
use sekisho_soap::{MediaType, MultipartReader, PartLimits};
use sekisho_xml::decode_document;

/// What comes of reading the message with `read`; `None` where there is none.
pub(super) fn message<T>(
    headers: &HeaderMap,
    body: &[u8],
    read: impl FnOnce(&mut dyn BufRead) -> Option<T>,
) -> Option<T> {
    let label = headers.get(CONTENT_TYPE).and_then(|label| MediaType::parse(label.to_str().ok()?).ok());
    match label {
        Some(package) if package.is("multipart/related") => {
            let limits = PartLimits { eight_bit_unlabelled: true, ..PartLimits::default() };
            let mut parts = MultipartReader::new(body, package.boundary().ok()?, limits);
            // Without `start` the first part is the root (RFC 2387 section 3.2).
            loop {
                let head = parts.next_part().ok()??;
                if head.is_root(package.parameter("start")) {
                    let charset = head.content_type.as_ref().and_then(MediaType::charset).map(str::to_owned);
                    return decoded(parts.body(), charset, read);
                }
            }
        }
        alone => decoded(body, alone.as_ref().and_then(MediaType::charset).map(str::to_owned), read),
    }
}

/// A label that is none, or names an encoding that is not spoken, says nothing: then the document shows it.
fn decoded<T>(
    input: impl Read,
    charset: Option<String>,
    read: impl FnOnce(&mut dyn BufRead) -> Option<T>,
) -> Option<T> {
    let encoding = charset.and_then(|label| Encoding::from_label(&label));
    read(&mut BufReader::new(decode_document(input, encoding).ok()?))
}
