//! Pace, dialects, retries: how accepted records reach the cloud.
//!
//! A [`Plan`] is everything that delivery must know about a batch beyond its records; its JSON is kept in the ledger
//! under its digest, so that a reload never changes a batch under way. [`Delivery::start`] runs one scheduler per
//! upstream: it takes open batches from the ledger, oldest first, asks the [`pace`] how many rows the next chunk may
//! have, writes the chunk down before a byte of it is sent, streams it in the plan's [`dialect`], and writes down an
//! outcome per record. What may have had its effect is in doubt, never "failed".
#![forbid(unsafe_code)]

mod answer;
mod backoff;
mod breaker;
mod bulk2;
mod chunk;
mod csv_table;
mod delivery;
pub mod dialect;
pub mod dispatch;
mod encode;
mod find;
mod metrics;
mod outcome;
pub mod pace;
mod plan;
mod quota;
mod resend;
mod scheduler;
pub mod signals;
pub mod simulate;
mod traffic;
mod wsdl;

pub use answer::{AnswerError, AnswerPieces, MergedAnswer, make_answer, merged_answer};
pub use bulk2::{JobAnswer, JobCourse, JobStep};
pub use chunk::End;
pub use delivery::{Delivery, DeliveryHandle, StartError, UpstreamStatus};
pub use dialect::{
    Bulk2Spec, Codes, CollectionsSpec, DialectSpec, FindSpec, HeaderElement, KeysAre, NO_XML_NAME,
    PartnerSoapSpec, RestFormat, RestSpec, ResultsSpec, SoapSpec, SoapVersion, SwaSpec,
};
pub use encode::Measured;
pub use find::{KeyPart, KeySearch};
pub use metrics::Metrics;
pub use pace::{DailySpec, Pace, PaceSpec};
pub use plan::{AnswerSpec, CountSpec, Counted, Plan, PlanError, RetrySpec};
pub use traffic::{Relayed, relayed};
pub use wsdl::{ImportFault, WsdlDocuments, WsdlError};
