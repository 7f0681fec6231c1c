//! `sekisho validate` and `sekisho pin`.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use sekisho_charset::{Decoder, Encoding, Unmappable};
use sekisho_records::{
    CsvOptions, CsvReader, JsonForm, JsonLimits, JsonReader, Layout, Record, RecordChecker, RecordSource,
    Violations,
};
use sekisho_xml::QName;
use sekisho_xsd::Schema;

use crate::cli::{FormatArg, PinArgs, ValidateArgs};

const INVALID: u8 = 1;
const SCHEMA: u8 = 2;
const UNREADABLE: u8 = 3;

/// `sekisho pin`.
pub(crate) fn pin(args: &PinArgs) -> anyhow::Result<ExitCode> {
    match Schema::load(&args.file, None) {
        Ok(schema) => {
            writeln!(io::stdout(), "{}", schema.digest())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            writeln!(io::stderr(), "sekisho: {error}")?;
            Ok(ExitCode::from(SCHEMA))
        }
    }
}

/// `sekisho validate`.
pub(crate) fn run(args: &ValidateArgs) -> anyhow::Result<ExitCode> {
    if args.server {
        sekisho_xsd::lines::serve(io::stdin().lock(), io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    }
    let schema_file = args.schema.as_deref().context("--schema is missing")?;
    let schema = match Schema::load(schema_file, None) {
        Ok(schema) => schema,
        Err(error) => {
            writeln!(io::stderr(), "sekisho: {error}")?;
            return Ok(ExitCode::from(SCHEMA));
        }
    };
    let records = match (&args.record, args.format) {
        (Some(record), Some(format)) => match Records::new(&schema, record, format, &args.charset) {
            Ok(records) => Some(records),
            Err(error) => {
                writeln!(io::stderr(), "sekisho: {error:#}")?;
                return Ok(ExitCode::from(SCHEMA));
            }
        },
        _ => None,
    };
    let mut worst = 0;
    for file in &args.files {
        let verdict = match &records {
            Some(records) => records.check(file)?,
            None => document(&schema, file)?,
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

/// The file itself failed, not what is in it.
fn is_io(error: &sekisho_records::ReadError) -> bool {
    matches!(&error.kind, sekisho_records::ReadErrorKind::Io(io) if io.get_ref().is_none())
}

fn unreadable(file: &Path, error: &dyn std::fmt::Display) -> io::Result<u8> {
    writeln!(io::stderr(), "{}: {error}", file.display())?;
    Ok(UNREADABLE)
}

fn document(schema: &Schema, file: &Path) -> io::Result<u8> {
    let input = match open(file) {
        Ok(input) => BufReader::new(input),
        Err(error) => return unreadable(file, &error),
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
        Err(error) if error.code() == "document-read" => unreadable(file, &error),
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
}

impl Records {
    fn new(schema: &Schema, record: &str, format: FormatArg, charset: &str) -> anyhow::Result<Self> {
        let record: QName =
            record.parse().map_err(|_| anyhow::anyhow!("--record: write {{namespace}}name"))?;
        let layout = Layout::compile(&schema.record_type(&record)?)?;
        let charset = Encoding::from_label(charset).context("--charset: UTF-8, UTF-16 or Windows-31J")?;
        Ok(Self { schema: schema.clone(), layout: Arc::new(layout), format, charset })
    }

    fn check(&self, file: &Path) -> anyhow::Result<u8> {
        let input = match open(file) {
            Ok(input) => input,
            Err(error) => return Ok(unreadable(file, &error)?),
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
                Err(error) if is_io(&error) => return Ok(unreadable(file, &error)?),
                Err(error) => {
                    let place = error.place;
                    writeln!(
                        out,
                        "{}:{}:{}: {}: {error}",
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
            let field = violation.field.as_deref().unwrap_or("record");
            writeln!(
                out,
                "{}:{line}:{column}: {}: record {}, {field}: {}",
                file.display(),
                violation.code,
                violation.record,
                violation.message
            )?;
        }
        Ok(if violations.is_empty() { 0 } else { INVALID })
    }
}
