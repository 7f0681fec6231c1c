//! What is said of checks: of files against a schema, and of schemas themselves.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sekisho_charset::Encoding;
use sekisho_xml::QName;

use super::name;

/// How the records of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// RFC 4180.
    Csv,
    /// An array of objects.
    Json,
    /// An object a line.
    Ndjson,
    /// Record elements below a root, checked one by one as the gateway does.
    Xml,
}

/// How violations are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputArg {
    /// A line each.
    Text,
    /// A JSON object a line.
    Json,
    /// One SARIF 2.1.0 log.
    Sarif,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// The schema's first document.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["server", "route"])]
    pub(crate) schema: Option<PathBuf>,
    /// Record element as {namespace}name: checks the files as records in --format, not as XML documents.
    #[arg(long, requires = "format", group = "records", value_parser = record_name)]
    pub(crate) record: Option<QName>,
    /// Check the files as this route of --config takes them, each as a batch: by its schema, its CSV options, its limits of fields,
    /// records and their number, its disclosure policy, and its keys, no two records with the same one where the route refuses
    /// that (a folder for temporary files is needed). What binds the message around the records (its size, who sends it) is not
    /// checked.
    #[arg(long, value_name = "NAME", requires = "format", group = "records", conflicts_with = "schema", value_parser = name)]
    pub(crate) route: Option<String>,
    /// The configuration that has the route.
    #[arg(long, value_name = "FILE", requires = "route", default_value = "/etc/sekisho/sekisho.toml")]
    pub(crate) config: PathBuf,
    /// How the records are written.
    #[arg(long, value_enum, requires = "records")]
    pub(crate) format: Option<FormatArg>,
    /// Encoding of the files, whatever XML documents declare; without it XML says its own, and CSV and JSON are UTF-8.
    #[arg(long, value_parser = charset)]
    pub(crate) charset: Option<Encoding>,
    /// How violations are printed.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) output: OutputArg,
    /// Tell at most so many violations of each file; all are counted. What ends a check early is always told.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) max_errors: u64,
    /// Check so many files at once; one for each core where absent.
    #[arg(short, long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// Show the first 40 characters of each wrong value: they may be residents' data.
    #[arg(long)]
    pub(crate) show_values: bool,
    /// Answers the line protocol of schema test runners on standard input and output.
    #[arg(long, conflicts_with_all = ["record", "route", "format", "charset", "output", "max_errors", "jobs", "show_values"])]
    pub(crate) server: bool,
    /// The files; `-` is standard input.
    #[arg(required_unless_present = "server")]
    pub(crate) files: Vec<PathBuf>,
}

/// How an explanation is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainForm {
    /// Tables.
    Text,
    /// A JSON object, with all models and patterns.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The schema's first document.
    pub(crate) file: PathBuf,
    /// How it is printed.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) output: ExplainForm,
}

fn record_name(text: &str) -> Result<QName, &'static str> {
    text.parse().map_err(|_| "write {namespace}name")
}

fn charset(text: &str) -> Result<Encoding, &'static str> {
    Encoding::from_label(text).ok_or("there are UTF-8, UTF-16 and Windows-31J")
}
