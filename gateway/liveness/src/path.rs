//! The state machine: observations and moments in, hop states out.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use crate::clock::Moment;
use crate::hop::{ErrorClass, Evidence, Hop, HopSpec, HopState, Snapshot};
use crate::observation::{Observation, Source};
use crate::words::{self, Texts};

/// The hops and what is known of each. Pure: no clock, no lock, no task of its own.
///
/// What a hop shows follows from three things alone, whoever asks and however often:
/// - its *fact*, the newest look at it. A look that passed is as old as its beginning, one that failed as old as its end,
///   so of two that overlap the failure stands;
/// - its *proof*, the newest answer from a hop behind it. It takes the place of a fact that is older and says down, or that
///   is missing or too old; it never hides that a hop is slow or near a limit;
/// - whether a hop before it was down when last heard of. Until something newer passes that hop, this one is unknown; and then
///   until something newer reaches this one: that it was up before the way broke says nothing of it now.
///
/// A failure without an answer cannot be told from a failure on the way: if a hop before it turns out to be down, it is
/// taken as explained, and does not come out as this hop's own when the way is open again. What was known to be its own
/// fault before stays so: silence refutes nothing.
#[derive(Clone, Debug)]
pub struct Path {
    places: Vec<Place>,
    by_id: HashMap<Box<str>, usize>,
    /// Everything that happens by itself has happened up to here.
    settled: Duration,
    /// How often a hop has come to serve that had not, or had not been known to.
    opened: u64,
}

#[derive(Clone, Debug)]
struct Place {
    id: Arc<str>,
    name: Arc<str>,
    upstream: Option<Arc<str>>,
    /// Always an earlier place.
    behind: Option<usize>,
    interval: Duration,
    by_traffic_only: bool,
    fact: Option<Fact>,
    /// When a failure was last known to be this hop's own, unless a look that began later passed it. It outlasts the fact,
    /// which a failure of unknown place may replace.
    failed: Option<Moment>,
    /// When it was last found down, by whomever.
    broke: Option<Moment>,
    proof: Option<Proof>,
    evidence: Evidence,
    shown: HopState,
    since: OffsetDateTime,
}

#[derive(Clone, Debug)]
struct Fact {
    state: HopState,
    class: Option<ErrorClass>,
    at: Moment,
    latency: Option<Duration>,
    /// It is known to be this hop's own: by an answer of it, or because the look knew how far it got.
    located: bool,
    /// A failure that a hop before this one explains: the state is unknown, and only newer looks say more.
    explained: bool,
    texts: Texts,
}

#[derive(Clone, Debug)]
struct Proof {
    at: Moment,
    /// The hop that answered.
    by: Arc<str>,
}

/// What a place shows at a moment, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Fact(HopState),
    Proven,
    Never,
    TooOld,
    /// The way to it is open again, and nobody has been there since.
    Reopened,
    Behind(usize),
}

impl View {
    fn state(self) -> HopState {
        match self {
            Self::Fact(state) => state,
            Self::Proven => HopState::Up,
            Self::Never | Self::TooOld | Self::Reopened | Self::Behind(_) => HopState::Unknown,
        }
    }
}

/// Why hops do not make a path. The fault is the configuration's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Two hops have one identity.
    #[error("hop `{hop}` is there twice: give each hop of an upstream its own name")]
    Twice {
        /// The identity.
        hop: String,
    },
    /// A hop is behind one that is not listed before it.
    #[error(
        "hop `{hop}` stands behind `{behind}`, which is not listed before it: list hops in the order of the path"
    )]
    Behind {
        /// The hop.
        hop: String,
        /// The hop that it is said to be behind.
        behind: String,
    },
    /// A hop's interval is zero.
    #[error(
        "hop `{hop}` has an interval of zero, so that every fact would be too old at once: set one above zero"
    )]
    Interval {
        /// The hop.
        hop: String,
    },
}

impl PathError {
    /// A stable code for the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Twice { .. } => "hop-twice",
            Self::Behind { .. } => "hop-behind-unlisted",
            Self::Interval { .. } => "hop-interval-zero",
        }
    }
}

impl Path {
    /// A path on which nothing is known yet.
    ///
    /// # Errors
    /// When two hops have one identity, one is behind a hop that is not listed before it, or an interval is zero.
    pub fn new(specs: Vec<HopSpec>, now: Moment) -> Result<Self, PathError> {
        let places = places(specs, now)?;
        Ok(Self { by_id: index(&places), places, settled: now.monotonic, opened: 0 })
    }

    /// Another arrangement of hops, after a reload: hops that stay keep what is known of them.
    ///
    /// # Errors
    /// As [`new`](Self::new); the old arrangement then stays.
    pub fn arrange(&mut self, specs: Vec<HopSpec>, now: Moment) -> Result<(), PathError> {
        let mut places = places(specs, now)?;
        self.settle(now);
        for place in &mut places {
            if let Some(&old) = self.by_id.get(&*place.id) {
                let old = &self.places[old];
                place.fact = old.fact.clone();
                place.failed = old.failed;
                place.broke = old.broke;
                place.proof = old.proof.clone();
                place.evidence = old.evidence;
                place.shown = old.shown;
                place.since = old.since;
            }
        }
        self.by_id = index(&places);
        self.places = places;
        self.show(now);
        Ok(())
    }

    /// Takes in what was seen. `false` when no such hop is on the path: nothing was taken in.
    pub fn report(&mut self, hop: &str, observation: Observation, now: Moment) -> bool {
        let Some(&meant) = self.by_id.get(hop) else { return false };
        let stop = observation.stopped_at.as_deref().and_then(|stop| self.on_the_way_to(meant, stop));
        let at = stop.unwrap_or(meant);
        self.settle(now);
        let seen_at = observation.seen_at(now);
        if observation.answered || stop.is_some() {
            self.prove_way_to(at, seen_at);
        }
        self.places[at].take_in(observation, stop.is_some(), seen_at, now);
        self.show(now);
        true
    }

    /// What is known now.
    pub fn snapshot(&mut self, now: Moment) -> Snapshot {
        self.settle(now);
        let views = self.views(now.monotonic.max(self.settled));
        let hops = self.places.iter().zip(&views).map(|(place, view)| self.hop(place, *view, now)).collect();
        Snapshot { taken_at: now.wall, hops }
    }

    /// How often a hop has come to serve that had not: whenever this grows, there may be hops that [`wants_look`](Self::wants_look)
    /// tells of.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    /// Whether the way to the hop is open again, and nobody has been there since it was not.
    pub fn wants_look(&self, hop: &str, now: Moment) -> bool {
        let Some(&place) = self.by_id.get(hop) else { return false };
        let explained = self.places[place].fact.as_ref().is_some_and(|fact| fact.explained);
        match self.views(now.monotonic.max(self.settled))[place] {
            View::Reopened => true,
            View::Fact(HopState::Unknown) | View::TooOld => explained,
            View::Fact(_) | View::Proven | View::Never | View::Behind(_) => false,
        }
    }

    /// Lets happen what happens by itself until `now`: facts grow too old, and what they hid comes out. Each at its own
    /// moment, so that since when a hop is unknown does not depend on who asks when.
    fn settle(&mut self, now: Moment) {
        let mut expiries: Vec<Moment> = self
            .places
            .iter()
            .flat_map(|place| place.expiries())
            .filter(|at| self.settled < at.monotonic && at.monotonic <= now.monotonic)
            .collect();
        expiries.sort_by_key(|at| at.monotonic);
        for at in expiries {
            self.show(at);
        }
        self.settled = self.settled.max(now.monotonic);
    }

    /// Notes which hops show another state as of `at`.
    fn show(&mut self, at: Moment) {
        let views = self.views(at.monotonic);
        for (place, view) in self.places.iter_mut().zip(views) {
            if let (View::Behind(_), Some(fact)) = (view, &mut place.fact) {
                fact.explain();
            }
            if place.shown != view.state() {
                let serves = |state| matches!(state, HopState::Up | HopState::Degraded);
                self.opened += u64::from(serves(view.state()) && !serves(place.shown));
                place.shown = view.state();
                place.since = at.wall;
            }
        }
    }

    fn views(&self, at: Duration) -> Vec<View> {
        let mut views: Vec<View> = Vec::with_capacity(self.places.len());
        // When the way to each place was last broken.
        let mut cuts: Vec<Option<Duration>> = Vec::with_capacity(self.places.len());
        for place in &self.places {
            let broke = |before: usize| self.places[before].broke.map(|at| at.monotonic);
            let cut = place.behind.and_then(|before| cuts[before].max(broke(before)));
            cuts.push(cut);
            let hidden_by = place.behind.and_then(|before| match views[before] {
                View::Behind(down) => Some(down),
                View::Proven => None,
                _ => self.places[before].was_down().then_some(before),
            });
            views.push(hidden_by.map_or_else(|| place.view(at, cut), View::Behind));
        }
        views
    }

    /// An answer from the hop at `place` proves every hop that was passed to get it.
    fn prove_way_to(&mut self, place: usize, seen_at: Moment) {
        let by = Arc::clone(&self.places[place].id);
        let mut before = self.places[place].behind;
        while let Some(passed) = before {
            let passed = &mut self.places[passed];
            if passed.proof.as_ref().is_none_or(|proof| proof.at.monotonic <= seen_at.monotonic) {
                passed.proof = Some(Proof { at: seen_at, by: Arc::clone(&by) });
            }
            before = passed.behind;
        }
    }

    /// The place of `stop` if it is on the way to `place`, or is `place` itself.
    fn on_the_way_to(&self, place: usize, stop: &str) -> Option<usize> {
        std::iter::successors(Some(place), |&at| self.places[at].behind)
            .find(|&at| *self.places[at].id == *stop)
    }

    fn hop(&self, place: &Place, view: View, now: Moment) -> Hop {
        let fact = place.fact.as_ref();
        let shown = fact.filter(|_| matches!(view, View::Fact(_)));
        let proof = place.proof.as_ref();
        let checked_at = match view {
            View::Proven => proof.map(|proof| proof.at),
            View::Fact(_) => fact.map(|fact| fact.at),
            _ => later(fact.map(|fact| fact.at), proof.map(|proof| proof.at)),
        };
        let texts = match view {
            View::Fact(_) => shown.map_or_else(words::never, |fact| fact.texts.clone()),
            View::Proven => words::proven(proof.map_or("", |proof| &proof.by)),
            View::Never if place.by_traffic_only => words::no_traffic(),
            View::Never => words::never(),
            View::TooOld => words::too_old(fact.map(|fact| fact.state)),
            View::Reopened => words::explained(),
            View::Behind(down) if self.places[down].shown == HopState::Down => {
                words::behind(&self.places[down].id)
            }
            View::Behind(down) => words::behind_lost(&self.places[down].id),
        };
        Hop {
            name: Arc::clone(&place.name),
            upstream: place.upstream.clone(),
            state: view.state(),
            since: place.since,
            checked_at: checked_at.map(|at| at.wall),
            age_ms: checked_at.map(|at| whole(now.monotonic.saturating_sub(at.monotonic).as_millis())),
            latency_us: shown.and_then(|fact| fact.latency).map(|latency| whole(latency.as_micros())),
            class: shown.and_then(|fact| fact.class),
            text_en: texts.en,
            text_ja: texts.ja,
            evidence: place.evidence,
            by_traffic_only: place.by_traffic_only,
        }
    }
}

impl Place {
    /// `cut`: when the way to it was last broken. What is older counts only against it.
    fn view(&self, at: Duration, cut: Option<Duration>) -> View {
        let lives = |since: Moment| at < since.monotonic.saturating_add(self.life());
        let reached = |since: Moment| cut.is_none_or(|cut| cut <= since.monotonic);
        let fact = self.fact.as_ref().filter(|fact| fact.state != HopState::Unknown && lives(fact.at));
        let known = fact.is_some();
        let fact = fact.filter(|fact| fact.state == HopState::Down || reached(fact.at));
        let unrefuted = self.fact.as_ref().filter(|fact| fact.explained).map(|fact| fact.at.monotonic);
        let proof = self.proof.as_ref().filter(|proof| lives(proof.at));
        let known = known || proof.is_some();
        let proof = proof.filter(|proof| reached(proof.at));
        let proof = proof.filter(|proof| unrefuted.is_none_or(|failed| failed <= proof.at.monotonic));
        match (fact, proof) {
            (Some(fact), Some(proof))
                if fact.state == HopState::Down && fact.at.monotonic <= proof.at.monotonic =>
            {
                View::Proven
            }
            (Some(fact), _) => View::Fact(fact.state),
            (None, Some(_)) => View::Proven,
            (None, None) => match &self.fact {
                // The last look could not tell, and still is the last look: its text says why.
                Some(fact) if fact.state == HopState::Unknown && lives(fact.at) => {
                    View::Fact(HopState::Unknown)
                }
                None if self.proof.is_none() => View::Never,
                _ if known => View::Reopened,
                _ => View::TooOld,
            },
        }
    }

    /// When what is known here grows too old.
    fn expiries(&self) -> impl Iterator<Item = Moment> + '_ {
        let fact = self.fact.as_ref().map(|fact| fact.at);
        let proof = self.proof.as_ref().map(|proof| proof.at);
        fact.into_iter().chain(proof).map(|at| at.after(self.life()))
    }

    /// Whether the last that is known of it is that it was down, however long ago.
    fn was_down(&self) -> bool {
        let proven = self.proof.as_ref().map(|proof| proof.at.monotonic);
        let fact = self.fact.as_ref().filter(|fact| fact.state == HopState::Down).map(|fact| fact.at);
        later(fact, self.failed).is_some_and(|failed| proven.is_none_or(|proven| proven < failed.monotonic))
    }

    fn life(&self) -> Duration {
        self.interval.saturating_mul(2)
    }

    fn take_in(&mut self, observation: Observation, located: bool, seen_at: Moment, now: Moment) {
        self.evidence.count(&observation);
        let at = match observation.state {
            HopState::Up | HopState::Degraded => seen_at,
            HopState::Down | HopState::Unknown => now,
        };
        let located = located || observation.answered;
        match observation.state {
            HopState::Down if located => (self.failed, self.broke) = (Some(at), Some(at)),
            HopState::Down => self.broke = Some(at),
            HopState::Up | HopState::Degraded => {
                self.failed = self.failed.filter(|failed| at.monotonic < failed.monotonic);
            }
            HopState::Unknown => {}
        }
        let stands = match (&self.fact, observation.state) {
            (None, _) => true,
            // That a look failed says nothing of the hop: what is known stays known, and grows old.
            (Some(known), HopState::Unknown) => known.says_nothing(),
            (Some(known), HopState::Degraded) if known.state == HopState::Up => true,
            (Some(known), _) => known.says_nothing() || known.at.monotonic <= at.monotonic,
        };
        if stands {
            let texts = match observation.texts {
                Some((en, ja)) => Texts { en: en.into(), ja: ja.into() },
                None => words::seen(observation.state, observation.class),
            };
            let Observation { state, class, latency, .. } = observation;
            self.fact = Some(Fact { state, class, at, latency, located, explained: false, texts });
        }
    }
}

impl Fact {
    fn says_nothing(&self) -> bool {
        self.state == HopState::Unknown && !self.explained
    }

    /// A hop before this one is down: a failure without an answer was, for all that is known, that one's.
    fn explain(&mut self) {
        if self.state == HopState::Down && !self.located {
            self.state = HopState::Unknown;
            self.explained = true;
            self.class = None;
            self.latency = None;
            self.texts = words::explained();
        }
    }
}

impl Evidence {
    fn count(&mut self, observation: &Observation) {
        let passed = matches!(observation.state, HopState::Up | HopState::Degraded);
        let counter = match (observation.source, passed) {
            (Source::Check, true) => &mut self.checks_passed,
            (Source::Check, false) => &mut self.checks_failed,
            (Source::Traffic, true) => &mut self.traffic_passed,
            (Source::Traffic, false) => &mut self.traffic_failed,
        };
        *counter = counter.saturating_add(1);
        self.failures_in_a_row = if passed { 0 } else { self.failures_in_a_row.saturating_add(1) };
    }
}

/// The later of two moments that may be missing.
fn later(one: Option<Moment>, other: Option<Moment>) -> Option<Moment> {
    one.into_iter().chain(other).max_by_key(|at| at.monotonic)
}

fn places(specs: Vec<HopSpec>, now: Moment) -> Result<Vec<Place>, PathError> {
    let mut places: Vec<Place> = Vec::with_capacity(specs.len());
    let mut taken: HashSet<String> = HashSet::new();
    for spec in specs {
        let id = spec.id();
        if !taken.insert(id.clone()) {
            return Err(PathError::Twice { hop: id });
        }
        if spec.interval.is_zero() {
            return Err(PathError::Interval { hop: id });
        }
        let behind = match spec.behind {
            None => None,
            Some(behind) => match places.iter().position(|place| *place.id == *behind) {
                Some(before) => Some(before),
                None => return Err(PathError::Behind { hop: id, behind }),
            },
        };
        places.push(Place {
            id: id.into(),
            name: spec.name.into(),
            upstream: spec.upstream.map(Into::into),
            behind,
            interval: spec.interval,
            by_traffic_only: spec.by_traffic_only,
            fact: None,
            failed: None,
            broke: None,
            proof: None,
            evidence: Evidence::default(),
            shown: HopState::Unknown,
            since: now.wall,
        });
    }
    Ok(places)
}

fn index(places: &[Place]) -> HashMap<Box<str>, usize> {
    places.iter().enumerate().map(|(at, place)| (Box::from(&*place.id), at)).collect()
}

fn whole(count: u128) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
