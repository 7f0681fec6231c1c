//! Time as the board sees it: one reading for ages, one for people.

use std::time::{Duration, Instant};

use time::OffsetDateTime;

/// A point in time, read twice: ages are computed from the monotonic reading, so that a step of the wall clock neither
/// ages nor refreshes a fact; the wall reading is what an operator is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Time since the clock's origin; never goes back.
    pub monotonic: Duration,
    /// What a wall clock showed, in UTC.
    pub wall: OffsetDateTime,
}

impl Moment {
    /// The moment `span` before this one, on both readings. Not before the clock's origin.
    pub fn before(self, span: Duration) -> Self {
        let span = span.min(self.monotonic);
        Self { monotonic: self.monotonic - span, wall: self.wall - span }
    }

    /// The moment `span` after this one, on both readings.
    pub fn after(self, span: Duration) -> Self {
        Self { monotonic: self.monotonic.saturating_add(span), wall: self.wall.saturating_add(signed(span)) }
    }
}

fn signed(span: Duration) -> time::Duration {
    time::Duration::try_from(span).unwrap_or(time::Duration::MAX)
}

/// Where moments come from. Tests bring one of their own.
pub trait Clock: Send + Sync + 'static {
    /// The present. Monotonic readings of one clock never go back.
    fn now(&self) -> Moment;
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose monotonic reading begins at zero, now.
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        Moment { monotonic: self.origin.elapsed(), wall: OffsetDateTime::now_utc() }
    }
}
