//! Trial data for the gateway: records of people who do not exist, as CSV, JSON, NDJSON, XML or SOAP.
#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use sekisho_conformance::generate;

/// Writes records of people who do not exist, in a layout of schemas/. The same options give the same bytes.
#[derive(Parser)]
#[command(name = "sekisho-generate", version)]
struct Arguments {
    #[command(flatten)]
    options: generate::Options,
    /// File to write; standard output without it.
    #[arg(long, short)]
    output: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut out: Box<dyn Write> = match &arguments.output {
        Some(path) => {
            Box::new(File::create(path).with_context(|| format!("cannot create {}", path.display()))?)
        }
        None => Box::new(io::stdout().lock()),
    };
    let mut buffered = BufWriter::with_capacity(256 * 1024, &mut out);
    match generate::write(&arguments.options, &mut buffered).and_then(|()| buffered.flush()) {
        // Whoever reads has seen enough (`| head`).
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        result => result.context("cannot write the records"),
    }
}
