//! What somebody has seen of a hop.

use std::time::Duration;

use crate::clock::Moment;
use crate::hop::{ErrorClass, HopState};

/// Who saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A probe that was sent to find out.
    Check,
    /// A real exchange.
    Traffic,
}

/// The longest text of an observation, in characters; what is longer is cut.
const MAX_TEXT: usize = 200;

/// One look at a hop. Texts hold no value of a payload: names, codes, counts and times only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    pub(crate) state: HopState,
    pub(crate) source: Source,
    pub(crate) class: Option<ErrorClass>,
    pub(crate) latency: Option<Duration>,
    pub(crate) began: Option<Moment>,
    pub(crate) answered: bool,
    pub(crate) stopped_at: Option<String>,
    pub(crate) texts: Option<(String, String)>,
}

impl Observation {
    /// It did what was asked of it, and took that long. The fact is as old as the *beginning* of the look: what happened
    /// to the hop after that, the look cannot exclude.
    pub fn up(latency: Duration) -> Self {
        Self::new(HopState::Up, None, Some(latency), true)
    }

    /// It answers, but not as it should.
    pub fn degraded(class: ErrorClass) -> Self {
        Self::new(HopState::Degraded, Some(class), None, true)
    }

    /// It did not do what was asked of it. Classes that come as an answer of the hop itself
    /// ([`ErrorClass::is_answered`]) also prove the hops before it; see [`answered`](Self::answered).
    pub fn down(class: ErrorClass) -> Self {
        Self::new(HopState::Down, Some(class), None, class.is_answered())
    }

    /// The look itself failed: nothing is known of the hop.
    pub fn unknown() -> Self {
        Self::new(HopState::Unknown, None, None, false)
    }

    /// Seen in a real exchange, not by a probe.
    pub fn from_traffic(mut self) -> Self {
        self.source = Source::Traffic;
        self
    }

    /// How long the look took. Unless [`began`](Self::began) says otherwise, it began that long before it was reported.
    pub fn took(mut self, latency: Duration) -> Self {
        self.latency = Some(latency);
        self
    }

    /// When the look began, by the board's clock: for those who report some time after it ended.
    pub fn began(mut self, at: Moment) -> Self {
        self.began = Some(at);
        self
    }

    /// Whether the hop itself answered, and so the hops before it were passed: a 503 is an answer of the cloud that proves
    /// the line, a reset is not.
    pub fn answered(mut self, answered: bool) -> Self {
        self.answered = answered;
        self
    }

    /// How far the look got: it stopped at this hop (by identity, `upstream/line`), its own or one on the way there. It says
    /// something of that hop, and proves those before it. A login that cannot connect is a fault of the line; without this,
    /// a failure that nobody answered may be anybody's.
    pub fn stopped_at(mut self, hop: impl Into<String>) -> Self {
        self.stopped_at = Some(hop.into());
        self
    }

    /// What to tell people, in English and Japanese. Control characters are taken out, and what is longer than 200
    /// characters is cut: part of it may have come from the cloud.
    pub fn text(mut self, en: impl AsRef<str>, ja: impl AsRef<str>) -> Self {
        self.texts = Some((plain(en.as_ref()), plain(ja.as_ref())));
        self
    }

    /// The state that was seen.
    pub fn state(&self) -> HopState {
        self.state
    }

    /// The kind of fault, when one was seen.
    pub fn class(&self) -> Option<ErrorClass> {
        self.class
    }

    /// The latest moment of which the hop is known to have served, if it was reported at `now`: the beginning of the look,
    /// as what happened to the hop after that the look cannot exclude.
    pub(crate) fn seen_at(&self, now: Moment) -> Moment {
        match (self.began, self.latency) {
            (Some(began), _) if began.monotonic <= now.monotonic => began,
            (None, Some(latency)) => now.before(latency),
            _ => now,
        }
    }

    fn new(state: HopState, class: Option<ErrorClass>, latency: Option<Duration>, answered: bool) -> Self {
        Self {
            state,
            source: Source::Check,
            class,
            latency,
            began: None,
            answered,
            stopped_at: None,
            texts: None,
        }
    }
}

/// One line, no control characters, bounded.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT).collect()
}
