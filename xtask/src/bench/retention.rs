//! Acceptance while payloads and receipts of finished batches are removed: it goes on as if nothing were.

use std::collections::HashSet;
use std::io::{Cursor, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::Bench;
use super::figure::{Bound, Figure, each, median};
use super::gateway::Gateway;
use super::site::{self, Cloud, Settings};
use super::upload::{self, Generated};
use crate::demo::Door;

/// Records of one batch.
const RECORDS: u64 = 100;
/// Clients that send one batch after the other.
const CLIENTS: usize = 4;
/// How long acceptance is looked at without any removal.
const BEFORE: Duration = Duration::from_secs(10);
/// The longest that a removal may take.
const LIMIT: Duration = Duration::from_secs(300);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Nothing has had its time.
const KEEP: &str = "keep_payload_seconds = 86400\n[route.duplicates]\nwindow_seconds = 1";
/// Everything that is finished has had its time, receipts a second later.
const REMOVE: &str =
    "keep_payload_seconds = 0\nkeep_receipt_seconds = 1\n[route.duplicates]\nwindow_seconds = 1";

/// Measures rounds of: batches are delivered and kept, clients send more, and then all that is finished goes.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (stock, rounds) = if bench.quick { (200, 1) } else { (1_000, 3) };
    let folder = bench.fresh("retention")?;
    let cloud = Cloud::quick(bench)?;
    let keep = |route| site::attributes(bench, &folder, &cloud, Settings { route, ..Settings::default() });
    keep(KEEP)?;
    let gateway = Gateway::start(bench.programs.command("sekisho"), &folder)?;
    let mut payload = Vec::new();
    Generated::start(bench, RECORDS, "csv")?.read_to_end(&mut payload)?;
    let payload: Arc<[u8]> = payload.into();

    let (mut shares, mut before, mut removed) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let clients = Clients::start(gateway.listener, &payload, &format!("stock-{round}"));
        while clients.accepted() < stock {
            sleep(LOOK);
        }
        clients.stop()?;
        gateway.until_delivered(LIMIT)?;
        let spool = folder.join("state/spool");
        let finished = batches_in(&spool)?;

        let clients = Clients::start(gateway.listener, &payload, &format!("round-{round}"));
        sleep(Duration::from_secs(1)); // they are all at it
        let alone = clients.rate(|| Ok(true), BEFORE)?;
        keep(REMOVE)?;
        gateway.reload()?;
        let left = || anyhow::Ok(batches_in(&spool)?.intersection(&finished).count());
        wait_for(|| Ok(left()? < finished.len()))?;
        let started = Instant::now();
        let with = clients.rate(|| Ok(left()? > 0), LIMIT)?;
        let rate = finished.len() as f64 * RECORDS as f64 / started.elapsed().as_secs_f64() * 60.0;
        clients.stop()?;
        gateway.until_delivered(LIMIT)?;
        keep(KEEP)?;
        gateway.reload()?;
        shares.push(with / alone);
        before.push(alone);
        removed.push(rate);
    }
    gateway.stop()?;
    std::fs::remove_dir_all(&folder)?;
    let least = removed.iter().copied().fold(f64::INFINITY, f64::min);
    Ok(vec![
        Figure::new("acceptance while batches are removed", median(&shares), "of its rate")
            .bound(Bound::AtLeast(0.9))
            .note(format!(
                "{CLIENTS} clients, batches of {RECORDS} records by REST, delivered meanwhile; payloads and receipts go; \
                 rate while they go over that before; {}",
                each(&shares)
            )),
        Figure::new("  removed meanwhile", least, "records/min").bound(Bound::AtLeast(100_000.0)).note(format!(
            "finished batches of {RECORDS} records, at least {stock} in each round; {}",
            each(&removed)
        )),
        Figure::new("  accepted before", median(&before), "batches/s").note(each(&before)),
    ])
}

/// The names of folders in the spool.
fn batches_in(spool: &Path) -> anyhow::Result<HashSet<String>> {
    let entries = std::fs::read_dir(spool).context("the spool")?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter(|name| name != "lock").collect())
}

fn wait_for(mut condition: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let started = Instant::now();
    while !condition()? {
        if started.elapsed() > LIMIT {
            bail!("waited in vain for {LIMIT:?}");
        }
        sleep(LOOK);
    }
    Ok(())
}

/// Clients that send one batch after the other until they are stopped.
struct Clients {
    accepted: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Clients {
    fn start(gateway: SocketAddr, payload: &Arc<[u8]>, name: &str) -> Self {
        let (accepted, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let client = |client: usize| {
            let (accepted, stop, payload) = (Arc::clone(&accepted), Arc::clone(&stop), Arc::clone(payload));
            let name = format!("{name}-{client}");
            std::thread::spawn(move || {
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    number += 1;
                    let key = format!("{name}-{number}");
                    upload::send(gateway, Door::RestCsv, &key, &mut Cursor::new(&payload))?;
                    accepted.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })
        };
        let threads = (0..CLIENTS).map(client).collect();
        Self { accepted, stop, threads }
    }

    fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Batches a second for as long as `goes_on` says, at most `limit`.
    fn rate(&self, goes_on: impl Fn() -> anyhow::Result<bool>, limit: Duration) -> anyhow::Result<f64> {
        let (started, before) = (Instant::now(), self.accepted());
        while started.elapsed() < limit && goes_on()? {
            sleep(LOOK);
        }
        Ok((self.accepted() - before) as f64 / started.elapsed().as_secs_f64())
    }

    fn stop(self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().map_err(|_| anyhow::anyhow!("a client broke off"))??;
        }
        Ok(())
    }
}
