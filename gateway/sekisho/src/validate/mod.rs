//! `sekisho validate` and `sekisho pin`.

mod check;
mod finding;
mod parallel;
mod report;
mod sarif;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use sekisho_delivery::WsdlDocuments;
use sekisho_records::Layout;
use sekisho_xsd::{Schema, SchemaError};

use self::check::{Check, Records};
use self::report::Report;
use crate::cli::{FormatArg, PinArgs, ValidateArgs};
use crate::config::effective::route::wsdl;
use crate::config::{self, words};
use crate::language::{Language, Text, text};
use crate::serve;
use crate::usage::USAGE;

const INVALID: u8 = 1;
const SCHEMA: u8 = 2;
const UNREADABLE: u8 = 3;

/// `sekisho pin`.
pub(crate) fn pin(args: &PinArgs, language: Language) -> anyhow::Result<ExitCode> {
    // What cannot be read as a WSDL the schema's own reader says more about.
    if let Some(bytes) = std::fs::read(&args.file).ok().filter(|bytes| WsdlDocuments::is_wsdl(bytes)) {
        return match wsdl::documents(&args.file, &bytes) {
            Ok(documents) => {
                writeln!(io::stdout(), "{}", documents.digest())?;
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => {
                complain(&named(&args.file, error.code(), &wsdl::told(&error)), language)?;
                Ok(ExitCode::from(SCHEMA))
            }
        };
    }
    match Schema::load(&args.file, None) {
        Ok(schema) => {
            writeln!(io::stdout(), "{}", schema.digest())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => refused(&error, language),
    }
}

/// A schema that cannot be used: not readable, or not to be taken.
pub(crate) fn refused(error: &SchemaError, language: Language) -> anyhow::Result<ExitCode> {
    complain(&words::schema(error), language)?;
    Ok(ExitCode::from(if matches!(error, SchemaError::Read { .. }) { UNREADABLE } else { SCHEMA }))
}

/// With the file that it is in, and its rule.
fn named(file: &Path, rule: &str, what: &Text) -> Text {
    let said = |language| format!("{}: {rule}: {}", file.display(), what.in_language(language));
    Text::new(said(Language::English), said(Language::Japanese))
}

fn complain(what: &Text, language: Language) -> io::Result<()> {
    writeln!(io::stderr(), "sekisho: {}", what.in_language(language))
}

/// `sekisho validate`.
pub(crate) fn run(args: &ValidateArgs, language: Language) -> anyhow::Result<ExitCode> {
    if args.server {
        sekisho_xsd::lines::serve(io::stdin().lock(), io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.files.iter().filter(|file| *file == Path::new("-")).count() > 1 {
        let twice = Text::new(
            "standard input can be read once only: give `-` once",
            "標準入力は一度しか読めません。「-」は一つだけ指定してください",
        );
        complain(&twice, language)?;
        return Ok(ExitCode::from(USAGE));
    }
    if let Some(route) = &args.route {
        return as_a_route_takes_them(route, args, language);
    }
    let schema_file = args.schema.as_deref().context("--schema is missing")?;
    let schema = match Schema::load(schema_file, None) {
        Ok(schema) => schema,
        Err(error) => return refused(&error, language),
    };
    let records = match (&args.record, args.format) {
        (Some(record), Some(format)) => {
            let ty = match schema.record_type(record) {
                Ok(ty) => ty,
                Err(error) => return refused(&error, language),
            };
            match Layout::compile(&ty) {
                Ok(layout) => Some(Records::of_layout(layout, format)),
                Err(error) => {
                    complain(&named(schema_file, error.code(), &words::layout(&error)), language)?;
                    return Ok(ExitCode::from(SCHEMA));
                }
            }
        }
        _ => None,
    };
    told(&check(schema, records, args), args, language)
}

/// Files as a route takes them: by its schema, its CSV options, its limits, its disclosure policy and its keys.
fn as_a_route_takes_them(name: &str, args: &ValidateArgs, language: Language) -> anyhow::Result<ExitCode> {
    let (_, effective) = match config::load(&args.config) {
        Ok(loaded) => loaded,
        Err(mistakes) => {
            writeln!(io::stderr(), "{}", serve::listed(&mistakes, language))?;
            return Ok(ExitCode::from(SCHEMA));
        }
    };
    let Some(route) = effective.route(name) else {
        let file = words::on_a_line(&args.config);
        complain(
            &text!("{file}: no listener serves a route {name}", "{file}：{name} という特定通信はありません"),
            language,
        )?;
        return Ok(ExitCode::from(USAGE));
    };
    let rules = &route.records;
    let format = args.format.context("--format is missing")?;
    let records = Records::of_route(route, format);
    let usual = (format != FormatArg::Xml).then_some(rules.charset);
    let check = Check { charset: args.charset.or(usual), ..check(rules.schema.clone(), Some(records), args) };
    told(&check, args, language)
}

fn check(schema: Schema, records: Option<Records>, args: &ValidateArgs) -> Check {
    Check {
        schema,
        records,
        charset: args.charset,
        violations: args.max_errors,
        show_values: args.show_values,
    }
}

/// Checks the files and tells what is found.
fn told(check: &Check, args: &ValidateArgs, language: Language) -> anyhow::Result<ExitCode> {
    let mut report = Report::new(args.output, language, io::BufWriter::new(io::stdout().lock()));
    report.begin()?;
    let jobs = args.jobs.map_or_else(cores, usize::from);
    let mut worst = 0;
    parallel::in_order(check, &args.files, jobs, &mut |file, told| {
        if let Some(code) = report.take(file, told)? {
            worst = worst.max(code);
        }
        Ok(())
    })?;
    report.finish()?;
    Ok(ExitCode::from(worst))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
