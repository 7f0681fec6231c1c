//! Killed with many open batches, some of their chunks under way: how long until the gateway delivers again.

use std::io::{Cursor, Read as _};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::Bench;
use super::figure::{Bound, Figure, each, median};
use super::gateway::Gateway;
use super::site::{self, Cloud, Settings};
use super::upload::{self, Generated};
use crate::demo::Door;

/// The longest that one start may take until something is delivered.
const LIMIT: Duration = Duration::from_secs(60);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Measures kills and starts.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (batches, rounds) = if bench.quick { (50, 2) } else { (1_000, 5) };
    let folder = bench.fresh("recovery")?;
    let address = site::free_address()?;
    // No call ends before the kill: what is under way then is in doubt afterwards.
    let slow = Cloud::at(address, "50s", bench)?;
    site::attributes(bench, &folder, &slow, Settings::default())?;
    let mut gateway = Gateway::start(bench.programs.command("sekisho"), &folder)?;
    let mut payload = Vec::new();
    Generated::start(bench, 20, "csv")?.read_to_end(&mut payload)?;
    for number in 0..batches {
        upload::send(
            gateway.listener,
            Door::RestCsv,
            &format!("recovery-{number}"),
            &mut Cursor::new(&payload),
        )?;
    }
    drop(slow);

    let (mut ready, mut delivering) = (Vec::new(), Vec::new());
    let (mut open, mut in_doubt) = (Vec::new(), 0);
    for round in 0..rounds {
        let totals = gateway.ask("/totals")?;
        let was = totals["delivered"].as_u64().context("the ledger's sums")?;
        in_doubt =
            in_doubt.max(totals["inFlight"].as_u64().unwrap_or(0) + totals["inDoubt"].as_u64().unwrap_or(0));
        gateway.kill()?;
        // The cloud is there before the gateway is, and slow enough that one round leaves most batches open.
        let cloud = Cloud::at(address, "200ms", bench)?;
        let started = Instant::now();
        gateway = Gateway::start(bench.programs.command("sekisho"), &folder)?;
        ready.push(gateway.ready.as_secs_f64());
        open.push(open_batches(&gateway)? as f64);
        while gateway.ask("/totals")?["delivered"].as_u64().context("the ledger's sums")? == was {
            if started.elapsed() > LIMIT {
                bail!("nothing was delivered within {LIMIT:?} of start {round}");
            }
            std::thread::sleep(LOOK);
        }
        delivering.push(started.elapsed().as_secs_f64());
        drop(cloud);
    }
    gateway.kill()?;
    ensure!(in_doubt > 0, "no record was under way at a kill");
    std::fs::remove_dir_all(&folder)?;
    let worst = delivering.iter().copied().fold(0.0, f64::max);
    Ok(vec![
        Figure::new("recovery, delivering again", worst, "s").bound(Bound::AtMost(2.0)).note(format!(
            "the worst of {rounds} starts after SIGKILL: from exec to the first records that the cloud has confirmed, a call \
             taking 0.2 s; {}; open batches: {}; up to {in_doubt} records were under way",
            each(&delivering),
            each(&open),
        )),
        Figure::new("  ready", median(&ready), "s").note(each(&ready)),
    ])
}

/// What the gateway has not finished, counted page by page.
fn open_batches(gateway: &Gateway) -> anyhow::Result<usize> {
    let (mut count, mut after) = (0, String::new());
    loop {
        let page = gateway.ask(&format!("/batches?finished=false&limit=1000{after}"))?;
        let batches = page["batches"].as_array().context("a list of batches")?;
        count += batches.len();
        match batches.last() {
            Some(last) if batches.len() == 1_000 => {
                after = format!("&after={}", last["id"].as_str().context("an id")?);
            }
            _ => return Ok(count),
        }
    }
}
