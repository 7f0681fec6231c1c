//! `sekisho validate` and `sekisho pin`.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use sekisho_charset::{Decoder, Encoding, Unmappable};
use sekisho_records::{
    CsvOptions, CsvReader, JsonForm, JsonLimits, JsonReader, Layout, Next, ReadError, ReadErrorKind, Record,
    RecordChecker, RecordSource, Violation, Violations, XmlOptions, XmlRecords,
};
use sekisho_xml::{Limits, Reader, decode_document};
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
        // An XML document says its encoding itself.
        if self.format == FormatArg::Xml {
            let text = match decode_document(input, None) {
                Ok(text) => text,
                Err(error) => return Ok(unreadable(file, &error, self.language)?),
            };
            let mut reader = Reader::new(BufReader::new(text), Limits::default());
            let records = XmlRecords::from_document(&mut reader, &self.layout, XmlOptions::default());
            return self.check_all(records, file);
        }
        let text = Decoder::new(input, self.charset, Unmappable::Refuse);
        let json = |text, form| JsonReader::new(text, &self.layout, form, JsonLimits::default());
        match self.format {
            FormatArg::Json => self.check_all(json(text, JsonForm::Array), file),
            FormatArg::Ndjson => self.check_all(json(text, JsonForm::Lines), file),
            FormatArg::Csv | FormatArg::Xml => {
                self.check_all(CsvReader::new(text, &self.layout, &CsvOptions::default())?, file)
            }
        }
    }

    fn check_all(&self, mut source: impl RecordSource, file: &Path) -> anyhow::Result<u8> {
        let mut checker = RecordChecker::new(&self.schema, &self.layout);
        let mut violations = Violations::default();
        let mut record = Record::new();
        let ended = loop {
            match source.next_checked(&mut record, &mut checker, &mut violations) {
                Ok(Next::Good | Next::Bad) => {}
                Ok(Next::End) => break None,
                Err(error) => break Some(error),
            }
        };
        let mut out = io::stdout().lock();
        for violation in violations.listed() {
            writeln!(out, "{}:{}", file.display(), self.line(violation))?;
        }
        match ended {
            Some(ReadError { kind: ReadErrorKind::Io(error), .. }) if error.get_ref().is_none() => {
                // The file itself failed, not what is in it.
                Ok(unreadable(file, &error, self.language)?)
            }
            Some(error) => {
                let (line, column, code) = (error.place.line, error.place.column, error.code());
                let said = self.language.of(error.to_string(), error.message_ja());
                writeln!(out, "{}:{line}:{column}: {code}: {said}", file.display())?;
                Ok(INVALID)
            }
            None => Ok(if violations.is_empty() { 0 } else { INVALID }),
        }
    }

    /// `line:column: code: message`.
    fn line(&self, violation: &Violation) -> String {
        let (line, column) = (violation.line.unwrap_or(0), violation.column.unwrap_or(0));
        let Violation { record, code, message, message_ja, .. } = violation;
        let field = violation.field.as_deref().unwrap_or(self.language.of("record", "レコード"));
        let said = text!("record {record}, {field}: {message}", "レコード{record}、{field}: {message_ja}");
        format!("{line}:{column}: {code}: {}", said.in_language(self.language))
    }
}
