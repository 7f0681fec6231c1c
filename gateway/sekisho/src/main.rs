//! `sekisho`: the gateway, its client, and the tools of its operators.
#![forbid(unsafe_code)]

mod certificates;
mod cli;
mod client;
mod columns;
mod config;
mod data_keys;
mod descriptors;
mod exchanges;
mod explain;
mod flows;
mod language;
mod operate;
mod probes;
mod process;
mod purge;
mod sandbox;
mod serve;
mod space;
mod undo_pseudonyms;
mod usage;
mod validate;
mod weakened;

use std::process::ExitCode;

use self::cli::Command;
use self::language::Said;

/// How many heaps it has is said where it is compiled (`.cargo/config.toml`). The C libraries keep the allocator of theirs: a program that
/// fakes the clock (the kills' `--trouble clock`) would wait for itself if theirs were this one.
#[global_allocator]
static MEMORY: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    let cli = match usage::parse(&words, std::env::var_os("SEKISHO_LANGUAGE")) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let language = cli.language;
    let outcome = match cli.command {
        Command::Serve(serve) => serve::run(&serve, language),
        Command::CheckConfig(check) => Ok(serve::check(&check, language)),
        Command::Flows(flows) => flows::run(&flows, language),
        Command::Send(send) => client::send::run(&send, language),
        Command::Batches(batches) => operate::batches(&batches, language),
        Command::Batch(batch) => operate::batch(&batch, language),
        Command::Purge(purge) => operate::purge(&purge, language),
        Command::Heartbeat(heartbeat) => client::heartbeat::run(&heartbeat, language),
        Command::Validate(validate) => validate::run(&validate, language),
        Command::UndoPseudonyms(undo) => undo_pseudonyms::run(&undo, language),
        Command::ExplainSchema(explain) => explain::run(&explain, language),
        Command::Certificate(args) => certificates::show(&args, language),
        Command::Log(log) => exchanges::commands::run(&log.command, language),
        Command::Pin(pin) => validate::pin(&pin, language),
        Command::Completions(completions) => Ok(cli::completions(&completions)),
        Command::Manual(manual) => cli::manual(&manual),
        Command::ConfigSchema => config::print_schema(),
    };
    outcome.unwrap_or_else(|error| {
        let text = match error.downcast_ref::<Said>() {
            Some(said) => said.0.in_language(language).to_owned(),
            None => format!("{error:#}"),
        };
        // Whatever goes wrong on the way to saying so, there is nothing left to say it with.
        let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("sekisho: {text}\n"));
        ExitCode::from(cli::FAILED)
    })
}
