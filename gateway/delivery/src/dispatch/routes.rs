//! What is learnt per route: its pace, and whether its calls are known to be right.

use std::collections::BTreeMap;

use super::Command;
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
    /// Makes the route known; its pace remembers what an earlier process has learnt (`memory`).
    pub(super) fn enter(&mut self, plan: &CompiledPlan, memory: &str) {
        // What the dialect takes at most in one call bounds the pace, too.
        let pace = plan.plan.pace;
        // Nor is a bulk job a slow call, however long it takes: its calls are short.
        let slow = if plan.dialect.bulk2().is_some() { u32::MAX } else { pace.max_slow_in_flight };
        let max_rows = pace.max_rows.min(plan.dialect.most_rows());
        let spec = PaceSpec { max_rows, max_slow_in_flight: slow, ..pace };
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
                let pace = Pace::recall(spec, memory);
                self.routes.insert(plan.route.clone(), Route { pace, proven: false, ended: 0 });
            }
        }
    }

    pub(super) fn get(&mut self, route: &str) -> Option<&mut Route> {
        self.routes.get_mut(route)
    }

    /// Counts an ended chunk; now and then, what the pace has learnt is kept.
    pub(super) fn ended(&mut self, upstream: &str, route: &str) -> Option<Command> {
        let entry = self.routes.get_mut(route)?;
        entry.ended += 1;
        if entry.ended % KEEP_EVERY != 0 {
            return None;
        }
        Some(Command::Keep {
            name: self.name(upstream, route),
            memory: self.routes.get(route)?.pace.remember()?,
        })
    }

    /// What every pace has learnt is kept.
    pub(super) fn all(&self, upstream: &str) -> Vec<Command> {
        let keep = |(route, entry): (&String, &Route)| {
            Some(Command::Keep { name: self.name(upstream, route), memory: entry.pace.remember()? })
        };
        self.routes.iter().filter_map(keep).collect()
    }

    pub(super) fn paces(&self) -> impl Iterator<Item = (&str, &Pace)> {
        self.routes.iter().map(|(route, entry)| (route.as_str(), &entry.pace))
    }

    /// The name under which a pace is kept.
    pub(super) fn name(&self, upstream: &str, route: &str) -> String {
        format!("{upstream}/{route}")
    }
}
