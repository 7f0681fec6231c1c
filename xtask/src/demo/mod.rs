//! `cargo xtask demo`: the main job, end to end, and whether it adds up.

mod report;
mod stage;
mod watch;

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde_json::Value;

pub(crate) use self::report::Outcome;
pub(crate) use self::stage::Stage;
use crate::ground::cleared;
use crate::needs;
use crate::processes::{memory, reset_peak};
use crate::workspace::{Programs, root};

/// How the records come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Door {
    Swa,
    SoapXml,
    SoapBase64,
    RestCsv,
    RestJson,
    RestNdjson,
    RestXml,
}

impl Door {
    /// Its name on the command line, here and of `sekisho send`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Swa => "swa",
            Self::SoapXml => "soap-xml",
            Self::SoapBase64 => "soap-base64",
            Self::RestCsv => "rest-csv",
            Self::RestJson => "rest-json",
            Self::RestNdjson => "rest-ndjson",
            Self::RestXml => "rest-xml",
        }
    }

    /// The format of the file that is sent.
    pub(crate) fn format(self) -> &'static str {
        match self {
            Self::Swa | Self::SoapBase64 | Self::RestCsv => "csv",
            Self::SoapXml | Self::RestXml => "xml",
            Self::RestJson => "json",
            Self::RestNdjson => "ndjson",
        }
    }
}

/// How the cloud is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dialect {
    Soap,
    Swa,
    Rest,
    Bulk2,
    Collections,
    PartnerSoap,
}

/// What the demonstration does.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How the records come in.
    #[arg(long, value_enum, default_value = "swa")]
    pub(crate) door: Door,
    /// How the cloud is spoken to.
    #[arg(long, value_enum, default_value = "soap")]
    pub(crate) dialect: Dialect,
    /// How many records.
    #[arg(long, default_value_t = 400_000)]
    pub(crate) records: u64,
    /// Send each batch in one request: must fail at the cloud's limit.
    #[arg(long)]
    pub(crate) no_split: bool,
    /// Rows of every chunk, whatever is observed: for finding the best fixed size.
    #[arg(long)]
    pub(crate) fixed_rows: Option<u64>,
    /// Chunks under way with --fixed-rows.
    #[arg(long, default_value_t = 8, requires = "fixed_rows")]
    pub(crate) fixed_in_flight: u32,
    /// Seed of the records and of the cloud's moods.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Work of the cloud for every row.
    #[arg(long, default_value = "1ms")]
    pub(crate) per_row: String,
    /// Processing-time limit of the cloud; the gateway is told 10 s, whatever it is.
    #[arg(long, default_value = "10s")]
    pub(crate) limit: String,
}

/// Shows the main job. `false` when anything is off.
pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    needs::install(&[needs::MAKE, needs::PYTHON])?;
    println!("building");
    let programs = Programs::build()?;
    play(options, &programs)
}

/// The play itself, with programs that are built.
pub(crate) fn play(options: &Options, programs: &Programs) -> anyhow::Result<bool> {
    Ok(act(options, programs)?.print())
}

/// The play, and what was seen in it.
pub(crate) fn act<'o>(options: &'o Options, programs: &Programs) -> anyhow::Result<Outcome<'o>> {
    let folder = root().join("target/demo");
    cleared(&folder)?;
    let stage = Stage::set(options, programs, &folder)?;
    println!(
        "cloud    {} (limit {}, 0.3 s + {} a row, contention, drift of 30 %)",
        stage.cloud, options.limit, options.per_row
    );
    println!("gateway  {} (log: target/demo/gateway.log)", stage.gateway);

    let sent = generate(options, programs, &folder)?;
    let idle = memory(stage.gateway_id());
    reset_peak(stage.gateway_id());
    let started = Instant::now();
    let batch = send(options, programs, &stage, &sent)?;
    let accepted = started.elapsed();
    println!(
        "accepted {} records in {:.1} s ({:.1} MB/s)",
        options.records,
        accepted.as_secs_f64(),
        std::fs::metadata(&sent)?.len() as f64 / 1e6 / accepted.as_secs_f64()
    );
    let receipt = watch::until_finished(&stage, &batch, options)?;
    let delivered = started.elapsed();
    let peak = memory(stage.gateway_id());
    let stats = stage.cloud_stats()?;
    let comparison = if options.no_split { None } else { Some(compare(&stage, &folder)?) };
    let outcome = Outcome {
        options,
        receipt,
        stats,
        comparison,
        accepted,
        delivered,
        idle_kib: idle.resident,
        peak_kib: peak.peak,
    };
    stage.strike()?;
    Ok(outcome)
}

/// Makes the file that is sent, and the CSV that the comparison reads.
fn generate(options: &Options, programs: &Programs, folder: &Path) -> anyhow::Result<std::path::PathBuf> {
    let write = |format: &str| -> anyhow::Result<std::path::PathBuf> {
        let file = folder.join(format!("records.{format}"));
        let status = programs
            .command("sekisho-generate")
            .args(["--records", &options.records.to_string(), "--seed", &options.seed.to_string()])
            .args(["--format", format, "--output"])
            .arg(&file)
            .status()?;
        if !status.success() {
            bail!("the generator failed: {status}");
        }
        Ok(file)
    };
    let csv = write("csv")?;
    let sent = if options.door.format() == "csv" { csv } else { write(options.door.format())? };
    println!(
        "records  {} in {} ({} MB)",
        options.records,
        sent.display(),
        std::fs::metadata(&sent)?.len() / 1_000_000
    );
    Ok(sent)
}

/// Sends the file with the gateway's own client; answers the batch's id.
fn send(options: &Options, programs: &Programs, stage: &Stage, file: &Path) -> anyhow::Result<String> {
    let output = programs
        .command("sekisho")
        .args(["send", "--json", "--wait", "0", "--door", options.door.name(), "--to"])
        .arg(format!("http://{}/attributes", stage.gateway))
        .arg(file)
        .stderr(Stdio::inherit())
        .output()?;
    let receipt: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("the client gave no receipt ({})", output.status))?;
    receipt["id"].as_str().map(str::to_owned).context("the receipt has no id")
}

/// Compares every record that the cloud holds with the file that was sent.
fn compare(stage: &Stage, folder: &Path) -> anyhow::Result<Value> {
    let output = std::process::Command::new("python3")
        .arg(root().join("conformance/compare.py"))
        .args(["--json", "--key", "F001", "--sent"])
        .arg(folder.join("records.csv"))
        .args(["--held", &format!("http://{}/admin/rows/attributes", stage.cloud)])
        .stderr(Stdio::inherit())
        .output()
        .context("running the comparison")?;
    serde_json::from_slice(&output.stdout).context("the comparison could not be made")
}
