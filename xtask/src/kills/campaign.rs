//! A site under load, from its start to the comparison of everything that was sent.

use std::sync::Arc;

use serde_json::Value;

use super::client::{Clients, Seen};
use super::folder;
use super::routes::ROUTES;
use super::settle::{self, Compared};
use super::site::{Builds, Site};

/// One campaign: the site, those who send, and what was compared so far.
pub(super) struct Campaign {
    pub(super) site: Site,
    pub(super) seen: Arc<Seen>,
    seed: u64,
    /// What was compared so far.
    pub(super) compared: Compared,
}

impl Campaign {
    pub(super) fn new(builds: &Builds, name: &str, seed: u64) -> anyhow::Result<Self> {
        let site = Site::set(builds, &folder().join(name), seed)?;
        Ok(Self { site, seen: Arc::default(), seed, compared: Compared::default() })
    }

    /// Starts the clients, going on where those before them have ended.
    pub(super) fn clients(&self) -> Clients {
        let sent = self.seen.sent();
        let next = ROUTES.map(|route| {
            sent.iter().filter(|sent| sent.route == route).map(|sent| sent.batch + 1).max().unwrap_or(0)
        });
        Clients::start(&self.seen, &self.site.whereabouts, self.seed ^ sent.len() as u64, &next)
    }

    /// Lets everything come to its end over a gateway that runs, and compares it; then the cloud's tables are emptied.
    pub(super) fn close(&mut self, clients: Clients) -> anyhow::Result<()> {
        clients.stop()?;
        let decided = settle::settle(&self.site, &self.seen)?;
        let compared = settle::compare(&self.site, &self.seen, self.compared.batches)?;
        self.compared.batches += compared.batches;
        self.compared.records += compared.records;
        self.compared.rewritten += compared.rewritten;
        self.compared.decided += decided;
        self.compared.asked = self.compared.asked.max(compared.asked);
        self.site.tell_cloud("DELETE", "/admin/rows", &Value::Null)
    }
}
