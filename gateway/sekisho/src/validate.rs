//! `sekisho validate` and `sekisho pin`.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use sekisho_charset::{Decoder, Encoding, Unmappable};
use sekisho_records::{
    CsvOptions, CsvReader, JsonForm, JsonLimits, JsonReader, Layout, ReadErrorKind, Record, RecordChecker,
    RecordSource, Violations,
};
use sekisho_xsd::{DocumentError, Schema, SchemaError};

use crate::cli::{FormatArg, PinArgs, ValidateArgs};
use crate::config::words;
use crate::language::{Language, text};

const INVALID: u8 = 1;
const SCHEMA: u8 = 2;
const UNREADABLE: u8 = 3;

/// `sekisho pin`.
pub(crate) fn pin(args: &PinArgs, language: Language) -> anyhow::Result<ExitCode> {
    match Schema::load(&args.file, None) {
        Ok(schema) => {
            writeln!(io::stdout(), "{}", schema.digest())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => refused(&error, language),
    }
}

/// A schema that cannot be used: not readable, or not to be taken.
fn refused(error: &SchemaError, language: Language) -> anyhow::Result<ExitCode> {
    writeln!(io::stderr(), "sekisho: {}", words::schema(error).in_language(language))?;
    Ok(ExitCode::from(if matches!(error, SchemaError::Read { .. }) { UNREADABLE } else { SCHEMA }))
}

/// `sekisho validate`.
pub(crate) fn run(args: &ValidateArgs, language: Language) -> anyhow::Result<ExitCode> {
    if args.server {
        sekisho_xsd::lines::serve(io::stdin().lock(), io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
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
                Ok(layout) => Some(Records {
                    schema: schema.clone(),
                    layout: Arc::new(layout),
                    format,
                    charset: args.charset,
                    language,
                }),
                Err(error) => {
                    writeln!(io::stderr(), "sekisho: {}", words::layout(&error).in_language(language))?;
                    return Ok(ExitCode::from(SCHEMA));
                }
            }
        }
        _ => None,
    };
    let mut worst = 0;
    for file in &args.files {
        let verdict = match &records {
            Some(records) => records.check(file)?,
            None => document(&schema, file, language)?,
        };
        worst = worst.max(verdict);
    }
    Ok(ExitCode::from(worst))
}

fn open(file: &Path) -> io::Result<Box<dyn Read>> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(Box::new(File::open(file)?))
}

fn unreadable(file: &Path, error: &io::Error, language: Language) -> io::Result<u8> {
    writeln!(io::stderr(), "sekisho: {}", words::file(file, error).in_language(language))?;
    Ok(UNREADABLE)
}

fn document(schema: &Schema, file: &Path, language: Language) -> io::Result<u8> {
    let input = match open(file) {
        Ok(input) => BufReader::new(input),
        Err(error) => return unreadable(file, &error, language),
    };
    let mut out = io::stdout().lock();
    let mut broken = Ok(());
    let verdict = schema.validate_document(input, &mut |violation| {
        let (line, column) = (violation.line.unwrap_or(0), violation.column.unwrap_or(0));
        let name = file.display();
        let written = writeln!(out, "{name}:{line}:{column}: {}: {}", violation.code, violation.message);
        if broken.is_ok() {
            broken = written;
        }
    });
    broken?;
    match verdict {
        Ok(verdict) if verdict.valid => Ok(0),
        Ok(_) => Ok(INVALID),
        Err(DocumentError::Io(error)) => unreadable(file, &error, language),
        Err(error) => {
            writeln!(out, "{}: {}: {error}", file.display(), error.code())?;
            Ok(INVALID)
        }
    }
}

/// Files that hold records of one element.
struct Records {
    schema: Schema,
    layout: Arc<Layout>,
    format: FormatArg,
    charset: Encoding,
    language: Language,
}

impl Records {
    fn check(&self, file: &Path) -> anyhow::Result<u8> {
        let input = match open(file) {
            Ok(input) => input,
            Err(error) => return Ok(unreadable(file, &error, self.language)?),
        };
        let text = Decoder::new(input, self.charset, Unmappable::Refuse);
        let mut source: Box<dyn RecordSource> = match self.format {
            FormatArg::Csv => Box::new(CsvReader::new(text, &self.layout, &CsvOptions::default())?),
            FormatArg::Json => {
                Box::new(JsonReader::new(text, &self.layout, JsonForm::Array, JsonLimits::default()))
            }
            FormatArg::Ndjson => {
                Box::new(JsonReader::new(text, &self.layout, JsonForm::Lines, JsonLimits::default()))
            }
        };
        let mut checker = RecordChecker::new(&self.schema, &self.layout);
        let mut violations = Violations::default();
        let mut record = Record::new();
        let mut out = io::stdout().lock();
        loop {
            match source.next(&mut record) {
                Ok(true) => drop(checker.check(&mut record, &mut violations)),
                Ok(false) => break,
                Err(error) => {
                    if let ReadErrorKind::Io(io) = &error.kind
                        && io.get_ref().is_none()
                    {
                        // The file itself failed, not what is in it.
                        return Ok(unreadable(file, io, self.language)?);
                    }
                    let said = self.language.of(error.to_string(), error.message_ja());
                    let place = error.place;
                    writeln!(
                        out,
                        "{}:{}:{}: {}: {said}",
                        file.display(),
                        place.line,
                        place.column,
                        error.code()
                    )?;
                    return Ok(INVALID);
                }
            }
        }
        for violation in violations.listed() {
            let (line, column) = (violation.line.unwrap_or(0), violation.column.unwrap_or(0));
            let (name, code, record) = (file.display(), violation.code, violation.record);
            let field = violation.field.as_deref().unwrap_or(self.language.of("record", "レコード"));
            let (message, message_ja) = (&violation.message, &violation.message_ja);
            let said =
                text!("record {record}, {field}: {message}", "レコード{record}、{field}: {message_ja}");
            writeln!(out, "{name}:{line}:{column}: {code}: {}", said.in_language(self.language))?;
        }
        Ok(if violations.is_empty() { 0 } else { INVALID })
    }
}
