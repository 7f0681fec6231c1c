//! Taking a large batch by SwA CSV, checked and durable, on one core; beside `cat` of the same bytes with fsync.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, bail, ensure};

use super::figure::{Bound, Figure, each, median};
use super::gateway::Gateway;
use super::site::{self, Cloud, Settings};
use super::{Bench, cores, pinned};
use crate::workspace::root;

/// The longest that one step may take, in seconds.
const LIMIT: Option<u64> = Some(300);
/// The core of the gateway, and of what it is compared with.
pub(super) const CORE: usize = 0;

/// Measures three rounds of: the gateway takes the batch, `cat` copies it, `sekisho validate` checks it.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (records, rounds) = if bench.quick { (40_000, 2) } else { (400_000, 3) };
    let folder = bench.fresh("acceptance")?;
    let large = generate(bench, &folder, records)?;
    let small = generate(bench, &folder, 1)?;
    let megabytes = std::fs::metadata(&large)?.len() as f64 / 1e6;
    // Without a cloud nothing is delivered, so that the core has nothing else to do.
    let cloud = Cloud::none()?;
    site::attributes(bench, &folder, &cloud, Settings::default())?;
    let gateway = Gateway::start(pinned(CORE, None, &bench.programs.path("sekisho")), &folder)?;
    gateway.idle();

    let (mut accepting, mut processor, mut copying, mut checking) = (vec![], vec![], vec![], vec![]);
    for _ in 0..rounds {
        let before = gateway.cpu();
        accepting.push(accept(bench, &gateway, &large)?);
        processor.push(gateway.cpu() - before);
        copying.push(copy(&large, &folder.join("copy"))?);
        let start = validate(bench, &small)?;
        checking.push(validate(bench, &large)? - start);
    }
    gateway.stop()?;
    std::fs::remove_dir_all(&folder)?;

    let speeds: Vec<_> = accepting.iter().map(|seconds| megabytes / seconds).collect();
    let outside: Vec<_> = accepting
        .iter()
        .zip(&checking)
        .zip(&copying)
        .map(|((accepted, checked), copied)| (accepted - checked).max(0.0) / copied)
        .collect();
    let what = format!(
        "{records} records, {megabytes:.0} MB, gateway on one core, client on another, nothing delivered"
    );
    Ok(vec![
        Figure::new("acceptance, SwA CSV", median(&speeds), "MB/s")
            .bound(Bound::AtLeast(12.0))
            .note(format!("{what}; {}", each(&speeds))),
        Figure::new("acceptance, outside checking", median(&outside), "x cat")
            .bound(Bound::AtMost(10.0))
            .note(format!(
                "time to the receipt less that of `sekisho validate` on the same core (reads, decodes, parses, checks; its \
                 start and the loading of the schema not counted), over cat and fsync; {}",
                each(&outside)
            )),
        Figure::new("  time to the receipt", median(&accepting), "s").note(each(&accepting)),
        Figure::new("  gateway's processor time", median(&processor), "s").note(each(&processor)),
        Figure::new("  validate alone", median(&checking), "s").note(each(&checking)),
        Figure::new("  cat and fsync", median(&copying), "s").note(each(&copying)),
    ])
}

pub(super) fn generate(bench: &Bench, folder: &Path, records: u64) -> anyhow::Result<std::path::PathBuf> {
    let file = folder.join(format!("{records}.csv"));
    let mut command = bench.programs.command("sekisho-generate");
    command.args(["--records", &records.to_string(), "--output"]).arg(&file);
    crate::workspace::check(&mut command)?;
    Ok(file)
}

/// Sends the file with the gateway's own client; seconds until it has the receipt.
fn accept(bench: &Bench, gateway: &Gateway, file: &Path) -> anyhow::Result<f64> {
    send(bench, &format!("http://{}/attributes", gateway.listener), &[], file)
}

/// Sends a file with the gateway's own client, which has further arguments; seconds until it has the receipt.
pub(super) fn send(bench: &Bench, to: &str, more: &[&OsStr], file: &Path) -> anyhow::Result<f64> {
    let mut command = pinned(cores() - 1, LIMIT, &bench.programs.path("sekisho"));
    command
        .args(["send", "--quiet", "--json", "--wait", "0", "--door", "swa", "--to", to])
        .args(more)
        .arg(file);
    let started = Instant::now();
    let output = command.stderr(Stdio::inherit()).output()?;
    let seconds = started.elapsed().as_secs_f64();
    let receipt: serde_json::Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("the client gave no receipt ({})", output.status))?;
    // A refusal has an id, too.
    ensure!(
        receipt["state"].is_string() && receipt["code"].is_null(),
        "the client has no receipt: {receipt}"
    );
    Ok(seconds)
}

/// `cat` into a file and fsync; seconds.
fn copy(from: &Path, to: &Path) -> anyhow::Result<f64> {
    let started = Instant::now();
    let file = File::create(to)?;
    let mut command = pinned(CORE, LIMIT, Path::new("cat"));
    crate::workspace::check(command.arg(from).stdout(file.try_clone()?))?;
    file.sync_all()?;
    let seconds = started.elapsed().as_secs_f64();
    std::fs::remove_file(to)?;
    Ok(seconds)
}

/// Checks the file as records, without spool and socket; seconds.
fn validate(bench: &Bench, file: &Path) -> anyhow::Result<f64> {
    let mut command = pinned(CORE, LIMIT, &bench.programs.path("sekisho"));
    command.arg("validate").arg("--schema").arg(root().join("schemas/attributes.xsd"));
    command.args(["--record", "{urn:example:city:attributes:1}Record", "--format", "csv"]).arg(file);
    let started = Instant::now();
    let status = command.status()?;
    if !status.success() {
        bail!("{} does not check: {status}", file.display());
    }
    Ok(started.elapsed().as_secs_f64())
}
