//! The long tests: what `cargo xtask test --long` runs after the rest, each part in a process of its own, bounded in time.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::ValueEnum;

use crate::conformance;
use crate::demo::{self, Door};
use crate::fuzz;
use crate::image;
use crate::kills;
use crate::simulation;
use crate::test;
use crate::tools;
use crate::workspace::Programs;

/// How often a part is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// How long a part that is out of time, and what it has started, may take to end by themselves.
const GRACE: Duration = Duration::from_secs(30);
/// This program, even where the tests' build has put another in its place meanwhile.
const THIS: &str = "/proc/self/exe";
/// Records of the main job in full size.
const FULL: u64 = 400_000;
/// How often every attack is made.
const ATTACKS: u64 = 1_000;

/// One of the long tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Slow attacks by slowhttptest, and TLS as testssl.sh finds it.
    Tools,
    /// The main job in full size without splitting, which must run into the cloud's time limit.
    Unsplit,
    /// The main job in full size, every record compared.
    FullSize,
    /// The gateway killed a thousand times under load.
    Kills,
    /// The container image, built and run.
    Image,
    /// Delivery on a virtual clock, a million seeds.
    Simulation,
    /// Bytes that break what a reader promises: ten minutes for each target that judges what clients send, five for each other
    /// one, two at a time. How many inputs were tried is in target/fuzz/long.txt.
    Fuzz,
    /// Every attack a thousand times against one gateway.
    Attacks,
}

impl Part {
    /// Every part, in the order in which they are run: what tells most for its time comes first.
    const ALL: [Self; 8] = [
        Self::Tools,
        Self::Unsplit,
        Self::FullSize,
        Self::Kills,
        Self::Image,
        Self::Simulation,
        Self::Fuzz,
        Self::Attacks,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Tools => "slow attacks by slowhttptest, and TLS as testssl.sh finds it",
            Self::Unsplit => "the main job in full size without splitting, which must fail",
            Self::FullSize => "the main job in full size, every record compared",
            Self::Kills => "the gateway killed 1,000 times under load, every record compared",
            Self::Image => "the container image, built and run (as root)",
            Self::Simulation => "delivery on a virtual clock, a million seeds",
            Self::Fuzz => {
                "bytes that break a reader: ten minutes for each target that judges, five for each other one"
            }
            Self::Attacks => {
                "every attack 1,000 times against one gateway, which must hold no more afterwards"
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Unsplit => "unsplit",
            Self::FullSize => "full-size",
            Self::Kills => "kills",
            Self::Image => "image",
            Self::Simulation => "simulation",
            Self::Fuzz => "fuzz",
            Self::Attacks => "attacks",
        }
    }

    /// How long it may take, in minutes.
    fn minutes(self) -> u64 {
        match self {
            Self::Tools => 15,
            Self::Unsplit => 15,
            Self::FullSize => 45,
            Self::Kills => 45,
            Self::Image => 60,
            Self::Simulation => 90,
            Self::Fuzz => 90,
            // A pass waits for deadlines, some of them one after the other: 17 s with a debug build on two busy cores.
            Self::Attacks => 330,
        }
    }
}

/// How a part ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Passed,
    Failed,
    OutOfTime,
}

/// What `--long` does and how long it takes, for `--help`.
pub(crate) fn help() -> String {
    let parts = Part::ALL.map(|part| {
        format!("  {:<9}  {}; {} minutes at the most", part.name(), part.title(), part.minutes())
    });
    let all: u64 = Part::ALL.into_iter().map(Part::minutes).sum();
    format!(
        "After everything else also what takes long, one part after the other, each stopped when its time is over:\n\n\
         {}\n\n\
         All of them are run, whatever became of those before: {all} minutes at the most, besides the time of the rest",
        parts.join("\n")
    )
}

/// Runs every part in a process of its own. `false` when one failed or was out of time.
pub(crate) fn all() -> anyhow::Result<bool> {
    let mut ends = Vec::new();
    for part in Part::ALL {
        println!("\n== {} ({} minutes at the most)", part.title(), part.minutes());
        let started = Instant::now();
        let most = Duration::from_secs(60 * part.minutes());
        let ended = bounded(Command::new(THIS).args(["test", "--part", part.name()]), most)?;
        ends.push((part, ended, started.elapsed().as_secs()));
    }
    println!("\nthe long tests");
    for (part, ended, seconds) in &ends {
        let said = match ended {
            Ended::Passed => "passed",
            Ended::Failed => "FAILED",
            Ended::OutOfTime => "FAILED: out of time",
        };
        println!("  {:<9}  {said} after {seconds} s", part.name());
    }
    Ok(ends.iter().all(|(_, ended, _)| *ended == Ended::Passed))
}

/// Runs one part in this process.
pub(crate) fn run(part: Part) -> anyhow::Result<bool> {
    match part {
        Part::Tools => tools::long(&Programs::build()?).map(|()| true),
        Part::Unsplit => test::fails_without_splitting(&Programs::build()?, FULL),
        Part::FullSize => demo::play(&test::main_job(Door::Swa, FULL), &Programs::build()?),
        Part::Kills => kills::long().map(|()| true),
        Part::Image => image::run().map(|()| true),
        Part::Simulation => simulation::run().map(|()| true),
        Part::Fuzz => fuzz::long(),
        Part::Attacks => conformance::attacked(&Programs::build()?, ATTACKS),
    }
}

/// Runs a command to its end, or until its time is over; then it is stopped, with all that it has started.
fn bounded(command: &mut Command, most: Duration) -> anyhow::Result<Ended> {
    let mut child = command.stdin(Stdio::null()).spawn().with_context(|| format!("starting {command:?}"))?;
    let until = Instant::now() + most;
    while Instant::now() < until {
        if let Some(status) = child.try_wait()? {
            return Ok(if status.success() { Ended::Passed } else { Ended::Failed });
        }
        std::thread::sleep(LOOK);
    }
    println!("out of time: stopping it");
    stop(&mut child)?;
    Ok(Ended::OutOfTime)
}

/// Asks a program and its descendants to end, and kills those that do not. They are asked one by one and not as a group of
/// processes: in a group of its own a part would outlive an interrupt from the keyboard.
fn stop(child: &mut Child) -> anyhow::Result<()> {
    let mut family = descendants(child.id());
    family.push(child.id());
    signal("-TERM", &family);
    let until = Instant::now() + GRACE;
    while Instant::now() < until {
        // Reaped here, or it would seem to live on.
        let ended = child.try_wait()?.is_some();
        family.retain(|&id| is_alive(id));
        if ended && family.is_empty() {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
    let late: Vec<u32> = family.iter().flat_map(|&id| descendants(id)).collect();
    family.extend(late);
    signal("-KILL", &family);
    child.wait()?;
    Ok(())
}

fn signal(name: &str, ids: &[u32]) {
    // One that has ended meanwhile cannot be signalled, and need not be.
    let _ =
        Command::new("kill").arg(name).args(ids.iter().map(u32::to_string)).stderr(Stdio::null()).status();
}

/// Every process that a process has started, directly or not, as `/proc` tells it.
fn descendants(id: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<u32> = children
        .flat_map(|ids| ids.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect();
    children.into_iter().flat_map(|child| [vec![child], descendants(child)].concat()).collect()
}

/// Whether a process is there and has not ended: one that nobody has waited for is a zombie (Z).
fn is_alive(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use super::*;

    /// Far more than the program takes.
    const PATIENCE: Duration = Duration::from_secs(600);

    #[test]
    fn what_ends_in_time_has_passed_or_failed_by_its_exit_code() {
        assert_eq!(bounded(&mut Command::new("true"), PATIENCE).unwrap(), Ended::Passed);
        assert_eq!(bounded(&mut Command::new("false"), PATIENCE).unwrap(), Ended::Failed);
        assert!(bounded(&mut Command::new("/no/such/program"), PATIENCE).is_err());
    }

    #[test]
    fn a_part_is_run_by_this_program_wherever_it_lies() {
        let ended = bounded(Command::new(THIS).args(["--list", "--quiet"]).stdout(Stdio::null()), PATIENCE);
        assert_eq!(ended.unwrap(), Ended::Passed);
    }

    #[test]
    fn what_is_out_of_time_is_stopped_with_all_that_it_has_started() {
        let mut child = Command::new("sh")
            .args(["-c", "tail -f /dev/null & sh -c 'tail -f /dev/null & wait' & wait"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let family = loop {
            let family = descendants(child.id());
            // Two that read, and the shell between.
            if family.len() == 3 {
                break family;
            }
        };
        assert!(family.iter().all(|&id| is_alive(id)));
        stop(&mut child).unwrap();
        assert!(!family.into_iter().any(is_alive));

        assert_eq!(
            bounded(Command::new("tail").args(["-f", "/dev/null"]), Duration::ZERO).unwrap(),
            Ended::OutOfTime
        );
    }

    #[test]
    fn the_parts_are_known_by_name_in_the_order_of_their_bounds_and_told_in_the_help() {
        let help = help();
        for part in Part::ALL {
            assert_eq!(Part::from_str(part.name(), false), Ok(part));
            assert!(
                help.contains(part.title()) && help.contains(&format!("{} minutes", part.minutes())),
                "{help}"
            );
        }
        assert_eq!(Part::value_variants(), Part::ALL);
        assert!(Part::ALL.is_sorted_by_key(|part| part.minutes()));
    }
}
