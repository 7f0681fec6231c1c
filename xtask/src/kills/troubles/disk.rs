//! The disk fails as ordered, and is really full.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use super::{Trouble, accepted, begun, delivered, in_words};
use crate::kills::campaign::Campaign;
use crate::kills::points::DISK;
use crate::kills::routes::ROUTES;
use crate::kills::site::{Builds, Start, until};
use crate::needs;

/// Whether this runs in a mount namespace of its own, as this variable says.
const INSIDE: &str = "SEKISHO_KILLS_INSIDE";

/// Every operation that has to last fails for some passes, as ordered; the same process goes on, and one that is killed in
/// between finds what was promised.
pub(super) fn disk(builds: &Builds, seed: u64) -> anyhow::Result<String> {
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut told = Vec::new();
    for deed in ["full", "broken"] {
        let orders: Vec<String> = DISK
            .into_iter()
            .map(|(point, first)| {
                // Of a full disk SQLite tells only where nothing was committed.
                let deed = if point == "transaction-committed" { "broken" } else { deed };
                // So often that acceptance meets it, and not delivery alone.
                let times = if point.starts_with("transaction") { 12 } else { chance.u64(1..=4) };
                format!("{point}={deed}@{}+{times}", chance.u64(first))
            })
            .collect();
        let how = Start { orders: Some(orders.join(",")), ..Start::default() };
        let (mut campaign, clients) = begun(builds, &format!("disk-{deed}"), seed, &how)?;
        clients.press(true);
        for (point, _) in DISK {
            until("every operation has failed", || campaign.site.has_logged(&format!("point=\"{point}\"")))
                .with_context(|| format!("{deed}: {point}"))?;
        }
        clients.press(false);
        // It recovers by itself: nobody has started it again.
        delivered(&campaign, 200)?;
        let refused = campaign.seen.refusals();
        let of = |code: &str| {
            refused.iter().filter(|(said, _)| said.starts_with(code)).map(|(_, count)| count).sum::<u64>()
        };
        ensure!(of("spool-") > 0 && of("ledger-") > 0, "refused with {refused:?}");
        campaign.close(clients)?;
        // Nothing is left of what was refused, even where nobody knew at first whether it was accepted.
        let mut sent: HashSet<String> = campaign.seen.sent().into_iter().map(|sent| sent.id).collect();
        // Whose clients were answered, and not given their names.
        let awaited = campaign.site.admin("/batches?route=awaited&limit=1000")?;
        let awaited = awaited["batches"].as_array().context("a list of batches")?;
        sent.extend(awaited.iter().filter_map(|batch| batch["id"].as_str().map(str::to_owned)));
        until("what was refused is removed", || Ok(campaign.site.payloads()?.is_subset(&sent)))?;
        let clients = campaign.clients();
        accepted(&campaign, &clients, ROUTES.len())?;
        campaign.site.kill();
        campaign.site.start(&Start::default())?;
        campaign.close(clients)?;
        campaign.site.stop()?;
        let refused: u64 = refused.values().sum();
        told.push(format!(
            "{deed}: {} operations fail, {refused} refusals: {}",
            DISK.len(),
            in_words(campaign.compared)
        ));
    }
    Ok(told.join("; "))
}

/// The state folder on a file system of its own, which is filled to the last byte while the gateway is at work.
pub(super) fn full(builds: &Builds, seed: u64) -> anyhow::Result<String> {
    if std::env::var_os(INSIDE).is_none() {
        return apart(builds, seed);
    }
    let mut campaign = Campaign::new(builds, "full", seed)?;
    let state = campaign.site.folder.join("state");
    std::fs::create_dir(&state)?;
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=24m,mode=0700", "sekisho-kills"])
        .arg(&state)
        .status()?;
    ensure!(mounted.success(), "mounting a small file system");
    campaign.site.start(&Start::default())?;
    let clients = campaign.clients();
    accepted(&campaign, &clients, 2 * ROUTES.len())?;
    delivered(&campaign, 200)?;
    let mut times = 0;
    for _ in 0..3 {
        let filler = state.join("filler");
        fill(&filler)?;
        until("the gateway's hop is down", || Ok(campaign.site.hop("gateway")? == "down"))?;
        let before = campaign.seen.refusals();
        clients.press(true);
        until("batches are refused", || {
            // What is removed of batches that end makes room, which is filled as well.
            fill(&filler)?;
            let now = campaign.seen.refusals();
            let more = |code: &str| {
                let sum = |all: &BTreeMap<String, u64>| -> u64 {
                    all.iter().filter(|(said, _)| said.starts_with(code)).map(|(_, count)| count).sum()
                };
                sum(&now) > sum(&before)
            };
            Ok(more("spool-unavailable") || more("ledger-"))
        })?;
        clients.press(false);
        std::fs::remove_file(&filler)?;
        until("the gateway's hop is up", || Ok(campaign.site.hop("gateway")? == "up"))?;
        accepted(&campaign, &clients, ROUTES.len())?;
        delivered(&campaign, 200)?;
        times += 1;
    }
    // What was promised is on that disk, and nowhere else.
    fill(&state.join("filler"))?;
    campaign.site.kill();
    std::fs::remove_file(state.join("filler"))?;
    campaign.site.start(&Start::default())?;
    campaign.close(clients)?;
    campaign.site.stop()?;
    let refused = campaign.seen.refusals();
    Ok(format!("full {times} times and at a kill, refused with {refused:?}: {}", in_words(campaign.compared)))
}

/// Fills a file system until nothing more goes onto it, down to single bytes.
fn fill(file: &Path) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::File::options().create(true).append(true).open(file)?;
    let block = vec![0; 64 * 1024];
    let mut size = block.len();
    while size > 0 {
        match file.write(&block[..size]) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => size /= 2,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Runs this trouble once more, in a mount namespace of its own: what is mounted there ends with it.
fn apart(builds: &Builds, seed: u64) -> anyhow::Result<String> {
    let mut unshare = Command::new("unshare");
    if !needs::is_root() {
        unshare.arg("--map-root-user");
    }
    unshare.arg("--mount");
    let mut trial = Command::new(unshare.get_program());
    trial.args(unshare.get_args()).args(["mount", "-t", "tmpfs", "none", "/mnt"]);
    let mounts = trial.output().is_ok_and(|output| output.status.success());
    ensure!(mounts, "the right to mount a file system is missing: it needs root, or user namespaces");
    // This very program, whatever has been put in its place meanwhile.
    unshare.arg(format!("/proc/{}/exe", std::process::id())).args([
        "kills",
        "--built",
        "--trouble",
        Trouble::Full.name(),
        "--seed",
        &seed.to_string(),
    ]);
    unshare.args(builds.arguments()).env(INSIDE, "1");
    let output = unshare.output().context("starting it in a mount namespace of its own")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let said = said.trim().trim_start_matches(Trouble::Full.name()).trim();
    // How long it took is said by whoever started it.
    Ok(said.rsplit_once(" (").map_or(said, |(said, _)| said).to_owned())
}
