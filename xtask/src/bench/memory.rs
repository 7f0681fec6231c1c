//! Peak memory at each door, for a batch and for one ten times as large, generated while they are sent.

use std::time::{Duration, Instant};

use clap::ValueEnum;

use super::Bench;
use super::figure::{Bound, Figure};
use super::gateway::Gateway;
use super::site::{self, Cloud};
use super::upload::{self, Generated};
use crate::demo::Door;

/// Most that the peak may lie over idle, in MiB.
const PEAK: f64 = 48.0;
/// What two sizes may differ by to be the same, in MiB: where the allocator's pages happen to lie.
const SAME: f64 = 4.0;
/// The longest that the delivery of one batch may take.
const DELIVERY: Duration = Duration::from_secs(1_200);

/// Measures every door with a gateway of its own for each size, then the delivery.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let sizes = if bench.quick { [5_000, 50_000] } else { [100_000, 1_000_000] };
    let mut figures = Vec::new();
    for door in Door::value_variants() {
        let peaks = sizes.map(|records| peak(bench, *door, records, None));
        let name = format!("memory, {}", door.name());
        figures.extend(figures_of(&name, sizes, peaks, "taken; delivery held back")?);
    }
    // What is delivered lies in the spool, and is the same whichever door it came through.
    let peaks = sizes.map(|records| peak(bench, Door::Swa, records, Some(DELIVERY)));
    let note = "taken by SwA and delivered, chunks of up to 10,000 rows, 50 ms a call";
    figures.extend(figures_of("memory, swa and delivery", sizes, peaks, note)?);
    Ok(figures)
}

/// Peak over idle in MiB of a gateway that takes one batch, and delivers it where there is time for that.
fn peak(bench: &Bench, door: Door, records: u64, delivery: Option<Duration>) -> anyhow::Result<f64> {
    let folder = bench.fresh("memory")?;
    let cloud = if delivery.is_some() { Cloud::quick(bench)? } else { Cloud::none()? };
    site::attributes(bench, &folder, &cloud, "")?;
    let gateway = Gateway::start(bench.programs.command("sekisho"), &folder)?;
    let idle = gateway.idle();
    let started = Instant::now();
    let mut payload = Generated::start(bench, records, door.format())?;
    let bytes = upload::send(gateway.listener, door, "bench", &mut payload)?;
    let taken = started.elapsed().as_secs_f64();
    if let Some(limit) = delivery {
        gateway.until_delivered(limit)?;
    }
    let peak = gateway.peak() - idle;
    println!(
        "  {} {records}: {:.0} MB in {taken:.1} s, +{peak:.1} MiB{}",
        door.name(),
        bytes as f64 / 1e6,
        delivery.map_or_else(String::new, |_| format!(
            ", delivered after {:.1} s",
            started.elapsed().as_secs_f64()
        ))
    );
    gateway.stop()?;
    std::fs::remove_dir_all(&folder)?;
    Ok(peak)
}

fn figures_of(
    name: &str,
    sizes: [u64; 2],
    peaks: [anyhow::Result<f64>; 2],
    note: &str,
) -> anyhow::Result<Vec<Figure>> {
    let [small, large] = peaks;
    let (small, large) = (small?, large?);
    let [few, many] = sizes;
    let peak = |records: u64, peak: f64| {
        let figure = Figure::new(format!("{name}, {records} records"), peak, "MiB");
        figure.bound(Bound::AtMost(PEAK)).note(format!("peak over idle; {note}"))
    };
    let grown = Figure::new(format!("{name}, growth"), large - small, "MiB");
    let grown = grown.bound(Bound::AtMost(SAME)).note("the same for both sizes, within what pages cost");
    Ok(vec![peak(few, small), peak(many, large), grown])
}
