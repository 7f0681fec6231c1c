//! The reference cloud: plays the public cloud that a gateway delivers to. See `--help` for how unkind it can be.
#![forbid(unsafe_code)]

use std::io::{self, Write};

use anyhow::Context;
use clap::Parser;
use sekisho_conformance::cloud::{self, Options};
use serde_json::json;

/// Plays the public cloud that a gateway delivers to: stores what it takes, counts effects, and is unkind on demand.
#[derive(Parser)]
#[command(name = "sekisho-cloud", version)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let running = cloud::start(arguments.options).await?;
    let address = running.address();
    let line = json!({
        "message": format!("listening on {address}"),
        "address": address.to_string(),
        "scheme": running.scheme(),
        "proxy": running.proxy().map(|address| address.to_string()),
    });
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("cannot write to standard output")?;
    drop(out);
    tokio::select! {
        () = running.ended() => {}
        result = tokio::signal::ctrl_c() => result.context("cannot wait for a signal")?,
    }
    Ok(())
}
