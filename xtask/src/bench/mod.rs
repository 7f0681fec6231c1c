//! `cargo xtask bench`: what the gateway promises in figures, measured on this machine, peers in the same run.

mod acceptance;
mod boundary;
mod checking;
mod counts;
mod crowd;
mod figure;
mod flood;
mod footprint;
mod gateway;
mod log;
mod memory;
pub(crate) mod pacing;
mod recovery;
mod relay;
mod retention;
mod site;
mod upload;

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde_json::json;

use self::figure::{Bound, Figure};
use crate::ground::cleared;
use crate::needs::{self, Need};
use crate::workspace::{Programs, root};

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Smaller sizes and fewer rounds: shows that everything runs, and nothing that may be quoted.
    #[arg(long)]
    quick: bool,
    /// With a debug build, which is made sooner: shows that everything runs, and nothing that may be quoted.
    #[arg(long, requires = "quick")]
    dev: bool,
    /// Only these parts; may be given several times.
    #[arg(long, value_enum)]
    only: Vec<Part>,
}

/// A part of the measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Size of the program, idle memory, time to be ready.
    Footprint,
    /// Speed of taking a large batch, checked and durable.
    Acceptance,
    /// What certificates, disclosure policy, exchange log and encryption at rest cost that.
    Boundary,
    /// Checking documents and records, beside xmllint and quick-xml.
    Checking,
    /// Instructions of checking, counted by callgrind.
    Counts,
    /// Small relayed SOAP calls beside nginx.
    Relay,
    /// Peak memory at every door, whatever the size.
    Memory,
    /// Peak memory with many uploads and idle connections at once.
    Crowd,
    /// One client's flood beside another client, and two thousand that connect at once.
    Flood,
    /// Acceptance while what has had its time is removed.
    Retention,
    /// From SIGKILL with many open batches to delivering again.
    Recovery,
    /// Lines of the exchange log a second, written and verified.
    Log,
    /// The pace beside the best fixed chunk size.
    Pacing,
}

/// What every part needs.
struct Bench {
    programs: Programs,
    folder: PathBuf,
    quick: bool,
}

/// Measures. `false` when a bound is missed or a part could not be measured.
pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    let parts: Vec<Part> =
        Part::value_variants().iter().copied().filter(|part| options.wants(*part)).collect();
    needs::install(&needs_of(&parts))?;
    println!("building");
    let programs = if options.dev { Programs::build_dev()? } else { Programs::build()? };
    let folder = root().join("target/bench");
    cleared(&folder)?;
    let bench = Bench { programs, folder, quick: options.quick };
    let mut figures = Vec::new();
    for part in parts {
        println!("\n{part:?}");
        let started = Instant::now();
        match bench.measure(part) {
            Ok(measured) => figures.extend(measured),
            Err(error) => {
                eprintln!("{part:?} could not be measured: {error:#}");
                let failed = Figure::new(format!("{part:?}").to_lowercase(), f64::NAN, "");
                figures.push(failed.bound(Bound::AtLeast(1.0)).note(format!("{error:#}")));
            }
        }
        println!("{part:?} took {:.0} s", started.elapsed().as_secs_f64());
    }
    figure::print(&figures);
    let file = root().join("target/bench.json");
    let figures_json: Vec<_> = figures.iter().map(Figure::json).collect();
    let document = json!({ "quick": bench.quick, "machine": machine(), "figures": figures_json });
    std::fs::write(&file, format!("{document:#}\n"))?;
    println!("\nwritten to target/bench.json{}", if bench.quick { " (quick: not to be quoted)" } else { "" });
    Ok(figures.iter().all(Figure::met))
}

impl Options {
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

fn needs_of(parts: &[Part]) -> Vec<Need> {
    let mut needs = vec![
        needs::MAKE,
        Need { program: "taskset", package: "util-linux" },
        Need { program: "timeout", package: "coreutils" },
    ];
    if parts.contains(&Part::Boundary) {
        needs.push(Need { program: "openssl", package: "openssl" });
    }
    if parts.contains(&Part::Checking) {
        needs.extend(checking::NEEDS);
    }
    if parts.contains(&Part::Counts) {
        needs.extend(counts::NEEDS);
    }
    if parts.contains(&Part::Relay) || parts.contains(&Part::Flood) {
        needs.push(Need { program: "wrk", package: "wrk" });
    }
    if parts.contains(&Part::Relay) {
        needs.push(relay::NGINX);
    }
    needs
}

impl Bench {
    fn measure(&self, part: Part) -> anyhow::Result<Vec<Figure>> {
        match part {
            Part::Footprint => footprint::measure(self),
            Part::Acceptance => acceptance::measure(self),
            Part::Boundary => boundary::measure(self),
            Part::Checking => checking::measure(self),
            Part::Counts => counts::measure(self),
            Part::Relay => relay::measure(self),
            Part::Memory => memory::measure(self),
            Part::Crowd => crowd::measure(self),
            Part::Flood => flood::measure(self),
            Part::Retention => retention::measure(self),
            Part::Recovery => recovery::measure(self),
            Part::Log => log::measure(self),
            Part::Pacing => pacing::measure(self),
        }
    }

    /// A folder of its own for one start of a gateway, empty.
    fn fresh(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join(name);
        cleared(&folder)?;
        Ok(folder)
    }
}

/// How many cores there are.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// A command that runs on one core only, and is ended after `seconds` if that is set.
fn pinned(core: usize, seconds: Option<u64>, program: &std::path::Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]);
    if let Some(seconds) = seconds {
        command.args(["timeout", &seconds.to_string()]);
    }
    command.arg(program);
    command
}

/// What a reader of the figures has to know about the machine.
fn machine() -> serde_json::Value {
    let first = |file: &str, field: &str| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(field)).unwrap_or_default();
        line.split_once(':').map_or(line, |(_, value)| value).trim().to_owned()
    };
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    json!({
        "cores": cores(),
        "processor": first("/proc/cpuinfo", "model name"),
        "memory": first("/proc/meminfo", "MemTotal"),
        "kernel": first("/proc/sys/kernel/osrelease", ""),
        "load_at_the_end": load.split(' ').next().unwrap_or_default(),
    })
}
