//! One request head, vetted as bytes (RFC 9112 §2 to §6, RFC 9110 §5).

use super::target::{Absolute, OwnHosts, names_a_host};

/// Bytes of a request target: as much as RFC 9112 §3 recommends to take of a whole request line.
pub(super) const TARGET_BYTES: usize = 8_000;
/// Bytes beside the target that a request line may have before its end must have come.
const LINE_BESIDE_TARGET: usize = 256;

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
    /// More bytes than the limit (RFC 6585 §5).
    HeadTooLarge,
    /// More header fields than the limit (RFC 6585 §5).
    TooManyFields,
    /// A request target of more than 8,000 bytes (RFC 9112 §3).
    TargetTooLong,
    /// The head had begun and did not end in time (RFC 9110 §15.5.9).
    HeadTooSlow,
    /// A bare CR or LF within the head (RFC 9112 §2.2).
    BareLineEnd,
    /// The request line is not `METHOD SP /path SP HTTP/1.x`, or names a form of target that is not served.
    RequestLine,
    /// Another version of HTTP than 1.0 and 1.1 (RFC 9110 §15.6.6).
    HttpVersion,
    /// A target in absolute form at a host that is not this one (RFC 9110 §7.4).
    OtherHost,
    /// A header field's name or value has a character that it must not have, or the line is folded.
    HeaderField,
    /// A field that may stand once stands twice.
    DuplicateField,
    /// `Content-Length` beside `Transfer-Encoding`, or a value of either that is not exactly one framing.
    AmbiguousLength,
    /// A transfer coding beneath `chunked` that is not known here (RFC 9112 §6.1).
    TransferCoding,
    /// HTTP/1.1 without `Host`, or one that names no host (RFC 9112 §3.2).
    NoHost,
}

impl HeadRefusal {
    /// Every refusal, for tables.
    pub const ALL: [Self; 13] = [
        Self::HeadTooLarge,
        Self::TooManyFields,
        Self::TargetTooLong,
        Self::HeadTooSlow,
        Self::BareLineEnd,
        Self::RequestLine,
        Self::HttpVersion,
        Self::OtherHost,
        Self::HeaderField,
        Self::DuplicateField,
        Self::AmbiguousLength,
        Self::TransferCoding,
        Self::NoHost,
    ];

    /// The stable code that the answer carries.
    pub fn code(self) -> &'static str {
        match self {
            Self::HeadTooLarge => "head-too-large",
            Self::TooManyFields => "head-too-many-fields",
            Self::TargetTooLong => "head-target-too-long",
            Self::HeadTooSlow => "head-too-slow",
            Self::BareLineEnd => "head-bare-line-end",
            Self::RequestLine => "head-request-line",
            Self::HttpVersion => "head-http-version",
            Self::OtherHost => "head-other-host",
            Self::HeaderField => "head-header-field",
            Self::DuplicateField => "head-duplicate-field",
            Self::AmbiguousLength => "head-ambiguous-length",
            Self::TransferCoding => "head-transfer-coding",
            Self::NoHost => "head-no-host",
        }
    }
}

/// A head that passed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Vetted {
    pub(super) body: BodyFraming,
    /// The head in origin form, where it came in absolute form.
    pub(super) rewritten: Option<Vec<u8>>,
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

/// Vets what there is of a head that has not ended.
pub(super) fn vet_begun(bytes: &[u8], limits: &HeadLimits) -> Result<(), HeadRefusal> {
    let in_first_line = !bytes.contains(&b'\n');
    if in_first_line && bytes.len() > (TARGET_BYTES + LINE_BESIDE_TARGET).min(limits.bytes) {
        return Err(HeadRefusal::TargetTooLong);
    }
    if bytes.len() > limits.bytes {
        return Err(HeadRefusal::HeadTooLarge);
    }
    let bare = memchr::memchr_iter(b'\n', bytes).any(|at| at == 0 || bytes[at - 1] != b'\r');
    if bare { Err(HeadRefusal::BareLineEnd) } else { Ok(()) }
}

/// Vets a whole head, its last empty line included.
pub(super) fn vet(head: &[u8], limits: &HeadLimits, hosts: &OwnHosts) -> Result<Vetted, HeadRefusal> {
    let mut lines = Lines { rest: head };
    let request_line = lines.next().ok_or(HeadRefusal::RequestLine)??;
    let line = RequestLine::vet(request_line)?;
    let absolute = line.absolute()?;
    if head.len() > limits.bytes {
        return Err(HeadRefusal::HeadTooLarge);
    }

    let mut seen = [false; SINGLE.len()];
    let (mut length, mut coding, mut fields) = (None, None, 0);
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        fields += 1;
        if fields > limits.fields {
            return Err(HeadRefusal::TooManyFields);
        }
        let (name, value) = vet_field(line)?;
        if let Some(at) = SINGLE.iter().position(|single| name.eq_ignore_ascii_case(single)) {
            if std::mem::replace(&mut seen[at], true) {
                return Err(HeadRefusal::DuplicateField);
            }
            match at {
                0 if !names_a_host(value) => return Err(HeadRefusal::NoHost),
                1 => length = Some(content_length(value)?),
                2 => coding = Some(value),
                _ => {}
            }
        }
    }
    if line.http11 && !seen[0] {
        return Err(HeadRefusal::NoHost);
    }
    let body = match (length, coding) {
        (Some(_), Some(_)) => return Err(HeadRefusal::AmbiguousLength),
        (None, Some(coding)) => transfer_coding(coding, line.http11)?,
        (Some(0) | None, None) => BodyFraming::None,
        (Some(n), None) => BodyFraming::Length(n),
    };
    let rewritten = absolute.map(|absolute| in_origin_form(head, &line, &absolute, hosts)).transpose()?;
    Ok(Vetted { body, rewritten })
}

/// The head with the path as its target and the target's host as its `Host`, whatever that said (RFC 9112 §3.2).
fn in_origin_form(
    head: &[u8],
    line: &RequestLine<'_>,
    absolute: &Absolute<'_>,
    hosts: &OwnHosts,
) -> Result<Vec<u8>, HeadRefusal> {
    let target = absolute.at_home(hosts)?;
    let mut out = [line.method, b" ", target.as_bytes(), b" ", line.version, b"\r\nHost: "].concat();
    out.extend_from_slice(absolute.host.as_bytes());
    out.extend_from_slice(b"\r\n");
    for field in (Lines { rest: head }).skip(1) {
        let field = field?;
        if !field.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"host:")) {
            out.extend_from_slice(field);
            out.extend_from_slice(b"\r\n");
        }
    }
    Ok(out)
}

/// One known framing, or none (RFC 9112 §6.1 and §6.3).
fn transfer_coding(value: &[u8], http11: bool) -> Result<BodyFraming, HeadRefusal> {
    let mut codings = value.split(|b| *b == b',').map(<[u8]>::trim_ascii).rev();
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    // What does not end in chunked, or has it twice, has no end that everybody would find.
    if !http11 || !codings.next().is_some_and(is_chunked) {
        return Err(HeadRefusal::AmbiguousLength);
    }
    let mut beneath = codings.peekable();
    if beneath.peek().is_none() {
        return Ok(BodyFraming::Chunked);
    }
    let named = |coding: &[u8]| coding.first().is_some_and(|first| is_token(*first)) && !is_chunked(coding);
    Err(if beneath.all(named) { HeadRefusal::TransferCoding } else { HeadRefusal::AmbiguousLength })
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

/// A request line, taken apart (RFC 9112 §3).
struct RequestLine<'l> {
    method: &'l [u8],
    target: &'l [u8],
    version: &'l [u8],
    /// Else 1.0.
    http11: bool,
}

impl<'l> RequestLine<'l> {
    fn vet(line: &'l [u8]) -> Result<Self, HeadRefusal> {
        let mut words = line.split(|b| *b == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(HeadRefusal::RequestLine);
        };
        let http11 = match version {
            b"HTTP/1.1" => true,
            b"HTTP/1.0" => false,
            [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
                if major.is_ascii_digit() && minor.is_ascii_digit() =>
            {
                return Err(HeadRefusal::HttpVersion);
            }
            _ => return Err(HeadRefusal::RequestLine),
        };
        if target.len() > TARGET_BYTES {
            return Err(HeadRefusal::TargetTooLong);
        }
        let method_ok = !method.is_empty() && method.iter().all(|b| is_token(*b)) && method != b"CONNECT";
        // The stand-in for a refused head is nobody's to ask for.
        let target_ok = !target.starts_with(super::REFUSED_PREFIX.as_bytes());
        if method_ok && target_ok {
            Ok(Self { method, target, version, http11 })
        } else {
            Err(HeadRefusal::RequestLine)
        }
    }

    /// The target, if it is in absolute form. No authority form, no asterisk.
    fn absolute(&self) -> Result<Option<Absolute<'l>>, HeadRefusal> {
        let absolute = match self.target.first() {
            Some(b'/') => None,
            _ => Some(Absolute::parse(self.target)?),
        };
        let path = absolute.as_ref().map_or(self.target, |absolute| absolute.path.as_bytes());
        if path.iter().all(|b| is_of_target(*b)) { Ok(absolute) } else { Err(HeadRefusal::RequestLine) }
    }
}

fn vet_field(line: &[u8]) -> Result<(&[u8], &[u8]), HeadRefusal> {
    let colon = memchr::memchr(b':', line).ok_or(HeadRefusal::HeaderField)?;
    let (name, value) = (&line[..colon], without_white_space(&line[colon + 1..]));
    let name_ok = !name.is_empty() && name.iter().all(|b| is_token(*b));
    let value_ok = value.iter().all(|b| *b == b'\t' || (*b >= 0x20 && *b != 0x7f));
    if name_ok && value_ok { Ok((name, value)) } else { Err(HeadRefusal::HeaderField) }
}

/// What stands between optional white space (RFC 9110 §5.6.3): space and tab only, or a form feed would be lost here and kept by
/// who reads on.
fn without_white_space(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
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
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
