//! The way out: sockets, TLS, HTTP client and tokens. Knows no dialect.
//!
//! An [`Upstream`] is one cloud endpoint as the gateway may speak to it: fixed address, fixed roots of trust, fixed
//! deadlines, answers cut off at a cap. Nothing here follows a redirect or repeats a request by itself, because only
//! the caller knows whether a repeat is safe; every error says whether anything may have reached the cloud
//! ([`UpstreamError::outcome`]).
#![forbid(unsafe_code)]

mod answer;
mod body;
mod client;
mod connection;
mod endpoint;
mod error;
mod login;
mod probe;
mod recording;
mod upstream;

pub use answer::{Answer, AnswerReader, AnswerStream};
pub use body::{Body, BodyClosed, BodyFailure, BodyWriter};
pub use client::HttpClient;
pub use endpoint::{Endpoint, EndpointConfig, EndpointError, is_in_clear};
pub use error::{Sent, UpstreamError};
pub use login::{LoginConfig, LoginError, Look, Token, Tokens};
pub use probe::{ProbeTiming, probe_connect, probe_get, probe_resolve, probe_tls};
pub use recording::Note;
pub use upstream::Upstream;
