//! `sekisho`: the gateway, its client, and the tools of its operators.
#![forbid(unsafe_code)]

mod cli;
mod client;
mod config;
mod operate;
mod probes;
mod serve;
mod validate;

use std::process::ExitCode;

use clap::Parser;

use self::cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Serve(serve) => serve::run(&serve),
        Command::CheckConfig(check) => Ok(serve::check(&check)),
        Command::Send(send) => client::send::run(&send),
        Command::Batches(batches) => operate::batches(&batches),
        Command::Batch(batch) => operate::batch(&batch),
        Command::Heartbeat(heartbeat) => client::heartbeat::run(&heartbeat),
        Command::Validate(validate) => validate::run(&validate),
        Command::Pin(pin) => validate::pin(&pin),
        Command::Completions(completions) => Ok(cli::completions(&completions)),
        Command::Manual(manual) => cli::manual(&manual),
        Command::ConfigSchema => config::print_schema(),
    };
    outcome.unwrap_or_else(|error| {
        // Whatever goes wrong on the way to saying so, there is nothing left to say it with.
        let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("sekisho: {error:#}\n"));
        ExitCode::from(cli::FAILED)
    })
}
