//! `cargo xtask fuzz`: looks for bytes that break what a reader promises, led by the code that they reach.
//!
//! libFuzzer runs the targets of `xtask/fuzz`. What it finds worth keeping grows in the target folder, from run to run; what
//! breaks a promise is saved beside it.

mod hour;
mod seeds;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, bail};
use clap::Args;

use crate::needs;
use crate::workspace::{cargo, check, root, target};

pub(crate) use self::hour::long;

/// What the compiler puts into the code so that libFuzzer sees which of it an input reaches. The stable compiler does it.
const INSTRUMENTATION: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares";
/// The variable by which the program knows its target.
const TARGET: &str = "SEKISHO_FUZZ_TARGET";
/// The longest input that is tried, in bytes.
const MAX_BYTES: u32 = 4096;

/// What is run, and for how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Minutes for each target.
    #[arg(long, default_value_t = 5.0, value_name = "N")]
    minutes: f64,
    /// A target, or several; all of them without it.
    #[arg(long, value_name = "T")]
    target: Vec<String>,
    /// Names the targets and what each holds its reader to, and runs none.
    #[arg(long)]
    list: bool,
    /// Gives one target these bytes once, and does nothing else.
    #[arg(long, value_name = "FILE", requires = "target")]
    replay: Option<PathBuf>,
}

/// Runs the targets one after the other; false when one of them broke its promise.
pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    needs::install(&needs::FOR_FUZZING)?;
    let program = build()?;
    let known = targets(&program)?;
    if options.list {
        for target in &known {
            println!("{:<14} {}", target.name, target.promise);
        }
        return Ok(true);
    }
    let chosen: Vec<&Target> = match options.target.as_slice() {
        [] => known.iter().collect(),
        names => names.iter().map(|name| find(&known, name)).collect::<anyhow::Result<_>>()?,
    };
    if let Some(file) = &options.replay {
        return replay(&program, &chosen, file);
    }
    in_turn(&program, &chosen, options.minutes)
}

fn in_turn(program: &Path, chosen: &[&Target], minutes: f64) -> anyhow::Result<bool> {
    let mut outcomes = Vec::new();
    for &target in chosen {
        println!("\n{}: {}", target.name, target.promise);
        outcomes.push((target, fuzz(program, target, minutes)?));
    }
    print!("\n{}", table(&outcomes));
    Ok(outcomes.iter().all(|(_, outcome)| outcome.good))
}

/// One line of what the program says of itself: name, promise, words for mutations, folders with inputs.
#[derive(Debug)]
struct Target {
    name: String,
    promise: String,
    words: Option<PathBuf>,
    seeds: Vec<PathBuf>,
}

/// Builds the program in a folder of its own: what is instrumented serves nothing else.
fn build() -> anyhow::Result<PathBuf> {
    let folder = folder();
    let host = host()?;
    println!("building the instrumented targets");
    let mut build = cargo();
    build.args(["build", "--package", "sekisho-fuzz", "--features", "libfuzzer", "--profile", "fuzz"]);
    // Named, so that build scripts and macros, which run here, are not instrumented.
    build.args(["--locked", "--quiet", "--target", &host, "--target-dir"]).arg(&folder);
    check(build.env("RUSTFLAGS", INSTRUMENTATION))?;
    Ok(folder.join(host).join("fuzz/sekisho-fuzz"))
}

/// Where all of it lies.
fn folder() -> PathBuf {
    target().join("fuzz")
}

/// The triple that the compiler builds for by itself.
fn host() -> anyhow::Result<String> {
    let told =
        Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-vV").output()?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not say what it builds for")
}

fn targets(program: &Path) -> anyhow::Result<Vec<Target>> {
    let told = Command::new(program).env(TARGET, "?").output().context("asking for the targets")?;
    let targets = String::from_utf8_lossy(&told.stdout).lines().filter_map(told_of).collect::<Vec<_>>();
    if targets.is_empty() {
        bail!("the program names no targets: {}", String::from_utf8_lossy(&told.stderr));
    }
    Ok(targets)
}

fn told_of(line: &str) -> Option<Target> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [name, promise, words, seeds @ ..] = columns.as_slice() else { return None };
    Some(Target {
        name: (*name).to_owned(),
        promise: (*promise).to_owned(),
        words: Some(*words).filter(|words| !words.is_empty()).map(PathBuf::from),
        seeds: seeds.iter().map(PathBuf::from).collect(),
    })
}

fn find<'t>(known: &'t [Target], name: &str) -> anyhow::Result<&'t Target> {
    known.iter().find(|target| target.name == name).with_context(|| {
        let names: Vec<&str> = known.iter().map(|target| target.name.as_str()).collect();
        format!("no target is called {name}; there are {}", names.join(", "))
    })
}

/// What came of one target.
#[derive(Debug, Default)]
struct Outcome {
    good: bool,
    executions: u64,
    seconds: f64,
    /// Edges of the code that inputs reached: those there were to begin with, and in the end all.
    edges: (u64, u64),
    /// Inputs that reached something new.
    added: u64,
    /// The input that broke the promise.
    saved: Option<PathBuf>,
}

fn fuzz(program: &Path, target: &Target, minutes: f64) -> anyhow::Result<Outcome> {
    let grown = folder().join("corpus").join(&target.name);
    let broken = folder().join("broken").join(&target.name);
    std::fs::create_dir_all(&grown)?;
    std::fs::create_dir_all(&broken)?;
    let mut command = Command::new(program);
    command.env(TARGET, &target.name).current_dir(root()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.arg(format!("-max_total_time={}", (minutes * 60.0).ceil().max(1.0)));
    command.arg(format!("-artifact_prefix={}/", broken.display()));
    command.arg(format!("-max_len={MAX_BYTES}"));
    command.args(["-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1"]);
    if let Some(words) = &target.words {
        command.arg(format!("-dict={}", words.display()));
    }
    command.arg(&grown).args(&target.seeds);
    let started = std::time::Instant::now();
    let mut child = command.spawn().context("starting the fuzzer")?;
    let mut outcome = Outcome::default();
    let mut last = Vec::new();
    for line in BufReader::new(child.stderr.take().context("the fuzzer says nothing")?).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        outcome.hear(&line);
        // The end of what it says is kept for the case that it breaks off.
        last.push(line);
        if last.len() > 60 {
            last.remove(0);
        }
    }
    let status = child.wait()?;
    outcome.seconds = started.elapsed().as_secs_f64();
    outcome.good = status.success();
    if !outcome.good {
        tell(&last, status, target, outcome.saved.as_deref());
    }
    Ok(outcome)
}

impl Outcome {
    /// Takes what a line of libFuzzer says.
    fn hear(&mut self, line: &str) {
        let number = |text: &str| text.split_whitespace().next().and_then(|word| word.parse().ok());
        if let Some(edges) = line.split(" cov: ").nth(1).and_then(number) {
            self.edges = (if line.contains("INITED") { edges } else { self.edges.0 }, edges);
        }
        if let Some(count) = line.strip_prefix("stat::number_of_executed_units:").and_then(number) {
            self.executions = count;
        }
        if let Some(count) = line.strip_prefix("stat::new_units_added:").and_then(number) {
            self.added = count;
        }
        if let Some((_, path)) = line.split_once("Test unit written to ") {
            self.saved = Some(PathBuf::from(path.trim()));
        }
    }
}

fn tell(last: &[String], status: ExitStatus, target: &Target, saved: Option<&Path>) {
    last.iter().for_each(|line| println!("  | {line}"));
    println!("{} BROKE ITS PROMISE ({status}): {}", target.name, target.promise);
    if let Some(saved) = saved {
        println!("the input is saved, and this replays it:");
        println!("  cargo xtask fuzz --target {} --replay {}", target.name, saved.display());
    }
}

/// What came of each target, a line for each.
fn table(outcomes: &[(&Target, Outcome)]) -> String {
    let mut table = String::from(
        "target         minutes   executions   each second   edges at first    at the end   new inputs   broken\n",
    );
    for (target, outcome) in outcomes {
        table.push_str(&format!(
            "{:<14} {:>7.1} {:>12} {:>13.0} {:>16} {:>13} {:>12} {:>8}\n",
            target.name,
            outcome.seconds / 60.0,
            outcome.executions,
            outcome.executions as f64 / outcome.seconds.max(1.0),
            outcome.edges.0,
            outcome.edges.1,
            outcome.added,
            if outcome.good { "no" } else { "YES" },
        ));
    }
    table
}

fn replay(program: &Path, chosen: &[&Target], file: &Path) -> anyhow::Result<bool> {
    let [target] = chosen else { bail!("--replay wants one --target") };
    let file = std::fs::canonicalize(file).with_context(|| format!("{}", file.display()))?;
    let status = Command::new(program).env(TARGET, &target.name).arg(file).status()?;
    println!("{}: the promise {}", target.name, if status.success() { "holds" } else { "is BROKEN" });
    Ok(status.success())
}
