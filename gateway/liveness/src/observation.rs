//! What somebody has seen of a hop.

use std::time::Duration;

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
    pub(crate) answered: bool,
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

    /// How long the look took.
    pub fn took(mut self, latency: Duration) -> Self {
        self.latency = Some(latency);
        self
    }

    /// Whether the hop itself answered, and so the hops before it were passed: a 503 is an answer of the cloud that proves
    /// the line, a reset is not.
    pub fn answered(mut self, answered: bool) -> Self {
        self.answered = answered;
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

    fn new(state: HopState, class: Option<ErrorClass>, latency: Option<Duration>, answered: bool) -> Self {
        Self { state, source: Source::Check, class, latency, answered, texts: None }
    }
}

/// One line, no control characters, bounded.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT).collect()
}
