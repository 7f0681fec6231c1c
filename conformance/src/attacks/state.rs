//! The state that the gateway has to be in after an attack: it serves, and nothing is left.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::attack::{Attack, Expected};
use super::gateway::Gateway;
use super::hostile::Upstream;
use super::metrics::Metrics;

/// How long it may take until what an attack held is given back.
const SETTLES: Duration = Duration::from_secs(20);

/// What can be counted of a gateway between two attacks.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) metrics: Metrics,
    pub(super) spooled: usize,
    pub(super) calls: usize,
    pub(super) baited: usize,
}

/// Something that the metrics must have counted: name, label and how often at the least.
pub(super) type Counted = (&'static str, String, f64);

/// What an attack has to have left.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) kept: usize,
    pub(super) calls: usize,
    pub(super) counted: Vec<Counted>,
}

impl Left {
    pub(super) fn by(attack: &Attack, expected: &Expected) -> Self {
        let code = |code: &str| format!("code=\"{code}\"");
        let mut counted = Vec::new();
        if !expected.handshake.is_empty() {
            let label = format!("outcome=\"{}\"", expected.handshake);
            counted.push(("sekisho_handshakes_total", label, 1.0));
        }
        if !expected.away.is_empty() {
            counted.push(("sekisho_connections_turned_away_total", code(&expected.away), 1.0));
        }
        if !expected.counted.is_empty() {
            counted.push(("sekisho_refusals_total", code(&expected.counted), 1.0));
        }
        let calls = expected.calls.unwrap_or(usize::from(attack.upstream.is_some()));
        Self { kept: expected.kept, calls, counted }
    }

    /// What several attacks at once have to have left.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.kept += other.kept;
        self.calls += other.calls;
        for (name, label, times) in other.counted {
            match self.counted.iter_mut().find(|(at, held, _)| *at == name && *held == label) {
                Some(held) => held.2 += times,
                None => self.counted.push((name, label, times)),
            }
        }
        self
    }
}

impl State {
    pub(super) fn of(gateway: &Gateway, upstream: &Upstream) -> anyhow::Result<Self> {
        Ok(Self {
            metrics: Metrics::of(gateway.address("admin")?)?,
            spooled: gateway.spooled()?,
            calls: upstream.requests(),
            baited: upstream.baited(),
        })
    }

    /// Waits until the state is the one that has to be left, with no more descriptors than that; the state then, and what is
    /// wrong with it in the end.
    pub(super) fn settled(
        &self,
        left: &Left,
        descriptors: usize,
        gateway: &mut Gateway,
        upstream: &Upstream,
    ) -> anyhow::Result<(Self, Vec<String>)> {
        let until = Instant::now() + SETTLES;
        loop {
            ensure!(gateway.is_alive(), "the gateway has ended");
            let now = Self::of(gateway, upstream).context("the gateway does not answer any more")?;
            let mut wrong = self.differs(&now, left);
            let open = gateway.descriptors()?;
            if open > descriptors {
                wrong.push(format!("{open} descriptors are open in place of {descriptors}"));
            }
            if wrong.is_empty() || Instant::now() > until {
                return Ok((now, wrong));
            }
            // A pause between two looks, not a guess at how long it takes.
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn differs(&self, now: &Self, left: &Left) -> Vec<String> {
        let mut wrong = Vec::new();
        let more = |name, label: &str| now.metrics.sum(name, label) - self.metrics.sum(name, label);
        let accepted = more("sekisho_batches_accepted_total", "").round();
        // Batches are few; a count of them is exact in either type.
        if accepted.to_string() != left.kept.to_string() {
            wrong.push(format!("{accepted} batches were kept in place of {}", left.kept));
        }
        if now.spooled > self.spooled + left.kept {
            wrong.push(format!("{} folders are left in the spool", now.spooled - self.spooled));
        }
        if now.calls - self.calls != left.calls {
            wrong.push(format!(
                "{} requests went upstream in place of {}",
                now.calls - self.calls,
                left.calls
            ));
        }
        if now.baited != self.baited {
            wrong.push("the gateway connected where a message told it to".to_owned());
        }
        for (name, label, times) in &left.counted {
            let found = more(name, label);
            if found < *times {
                wrong.push(format!("{name} counts {found} with {label} in place of {times}"));
            }
        }
        wrong
    }
}
