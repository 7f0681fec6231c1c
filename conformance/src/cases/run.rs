//! Runs cases against a target.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use serde_json::Value as Json;

use super::canaries::Canaries;
use super::case::{Case, CaseFile, Expect, Send, Step};
use super::check;
use super::contract::Contract;
use super::message::{self, Names};
use super::report::Outcome;
use crate::exchange::{Peer, Reply, request};

/// How long a connection that has to stay open is watched. A server that ends it later passes; one that is busy and
/// ends in time a connection that has to end is waited for as long as for an answer.
const STAYS_OPEN: Duration = Duration::from_millis(500);

/// How long the delivery of a case's batch may take.
const DELIVERY: Duration = Duration::from_secs(60);

/// The gateway under test.
pub struct Target {
    /// Its listener.
    pub peer: Peer,
    /// Paths of its routes, by the names that cases know them by.
    pub routes: BTreeMap<String, String>,
}

/// Runs cases.
pub struct Runner {
    /// What they run against.
    pub target: Target,
    /// The folder of captured requests.
    pub fixtures: PathBuf,
    /// Deliveries are waited for; without a cloud behind the gateway they never come.
    pub deliveries: bool,
    /// The files are all there are: an answer that the gateway describes and that none of them brings about is wrong.
    pub whole: bool,
    /// What the cases send, and nobody may write down.
    pub canaries: Canaries,
}

/// What a run has beside its cases.
struct Running<'r> {
    runner: &'r Runner,
    /// The gateway's description of its REST resources, if it serves one.
    contract: Option<Contract>,
}

impl Runner {
    /// Whether the target answers at all.
    ///
    /// # Errors
    /// Says why it does not.
    pub fn reach(&self) -> anyhow::Result<()> {
        let request = request(&self.target.peer, "GET", "/", &[], b"");
        let reply = self.target.peer.send(&request, false).context("the target does not answer")?;
        ensure!(reply.status != 0, "the target ends connections without an answer");
        Ok(())
    }

    /// Runs every case of the files, in order, and tells each outcome as it comes.
    pub fn run(&self, files: &[CaseFile], mut tell: impl FnMut(&Outcome)) -> Vec<Outcome> {
        let began = Instant::now();
        let (contract, missing) = match self.contract() {
            Ok(contract) => (contract, Vec::new()),
            Err(error) => (None, vec![format!("{error:#}")]),
        };
        let running = Running { runner: self, contract };
        let mut outcomes = Vec::new();
        let mut done = |outcome: Outcome| {
            tell(&outcome);
            outcomes.push(outcome);
        };
        for file in files {
            for case in &file.case {
                let began = Instant::now();
                let wrong = running.case(file, case).unwrap_or_else(|error| vec![format!("{error:#}")]);
                done(Outcome {
                    area: file.area.clone(),
                    name: case.name.clone(),
                    rule: case.rule.clone(),
                    wrong,
                    took: began.elapsed(),
                });
            }
        }
        if self.whole {
            let unseen = running.contract.iter().flat_map(Contract::unseen);
            let unseen = unseen.map(|answer| format!("described, and never answered: {answer}"));
            done(Outcome {
                area: "contract".to_owned(),
                name: "every answer that the API's description has was given, and no other".to_owned(),
                rule: "OpenAPI 3.1 section 4.8.16".to_owned(),
                wrong: missing.into_iter().chain(unseen).collect(),
                took: began.elapsed(),
            });
        }
        outcomes
    }

    /// The description of the REST resources, from the first route that serves one.
    fn contract(&self) -> anyhow::Result<Option<Contract>> {
        for path in self.target.routes.values() {
            let resource = format!("{path}/openapi.json");
            let reply =
                self.target.peer.send(&request(&self.target.peer, "GET", &resource, &[], b""), false)?;
            if reply.status == 200 {
                return Contract::new(&reply.body).map(Some);
            }
        }
        Ok(None)
    }
}

impl Running<'_> {
    fn case(&self, file: &CaseFile, case: &Case) -> anyhow::Result<Vec<String>> {
        let target = &self.runner.target;
        let path =
            target.routes.get(&case.route).ok_or_else(|| anyhow!("no route {} is given", case.route))?;
        let mut names: Names = target.routes.clone();
        names.extend(file.text.clone());
        names.insert("path".to_owned(), path.clone());
        names.insert("host".to_owned(), target.peer.authority());
        let mut wrong = Vec::new();
        let further = case.then.iter().map(|step| (&step.send, &step.expect));
        for (step, (send, expect)) in std::iter::once((&case.send, &case.expect)).chain(further).enumerate() {
            // Captured requests of REST clients go to the resource below the route.
            let plain = ["curl-rest", "curl-form"].iter().any(|start| send.fixture.starts_with(start));
            names.insert("below".to_owned(), if plain { "/batches" } else { "" }.to_owned());
            let meanwhile = case.meanwhile.as_ref().filter(|_| step == 0);
            let found = self.exchange(path, send, expect, meanwhile, &mut names)?;
            let place = if case.then.is_empty() { String::new() } else { format!("exchange {}: ", step + 1) };
            wrong.extend(found.into_iter().map(|what| format!("{place}{what}")));
            if !wrong.is_empty() {
                break;
            }
        }
        Ok(wrong)
    }

    fn exchange(
        &self,
        path: &str,
        send: &Send,
        expect: &Expect,
        meanwhile: Option<&Step>,
        names: &mut Names,
    ) -> anyhow::Result<Vec<String>> {
        let refused = expect.status.iter().all(|status| *status >= 400);
        let kept = expect.kept.or(if refused { Some(0) } else { None });
        let before = if kept.is_some() { Some(self.newest(path)?) } else { None };

        let bytes = message::bytes(send, names, &self.runner.fixtures)?;
        self.runner.canaries.request(&bytes);
        self.runner.canaries.never(&expect.never);
        let mut peer = self.runner.target.peer.clone();
        peer.linger = match expect.closed {
            Some(true) => peer.timeout,
            Some(false) => STAYS_OPEN,
            None => Duration::ZERO,
        };
        let mut wrong = Vec::new();
        let reply = match meanwhile {
            None => peer.send(&bytes, send.cut > 0)?,
            Some(step) => {
                let other = || self.exchange(path, &step.send, &step.expect, None, names);
                let (reply, found) = peer.send_in_two(&bytes, other)?;
                wrong.extend(found?.into_iter().map(|what| format!("meanwhile: {what}")));
                reply
            }
        };
        wrong.extend(check::reply(expect, &reply, names));
        self.runner.canaries.given(names.values());
        wrong.extend(self.held_to_contract(&bytes, &reply));

        if let (Some(kept), Some(before)) = (kept, before) {
            let found = self.newer_than(path, before.as_deref())?;
            if found != kept {
                wrong.push(format!("{found} batches were kept in place of {kept}"));
            }
        }
        if let Some(delivered) = expect.delivered
            && self.runner.deliveries
            && wrong.is_empty()
        {
            wrong.extend(self.await_delivery(path, delivered)?);
        }
        Ok(wrong)
    }

    /// What of an answer is not as the gateway's own description has it.
    fn held_to_contract(&self, request: &[u8], reply: &Reply) -> Vec<String> {
        let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = target.split('?').next().unwrap_or_default();
        let routes = self.runner.target.routes.values();
        let below =
            routes.filter_map(|route| path.strip_prefix(route.as_str())).min_by_key(|below| below.len());
        match (&self.contract, below) {
            (Some(contract), Some(below)) if reply.status != 0 && !reply.cut && method != "HEAD" => {
                contract.hold(method, below, reply)
            }
            _ => Vec::new(),
        }
    }

    fn batches(&self, path: &str) -> anyhow::Result<Vec<Json>> {
        let path = format!("{path}/batches?limit=100");
        let reply = self
            .runner
            .target
            .peer
            .send(&request(&self.runner.target.peer, "GET", &path, &[], b""), false)?;
        ensure!(reply.status == 200, "the list of batches is answered with {}", reply.status);
        let list: Json = serde_json::from_slice(&reply.body).context("the list of batches is no JSON")?;
        Ok(list["batches"].as_array().cloned().unwrap_or_default())
    }

    /// The id of the newest batch.
    fn newest(&self, path: &str) -> anyhow::Result<Option<String>> {
        Ok(self.batches(path)?.first().and_then(|batch| batch["id"].as_str()).map(str::to_owned))
    }

    /// How many batches are newer than that one (a page's worth at the most).
    fn newer_than(&self, path: &str, id: Option<&str>) -> anyhow::Result<usize> {
        Ok(self.batches(path)?.iter().take_while(|batch| batch["id"].as_str() != id).count())
    }

    /// Waits until the newest batch has its outcomes.
    fn await_delivery(&self, path: &str, delivered: u64) -> anyhow::Result<Option<String>> {
        let id = self.newest(path)?.ok_or_else(|| anyhow!("there is no batch to wait for"))?;
        let resource = format!("{path}/batches/{id}");
        let deadline = Instant::now() + DELIVERY;
        loop {
            let reply = self
                .runner
                .target
                .peer
                .send(&request(&self.runner.target.peer, "GET", &resource, &[], b""), false)?;
            let receipt: Json = serde_json::from_slice(&reply.body).context("the receipt is no JSON")?;
            if receipt["state"] == "finished" {
                let found = receipt["sums"]["delivered"].as_u64().unwrap_or(0);
                let same = found == delivered;
                return Ok((!same).then(|| format!("{found} records were delivered in place of {delivered}")));
            }
            if Instant::now() > deadline {
                return Ok(Some(format!("the batch is not finished after {} s", DELIVERY.as_secs())));
            }
            // A pause between questions, not a guess at how long it takes.
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
