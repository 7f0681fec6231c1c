//! The line protocol of XML Schema test suite runners: one question a line, one answer a line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Write};
use std::path::{Path, PathBuf};

use sekisho_xml::{DetectError, decode_document};

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
    let mut line = Vec::new();
    loop {
        line.clear();
        if io::Read::take(&mut input, MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let said = match std::str::from_utf8(&line) {
            Ok(line) => answer(line.trim_end_matches(['\r', '\n']), &mut last),
            Err(_) => "error a line is text in UTF-8",
        };
        writeln!(output, "{said}")?;
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
    let text = match decode_document(as_xml_1_0(BufReader::new(file)), None) {
        Ok(text) => text,
        Err(error) if error.get_ref().is_some_and(|inner| inner.is::<DetectError>()) => return "invalid",
        Err(_) => return "error the instance cannot be read",
    };
    match schema.validate_document(text, &mut |_| {}) {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "what cannot be written fails the test")]

    use super::*;

    #[test]
    fn instances_are_in_the_encoding_that_they_are_in() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let schema = at("s.xsd");
        std::fs::write(
            &schema,
            "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='a'><xs:simpleType>
               <xs:restriction base='xs:string'><xs:enumeration value='髙橋'/></xs:restriction></xs:simpleType></xs:element></xs:schema>",
        )
        .unwrap();
        let document = |head: &str| format!("<?xml version='1.0'{head}?><a>髙橋</a>");
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
        // The first of the two is one that Microsoft added to Shift_JIS.
        let name = [&b"<a>\xFB\xFC\x8B\xB4"[..], b"</a>"].concat();
        let windows =
            |label: &str| [format!("<?xml version='1.0' encoding='{label}'?>").as_bytes(), &name].concat();
        let cases: [(&str, Vec<u8>); 11] = [
            ("valid", document("").into()),
            ("valid", document(" encoding='UTF-8'").into()),
            ("valid", document(" encoding='UTF-8'").replace("1.0", "1.1").into()),
            ("valid", utf16(&document(" encoding='UTF-16'"))),
            ("valid", utf16(&format!("\u{FEFF}{}", document("")))),
            ("valid", windows("Windows-31J")),
            ("invalid", windows("Windows-31J").strip_suffix(b"</a>").unwrap().to_vec()),
            // In no encoding that it says.
            ("invalid", utf16(&document(""))),
            ("invalid", document(" encoding='UTF-16'").into()),
            ("invalid", windows("UTF-8")),
            ("invalid", windows("EUC-JP")),
        ];
        for (number, (verdict, bytes)) in cases.into_iter().enumerate() {
            let instance = at(&format!("{number}.xml"));
            std::fs::write(&instance, bytes).unwrap();
            let mut said = Vec::new();
            serve(format!("I\t{schema}\t{instance}\n").as_bytes(), &mut said).unwrap();
            assert_eq!(String::from_utf8(said).unwrap(), format!("{verdict}\n"), "{number}");
        }
    }

    #[test]
    fn a_line_that_is_no_text_is_answered_and_the_next_one_too() {
        let folder = tempfile::tempdir().unwrap();
        let schema = folder.path().join("s.xsd");
        std::fs::write(&schema, "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'/>").unwrap();
        // A path in Shift_JIS.
        let questions = [b"S\t\x95\\.xsd\nS\t", schema.to_str().unwrap().as_bytes(), b"\n"].concat();
        let mut said = Vec::new();
        serve(&questions[..], &mut said).unwrap();
        assert_eq!(String::from_utf8(said).unwrap(), "error a line is text in UTF-8\nvalid\n");
    }
}
