//! The line protocol of XML Schema test suite runners: one question a line, one answer a line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Write};
use std::path::{Path, PathBuf};

use crate::error::DocumentError;
use crate::schema::Schema;

/// The longest line that is read, in bytes.
const MAX_LINE: u64 = 64 << 10;
/// Where an XML declaration ends at the latest.
const MAX_HEAD: u64 = 256;

/// Answers `S<TAB>schema` and `I<TAB>schema<TAB>instance` until the input ends.
///
/// The answers are `valid`, `invalid`, `schema-error` (the schema was refused) and `error …`. The schema of the last
/// question is kept for the next. Schemas may be anywhere on this machine, refer to documents that are missing and use
/// what a gateway would refuse: a test suite asks what XSD 1.0 says.
///
/// # Errors
/// When the input cannot be read or the answer not written.
pub fn serve(mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut last = None;
    let mut line = String::new();
    loop {
        line.clear();
        if io::Read::take(&mut input, MAX_LINE).read_line(&mut line)? == 0 {
            return Ok(());
        }
        writeln!(output, "{}", answer(line.trim_end_matches(['\r', '\n']), &mut last))?;
        output.flush()?;
    }
}

fn answer(line: &str, last: &mut Option<(PathBuf, Option<Schema>)>) -> &'static str {
    let parts: Vec<_> = line.split('\t').collect();
    let (schema, instance) = match parts.as_slice() {
        ["S", schema] => (Path::new(schema), None),
        ["I", schema, instance] => (Path::new(schema), Some(instance)),
        _ => return "error a line is S, tab, schema or I, tab, schema, tab, instance",
    };
    if last.as_ref().is_none_or(|(path, _)| path != schema) {
        *last = Some((schema.to_owned(), Schema::load_lax(schema).ok()));
    }
    let Some((_, Some(schema))) = last else { return "schema-error" };
    let Some(instance) = instance else { return "valid" };
    let Ok(file) = File::open(instance) else { return "error the instance cannot be read" };
    match schema.validate_document(as_xml_1_0(BufReader::new(file)), &mut |_| {}) {
        Ok(validity) if validity.valid => "valid",
        Ok(_) | Err(DocumentError::NotWellFormed { .. } | DocumentError::Encoding { .. }) => "invalid",
        Err(DocumentError::Limit { .. }) => "error over a limit",
        Err(_) => "error the instance cannot be checked",
    }
}

/// The document with XML 1.1 in its declaration read as XML 1.0: the suite has such documents, a gateway refuses them.
fn as_xml_1_0(mut input: impl BufRead) -> impl BufRead {
    let mut head = Vec::new();
    // A file that cannot be read any more fails again where its content is asked for.
    let _ = io::Read::by_ref(&mut input).take(MAX_HEAD).read_to_end(&mut head);
    for newer in [&b"version=\"1.1\""[..], b"version='1.1'"] {
        let declaration = head.windows(2).position(|pair| pair == b"?>").unwrap_or(0);
        if let Some(at) = head[..declaration].windows(newer.len()).position(|window| window == newer) {
            head[at + newer.len() - 2] = b'0';
        }
    }
    io::Read::chain(io::Cursor::new(head), input)
}
