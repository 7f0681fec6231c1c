//! What an operator does with a running gateway, done for real: ask, cancel, decide, reload, stop, kill, start again.

mod outcomes;
mod trial;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Args;
use serde_json::Value;

use crate::demo::{self, Dialect, Door, Stage};
use crate::examples;
use crate::ground::cleared;
use crate::needs;
use crate::processes::{ask, get};
use crate::workspace::{Programs, root};

/// Records of the batch that is cancelled, killed and stopped half-way: so many that it cannot end between two looks, even
/// where the machine stalls for seconds.
const RECORDS: u64 = 60_000;

/// With which programs.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// With a debug build, which is made sooner.
    #[arg(long)]
    dev: bool,
}

/// Builds what is needed and runs all of it.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    needs::install(&needs::FOR_TESTS)?;
    let programs = if options.dev { Programs::build_dev()? } else { Programs::build()? };
    all(&programs)
}

/// Runs all of it with programs that are built; the first thing that is off ends it.
pub(crate) fn all(programs: &Programs) -> anyhow::Result<()> {
    let folder = root().join("target/operations");
    cleared(&folder)?;
    let options = demo::Options {
        door: Door::Swa,
        dialect: Dialect::Soap,
        records: RECORDS,
        no_split: false,
        fixed_rows: None,
        fixed_in_flight: 8,
        seed: 3,
        per_row: "1ms".to_owned(),
        // What a stall of the machine does not reach: the pace is not looked at here.
        limit: "60s".to_owned(),
    };
    trial::goes_as_written(programs, &folder)?;
    let file = generate(programs, &folder.join("records.csv"), RECORDS, &["--seed", "3"])?;

    let mut stage = Stage::set(&options, programs, &folder)?;
    questions(programs, &stage)?;
    refused(programs, &stage, &folder)?;
    outcomes::told(programs, &stage, &folder)?;
    cancelled(programs, &stage, &file)?;
    reloaded(programs, &stage, &folder)?;

    // Killed in the middle, twice, then stopped in the middle: every record arrives all the same.
    let batch = send(programs, &stage, &file, &["--wait", "0"])?;
    for round in 0..2 {
        let before = delivered(&stage, &batch)?;
        until("more records are delivered", || Ok(delivered(&stage, &batch)? > before))?;
        ensure!(!finished(&stage, &batch)?, "round {round}: the batch was finished before the kill");
        stage.kill_gateway()?;
        stage.start_gateway(programs, &folder)?;
    }
    let before = delivered(&stage, &batch)?;
    until("more records are delivered", || Ok(delivered(&stage, &batch)? > before))?;
    stage.stop_gateway().context("a gateway that is asked to stop ends well")?;
    stage.start_gateway(programs, &folder)?;
    until("the batch is finished", || finished(&stage, &batch))?;
    let receipt = get(stage.admin, &format!("/batches/{batch}"))?;
    ensure!(receipt["sums"]["delivered"] == RECORDS, "after kills and a stop: {receipt}");
    // A chunk that was in doubt after a kill is sent again: an upsert by key, which changes nothing.
    compared(&stage, &file, &["--allow-rewrites"])?;
    stage.strike()?;
    println!(
        "asked, refused, told of every outcome, decided, cancelled, reloaded, killed twice, stopped once: {RECORDS} records, \
         each there once"
    );
    Ok(())
}

/// The heartbeat and the list of batches answer, and by their exit codes; the metrics are as Prometheus wants them.
fn questions(programs: &Programs, stage: &Stage) -> anyhow::Result<()> {
    let route = format!("http://{}/attributes", stage.gateway);
    let up = |form: &[&str]| -> anyhow::Result<bool> {
        let output = programs.command("sekisho").arg("heartbeat").arg(&route).args(form).output()?;
        Ok(output.status.code() == Some(0))
    };
    until("every hop is up by REST", || up(&[]))?;
    ensure!(up(&["--soap"])?, "the heartbeat by SOAP");
    ensure!(up(&["--form", "nagios", "--hop", "gateway"])?, "the heartbeat of one hop");
    let output = admin(programs, stage, &["batches"])?;
    ensure!(text(&output).starts_with("BATCH"), "the list of batches has a head");
    examples::metrics(&ask(stage.admin, "GET", "/metrics", "")?)?;
    Ok(())
}

/// A bad file: refused, exit code 2, the record and its line named, nothing kept.
fn refused(programs: &Programs, stage: &Stage, folder: &Path) -> anyhow::Result<()> {
    let bad = generate(programs, &folder.join("bad.csv"), 50, &["--bad-record", "7"])?;
    for door in ["swa", "rest-csv"] {
        let output = programs
            .command("sekisho")
            .args(["send", "--door", door, "--to"])
            .arg(format!("http://{}/attributes", stage.gateway))
            .arg(&bad)
            .output()?;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.code() == Some(2), "{door}: a bad file is refused: {errors}");
        ensure!(
            errors.contains("record 7") && errors.contains("(line 8, column "),
            "{door}: where it is: {errors}"
        );
    }
    let kept = get(stage.admin, "/batches")?;
    ensure!(kept["batches"].as_array().is_some_and(Vec::is_empty), "nothing of a refused batch is kept");
    Ok(())
}

/// A batch withdrawn half-way: what was not sent is cancelled, and the sums say so.
fn cancelled(programs: &Programs, stage: &Stage, file: &Path) -> anyhow::Result<()> {
    let batch = send(programs, stage, file, &["--wait", "0"])?;
    until("some records are delivered", || Ok(delivered(stage, &batch)? > 0))?;
    let output = admin(programs, stage, &["batch", &batch, "--cancel"])?;
    ensure!(output.status.success(), "cancelling: {}", String::from_utf8_lossy(&output.stderr));
    until("the batch is finished", || finished(stage, &batch))?;
    let receipt = get(stage.admin, &format!("/batches/{batch}"))?;
    let sum = |name: &str| receipt["sums"][name].as_u64().unwrap_or(0);
    ensure!(sum("cancelled") > 0 && sum("delivered") + sum("cancelled") == RECORDS, "cancelled: {receipt}");
    let again = admin(programs, stage, &["batch", &batch, "--cancel"])?;
    ensure!(again.status.code() == Some(2), "a finished batch cannot be cancelled");
    let chunks = admin(programs, stage, &["batch", &batch, "--chunks"])?;
    ensure!(text(&chunks).lines().count() > 2, "the history of chunks");
    clear(stage)
}

/// SIGHUP: a broken configuration changes nothing; a good one is in force at once, without a restart.
fn reloaded(programs: &Programs, stage: &Stage, folder: &Path) -> anyhow::Result<()> {
    let config = folder.join("sekisho.toml");
    let good = std::fs::read_to_string(&config)?;
    let route = format!("http://{}/elsewhere", stage.gateway);
    let answers = || -> anyhow::Result<bool> {
        let output = programs.command("sekisho").args(["heartbeat", &route]).output()?;
        Ok(text(&output).contains("gateway"))
    };
    std::fs::write(&config, format!("{good}\n[nonsense]\n"))?;
    hang_up(stage)?;
    until("the log says that nothing was reloaded", || {
        Ok(std::fs::read_to_string(folder.join("gateway.log"))?.contains("nothing was reloaded"))
    })?;
    ensure!(!answers()?, "a broken configuration must not be in force");
    std::fs::write(&config, good.replace("path = \"/attributes\"", "path = \"/elsewhere\""))?;
    hang_up(stage)?;
    until("the route answers under its new path", &answers)?;
    std::fs::write(&config, &good)?;
    hang_up(stage)?;
    until("the route is back", || Ok(!answers()?))
}

fn hang_up(stage: &Stage) -> anyhow::Result<()> {
    let status = Command::new("kill").args(["-HUP", &stage.gateway_id().to_string()]).status()?;
    ensure!(status.success(), "sending SIGHUP");
    Ok(())
}

fn send(programs: &Programs, stage: &Stage, file: &Path, more: &[&str]) -> anyhow::Result<String> {
    let (_, receipt) = receipt(programs, stage, "attributes", file, more)?;
    receipt["id"].as_str().map(str::to_owned).context("the receipt has no id")
}

/// Sends a file to a path of the gateway: the client's exit code and the receipt that it prints.
fn receipt(
    programs: &Programs,
    stage: &Stage,
    path: &str,
    file: &Path,
    more: &[&str],
) -> anyhow::Result<(Option<i32>, Value)> {
    let to = format!("http://{}/{path}", stage.gateway);
    let mut client = programs.command("sekisho");
    let output = client.args(["send", "--json", "--to", &to]).args(more).arg(file).output()?;
    let receipt = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("no receipt: {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok((output.status.code(), receipt))
}

fn admin(programs: &Programs, stage: &Stage, args: &[&str]) -> anyhow::Result<Output> {
    let address = format!("http://{}", stage.admin);
    Ok(programs.command("sekisho").args(args).args(["--admin", &address]).output()?)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn delivered(stage: &Stage, batch: &str) -> anyhow::Result<u64> {
    let receipt = get(stage.admin, &format!("/batches/{batch}"))?;
    receipt["sums"]["delivered"].as_u64().context("a receipt without sums")
}

fn finished(stage: &Stage, batch: &str) -> anyhow::Result<bool> {
    Ok(get(stage.admin, &format!("/batches/{batch}"))?["finishedAt"].is_string())
}

/// Empties the cloud's tables.
fn clear(stage: &Stage) -> anyhow::Result<()> {
    ask(stage.cloud, "DELETE", "/admin/rows", "").map(drop)
}

/// Compares every record that the cloud holds with the file that was sent.
fn compared(stage: &Stage, file: &Path, more: &[&str]) -> anyhow::Result<()> {
    let status = Command::new("python3")
        .arg(root().join("conformance/compare.py"))
        .args(more)
        .args(["--key", "F001", "--sent"])
        .arg(file)
        .args(["--held", &format!("http://{}/admin/rows/attributes", stage.cloud)])
        .status()?;
    ensure!(status.success(), "the cloud does not hold what was sent");
    Ok(())
}

/// Makes a file of records.
fn generate(programs: &Programs, file: &Path, records: u64, more: &[&str]) -> anyhow::Result<PathBuf> {
    let mut generator = programs.command("sekisho-generate");
    generator.args(["--records", &records.to_string()]).args(more);
    ensure!(generator.arg("--output").arg(file).status()?.success(), "the generator failed");
    Ok(file.to_owned())
}

/// Looks until something is so, for at most two minutes.
pub(crate) fn until(what: &str, mut look: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let limit = Instant::now() + Duration::from_secs(120);
    while !look()? {
        if Instant::now() > limit {
            bail!("waited two minutes: {what}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Where a gateway's log goes; a restarted one goes on in the same file.
pub(crate) fn log(folder: &Path) -> anyhow::Result<File> {
    Ok(File::options().create(true).append(true).open(folder.join("gateway.log"))?)
}
