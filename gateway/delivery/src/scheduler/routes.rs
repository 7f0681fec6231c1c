//! What is learnt per route: its pace, and whether its calls are known to be right.

use std::collections::BTreeMap;
use std::time::Duration;

use sekisho_journal::{Ledger, LedgerError};

use crate::metrics::Metrics;
use crate::pace::{Pace, PaceSpec};
use crate::plan::CompiledPlan;

/// Chunks after which what a pace has learnt is kept.
const KEEP_EVERY: u64 = 20;

#[derive(Default)]
pub(super) struct Routes {
    routes: BTreeMap<String, Route>,
}

pub(super) struct Route {
    pub(super) pace: Pace,
    /// The upstream has taken rows of this route: its calls are right, so a refusal is about what they hold.
    pub(super) proven: bool,
    ended: u64,
}

impl Routes {
    /// Makes the route known; its pace remembers what an earlier process has learnt.
    pub(super) async fn enter(
        &mut self,
        ledger: &Ledger,
        upstream: &str,
        plan: &CompiledPlan,
    ) -> Result<(), LedgerError> {
        // What the dialect takes at most in one call bounds the pace, too.
        let spec =
            PaceSpec { max_rows: plan.plan.pace.max_rows.min(plan.dialect.most_rows()), ..plan.plan.pace };
        let plan = &plan.plan;
        match self.routes.get_mut(&plan.route) {
            Some(route) if *route.pace.spec() == spec => {}
            // Another limit: what was learnt of costs stays true, the sizes are found again.
            Some(route) => {
                if route.pace.in_flight() == 0 {
                    let memory = route.pace.remember().unwrap_or_default();
                    route.pace = Pace::recall(spec, &memory);
                }
            }
            None => {
                let memory = ledger.pace(&name(upstream, &plan.route)).await?.unwrap_or_default();
                let pace = Pace::recall(spec, &memory);
                self.routes.insert(plan.route.clone(), Route { pace, proven: false, ended: 0 });
            }
        }
        Ok(())
    }

    pub(super) fn get(&mut self, route: &str) -> Option<&mut Route> {
        self.routes.get_mut(route)
    }

    /// Counts an ended chunk; returns what to keep of the pace now and then.
    pub(super) fn ended(&mut self, upstream: &str, route: &str) -> Option<(String, String)> {
        let entry = self.routes.get_mut(route)?;
        entry.ended += 1;
        if entry.ended % KEEP_EVERY != 0 {
            return None;
        }
        Some((name(upstream, route), entry.pace.remember()?))
    }

    /// Keeps what every pace has learnt. A pace that could not be kept is learnt again.
    pub(super) async fn keep(&self, ledger: &Ledger, upstream: &str) {
        for (route, entry) in &self.routes {
            if let Some(memory) = entry.pace.remember()
                && let Err(error) = ledger.keep_pace(&name(upstream, route), memory).await
            {
                tracing::warn!(code = error.code(), %error, "what the pace has learnt could not be kept");
            }
        }
    }

    /// A line per route; sets its metrics, too.
    pub(super) fn explain(
        &self,
        metrics: &Metrics,
        upstream: &str,
        now: Duration,
    ) -> BTreeMap<String, String> {
        let line = |(route, entry): (&String, &Route)| {
            metrics.pace(upstream, route, &entry.pace, now);
            (route.clone(), entry.pace.explain(now))
        };
        self.routes.iter().map(line).collect()
    }
}

fn name(upstream: &str, route: &str) -> String {
    format!("{upstream}/{route}")
}
