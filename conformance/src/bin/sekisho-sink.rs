//! The smallest upstream, for measuring what stands in front of it: answers every request with a small SOAP message.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::net::SocketAddr;

use anyhow::Context;
use clap::Parser;
use sekisho_conformance::sink::Sink;

/// Answers every request with a small SOAP message, on one thread.
#[derive(Parser)]
#[command(name = "sekisho-sink", version)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one, which the first line of output names.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let sink = Sink::bind(arguments.listen).await.context("cannot listen")?;
    let address = sink.address()?;
    let mut out = io::stdout().lock();
    writeln!(out, "{address}").and_then(|()| out.flush()).context("cannot write to standard output")?;
    drop(out);
    sink.serve().await;
    Ok(())
}
