//! Peak memory at each door and by a browser's form, for a batch and for one ten times as large, generated while they are sent.

use std::time::{Duration, Instant};

use clap::ValueEnum;

use super::Bench;
use super::figure::{Bound, Figure};
use super::gateway::Gateway;
use super::site::{self, Cloud, Settings};
use super::upload::{self, Generated, Way};
use crate::demo::Door;

/// Most that the peak may lie over idle, in MiB.
const PEAK: f64 = 48.0;
/// What two sizes may differ by to be the same, in MiB: where the allocator's pages happen to lie.
const SAME: f64 = 4.0;
/// The longest that the delivery of one batch may take.
const DELIVERY: Duration = Duration::from_secs(1_200);

/// Chunks that even the smaller batch has enough of to fill what may be under way at once.
const SMALL_CHUNKS: &str = "max_rows = 1000";

/// What one gateway has to do.
#[derive(Debug, Clone, Copy)]
struct Task {
    way: Way,
    records: u64,
    /// How the batch is delivered; it stays in the spool where absent.
    pace: Option<&'static str>,
}

/// Measures every way with a gateway of its own for each size, then the delivery.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let sizes = if bench.quick { [20_000, 60_000] } else { [100_000, 1_000_000] };
    let mut figures = Vec::new();
    let doors = Door::value_variants().iter().copied().map(Way::from);
    for way in doors.chain([Way::Form]) {
        let name = format!("memory, {}", way.name());
        let tasks = sizes.map(|records| Task { way, records, pace: None });
        figures.extend(compare(bench, &name, tasks, "peak over idle; taken, delivery held back")?);
    }
    // What is delivered lies in the spool, and is the same whichever door it came through.
    let tasks = sizes.map(|records| Task { way: Door::Swa.into(), records, pace: Some(SMALL_CHUNKS) });
    let note = "peak over idle; taken and delivered, 50 ms a call, 8 chunks of 1,000 rows under way";
    figures.extend(compare(bench, "memory, swa and delivery", tasks, note)?);
    let task = Task { way: Door::Swa.into(), records: sizes[1], pace: Some("") };
    let note = "the same with the usual pace, up to 8 chunks of 10,000 rows under way";
    figures.push(held(&format!("memory, usual chunks, {} records", task.records), peak(bench, task)?, note));
    Ok(figures)
}

/// One task at two sizes.
fn compare(bench: &Bench, name: &str, tasks: [Task; 2], note: &str) -> anyhow::Result<Vec<Figure>> {
    let [few, many] = tasks;
    let (small, large) = (peak(bench, few)?, peak(bench, many)?);
    let grown = Figure::new(format!("{name}, growth"), large - small, "MiB");
    Ok(vec![
        held(&format!("{name}, {} records", few.records), small, note),
        held(&format!("{name}, {} records", many.records), large, note),
        grown.bound(Bound::AtMost(SAME)).note("the same for both sizes, within what pages cost"),
    ])
}

fn held(name: &str, peak: f64, note: &str) -> Figure {
    Figure::new(name, peak, "MiB").bound(Bound::AtMost(PEAK)).note(note)
}

/// Peak over idle in MiB of a gateway that does one task.
fn peak(bench: &Bench, task: Task) -> anyhow::Result<f64> {
    let Task { way, records, pace } = task;
    let folder = bench.fresh("memory")?;
    let cloud = if pace.is_some() { Cloud::quick(bench)? } else { Cloud::none()? };
    let settings = Settings { pace: pace.unwrap_or_default(), ..Settings::default() };
    site::attributes(bench, &folder, &cloud, settings)?;
    let gateway = Gateway::start(bench.programs.command("sekisho"), &folder)?;
    let idle = gateway.idle();
    let started = Instant::now();
    let mut payload = Generated::start(bench, records, way.format())?;
    let bytes = upload::send(gateway.listener, way, "bench", &mut payload)?;
    let taken = started.elapsed().as_secs_f64();
    if pace.is_some() {
        gateway.until_delivered(DELIVERY)?;
    }
    let peak = gateway.peak() - idle;
    println!(
        "  {} {records}: {:.0} MB in {taken:.1} s, +{peak:.1} MiB{}",
        way.name(),
        bytes as f64 / 1e6,
        pace.map_or_else(String::new, |_| format!(
            ", delivered after {:.1} s",
            started.elapsed().as_secs_f64()
        ))
    );
    gateway.stop()?;
    std::fs::remove_dir_all(&folder)?;
    Ok(peak)
}
