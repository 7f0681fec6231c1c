//! The reference cloud: plays the public cloud that a gateway delivers to.
//!
//! It stores what it takes, so that tests can count effects, is strict about what it is sent, and unkind on demand:
//! see [`Options`] for its model of time and [`faults`] for what can be made to go wrong. It speaks a described SOAP
//! operation, a SwA service, a described REST call, and the plain forms of a Bulk API 2.0 ingest job, an sObject
//! Collections upsert and a partner SOAP upsert.

mod admin;
mod answer;
mod application;
mod bulk;
mod calls;
mod collections;
pub mod csv_rows;
pub mod faults;
pub mod intake;
mod job;
pub mod json_rows;
mod jwt;
mod model;
mod multipart;
mod options;
mod partner;
mod perform;
mod proxy;
mod push;
mod refusal;
mod rest;
mod route;
pub mod rows;
mod server;
mod sessions;
mod soap;
mod store;
mod swa;
mod xml_rows;

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

pub use options::{EffectsOnKill, KillAnswer, ModelOptions, Options, parse_duration};
pub use server::{Running, start};

/// Everything that the cloud holds; one per server.
pub struct Cloud {
    /// How it was started.
    options: Options,
    model: model::Model,
    store: store::Store,
    calls: calls::Calls,
    faults: faults::Faults,
    bad_records: faults::BadRecords,
    sessions: sessions::Sessions,
    quota: calls::Quota,
    jobs: job::Jobs,
    application: application::Application,
    push: push::Push,
    down: AtomicBool,
    started: Instant,
}

impl Cloud {
    fn new(options: Options) -> Self {
        Cloud {
            model: model::Model::new(options.model.clone(), options.seed),
            store: store::Store::default(),
            calls: calls::Calls::default(),
            faults: faults::Faults::default(),
            bad_records: faults::BadRecords::default(),
            sessions: sessions::Sessions::new(&options),
            quota: calls::Quota::default(),
            jobs: job::Jobs::default(),
            application: application::Application::default(),
            push: push::Push::new(options.push_quota),
            down: AtomicBool::new(false),
            started: Instant::now(),
            options,
        }
    }
}

/// Locks; what a panicked holder left behind is counts and rows, each whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
