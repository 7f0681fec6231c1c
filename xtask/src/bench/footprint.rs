//! What the gateway costs before it has done anything: size, idle memory, time until it is ready.

use std::io::Cursor;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use anyhow::ensure;

use super::Bench;
use super::figure::{Bound, Figure, each, median};
use super::gateway::Gateway;
use super::site::{self, Cloud, Settings};
use super::upload::{self, Generated};
use crate::demo::Door;

/// Starts of each kind.
const STARTS: usize = 5;
/// Batches in the ledger of a gateway that has worked.
const BATCHES: usize = 100;

/// Measures size, memory and starts.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let size = std::fs::metadata(bench.programs.path("sekisho"))?.len() as f64 / 1e6;
    let folder = bench.fresh("footprint")?;
    let state = folder.join("state");
    let cloud = Cloud::quick(bench)?;
    site::attributes(bench, &folder, &cloud, Settings::default())?;

    let (mut empty, mut worked) = (Vec::new(), Vec::new());
    let mut idle = Vec::new();
    for start in 0..STARTS {
        if state.exists() {
            std::fs::remove_dir_all(&state)?;
        }
        let gateway = Gateway::start(bench.programs.command("sekisho"), &folder)?;
        empty.push(milliseconds(gateway.ready));
        if start == 0 {
            idle.push(gateway.idle());
        }
        gateway.stop()?;
    }
    let after_work = work(bench, &folder)?;
    for start in 0..STARTS {
        let gateway = Gateway::start(bench.programs.command("sekisho"), &folder)?;
        worked.push(milliseconds(gateway.ready));
        if start == 0 {
            idle.push(gateway.idle());
        }
        gateway.stop()?;
    }
    std::fs::remove_dir_all(&folder)?;
    let most = idle.iter().copied().fold(0.0, f64::max);
    Ok(vec![
        Figure::new("size of the program", size, "MB").bound(Bound::AtMost(25.0)),
        Figure::new("idle memory", most, "MiB").bound(Bound::AtMost(24.0)).note(format!(
            "resident, after the hops were looked at, on an empty state folder and on one of {BATCHES} finished batches: {}",
            each(&idle)
        )),
        Figure::new("  after that work", after_work, "MiB").note("the gateway that delivered them, idle again"),
        Figure::new("ready, empty state folder", median(&empty), "ms")
            .bound(Bound::AtMost(300.0))
            .note(format!("from exec to the line `ready`; {}", each(&empty))),
        Figure::new(format!("ready, {BATCHES} finished batches"), median(&worked), "ms")
            .bound(Bound::AtMost(300.0))
            .note(each(&worked)),
    ])
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Lets a gateway deliver batches; its idle memory afterwards.
fn work(bench: &Bench, folder: &Path) -> anyhow::Result<f64> {
    let gateway = Gateway::start(bench.programs.command("sekisho"), folder)?;
    let mut payload = Vec::new();
    Generated::start(bench, 10, "csv")?.read_to_end(&mut payload)?;
    for number in 0..BATCHES {
        let key = format!("footprint-{number}");
        upload::send(gateway.listener, Door::RestCsv, &key, &mut Cursor::new(&payload))?;
    }
    gateway.until_delivered(Duration::from_secs(120))?;
    let delivered = gateway.ask("/totals")?["delivered"].as_u64();
    ensure!(delivered == Some(10 * BATCHES as u64), "{delivered:?} records were delivered");
    let idle = gateway.idle();
    gateway.stop()?;
    Ok(idle)
}
