//! The exchange log: lines chained, signed, written and on the disk in a second of one core, and lines that are held against
//! their chain in one.

use std::process::Stdio;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::figure::{Bound, Figure, each, median};
use super::{Bench, pinned};
use crate::workspace::{cargo, check, target};

/// Lines of one round.
const LINES: u64 = 1_000_000;
/// Rounds.
const ROUNDS: usize = 5;

/// Measures both.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    check(cargo().args([
        "build",
        "--release",
        "--locked",
        "-p",
        "sekisho-exchanges",
        "--example",
        "log_speed",
    ]))?;
    let program = target().join("release/examples/log_speed");
    let (lines, rounds) = if bench.quick { (LINES / 10, 1) } else { (LINES, ROUNDS) };
    let (mut written, mut verified) = (Vec::new(), Vec::new());
    let mut last = Value::Null;
    for _ in 0..rounds {
        let folder = bench.fresh("log")?;
        let output = pinned(0, Some(300), &program)
            .arg(folder.join("exchanges"))
            .arg(lines.to_string())
            .stderr(Stdio::inherit())
            .output()
            .context("running log_speed")?;
        ensure!(output.status.success(), "log_speed: {}", output.status);
        last = serde_json::from_slice(&output.stdout).context("what log_speed printed")?;
        let rate = |name: &str| last[name].as_f64().with_context(|| format!("log_speed gave no {name}"));
        written.push(rate("written_per_second")?);
        verified.push(rate("verified_per_second")?);
        std::fs::remove_dir_all(&folder)?;
    }
    let bytes = last["bytes"].as_f64().unwrap_or_default() / last["lines"].as_f64().unwrap_or(1.0);
    Ok(vec![
        Figure::new("exchange log, lines on the disk", median(&written), "1/s").bound(Bound::AtLeast(300_000.0)).note(
            format!(
                "one core for those who hand them over and the one who writes; {lines} lines of {bytes:.0} bytes, chained, \
                 signed, synced {} times; {} in a second of processor time; {}",
                last["syncs"],
                last["written_per_processor_second"],
                each(&written)
            ),
        ),
        Figure::new("exchange log, lines verified", median(&verified), "1/s")
            .bound(Bound::AtLeast(500_000.0))
            .note(format!("one core, with signatures, just after they were written; {}", each(&verified))),
    ])
}
