//! What the gateway says when it says no: one type, and one table of what each class is on the wire.
//!
//! A refusal has an external text in two languages (what is wrong, where, what to do) and never an internal one:
//! what only operators may see goes to the log, under the same id.

use std::fmt;
use std::time::Duration;

use sekisho_records::Violations;
use sekisho_soap::contract;
use sekisho_soap::fault::{self, InvalidHeader};
pub use sekisho_soap::fault::{Location, Who};
use sekisho_soap::message::Unfinished;
use sekisho_xml::QName;

/// What kind of refusal it is: decides the status at every door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The message cannot be read: broken framing, MIME, XML, JSON, CSV, a body cut short.
    Malformed,
    /// The message can be read, but breaks the route's schema or rules.
    Invalid,
    /// An envelope of another SOAP version than the headers say, or none that is known.
    VersionMismatch,
    /// A header block that must be understood is not.
    MustUnderstand,
    /// No route here, or one that this client may not know of.
    NotFound,
    /// The client has to show a token, and has not, or none that is its own (RFC 6750 §3).
    Unauthorized,
    /// The client's address or certificate belongs to no client of the route.
    Forbidden,
    /// The path does not take this method.
    Method,
    /// The media type or coding is not one that the route takes.
    MediaType,
    /// More bytes, parts or records than the route takes.
    TooLarge,
    /// The head has more bytes or fields than the listener takes (RFC 6585 §5).
    HeadTooLarge,
    /// The request target is longer than the listener takes.
    TargetTooLong,
    /// The request is for another host than this (RFC 9110 §7.4, §15.5.20).
    Misdirected,
    /// A transfer coding that is not known here (RFC 9112 §6.1).
    NotImplemented,
    /// A version of HTTP that is not spoken here.
    HttpVersion,
    /// The same idempotency key is in use by a request under way, or the batch is in no state for it.
    Conflict,
    /// The same idempotency key with other content.
    KeyReused,
    /// The client stopped sending.
    TimedOut,
    /// The client sends more than it may (RFC 6585 §4).
    TooMany,
    /// The gateway has no capacity at this moment.
    Busy,
    /// The gateway cannot store what was sent.
    Storage,
    /// The upstream did not answer, or with something that is no answer.
    Upstream,
    /// The upstream did not answer in time: the outcome is unknown.
    UpstreamTimeout,
    /// A fault of the gateway's own.
    Internal,
}

/// One row of the table of statuses by protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wire {
    /// HTTP status of a REST answer (RFC 9110, RFC 9457).
    pub rest: u16,
    /// HTTP status of a SOAP 1.1 fault (WS-I BP 1.1 R1126, R1113 to R1115).
    pub soap11: u16,
    /// HTTP status of a SOAP 1.2 fault (SOAP 1.2 part 2 §7.5.2.2, table 20).
    pub soap12: u16,
    /// Whose fault it is, as the SOAP fault code says it.
    pub blame: Who,
}

impl Class {
    /// Every class, in the order of the table in the documentation.
    pub const ALL: [Self; 24] = [
        Self::Malformed,
        Self::Invalid,
        Self::VersionMismatch,
        Self::MustUnderstand,
        Self::NotFound,
        Self::Unauthorized,
        Self::Forbidden,
        Self::Method,
        Self::MediaType,
        Self::TooLarge,
        Self::HeadTooLarge,
        Self::TargetTooLong,
        Self::Misdirected,
        Self::NotImplemented,
        Self::HttpVersion,
        Self::Conflict,
        Self::KeyReused,
        Self::TimedOut,
        Self::TooMany,
        Self::Busy,
        Self::Storage,
        Self::Upstream,
        Self::UpstreamTimeout,
        Self::Internal,
    ];

    /// The one table of statuses. A SOAP client sees 500 with a fault wherever its stack would throw away a body of
    /// another status; what the head alone decides keeps its HTTP status, as BP 1.1 asks.
    pub fn wire(self) -> Wire {
        use Who::{MustUnderstand, Receiver, Sender, VersionMismatch};
        let (rest, soap11, soap12, blame) = match self {
            Self::Malformed => (400, 500, 400, Sender),
            Self::Invalid => (422, 500, 400, Sender),
            Self::VersionMismatch => (400, 500, 500, VersionMismatch),
            Self::MustUnderstand => (400, 500, 500, MustUnderstand),
            Self::NotFound => (404, 404, 404, Sender),
            Self::Unauthorized => (401, 401, 401, Sender),
            Self::Forbidden => (403, 403, 403, Sender),
            Self::Method => (405, 405, 405, Sender),
            Self::MediaType => (415, 415, 415, Sender),
            Self::TooLarge => (413, 413, 413, Sender),
            Self::HeadTooLarge => (431, 431, 431, Sender),
            Self::TargetTooLong => (414, 414, 414, Sender),
            Self::Misdirected => (421, 421, 421, Sender),
            Self::NotImplemented => (501, 501, 501, Sender),
            Self::HttpVersion => (505, 505, 505, Sender),
            Self::Conflict => (409, 500, 400, Sender),
            Self::KeyReused => (422, 500, 400, Sender),
            Self::TimedOut => (408, 408, 408, Sender),
            Self::TooMany => (429, 429, 429, Sender),
            Self::Busy => (503, 503, 503, Receiver),
            Self::Storage => (507, 500, 500, Receiver),
            Self::Upstream => (502, 500, 500, Receiver),
            Self::UpstreamTimeout => (504, 500, 500, Receiver),
            Self::Internal => (500, 500, 500, Receiver),
        };
        Wire { rest, soap11, soap12, blame }
    }

    /// The title of a problem document, and the first words of a fault, in English.
    pub fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The message cannot be read",
            Self::Invalid => "The message breaks the rules of this route",
            Self::VersionMismatch => "The SOAP version is not the one that was announced",
            Self::MustUnderstand => "A header that must be understood is not",
            Self::NotFound => "Nothing is served here",
            Self::Unauthorized => "The client has not proven who it is",
            Self::Forbidden => "This client may not use this route",
            Self::Method => "The method is not taken here",
            Self::MediaType => "The media type is not taken here",
            Self::TooLarge => "The message is larger than this route takes",
            Self::HeadTooLarge => "The head is larger than this listener takes",
            Self::TargetTooLong => "The request target is longer than this listener takes",
            Self::Misdirected => "The request is for another host",
            Self::NotImplemented => "The transfer coding is not known here",
            Self::HttpVersion => "This version of HTTP is not spoken here",
            Self::Conflict => "The request is in conflict with one under way",
            Self::KeyReused => "The idempotency key was used with other content",
            Self::TimedOut => "The message did not arrive in time",
            Self::TooMany => "This client sends too much at once",
            Self::Busy => "The gateway is busy",
            Self::Storage => "The gateway cannot store the message",
            Self::Upstream => "The cloud gave no usable answer",
            Self::UpstreamTimeout => "The cloud gave no answer in time; the outcome is unknown",
            Self::Internal => "The gateway failed",
        }
    }

    /// The same in Japanese.
    pub fn title_ja(self) -> &'static str {
        match self {
            Self::Malformed => "電文を読み取れません",
            Self::Invalid => "電文がこの特定通信の規則に合っていません",
            Self::VersionMismatch => "SOAPの版が宣言と一致しません",
            Self::MustUnderstand => "必須ヘッダーを処理できません",
            Self::NotFound => "このパスでは何も提供していません",
            Self::Unauthorized => "団体を確認できません",
            Self::Forbidden => "この団体はこの特定通信を利用できません",
            Self::Method => "このメソッドは受け付けていません",
            Self::MediaType => "この媒体種別は受け付けていません",
            Self::TooLarge => "電文がこの特定通信の上限を超えています",
            Self::HeadTooLarge => "HTTPヘッダーが上限を超えています",
            Self::TargetTooLong => "リクエストターゲットが上限を超えています",
            Self::Misdirected => "別のホスト宛ての要求です",
            Self::NotImplemented => "この転送符号化には対応していません",
            Self::HttpVersion => "このHTTPの版には対応していません",
            Self::Conflict => "処理中の要求と競合しています",
            Self::KeyReused => "同じ冪等キーが別の内容で使われています",
            Self::TimedOut => "電文が時間内に届きませんでした",
            Self::TooMany => "この団体からの要求が多すぎます",
            Self::Busy => "ゲートウェイが混み合っています",
            Self::Storage => "ゲートウェイが電文を保管できません",
            Self::Upstream => "クラウドから有効な応答がありません",
            Self::UpstreamTimeout => "クラウドの応答が時間内にありません。結果は不明です",
            Self::Internal => "ゲートウェイの内部で障害が起きました",
        }
    }
}

/// The message that an answer or a refusal relates to (WS-Addressing 1.0 core §3.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelatesTo {
    /// Its `wsa:MessageID`.
    pub message_id: String,
    /// The gateway's own operation that it calls, where it calls one.
    pub operation: Option<&'static str>,
}

/// A refusal, ready to be said in the protocol of the request.
#[derive(Debug)]
pub struct Refusal {
    /// Decides the status.
    pub class: Class,
    /// Stable, kebab-case: what programs look at.
    pub code: &'static str,
    /// What is wrong and what to do, in English; no value from the payload.
    pub reason: String,
    /// The same in Japanese; the class's title where there is no own text.
    pub reason_ja: Option<String>,
    /// Where.
    pub location: Location,
    /// The violations of a refused batch.
    pub violations: Option<Box<Violations>>,
    /// Header blocks that were not understood.
    pub not_understood: Vec<QName>,
    /// The WS-Addressing header that is at fault.
    pub invalid_header: Option<InvalidHeader>,
    /// The message that is refused, where it has been read so far and has an id.
    pub relates_to: Option<Box<RelatesTo>>,
    /// When to come again.
    pub retry_after: Option<Duration>,
    /// Where the batch stands whose answer was awaited.
    pub unfinished: Option<Box<Unfinished>>,
    /// What a scanner found, in its words: for the log, and for nobody else.
    pub found: Option<String>,
}

impl Refusal {
    /// A refusal with nothing but its class, code and reason.
    pub fn new(class: Class, code: &'static str, reason: impl Into<String>) -> Self {
        Self {
            class,
            code,
            reason: reason.into(),
            reason_ja: None,
            location: Location::default(),
            violations: None,
            not_understood: Vec::new(),
            invalid_header: None,
            relates_to: None,
            retry_after: None,
            unfinished: None,
            found: None,
        }
    }

    /// Adds the reason in Japanese.
    pub fn ja(mut self, reason: impl Into<String>) -> Self {
        self.reason_ja = Some(reason.into());
        self
    }

    /// Adds where it is.
    pub fn at(mut self, location: Location) -> Self {
        self.location = location;
        self
    }

    /// Adds the byte at which it is, from 0.
    pub fn at_byte(mut self, byte: u64) -> Self {
        self.location.byte = Some(byte);
        self
    }

    /// Adds the MIME part, if no other is named.
    pub fn in_part(mut self, part: u64) -> Self {
        self.location.part.get_or_insert(part);
        self
    }

    /// Adds the message that is refused, if it has an id and none is named.
    pub fn relating(mut self, message: Option<&RelatesTo>) -> Self {
        self.relates_to = self.relates_to.or_else(|| message.cloned().map(Box::new));
        self
    }

    /// The `wsa:Action` of the fault that it is: of WS-Addressing, of SOAP, or the one that the contract declares for the operation.
    pub fn action(&self) -> String {
        let operation = self.relates_to.as_ref().and_then(|message| message.operation);
        match (self.invalid_header, self.class, operation) {
            (Some(_), ..) => fault::ACTION.to_owned(),
            (None, Class::VersionMismatch | Class::MustUnderstand, _) | (None, _, None) => {
                fault::SOAP_ACTION.to_owned()
            }
            (None, _, Some(operation)) => contract::fault_action(operation),
        }
    }

    /// Adds when to come again.
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// An internal fault: `what` is for the log; the client learns nothing but the id.
    pub fn internal(what: &'static str, error: &dyn fmt::Display) -> Self {
        tracing::error!(what, %error, "internal fault");
        Self::new(Class::Internal, "internal", "The gateway failed; give the id to its operator.")
            .ja("ゲートウェイで障害が発生しました。識別子を運用者に伝えてください。")
    }

    /// The reason in Japanese.
    pub fn japanese(&self) -> &str {
        self.reason_ja.as_deref().unwrap_or_else(|| self.class.title_ja())
    }
}

/// So many of something, in English.
pub(crate) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_error_statuses_and_texts() {
        for class in Class::ALL {
            let wire = class.wire();
            for status in [wire.rest, wire.soap11, wire.soap12] {
                assert!((400..600).contains(&status), "{class:?}");
            }
            // HTTP counts what it cannot do among the server's errors; only the sender can do anything about it.
            let for_the_sender = matches!(class, Class::NotImplemented | Class::HttpVersion);
            let blames_us = wire.blame == Who::Receiver;
            assert_eq!(
                wire.rest >= 500 && !for_the_sender,
                blames_us,
                "{class:?}: status and blame must agree"
            );
            assert!(!class.title().is_empty() && !class.title_ja().is_empty());
        }
    }
}
