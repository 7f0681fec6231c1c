//! What of a batch may go: no record overtakes one with the same key.

use std::collections::BTreeMap;

use sekisho_journal::{Code, KeyOrder, RangeSet};

use super::open::UNREADABLE_WAIT;
use super::{Asked, Command, Dispatcher, Moment, Turn};

/// Batches of its route that a batch is held against: where there are more, it waits.
const MOST_AHEAD: usize = 8;

/// What of a batch waits for what; lost at a restart, and then read again.
#[derive(Default)]
pub(super) struct Orders {
    /// For records of its own, once that is known.
    within: Option<KeyOrder>,
    /// For records of earlier batches of its route; where the route is not ordered, of any other one, while nobody can know what
    /// became of them.
    ahead: BTreeMap<Turn, KeyOrder>,
    /// Nobody can say what waits for records of its own.
    unreadable: bool,
}

impl Orders {
    /// Records of the batch wait for others of it.
    pub(super) fn are_within(&self) -> bool {
        self.within.as_ref().is_some_and(|order| !order.is_empty())
    }

    /// The same where it is not known, or cannot be; none: it has to be read first.
    pub(super) fn may_be_within(&self) -> Option<bool> {
        match &self.within {
            Some(order) => Some(!order.is_empty()),
            None => self.unreadable.then_some(true),
        }
    }
}

/// What may be sent of a batch.
pub(super) enum Allowed {
    /// This has to be known first.
    Ask(Command),
    /// Some of these pending records.
    Of(RangeSet),
    /// Nothing: too many batches come before it.
    Waits,
}

impl Dispatcher {
    /// The pending records that wait for nothing but their turn.
    pub(super) fn allowed(&mut self, turn: Turn) -> Allowed {
        let Some(batch) = self.batches.get(&turn) else { return Allowed::Waits };
        let route = &batch.plan.plan.route;
        let ahead = match batch.view.ordered {
            true => self.ahead_of(turn, route),
            // A row of another chunk with the same key would be taken for the one that is asked for.
            false if batch.plan.plan.doubt_window_seconds > 0 || batch.plan.dialect.finder().is_some() => {
                self.in_doubt_beside(turn, route)
            }
            false => Vec::new(),
        };
        if ahead.len() > MOST_AHEAD {
            return Allowed::Waits;
        }
        let orders = &batch.orders;
        let unknown = match &orders.within {
            None => Some(None),
            Some(_) => ahead.iter().copied().find(|earlier| !orders.ahead.contains_key(earlier)).map(Some),
        };
        if let Some(after) = unknown {
            self.asked = Asked::Order { turn, after };
            return Allowed::Ask(Command::Order { batch: turn.1, after: after.map(|earlier| earlier.1) });
        }
        let mut pending = batch.state.pending().clone();
        #[cfg(feature = "planted")]
        if sekisho_journal::planted::is(sekisho_journal::planted::Bug::OrderIgnored) {
            return Allowed::Of(pending);
        }
        if let Some(within) = &orders.within {
            within.hold_back(&mut pending, &batch.state);
        }
        for (earlier, order) in &orders.ahead {
            // What is not open any more holds nothing back.
            match self.batches.get(earlier) {
                Some(earlier) if batch.view.ordered => order.hold_back(&mut pending, &earlier.state),
                Some(other) => order.hold_back_doubted(&mut pending, &other.state),
                None => {}
            }
        }
        Allowed::Of(pending)
    }

    /// The first open batches of the route that were accepted earlier, one more than a batch may have before it.
    fn ahead_of(&self, turn: Turn, route: &str) -> Vec<Turn> {
        let earlier = self.batches.range(..turn);
        let open = earlier.filter(|(_, other)| other.plan.plan.route == route && !other.state.is_drained());
        open.map(|(turn, _)| *turn).take(MOST_AHEAD + 1).collect()
    }

    /// As many other batches of the route with records of which nobody can know yet, whichever was accepted first.
    fn in_doubt_beside(&self, turn: Turn, route: &str) -> Vec<Turn> {
        #[cfg(feature = "planted")]
        if sekisho_journal::planted::is(sekisho_journal::planted::Bug::DoubtPassed) {
            return Vec::new();
        }
        let others = self.batches.iter().filter(|(other, _)| **other != turn);
        let doubted = others.filter(|(_, other)| other.plan.plan.route == route && other.is_waiting());
        doubted.map(|(turn, _)| *turn).take(MOST_AHEAD + 1).collect()
    }

    pub(super) fn ordered(&mut self, turn: Turn, after: Option<Turn>, order: KeyOrder) {
        let ordered = self.batches.get(&turn).is_some_and(|batch| batch.view.ordered);
        let open = self.batches.iter().filter(|(_, other)| ordered || other.is_waiting());
        let open: Vec<Turn> = open.map(|(turn, _)| *turn).collect();
        let Some(batch) = self.batches.get_mut(&turn) else { return };
        match after {
            None => (batch.orders.within, batch.orders.unreadable) = (Some(order), false),
            Some(earlier) => {
                batch.orders.ahead.retain(|known, _| open.binary_search(known).is_ok());
                batch.orders.ahead.insert(earlier, order);
            }
        }
    }

    /// The spool cannot say it. Where that is about an earlier batch, everything waits for that one. Of a batch that cannot
    /// be held against itself no record may go: they are held for an operator, or looked at later.
    pub(super) fn not_ordered(
        &mut self,
        turn: Turn,
        after: Option<Turn>,
        code: Code,
        lasting: bool,
        now: Moment,
    ) {
        if after.is_some() {
            return self.ordered(turn, after, KeyOrder::whole());
        }
        let Some(batch) = self.batches.get_mut(&turn) else { return };
        batch.orders.unreadable = true;
        let run = batch.state.pending().first_run();
        match run.filter(|_| lasting) {
            Some(run) => self.hold_unread(turn, run, code, now),
            None => self.leave(turn, Some(now.clock + UNREADABLE_WAIT)),
        }
    }
}
