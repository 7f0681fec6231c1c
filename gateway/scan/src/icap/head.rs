//! The head of an answer (RFC 3507 section 4.3): status, and of the fields those that mean something here.

use crate::{ScanError, Signature};

/// Bytes of a head.
const LONGEST_HEAD: usize = 16 * 1024;
/// Bytes of the HTTP headers within an answer.
const LONGEST_HEADERS: u64 = 256 * 1024;

/// Fields by which servers name what they found, the plainest first: those of the draft "ICAP extensions" and of c-icap.
const FINDS: [&str; 3] = ["x-infection-found", "x-virus-id", "x-violations-found"];

/// The head of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    /// `ISTag`.
    pub(super) tag: Option<Box<str>>,
    /// What the answer has in it.
    pub(super) encapsulated: Option<Encapsulated>,
    /// What was found, where a field names it.
    pub(super) found: Option<Signature>,
    /// `Methods`.
    pub(super) methods: Option<Box<str>>,
    /// `Preview`.
    pub(super) preview: Option<u64>,
    /// `Options-TTL` in seconds.
    pub(super) lifetime: Option<u64>,
}

/// What an answer has in it (section 4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encapsulated {
    /// The request, changed or not: bytes of its headers, and whether a body follows.
    Request { headers: u64, body: bool },
    /// An answer to it.
    Answer,
}

/// A head that is being read.
#[derive(Debug, Default)]
pub(super) struct HeadReader(Vec<u8>);

impl HeadReader {
    /// Reads on; answers what lies behind the head, and the head once it is whole.
    pub(super) fn read<'b>(&mut self, bytes: &'b [u8]) -> Result<(&'b [u8], Option<Head>), ScanError> {
        for (at, byte) in bytes.iter().enumerate() {
            if self.0.len() == LONGEST_HEAD {
                return Err(ScanError::Nonsense("the head is too long"));
            }
            self.0.push(*byte);
            if *byte == b'\n' && self.0.ends_with(b"\r\n\r\n") {
                let whole = std::mem::take(&mut self.0);
                return head(&whole).map(|head| (&bytes[at + 1..], Some(head)));
            }
        }
        Ok((&[], None))
    }
}

fn head(bytes: &[u8]) -> Result<Head, ScanError> {
    let text = unfolded(bytes.strip_suffix(b"\r\n\r\n").unwrap_or(bytes));
    let mut lines = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut plainest = FINDS.len();
    let mut head = Head { status: status(lines.next().unwrap_or_default())?, ..Head::default() };
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':');
        let colon = colon.filter(|at| *at > 0 && line[..*at].iter().all(u8::is_ascii_graphic));
        let (name, value) = line.split_at(colon.ok_or(ScanError::Nonsense("a header field has no name"))?);
        let (name, value) = (name.to_ascii_lowercase(), value[1..].trim_ascii());
        let name = std::str::from_utf8(&name).unwrap_or_default();
        let text = || std::str::from_utf8(value).ok().map(str::trim);
        let number = || text().and_then(|text| text.parse::<u64>().ok());
        match name {
            "istag" => head.tag = text().map(|text| text.trim_matches('"').chars().take(64).collect()),
            "methods" => head.methods = text().map(Box::from),
            "preview" => head.preview = number(),
            "options-ttl" => head.lifetime = number(),
            "encapsulated" if head.encapsulated.is_some() => {
                return Err(ScanError::Nonsense("Encapsulated stands there twice"));
            }
            "encapsulated" => head.encapsulated = encapsulated(value)?,
            name => {
                if let Some(plain) = FINDS.iter().position(|find| *find == name).filter(|at| *at < plainest) {
                    (plainest, head.found) = (plain, Some(named(name, value)));
                }
            }
        }
    }
    Ok(head)
}

/// Fields that go on in lines which begin with a blank, each in one line (RFC 2616 section 4.2, on which ICAP stands): c-icap
/// writes what it found so.
fn unfolded(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    for byte in bytes {
        if matches!(byte, b' ' | b'\t') && text.ends_with(b"\r\n") {
            text.truncate(text.len() - 2);
        }
        text.push(*byte);
    }
    text
}

/// `ICAP/1.0 204 No Content`.
fn status(line: &[u8]) -> Result<u16, ScanError> {
    let nonsense = ScanError::Nonsense("the first line is no ICAP status line");
    let Some(rest) = line.strip_prefix(b"ICAP/1.0 ") else { return Err(nonsense) };
    match rest {
        [a @ b'1'..=b'5', b, c] | [a @ b'1'..=b'5', b, c, b' ', ..]
            if b.is_ascii_digit() && c.is_ascii_digit() =>
        {
            Ok([a, b, c].iter().fold(0, |number, digit| number * 10 + u16::from(**digit - b'0')))
        }
        _ => Err(nonsense),
    }
}

/// The parts in their order, each with the byte where it begins; `null-body` and `opt-body` alone are nothing that matters here.
fn encapsulated(value: &[u8]) -> Result<Option<Encapsulated>, ScanError> {
    let nonsense = || ScanError::Nonsense("Encapsulated cannot be read");
    let text = std::str::from_utf8(value).map_err(|_| nonsense())?;
    let mut parts = Vec::new();
    for part in text.split(',') {
        let (name, at) = part.trim().split_once('=').ok_or_else(nonsense)?;
        let at = at.trim().parse::<u64>().map_err(|_| nonsense())?;
        parts.push((name.trim().to_ascii_lowercase(), at));
        if parts.len() > 3 {
            return Err(nonsense());
        }
    }
    let parts: Vec<_> = parts.iter().map(|(name, at)| (name.as_str(), *at)).collect();
    let bounded = |headers: u64| match headers <= LONGEST_HEADERS {
        true => Ok(headers),
        false => Err(ScanError::Nonsense("the headers within the answer are too long")),
    };
    match parts.as_slice() {
        [("req-hdr", 0), ("req-body", headers)] => {
            Ok(Some(Encapsulated::Request { headers: bounded(*headers)?, body: true }))
        }
        [("req-hdr", 0), ("null-body", headers)] => {
            Ok(Some(Encapsulated::Request { headers: bounded(*headers)?, body: false }))
        }
        [("req-body", 0)] => Ok(Some(Encapsulated::Request { headers: 0, body: true })),
        [("null-body" | "opt-body", 0)] => Ok(None),
        [("res-hdr" | "res-body", 0), ..] => Ok(Some(Encapsulated::Answer)),
        _ => Err(nonsense()),
    }
}

/// The name in `Type=0; Resolution=2; Threat=Eicar;`, or the whole value where it has no such form; but of violations no more than that
/// there are some: they are told with names of files, which are the sender's.
fn named(field: &str, value: &[u8]) -> Signature {
    if field == "x-violations-found" {
        return Signature::new(b"violations");
    }
    let threat = value.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).find_map(|part| {
        part.get(..7).filter(|name| name.eq_ignore_ascii_case(b"threat=")).map(|_| &part[7..])
    });
    Signature::new(threat.unwrap_or(value))
}
