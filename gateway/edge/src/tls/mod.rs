//! TLS on the way in: rustls over aws-lc-rs, version 1.3, and 1.2 only where a listener says so.
//!
//! A set of files ([`Files`]) becomes [`Terms`], whole and only if everything in it is valid. [`Tls`] holds the terms in force
//! and exchanges them: handshakes go by the newest; a connection whose certificate no longer passes is closed after its
//! exchange. No session is ever resumed and no early data taken, so whoever connects is looked at.

mod certificate;
mod error;
mod files;
mod handshake;
mod metrics;
mod terms;

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

pub use self::certificate::{Certificate, Name, NotAName};
pub use self::error::{Kind, Problem, Role, TlsError};
pub use self::files::{ClientFiles, Files};
pub(crate) use self::handshake::{Failed, Shown, shake};
pub(crate) use self::metrics::now_seconds;
pub use self::metrics::register;
pub use self::terms::Terms;

/// A listener's TLS: the terms in force.
#[derive(Debug)]
pub struct Tls {
    listener: String,
    terms: ArcSwap<Terms>,
    changed: watch::Sender<u64>,
}

impl Tls {
    /// TLS by these terms; `listener` is its name in metrics and texts.
    pub fn new(listener: &str, terms: Terms) -> Arc<Self> {
        let (changed, _) = watch::channel(terms.generation);
        Arc::new(Self { listener: listener.to_owned(), terms: ArcSwap::from_pointee(terms), changed })
    }

    /// The listener's name.
    pub fn listener(&self) -> &str {
        &self.listener
    }

    /// The terms in force.
    pub fn terms(&self) -> Arc<Terms> {
        self.terms.load_full()
    }

    /// Puts other terms into force, for handshakes that begin from now on; connections that are open are looked at again.
    pub fn replace(&self, mut terms: Terms) {
        terms.generation = self.terms.load().generation + 1;
        let generation = terms.generation;
        self.terms.store(Arc::new(terms));
        self.changed.send_replace(generation);
    }

    /// Turns whenever other terms come into force.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

/// Days from `now` until a moment, both in unix seconds; negative when it is past.
pub fn days_left(until: i64, now: i64) -> f64 {
    // Seconds of some centuries: exact in a float.
    (until.saturating_sub(now)) as f64 / 86_400.0
}
