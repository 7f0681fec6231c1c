//! The network, and the cloud at work: what becomes of a request, and what the gateway hears of it.

use std::ops::Range;
use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use sekisho_delivery::dispatch::{Moment, Sending};
use sekisho_delivery::signals::Signals;
use sekisho_delivery::{DialectSpec, End};
use sekisho_liveness::ErrorClass;

use crate::cloud::{self, Fate, Held, Request, RowEnd};
use crate::scenario::Duplicates;
use crate::world::{Broken, Gateway, Happening, Reply, World, tell};

/// How long a request or an answer is on its way at most, when the line is good.
pub(crate) const LINE: Duration = Duration::from_millis(50);

/// And when it is not: less than the grace that a plan gives beyond the cloud's limit, or nobody could know anything.
pub(crate) const SLOW_LINE: Duration = Duration::from_millis(900);

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
        let Some(&payload) = self.batches.get(&sending.batch()) else {
            return Err("a chunk of a batch that nobody sent".into());
        };
        let route = self.truths[payload].route;
        let dialect = self.scenario.routes[route].plan.dialect.clone();
        let rows = match body {
            Ok(body) => {
                let cut = self.random.usize(..body.len());
                if self.chance(self.faults.cut_before) && cloud::read(&dialect, &body[..cut]).is_ok() {
                    return Err(format!("{cut} bytes of a request of {} read as a whole one", body.len()));
                }
                cloud::read(&dialect, &body).map_err(|error| format!("a request that is none: {error}"))?
            }
            // The shell would cut the request off: the cloud takes no part of one.
            Err(_) => {
                self.soon(LINE, over(Reply::NotSent));
                return Ok(());
            }
        };
        self.expect_rows(payload, sending.records(), &rows)?;
        self.count_call(route)?;
        self.count_rows(route, rows.len() as u64)?;
        if self.chance(self.faults.no_line) {
            self.soon(LINE, over(Reply::NotSent));
            return Ok(());
        }
        self.counted.requests += 1;
        let id = self.counted.requests;
        let fate = self.fate();
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
            let in_order = repeatable.ordered || repeatable.duplicates == Duplicates::InOrder;
            let idempotent = repeatable.plan.idempotent && !in_order;
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
            Fate::Nonsense(self.random.u8(..8))
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
            let route = request.route;
            let quota = self.random.bool();
            let status = if quota { 429 } else { 503 };
            let retry_after = Some(self.random.u64(1..20));
            let code = if quota { "REQUEST_LIMIT_EXCEEDED" } else { "SERVER_UNAVAILABLE" };
            let reply = self.refused(route, status, retry_after, code);
            return self.soon(LINE, over(reply));
        }
        if self.requests.get(&id).is_some_and(|request| self.is_poisoned(request)) {
            let mut route = 0;
            if let Some(request) = self.requests.get_mut(&id) {
                request.to_come -= 1;
                route = request.route;
            }
            let reply = self.refused(route, 400, None, "INVALID_INPUT");
            return self.soon(LINE, over(reply));
        }
        // Time of the cloud: so much for the call, and for each row.
        let rows = self.requests.get(&id).map_or(0, |request| request.rows.len() as u32);
        let slow = self.chance(self.faults.slow_cloud);
        let per_row = Duration::from_millis(self.random.u64(5..100)) * if slow { 40 } else { 1 };
        let takes = Duration::from_millis(200) + per_row * rows;
        let limit = Duration::from_secs(10);
        let mut last =
            if takes <= limit { PARTS } else { (f64::from(PARTS) * limit.div_duration_f64(takes)) as u8 };
        // A cloud that has begun to answer may break down in its work, as well as be stopped by its own limit.
        let answered = self.requests.get(&id).is_some_and(|request| request.fate == Fate::Answered);
        let streamed = answered && self.chance(self.faults.streamed);
        let mut stops = limit;
        if streamed {
            last = last.min(self.random.u8(0..PARTS));
            stops = limit.min(takes * u32::from(last) / u32::from(PARTS) + LINE);
        }
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
        let route = request.route;
        if last < PARTS && fate == Fate::Answered {
            if streamed {
                self.plan(self.now + stops, Happening::Stopped(id));
            } else {
                let reply = self.refused(route, 500, None, "REQUEST_RUNNING_TOO_LONG");
                self.plan(self.now + limit, over(reply));
            }
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
            let bad = self.truths[row.payload].records[row.position as usize].bad[row.row];
            let locked = !self.scenario.routes[route].whole && self.chance(self.faults.lock);
            // What came twice meets the same fate twice: what the second copy meets nobody hears.
            let before = self.requests[&id].ends[at];
            let end = if before == cloud::NOT_REACHED { cloud::judge(bad, locked) } else { before };
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
        let dialect = self.scenario.routes[route].plan.dialect.clone();
        let whole = |request: &Request| cloud::answer(&dialect, &request.rows, &request.ends);
        let request = &self.requests[&id];
        let body = match request.fate {
            Fate::Answered => whole(request),
            Fate::Nonsense(which) => self.nonsense(id, which),
            Fate::Unheard | Fate::Later => return Ok(()),
        };
        let reply = Reply::Answer { status: 200, retry_after: None, media: cloud::media(&dialect), body };
        self.soon(LINE, Happening::Over { incarnation, task, reply });
        Ok(())
    }

    /// The cloud had begun to answer when it was stopped: what it says of the rows that it came to, cut anywhere.
    pub(crate) fn stopped(&mut self, id: u64) {
        let Some(request) = self.requests.get(&id) else { return };
        let (incarnation, task, reached) = (request.incarnation, request.task, request.reached());
        let dialect = &self.scenario.routes[request.route].plan.dialect;
        let media = cloud::media(dialect);
        let mut body = cloud::answer(dialect, &request.rows[..reached], &request.ends[..reached]);
        body.truncate(self.random.usize(..body.len()));
        let reply = Reply::Answer { status: 200, retry_after: None, media, body };
        self.soon(LINE, Happening::Over { incarnation, task, reply });
    }

    /// An answer that is none, though all was done.
    fn nonsense(&mut self, id: u64, which: u8) -> Vec<u8> {
        self.counted.nonsense += 1;
        let request = &self.requests[&id];
        let dialect = self.scenario.routes[request.route].plan.dialect.clone();
        let (rows, ends) = (request.rows.clone(), request.ends.clone());
        let whole = cloud::answer(&dialect, &rows, &ends);
        let by_key = match &dialect {
            DialectSpec::Soap(soap) => soap.results.as_ref().is_some_and(|results| results.key.is_some()),
            DialectSpec::Rest(rest) => rest.results.as_ref().is_some_and(|results| results.key.is_some()),
            _ => false,
        };
        match which {
            0 => b"<html>ok</html>".to_vec(),
            1 => Vec::new(),
            2 => cloud::answer(&dialect, &rows[1..], &ends[1..]),
            3 => {
                let rows = [&rows[..], &rows[..1]].concat();
                cloud::answer(&dialect, &rows, &[&ends[..], &[RowEnd::Taken]].concat())
            }
            4 => whole[..self.random.usize(..whole.len())].to_vec(),
            5 => whole.repeat(2),
            6 if by_key => {
                let mut order: Vec<usize> = (0..rows.len()).collect();
                self.random.shuffle(&mut order);
                let rows: Vec<_> = order.iter().map(|at| rows[*at].clone()).collect();
                cloud::answer(&dialect, &rows, &order.iter().map(|at| ends[*at]).collect::<Vec<_>>())
            }
            // Of another call, that was about other rows.
            _ if by_key => {
                let known = |row: &cloud::Row| rows.iter().any(|known| known.key == row.key);
                let other = self
                    .requests
                    .values()
                    .find(|other| other.route == request.route && other.rows.iter().any(|row| !known(row)));
                other.map_or(whole, |other| cloud::answer(&dialect, &other.rows, &other.ends))
            }
            _ => whole,
        }
    }

    pub(crate) fn refused(&self, route: usize, status: u16, retry_after: Option<u64>, code: &str) -> Reply {
        let dialect = &self.scenario.routes[route].plan.dialect;
        let (media, body) = (cloud::media(dialect), cloud::error(dialect, code));
        Reply::Answer { status, retry_after, media, body }
    }

    /// What is sent are the rows of these records, all of them and in order.
    pub(crate) fn expect_rows(
        &self,
        payload: usize,
        records: Range<u64>,
        rows: &[cloud::Row],
    ) -> Result<(), Broken> {
        let truth = &self.truths[payload];
        let of =
            |position: u64| (0..truth.records[position as usize].bad.len()).map(move |row| (position, row));
        let expected = records.clone().flat_map(of);
        let sent = rows.iter().map(|row| (row.position, row.row));
        if rows.iter().all(|row| row.payload == payload) && sent.eq(expected) {
            return Ok(());
        }
        Err(format!("records {records:?} of payload {payload} go as {rows:?}"))
    }

    /// A row has its effect in the cloud.
    pub(crate) fn effect(&mut self, route: usize, row: &cloud::Row) -> Result<(), Broken> {
        let plan = &self.scenario.routes[route];
        let truth = &mut self.truths[row.payload];
        let name = format!("record {} of payload {}", row.position, row.payload);
        if truth.refused {
            return Err(format!("{name} has its effect, and its batch was refused"));
        }
        if truth.superseded.contains(row.position) {
            return Err(format!("{name} has its effect, and a later one takes its place"));
        }
        let effects = &mut truth.effects[row.position as usize][row.row];
        *effects += 1;
        if *effects > 1 && !plan.plan.idempotent {
            return Err(format!("{name} has its effect twice"));
        }
        let Some(sequence) = truth.sequence else {
            return Err("an effect of a batch that is not in the ledger".into());
        };
        let held = Held { payload: row.payload, sequence, position: row.position };
        let Some(before) = self.cloud.tables.insert((route, row.key.clone()), held) else { return Ok(()) };
        if plan.ordered && before.sequence > sequence {
            return Err(format!("{name} overwrites the newer payload {} at {}", before.payload, row.key));
        }
        if before.sequence == sequence && before.position > row.position {
            return Err(format!("{name} overwrites the later record {} at {}", before.position, row.key));
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
        let end = end(&sending, reply, gateway);
        tell!(self, "chunk {} of {} ends: {end:?}", sending.chunk(), sending.batch());
        gateway.dispatcher.heard(now, task, 1, Signals::default());
        gateway.dispatcher.ended(now, task, &end);
    }

    /// Both clocks of the gateway that runs.
    pub(crate) fn moment(&self) -> Moment {
        let started = self.gateway.as_ref().map_or(self.now, |gateway| gateway.started);
        Moment { clock: self.now - started, wall: self.wall() }
    }
}

fn end(sending: &Sending, reply: &Reply, gateway: &Gateway) -> End {
    match reply {
        Reply::Answer { status, retry_after, media, body } => {
            let (status, headers) = head(*status, *retry_after, media);
            sending.hear(status, &headers, body, &gateway.spool, gateway.epoch)
        }
        Reply::NotSent => End::NotSent { code: "upstream-connect".into(), class: ErrorClass::Line },
        Reply::Lost { timeout: true } => End::Lost { code: "upstream-timeout".into(), timeout: true },
        Reply::Lost { timeout: false } => End::Lost { code: "upstream-cut".into(), timeout: false },
    }
}

/// The head of an answer.
pub(crate) fn head(status: u16, retry_after: Option<u64>, media: &'static str) -> (StatusCode, HeaderMap) {
    let mut headers = HeaderMap::new();
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), headers)
}
