//! What can go wrong on the way to the cloud, and whether anything can have arrived there.

use std::time::Duration;

/// Whether a failed request can have had an effect at the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sent {
    /// No byte of the request left this process: the effect is absent for certain.
    No,
    /// Some of the request may have arrived: the effect is unknown, not absent (RFC 9110 section 9.2.2).
    Unknown,
}

/// Why an exchange with an upstream gave no usable answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The host's name gave no address.
    #[error("the upstream host '{host}' could not be resolved: {reason}; check the name and the resolver")]
    Resolve {
        /// Host as configured.
        host: String,
        /// The resolver's words.
        reason: String,
    },
    /// No TCP connection within the connect deadline.
    #[error("no connection to {address}: {reason}; check the line, the firewall and that the peer listens")]
    Connect {
        /// The last address tried.
        address: String,
        /// The operating system's words, or "timed out".
        reason: String,
    },
    /// The TLS handshake failed: certificate, name or version.
    #[error(
        "TLS with '{host}' failed: {reason}; check the roots, the server's name and the client certificate"
    )]
    Tls {
        /// Name that the certificate was checked against.
        host: String,
        /// The TLS library's words.
        reason: String,
    },
    /// Every permitted connection was busy until the deadline.
    #[error("all {limit} connections to the upstream stayed busy for {} ms; raise max_connections or the deadline", waited.as_millis())]
    Busy {
        /// `max_connections` of the endpoint.
        limit: usize,
        /// How long this request waited.
        waited: Duration,
    },
    /// The route passes nothing without a record, and the exchange log cannot be written.
    #[error(
        "the call could not be put on record, so it was not made: see the exchange log's folder and the room on its disk"
    )]
    NotRecorded,
    /// The request itself cannot be sent: bad path, forbidden header, wrong length.
    #[error("the request cannot be sent: {reason}")]
    Request {
        /// What is wrong with it.
        reason: String,
    },
    /// The peer or the network ended the exchange before an answer was complete.
    #[error("the exchange was cut {stage}: {reason}")]
    Cut {
        /// Where it stood: "before anything was sent", "while the request was sent", "while waiting for the answer",
        /// "while the answer was read".
        stage: &'static str,
        /// The library's words.
        reason: String,
        /// Whether anything may have arrived.
        sent: Sent,
    },
    /// A deadline passed.
    #[error("no end of the exchange within {} ms ({stage})", after.as_millis())]
    Timeout {
        /// Where it stood, as in [`UpstreamError::Cut`].
        stage: &'static str,
        /// The deadline that passed.
        after: Duration,
        /// Whether anything may have arrived.
        sent: Sent,
    },
    /// The answer is not HTTP, or its framing is wrong.
    #[error("the upstream's answer is not well-formed HTTP: {reason}")]
    Answer {
        /// The library's words.
        reason: String,
    },
    /// The answer's body is longer than the endpoint permits.
    #[error(
        "the upstream's answer is longer than {limit} bytes; raise max_answer_bytes if that is legitimate"
    )]
    AnswerTooLong {
        /// The cap in bytes.
        limit: u64,
    },
    /// The body's producer gave up before the announced length was reached.
    #[error("the request's body ended early: {reason}")]
    Body {
        /// The producer's words.
        reason: String,
        /// Whether anything may have arrived.
        sent: Sent,
    },
}

impl UpstreamError {
    /// Stable, kebab-case code for ledgers, metrics and operators.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Resolve { .. } => "upstream-resolve",
            Self::Connect { .. } => "upstream-connect",
            Self::Tls { .. } => "upstream-tls",
            Self::Busy { .. } => "upstream-busy",
            Self::NotRecorded => "log-unavailable",
            Self::Request { .. } => "upstream-request",
            Self::Cut { .. } => "upstream-cut",
            Self::Timeout { .. } => "upstream-timeout",
            Self::Answer { .. } => "upstream-answer",
            Self::AnswerTooLong { .. } => "upstream-answer-too-long",
            Self::Body { .. } => "upstream-body",
        }
    }

    /// Whether the request can have had an effect.
    pub fn outcome(&self) -> Sent {
        match self {
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Busy { .. }
            | Self::NotRecorded
            | Self::Request { .. } => Sent::No,
            Self::Cut { sent, .. } | Self::Timeout { sent, .. } | Self::Body { sent, .. } => *sent,
            Self::Answer { .. } | Self::AnswerTooLong { .. } => Sent::Unknown,
        }
    }

    /// Whether a deadline, rather than a fault, ended the exchange.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::Busy { .. })
    }
}
