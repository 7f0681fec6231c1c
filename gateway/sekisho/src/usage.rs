//! A command line that cannot be understood: what is said, and the exit code.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser as _};

use crate::cli::Cli;
use crate::client::heartbeat;

/// Exit code of a command line that cannot be understood (`EX_USAGE` of sysexits.h).
pub(crate) const USAGE: u8 = 64;

/// The command line, or the exit code of one that is none, or that asked for help.
pub(crate) fn parse(words: &[OsString], language: Option<OsString>) -> Result<Cli, ExitCode> {
    Cli::try_parse_from(words).map_err(|error| {
        if !error.use_stderr() {
            // Help and version. Nothing is left to say that it could not be said.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        if asked_for_japanese(words, language) {
            let _ = writeln!(std::io::stderr(), "{}", in_japanese(&error));
        } else {
            let _ = error.print();
        }
        // A monitoring plugin that is called wrongly is UNKNOWN.
        let command = words.iter().skip(1).find(|word| Cli::command().find_subcommand(word).is_some());
        let plugin = command.is_some_and(|command| command == "heartbeat");
        ExitCode::from(if plugin { heartbeat::UNKNOWN } else { USAGE })
    })
}

/// What the line says of the language, as far as that can be told of a line that is wrong.
fn asked_for_japanese(words: &[OsString], language: Option<OsString>) -> bool {
    let given = words.iter().zip(words.iter().skip(1)).filter(|(word, _)| *word == "--language");
    let given = given.map(|(_, value)| value.clone()).next_back();
    let joined = words.iter().any(|word| word == "--language=ja");
    joined || given.or(language).is_some_and(|language| language == "ja")
}

/// The parser's error in Japanese: what kind it is, and which words it is about.
fn in_japanese(error: &clap::Error) -> String {
    let what = match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => "使えない値があります",
        ErrorKind::UnknownArgument => "知らない引数があります",
        ErrorKind::InvalidSubcommand => "知らないコマンドです",
        ErrorKind::NoEquals
        | ErrorKind::TooFewValues
        | ErrorKind::TooManyValues
        | ErrorKind::WrongNumberOfValues => "値の数が合いません",
        ErrorKind::ArgumentConflict => "同時に使えない引数があります",
        ErrorKind::MissingRequiredArgument => "必要な引数がありません",
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "コマンドがありません"
        }
        _ => "コマンドの書き方が正しくありません",
    };
    let mut said = Vec::new();
    for (kind, value) in error.context() {
        let label = match kind {
            ContextKind::InvalidArg | ContextKind::InvalidSubcommand => "",
            ContextKind::InvalidValue => "値 ",
            ContextKind::ValidValue => "使える値 ",
            ContextKind::PriorArg => "併用できないもの ",
            ContextKind::SuggestedArg | ContextKind::SuggestedSubcommand | ContextKind::SuggestedValue => {
                "もしかして "
            }
            _ => continue,
        };
        let value = match value {
            ContextValue::String(value) => value.clone(),
            ContextValue::Strings(values) => values.join(", "),
            _ => continue,
        };
        if !value.is_empty() {
            said.push(format!("{label}{value}"));
        }
    }
    let about = if said.is_empty() { String::new() } else { format!("（{}）", said.join("、")) };
    format!("sekisho: {what}{about}。使い方は --help で表示されます")
}
