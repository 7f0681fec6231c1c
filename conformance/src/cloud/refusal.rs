//! Why a whole call is refused; each dialect says it in its own way.

use http::StatusCode;

/// Why a whole call is refused or was stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No session, an expired one, or wrong credentials.
    Session,
    /// The day's calls are used up; seconds until the next day.
    Quota(u64),
    /// Down for now.
    Unavailable,
    /// More rows than a call may have.
    TooManyRows(u64),
    /// Stopped at the processing-time limit of so many seconds, with part of its effects done.
    Killed(u64),
    /// A row that makes the cloud refuse the call whole.
    Poison,
    /// The request cannot be read.
    Input(String),
    /// No such operation.
    Operation(String),
    /// No such thing.
    NotFound(String),
    /// A media type or coding that is not taken here.
    Media(String),
    /// A method that is not taken here.
    Method,
    /// A dialect's own code and text, answered as 400.
    Own(&'static str, String),
}

impl Refusal {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Refusal::Session => "INVALID_SESSION_ID",
            Refusal::Quota(_) => "REQUEST_LIMIT_EXCEEDED",
            Refusal::Unavailable => "SERVER_UNAVAILABLE",
            Refusal::TooManyRows(_) => "EXCEEDED_MAX_SIZE_REQUEST",
            Refusal::Killed(_) => "REQUEST_RUNNING_TOO_LONG",
            Refusal::Poison => "INVALID_BATCH",
            Refusal::Input(_) => "INVALID_INPUT",
            Refusal::Operation(_) => "INVALID_OPERATION",
            Refusal::NotFound(_) => "NOT_FOUND",
            Refusal::Media(_) => "UNSUPPORTED_MEDIA_TYPE",
            Refusal::Method => "METHOD_NOT_ALLOWED",
            Refusal::Own(code, _) => code,
        }
    }

    pub(super) fn message(&self) -> String {
        match self {
            Refusal::Session => "Session expired or invalid".to_owned(),
            Refusal::Quota(_) => "TotalRequests Limit exceeded.".to_owned(),
            Refusal::Unavailable => "the service is down for now".to_owned(),
            Refusal::TooManyRows(most) => format!("a call may have {most} rows at most"),
            Refusal::Killed(limit) => {
                format!("the call was stopped at the processing-time limit of {limit} s")
            }
            Refusal::Poison => "a row makes this call unacceptable; nothing was done".to_owned(),
            Refusal::Method => "the method is not taken here".to_owned(),
            Refusal::Input(text)
            | Refusal::Operation(text)
            | Refusal::NotFound(text)
            | Refusal::Media(text)
            | Refusal::Own(_, text) => text.clone(),
        }
    }

    /// The status of the described REST call; the Salesforce-like ones differ in some.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Refusal::Session => StatusCode::UNAUTHORIZED,
            Refusal::Quota(_) => StatusCode::TOO_MANY_REQUESTS,
            Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::TooManyRows(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Killed(_) => StatusCode::GATEWAY_TIMEOUT,
            Refusal::Poison | Refusal::Input(_) | Refusal::Operation(_) | Refusal::Own(..) => {
                StatusCode::BAD_REQUEST
            }
            Refusal::NotFound(_) => StatusCode::NOT_FOUND,
            Refusal::Media(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::Method => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// Whether the sender is at fault (SOAP `Client`, `Sender`).
    pub(super) fn is_senders(&self) -> bool {
        !matches!(self, Refusal::Quota(_) | Refusal::Unavailable | Refusal::Killed(_))
    }

    /// Seconds for `Retry-After`, where there is something to wait for.
    pub(super) fn retry_after(&self) -> Option<u64> {
        match self {
            Refusal::Quota(seconds) => Some(*seconds),
            Refusal::Unavailable => Some(5),
            _ => None,
        }
    }
}
