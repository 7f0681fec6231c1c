//! The conformance cases, run against a gateway.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::{Args, Parser, Subcommand};
use sekisho_conformance::cases::{self, Runner, Target, case::CaseFile};
use sekisho_conformance::exchange::Peer;

/// Runs conformance cases against a gateway: what it has to take, to refuse, and how.
///
/// Exit codes: 0 every case passed; 1 at least one failed; 2 the run could not be made.
#[derive(Parser)]
#[command(name = "sekisho-conformance", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the cases against a target.
    Run(Run),
    /// Lists the cases.
    List(Which),
    /// Looks for what cases have sent in what a gateway has written.
    Canaries(Canaries),
}

#[derive(Args)]
struct Canaries {
    /// The values, as `run --canaries` has written them.
    values: PathBuf,
    /// Files, or folders of them, that a gateway has written.
    #[arg(required = true)]
    written: Vec<PathBuf>,
    /// Files, or folders of them, whose words a gateway may write: schemas, its configuration.
    #[arg(long, value_name = "PATH")]
    known: Vec<PathBuf>,
}

#[derive(Args)]
struct Which {
    /// Folder of the case files.
    #[arg(long, default_value = "conformance/cases")]
    cases: PathBuf,
    /// Only these areas.
    #[arg(long, value_name = "AREA")]
    only: Vec<String>,
    /// Only cases with this text in their names.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    which: Which,
    /// The gateway's listener: http://host:port or https://host:port.
    #[arg(long, value_name = "URL")]
    target: String,
    /// Path of a route, by the name that cases know it by; those of conformance/gateway.toml are the defaults.
    #[arg(long, value_name = "NAME=PATH", value_parser = route)]
    route: Vec<(String, String)>,
    /// Folder of captured requests.
    #[arg(long, default_value = "conformance/fixtures")]
    fixtures: PathBuf,
    /// Deliveries are not waited for: no cloud is behind the gateway.
    #[arg(long)]
    no_deliveries: bool,
    /// PEM file of the certificates to trust.
    #[arg(long)]
    roots: Option<PathBuf>,
    /// PEM file of the client's certificates.
    #[arg(long, requires = "key")]
    certificate: Option<PathBuf>,
    /// PEM file of the client's key.
    #[arg(long, requires = "certificate")]
    key: Option<PathBuf>,
    /// Writes what the cases sent in their bodies, and the gateway must not have written anywhere, a value a line.
    #[arg(long, value_name = "FILE")]
    canaries: Option<PathBuf>,
    /// Writes the outcomes as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

fn route(text: &str) -> Result<(String, String), String> {
    let (name, path) = text.split_once('=').ok_or("write NAME=PATH")?;
    Ok((name.to_owned(), path.trim_end_matches('/').to_owned()))
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::List(which) => list(&which),
        Command::Run(options) => run(&options),
        Command::Canaries(options) => look(&options),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            // Nothing is left to do if even that cannot be said.
            let _ = writeln!(io::stderr(), "sekisho-conformance: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn list(which: &Which) -> anyhow::Result<bool> {
    let mut out = io::stdout().lock();
    for file in chosen(which)? {
        for case in file.case {
            writeln!(out, "{:9} {}", file.area, case.name)?;
        }
    }
    Ok(true)
}

fn run(options: &Run) -> anyhow::Result<bool> {
    let files = chosen(&options.which)?;
    let identity = options.certificate.as_deref().zip(options.key.as_deref());
    let peer =
        Peer::new(&options.target, options.roots.as_deref(), identity).context("the target is no target")?;
    let defaults = cases::ROUTES.map(|(name, path)| (name.to_owned(), path.to_owned()));
    let routes = defaults.into_iter().chain(options.route.iter().cloned()).collect();
    let runner = Runner {
        target: Target { peer, routes },
        fixtures: options.fixtures.clone(),
        deliveries: !options.no_deliveries,
        canaries: cases::canaries::Canaries::default(),
        whole: options.which.only.is_empty() && options.which.name.is_none(),
    };
    runner.reach()?;
    let mut out = io::stdout().lock();
    let mut told = Ok(());
    let outcomes = runner.run(&files, |outcome| {
        if told.is_ok() {
            told = writeln!(out, "{}", outcome.lines());
        }
    });
    told.context("cannot write the report")?;
    writeln!(out, "\n{}", cases::summary(&outcomes))?;
    if let Some(path) = &options.canaries {
        let list = runner.canaries.list().join("\n");
        std::fs::write(path, list).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &options.junit {
        std::fs::write(path, cases::junit(&outcomes))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(outcomes.iter().all(cases::Outcome::passed))
}

fn look(options: &Canaries) -> anyhow::Result<bool> {
    let values = std::fs::read_to_string(&options.values)
        .with_context(|| format!("cannot read {}", options.values.display()))?;
    let values: Vec<String> = values.lines().map(str::to_owned).collect();
    ensure!(!values.is_empty(), "there is nothing to look for");
    let found = cases::written::found(&values, &options.written, &options.known)?;
    let mut out = io::stdout().lock();
    for canary in &found {
        writeln!(out, "{canary}")?;
    }
    writeln!(out, "canaries: {} looked for, {} found", values.len(), found.len())?;
    Ok(found.is_empty())
}

fn chosen(which: &Which) -> anyhow::Result<Vec<CaseFile>> {
    let mut files = cases::load(&which.cases)?;
    for area in &which.only {
        ensure!(files.iter().any(|file| file.area == *area), "there is no area {area}");
    }
    files.retain(|file| which.only.is_empty() || which.only.contains(&file.area));
    if let Some(name) = &which.name {
        for file in &mut files {
            file.case.retain(|case| case.name.contains(name.as_str()));
        }
    }
    Ok(files)
}
