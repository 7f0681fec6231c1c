//! The command line. One table: help, completions and the manual page are made from it.

mod check;
mod client;
mod operate;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

pub(crate) use self::check::{ExplainArgs, ExplainForm, FormatArg, OutputArg, ValidateArgs};
pub(crate) use self::client::{DoorArg, HeartbeatArgs, HeartbeatForm, SendArgs, TrustArgs};
pub(crate) use self::operate::{AdminArgs, BatchArgs, BatchesArgs, PurgeArgs};
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

fn name(text: &str) -> Result<String, &'static str> {
    let good = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    good.then(|| text.to_owned()).ok_or("a name has letters, digits, `-`, `_` and `.`")
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
