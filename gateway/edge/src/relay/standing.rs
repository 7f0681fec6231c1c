//! Where a batch stands, record by record: what was done, what was not, and what nobody knows.

use std::ops::Range;

use sekisho_journal::machine::{Run, Settlement};
use sekisho_journal::{BatchState, BatchView, Ledger, LedgerError, SetAside};
use sekisho_soap::message::{Fate, Span, Unfinished};

use crate::answers::{self, numbered};

/// Runs of records that are listed.
const MOST_SPANS: usize = 1_000;
/// Runs of outcomes that are read from the ledger at a time.
const PAGE: u32 = 1_000;

/// Where the batch stands, all at one moment.
pub(super) async fn of(ledger: &Ledger, batch: &BatchView) -> Result<Unfinished, LedgerError> {
    let set_aside = if batch.sums.set_aside > 0 { ledger.set_aside(batch.id).await? } else { Vec::new() };
    let state = ledger.state(batch.id).await?.ok_or(LedgerError::Closed)?;
    let (ledger, id) = (ledger.clone(), batch.id);
    // What is settled stays so: read after the state, it is what was settled then, and more that is passed over.
    let reading = tokio::task::spawn_blocking(move || {
        let mut spans = Spans::new(&set_aside);
        walk(&state, &mut spans, |from| ledger.settled_blocking(id, from, PAGE))?;
        let (listed, total) = spans.end();
        Ok(Unfinished {
            batch: id.to_string(),
            sums: answers::sums(&state.sums()),
            spans: listed,
            spans_total: total,
        })
    });
    reading.await.unwrap_or(Err(LedgerError::Closed))
}

/// Goes through all records in their order. `settled` gives the runs of outcomes that end behind a position.
fn walk(
    state: &BatchState,
    spans: &mut Spans<'_>,
    mut settled: impl FnMut(u64) -> Result<Vec<Run>, LedgerError>,
) -> Result<(), LedgerError> {
    let mut open: Vec<(Range<u64>, Fate)> = state.pending().runs().map(|run| (run, Fate::NotDone)).collect();
    for chunk in state.chunks() {
        open.extend(chunk.live().runs().map(|run| (run, Fate::InDoubt)));
    }
    open.sort_unstable_by_key(|(run, _)| run.start);
    let mut open = open.into_iter().peekable();
    let mut page: std::vec::IntoIter<Run> = Vec::new().into_iter();
    let mut run: Option<Run> = None;
    let mut position = 0;
    while position < state.records() {
        if let Some((range, fate)) = open.next_if(|(range, _)| range.start <= position) {
            spans.positions(range.clone(), fate);
            position = range.end;
            continue;
        }
        let end = open.peek().map_or(state.records(), |(range, _)| range.start);
        while run.as_ref().is_none_or(|run| run.first + run.count <= position) {
            run = page.next();
            if run.is_none() {
                page = settled(position)?.into_iter();
                run = page.next();
                if run.is_none() {
                    break;
                }
            }
        }
        let (stop, fate) = match &run {
            Some(run) if run.first <= position => ((run.first + run.count).min(end), fate(run.outcome)),
            // The ledger's rows contradict one another: nothing is said of these.
            Some(run) => (run.first.min(end), Fate::InDoubt),
            None => (end, Fate::InDoubt),
        };
        spans.positions(position..stop, fate);
        position = stop;
    }
    Ok(())
}

fn fate(outcome: Settlement) -> Fate {
    match outcome {
        Settlement::Delivered => Fate::Done,
        Settlement::Partial => Fate::Partly,
        Settlement::Rejected => Fate::Refused,
        Settlement::Cancelled | Settlement::Expired => Fate::NotDone,
    }
}

/// Runs of records with one fate, by their numbers in the message, those that were set aside among them.
struct Spans<'s> {
    set_aside: &'s [SetAside],
    /// Of these, the ones that are still to come.
    left_out: &'s [SetAside],
    listed: Vec<Span>,
    last: Option<Span>,
    total: u64,
}

impl<'s> Spans<'s> {
    fn new(set_aside: &'s [SetAside]) -> Self {
        Self { set_aside, left_out: set_aside, listed: Vec::new(), last: None, total: 0 }
    }

    fn positions(&mut self, range: Range<u64>, fate: Fate) {
        let set_aside = self.set_aside;
        for (first, last) in numbered(range, set_aside) {
            self.left_out_before(first);
            self.push(Span { fate, first, last });
        }
    }

    fn left_out_before(&mut self, number: u64) {
        while let Some((one, rest)) = self.left_out.split_first()
            && one.record < number
        {
            self.left_out = rest;
            self.push(Span { fate: Fate::Refused, first: one.record, last: one.record });
        }
    }

    fn push(&mut self, span: Span) {
        match &mut self.last {
            Some(last) if last.fate == span.fate && last.last + 1 == span.first => last.last = span.last,
            last => {
                let before = last.replace(span);
                self.list(before);
            }
        }
    }

    fn list(&mut self, span: Option<Span>) {
        let Some(span) = span else { return };
        self.total += 1;
        if self.listed.len() < MOST_SPANS {
            self.listed.push(span);
        }
    }

    /// The spans, and how many there are in all.
    fn end(mut self) -> (Vec<Span>, u64) {
        self.left_out_before(u64::MAX);
        let last = self.last.take();
        self.list(last);
        (self.listed, self.total)
    }
}

#[cfg(test)]
mod tests;
