//! Hops, probes and heartbeats: what an operator is told about every station between a client and the cloud.
//!
//! A heartbeat must tell the truth (promise 8), so this crate is built around three rules:
//!
//! - **A fact has an age.** What was seen longer ago than twice the hop's interval turns to [`HopState::Unknown`] by
//!   itself, whether or not anything still runs that could say so.
//! - **A fault is shown where it is.** A hop behind a hop that is down is unknown, not down; and an answer from a hop
//!   proves the hops before it.
//! - **Asking changes nothing.** Probes run on their own clock; a heartbeat is answered from memory.
//!
//! [`Path`] is the state machine: pure, with observations and moments in and hop states out. [`Board`] puts it behind a
//! lock and a clock for everybody to share, [`Prober`] runs the active checks, and [`table`] and [`nagios`]
//! render what the board shows.
#![forbid(unsafe_code)]

mod board;
mod clock;
mod hop;
pub mod nagios;
mod observation;
mod path;
mod prober;
pub mod table;
mod words;

pub use board::Board;
pub use clock::{Clock, Moment, SystemClock};
pub use hop::{ErrorClass, Evidence, Hop, HopSpec, HopState, Intervals, Snapshot, Station};
pub use observation::{Observation, Source};
pub use path::{Path, PathError};
pub use prober::{Probe, Prober, Schedule, ScheduleError};
pub use table::{Language, Style};
