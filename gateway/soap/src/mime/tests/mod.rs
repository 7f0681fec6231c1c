//! Table and property tests of the package reader.

use std::io::{self, BufRead, Read};

use super::*;

mod bad;
mod content_ids;
mod split;
mod transfers;

/// A reader that gives its bytes in pieces of these sizes, over and over.
pub(super) struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: Vec<usize>,
    turn: usize,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(bytes: &'a [u8], sizes: &[usize]) -> Self {
        Self { bytes, sizes: sizes.to_vec(), turn: 0 }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes.get(self.turn % self.sizes.len().max(1)).copied().unwrap_or(usize::MAX);
        self.turn += 1;
        let count = size.max(1).min(buffer.len()).min(self.bytes.len());
        buffer[..count].copy_from_slice(&self.bytes[..count]);
        self.bytes = &self.bytes[count..];
        Ok(count)
    }
}

/// What a package gives: its parts, and the error that ended it, if one did.
#[derive(Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) parts: Vec<(Option<String>, Vec<u8>)>,
    pub(super) error: Option<(&'static str, At)>,
}

pub(super) fn drain<R: Read>(mut reader: MultipartReader<R>) -> Outcome {
    let mut parts = Vec::new();
    let error = loop {
        match reader.next_part() {
            Ok(None) => break None,
            Err(error) => break Some(error),
            Ok(Some(head)) => {
                let mut body = Vec::new();
                let result = reader.body().read_to_end(&mut body);
                parts.push((head.content_id, body));
                if let Err(error) = result {
                    break Some(MimeError::from_io(error));
                }
            }
        }
    };
    if let Some(first) = &error {
        assert!(!first.to_string().is_empty() && !first.message_ja().is_empty());
        let again = reader.next_part().expect_err("an error stays");
        assert_eq!((again.code(), again.at()), (first.code(), first.at()));
    }
    let error = error.map(|e| (e.code(), e.at().expect("no input fails here")));
    Outcome { parts, error }
}

pub(super) fn read(package: &[u8], limits: PartLimits) -> Outcome {
    drain(MultipartReader::new(package, "b", limits))
}

pub(super) fn lenient() -> PartLimits {
    PartLimits { bare_line_feed: true, eight_bit_unlabelled: true, ..PartLimits::default() }
}

#[test]
fn reads_parts_and_their_heads() {
    let package = b"preamble\r\n--b \t\r\nContent-Type: text/xml;\r\n charset=utf-8\r\nCONTENT-ID:<root@x>\r\n\
        Content-Transfer-Encoding: 8BIT\r\nX-Other: 1\r\nX-Other: 2\r\n\r\n<a/>\r\n\
        --b\r\nContent-Location: data.csv\r\nContent-Disposition: attachment; filename=\"a b.csv\"\r\n\r\n1,2\r\n\r\n--b--\r\nbye";
    let mut reader = MultipartReader::new(&package[..], "b", PartLimits::default());
    let root = reader.next_part().unwrap().unwrap();
    assert_eq!(root.content_type.as_ref().and_then(MediaType::charset), Some("utf-8"));
    assert_eq!(root.content_id.as_deref(), Some("root@x"));
    assert_eq!(root.transfer_encoding, Some(TransferEncoding::EightBit));
    assert_eq!((root.index, root.line), (0, 3));
    assert_eq!(root.header("x-other"), Some(&b"1"[..]));
    assert_eq!(root.headers.len(), 5);
    assert!(root.is_root(None) && root.is_root(Some("<root@x>")) && root.is_root(Some("root@x")));
    assert!(!root.is_root(Some("other@x")));
    let mut text = String::new();
    reader.body().read_to_string(&mut text).unwrap();
    assert_eq!(text, "<a/>");

    let data = reader.next_part().unwrap().unwrap();
    assert_eq!(data.location.as_deref(), Some("data.csv"));
    let disposition = data.disposition.as_ref().unwrap();
    assert_eq!((disposition.kind.as_str(), disposition.filename.as_deref()), ("attachment", Some("a b.csv")));
    assert!(!data.is_root(None) && !data.is_root(Some("root@x")));
    assert_eq!(reader.body().fill_buf().unwrap(), b"1,2\r\n");
    assert!(reader.next_part().unwrap().is_none(), "what was not read is skipped");
    assert!(reader.next_part().unwrap().is_none());
    assert!(reader.body().fill_buf().unwrap().is_empty());
}

#[test]
fn empty_parts_and_headless_parts_are_parts() {
    let package = b"--b\r\n\r\n--b\r\n\r\n\r\n--b\r\nContent-ID: a\r\n\r\n--b\r\n\r\n--\r\n-\r\n\r\n--b-- ";
    let outcome = read(package, PartLimits::default());
    let bodies: Vec<&[u8]> = outcome.parts.iter().map(|(_, body)| body.as_slice()).collect();
    assert_eq!(outcome.error, None);
    assert_eq!(bodies, [&b""[..], b"", b"", b"--\r\n-\r\n"]);
}

#[test]
fn a_body_goes_on_where_it_was_left() {
    let package = b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD\r\nREVG\r\n--b--";
    let mut reader = MultipartReader::new(&package[..], "b", PartLimits::default());
    reader.next_part().unwrap();
    let mut two = [0; 2];
    reader.body().read_exact(&mut two).unwrap();
    let mut rest = Vec::new();
    reader.body().read_to_end(&mut rest).unwrap();
    assert_eq!((&two[..], rest.as_slice()), (&b"AB"[..], &b"CDEF"[..]));
}

#[test]
fn a_failing_input_is_not_the_senders_fault() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::ConnectionReset))
        }
    }
    let mut reader = MultipartReader::new(b"--b\r\n\r\nabc".chain(Failing), "b", PartLimits::default());
    reader.next_part().unwrap();
    let mut body = Vec::new();
    let error = reader.body().read_to_end(&mut body).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(body, b"abc");
    let error = reader.next_part().unwrap_err();
    assert_eq!((error.code(), error.at()), ("input-failed", None));
}

/// Whatever comes in, the reader ends, without a panic and with one verdict however the bytes are cut.
#[test]
fn any_change_of_one_byte_ends_well() {
    let package = b"--b\r\nContent-ID: <a>\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJDRA==\r\n\
        --b\r\nContent-ID: <c>\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=3D=\r\nb \r\n\r\n--b--\r\n";
    for at in 0..package.len() {
        for byte in [0, b'\r', b'\n', b'-', b'=', b':', b' ', b'b', 0xff] {
            let mut changed = package.to_vec();
            changed[at] = byte;
            let whole = read(&changed, PartLimits::default());
            let split =
                MultipartReader::with_capacity(Pieces::new(&changed, &[1]), "b", PartLimits::default(), 1);
            assert_eq!(whole, drain(split), "byte {at} as {byte}");
        }
        let cut = read(&package[..at], PartLimits::default());
        let expected = if at < 5 { "mime-no-boundary" } else { "mime-truncated" };
        if at < package.len() - 2 {
            let code = cut.error.map(|(code, _)| code);
            assert!(
                code == Some(expected)
                    || code.is_some_and(|c| c.starts_with("base64") || c.starts_with("quoted")),
                "cut at {at}: {code:?}"
            );
        }
    }
}
