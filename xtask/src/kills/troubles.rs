//! What else goes wrong than a death: the disk, the clock, the cloud. Each under load, and everything is compared in the end.

mod clock;
mod cloud;
mod disk;

use std::time::Instant;

use anyhow::{Context, ensure};
use clap::ValueEnum;

use super::campaign::Campaign;
use super::client::Clients;
use super::settle::Compared;
use super::site::{Builds, Start, until};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Trouble {
    /// The cloud does the work and then resets, cuts its answer, or a proxy answers in its place.
    Resets,
    /// A route says of calls that add that a repeat does no harm: what that doubles must be found; and what the cloud loses.
    Lie,
    /// The cloud is down, cuts everything, then is silent, for longer than the retry budget lasts.
    Down,
    /// Creating, writing, syncing and committing fail, as on a full disk and on a broken one.
    Disk,
    /// The file system of the state folder is really full. Needs the right to mount (root, or user namespaces), and so
    /// it is with the long tests.
    Full,
    /// The wall clock jumps by a day, forward and back. Needs libfaketime, and installs it.
    Clock,
}

impl Trouble {
    /// Those of the test command, in the order in which they are run.
    pub(super) const TESTED: [Self; 5] = [Self::Lie, Self::Resets, Self::Down, Self::Disk, Self::Clock];
    /// All of them.
    pub(super) const ALL: [Self; 6] =
        [Self::Lie, Self::Resets, Self::Down, Self::Disk, Self::Clock, Self::Full];

    /// Its name on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Resets => "resets",
            Self::Lie => "lie",
            Self::Down => "down",
            Self::Disk => "disk",
            Self::Full => "full",
            Self::Clock => "clock",
        }
    }

    /// Lets it happen, and says in a line what was seen.
    pub(super) fn shown(self, builds: &Builds, seed: u64) -> anyhow::Result<()> {
        let started = Instant::now();
        let seen = match self {
            Self::Resets => cloud::resets(builds, seed),
            Self::Lie => cloud::lie(builds, seed),
            Self::Down => cloud::down(builds, seed),
            Self::Disk => disk::disk(builds, seed),
            Self::Full => disk::full(builds, seed),
            Self::Clock => clock::clock(builds, seed),
        };
        let seen = seen.with_context(|| format!("{}, seed {seed}", self.name()))?;
        println!("  {:<7} {seen} ({:.0} s)", self.name(), started.elapsed().as_secs_f64());
        Ok(())
    }
}

fn in_words(compared: Compared) -> String {
    let Compared { batches, records, rewritten, decided, .. } = compared;
    format!(
        "{batches} batches with {records} records, 0 lost, 0 doubled, {rewritten} written again to the same effect, {decided} \
         chunks decided"
    )
}

/// A campaign with its gateway and its clients.
fn begun(builds: &Builds, name: &str, seed: u64, how: &Start) -> anyhow::Result<(Campaign, Clients)> {
    let mut campaign = Campaign::new(builds, name, seed)?;
    ensure!(campaign.site.start(how)?, "killed before it was ready");
    let clients = campaign.clients();
    Ok((campaign, clients))
}

/// So many more batches get their receipts.
fn accepted(campaign: &Campaign, clients: &Clients, more: usize) -> anyhow::Result<()> {
    let before = campaign.seen.receipts();
    until("batches are accepted", || {
        ensure!(clients.are_well(), "a client has ended");
        Ok(campaign.seen.receipts() >= before + more)
    })
}

/// So many more records are delivered.
fn delivered(campaign: &Campaign, more: u64) -> anyhow::Result<()> {
    let count = || campaign.site.admin("/totals")?["delivered"].as_u64().context("the ledger's sums");
    let before = count()?;
    until("records are delivered", || Ok(count()? >= before + more))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use super::*;

    #[test]
    fn troubles_are_known_by_name() {
        for trouble in Trouble::ALL {
            assert_eq!(Trouble::from_str(trouble.name(), false), Ok(trouble));
        }
        assert_eq!(Trouble::value_variants().len(), Trouble::ALL.len());
    }
}
