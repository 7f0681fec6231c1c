//! Why a message is not one that we take, in words.

use sekisho_xml::{Position, XmlError};

use super::Version;
use crate::fault::Who;
use crate::message::PayloadPlace;

/// Why a message is not an envelope, or not a message, that we take.
#[derive(Debug, thiserror::Error)]
pub enum SoapError {
    /// Not XML as SOAP wants it, or the input failed.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// An envelope of a version that is not ours (SOAP 1.1 section 4.4.1, SOAP 1.2 part 1 section 5.4.7).
    #[error(
        "{at}: the envelope's namespace is neither SOAP 1.1's nor SOAP 1.2's; send http://schemas.xmlsoap.org/soap/envelope/ or \
         http://www.w3.org/2003/05/soap-envelope"
    )]
    VersionMismatch {
        /// Where.
        at: Position,
    },
    /// The media type promises one version and the envelope is of the other.
    #[error(
        "{at}: the envelope is {found}, but its Content-Type (of a package: the type there) says {expected}; make both the same"
    )]
    ContentType {
        /// What the media type says.
        expected: Version,
        /// What came.
        found: Version,
        /// Where the envelope begins.
        at: Position,
    },
    /// A rule of SOAP or of the Basic Profile is broken.
    #[error("{at}: {}", .rule.words().1)]
    Broken {
        /// The rule.
        rule: Rule,
        /// Where.
        at: Position,
    },
    /// A WS-Addressing header that cannot be read, or stands twice.
    #[error(
        "{at}: the header {header} is invalid or stands twice; send it once, and as WS-Addressing has it"
    )]
    Addressing {
        /// Its name.
        header: &'static str,
        /// Where.
        at: Position,
    },
    /// More than a limit allows.
    #[error("{at}: over the limit of {max} {which}")]
    Limit {
        /// What was counted.
        which: &'static str,
        /// The limit.
        max: u64,
        /// Where.
        at: Position,
    },
    /// The body has two payloads, or points to one and has another.
    #[error(
        "{} is a second payload beside {}: send one of them, and the other in a message of its own",
        .second.english(), .first.english()
    )]
    SeveralPayloads {
        /// The first one.
        first: PayloadPlace,
        /// The one behind it.
        second: PayloadPlace,
    },
    /// The body's child is not the message that the contract describes.
    #[error("{at}: {}; see the WSDL", .problem.english(.element))]
    Message {
        /// What is wrong.
        problem: MessageProblem,
        /// The element of the contract that it concerns: never a name that only the message has.
        element: &'static str,
        /// Where.
        at: Position,
    },
}

impl SoapError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Xml(error) => error.code(),
            Self::VersionMismatch { .. } => "soap-version-mismatch",
            Self::ContentType { .. } => "soap-version-content-type",
            Self::Broken { rule, .. } => rule.words().0,
            Self::Addressing { .. } => "wsa-invalid-header",
            Self::Limit { .. } => "soap-limit",
            Self::SeveralPayloads { .. } => MessageProblem::SeveralPayloads.words().0,
            Self::Message { problem, .. } => problem.words().0,
        }
    }

    /// Who has to act. A failed input is the receiver's, unless what lies in it says otherwise ([`Self::input`]).
    pub fn who(&self) -> Who {
        match self {
            Self::VersionMismatch { .. } => Who::VersionMismatch,
            Self::Xml(XmlError::Io(_)) => Who::Receiver,
            _ => Who::Sender,
        }
    }

    /// Where, unless the input failed.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Xml(error) => error.position(),
            Self::VersionMismatch { at }
            | Self::ContentType { at, .. }
            | Self::Broken { at, .. }
            | Self::Addressing { at, .. }
            | Self::Limit { at, .. }
            | Self::SeveralPayloads { second: PayloadPlace { at, .. }, .. }
            | Self::Message { at, .. } => Some(*at),
        }
    }

    /// The failed input's error: a layer below (MIME, gzip, socket) may have put a typed one into it.
    pub fn input(&self) -> Option<&std::io::Error> {
        match self {
            Self::Xml(XmlError::Io(error)) => Some(error),
            _ => None,
        }
    }

    /// The same as `Display`, in Japanese.
    pub fn message_ja(&self) -> String {
        let text = match self {
            Self::Xml(error) => return error.message_ja(),
            Self::VersionMismatch { .. } => {
                "Envelope の名前空間が SOAP 1.1 でも 1.2 でもありません。http://schemas.xmlsoap.org/soap/envelope/ か \
                 http://www.w3.org/2003/05/soap-envelope にしてください"
                    .to_owned()
            }
            Self::ContentType { expected, found, .. } => format!(
                "Envelope は {found} ですが、Content-Type（パッケージではその type）は {expected} のものです。同じバージョンにしてください"
            ),
            Self::Broken { rule, .. } => rule.words().2.to_owned(),
            Self::Addressing { header, .. } => {
                format!("ヘッダー {header} が正しくないか、二度あります。WS-Addressing の定める形で一度だけ送ってください")
            }
            Self::Limit { which, max, .. } => format!("上限を超えています: {which}は{max}までです"),
            Self::SeveralPayloads { first, second } => {
                return format!(
                    "{}は、{}に続く二つ目のデータです。一つだけ残し、もう一つは別の電文で送ってください",
                    second.japanese(),
                    first.japanese()
                );
            }
            Self::Message { problem, element, .. } => {
                format!("{}。WSDL を参照してください", problem.japanese(element))
            }
        };
        match self.position() {
            Some(at) => format!("{}行{}文字目: {text}", at.line, at.column),
            None => text,
        }
    }
}

/// The rules of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The root element is not an envelope (R1015).
    NotAnEnvelope,
    /// The envelope has no body.
    BodyMissing,
    /// An element that is neither the header, nor the body behind it.
    EnvelopeChild,
    /// Something follows the body (R1011).
    AfterBody,
    /// Characters between the envelope's parts.
    Text,
    /// A header block without a namespace (SOAP 1.1 section 4.2, SOAP 1.2 part 1 section 5.2).
    HeaderUnqualified,
    /// A child of the body without a namespace (R1014).
    BodyUnqualified,
    /// A second child of the body (R9981).
    SeveralBodyChildren,
    /// `mustUnderstand` is neither 0 nor 1, nor a boolean in 1.2 (R1013).
    MustUnderstandValue,
    /// `encodingStyle` on an element of SOAP 1.2's own (part 1 section 5.1.1).
    EncodingStyle,
}

impl Rule {
    /// Code, English, Japanese.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::NotAnEnvelope => (
                "soap-not-an-envelope",
                "the document is not a SOAP envelope: send one",
                "文書が SOAP の Envelope ではありません。Envelope を送ってください",
            ),
            Self::BodyMissing => (
                "soap-body-missing",
                "the envelope has no Body: it needs one",
                "Envelope に Body がありません。一つ置いてください",
            ),
            Self::EnvelopeChild => (
                "soap-envelope-child",
                "an Envelope holds one Header, which may be missing, and one Body behind it",
                "Envelope には Header（省略可）とその後の Body だけを一つずつ置けます",
            ),
            Self::AfterBody => (
                "soap-after-body",
                "nothing may follow the Body (R1011)",
                "Body の後には何も置けません（R1011）",
            ),
            Self::Text => (
                "soap-text",
                "characters stand where only elements may be: take them out",
                "要素だけを置ける場所に文字があります。取り除いてください",
            ),
            Self::HeaderUnqualified => (
                "soap-header-unqualified",
                "a header block has no namespace: give it one",
                "ヘッダーブロックに名前空間がありません。付けてください",
            ),
            Self::BodyUnqualified => (
                "soap-body-unqualified",
                "the Body's child has no namespace (R1014): give it one",
                "Body の子要素に名前空間がありません（R1014）。付けてください",
            ),
            Self::SeveralBodyChildren => (
                "soap-several-body-children",
                "the Body has more than one child (R9981): send one",
                "Body の子要素が複数あります（R9981）。一つだけ送ってください",
            ),
            Self::MustUnderstandValue => (
                "soap-must-understand-value",
                "mustUnderstand is neither 0 nor 1 (SOAP 1.2: nor true or false)",
                "mustUnderstand の値が 0 でも 1 でもありません（SOAP 1.2 では true, false も可）",
            ),
            Self::EncodingStyle => (
                "soap-encoding-style",
                "encodingStyle may not stand on SOAP 1.2's own elements; messages are document/literal",
                "SOAP 1.2 自身の要素に encodingStyle は置けません（document/literal を使います）",
            ),
        }
    }
}

/// What can be wrong with a message of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageProblem {
    /// The operation is not one of the contract's.
    UnknownOperation,
    /// This element of the contract stands where the contract does not have it, or not once more.
    UnexpectedElement,
    /// An element of a name that the contract does not have stands in this one.
    UnknownElement,
    /// An element that the municipality's operation does not name beside its payload: it may hold records under a wrong name.
    NotNamed,
    /// Characters where only elements may be.
    UnexpectedText,
    /// An element that must be there is not.
    MissingElement,
    /// A value that its type does not allow.
    InvalidValue,
    /// The body points to two payloads, or points and holds.
    SeveralPayloads,
    /// A reference that is no `cid:` URL: nothing is ever fetched.
    NotCid,
}

impl MessageProblem {
    fn english(self, element: &str) -> String {
        let words = self.words().1;
        match self {
            Self::UnexpectedElement => format!("the element {element} {words}"),
            Self::UnknownElement => format!("{words} {element}"),
            Self::NotNamed => words.to_owned(),
            _ => format!("{words} ({element})"),
        }
    }

    fn japanese(self, element: &str) -> String {
        let words = self.words().2;
        match self {
            Self::UnexpectedElement | Self::UnknownElement => format!("{element}{words}"),
            Self::NotNamed => words.to_owned(),
            _ => format!("{words}（{element}）"),
        }
    }

    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::UnknownOperation => {
                ("message-unknown-operation", "the operation is unknown", "未知の操作です")
            }
            Self::UnexpectedElement => (
                "message-unexpected-element",
                "stands where the contract does not have it, or once too often",
                "の位置または回数が契約に合いません",
            ),
            Self::UnknownElement => (
                "message-unexpected-element",
                "an element whose name the contract does not have stands in",
                "の中に、契約にない名前の要素があります",
            ),
            Self::NotNamed => (
                "message-unexpected-element",
                "an element that is none of the contract's, and that the operation's beside_records does not name: correct its name or \
                 take it out, or have the gateway's operator name it",
                "契約にも、操作の beside_records にもない名前の要素があります。要素名を直すか、取り除くか、\
                 ゲートウェイの運用者に名前の登録を依頼してください",
            ),
            Self::UnexpectedText => (
                "message-unexpected-text",
                "characters stand where the contract has only elements: take them out",
                "要素だけを置ける場所に文字があります。取り除いてください",
            ),
            Self::MissingElement => {
                ("message-missing-element", "an element is missing", "必要な要素がありません")
            }
            Self::InvalidValue => {
                ("message-invalid-value", "the value is not one of its type", "値が型に合いません")
            }
            Self::SeveralPayloads => (
                "message-several-payloads",
                "the message has more than one payload; send one",
                "データが複数あります。一つだけ送ってください",
            ),
            Self::NotCid => (
                "message-not-cid",
                "the reference is not the cid: URL of a part of this message; nothing else is resolved",
                "参照がこのメッセージのパートを指す cid: URL ではありません。それ以外の参照は解決しません",
            ),
        }
    }
}
