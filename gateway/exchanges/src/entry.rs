//! What is said of one exchange.

use std::net::SocketAddr;

use uuid::Uuid;

use crate::clock;
use crate::line::{hex, number};

/// Whether a line tells of an exchange that has ended, or of one that is about to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It has ended: this is all that there is to say of it.
    Exchange,
    /// It is about to begin, on a route that passes nothing without a record. The line of its end has the same id.
    Begun,
}

/// Who asked whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A client asked the gateway.
    In,
    /// The gateway asked an upstream.
    Out,
}

/// What a check said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing against it.
    Passed,
    /// Some records were left out for it, and the others taken; of a scan, only the beginning was looked at.
    Partly,
    /// It was refused for it.
    Failed,
}

impl Verdict {
    /// As the log says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Partly => "partly",
            Self::Failed => "failed",
        }
    }
}

/// One line. Texts come from the configuration and from fixed tables only: nothing that a client or a cloud wrote is in it, but
/// for digests. What is `None` is left out of the line; the others stand in the order of this table.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'e> {
    /// Ended, or about to begin.
    pub kind: Kind,
    /// Who asked whom.
    pub direction: Direction,
    /// Of the request on the way in, as its answer has it; of the call on the way out.
    pub id: Uuid,
    /// On the way out: the request on the way in that the call belongs to.
    pub within: Option<Uuid>,
    /// When it began, in unix milliseconds.
    pub began: u64,
    /// When it had ended, in unix milliseconds: its answer was ready to be sent, or had been read.
    pub ended: Option<u64>,
    /// The client, by its name.
    pub client: Option<&'e str>,
    /// SHA-256 of the certificate that was shown.
    pub certificate: Option<[u8; 32]>,
    /// The other end of the connection.
    pub address: Option<SocketAddr>,
    /// The route, by its name.
    pub route: Option<&'e str>,
    /// The purpose that the route is for.
    pub purpose: Option<&'e str>,
    /// The upstream, by its name.
    pub upstream: Option<&'e str>,
    /// The door.
    pub door: Option<&'e str>,
    /// The method; one that is not usual is `other`.
    pub method: Option<&'e str>,
    /// What was asked for.
    pub operation: Option<&'e str>,
    /// The batch.
    pub batch: Option<Uuid>,
    /// The chunk of the batch.
    pub chunk: Option<u64>,
    /// The message's id, hashed under the spool's key.
    pub message: Option<[u8; 32]>,
    /// Bytes of the body that came in, as far as it was read.
    pub bytes_in: Option<u64>,
    /// Bytes of the body that went out.
    pub bytes_out: Option<u64>,
    /// Parts of the package.
    pub parts: Option<u64>,
    /// Records.
    pub records: Option<u64>,
    /// SHA-256 of the request's body as it was sent; absent where it was not read, or not sent, to its end.
    pub digest: Option<[u8; 32]>,
    /// What the schema says.
    pub schema: Option<Verdict>,
    /// What the disclosure policy says.
    pub policy: Option<Verdict>,
    /// What the scanner says.
    pub scan: Option<Verdict>,
    /// What became of it.
    pub outcome: Option<&'static str>,
    /// HTTP status of the answer.
    pub status: Option<u16>,
    /// Code of the refusal, or of what went wrong on the way out.
    pub code: Option<&'e str>,
}

impl Entry<'_> {
    /// An entry with nothing but what every line has.
    pub fn new(kind: Kind, direction: Direction, id: Uuid, began: u64) -> Self {
        Self {
            kind,
            direction,
            id,
            within: None,
            began,
            ended: None,
            client: None,
            certificate: None,
            address: None,
            route: None,
            purpose: None,
            upstream: None,
            door: None,
            method: None,
            operation: None,
            batch: None,
            chunk: None,
            message: None,
            bytes_in: None,
            bytes_out: None,
            parts: None,
            records: None,
            digest: None,
            schema: None,
            policy: None,
            scan: None,
            outcome: None,
            status: None,
            code: None,
        }
    }

    /// The method of a request as a line may have it.
    pub fn method(method: &str) -> &'static str {
        const USUAL: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT"];
        USUAL.into_iter().find(|usual| *usual == method).unwrap_or("other")
    }

    /// The members of the line, each with a comma before it: what [`crate::Recorder::write`] takes.
    pub fn members(&self) -> Vec<u8> {
        let mut out = Members(Vec::with_capacity(640));
        out.word(
            "kind",
            match self.kind {
                Kind::Exchange => "exchange",
                Kind::Begun => "begun",
            },
        );
        out.word(
            "direction",
            match self.direction {
                Direction::In => "in",
                Direction::Out => "out",
            },
        );
        out.uuid("id", Some(self.id));
        out.uuid("within", self.within);
        out.time("began", self.began);
        if let Some(ended) = self.ended {
            out.time("ended", ended);
        }
        out.text("client", self.client);
        out.hex("certificate", self.certificate.as_ref());
        if let Some(address) = self.address {
            out.address("address", address);
        }
        out.text("route", self.route);
        out.text("purpose", self.purpose);
        out.text("upstream", self.upstream);
        out.text("door", self.door);
        out.text("method", self.method);
        out.text("operation", self.operation);
        out.uuid("batch", self.batch);
        out.number("chunk", self.chunk);
        out.hex("message", self.message.as_ref());
        out.number("bytes_in", self.bytes_in);
        out.number("bytes_out", self.bytes_out);
        out.number("parts", self.parts);
        out.number("records", self.records);
        out.hex("digest", self.digest.as_ref());
        for (name, verdict) in [("schema", self.schema), ("policy", self.policy), ("scan", self.scan)] {
            out.text(name, verdict.map(Verdict::as_str));
        }
        out.text("outcome", self.outcome);
        out.number("status", self.status.map(u64::from));
        out.text("code", self.code);
        out.0
    }
}

/// Characters of one text; what is longer is cut. Names in a configuration are shorter.
const LONGEST_TEXT: usize = 256;

/// Members of a JSON object, each with a comma before it.
pub(crate) struct Members(pub(crate) Vec<u8>);

impl Members {
    fn name(&mut self, name: &str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    /// A text with nothing to escape in it.
    pub(crate) fn word(&mut self, name: &str, word: &str) {
        self.name(name);
        self.0.push(b'"');
        self.0.extend_from_slice(word.as_bytes());
        self.0.push(b'"');
    }

    /// A text (RFC 8259 section 7).
    pub(crate) fn text(&mut self, name: &str, text: Option<&str>) {
        let Some(text) = text else { return };
        let plain = |b: u8| (0x20..0x7f).contains(&b) && b != b'"' && b != b'\\';
        if text.len() <= LONGEST_TEXT && text.bytes().all(plain) {
            return self.word(name, text);
        }
        self.name(name);
        let cut: String = text.chars().take(LONGEST_TEXT).collect();
        // A string is always written.
        self.0.extend_from_slice(&serde_json::to_vec(&cut).unwrap_or_else(|_| b"\"\"".to_vec()));
    }

    pub(crate) fn number(&mut self, name: &str, found: Option<u64>) {
        if let Some(found) = found {
            self.name(name);
            number(found, &mut self.0);
        }
    }

    pub(crate) fn time(&mut self, name: &str, millis: u64) {
        self.name(name);
        self.0.push(b'"');
        clock::write(millis, &mut self.0);
        self.0.push(b'"');
    }

    pub(crate) fn hex(&mut self, name: &str, bytes: Option<&[u8; 32]>) {
        if let Some(bytes) = bytes {
            self.name(name);
            self.0.push(b'"');
            hex(bytes, &mut self.0);
            self.0.push(b'"');
        }
    }

    /// An address as the standard library writes it, at a tenth of the cost where it is one of IPv4.
    fn address(&mut self, name: &str, address: SocketAddr) {
        let SocketAddr::V4(v4) = address else { return self.word(name, &address.to_string()) };
        self.name(name);
        self.0.push(b'"');
        for (at, octet) in v4.ip().octets().into_iter().enumerate() {
            if at > 0 {
                self.0.push(b'.');
            }
            number(octet.into(), &mut self.0);
        }
        self.0.push(b':');
        number(v4.port().into(), &mut self.0);
        self.0.push(b'"');
    }

    fn uuid(&mut self, name: &str, id: Option<Uuid>) {
        if let Some(id) = id {
            self.word(name, id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test says so by failing

    use super::*;

    #[test]
    fn addresses_are_written_as_everywhere() {
        for text in
            ["0.0.0.0:0", "127.0.0.1:80", "255.255.255.255:65535", "[::1]:80", "[::ffff:10.0.0.7]:443"]
        {
            let mut out = Members(Vec::new());
            out.address("address", text.parse().unwrap());
            assert_eq!(out.0, format!(",\"address\":\"{text}\"").into_bytes());
        }
    }

    #[test]
    fn a_line_has_its_members_in_the_order_of_the_table() {
        let id = Uuid::from_u128(1);
        let entry = Entry {
            within: Some(id),
            ended: Some(1_000),
            client: Some("city"),
            certificate: Some([0xab; 32]),
            address: Some("[::1]:8080".parse().unwrap()),
            route: Some("attributes"),
            purpose: Some("統計\n\"x\""),
            upstream: Some("cloud"),
            door: Some("swa"),
            method: Some(Entry::method("BREW")),
            operation: Some("submit"),
            batch: Some(id),
            chunk: Some(3),
            message: Some([1; 32]),
            bytes_in: Some(10),
            bytes_out: Some(20),
            parts: Some(2),
            records: Some(5),
            digest: Some([2; 32]),
            schema: Some(Verdict::Partly),
            policy: Some(Verdict::Passed),
            scan: Some(Verdict::Failed),
            outcome: Some("accepted"),
            status: Some(202),
            code: Some("none"),
            ..Entry::new(Kind::Exchange, Direction::In, id, 0)
        };
        let text = String::from_utf8(entry.members()).unwrap();
        let object: serde_json::Value = serde_json::from_str(&format!("{{{}}}", &text[1..])).unwrap();
        assert_eq!(object["purpose"], "統計\n\"x\"");
        assert_eq!(object["method"], "other");
        let places: Vec<usize> = crate::export::COLUMNS
            .iter()
            .skip(1)
            .filter_map(|name| text.find(&format!(",\"{name}\":")))
            .collect();
        assert_eq!(places.len(), object.as_object().unwrap().len(), "{text}");
        assert!(places.is_sorted(), "{text}");
        assert!(!text.contains('\n'));
    }
}
