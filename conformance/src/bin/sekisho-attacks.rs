//! The attack cases, made against a gateway that is started for them.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::Parser;
use sekisho_conformance::attacks::{self, Options, attack::AttackFile};
use sekisho_conformance::cases;

/// Makes raw exchanges that are meant to hurt against a gateway, each with the exact refusal that it has to get and the state
/// that the gateway has to be in after it.
///
/// Exit codes: 0 every attack was met as it has to be; 1 at least one was not; 2 the run could not be made.
#[derive(Parser)]
#[command(name = "sekisho-attacks", version)]
struct Arguments {
    /// The gateway's program.
    #[arg(long, default_value = "target/release/sekisho")]
    gateway: PathBuf,
    /// Folder of the attacks, and of the gateway's configuration for them.
    #[arg(long, default_value = "conformance/attacks")]
    attacks: PathBuf,
    /// Folder of the schemas.
    #[arg(long, default_value = "schemas")]
    schemas: PathBuf,
    /// A folder for what the run writes; it is emptied.
    #[arg(long, default_value = "target/attacks")]
    folder: PathBuf,
    /// Makes all of them so many times against one process.
    #[arg(long, default_value_t = 1)]
    repeat: u64,
    /// Only these kinds.
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// Only attacks with this text in their ids.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Lists them, and makes none.
    #[arg(long)]
    list: bool,
    /// Writes the outcomes as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            // Nothing is left to do if even that cannot be said.
            let _ = writeln!(io::stderr(), "sekisho-attacks: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let files = chosen(arguments)?;
    let mut out = io::stdout().lock();
    if arguments.list {
        for file in &files {
            for rule in &file.rule {
                for attack in &rule.attack {
                    writeln!(out, "{:12} {:40} {}", file.kind, attack.id, rule.name)?;
                }
            }
        }
        return Ok(true);
    }
    let options = Options {
        gateway: arguments.gateway.clone(),
        attacks: arguments.attacks.clone(),
        schemas: arguments.schemas.clone(),
        folder: arguments.folder.clone(),
        repeat: arguments.repeat,
    };
    let mut told = Ok(());
    let outcomes = attacks::run(&options, &files, &mut |line| {
        if told.is_ok() {
            told = writeln!(out, "{line}").and_then(|()| out.flush());
        }
    })?;
    told.context("cannot write the report")?;
    for outcome in outcomes.iter().filter(|outcome| !outcome.passed()) {
        writeln!(out, "{}", outcome.lines())?;
    }
    writeln!(out, "\n{}", cases::summary(&outcomes))?;
    if let Some(path) = &arguments.junit {
        let text = cases::junit(&outcomes);
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(outcomes.iter().all(cases::Outcome::passed))
}

fn chosen(arguments: &Arguments) -> anyhow::Result<Vec<AttackFile>> {
    let mut files = attacks::load(&arguments.attacks)?;
    for kind in &arguments.kind {
        ensure!(files.iter().any(|file| file.kind == *kind), "there is no kind {kind}");
    }
    files.retain(|file| arguments.kind.is_empty() || arguments.kind.contains(&file.kind));
    if let Some(name) = &arguments.name {
        for rule in files.iter_mut().flat_map(|file| &mut file.rule) {
            rule.attack.retain(|attack| attack.id.contains(name.as_str()));
        }
    }
    Ok(files)
}
