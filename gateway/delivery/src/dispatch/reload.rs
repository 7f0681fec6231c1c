//! What the ledger holds for this upstream, taken in.

use std::collections::BTreeSet;
use std::sync::Arc;

use sekisho_journal::{BatchState, BatchView, Digest};

use super::order::Orders;
use super::{Asked, Command, Dispatcher, Moment, OpenBatch, Turn};
use crate::pace::DailySpec;
use crate::plan::{CompiledPlan, Plan};
use crate::resend::Resend;

impl Dispatcher {
    /// The next thing to read, if the ledger has to be read again; none while batches are being looked at.
    pub(super) fn reload(&mut self) -> Option<Command> {
        if self.round.is_some() {
            return None;
        }
        if self.refresh {
            self.refresh = false;
            self.asked = Asked::List;
            return Some(Command::List);
        }
        while let Some(view) = self.listed.as_mut().and_then(|views| views.front().cloned()) {
            if let Some(command) = self.take_in(view) {
                return Some(command);
            }
            self.listed.as_mut().and_then(|views| views.pop_front());
        }
        self.listed = None;
        None
    }

    /// What has to be read before the batch is known as it is.
    fn take_in(&mut self, view: BatchView) -> Option<Command> {
        let plan = match self.plans.get(&view.plan) {
            Some(plan) => plan.clone()?,
            None => {
                self.asked = Asked::Plan(view.plan);
                return Some(Command::Plan(view.plan));
            }
        };
        if plan.plan.upstream != self.name {
            return None;
        }
        if self.quota.is_none() {
            self.asked = Asked::Quota;
            return Some(Command::Recall(self.quota_name()));
        }
        self.counts |= plan.plan.pace.daily != DailySpec::default();
        let turn = (view.sequence, view.id);
        match self.batches.get(&turn) {
            Some(batch) if batch.is_current(&view) => return None,
            Some(_) => {}
            // The first of its route, or of another plan for it.
            None => match self.routes.get(&plan.plan.route) {
                Some(_) => self.routes.enter(&plan, ""),
                None => {
                    let name = self.routes.name(&self.name, &plan.plan.route);
                    self.asked = Asked::Memory(plan);
                    return Some(Command::Recall(name));
                }
            },
        }
        self.asked = Asked::State(Box::new(view.clone()), plan);
        Some(Command::Load(view.id))
    }

    pub(super) fn listed(&mut self, views: Vec<BatchView>) {
        let known: BTreeSet<Turn> = views.iter().map(|view| (view.sequence, view.id)).collect();
        self.batches.retain(|turn, _| known.contains(turn));
        self.listed = Some(views.into());
    }

    /// The plan with this digest, compiled; `None` when it is not one that this version can carry out.
    pub(super) fn plan(&mut self, digest: Digest, json: Option<&str>) {
        let compiled = match Plan::from_json(json.unwrap_or_default()).and_then(CompiledPlan::new) {
            Ok(plan) => Some(Arc::new(plan)),
            Err(error) => {
                tracing::error!(code = error.code(), %error, "a stored delivery plan cannot be carried out: its batches wait");
                None
            }
        };
        self.plans.insert(digest, compiled);
    }

    pub(super) fn loaded(
        &mut self,
        view: BatchView,
        plan: Arc<CompiledPlan>,
        state: Option<BatchState>,
        now: Moment,
    ) {
        // Whatever it is now, this entry of the list is done with.
        self.listed.as_mut().and_then(|views| views.pop_front());
        let Some(state) = state else { return };
        let (turn, loaded_at) = ((view.sequence, view.id), now.wall);
        match self.batches.get_mut(&turn) {
            Some(batch) => (batch.view, batch.loaded_at, batch.state) = (view, loaded_at, state),
            None => {
                // Who is asked by key has to know how often it was done before.
                let mut resend = Resend::default();
                resend.tries_are_known = view.chunks == 0 || plan.dialect.finder().is_none();
                let orders = Orders::default();
                self.batches.insert(turn, OpenBatch { view, loaded_at, plan, state, resend, orders });
            }
        }
    }
}
