//! The network, and the cloud at work: what becomes of a request, and what the gateway hears of it.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};
use sekisho_delivery::End;
use sekisho_delivery::dispatch::{Moment, Sending};
use sekisho_liveness::ErrorClass;

use crate::cloud::{self, Fate, Held, Request, RowEnd};
use crate::world::{Broken, Happening, Reply, World, tell};

/// How long a request or an answer is on its way at most, when the line is good.
const LINE: Duration = Duration::from_millis(50);

/// And when it is not: less than the grace that a plan gives beyond the cloud's limit, or nobody could know anything.
const SLOW_LINE: Duration = Duration::from_millis(900);

/// Parts in which the cloud does its work.
const PARTS: u8 = 3;

impl World {
    /// A gateway sends a chunk.
    pub(crate) fn send(
        &mut self,
        sending: &Sending,
        body: Result<Vec<u8>, &'static str>,
    ) -> Result<(), Broken> {
        let (incarnation, task) = (self.incarnation, sending.task());
        let over = |reply| Happening::Over { incarnation, task, reply };
        let rows = match body {
            Ok(body) => cloud::read(&body).map_err(|error| format!("a request that is none: {error}"))?,
            // The shell would cut the request off: the cloud takes no part of one.
            Err(_) => {
                self.soon(LINE, over(Reply::NotSent));
                return Ok(());
            }
        };
        let expected = sending.records().count();
        if rows.len() != expected {
            return Err(format!("a request has {} rows for {expected} records", rows.len()));
        }
        let Some(&payload) = self.batches.get(&sending.batch()) else {
            return Err("a chunk of a batch that nobody sent".into());
        };
        for (row, position) in rows.iter().zip(sending.records()) {
            if (row.payload, row.position) != (payload, position) {
                return Err(format!("record {position} of payload {payload} goes as {row:?}"));
            }
        }
        if self.chance(self.faults.no_line) {
            self.soon(LINE, over(Reply::NotSent));
            return Ok(());
        }
        self.counted.requests += 1;
        let id = self.counted.requests;
        let fate = self.fate();
        let route = self.truths[payload].route;
        let line = if self.chance(self.faults.slow_line) { SLOW_LINE } else { LINE };
        tell!(self, "request {id}: payload {payload}, records {:?}, {fate:?}", sending.records());
        let ends = vec![cloud::NOT_REACHED; rows.len()];
        let mut request = Request { incarnation, task, route, rows, ends, fate, to_come: 0 };
        if fate == Fate::Unheard && self.chance(0.3) {
            // Nothing ever arrives.
            self.soon(LINE, over(Reply::Lost { timeout: false }));
        } else {
            request.to_come = 1;
            self.soon(line, Happening::Arrive(id));
            // What a device on the way sends again after it was answered nobody can keep in order.
            let repeatable = &self.scenario.routes[route];
            let idempotent = repeatable.plan.idempotent && !repeatable.ordered;
            // Both meet the same fate; what is refused whole is refused twice.
            let taken = fate != Fate::Later && !self.is_poisoned(&request);
            if taken && idempotent && self.chance(self.faults.twice) {
                request.to_come += 1;
                self.soon(SLOW_LINE, Happening::Arrive(id));
            }
        }
        self.requests.insert(id, request);
        let deadline = self.scenario.routes[route].plan.pace.deadline();
        self.plan(self.now + deadline, over(Reply::Lost { timeout: true }));
        Ok(())
    }

    fn fate(&mut self) -> Fate {
        let faults = self.faults;
        if self.chance(faults.cut_before.max(faults.cut_at_work).max(faults.cut_after).max(faults.hang)) {
            Fate::Unheard
        } else if self.chance(faults.later) {
            Fate::Later
        } else if self.chance(faults.nonsense) {
            Fate::Nonsense(self.random.u8(..4))
        } else {
            Fate::Answered
        }
    }

    fn is_poisoned(&self, request: &Request) -> bool {
        request.rows.iter().any(|row| self.truths[row.payload].records[row.position as usize].poison)
    }

    /// A request reaches the cloud.
    pub(crate) fn arrive(&mut self, id: u64) {
        let Some(request) = self.requests.get_mut(&id) else { return };
        let (incarnation, task) = (request.incarnation, request.task);
        let over = |reply| Happening::Over { incarnation, task, reply };
        if request.fate == Fate::Later {
            request.to_come -= 1;
            let quota = self.random.bool();
            let status = if quota { 429 } else { 503 };
            let retry_after = Some(self.random.u64(1..20));
            let body = cloud::error(if quota { "REQUEST_LIMIT_EXCEEDED" } else { "SERVER_UNAVAILABLE" });
            return self.soon(LINE, over(Reply::Answer { status, retry_after, body }));
        }
        if self.requests.get(&id).is_some_and(|request| self.is_poisoned(request)) {
            if let Some(request) = self.requests.get_mut(&id) {
                request.to_come -= 1;
            }
            let body = cloud::error("INVALID_INPUT");
            return self.soon(LINE, over(Reply::Answer { status: 400, retry_after: None, body }));
        }
        // Time of the cloud: so much for the call, and for each row.
        let rows = self.requests.get(&id).map_or(0, |request| request.rows.len() as u32);
        let slow = self.chance(self.faults.slow_cloud);
        let per_row = Duration::from_millis(self.random.u64(5..100)) * if slow { 40 } else { 1 };
        let takes = Duration::from_millis(200) + per_row * rows;
        let limit = Duration::from_secs(10);
        let last =
            if takes <= limit { PARTS } else { (f64::from(PARTS) * limit.div_duration_f64(takes)) as u8 };
        for part in 0..last {
            self.plan(
                self.now + takes * u32::from(part + 1) / u32::from(PARTS),
                Happening::Work { request: id, part, of: PARTS, last },
            );
        }
        let Some(request) = self.requests.get_mut(&id) else { return };
        request.to_come += u32::from(last);
        request.to_come -= 1;
        let fate = request.fate;
        if last < PARTS && fate == Fate::Answered {
            let body = cloud::error("REQUEST_RUNNING_TOO_LONG");
            self.plan(self.now + limit, over(Reply::Answer { status: 500, retry_after: None, body }));
        } else if fate == Fate::Unheard && !self.chance(self.faults.hang) {
            // At any time: before the work, in it, or after.
            let at = self.now + takes.min(limit).mul_f64(1.2 * self.random.f64());
            self.plan(at, over(Reply::Lost { timeout: false }));
        }
    }

    /// The cloud has done a part of its work.
    pub(crate) fn work(&mut self, id: u64, part: u8, of: u8, last: u8) -> Result<(), Broken> {
        let Some(request) = self.requests.get(&id) else { return Ok(()) };
        let route = request.route;
        let range = request.part(part, of);
        for at in range {
            let row = self.requests[&id].rows[at].clone();
            let content = self.truths[row.payload].records[row.position as usize];
            let locked = self.chance(self.faults.lock);
            // What came twice meets the same fate twice: what the second copy meets nobody hears.
            let before = self.requests[&id].ends[at];
            let end = if before == cloud::NOT_REACHED { cloud::judge(content, locked) } else { before };
            if end == RowEnd::Taken {
                self.effect(route, &row)?;
            }
            if let Some(request) = self.requests.get_mut(&id) {
                request.ends[at] = end;
            }
        }
        let Some(request) = self.requests.get_mut(&id) else { return Ok(()) };
        request.to_come -= 1;
        if part + 1 < last || last < of {
            return Ok(());
        }
        let (incarnation, task) = (request.incarnation, request.task);
        let body = match request.fate {
            Fate::Answered => cloud::answer(&request.rows, &request.ends),
            Fate::Nonsense(0) => b"<html>ok</html>".to_vec(),
            Fate::Nonsense(1) => Vec::new(),
            Fate::Nonsense(2) => cloud::answer(&request.rows[1..], &request.ends[1..]),
            Fate::Nonsense(_) => {
                let more = |all: &[RowEnd]| [all, &[RowEnd::Taken]].concat();
                let rows = [&request.rows[..], &request.rows[..1]].concat();
                cloud::answer(&rows, &more(&request.ends))
            }
            Fate::Unheard | Fate::Later => return Ok(()),
        };
        let reply = Reply::Answer { status: 200, retry_after: None, body };
        self.soon(LINE, Happening::Over { incarnation, task, reply });
        Ok(())
    }

    /// A row has its effect in the cloud.
    pub(crate) fn effect(&mut self, route: usize, row: &cloud::Row) -> Result<(), Broken> {
        let plan = &self.scenario.routes[route];
        let truth = &mut self.truths[row.payload];
        let effects = &mut truth.effects[row.position as usize];
        *effects += 1;
        if *effects > 1 && !plan.plan.idempotent {
            return Err(format!("record {} of payload {} has its effect twice", row.position, row.payload));
        }
        let entry = truth.batch.and_then(|batch| self.ledger.batch(batch));
        let Some(entry) = entry else { return Err("an effect of a batch that is not in the ledger".into()) };
        let (ordered, sequence) = (plan.ordered, entry.view().sequence);
        let held = Held { payload: row.payload, sequence };
        if let Some(before) = self.cloud.tables.insert((route, row.key.clone()), held)
            && ordered
            && before.sequence > sequence
        {
            return Err(format!(
                "payload {} overwrites the newer payload {} at {}",
                row.payload, before.payload, row.key
            ));
        }
        Ok(())
    }

    /// An exchange is over for the gateway, if it is the one that began it and has heard nothing before.
    pub(crate) fn over(&mut self, incarnation: u64, task: sekisho_delivery::dispatch::TaskId, reply: &Reply) {
        let now = self.moment();
        if incarnation != self.incarnation {
            return;
        }
        let Some(gateway) = &mut self.gateway else { return };
        let Some(sending) = gateway.sendings.remove(&task) else { return };
        let end = end(&sending, reply);
        tell!(self, "chunk {} of {} ends: {end:?}", sending.chunk(), sending.batch());
        gateway.dispatcher.ended(now, task, &end);
    }

    /// Both clocks of the gateway that runs.
    pub(crate) fn moment(&self) -> Moment {
        let started = self.gateway.as_ref().map_or(self.now, |gateway| gateway.started);
        Moment { clock: self.now - started, wall: self.wall() }
    }
}

fn end(sending: &Sending, reply: &Reply) -> End {
    match reply {
        Reply::Answer { status, retry_after, body } => {
            let mut headers = HeaderMap::new();
            if let Some(seconds) = retry_after {
                headers.insert(RETRY_AFTER, HeaderValue::from(*seconds));
            }
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            sending.judge(status, &headers, body)
        }
        Reply::NotSent => End::NotSent { code: "upstream-connect".into(), class: ErrorClass::Line },
        Reply::Lost { timeout: true } => End::Lost { code: "upstream-timeout".into(), timeout: true },
        Reply::Lost { timeout: false } => End::Lost { code: "upstream-cut".into(), timeout: false },
    }
}
