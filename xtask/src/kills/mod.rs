//! `cargo xtask kills`: the gateway is killed (SIGKILL) again and again under load, at its fail points and at random times, its
//! disk fails, its clock jumps, the cloud is down or resets; and each time every record is compared with what the cloud holds.

mod campaign;
mod client;
mod moods;
mod points;
mod routes;
mod settle;
mod site;
mod troubles;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::Value;

use self::campaign::Campaign;
use self::client::Clients;
use self::points::{POINTS, Point, Provoked};
use self::settle::Compared;
use self::site::{Builds, LOOK, PATIENCE, Start, until};
use self::troubles::Trouble;
use crate::processes::get;
use crate::workspace::{Programs, cargo, check, target};

/// Kills of the test command: at every fail point once, and half as many at random times.
const TESTED: u64 = POINTS.len() as u64 * 3 / 2;
/// Kills of the long tests.
const LONG: u64 = 1_000;
/// The seed of both.
const SEED: u64 = 1;
/// Kills between two comparisons.
const A_LEG: u64 = 50;
/// The latest time after its start at which a gateway is killed that is killed at a random one, in milliseconds.
const LATEST: u64 = 700;

/// How often a point that the load does not pass is provoked: what it takes must have had its time.
const PROVOKE: Duration = Duration::from_millis(300);

/// What is done: so many kills, or what else goes wrong.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How often the gateway is killed.
    #[arg(long, default_value_t = TESTED)]
    kills: u64,
    /// Decides which point is next, at which pass, and when a kill at a random time comes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only at this fail point, or `random`.
    #[arg(long, value_name = "POINT")]
    only: Option<String>,
    /// No kills, but this.
    #[arg(long, value_enum, conflicts_with_all = ["kills", "only"])]
    trouble: Option<Trouble>,
    /// With a debug build of everything, which is made sooner.
    #[arg(long)]
    dev: bool,
    /// With what is built already, for another seed.
    #[arg(long)]
    built: bool,
}

/// Builds what is needed and runs it.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let builds = if options.built {
        let shipped = Programs::built(if options.dev { "debug" } else { "release" });
        Builds { shipped, breaking: breaking() }
    } else {
        build(if options.dev { Programs::build_dev } else { Programs::build })?
    };
    match options.trouble {
        Some(trouble) => trouble.shown(&builds, options.seed),
        None => kills(&builds, options.kills, options.seed, options.only.as_deref()),
    }
}

/// What the test command runs, with programs that are built: troubles, and some kills.
pub(crate) fn tested(programs: &Programs) -> anyhow::Result<()> {
    all(build(|| Ok(programs.clone()))?, &Trouble::TESTED, TESTED)
}

/// What the long tests run.
pub(crate) fn long() -> anyhow::Result<()> {
    all(build(Programs::build)?, &Trouble::ALL, LONG)
}

fn all(builds: Builds, troubles: &[Trouble], count: u64) -> anyhow::Result<()> {
    for trouble in troubles {
        trouble.shown(&builds, SEED)?;
    }
    kills(&builds, count, SEED, None)
}

/// Builds the gateway with its fail points, and then what is shipped. No release build can have them.
fn build(shipped: impl FnOnce() -> anyhow::Result<Programs>) -> anyhow::Result<Builds> {
    std::fs::create_dir_all(folder())?;
    check(cargo().args(["build", "--locked", "--package", "sekisho", "--features", "failpoints"]))?;
    // Whoever builds the gateway next puts it in the same place, without fail points.
    let kept = std::fs::copy(target().join("debug/sekisho"), breaking());
    kept.context("keeping the gateway with fail points")?;
    let shipped = shipped()?;
    // The name of the variable that holds their orders stands in a program that has them, and in no other.
    ensure!(has_fail_points(&breaking())?, "the gateway that was built for it has no fail points");
    ensure!(!has_fail_points(&shipped.path("sekisho"))?, "the gateway that is shipped has fail points");
    Ok(Builds { shipped, breaking: breaking() })
}

fn has_fail_points(program: &Path) -> anyhow::Result<bool> {
    let bytes = std::fs::read(program).with_context(|| program.display().to_string())?;
    Ok(String::from_utf8_lossy(&bytes).contains("SEKISHO_FAIL"))
}

/// Where everything of this lies.
fn folder() -> PathBuf {
    target().join("kills")
}

/// The gateway with fail points.
fn breaking() -> PathBuf {
    folder().join("sekisho-with-fail-points")
}

/// Kills the gateway so often, and compares everything after every fifty kills and at the end.
fn kills(builds: &Builds, count: u64, seed: u64, only: Option<&str>) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut campaign = Campaign::new(builds, "campaign", seed)?;
    let mut bag: Vec<Option<Point>> = Vec::new();
    let mut done = 0;
    while done < count {
        let clients = campaign.clients();
        let leg = count.min(done + A_LEG);
        while done < leg {
            if bag.is_empty() {
                bag = bagful(only, &mut chance)?;
            }
            let point = bag.pop().flatten();
            moods::change(&campaign.site, &mut chance)?;
            done += 1;
            let what = killed(&mut campaign, &clients, point, &mut chance).with_context(|| {
                format!("kill {done}, seed {seed}: {}", point.map_or("random", |point| point.name))
            })?;
            println!("  kill {done:>4}  {what}");
        }
        moods::good(&campaign.site)?;
        campaign.site.start(&Start::default())?;
        campaign.close(clients).with_context(|| format!("after kill {done}, seed {seed}"))?;
        campaign.site.kill();
    }
    let Compared { batches, records, rewritten, decided, asked } = campaign.compared;
    // Under so many kills a chunk of the route that can be asked by key is in doubt for certain.
    ensure!(asked > 0 || count < TESTED || only.is_some(), "nothing was asked by key in {count} kills");
    println!(
        "{count} kills in {} s (seed {seed}): {batches} batches with {records} records, 0 lost, 0 doubled; {} requests sent \
         again, {rewritten} rows written again to the same effect, {asked} questions by key among the last calls, {decided} chunks \
         decided by the operator",
        started.elapsed().as_secs(),
        campaign.seen.repeated.load(std::sync::atomic::Ordering::Relaxed),
    );
    Ok(())
}

/// Every fail point once, and as many kills at random times as half of them, shuffled.
fn bagful(only: Option<&str>, chance: &mut fastrand::Rng) -> anyhow::Result<Vec<Option<Point>>> {
    let mut bag: Vec<Option<Point>> = match only {
        None => POINTS.into_iter().map(Some).chain(std::iter::repeat_n(None, POINTS.len() / 2)).collect(),
        Some("random") => vec![None],
        Some(name) => POINTS.into_iter().filter(|point| point.name == name).map(Some).collect(),
    };
    ensure!(!bag.is_empty(), "there is no fail point of that name");
    chance.shuffle(&mut bag);
    Ok(bag)
}

/// Starts the gateway and has it killed: at a pass of the point, or at a random time. Returns what was done, so that it can be
/// done again.
fn killed(
    campaign: &mut Campaign,
    clients: &Clients,
    point: Option<Point>,
    chance: &mut fastrand::Rng,
) -> anyhow::Result<String> {
    let Some(point) = point else {
        let after = Duration::from_millis(chance.u64(..LATEST));
        campaign.site.start(&Start::default())?;
        let until = Instant::now() + after;
        // The time itself is what is tried, not a condition.
        while Instant::now() < until {
            std::thread::sleep(LOOK.min(until.saturating_duration_since(Instant::now())));
        }
        ensure!(!campaign.site.is_dead()?, "the gateway died by itself");
        campaign.site.kill();
        ensure!(clients.are_well(), "a client has ended");
        return Ok(format!("at a random time, {} ms after it was ready", after.as_millis()));
    };
    let pass = chance.u64(1..=point.passes);
    let orders = Some(format!("{}=kill@{pass}", point.name));
    let ready = campaign.site.start(&Start { orders, ..Start::default() })?;
    // The first transactions are those of the start.
    ensure!(!ready || point.provoked != Provoked::AtStart, "{} was not passed", point.name);
    let limit = Instant::now() + PATIENCE;
    let mut provoke = Instant::now();
    while !campaign.site.is_dead()? {
        ensure!(clients.are_well(), "a client has ended");
        ensure!(Instant::now() < limit, "{} was not passed {pass} times", point.name);
        if Instant::now() >= provoke {
            provoked(campaign, point)?;
            provoke = Instant::now() + PROVOKE;
        }
        std::thread::sleep(LOOK);
    }
    Ok(format!("{}, pass {pass}", point.name))
}

/// Sees to it that the point is passed.
fn provoked(campaign: &mut Campaign, point: Point) -> anyhow::Result<()> {
    match point.provoked {
        Provoked::ByLoad | Provoked::AtStart => Ok(()),
        Provoked::ByReload => campaign.site.signal("-HUP"),
        // Only once there is something under way.
        Provoked::ByClosing => match campaign.site.cloud_stats()?["in_flight"].as_u64() {
            Some(1..) => campaign.site.signal("-TERM"),
            _ => Ok(()),
        },
        Provoked::ByDecision => {
            let Err(unanswered) = decided(campaign) else { return Ok(()) };
            // It may die under any of these questions, and is dead a moment after it has cut the answer.
            until("the gateway is dead", || campaign.site.is_dead()).map_err(|_| unanswered)
        }
    }
}

/// An operator decides on what is held and is at the cloud, or there will be something.
fn decided(campaign: &Campaign) -> anyhow::Result<()> {
    let open = campaign.site.admin("/batches?finished=false&limit=1000&route=once")?;
    let open = open["batches"].as_array().context("a list of batches")?;
    for batch in open.iter().filter(|batch| batch["state"] == "held") {
        let id = batch["id"].as_str().context("an id")?;
        settle::decide(&campaign.site, &campaign.seen, id, false)?;
    }
    doubted(campaign)
}

/// The cloud does the work of the next calls and resets their connections: one that may not be repeated will be held.
fn doubted(campaign: &Campaign) -> anyhow::Result<()> {
    let waits = get(campaign.site.cloud, "/admin/faults")?;
    if waits.as_array().into_iter().flatten().any(|rule| rule["count"] != 0) {
        return Ok(());
    }
    campaign.site.tell_cloud("DELETE", "/admin/faults", &Value::Null)?;
    // Not always the first one: that would be the same route's again and again.
    let skip = campaign.seen.receipts() % 7;
    let rule = serde_json::json!({ "kind": "reset-after", "on": "soap", "count": 1, "skip": skip });
    campaign.site.tell_cloud("POST", "/admin/faults", &rule)
}
