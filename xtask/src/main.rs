//! The repository's own commands: `cargo xtask demo`, `cargo xtask test`, `cargo xtask bench`, `cargo xtask fuzz`.
#![forbid(unsafe_code)]
// A command that people run speaks to them on its standard streams.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod clients;
mod conformance;
mod demo;
mod examples;
mod fuzz;
mod ground;
mod image;
mod kills;
mod long;
mod needs;
mod operations;
mod processes;
mod sections;
mod simulation;
mod test;
mod tools;
mod w3c;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Programs;

/// The repository's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Builds everything and shows the main job: records through the gateway into a cloud with a time limit.
    Demo(demo::Options),
    /// Runs every conformance case against the gateway, with the reference cloud behind it.
    Conformance(conformance::Options),
    /// Lets independent clients of the real cloud do their own upserts against the reference cloud, over TLS.
    Clients,
    /// Builds the container image on bases made here, and runs it without rights on a read-only root.
    Image,
    /// Does with a running gateway what an operator does: cancel, decide, reload, stop, kill, start again.
    Operations(operations::Options),
    /// Lets attackers, examiners and clients of others loose on a gateway: slowhttptest, testssl.sh, OpenSSL, curl.
    Tools(tools::Options),
    /// Kills the gateway again and again under load, and compares every record with what the cloud holds.
    Kills(kills::Options),
    /// Measures what the gateway promises, peers interleaved in the same run; the figures also go to target/bench.json.
    Bench(bench::Options),
    /// Runs the pace against models of clouds on a virtual clock, beside an oracle that knows them.
    Pace(bench::pacing::Options),
    /// Looks for bytes that break what a reader promises, led by the code that they reach (libFuzzer).
    Fuzz(fuzz::Options),
    /// Sets up what the tests need, and runs formatting, lints, licences and all tests; with --long what takes long, too.
    Test(test::Options),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Demo(options) => demo::run(&options),
        Command::Conformance(options) => conformance::run(&options),
        Command::Clients => Programs::build_dev().and_then(|programs| clients::run(&programs)).map(|()| true),
        Command::Image => image::run().map(|()| true),
        Command::Operations(options) => operations::run(&options).map(|()| true),
        Command::Tools(options) => tools::run(&options).map(|()| true),
        Command::Kills(options) => kills::run(&options).map(|()| true),
        Command::Bench(options) => bench::run(&options),
        Command::Pace(options) => bench::pacing::show(&options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Test(options) => test::run(&options),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
