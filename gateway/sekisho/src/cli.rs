//! The command line. One table: help, completions and the manual page are made from it.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use sekisho_charset::Encoding;
use sekisho_journal::BatchId;
use sekisho_xml::QName;

use crate::exchanges::commands::LogCommand;
use crate::language::Language;

/// Exit code of whatever failed without a code of its own.
pub(crate) const FAILED: u8 = 4;

/// A hardened SOAP/REST interoperability gateway for the LGWAN-ASP boundary.
#[derive(Debug, Parser)]
#[command(name = "sekisho", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    /// Language of what is printed: en, ja.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "en",
        env = "SEKISHO_LANGUAGE",
        hide_possible_values = true
    )]
    pub(crate) language: Language,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the gateway.
    Serve(ConfigArgs),
    /// Check a configuration: every mistake with file, line, column and key. Binds and creates nothing.
    ///
    /// Exit codes: 0 no mistake, 1 mistakes, 64 wrong use of the command.
    CheckConfig(ConfigArgs),
    /// List every flow that a configuration permits: for the firewall's keepers and for auditors.
    ///
    /// Who connects from where to where, by which protocol, path and operation, for which route and purpose. What is not in the
    /// list does not pass.
    ///
    /// Exit codes: 0 listed, 1 the configuration has mistakes, 4 the list cannot be written, 64 wrong use of the command.
    Flows(FlowsArgs),
    /// Send a file through a gateway and wait for its final receipt.
    ///
    /// Exit codes: 0 every record delivered, 1 finished but not every record was delivered, 2 refused, 3 the gateway
    /// cannot be reached or the file cannot be read, 4 another failure, 5 not finished within --wait, 64 wrong use of
    /// the command.
    Send(SendArgs),
    /// List batches, newest first (asks the admin listener).
    Batches(BatchesArgs),
    /// Show a batch, its errors as CSV, its chunks, cancel it, or decide on a chunk in doubt (asks the admin listener).
    ///
    /// Exit codes: 0 done, 2 refused, 3 the gateway cannot be reached, 64 wrong use of the command.
    Batch(BatchArgs),
    /// Destroy everything that a client's batches hold: the keys of their payloads first, then the payloads.
    ///
    /// Receipts stay; they hold no value of a record. Batches that are not finished are left, unless --also-unfinished cancels
    /// what of them is pending. Prints what was destroyed and what was not.
    ///
    /// Exit codes: 0 everything of the client's is gone, 2 something is left or the gateway refuses, 3 the gateway cannot be
    /// reached, 64 wrong use of the command.
    Purge(PurgeArgs),
    /// Ask a gateway for the state of every hop.
    ///
    /// Exit codes as monitoring plugins have them: 0 up, 1 degraded, 2 down, 3 unknown, no answer, no such hop, or wrong
    /// use of the command.
    Heartbeat(HeartbeatArgs),
    /// Check files against a schema: `file:line:column: code: message`.
    ///
    /// No value of a file is shown, unless --show-values asks for it.
    ///
    /// --output json prints an object a line: for each violation `type` "violation", `file`, `line`, `column`, `byte` (from
    /// 0, of the text as UTF-8), `record` (its number, from 1), `field`, `path`, `code`, `expected` and `found` (each with
    /// `en` and `ja`), `message`, `message_ja`; after those of a file one with `type` "file", `file`, `verdict` ("valid",
    /// "invalid", "unreadable"), `violations` (all), `told`, `complete` (read to its end), and for an unreadable file
    /// `message` and `message_ja`. What is not known is null. --output sarif prints one SARIF 2.1.0 log.
    ///
    /// Exit codes, the highest of all files': 0 all valid, 1 invalid, 2 the schema is refused, 3 a file (the schema's among
    /// them) cannot be read, 4 what is found cannot be written, 64 wrong use of the command.
    Validate(ValidateArgs),
    /// Undo the pseudonyms of a route, with the key that its configuration names: reads CSV, writes CSV.
    ///
    /// Every value in the columns must be a pseudonym of the route, or empty; the first that is none ends the command. Values
    /// are written to the output only.
    ///
    /// Exit codes: 0 undone, 1 a value is no pseudonym, or the file is no such CSV, 4 another failure, 64 wrong use of the
    /// command.
    UndoPseudonyms(UndoArgs),
    /// Show what a schema compiles to and what that costs: documents, models, patterns, keys, bytes, time.
    ///
    /// What is refused is named with its file, line, column and rule.
    ///
    /// Exit codes: 0 shown, 2 the schema is refused, 3 it cannot be read, 4 what is shown cannot be written, 64 wrong use of
    /// the command.
    ExplainSchema(ExplainArgs),
    /// Print the digest that a schema is pinned by, or a WSDL: over it and all that it imports and includes.
    ///
    /// Exit codes: 0 printed, 2 the schema or the WSDL is refused, 3 it cannot be read, 4 the digest cannot be written, 64
    /// wrong use of the command.
    Pin(PinArgs),
    /// Hold the exchange log against its chain and its signatures, export it, or print its public key.
    Log(LogArgs),
    /// Print by what certificates are known, as `certificates` of a client has it, and how long they hold.
    ///
    /// Exit codes: 0 printed, 4 the file cannot be read or holds no certificate, 64 wrong use of the command.
    Certificate(CertificateArgs),
    /// Print shell completions.
    Completions(CompletionsArgs),
    /// Write the manual pages into a folder.
    Manual(ManualArgs),
    /// Print the JSON Schema of the configuration.
    ConfigSchema,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// The configuration file.
    #[arg(short, long, value_name = "FILE", default_value = "/etc/sekisho/sekisho.toml")]
    pub(crate) config: PathBuf,
}

/// How flows are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FlowsForm {
    /// A table.
    Table,
    /// RFC 4180, with a head.
    Csv,
    /// A JSON array.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct FlowsArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// How they are listed.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) form: FlowsForm,
}

/// How a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DoorArg {
    /// SOAP with the file attached.
    Swa,
    /// SOAP with the records of an XML file in the body.
    SoapXml,
    /// SOAP with the file as base64 in the body.
    SoapBase64,
    /// REST, CSV.
    RestCsv,
    /// REST, a JSON array.
    RestJson,
    /// REST, newline-delimited JSON.
    RestNdjson,
    /// REST, XML.
    RestXml,
}

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// The file.
    pub(crate) file: PathBuf,
    /// Address of the route, such as http://gateway:8080/attributes.
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    /// How it is sent.
    #[arg(long, value_enum, default_value = "swa")]
    pub(crate) door: DoorArg,
    /// Media type of the file inside a SOAP message, where it is not CSV in UTF-8.
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    /// The client's own reference for the batch (SOAP).
    #[arg(long)]
    pub(crate) reference: Option<String>,
    /// Idempotency key; one is made where absent. The same key sends the same batch once.
    #[arg(long)]
    pub(crate) key: Option<String>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// Longest wait for the final receipt, in seconds; 0 does not wait.
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
    pub(crate) wait: u64,
    /// Print the receipt as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Show no progress.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AdminArgs {
    /// Address of the admin listener, as `listen` below [admin] has it.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9600", env = "SEKISHO_ADMIN")]
    pub(crate) admin: String,
}

#[derive(Debug, Args)]
pub(crate) struct BatchesArgs {
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
    /// Only this client's.
    #[arg(long, value_parser = name)]
    pub(crate) client: Option<String>,
    /// Only this route's.
    #[arg(long, value_parser = name)]
    pub(crate) route: Option<String>,
    /// Only those that are not finished.
    #[arg(long)]
    pub(crate) open: bool,
    /// At most so many.
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u32,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PurgeArgs {
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
    /// Whose.
    #[arg(long, value_parser = name)]
    pub(crate) client: String,
    /// Also batches that are not finished: what of them is pending is cancelled, what is in doubt cannot be sent again.
    #[arg(long)]
    pub(crate) also_unfinished: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(args_override_self = true)] // saying it twice means the same
pub(crate) struct BatchArgs {
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
    /// The batch's id, as `sekisho batches` shows it.
    #[arg(value_parser = batch_id)]
    pub(crate) id: BatchId,
    /// Print the records that were not delivered, as CSV.
    #[arg(long, conflicts_with_all = ["cancel", "chunks"])]
    pub(crate) errors: bool,
    /// Print the history of chunks.
    #[arg(long, conflicts_with = "cancel")]
    pub(crate) chunks: bool,
    /// Withdraw what has not been sent.
    #[arg(long)]
    pub(crate) cancel: bool,
    /// Decide on this chunk, whose outcome is in doubt (see --chunks); with --decide.
    #[arg(long, value_name = "NUMBER", requires = "decide", conflicts_with_all = ["errors", "chunks", "cancel"])]
    pub(crate) chunk: Option<u64>,
    /// What became of the chunk's records.
    #[arg(long, value_enum, requires = "chunk")]
    pub(crate) decide: Option<DecisionArg>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What became of a chunk that is in doubt, as an operator has found out from the cloud's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DecisionArg {
    /// Its records are there: count them as delivered.
    Delivered,
    /// Its records are not there: send them as new ones.
    NotDelivered,
    /// Send it again, whatever it does to records that are there already.
    Repeat,
}

impl DecisionArg {
    /// Its name on the admin listener.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::NotDelivered => "not-delivered",
            Self::Repeat => "repeat",
        }
    }
}

/// How a heartbeat is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HeartbeatForm {
    /// A table.
    Table,
    /// JSON.
    Json,
    /// One line, as monitoring plugins print it.
    Nagios,
}

#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    #[command(subcommand)]
    pub(crate) command: LogCommand,
}

#[derive(Debug, Args)]
pub(crate) struct CertificateArgs {
    /// PEM file with one certificate or several.
    pub(crate) file: PathBuf,
}

/// By what gateway and client know each other.
#[derive(Debug, Default, Args)]
pub(crate) struct TrustArgs {
    /// PEM file with the roots that the gateway's certificate may end in (https).
    #[arg(long, value_name = "FILE")]
    pub(crate) roots: Vec<PathBuf>,
    /// PEM file with the certificate to show, where the gateway asks for one.
    #[arg(long, value_name = "FILE", requires = "certificate_key")]
    pub(crate) certificate: Option<PathBuf>,
    /// PEM file with the private key of --certificate.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) certificate_key: Option<PathBuf>,
    /// File with the token to show, where the gateway knows the client by one.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct HeartbeatArgs {
    /// Address of a route, such as http://gateway:8080/attributes, or of the admin listener.
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// Judge by this hop only, such as `gateway`; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub(crate) hop: Vec<String>,
    /// Ask by SOAP instead of REST.
    #[arg(long)]
    pub(crate) soap: bool,
    /// How it is printed.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) form: HeartbeatForm,
    /// Longest wait for the answer, in seconds.
    #[arg(long, default_value_t = 10)]
    pub(crate) timeout: u64,
}

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
    /// Check the files as this route of --config takes them: by its schema, its CSV options and its disclosure policy.
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

#[derive(Debug, Args)]
pub(crate) struct UndoArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// The route whose pseudonyms they are.
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(crate) route: String,
    /// A column with pseudonyms, as COLUMN or, where it is not called as the field is that leaves, as COLUMN=FIELD; may be given
    /// several times. All columns that are called as such a field where absent.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) column: Vec<String>,
    /// The file, in UTF-8 and with a line of names; `-` is standard input.
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
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

#[derive(Debug, Args)]
pub(crate) struct PinArgs {
    /// The schema's first document, or a WSDL.
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManualArgs {
    /// The folder.
    pub(crate) folder: PathBuf,
}

fn record_name(text: &str) -> Result<QName, &'static str> {
    text.parse().map_err(|_| "write {namespace}name")
}

fn charset(text: &str) -> Result<Encoding, &'static str> {
    Encoding::from_label(text).ok_or("there are UTF-8, UTF-16 and Windows-31J")
}

fn name(text: &str) -> Result<String, &'static str> {
    let good = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    good.then(|| text.to_owned()).ok_or("a name has letters, digits, `-`, `_` and `.`")
}

fn batch_id(text: &str) -> Result<BatchId, &'static str> {
    text.parse().map_err(
        |_| "a batch's id is like 0197c0f2-6f3e-7c33-9d0a-3b1f6f0e8a55; `sekisho batches` lists them",
    )
}

/// Prints completions.
pub(crate) fn completions(args: &CompletionsArgs) -> ExitCode {
    clap_complete::generate(args.shell, &mut Cli::command(), "sekisho", &mut io::stdout());
    ExitCode::SUCCESS
}

/// Writes the manual pages, one for the program and one for each command.
pub(crate) fn manual(args: &ManualArgs) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(&args.folder)?;
    clap_mangen::generate_to(Cli::command(), &args.folder)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_commands_is_consistent() {
        Cli::command().debug_assert();
    }
}
