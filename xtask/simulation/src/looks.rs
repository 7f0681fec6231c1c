//! Questions by key: what became of a chunk that may not be repeated. Each call of one may go wrong, and the cloud answers it while it
//! may be at work on the chunk itself.

use std::collections::VecDeque;

use sekisho_delivery::dialect::Verdict;
use sekisho_delivery::dispatch::{Sending, TaskId};
use sekisho_delivery::signals::Signals;
use sekisho_delivery::{DialectSpec, End, KeyPart, KeySearch, SoapVersion};

use crate::cloud;
use crate::exchange::{self, LINE, SLOW_LINE};
use crate::world::{Broken, Happening, Reply, World, tell};

/// A question under way, as the gateway knows it.
pub(crate) struct Look {
    sending: Sending,
    search: KeySearch,
    /// The call under way, and those that follow.
    parts: VecDeque<KeyPart>,
    /// The call whose answer is waited for.
    call: u64,
    /// Calls made.
    calls: u64,
    /// Where it stands in what the cloud was asked for.
    asked: usize,
}

/// A call that asks by key, on its way to the cloud.
#[derive(Debug)]
pub(crate) struct LookCall {
    incarnation: u64,
    task: TaskId,
    call: u64,
    route: usize,
    keys: Vec<String>,
}

impl World {
    /// A gateway asks by key what became of a chunk.
    pub(crate) fn look(&mut self, sending: Sending, search: KeySearch) -> Result<(), Broken> {
        let task = sending.task();
        let Some(&payload) = self.batches.get(&sending.batch()) else {
            return Err("a question about a batch that nobody sent".into());
        };
        let route = self.truths[payload].route;
        let reader = self.gateway.as_ref().and_then(|gateway| gateway.readers.get(&sending.batch()));
        let Some(reader) = reader else {
            return Err("a question about a payload that is not open".into());
        };
        let parts = search.parts(reader);
        // Where the disk fails, the shell would hear of it in the midst of asking.
        let parts = match parts {
            Ok(parts) => parts,
            Err(code) => {
                self.look_is_over(task, 1, search.broke_off(End::Answered(Verdict::Unknown(code.into()))));
                return Ok(());
            }
        };
        self.expect_keys(payload, &sending, &search, &parts)?;
        let asked = self.count_look(route, parts.len() as u64)?;
        let look = Look { sending, search, parts: parts.into(), call: 0, calls: 0, asked };
        if let Some(gateway) = &mut self.gateway {
            gateway.looks.insert(task, look);
        }
        self.ask(task, route)
    }

    /// What is asked for are the keys of these records' rows, all of them and in order.
    fn expect_keys(
        &self,
        payload: usize,
        sending: &Sending,
        search: &KeySearch,
        parts: &[KeyPart],
    ) -> Result<(), Broken> {
        let truth = &self.truths[payload];
        let members = self.scenario.routes[truth.route].members;
        let expected = sending.records().flat_map(|position| {
            let content = &truth.records[position as usize];
            (0..content.bad.len()).map(move |row| cloud::key(content, members.then_some(row)))
        });
        let mut asked = Vec::new();
        for part in parts {
            let (_, body) =
                search.call(&self.endpoint, "urn:look", part).map_err(|end| format!("{end:?}"))?;
            asked.extend(
                cloud::read_keys(&body).map_err(|error| format!("a question that is none: {error}"))?,
            );
        }
        if asked.iter().eq(expected.collect::<Vec<_>>().iter()) {
            return Ok(());
        }
        Err(format!("of records {:?} of payload {payload}, {asked:?} is asked for", sending.records()))
    }

    /// The next call of a look.
    fn ask(&mut self, task: TaskId, route: usize) -> Result<(), Broken> {
        let incarnation = self.incarnation;
        self.counted.requests += 1;
        let call = self.counted.requests;
        let endpoint = self.endpoint.clone();
        let Some(look) = self.gateway.as_mut().and_then(|gateway| gateway.looks.get_mut(&task)) else {
            return Ok(());
        };
        let Some(part) = look.parts.front() else { return Ok(()) };
        let (_, body) = look
            .search
            .call(&endpoint, &name(call), part)
            .map_err(|end| format!("a call that is none: {end:?}"))?;
        (look.call, look.calls) = (call, look.calls + 1);
        let (asked, chunk, batch) = (look.asked, look.sending.chunk(), look.sending.batch());
        let keys = cloud::read_keys(&body)?;
        tell!(self, "request {call}: what became of {keys:?}, chunk {chunk} of {batch}");
        self.count_call_of(asked);
        let told = |reply| Happening::LookTold { incarnation, task, call, reply };
        if self.chance(self.faults.no_line) || self.chance(self.faults.cut_before) {
            self.soon(LINE, told(Reply::Lost { timeout: false }));
            return Ok(());
        }
        let deadline = self.scenario.routes[route].plan.pace.deadline();
        self.plan(self.now + deadline, told(Reply::Lost { timeout: true }));
        if self.chance(self.faults.cut_at_work) {
            // While it is on its way.
            self.soon(LINE, told(Reply::Lost { timeout: false }));
        }
        let line = if self.chance(self.faults.slow_line) { SLOW_LINE } else { LINE };
        self.soon(line, Happening::LookArrive(Box::new(LookCall { incarnation, task, call, route, keys })));
        Ok(())
    }

    /// The cloud looks: it says what it has now, whatever it is at work on.
    pub(crate) fn arrive_to_look(&mut self, called: LookCall) {
        let LookCall { incarnation, task, call, route, keys } = called;
        let told = |reply| Happening::LookTold { incarnation, task, call, reply };
        if self.chance(self.faults.later) {
            let quota = self.random.bool();
            let (status, code) =
                if quota { (429, "REQUEST_LIMIT_EXCEEDED") } else { (503, "SERVER_UNAVAILABLE") };
            let retry_after = Some(self.random.u64(1..20));
            let reply = self.refused(route, status, retry_after, code);
            return self.soon(LINE, told(reply));
        }
        let there: Vec<String> =
            keys.into_iter().filter(|key| self.cloud.tables.contains_key(&(route, key.clone()))).collect();
        if self.chance(self.faults.cut_after.max(self.faults.hang)) {
            if !self.chance(self.faults.hang) {
                self.soon(LINE, told(Reply::Lost { timeout: false }));
            }
            return;
        }
        let dialect = &self.scenario.routes[route].plan.dialect;
        let version = match dialect {
            DialectSpec::Soap(soap) => soap.version,
            _ => SoapVersion::Soap11,
        };
        let media = cloud::media(dialect);
        let mut body = cloud::found(version, &there);
        if self.chance(self.faults.nonsense) {
            body = self.no_answer(route, body, version, &there);
        }
        let line = if self.chance(self.faults.slow_line) { SLOW_LINE } else { LINE };
        self.soon(line, told(Reply::Answer { status: 200, retry_after: None, media, body }));
    }

    /// An answer to a question by key that is none.
    fn no_answer(&mut self, route: usize, whole: Vec<u8>, version: SoapVersion, there: &[String]) -> Vec<u8> {
        self.counted.nonsense += 1;
        let dialect = &self.scenario.routes[route].plan.dialect;
        let with = |key: &str| cloud::found(version, [there, &[key.to_owned()]].concat().iter());
        match self.random.u8(..6) {
            0 => b"<html>ok</html>".to_vec(),
            // Of the operation that makes rows, and without any.
            1 => cloud::answer(dialect, &[], &[]),
            2 => whole[..self.random.usize(..whole.len())].to_vec(),
            3 => whole.repeat(2),
            4 => with(there.first().map_or("K", String::as_str)),
            _ => with("K0-of-another-call"),
        }
    }

    /// A call of a look is over for the gateway, if it is the one that made it and has heard nothing before.
    pub(crate) fn told_of_look(
        &mut self,
        incarnation: u64,
        task: TaskId,
        call: u64,
        reply: &Reply,
    ) -> Result<(), Broken> {
        if incarnation != self.incarnation {
            return Ok(());
        }
        let looks = self.gateway.as_mut().map(|gateway| &mut gateway.looks);
        let Some(look) = looks.and_then(|looks| looks.get_mut(&task)).filter(|look| look.call == call) else {
            return Ok(());
        };
        let Some(part) = look.parts.pop_front() else { return Ok(()) };
        let why = match reply {
            Reply::Answer { status, retry_after, media, body } => {
                let (status, headers) = exchange::head(*status, *retry_after, media);
                look.search.hear(status, &headers, body, &name(call), &part).err()
            }
            Reply::NotSent => Some(End::Lost { code: "upstream-connect".into(), timeout: false }),
            Reply::Lost { timeout } => Some(End::Lost { code: "upstream-cut".into(), timeout: *timeout }),
        };
        if why.is_none() && !look.parts.is_empty() {
            let payload = self.batches.get(&look.sending.batch());
            let route = payload.map_or(0, |payload| self.truths[*payload].route);
            return self.ask(task, route);
        }
        let Some(look) = self.gateway.as_mut().and_then(|gateway| gateway.looks.remove(&task)) else {
            return Ok(());
        };
        let end = match why {
            Some(why) => look.search.broke_off(why),
            None => {
                self.counted.looks += 1;
                look.search.end()
            }
        };
        if let End::Answered(Verdict::Rows(absent)) = &end {
            self.counted.absent += absent.len() as u64;
        }
        self.exchange_is_over(look.asked);
        self.look_is_over(task, look.calls, end);
        Ok(())
    }

    fn look_is_over(&mut self, task: TaskId, calls: u64, end: End) {
        tell!(self, "the look is over: {end:?}");
        let now = self.moment();
        if let Some(gateway) = &mut self.gateway {
            gateway.dispatcher.heard(now, task, calls, Signals::default());
            gateway.dispatcher.ended(now, task, &end);
        }
    }
}

/// A name that no other call has.
fn name(call: u64) -> String {
    format!("urn:look:{call}")
}
