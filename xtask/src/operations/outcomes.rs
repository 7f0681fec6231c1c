//! What a client and an operator are told of every record's outcome: by `send` that waits, as CSV, by a decision.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{admin, clear, compared, generate, hang_up, receipt, text, until};
use crate::demo::Stage;
use crate::processes::ask;
use crate::workspace::Programs;

const FEW: u64 = 2_000;

/// All of it. The cloud's tables are empty afterwards.
pub(super) fn told(programs: &Programs, stage: &Stage, folder: &Path) -> anyhow::Result<()> {
    let file = generate(programs, &folder.join("few.csv"), FEW, &["--seed", "4"])?;
    all_delivered(programs, stage, &file)?;
    shown_on_a_terminal(programs, stage, &file)?;
    one_rejected(programs, stage, &file)?;
    decided(programs, stage, folder, &file)
}

/// A `send` that waits ends with the final receipt, and with exit code 0 when everything is there.
fn all_delivered(programs: &Programs, stage: &Stage, file: &Path) -> anyhow::Result<()> {
    // Asked for by SOAP, and by REST.
    for door in ["swa", "rest-csv"] {
        let (code, receipt) = receipt(programs, stage, "attributes", file, &["--door", door])?;
        ensure!(code == Some(0) && is_finished(&receipt), "{door}: exit code {code:?}: {receipt}");
        ensure!(sum(&receipt, "delivered") == FEW, "{door}: {receipt}");
        compared(stage, file, &[])?;
        clear(stage)?;
    }
    Ok(())
}

/// A `send` on a terminal shows how far it is, both ways; with `--quiet`, or where nobody looks, it does not.
fn shown_on_a_terminal(programs: &Programs, stage: &Stage, file: &Path) -> anyhow::Result<()> {
    const SENDING: &str = "sending";
    let delivering = format!("/{FEW}");
    let to = format!("http://{}/attributes", stage.gateway);
    let send = |more: &str| {
        // A terminal of its own has no width.
        let line = r#"stty cols 100; exec "$SEKISHO" send --to "$TO" $MORE "$FILE""#;
        let mut terminal = Command::new("script");
        terminal.args(["--quiet", "--return", "--command", line, "/dev/null"]);
        terminal.env("SEKISHO", programs.path("sekisho")).env("TO", &to).env("FILE", file).env("MORE", more);
        terminal.env("TERM", "xterm").env("SHELL", "/bin/sh").stdin(Stdio::null()).output()
    };
    let seen = send("")?;
    let text_seen = text(&seen);
    ensure!(seen.status.success(), "sending on a terminal: {text_seen}");
    for shown in [SENDING, "B/s", "delivering", &delivering] {
        ensure!(text_seen.contains(shown), "the progress on a terminal has no {shown}: {text_seen:?}");
    }
    clear(stage)?;

    let quiet = send("--quiet")?;
    ensure!(quiet.status.success() && !text(&quiet).contains(SENDING), "--quiet: {:?}", text(&quiet));
    clear(stage)?;
    let piped = programs.command("sekisho").args(["send", "--to", &to]).arg(file).output()?;
    ensure!(
        piped.status.success() && piped.stderr.is_empty(),
        "no terminal, no progress: {:?}",
        String::from_utf8_lossy(&piped.stderr)
    );
    clear(stage)
}

/// One record that the cloud refuses: exit code 1, and the record, its outcome and the cloud's code as CSV.
fn one_rejected(programs: &Programs, stage: &Stage, file: &Path) -> anyhow::Result<()> {
    const RECORD: usize = 7;
    let records = std::fs::read_to_string(file)?;
    let key = records.lines().nth(RECORD).and_then(|line| line.split(',').next());
    let key = key.context("the file has no seventh record")?;
    let rule = serde_json::json!({ "pattern": key, "code": "STRING_TOO_LONG" });
    ask(stage.cloud, "POST", "/admin/bad-records", &rule.to_string())?;
    for door in ["swa", "rest-csv"] {
        let (code, receipt) = receipt(programs, stage, "attributes", file, &["--door", door])?;
        ensure!(code == Some(1) && is_finished(&receipt), "{door}: exit code {code:?}: {receipt}");
        ensure!(
            sum(&receipt, "rejected") == 1 && sum(&receipt, "delivered") == FEW - 1,
            "{door}: one record is rejected: {receipt}"
        );
        let id = receipt["id"].as_str().context("the receipt has no id")?;
        let errors = admin(programs, stage, &["batch", id, "--errors"])?;
        ensure!(errors.status.success(), "errors: {}", String::from_utf8_lossy(&errors.stderr));
        told_as_csv(&text(&errors), RECORD)?;
        let rejected = file.with_file_name("rejected.txt");
        std::fs::write(&rejected, format!("{key}\n"))?;
        let rejected = rejected.to_str().context("the folder's path is no text")?;
        compared(stage, file, &["--except-keys", rejected])?;
        clear(stage)?;
    }
    ask(stage.cloud, "DELETE", "/admin/bad-records", "").map(drop)
}

/// One line below the head: the record, what became of it, and the cloud's own code. Columns are found by their names.
fn told_as_csv(errors: &str, record: usize) -> anyhow::Result<()> {
    let mut lines = errors.split_terminator("\r\n");
    let (head, line) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    ensure!(lines.next().is_none(), "one record is rejected:\n{errors}");
    let record = record.to_string();
    let expected = [
        ("record", record.as_str()),
        ("outcome", "rejected"),
        ("field", ""),
        ("code", "STRING_TOO_LONG"),
        ("message", "\"The cloud refused the record.\""),
    ];
    for (name, value) in expected {
        let at = head.split(',').position(|column| column == name);
        let cell = at.and_then(|at| line.split(',').nth(at));
        ensure!(cell == Some(value), "column {name} is not {value}:\n{errors}");
    }
    Ok(())
}

/// A chunk that took effect and whose answer was lost, on a route that may not repeat: it is held, `send` says that the batch
/// is not finished, and the operator's word ends it.
fn decided(programs: &Programs, stage: &Stage, folder: &Path, file: &Path) -> anyhow::Result<()> {
    let config = folder.join("sekisho.toml");
    let good = std::fs::read_to_string(&config)?;
    let once = good.replace("idempotent = true", "idempotent = false");
    std::fs::write(&config, once.replace("path = \"/attributes\"", "path = \"/once\""))?;
    hang_up(stage)?;
    let route = format!("http://{}/once", stage.gateway);
    until("the route that may not repeat is there", || {
        Ok(text(&programs.command("sekisho").args(["heartbeat", &route]).output()?).contains("gateway"))
    })?;
    ask(stage.cloud, "POST", "/admin/faults", r#"{"kind":"reset-after","on":"soap"}"#)?;
    let (code, receipt) = receipt(programs, stage, "once", file, &[])?;
    ensure!(code == Some(5) && receipt["state"] == "held", "exit code {code:?}: {receipt}");
    let id = receipt["id"].as_str().context("the receipt has no id")?;
    let state = || -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&admin(programs, stage, &["batch", id, "--json"])?.stdout)?)
    };
    until("only what is in doubt is open", || {
        let receipt = state()?;
        Ok(sum(&receipt, "inDoubt") > 0 && sum(&receipt, "inDoubt") + sum(&receipt, "delivered") == FEW)
    })?;
    let chunks = admin(programs, stage, &["batch", id, "--chunks", "--json"])?;
    let chunks: Value = serde_json::from_slice(&chunks.stdout)?;
    let held = chunks["chunks"].as_array().into_iter().flatten().find(|chunk| chunk["held"] == true);
    let number = held.and_then(|chunk| chunk["number"].as_u64()).context("no chunk is held")?;
    let decision = ["batch", id, "--chunk", &number.to_string(), "--decide", "delivered"];
    let decision = admin(programs, stage, &decision)?;
    ensure!(decision.status.success(), "deciding: {}", String::from_utf8_lossy(&decision.stderr));
    until("the decision has ended the batch", || Ok(is_finished(&state()?)))?;
    ensure!(sum(&state()?, "delivered") == FEW, "what is decided counts: {}", state()?);
    compared(stage, file, &[])?;
    clear(stage)?;
    std::fs::write(&config, &good)?;
    hang_up(stage)?;
    until("the route is as it was", || {
        Ok(!text(&programs.command("sekisho").args(["heartbeat", &route]).output()?).contains("gateway"))
    })
}

fn is_finished(receipt: &Value) -> bool {
    receipt["finishedAt"].is_string() && receipt["state"] == "finished"
}

fn sum(receipt: &Value, name: &str) -> u64 {
    receipt["sums"][name].as_u64().unwrap_or(0)
}
