//! One request head, vetted as bytes (RFC 9112 §2 to §6, RFC 9110 §5).

/// What a head may have.
#[derive(Debug, Clone, Copy)]
pub struct HeadLimits {
    /// Bytes of request line and header fields together.
    pub bytes: usize,
    /// Header fields.
    pub fields: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { bytes: 16 * 1024, fields: 64 }
    }
}

/// Why a head was refused. Every one closes the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadRefusal {
    /// More bytes or header fields than the limit.
    HeadTooLarge,
    /// A bare CR or LF within the head (RFC 9112 §2.2).
    BareLineEnd,
    /// The request line is not `METHOD SP /path SP HTTP/1.x`, or names another form of target.
    RequestLine,
    /// A header field's name or value has a character that it must not have, or the line is folded.
    HeaderField,
    /// A field that may stand once stands twice.
    DuplicateField,
    /// `Content-Length` beside `Transfer-Encoding`, or a value of either that is not exactly one known framing.
    AmbiguousLength,
    /// HTTP/1.1 without `Host`.
    NoHost,
}

impl HeadRefusal {
    /// Every refusal, for tables.
    pub const ALL: [Self; 7] = [
        Self::HeadTooLarge,
        Self::BareLineEnd,
        Self::RequestLine,
        Self::HeaderField,
        Self::DuplicateField,
        Self::AmbiguousLength,
        Self::NoHost,
    ];

    /// The stable code that the answer carries.
    pub fn code(self) -> &'static str {
        match self {
            Self::HeadTooLarge => "head-too-large",
            Self::BareLineEnd => "head-bare-line-end",
            Self::RequestLine => "head-request-line",
            Self::HeaderField => "head-header-field",
            Self::DuplicateField => "head-duplicate-field",
            Self::AmbiguousLength => "head-ambiguous-length",
            Self::NoHost => "head-no-host",
        }
    }
}

/// How the body that follows a head is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFraming {
    None,
    Length(u64),
    Chunked,
}

/// Fields of which a second one makes the message ambiguous.
const SINGLE: [&[u8]; 7] = [
    b"host",
    b"content-length",
    b"transfer-encoding",
    b"content-type",
    b"content-encoding",
    b"soapaction",
    b"idempotency-key",
];

/// Vets a whole head, its last empty line included.
pub(super) fn vet(head: &[u8], limits: &HeadLimits) -> Result<BodyFraming, HeadRefusal> {
    let mut lines = Lines { rest: head };
    let request_line = lines.next().ok_or(HeadRefusal::RequestLine)??;
    let http11 = vet_request_line(request_line)?;

    let mut seen = [false; SINGLE.len()];
    let (mut length, mut chunked, mut fields) = (None, false, 0);
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        fields += 1;
        if fields > limits.fields {
            return Err(HeadRefusal::HeadTooLarge);
        }
        let (name, value) = vet_field(line)?;
        if let Some(at) = SINGLE.iter().position(|single| name.eq_ignore_ascii_case(single)) {
            if std::mem::replace(&mut seen[at], true) {
                return Err(HeadRefusal::DuplicateField);
            }
            match at {
                1 => length = Some(content_length(value)?),
                2 if value.eq_ignore_ascii_case(b"chunked") && http11 => chunked = true,
                2 => return Err(HeadRefusal::AmbiguousLength),
                _ => {}
            }
        }
    }
    if http11 && !seen[0] {
        return Err(HeadRefusal::NoHost);
    }
    match (length, chunked) {
        (Some(_), true) => Err(HeadRefusal::AmbiguousLength),
        (Some(0) | None, false) => Ok(BodyFraming::None),
        (Some(n), false) => Ok(BodyFraming::Length(n)),
        (None, true) => Ok(BodyFraming::Chunked),
    }
}

/// Lines that end in CRLF; any other CR or LF is an error.
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<&'a [u8], HeadRefusal>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let at = memchr::memchr2(b'\r', b'\n', self.rest)?;
        if self.rest.get(at..at + 2) != Some(b"\r\n") {
            return Some(Err(HeadRefusal::BareLineEnd));
        }
        let line = &self.rest[..at];
        self.rest = &self.rest[at + 2..];
        Some(Ok(line))
    }
}

/// Answers whether the request is HTTP/1.1 (else 1.0).
fn vet_request_line(line: &[u8]) -> Result<bool, HeadRefusal> {
    let mut words = line.split(|b| *b == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(HeadRefusal::RequestLine);
    };
    let method_ok = !method.is_empty() && method.iter().all(|b| is_token(*b)) && method != b"CONNECT";
    // Origin form only: no absolute form to elsewhere, no authority form, no asterisk.
    let target_ok = target.first() == Some(&b'/') && target.iter().all(|b| is_of_target(*b));
    match version {
        b"HTTP/1.1" if method_ok && target_ok => Ok(true),
        b"HTTP/1.0" if method_ok && target_ok => Ok(false),
        _ => Err(HeadRefusal::RequestLine),
    }
}

fn vet_field(line: &[u8]) -> Result<(&[u8], &[u8]), HeadRefusal> {
    let colon = memchr::memchr(b':', line).ok_or(HeadRefusal::HeaderField)?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    let name_ok = !name.is_empty() && name.iter().all(|b| is_token(*b));
    let value_ok = value.iter().all(|b| *b == b'\t' || (*b >= 0x20 && *b != 0x7f));
    if name_ok && value_ok { Ok((name, value)) } else { Err(HeadRefusal::HeaderField) }
}

fn content_length(value: &[u8]) -> Result<u64, HeadRefusal> {
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return Err(HeadRefusal::AmbiguousLength);
    }
    Ok(value.iter().fold(0, |n, b| n * 10 + u64::from(b - b'0')))
}

/// What a path and a query are made of (RFC 3986 §3.3, §3.4): no fragment, nothing that is cut off or read otherwise
/// further in.
fn is_of_target(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:@/?".contains(&byte)
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
