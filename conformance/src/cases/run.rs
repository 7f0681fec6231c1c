//! Runs cases against a target.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use serde_json::Value as Json;

use super::case::{Case, CaseFile, Expect, Send};
use super::check;
use super::message::{self, Names};
use super::report::Outcome;
use crate::exchange::{Peer, request};

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
        let mut outcomes = Vec::new();
        for file in files {
            for case in &file.case {
                let began = Instant::now();
                let wrong = self.case(file, case).unwrap_or_else(|error| vec![format!("{error:#}")]);
                let outcome = Outcome {
                    area: file.area.clone(),
                    name: case.name.clone(),
                    rule: case.rule.clone(),
                    wrong,
                    took: began.elapsed(),
                };
                tell(&outcome);
                outcomes.push(outcome);
            }
        }
        outcomes
    }

    fn case(&self, file: &CaseFile, case: &Case) -> anyhow::Result<Vec<String>> {
        let path =
            self.target.routes.get(&case.route).ok_or_else(|| anyhow!("no route {} is given", case.route))?;
        let mut names: Names = self.target.routes.clone();
        names.extend(file.text.clone());
        names.insert("path".to_owned(), path.clone());
        names.insert("host".to_owned(), self.target.peer.authority());
        let mut wrong = Vec::new();
        let further = case.then.iter().map(|step| (&step.send, &step.expect));
        for (step, (send, expect)) in std::iter::once((&case.send, &case.expect)).chain(further).enumerate() {
            // Captured requests of REST clients go to the resource below the route.
            let plain = ["curl-rest", "curl-form"].iter().any(|start| send.fixture.starts_with(start));
            names.insert("below".to_owned(), if plain { "/batches" } else { "" }.to_owned());
            let found = self.exchange(path, send, expect, &mut names)?;
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
        names: &mut Names,
    ) -> anyhow::Result<Vec<String>> {
        let refused = expect.status.iter().all(|status| *status >= 400);
        let kept = expect.kept.or(if refused { Some(0) } else { None });
        let before = if kept.is_some() { Some(self.newest(path)?) } else { None };

        let bytes = message::bytes(send, names, &self.fixtures)?;
        let mut peer = self.target.peer.clone();
        peer.linger = if expect.closed.is_some() { Duration::from_millis(500) } else { Duration::ZERO };
        let reply = peer.send(&bytes, send.cut > 0)?;
        let mut wrong = check::reply(expect, &reply, names);

        if let (Some(kept), Some(before)) = (kept, before) {
            let found = self.newer_than(path, before.as_deref())?;
            if found != kept {
                wrong.push(format!("{found} batches were kept in place of {kept}"));
            }
        }
        if let Some(delivered) = expect.delivered
            && self.deliveries
            && wrong.is_empty()
        {
            wrong.extend(self.await_delivery(path, delivered)?);
        }
        Ok(wrong)
    }

    fn batches(&self, path: &str) -> anyhow::Result<Vec<Json>> {
        let path = format!("{path}/batches?limit=100");
        let reply = self.target.peer.send(&request(&self.target.peer, "GET", &path, &[], b""), false)?;
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
            let reply =
                self.target.peer.send(&request(&self.target.peer, "GET", &resource, &[], b""), false)?;
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
