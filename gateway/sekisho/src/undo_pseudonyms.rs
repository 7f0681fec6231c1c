//! `sekisho undo-pseudonyms`: what a route has replaced by pseudonyms, with the key of its configuration.

mod lines;

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use sekisho_policy::{Policy, Pseudonyms};

use self::lines::{Lines, write};
use crate::cli::{FAILED, UndoArgs};
use crate::config::{self, words};
use crate::language::{Language, Text, text};
use crate::serve;
use crate::usage::USAGE;

/// A value is no pseudonym, or the file is no such CSV.
const NOT_UNDONE: u8 = 1;

/// `sekisho undo-pseudonyms`.
pub(crate) fn run(args: &UndoArgs, language: Language) -> anyhow::Result<ExitCode> {
    let complain = |what: &Text| writeln!(io::stderr(), "sekisho: {}", what.in_language(language));
    let (_, effective) = match config::load(&args.config.config) {
        Ok(loaded) => loaded,
        Err(mistakes) => {
            writeln!(io::stderr(), "{}", serve::listed(&mistakes, language))?;
            return Ok(ExitCode::from(FAILED));
        }
    };
    let name = &args.route;
    let policy = effective.route(name).and_then(|route| route.policy.as_ref());
    let Some(policy) = policy.filter(|policy| policy.changes_records()) else {
        complain(&text!(
            "route {name} makes no pseudonyms: its configuration must be that of the municipality's side",
            "特定通信 {name} は仮名を作りません。団体側の設定を指定してください"
        ))?;
        return Ok(ExitCode::from(USAGE));
    };
    let input: Box<dyn Read> = if args.file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        match File::open(&args.file) {
            Ok(file) => Box::new(file),
            Err(error) => {
                complain(&words::file(&args.file, &error))?;
                return Ok(ExitCode::from(FAILED));
            }
        }
    };
    let mut output = BufWriter::new(io::stdout().lock());
    let undone = undo(input, policy, &args.column, &mut output);
    output.flush()?;
    match undone {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(Stopped::Io(error)) => Err(error.into()),
        Err(Stopped::At { line, what }) => {
            complain(&text!("line {line}: ", "{line}行目：").and(&what))?;
            Ok(ExitCode::from(NOT_UNDONE))
        }
    }
}

/// Why nothing more is written.
#[derive(Debug)]
enum Stopped {
    Io(io::Error),
    At {
        /// The line on which a record begins, from 1.
        line: u64,
        what: Text,
    },
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Stopped::Io(error)
    }
}

/// Copies CSV and undoes the pseudonyms in it.
fn undo(
    input: impl Read,
    policy: &Policy,
    columns: &[String],
    output: &mut impl Write,
) -> Result<(), Stopped> {
    let mut lines = Lines::new(input);
    if !lines.next()? {
        return Ok(());
    }
    let header: Vec<String> = lines.cells().map(str::to_owned).collect();
    let columns = find(&header, policy, columns)?;
    write(output, header.iter().map(String::as_str))?;
    let mut undone = String::new();
    while lines.next()? {
        let line = lines.number();
        let mut cells: Vec<String> = lines.cells().map(str::to_owned).collect();
        if cells.len() != header.len() {
            let (found, expected) = (cells.len(), header.len());
            let what =
                text!("{found} cells, {expected} are expected", "列数は{found}です（{expected}列が必要）");
            return Err(Stopped::At { line, what });
        }
        for (column, pseudonyms) in &columns {
            let cell = &mut cells[*column];
            if cell.is_empty() {
                continue;
            }
            undone.clear();
            if let Err(error) = pseudonyms.undo(cell, &mut undone) {
                let name = &header[*column];
                let what = Text::new(format!("{name}: {error}"), format!("{name}：{}", error.message_ja()));
                return Err(Stopped::At { line, what });
            }
            cell.clone_from(&undone);
        }
        write(output, cells.iter().map(String::as_str))?;
    }
    Ok(())
}

/// The columns that have pseudonyms, by their number, with those that undo them.
fn find<'p>(
    header: &[String],
    policy: &'p Policy,
    named: &[String],
) -> Result<Vec<(usize, &'p Pseudonyms)>, Stopped> {
    let stop = |what: Text| Stopped::At { line: 1, what };
    if named.is_empty() {
        let known = |(n, name): (usize, &String)| Some((n, policy.pseudonyms_of(name)?));
        let found: Vec<_> = header.iter().enumerate().filter_map(known).collect();
        return match found.is_empty() {
            false => Ok(found),
            true => Err(stop(text!(
                "no column is called as a field that has pseudonyms: name it by --column COLUMN=FIELD",
                "仮名の項目と同じ名前の列がありません。--column 列名=項目名 で指定してください"
            ))),
        };
    }
    let mut found = Vec::new();
    for named in named {
        let (column, field) = named.split_once('=').unwrap_or((named, named));
        let Some(at) = header.iter().position(|name| name == column) else {
            return Err(stop(text!("there is no column {column}", "{column} という列がありません")));
        };
        let Some(pseudonyms) = policy.pseudonyms_of(field) else {
            return Err(stop(text!(
                "the route makes no pseudonyms of {field}",
                "{field} は仮名にしていない項目です"
            )));
        };
        found.push((at, pseudonyms));
    }
    Ok(found)
}
