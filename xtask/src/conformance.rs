//! `cargo xtask conformance`: every conformance case against this gateway, with the reference cloud behind it; then every attack
//! against a gateway with short deadlines and low limits.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, ensure};
use clap::Args;

use crate::ground::Ground;
use crate::processes::Program;
use crate::workspace::{Programs, root};

/// Which cases are run, and with which programs.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// With a debug build, which is made sooner.
    #[arg(long)]
    dev: bool,
    /// Only these areas.
    #[arg(long, value_name = "AREA")]
    only: Vec<String>,
    /// Only cases with this text in their names, and attacks with it in their ids.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Only the attacks, all of them so many times against one gateway; tells its descriptors and memory after each pass.
    #[arg(long, value_name = "TIMES", conflicts_with = "only")]
    repeat: Option<u64>,
}

/// Builds what is needed and runs the cases. `false` when one of them fails.
pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    let programs = if options.dev { Programs::build_dev()? } else { Programs::build()? };
    if let Some(times) = options.repeat {
        return attacks(&programs, times, options.name.as_deref());
    }
    let only = options.only.iter().flat_map(|area| ["--only", area.as_str()]);
    let name = options.name.iter().flat_map(|name| ["--name", name.as_str()]);
    let good = hold(&programs, &only.chain(name).collect::<Vec<_>>())?;
    // An area is one of cases; attacks have kinds.
    let attacked = options.only.is_empty().then(|| attacks(&programs, 1, options.name.as_deref()));
    Ok(good & attacked.transpose()?.unwrap_or(true))
}

/// Runs every case and makes every attack twice, with programs that are built. `false` when one of them fails.
pub(crate) fn all(programs: &Programs) -> anyhow::Result<bool> {
    // The second time shows what the first one has left.
    Ok(hold(programs, &[])? & attacked(programs, 2)?)
}

/// Makes every attack so many times against one gateway. `false` when one is not met as it has to be, or something is left of them.
pub(crate) fn attacked(programs: &Programs, times: u64) -> anyhow::Result<bool> {
    attacks(programs, times, None)
}

/// Makes the attacks, so many times. `false` when one of them is not met as it has to be.
fn attacks(programs: &Programs, times: u64, name: Option<&str>) -> anyhow::Result<bool> {
    let ground = Ground::take(&root().join("target/attacks"))?;
    let status = programs
        .command("sekisho-attacks")
        .current_dir(root())
        .arg("--gateway")
        .arg(programs.path("sekisho"))
        .arg("--folder")
        .arg(ground.folder().join("run"))
        .arg("--junit")
        .arg(root().join("target/attacks.xml"))
        .args(["--repeat", &times.to_string()])
        .args(name.iter().flat_map(|name| ["--name", *name]))
        .status()
        .context("making the attacks")?;
    ensure!(matches!(status.code(), Some(0 | 1)), "the attacks could not be made: {status}");
    Ok(status.success())
}

/// Sets cloud and gateway up for each other, runs the cases that `which` chooses, and stops both.
fn hold(programs: &Programs, which: &[&str]) -> anyhow::Result<bool> {
    let ground = Ground::take(&root().join("target/conformance"))?;
    let folder = ground.folder();
    let (cloud, address) = Program::cloud(
        programs
            .command("sekisho-cloud")
            .args(["--listen", "127.0.0.1:0", "--open", "--fixed", "50ms", "--per-row", "0"])
            .stderr(File::create(folder.join("cloud.log"))?),
    )?;
    let config = folder.join("gateway.toml");
    std::fs::write(&config, configuration(address)?)?;
    let log = folder.join("gateway.log");
    let mut serve = programs.command("sekisho");
    serve.args(["serve", "--config"]).arg(&config).stderr(File::create(&log)?);
    let mut gateway = Program::start("the gateway", &mut serve)?;
    let (target, admin) = gateway
        .ready()
        .with_context(|| format!("see {}", log.strip_prefix(root()).unwrap_or(&log).display()))?;

    let report = root().join("target/conformance.xml");
    let canaries = folder.join("canaries");
    let status = programs
        .command("sekisho-conformance")
        .current_dir(root())
        .args(["run", "--target", &format!("http://{target}"), "--junit"])
        .arg(&report)
        .arg("--canaries")
        .arg(&canaries)
        .args(which)
        .status()
        .context("running the cases")?;
    let written = folder.join("written");
    std::fs::create_dir(&written)?;
    for page in ["metrics", "batches"] {
        std::fs::write(written.join(page), asked(admin, page)?)?;
    }
    gateway.stop()?;
    drop(cloud);
    // 1 says that a case failed, anything else that the run could not be made.
    ensure!(matches!(status.code(), Some(0 | 1)), "the cases could not be run: {status}");
    let state = folder.join("state");
    let kept = programs
        .command("sekisho")
        .args(["log", "verify", "--closed"])
        .arg(state.join("exchanges"))
        .status()?;
    ensure!(kept.success(), "the exchange log does not hold: {kept}");
    let mut places = vec![written, log, state.join("exchanges")];
    let ledger = state.read_dir()?.filter_map(|entry| Some(entry.ok()?.path()));
    places.extend(ledger.filter(|path| path.to_string_lossy().contains("ledger.sqlite")));
    let clean = programs
        .command("sekisho-conformance")
        .arg("canaries")
        .arg(&canaries)
        .arg("--known")
        .arg(root().join("schemas"))
        .arg("--known")
        .arg(root().join("conformance/gateway.toml"))
        .args(places)
        .status()
        .context("looking for canaries")?;
    Ok(status.success() && clean.success())
}

/// A page of the admin listener.
fn asked(admin: SocketAddr, page: &str) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(admin)?;
    stream.write_all(
        format!("GET /{page} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    ensure!(answer.starts_with(b"HTTP/1.1 200"), "/{page} is not answered");
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap_or_default();
    Ok(answer.split_off(head))
}

/// The configuration of the cases, at addresses that are free.
fn configuration(cloud: SocketAddr) -> anyhow::Result<String> {
    let schemas = root().join("schemas");
    let mut text = std::fs::read_to_string(root().join("conformance/gateway.toml"))?;
    let replaced = [
        ("listen = \"127.0.0.1:9601\"", "listen = \"127.0.0.1:0\"".to_owned()),
        ("listen = \"127.0.0.1:8089\"", "listen = \"127.0.0.1:0\"".to_owned()),
        ("url = \"http://127.0.0.1:8090\"", format!("url = \"http://{cloud}\"")),
        ("file = \"../schemas/", format!("file = \"{}/", schemas.display())),
    ];
    for (from, to) in replaced {
        ensure!(text.contains(from), "conformance/gateway.toml has no {from:?}");
        text = text.replace(from, &to);
    }
    Ok(text)
}
