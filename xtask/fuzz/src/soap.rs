//! Packages and envelopes.

use std::io::{BufReader, Read};

use sekisho_soap::envelope::EnvelopeOptions;
use sekisho_soap::fault::ReceivedFault;
use sekisho_soap::message::{Answer, Payload, Request, Submission, SubmissionShape};
use sekisho_soap::{EnvelopeReader, MediaType, MimeError, MultipartReader, PartLimits, SoapError};

use crate::pieces::Pieces;

/// A request as on the wire: of its head, the `Content-Type` counts, which names the boundary; the body is a package.
pub(crate) fn multipart(bytes: &[u8]) {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = end.map_or((&b""[..], bytes), |end| (&bytes[..end], &bytes[end + 4..]));
    let media = std::str::from_utf8(head).ok().and_then(media_type);
    let boundary = media.as_ref().and_then(|media| media.boundary().ok()).unwrap_or("b");
    for bare_line_feed in [false, true] {
        let limits = PartLimits { bare_line_feed, ..PartLimits::default() };
        let whole = package(body, boundary, limits.clone());
        for lengths in [[1, 2], [3, 7]] {
            assert_eq!(whole, package(Pieces::new(body, lengths), boundary, limits.clone()));
        }
    }
}

fn media_type(head: &str) -> Option<MediaType> {
    const FIELD: &str = "content-type:";
    let named = |line: &&str| line.get(..FIELD.len()).is_some_and(|name| name.eq_ignore_ascii_case(FIELD));
    let value = head.split("\r\n").find(named)?;
    let media = MediaType::parse(value[FIELD.len()..].trim_matches([' ', '\t'])).ok()?;
    assert_eq!(MediaType::parse(&media.to_string()).as_ref(), Ok(&media));
    Some(media)
}

/// Heads and bytes of the parts, and the verdict.
fn package(input: impl Read, boundary: &str, limits: PartLimits) -> (Vec<(String, Vec<u8>)>, String) {
    let mut reader = MultipartReader::new(input, boundary, limits);
    let mut parts = Vec::new();
    loop {
        match reader.next_part() {
            Ok(None) => return (parts, "good".into()),
            Err(error) => return (parts, told(&error)),
            Ok(Some(head)) => {
                let mut body = Vec::new();
                let result = reader.body().read_to_end(&mut body);
                parts.push((format!("{head:?}"), body));
                if let Err(error) = result {
                    return (parts, told(&MimeError::from_io(error)));
                }
            }
        }
    }
}

fn told(error: &MimeError) -> String {
    assert!(!error.message_ja().is_empty());
    format!("{}: {error}", error.code())
}

/// An envelope, read as everything that it could be.
pub(crate) fn envelope(bytes: &[u8]) {
    let whole = verdicts(|| bytes);
    assert_eq!(whole, verdicts(|| BufReader::with_capacity(5, Pieces::new(bytes, [1, 4]))));
}

fn verdicts<R: std::io::BufRead>(input: impl Fn() -> R) -> Vec<String> {
    let options = EnvelopeOptions::default();
    let open = || EnvelopeReader::open(input(), &options);
    let verdict = |result: Result<String, SoapError>| match result {
        Ok(text) => text,
        Err(error) => {
            assert!(!error.message_ja().is_empty());
            format!("{}: {error}", error.code())
        }
    };
    let submission = || {
        let mut reader = open()?;
        let shape = SubmissionShape::default();
        let mut submission = Submission::read(&mut reader, &shape)?;
        let mut decoded = Vec::new();
        let base64 = match submission.payload {
            Payload::Base64 => submission.base64(&mut reader).read_to_end(&mut decoded).err(),
            _ => None,
        };
        if base64.is_none() {
            submission.finish(&mut reader, &shape)?;
            reader.finish()?;
        }
        Ok(format!("{submission:?} {decoded:?} {base64:?}"))
    };
    let whole = || {
        let reader = open()?;
        let what = format!("{:?} {:?} {:?}", reader.version(), reader.headers(), reader.addressing());
        reader.finish().map(|()| what)
    };
    let request = || Request::read(&mut open()?).map(|request| format!("{request:?}"));
    let answer = || Answer::read(&mut open()?).map(|answer| format!("{answer:?}"));
    let fault = || ReceivedFault::read(&mut open()?).map(|fault| format!("{fault:?}"));
    vec![verdict(submission()), verdict(whole()), verdict(request()), verdict(answer()), verdict(fault())]
}
