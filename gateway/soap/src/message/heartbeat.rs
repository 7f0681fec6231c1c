//! Answers to heartbeats: the state of every station on the way.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::receipt::{moment, written};
use super::tree::{self, Node};
use super::xml::Element;
use crate::envelope::SoapError;

/// State of a hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HopState {
    /// It does what is asked of it.
    Up,
    /// It answers, but not as it should.
    Degraded,
    /// It does not do what is asked of it.
    Down,
    /// Nothing recent says how it is.
    Unknown,
}

impl HopState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Up, Self::Degraded, Self::Down, Self::Unknown];

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// How much a hop's state rests on, counted since the gateway started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// Active checks that it passed.
    pub checks_passed: u64,
    /// Active checks that it failed.
    pub checks_failed: u64,
    /// Real exchanges that it served.
    pub traffic_passed: u64,
    /// Real exchanges that it failed.
    pub traffic_failed: u64,
    /// Failures of either kind since it was last seen to serve.
    pub failures_in_a_row: u64,
}

/// One hop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hop {
    /// Its name: `gateway`, `line`, `cloud`, `login`, `import`, `application`.
    pub name: String,
    /// The upstream on whose way it lies; none for the gateway itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// How it is.
    pub state: HopState,
    /// Since when it has been in that state.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// When it was last checked; none if never.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub checked_at: Option<OffsetDateTime>,
    /// How old that check is, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// The class of its error: `line`, `infrastructure`, `authentication`, `data`, `timeout`, `application`, `misuse`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// A short text, in English.
    pub text: String,
    /// The same in Japanese.
    pub text_ja: String,
    /// How much the state rests on.
    #[serde(default)]
    pub evidence: Evidence,
}

impl Hop {
    fn write(&self, element: &mut Element) {
        element.text("name", &self.name);
        element.optional("upstream", self.upstream.as_deref());
        element.text("state", self.state.name());
        element.text("since", &written(self.since));
        element.optional("checkedAt", self.checked_at.map(written).as_deref());
        element.optional_number("ageMs", self.age_ms);
        let latency = self.latency_ms.filter(|ms| ms.is_finite() && *ms >= 0.0).map(|ms| ms.to_string());
        element.optional("latencyMs", latency.as_deref());
        element.optional("class", self.class.as_deref());
        element.bilingual("text", &self.text, &self.text_ja);
        element.around("evidence", |element| {
            element.number("checksPassed", self.evidence.checks_passed);
            element.number("checksFailed", self.evidence.checks_failed);
            element.number("trafficPassed", self.evidence.traffic_passed);
            element.number("trafficFailed", self.evidence.traffic_failed);
            element.number("failuresInARow", self.evidence.failures_in_a_row);
        });
    }

    fn read(node: &Node) -> Result<Self, SoapError> {
        let mut fields = node.fields()?;
        let name = fields.text("name")?;
        let upstream = fields.optional_text("upstream")?;
        let state = fields.parsed("state", HopState::from_name)?;
        let since = fields.parsed("since", moment)?;
        let checked_at = fields.optional_parsed("checkedAt", moment)?;
        let age_ms = fields.optional_parsed("ageMs", tree::number)?;
        let latency_ms = fields.optional_parsed("latencyMs", milliseconds)?;
        let class = fields.optional_text("class")?;
        let (text, text_ja) = fields.bilingual("text")?;
        let mut counts = fields.required("evidence")?.fields()?;
        let evidence = Evidence {
            checks_passed: counts.parsed("checksPassed", tree::number)?,
            checks_failed: counts.parsed("checksFailed", tree::number)?,
            traffic_passed: counts.parsed("trafficPassed", tree::number)?,
            traffic_failed: counts.parsed("trafficFailed", tree::number)?,
            failures_in_a_row: counts.parsed("failuresInARow", tree::number)?,
        };
        counts.end()?;
        fields.end()?;
        Ok(Self {
            name,
            upstream,
            state,
            since,
            checked_at,
            age_ms,
            latency_ms,
            class,
            text,
            text_ja,
            evidence,
        })
    }
}

fn milliseconds(text: &str) -> Option<f64> {
    text.parse().ok().filter(|ms: &f64| ms.is_finite() && *ms >= 0.0)
}

/// Answer to a heartbeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Heartbeat {
    /// When the answer was made.
    #[serde(with = "time::serde::rfc3339")]
    pub taken_at: OffsetDateTime,
    /// The worst of the hops' states.
    pub state: HopState,
    /// The hops, nearest first.
    pub hops: Vec<Hop>,
}

impl Heartbeat {
    pub(super) fn write(&self, element: &mut Element) {
        element.text("takenAt", &written(self.taken_at));
        element.text("state", self.state.name());
        for hop in &self.hops {
            element.around("hop", |element| hop.write(element));
        }
    }

    pub(super) fn read(node: &Node) -> Result<Self, SoapError> {
        let mut fields = node.fields()?;
        let taken_at = fields.parsed("takenAt", moment)?;
        let state = fields.parsed("state", HopState::from_name)?;
        let mut hops = Vec::new();
        while let Some(hop) = fields.optional("hop") {
            hops.push(Hop::read(hop)?);
        }
        fields.end()?;
        Ok(Self { taken_at, state, hops })
    }
}
