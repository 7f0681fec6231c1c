//! What can be seen while a batch is delivered: chunks, pace, hops.

use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::Value;

use super::{Options, Stage};
use crate::processes::get;

/// How often the state is shown.
const SHOW: Duration = Duration::from_secs(2);
/// How often the state is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Shows the delivery until every record has an outcome, or waits for an operator; answers the last receipt.
pub(super) fn until_finished(stage: &Stage, batch: &str, options: &Options) -> anyhow::Result<Value> {
    let path = format!("/batches/{batch}");
    // One record a millisecond would be slow; whatever takes longer than this has stopped.
    let limit = Duration::from_secs(600) + Duration::from_millis(4 * options.records);
    let started = Instant::now();
    let mut shown = started;
    loop {
        let receipt = get(stage.admin, &path)?;
        let state = receipt["state"].as_str().unwrap_or_default();
        if receipt["finishedAt"].is_string() || state == "held" {
            show(stage, &receipt, started)?;
            return Ok(receipt);
        }
        if options.no_split && stage.cloud_stats()?["time_limit_hits"].as_u64() > Some(0) {
            return Ok(receipt);
        }
        if started.elapsed() > limit {
            bail!("the delivery has not ended within {limit:?}");
        }
        if shown.elapsed() >= SHOW {
            shown = Instant::now();
            show(stage, &receipt, started)?;
        }
        std::thread::sleep(LOOK);
    }
}

fn show(stage: &Stage, receipt: &Value, started: Instant) -> anyhow::Result<()> {
    let sums = &receipt["sums"];
    let count = |name: &str| sums[name].as_u64().unwrap_or(0);
    let total = count("accepted").max(1);
    let settled = count("delivered") + count("rejected") + count("partial");
    let filled = (settled * 24 / total) as usize;
    println!(
        "{:>5.0} s [{}{}] {:>7} delivered, {:>6} in flight, {} in doubt, {} rejected, {} chunks",
        started.elapsed().as_secs_f64(),
        "#".repeat(filled),
        "-".repeat(24 - filled),
        count("delivered"),
        count("inFlight"),
        count("inDoubt"),
        count("rejected"),
        receipt["chunks"],
    );
    let delivery = get(stage.admin, "/delivery")?;
    for upstream in delivery.as_array().into_iter().flatten() {
        for (route, line) in upstream["pace"].as_object().into_iter().flatten() {
            println!("        pace {route}: {}", line.as_str().unwrap_or_default());
        }
    }
    let heartbeat = get(stage.admin, "/heartbeat")?;
    let hops: Vec<String> = heartbeat["hops"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|hop| format!("{} {}", hop["name"].as_str().unwrap_or(""), hop["state"].as_str().unwrap_or("")))
        .collect();
    println!("        hops {}", hops.join(", "));
    Ok(())
}
