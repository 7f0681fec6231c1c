//! The documents of a description: the WSDL and what it imports or includes, from its own folder. Each is read once, and who
//! reads it from the disk is told by name.

use std::collections::BTreeSet;

use sekisho_xsd::SchemaDigest;

use super::WsdlError;
use super::definitions::WSDL;
use super::document::{self, Node};
use super::types::XS;

/// The most bytes that all documents have together.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// The most documents.
const MOST_DOCUMENTS: usize = 100;

/// A WSDL with everything that it imports.
#[derive(Debug)]
pub struct WsdlDocuments {
    /// The `definitions` of each WSDL document, the first one's first.
    pub(super) definitions: Vec<Node>,
    /// The schemas in files of their own.
    pub(super) schemas: Vec<Node>,
    digest: SchemaDigest,
}

/// Why what a document refers to cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportFault {
    /// It is an address, not a file.
    #[error(
        "it is an address, and nothing is fetched: put the file beside the WSDL, and its relative path here"
    )]
    Url,
    /// It is not in the folder of the WSDL.
    #[error("it lies outside the folder of the WSDL")]
    Outside,
    /// The document leads back to itself.
    #[error("it leads back to a document that imports or includes it: put what they share into a third one")]
    Cycle,
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It is for another namespace, or something else than a WSDL or a schema.
    #[error("it is not {0} for the namespace that is asked for")]
    Namespace(&'static str),
    /// `xs:redefine` is not followed.
    #[error("redefinitions are not followed: write the types out")]
    Redefined,
    /// Too many documents, or too many bytes.
    #[error("all documents together have at most {MOST_DOCUMENTS} files and {MOST_BYTES} bytes")]
    TooMuch,
}

impl ImportFault {
    /// Stable, kebab-case code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Url => "wsdl-import-url",
            Self::Outside => "wsdl-import-outside",
            Self::Cycle => "wsdl-import-cycle",
            Self::Unreadable(_) => "wsdl-import-unreadable",
            Self::Namespace(_) => "wsdl-import-namespace",
            Self::Redefined => "wsdl-import-redefined",
            Self::TooMuch => "wsdl-import-too-much",
        }
    }
}

impl WsdlDocuments {
    /// The WSDL of this file name with these bytes, and what it refers to. `read` gives the bytes of a file by its path from the
    /// folder of the WSDL, parted by `/`; that path never leads out of it.
    ///
    /// # Errors
    /// A document is none, or refers to what cannot be had.
    pub fn gather(
        name: &str,
        bytes: &[u8],
        read: &mut dyn FnMut(&str) -> Result<Vec<u8>, ImportFault>,
    ) -> Result<Self, WsdlError> {
        if bytes.len() > MOST_BYTES {
            let reason = format!("it is longer than {MOST_BYTES} bytes");
            return Err(WsdlError::Unreadable { at: None, reason });
        }
        let root = document::read(bytes, None)?;
        let mut gathering = Gathering {
            read,
            files: vec![(name.to_owned(), bytes.to_vec())],
            way: vec![name.to_owned()],
            taken: BTreeSet::new(),
            definitions: Vec::new(),
            schemas: Vec::new(),
        };
        gathering.definitions(root)?;
        let files = gathering.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        let digest = SchemaDigest::of(files);
        // Each was entered behind those that it imports.
        gathering.definitions.reverse();
        Ok(Self { definitions: gathering.definitions, schemas: gathering.schemas, digest })
    }

    /// Whether these bytes are a WSDL and no other document: by the name of the outermost element.
    pub fn is_wsdl(bytes: &[u8]) -> bool {
        bytes.len() <= MOST_BYTES
            && document::read(bytes, None).is_ok_and(|root| root.is(WSDL, "definitions"))
    }

    /// SHA-256 over all documents, names and bytes, as that of a schema.
    pub fn digest(&self) -> SchemaDigest {
        self.digest
    }
}

struct Gathering<'r> {
    read: &'r mut dyn FnMut(&str) -> Result<Vec<u8>, ImportFault>,
    files: Vec<(String, Vec<u8>)>,
    /// From the WSDL to the document at hand, each importing the next.
    way: Vec<String>,
    /// Schemas that were taken, each for its namespace; and definitions.
    taken: BTreeSet<(String, String)>,
    definitions: Vec<Node>,
    schemas: Vec<Node>,
}

impl Gathering<'_> {
    fn definitions(&mut self, root: Node) -> Result<(), WsdlError> {
        for import in root.children(WSDL, "import") {
            let location = import.attribute("location").unwrap_or_default();
            let wanted = import.attribute("namespace").unwrap_or_default();
            let Some((name, imported)) = self.follow(location, wanted, None)? else { continue };
            if !imported.is(WSDL, "definitions") || imported.attribute("targetNamespace") != Some(wanted) {
                return Err(self.fault(location, ImportFault::Namespace("a WSDL")));
            }
            self.way.push(name);
            self.definitions(imported)?;
            self.way.pop();
        }
        for schema in root.children(WSDL, "types").flat_map(|types| types.children(XS, "schema")) {
            self.references(schema)?;
        }
        self.definitions.push(root);
        Ok(())
    }

    /// What a schema imports and includes.
    fn references(&mut self, schema: &Node) -> Result<(), WsdlError> {
        let own = schema.attribute("targetNamespace").unwrap_or_default();
        for child in &schema.children {
            let Some(location) = child.attribute("schemaLocation") else { continue };
            let includes = child.is(XS, "include");
            if child.is(XS, "redefine") {
                return Err(self.fault(location, ImportFault::Redefined));
            }
            if !includes && !child.is(XS, "import") {
                continue;
            }
            let wanted = if includes { own } else { child.attribute("namespace").unwrap_or_default() };
            // What is included and has no namespace of its own takes that of what includes it.
            let Some((name, mut taken)) = self.follow(location, wanted, includes.then_some(own))? else {
                continue;
            };
            if includes && taken.attribute("targetNamespace").is_none() {
                taken.set("targetNamespace", own);
            }
            if !taken.is(XS, "schema") || taken.attribute("targetNamespace").unwrap_or_default() != wanted {
                return Err(self.fault(location, ImportFault::Namespace("a schema")));
            }
            self.way.push(name);
            self.references(&taken)?;
            self.way.pop();
            self.schemas.push(taken);
        }
        Ok(())
    }

    /// The document at a location, if it was not taken before; `around` is the namespace of names without a prefix, where it
    /// has none.
    fn follow(
        &mut self,
        location: &str,
        wanted: &str,
        around: Option<&str>,
    ) -> Result<Option<(String, Node)>, WsdlError> {
        let from = self.way.last().map_or("", String::as_str);
        let name = resolved(from, location).map_err(|fault| self.fault(location, fault))?;
        if self.way.contains(&name) {
            return Err(self.fault(location, ImportFault::Cycle));
        }
        if !self.taken.insert((name.clone(), wanted.to_owned())) {
            return Ok(None);
        }
        if !self.files.iter().any(|(known, _)| *known == name) {
            let bytes = (self.read)(&name).map_err(|fault| self.fault(location, fault))?;
            let all: usize = self.files.iter().map(|(_, bytes)| bytes.len()).sum();
            if self.files.len() == MOST_DOCUMENTS || all + bytes.len() > MOST_BYTES {
                return Err(self.fault(location, ImportFault::TooMuch));
            }
            self.files.push((name.clone(), bytes));
        }
        let bytes = self.files.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, bytes)| bytes);
        let node = document::read(bytes, around).map_err(|error| match error {
            WsdlError::Unreadable { at, reason } => {
                WsdlError::Unreadable { at, reason: format!("in '{name}': {reason}") }
            }
            other => other,
        })?;
        Ok(Some((name, node)))
    }

    fn fault(&self, location: &str, fault: ImportFault) -> WsdlError {
        let document = self.way.last().cloned().unwrap_or_default();
        WsdlError::Import { document, location: location.to_owned(), fault }
    }
}

/// A relative path, written in the document `from`, as a path from the WSDL's folder.
fn resolved(from: &str, location: &str) -> Result<String, ImportFault> {
    let location = location.split('#').next().unwrap_or_default();
    let scheme = location.split('/').next().is_some_and(|first| first.contains(':'));
    if scheme || location.starts_with("//") {
        return Err(ImportFault::Url);
    }
    if location.starts_with('/') || location.contains('\\') {
        return Err(ImportFault::Outside);
    }
    let mut path: Vec<&str> = from.split('/').collect();
    path.pop();
    for step in location.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(path.pop().ok_or(ImportFault::Outside)?),
            step => path.push(step),
        }
    }
    if location.is_empty() {
        return Err(ImportFault::Unreadable("the path is empty".to_owned()));
    }
    Ok(path.join("/"))
}

#[cfg(test)]
mod tests;
