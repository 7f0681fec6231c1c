//! What an operator does with a running gateway, done for real: ask, cancel, reload, stop, kill, start again.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::demo::{self, Dialect, Door, Stage};
use crate::processes::get;
use crate::workspace::{Programs, root};

/// Runs all of it; the first thing that is off ends it.
pub(crate) fn run(programs: &Programs) -> anyhow::Result<()> {
    let folder = root().join("target/operations");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let options = demo::Options {
        door: Door::Swa,
        dialect: Dialect::Soap,
        records: 20_000,
        no_split: false,
        fixed_rows: None,
        fixed_in_flight: 8,
        seed: 3,
        per_row: "1ms".to_owned(),
    };
    let file = folder.join("records.csv");
    let made = programs
        .command("sekisho-generate")
        .args(["--records", "20000", "--seed", "3", "--output"])
        .arg(&file)
        .status()?;
    ensure!(made.success(), "the generator failed");

    let mut stage = Stage::set(&options, programs, &folder)?;
    questions(programs, &stage)?;
    refused(programs, &stage, &folder)?;
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
    ensure!(receipt["sums"]["delivered"] == 20_000, "after kills and a stop: {receipt}");
    compared(&stage, &file)?;
    stage.strike()?;
    println!(
        "asked, refused, cancelled, reloaded, killed twice, stopped once: 20,000 records, each there once"
    );
    Ok(())
}

/// The heartbeat, the list of batches, metrics: they answer, and by their exit codes.
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
    Ok(())
}

/// A bad file: refused, exit code 2, the record and its line named, nothing kept.
fn refused(programs: &Programs, stage: &Stage, folder: &Path) -> anyhow::Result<()> {
    let bad = folder.join("bad.csv");
    let made = programs
        .command("sekisho-generate")
        .args(["--records", "50", "--bad-record", "7", "--output"])
        .arg(&bad)
        .status()?;
    ensure!(made.success(), "the generator failed");
    for door in ["swa", "rest-csv"] {
        let output = programs
            .command("sekisho")
            .args(["send", "--door", door, "--to"])
            .arg(format!("http://{}/attributes", stage.gateway))
            .arg(&bad)
            .output()?;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.code() == Some(2), "{door}: a bad file is refused: {errors}");
        ensure!(errors.contains("record 7") && errors.contains("(line 8)"), "{door}: where it is: {errors}");
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
    ensure!(sum("cancelled") > 0 && sum("delivered") + sum("cancelled") == 20_000, "cancelled: {receipt}");
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
    let output = programs
        .command("sekisho")
        .args(["send", "--json", "--to"])
        .arg(format!("http://{}/attributes", stage.gateway))
        .args(more)
        .arg(file)
        .output()?;
    let receipt: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("no receipt: {}", String::from_utf8_lossy(&output.stderr)))?;
    receipt["id"].as_str().map(str::to_owned).context("the receipt has no id")
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
    let url = format!("http://{}/admin/rows", stage.cloud);
    let script = "import sys, urllib.request; urllib.request.urlopen(urllib.request.Request(sys.argv[1], method='DELETE'))";
    let status = Command::new("python3").args(["-c", script, &url]).status()?;
    ensure!(status.success(), "emptying the cloud's tables");
    Ok(())
}

fn compared(stage: &Stage, file: &Path) -> anyhow::Result<()> {
    // A chunk that was in doubt after a kill is sent again: an upsert by key, which changes nothing.
    let status = Command::new("python3")
        .arg(root().join("conformance/compare.py"))
        .args(["--allow-rewrites", "--key", "F001", "--sent"])
        .arg(file)
        .args(["--held", &format!("http://{}/admin/rows/attributes", stage.cloud)])
        .status()?;
    ensure!(status.success(), "the cloud does not hold what was sent");
    Ok(())
}

/// Looks until something is so, for at most two minutes.
fn until(what: &str, mut look: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
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
