//! Where schema documents come from: files below one folder, and nothing else.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use xsd_schema::parser::SourceLocation;
use xsd_schema::{
    EmbeddedLoader, LocationRequest, LocationRewriter, SchemaError as XsdError, SchemaLoader, SchemaResolver,
};

use crate::mixed::without_overruled;
use crate::place::line_and_column;
use crate::text::text;

/// The largest schema document that is read, in bytes.
const MAX_DOCUMENT: u64 = 16 << 20;
/// The most documents that one schema may consist of.
const MAX_DOCUMENTS: usize = 1000;
/// What the compiler knows the documents by: a scheme of our own, so that it never looks at the disk itself.
const SCHEME: &str = "schema:///";

/// Which files a schema may be made of.
#[derive(Debug)]
pub(crate) enum Reach {
    /// Files below the folder of the schema's first document, and those named.
    Folder { also: Vec<PathBuf> },
    /// Any file on this machine: for conformance suites, whose schemas refer to one another across folders.
    Anywhere,
}

/// The documents of one schema. Each is read once; compiling again finds the same bytes without the disk.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    reach: Reach,
    shelf: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    documents: Vec<Document>,
    /// What was wrong with a location that could not be had.
    refusals: Vec<Unread>,
    /// What a reference led to: (referring document, location as written) to our own location.
    answers: HashMap<(String, String), String>,
}

/// Why there is no document.
#[derive(Debug)]
enum Unread {
    /// It cannot be had.
    Gone(String),
    /// More than a schema may have: the rule, what and how much, and the line and column of a document where that is so.
    TooLarge(&'static str, String, Option<(String, u64, u64)>),
}

impl From<String> for Unread {
    fn from(why: String) -> Self {
        Unread::Gone(why)
    }
}

/// A schema document as it was read.
#[derive(Debug)]
pub(crate) struct Document {
    path: PathBuf,
    /// Its path from the schema's folder, which is the same on every machine.
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

impl Sources {
    /// `root` is the canonical folder that relative names start from.
    pub(crate) fn new(root: PathBuf, reach: Reach) -> Self {
        Self { shared: Arc::new(Shared { root, reach, shelf: Mutex::default() }) }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // Entries are pushed whole: a poisoned lock still guards a consistent shelf.
        self.shared.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `each` for every document read so far.
    pub(crate) fn for_each(&self, each: impl FnMut(&Document)) {
        self.shelf().documents.iter().for_each(each);
    }

    /// The name of the document that the compiler knows as `location`.
    pub(crate) fn name(&self, location: &str) -> String {
        let shelf = self.shelf();
        index(location)
            .and_then(|i| shelf.documents.get(i))
            .map_or_else(|| location.to_owned(), |d| d.name.clone())
    }

    /// A text of the compiler's, with the names of documents where it has their locations.
    pub(crate) fn with_names(&self, text: &str) -> String {
        let mut pieces = text.split(SCHEME);
        let mut said = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit());
            said.push_str(&self.name(&format!("{SCHEME}{}", &piece[..piece.len() - rest.len()])));
            said.push_str(rest);
        }
        said
    }

    /// Our own location for what `location`, written in the document `base`, refers to.
    fn answer(&self, base: &str, location: &str) -> String {
        let key = (base.to_owned(), location.to_owned());
        let mut shelf = self.shelf();
        if let Some(answer) = shelf.answers.get(&key) {
            return answer.clone();
        }
        let folder = index(base)
            .and_then(|i| shelf.documents.get(i))
            .and_then(|referring| referring.path.parent())
            .unwrap_or(&self.shared.root)
            .to_owned();
        let answer = match self.shared.read(&mut shelf, &folder, location) {
            Ok(index) => format!("{SCHEME}{index}"),
            Err(why) => {
                shelf.refusals.push(why);
                format!("{SCHEME}refused/{}", shelf.refusals.len() - 1)
            }
        };
        shelf.answers.insert(key, answer.clone());
        answer
    }
}

impl Shared {
    fn read(&self, shelf: &mut Shelf, folder: &Path, location: &str) -> Result<usize, Unread> {
        let location = location.split('#').next().unwrap_or_default();
        let embedded = EmbeddedLoader::new();
        let path =
            if embedded.can_load(location) { PathBuf::from(location) } else { self.path(folder, location)? };
        if let Some(index) = shelf.documents.iter().position(|document| document.path == path) {
            return Ok(index);
        }
        if shelf.documents.len() == MAX_DOCUMENTS {
            let what = format!("a schema has at most {MAX_DOCUMENTS} documents: put several into one");
            return Err(Unread::TooLarge("limit-documents", what, None));
        }
        let bytes = if embedded.can_load(location) {
            embedded.load(location).map_err(|e| e.to_string())?.into_bytes()
        } else {
            read_file(&path)?
        };
        let name = name(&self.root, &path);
        if bytes.len() as u64 > MAX_DOCUMENT {
            let (line, column) = line_and_column(&bytes, MAX_DOCUMENT as usize);
            let what = format!(
                "a schema document has at most {MAX_DOCUMENT} bytes, and here it has one more: make several of it that include one another"
            );
            return Err(Unread::TooLarge("limit-document-bytes", what, Some((name, line, column))));
        }
        shelf.documents.push(Document { path, name, bytes });
        Ok(shelf.documents.len() - 1)
    }

    fn path(&self, folder: &Path, location: &str) -> Result<PathBuf, String> {
        let lexical = match location.strip_prefix("file://") {
            Some(path) => PathBuf::from(path),
            None if location.contains("://") => {
                return Err("it is on a network, and schemas come from disk only".into());
            }
            None => folder.join(location),
        };
        let path = std::fs::canonicalize(&lexical).map_err(|error| unread(&error))?;
        match &self.reach {
            Reach::Folder { also } if !path.starts_with(&self.root) && !also.contains(&path) => {
                Err("it lies outside the folder of the schema".to_owned())
            }
            _ => Ok(path),
        }
    }
}

/// The path from the schema's folder, which does not tell where on the machine that is.
fn name(root: &Path, path: &Path) -> String {
    let shared = root.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let up = if path.is_absolute() { root.components().count() - shared } else { 0 };
    let down: PathBuf = path.components().skip(shared).collect();
    "../".repeat(up) + &down.to_string_lossy()
}

/// One byte more than a document may have at the most.
fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| unread(&error))?;
    file.take(MAX_DOCUMENT + 1).read_to_end(&mut bytes).map_err(|error| unread(&error))?;
    Ok(bytes)
}

/// Why a file cannot be read, in words of our own where there are some.
fn unread(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "it may not be read".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}

fn location_in(name: &str, line: u64, column: u64) -> SourceLocation {
    SourceLocation { base_uri: name.to_owned(), line: line as usize, column: column as usize }
}

fn index(location: &str) -> Option<usize> {
    location.strip_prefix(SCHEME)?.parse().ok()
}

impl LocationRewriter for Sources {
    fn rewrite(&self, request: &LocationRequest<'_>, _: &SchemaResolver) -> Option<String> {
        Some(self.answer(request.base_uri, request.location))
    }
}

impl SchemaLoader for Sources {
    fn load(&self, location: &str) -> Result<String, XsdError> {
        let shelf = self.shelf();
        if let Some(document) = index(location).and_then(|i| shelf.documents.get(i)) {
            return match text(&document.bytes) {
                Ok(text) => Ok(without_overruled(text)),
                Err(no) => {
                    let at = location_in(&document.name, no.line, no.column);
                    Err(XsdError::xml(no.words.en, Some(at)))
                }
            };
        }
        let refusal = location
            .strip_prefix(SCHEME)
            .and_then(|rest| rest.strip_prefix("refused/"))
            .and_then(|i| shelf.refusals.get(i.parse::<usize>().ok()?));
        Err(match refusal {
            Some(Unread::Gone(why)) => XsdError::resolution(why.clone()),
            // Where it says nothing of a place, it is at the directive that asks for the document.
            Some(Unread::TooLarge(rule, what, at)) => {
                let at = at.as_ref().map(|(name, line, column)| location_in(name, *line, *column));
                XsdError::structural(rule, what.clone(), at)
            }
            None => XsdError::resolution("no such document"),
        })
    }

    /// Everything, so that a location that cannot be had fails here, with our reason.
    fn can_load(&self, _location: &str) -> bool {
        true
    }
}
