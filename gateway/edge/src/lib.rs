//! The way in: listeners, admission, doors and the answers they give.
//!
//! The stack of one connection, from the outside in:
//!
//! | layer | what it holds |
//! | --- | --- |
//! | [`listener`] | how many connections there may be, how long a head may take, how they end |
//! | [`tls`] | who may shake hands: versions, certificates, what was revoked |
//! | [`framing`] | that a request can be read in only one way (RFC 9112), before hyper sees it |
//! | hyper | HTTP/1.0 and 1.1 |
//! | [`service`] | what the head permits: path, client, method, media type, size |
//! | [`RequestRate`], [`Admission`] | how many requests come in a second and how many bodies are read at once, and how many of one client |
//! | [`body`] | bytes, unpacking, digests; back-pressure to the sender |
//! | doors | SwA, inline SOAP, REST: where in the message the records are |
//! | intake | charset, records, schema, spool: the same for all doors |
//! | ledger | the batch is durable; then the receipt |
//!
//! Whatever says no, says it as a [`refusal::Refusal`]; one table maps each class to the wire.
#![forbid(unsafe_code)]

pub mod admin;
mod admission;
mod answer_body;
mod answers;
pub mod body;
mod doors;
pub mod framing;
pub mod gateway;
mod intake;
mod linger;
pub mod listener;
pub mod metrics;
mod peer;
mod rates;
pub mod refusal;
mod relay;
pub mod route;
pub mod service;
mod sparing;
mod stock;
pub mod tls;
mod token;

/// The intake's own ways of reading and judging the records of a route, for whoever tries a file before it is sent.
pub mod trial {
    pub use crate::intake::{Trial, csv_options, json_limits, xml_limits, xml_options};
}

pub use admission::Admission;
pub use body::LeastRate;
pub use gateway::Gateway;
pub use listener::{Listener, ListenerLimits, Shares};
pub use metrics::Metrics;
pub use rates::RequestRate;
pub use service::Service;
pub use stock::SpoolQuota;
pub use tls::Tls;
pub use token::Token;
