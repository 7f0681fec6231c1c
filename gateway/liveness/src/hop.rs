//! Hops: their names, their states, and what a snapshot shows of them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, UtcOffset};

/// How a hop is. The order is by how much it asks of an operator: `Up < Unknown < Degraded < Down`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HopState {
    /// It did what is asked of it when it was last looked at, not longer ago than two intervals.
    Up,
    /// Nothing recent says how it is: never checked, checked too long ago, or hidden behind a hop that is down.
    Unknown,
    /// It answers, but not as it should: slow, near a limit, or part of the work refused.
    Degraded,
    /// It did not do what is asked of it.
    Down,
}

impl HopState {
    /// Every state, in order.
    pub const ALL: [Self; 4] = [Self::Up, Self::Unknown, Self::Degraded, Self::Down];

    /// The word in answers and metrics: `up`, `degraded`, `down`, `unknown`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Unknown => "unknown",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }

    /// The word for people who read Japanese.
    pub fn label_ja(self) -> &'static str {
        match self {
            Self::Up => "正常",
            Self::Unknown => "不明",
            Self::Degraded => "低下",
            Self::Down => "停止",
        }
    }

    /// The reverse of [`as_str`](Self::as_str).
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl fmt::Display for HopState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What kind of fault it is: the pilot's fault table, and who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorClass {
    /// Names do not resolve, nothing answers, the connection or its TLS handshake breaks.
    Line,
    /// The machine behind the line is reached and cannot serve: 5xx, maintenance, no space.
    Infrastructure,
    /// The login is refused, has expired, or lacks a right.
    Authentication,
    /// Records are refused for what is in them.
    Data,
    /// No answer within the deadline; whether anything was done is not known.
    Timeout,
    /// The application behind the cloud reports an error of its own.
    Application,
    /// It was used in a way that it does not allow: a quota used up, a wrong operation.
    Misuse,
}

impl ErrorClass {
    /// Every class, in order.
    pub const ALL: [Self; 7] = [
        Self::Line,
        Self::Infrastructure,
        Self::Authentication,
        Self::Data,
        Self::Timeout,
        Self::Application,
        Self::Misuse,
    ];

    /// The word in answers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Infrastructure => "infrastructure",
            Self::Authentication => "authentication",
            Self::Data => "data",
            Self::Timeout => "timeout",
            Self::Application => "application",
            Self::Misuse => "misuse",
        }
    }

    /// The word for people who read Japanese.
    pub fn label_ja(self) -> &'static str {
        match self {
            Self::Line => "回線",
            Self::Infrastructure => "基盤",
            Self::Authentication => "認証",
            Self::Data => "データ",
            Self::Timeout => "時間切れ",
            Self::Application => "業務アプリ",
            Self::Misuse => "誤用",
        }
    }

    /// The reverse of [`as_str`](Self::as_str).
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == word)
    }

    /// Whether a failure of this class comes as an answer from the hop itself, and so proves the hops before it.
    pub fn is_answered(self) -> bool {
        matches!(self, Self::Authentication | Self::Data | Self::Application | Self::Misuse)
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The stations that the gateway knows how to look at, in the order of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Station {
    /// The gateway itself: spool, journal.
    Gateway,
    /// The line to the cloud: name resolution, TCP, TLS.
    Line,
    /// The cloud's HTTP server.
    Cloud,
    /// The login to the cloud.
    Login,
    /// The import of records: the outcomes of real chunks.
    Import,
    /// The application behind the cloud, asked by a call of the cloud.
    Application,
}

impl Station {
    /// Every station, in the order of the path.
    pub const ALL: [Self; 6] =
        [Self::Gateway, Self::Line, Self::Cloud, Self::Login, Self::Import, Self::Application];

    /// The hop's name in answers, metrics and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Line => "line",
            Self::Cloud => "cloud",
            Self::Login => "login",
            Self::Import => "import",
            Self::Application => "application",
        }
    }

    /// The identity of this station's hop on the way to `upstream`: `upstream/line`. The gateway is one for all
    /// upstreams: `gateway`.
    pub fn hop_of(self, upstream: &str) -> String {
        match self {
            Self::Gateway => Self::Gateway.as_str().to_owned(),
            _ => format!("{upstream}/{}", self.as_str()),
        }
    }
}

impl fmt::Display for Station {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A hop as configuration describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HopSpec {
    /// The hop's name, such as `line`.
    pub name: String,
    /// The upstream on whose way it lies; `None` for the gateway itself.
    pub upstream: Option<String>,
    /// The identity of the hop that must be passed to reach this one.
    pub behind: Option<String>,
    /// How often it is looked at. What is older than twice this is unknown.
    pub interval: Duration,
    /// Nothing looks at it but real traffic: while there is none, that it is unknown does not worsen the whole.
    pub by_traffic_only: bool,
}

impl HopSpec {
    /// The hop's identity on the board: `name`, or `upstream/name`.
    pub fn id(&self) -> String {
        match &self.upstream {
            Some(upstream) => format!("{upstream}/{}", self.name),
            None => self.name.clone(),
        }
    }

    /// The gateway itself. It stands before no other hop: what it sees of the cloud stays true when its own spool is full.
    pub fn gateway(interval: Duration) -> Self {
        Self {
            name: Station::Gateway.as_str().to_owned(),
            upstream: None,
            behind: None,
            interval,
            by_traffic_only: false,
        }
    }

    /// A scanner of what passes, `scanner/NAME`. It stands before no other hop: batches that were taken go on without it.
    pub fn scanner(name: &str, interval: Duration) -> Self {
        Self {
            name: format!("{}{name}", Self::SCANNER),
            upstream: None,
            behind: None,
            interval,
            by_traffic_only: false,
        }
    }

    /// What the names of scanners' hops begin with.
    pub const SCANNER: &str = "scanner/";

    /// The hops on the way to one upstream, each behind the one before: line, cloud, login, import and, where a call is
    /// described that asks for it, application. Application stands behind login beside import: neither must be passed
    /// to reach the other.
    pub fn way_to(upstream: &str, intervals: Intervals) -> Vec<Self> {
        let hop = |station: Station, behind: Option<Station>, interval: Duration| Self {
            name: station.as_str().to_owned(),
            upstream: Some(upstream.to_owned()),
            behind: behind.map(|station| station.hop_of(upstream)),
            interval,
            by_traffic_only: station == Station::Import,
        };
        let mut hops = vec![
            hop(Station::Line, None, intervals.line),
            hop(Station::Cloud, Some(Station::Line), intervals.cloud),
            hop(Station::Login, Some(Station::Cloud), intervals.login),
            hop(Station::Import, Some(Station::Login), intervals.import),
        ];
        if let Some(interval) = intervals.application {
            hops.push(hop(Station::Application, Some(Station::Login), interval));
        }
        hops
    }
}

/// How often the hops on the way to an upstream are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intervals {
    /// Line: default 1 s.
    pub line: Duration,
    /// Cloud: default 10 s.
    pub cloud: Duration,
    /// Login: default 60 s.
    pub login: Duration,
    /// Import: how long half the life of a real chunk's outcome is; default 1 hour.
    pub import: Duration,
    /// Application: `None` (the default) where no call is described that asks for it.
    pub application: Option<Duration>,
}

impl Default for Intervals {
    fn default() -> Self {
        Self {
            line: Duration::from_secs(1),
            cloud: Duration::from_secs(10),
            login: Duration::from_secs(60),
            import: Duration::from_secs(3600),
            application: None,
        }
    }
}

/// How much a hop's state rests on, counted since the gateway started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Active checks that found it up or degraded.
    pub checks_passed: u64,
    /// Active checks that found it down, or could not tell.
    pub checks_failed: u64,
    /// Real exchanges that it served.
    pub traffic_passed: u64,
    /// Real exchanges that it failed.
    pub traffic_failed: u64,
    /// Failures of either kind since it was last seen to serve.
    pub failures_in_a_row: u64,
}

/// A hop as a heartbeat shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The hop's name, such as `line`.
    pub name: Arc<str>,
    /// The upstream on whose way it lies; none for the gateway itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Arc<str>>,
    /// How it is.
    pub state: HopState,
    /// Since when it has been in that state.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// When it was last looked at; none if never.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub checked_at: Option<OffsetDateTime>,
    /// How old that look was when the snapshot was taken, in milliseconds, by a clock that nobody can set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// How long the last look took, in microseconds, where it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<u64>,
    /// What kind of fault it is; only when degraded or down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<ErrorClass>,
    /// A short text for people.
    pub text_en: Arc<str>,
    /// The same in Japanese.
    pub text_ja: Arc<str>,
    /// How much the state rests on.
    pub evidence: Evidence,
    /// Nothing looks at it but real traffic.
    #[serde(default)]
    pub by_traffic_only: bool,
}

impl Hop {
    /// The hop's identity: `name`, or `upstream/name`.
    pub fn id(&self) -> String {
        match &self.upstream {
            Some(upstream) => format!("{upstream}/{}", self.name),
            None => self.name.to_string(),
        }
    }

    /// How long the last look took, where it was measured.
    pub fn latency(&self) -> Option<Duration> {
        self.latency_us.map(Duration::from_micros)
    }
}

/// All hops at one moment, in the order of the path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When it was taken.
    #[serde(with = "time::serde::rfc3339")]
    pub taken_at: OffsetDateTime,
    /// The hops.
    pub hops: Vec<Hop>,
}

impl Snapshot {
    /// The worst state of any hop: down before degraded before unknown before up. Of a hop that only real traffic looks
    /// at, being unknown does not count. Unknown when there are no hops at all.
    pub fn overall(&self) -> HopState {
        let counted = self.hops.iter().filter(|hop| !(hop.by_traffic_only && hop.state == HopState::Unknown));
        counted.map(|hop| hop.state).max().unwrap_or(HopState::Unknown)
    }

    /// The same snapshot with only the gateway and the hops on the way to the named upstreams: what one client may see.
    pub fn seen_by(mut self, upstreams: &[&str]) -> Self {
        self.hops.retain(|hop| hop.upstream.as_deref().is_none_or(|name| upstreams.contains(&name)));
        self
    }

    /// The same snapshot with only the named hops (by name or by identity): what one watcher judges by.
    pub fn only(mut self, hops: &[&str]) -> Self {
        self.hops.retain(|hop| hops.contains(&&*hop.name) || hops.contains(&hop.id().as_str()));
        self
    }

    /// The same snapshot with its times at another offset from UTC: the same moments, as a reader's wall clock shows them.
    pub fn at_offset(mut self, offset: UtcOffset) -> Self {
        self.taken_at = self.taken_at.to_offset(offset);
        for hop in &mut self.hops {
            hop.since = hop.since.to_offset(offset);
            hop.checked_at = hop.checked_at.map(|at| at.to_offset(offset));
        }
        self
    }
}
