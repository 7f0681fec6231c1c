//! What is written to the ledger, and what is then known to be so.

use sekisho_journal::Event;

use super::close::Kind;
use super::{Asked, Command, Dispatcher, LEDGER_WAIT, Moment, Report, Then, Turn, Use};

impl Dispatcher {
    pub(super) fn write(&mut self, turn: Turn, events: Vec<Event>, then: Then, now: Moment) -> Command {
        let command = Command::Write { batch: turn.1, at: now.wall, events: events.clone() };
        self.asked = Asked::Write { turn, at: now.wall, events, then };
        command
    }

    /// What has happened in the ledger happens in the copy here.
    pub(super) fn happened(&mut self, turn: Turn, at: u64, events: &[Event]) {
        let Some(batch) = self.batches.get_mut(&turn) else { return };
        if events.iter().any(|event| batch.state.apply(event, self.epoch, at).is_err()) {
            // Somebody else has changed the batch meanwhile: the ledger's word counts.
            self.behind.insert(turn);
        }
    }

    pub(super) fn written(&mut self, turn: Turn, then: Then, now: Moment) {
        match then {
            Then::Again => {}
            Then::Outcome => self.stirred = true,
            Then::Withheld(position) => {
                self.stirred = true;
                if let Some(batch) = self.batches.get_mut(&turn) {
                    batch.resend.given_up(position);
                }
            }
            Then::Finish => {
                self.stirred = true;
                let route = self.route_of(turn);
                self.reports.push(Report::BatchFinished { route });
                self.batches.remove(&turn);
            }
            Then::Count { outcome, count } => {
                let route = self.route_of(turn);
                self.report_records(&route, outcome, count);
            }
            Then::Send { chunk, measured } => {
                let retry = self.batches.get(&turn).map(|batch| batch.plan.plan.retry).unwrap_or_default();
                self.budget.earn(&retry);
                #[cfg(feature = "planted")]
                if sekisho_journal::planted::is(sekisho_journal::planted::Bug::OutcomeBeforeAnswer) {
                    let answered =
                        Event::ChunkAnswered { chunk, exceptions: Vec::new(), rows: measured.rows };
                    self.outcomes.push_back((turn, vec![answered]));
                }
                self.send(turn, chunk, measured, Kind::New, None, now);
            }
            Then::Repeat { chunk, size, most } => {
                let then = Use::Repeat { chunk, ordered: false };
                let command = self.read_again(turn, then, size, most);
                self.ready.extend(command);
            }
        }
    }

    /// The ledger knows better: cancelled or decided upon meanwhile, for one.
    pub(super) fn not_written(&mut self, turn: Turn, then: Then, now: Moment) {
        if let Then::Outcome = then {
            tracing::warn!(batch = %turn.1, "an end came too late for the ledger");
        }
        self.refresh = true;
        self.leave(turn, Some(now.clock));
    }

    pub(super) fn ledger_failed(&mut self, now: Moment) {
        self.ledger_waits = now.clock + LEDGER_WAIT;
        self.refresh = true;
        self.listed = None;
        self.round = None;
    }

    pub(super) fn report_records(&mut self, route: &str, outcome: &'static str, count: u64) {
        if count > 0 {
            self.reports.push(Report::Records { route: route.to_owned(), outcome, count });
        }
    }

    pub(super) fn route_of(&self, turn: Turn) -> String {
        self.batches.get(&turn).map(|batch| batch.plan.plan.route.clone()).unwrap_or_default()
    }
}
