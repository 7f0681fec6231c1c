//! A client that sees bytes: nothing between the test and the socket.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};

use sekisho_soap::envelope::EnvelopeOptions;
use sekisho_soap::fault::{Location, ReceivedFault};
use sekisho_soap::message::{self, Problem, Receipt, RecordError};
use sekisho_soap::{EnvelopeReader, Fault};
use socket2::{Domain, Socket, Type};

use crate::site::DEADLINE;

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    held: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr, source: IpAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(source, 0).into()).unwrap();
        socket.connect(&address.into()).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, held: Vec::new() }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends as much as the other side takes; `false` when it has closed.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Says that nothing more will come, and goes on reading.
    pub(crate) fn end_sending(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Another handle on the same socket, for a thread that sends while this one reads.
    pub(crate) fn second_handle(&self) -> Self {
        Self { stream: self.stream.try_clone().unwrap(), held: Vec::new() }
    }

    /// Vanishes with a reset.
    pub(crate) fn vanish(self) {
        let socket = Socket::from(self.stream);
        socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }

    /// Where it is connected to.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.stream.peer_addr().unwrap()
    }

    /// Sends and reads the answer.
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request);
        self.answer()
    }

    /// The next answer; interim ones (100) count.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        let head_end = loop {
            if let Some(at) = find(&self.held, b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.more(), "the connection ended before an answer: {:?}", text(&self.held));
        };
        let head = String::from_utf8(self.held.drain(..head_end).collect()).unwrap();
        let mut lines = head.split("\r\n");
        let status_line = lines.next().unwrap();
        let status: u16 = status_line.split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let version = status_line[..8].to_owned();
        let mut answer = Answer { version, status, headers, body: Vec::new() };
        assert!(answer.header("transfer-encoding").is_none(), "answers have a length: {head}");
        let length: usize = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.held.len() < length {
            assert!(self.more(), "the connection ended within an answer");
        }
        answer.body = self.held.drain(..length).collect();
        answer
    }

    /// Whether the other side closes the connection, in order, without another byte.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.held.is_empty() && !self.more()
    }

    /// Reads until the other side closes or cuts.
    pub(crate) fn ends(&mut self) {
        // Unlike a plain read, it goes on after the process was stopped.
        let _ = std::io::copy(&mut self.stream, &mut std::io::sink());
    }

    /// Whether the connection carries another exchange.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.send("GET /orders/heartbeat HTTP/1.1\r\nHost: h\r\n\r\n");
        self.answer().status == 200
    }

    fn more(&mut self) -> bool {
        let mut buffer = [0u8; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(n) => {
                self.held.extend_from_slice(&buffer[..n]);
                true
            }
            // A process that was stopped and goes on; nothing of the connection.
            Err(error) if error.kind() == ErrorKind::Interrupted => self.more(),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => panic!("the connection was reset"),
            Err(error) => panic!("nothing came: {error}"),
        }
    }
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) version: String,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        text(&self.body)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(crate) fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    fn is_soap(&self) -> bool {
        let media_type = self.header("content-type").unwrap_or_default();
        media_type.starts_with("text/xml") || media_type.starts_with("application/soap+xml")
    }

    /// The gateway's own answer in the envelope.
    #[track_caller]
    pub(crate) fn soap(&self) -> message::Answer {
        let mut envelope = EnvelopeReader::open(&self.body[..], &EnvelopeOptions::default()).unwrap();
        message::Answer::read(&mut envelope).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The gateway's id of the batch.
    #[track_caller]
    pub(crate) fn receipt_id(&self) -> String {
        self.receipt().id
    }

    /// The receipt, whatever the protocol.
    #[track_caller]
    pub(crate) fn receipt(&self) -> Receipt {
        if !self.is_soap() {
            return serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no receipt: {self}"));
        }
        match self.soap() {
            message::Answer::Submitted(receipt)
            | message::Answer::State(receipt)
            | message::Answer::Cancelled(receipt) => receipt,
            other => panic!("no receipt: {other:?}"),
        }
    }

    /// What was refused, whatever the protocol.
    #[track_caller]
    pub(crate) fn refused(&self) -> Refused {
        if self.header("content-type") == Some("application/problem+json") {
            let problem: Problem = serde_json::from_slice(&self.body).unwrap();
            assert_eq!(problem.status, self.status);
            assert_eq!(problem.kind, format!("urn:sekisho:problem:{}", problem.code));
            assert!(!problem.detail.is_empty() && !problem.detail_ja.is_empty() && !problem.id.is_empty());
            let Problem { code, location, errors, errors_total, .. } = problem;
            return Refused { code, location, errors, errors_total };
        }
        let options = EnvelopeOptions::default();
        let mut envelope =
            EnvelopeReader::open(&self.body[..], &options).unwrap_or_else(|_| panic!("no refusal: {self}"));
        let fault = ReceivedFault::read(&mut envelope).unwrap().unwrap_or_else(|| panic!("no fault: {self}"));
        let fault: Fault = fault.ours.unwrap_or_else(|| panic!("not the gateway's fault: {self}"));
        assert!(!fault.reason_en.is_empty() && !fault.reason_ja.is_empty() && !fault.id.is_empty());
        let Fault { code, location, errors, errors_total, .. } = fault;
        Refused { code, location, errors, errors_total }
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers, self.text())
    }
}

/// A refusal, as the client sees it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) location: Location,
    pub(crate) errors: Vec<RecordError>,
    pub(crate) errors_total: Option<u64>,
}

pub(crate) fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
