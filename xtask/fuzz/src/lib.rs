//! Fuzz targets: plain functions that take any bytes, and panic when a reader breaks one of its promises.
//!
//! `cargo xtask fuzz` runs them under libFuzzer, which looks for inputs that reach new code. `tests/corpora.rs` runs them
//! over what lies in `corpus/`, and over edited copies of it, whenever the tests are run.
//!
//! **To add a target:** write the function, give it one line in [`TARGETS`], and put at least one input into
//! `corpus/<name>/`. An input that once broke a promise stays there.
#![forbid(unsafe_code)]
// A target says that a promise is broken by a panic.
#![allow(clippy::unwrap_used)]

mod charset;
mod connections;
mod datatypes;
mod doors;
mod exchanges;
mod patterns;
mod pieces;
mod policy;
mod records;
mod runtime;
mod scan;
mod soap;
mod trace;
mod xml;

use std::path::{Path, PathBuf};

/// A function to be given any bytes.
#[derive(Debug)]
pub struct Target {
    /// Its name on the command line, and its folder in `corpus/`.
    pub name: &'static str,
    /// What must hold, in a line.
    pub promise: &'static str,
    /// The function. It panics when the promise is broken, and does nothing else.
    pub run: fn(&[u8]),
    /// Words of the language, for mutations: a file of `dictionaries/`.
    pub words: Option<&'static str>,
    /// More folders with inputs to begin with, from the repository's root.
    pub more_seeds: &'static [&'static str],
}

/// Every target.
#[rustfmt::skip]
pub const TARGETS: &[Target] = &[
    target("xml", "what the XML reader yields is balanced, the same however the bytes come, and can be written and read again", xml::reader, Some("xml.dict")),
    target("expectation", "what an expectation follows, the XML reader reads, to the same end and with the same values", xml::expectation, Some("xml.dict")),
    target("csv", "reading and checking in one step gives what two steps give, however the bytes come", records::csv, Some("csv.dict")),
    target("json", "the same for JSON; what is read is JSON to another parser too, with as many records", records::json, Some("json.dict")),
    target("xml-records", "the same for records in XML", records::xml, Some("xml.dict")),
    target("canonical", "a damaged canonical record is refused, or can be walked and mapped", records::canonical, None),
    Target { more_seeds: &["gateway/soap/tests/fixtures"], ..target("multipart", "a package has the same parts and the same verdict however the bytes come", soap::multipart, Some("mime.dict")) },
    target("envelope", "an envelope has one verdict for every kind of message, however the bytes come", soap::envelope, Some("xml.dict")),
    target("doors", "the same records by CSV, JSON, NDJSON and XML have one verdict, the same codes and the same canonical bytes", doors::alike, Some("values.dict")),
    target("policy", "any values have one verdict at every door, nothing of them is told, and what is let go names nobody", policy::judge, Some("policy.dict")),
    target("runtime", "a document has one verdict, however its bytes come, and it is that of another validator", runtime::verdicts, Some("schema.dict")),
    target("datatypes", "a value has one verdict and one value, whatever its white space, and they are those of another validator", datatypes::values, Some("values.dict")),
    target("patterns", "a pattern takes what a simple matcher of the same grammar takes", patterns::pattern, Some("patterns.dict")),
    target("proxied", "a header of the PROXY protocol is read in one way to its end, or refused", connections::proxied, None),
    target("certificate", "the names of a certificate are written and read in one way", connections::certificate, None),
    target("clamd", "an answer of clamd means one thing however its bytes come, and only the exact word lets content pass", scan::clamd, Some("scan.dict")),
    target("icap", "the same for an answer of an ICAP server, with a preview and without", scan::icap, Some("scan.dict")),
    target("exchanges", "a file of the exchange log has one verdict however its bytes come, one other byte is found, and a gateway goes on with it", exchanges::file, None),
    target("charset", "a decoder gives the text, or the place of the first bad bytes, that encoding_rs gives", charset::decoder, None),
];

const fn target(
    name: &'static str,
    promise: &'static str,
    run: fn(&[u8]),
    words: Option<&'static str>,
) -> Target {
    Target { name, promise, run, words, more_seeds: &[] }
}

impl Target {
    /// The folders that hold its inputs; the first is its own.
    pub fn seeds(&self) -> Vec<PathBuf> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let own = here.join("corpus").join(self.name);
        let more = self.more_seeds.iter().map(|folder| here.join("../..").join(folder));
        std::iter::once(own).chain(more).collect()
    }

    /// The file of words for mutations.
    pub fn dictionary(&self) -> Option<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dictionaries");
        self.words.map(|file| folder.join(file))
    }
}
