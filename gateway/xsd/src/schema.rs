//! A schema, loaded from disk.

use std::collections::HashSet;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sekisho_datatypes::Tables;
use sekisho_xml::QName;
use xsd_schema::SchemaSet;
use xsd_schema::parser::{SourceLocation, SourceRef};

use crate::compiled::Compiled;
use crate::dialect;
use crate::digest::SchemaDigest;
use crate::engine::build::{BuildError, Built, Compiler, build};
use crate::engine::run::Basis;
use crate::error::SchemaError;
use crate::facts::{TypeFacts, facts};
use crate::record::{RecordType, TypeId};
use crate::refusal::Refusal;
use crate::sources::{Reach, Sources};
use crate::text::{NoText, text};
use crate::translate;

/// A compiled schema. Cheap to clone; shared by every route that names it.
#[derive(Clone)]
pub struct Schema {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    digest: SchemaDigest,
    documents: Vec<SchemaDocument>,
    /// What is known of each simple type, by `TypeId`.
    pub(crate) types: Vec<TypeFacts>,
    /// Local names that elements and attributes are declared by: they may be printed.
    pub(crate) declared: HashSet<Box<str>>,
    pub(crate) engine: Built,
    path: PathBuf,
    sources: Sources,
    /// What the compiler made of it, until a record type has been asked for.
    compiled: Mutex<Option<Compiled>>,
    /// The public id of each type of the engine's, by its index.
    public: Vec<Option<TypeId>>,
}

/// One document that a schema is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaDocument {
    /// Its path from the schema's own folder, `/` between the steps.
    pub name: String,
    /// Its digest, alone.
    pub digest: SchemaDigest,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Schema {
    /// Reads and compiles the schema at `path` and every document it includes, imports or redefines, from disk only.
    ///
    /// The other documents lie in the folder of `path` or below it.
    ///
    /// # Errors
    /// When a document cannot be read or lies elsewhere, when the digest over all of them is not the one pinned,
    /// when they break a rule of XSD 1.0 or use XSD 1.1, when a reference in them leads nowhere, or when they pass a bound
    /// of this gateway ([`SchemaError::TooLarge`]).
    pub fn load(path: &Path, pin: Option<&SchemaDigest>) -> Result<Schema, SchemaError> {
        Self::load_with(path, &[], pin)
    }

    /// As [`Schema::load`], with documents outside the schema's folder that it may be made of as well.
    ///
    /// # Errors
    /// As [`Schema::load`].
    pub fn load_with(
        path: &Path,
        also: &[PathBuf],
        pin: Option<&SchemaDigest>,
    ) -> Result<Schema, SchemaError> {
        let read = |path: &Path, source| SchemaError::Read { path: path.to_owned(), source };
        let first = std::fs::canonicalize(path).map_err(|e| read(path, e))?;
        // A folder can be opened, and what may not be read has a path.
        std::fs::File::open(&first).and_then(|mut file| file.read(&mut [0])).map_err(|e| read(path, e))?;
        let root = first.parent().unwrap_or(Path::new("/")).to_owned();
        let mut allowed = vec![first.clone()];
        for file in also {
            allowed.push(std::fs::canonicalize(file).map_err(|e| read(file, e))?);
        }
        let sources = Sources::new(root, Reach::Folder { also: allowed });
        Loading { path: first, sources, strict: true }.run(pin)
    }

    /// As a conformance suite wants it: documents from anywhere, and XSD 1.0 as it is written, where a document that
    /// cannot be had is no error (part 1 §4.2.3).
    pub(crate) fn load_lax(path: &Path) -> Result<Schema, SchemaError> {
        let first = std::fs::canonicalize(path)
            .map_err(|source| SchemaError::Read { path: path.to_owned(), source })?;
        let root = first.parent().unwrap_or(Path::new("/")).to_owned();
        Loading { path: first, sources: Sources::new(root, Reach::Anywhere), strict: false }.run(None)
    }

    /// The digest over all documents of the schema.
    pub fn digest(&self) -> SchemaDigest {
        self.inner.digest
    }

    /// The documents that the schema is made of, by name.
    pub fn documents(&self) -> &[SchemaDocument] {
        &self.inner.documents
    }

    /// The type of the record element `record`: a global element, or one declared inside a global one.
    ///
    /// # Errors
    /// When there is no such element, or several different ones, or when its type allows what only XML could carry
    /// or what cannot be checked record by record: each by its name.
    pub fn record_type(&self, record: &QName) -> Result<RecordType, SchemaError> {
        // Another schema can be compiled from the same documents: this one need not be kept for that.
        let kept = self.inner.compiled.lock().unwrap_or_else(PoisonError::into_inner).take();
        let compiled = match kept {
            Some(compiled) => compiled,
            None => {
                let refusal = Refusal { sources: &self.inner.sources };
                Compiled::new(&self.inner.path, &self.inner.sources).map_err(|error| refusal.of(&error))?
            }
        };
        translate::record_type(self, &compiled, record)
    }

    /// Whether the schema declares a global element of this name.
    pub fn element_exists(&self, name: &QName) -> bool {
        let grammar = &self.inner.engine.grammar;
        let found = grammar.names.find(&name.namespace, &name.local);
        grammar.global(found.name).element.is_some()
    }

    /// `file:line:column` of what the compiler has found; the root of the first document where it says nothing.
    pub(crate) fn place(&self, at: Option<&SourceLocation>) -> String {
        Refusal { sources: &self.inner.sources }.place(at)
    }

    /// Lends what documents are held against.
    pub(crate) fn basis<T>(&self, work: impl FnOnce(Basis<'_>) -> T) -> T {
        let inner = &*self.inner;
        let facts = |ty: sekisho_datatypes::TypeId| {
            inner.public.get(ty.index()).copied().flatten().map(|id| &inner.types[id.0 as usize])
        };
        work(Basis { grammar: &inner.engine.grammar, declared: &inner.declared, facts: &facts })
    }

    pub(crate) fn facts(&self, ty: TypeId) -> &TypeFacts {
        &self.inner.types[ty.0 as usize]
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").field("digest", &self.inner.digest).finish_non_exhaustive()
    }
}

struct Loading {
    path: PathBuf,
    sources: Sources,
    strict: bool,
}

impl Loading {
    fn run(self, pin: Option<&SchemaDigest>) -> Result<Schema, SchemaError> {
        let compiled = Compiled::new(&self.path, &self.sources);
        // A pin is answered first: an operator who has another file than the one pinned need not read its faults.
        let digest = self.digest();
        if let Some(&pinned) = pin.filter(|&&pinned| pinned != digest) {
            return Err(SchemaError::Pin { path: self.path, pinned, found: digest });
        }
        if self.strict {
            self.refuse_others()?;
        }
        let refusal = Refusal { sources: &self.sources };
        let compiled = compiled.map_err(|error| refusal.of(&error))?;
        if self.strict {
            refusal.of_gaps(&compiled.set)?;
        }
        let engine = self.engine(&compiled)?;
        let public = public_ids(&engine);
        let types: Vec<TypeFacts> = compiled.types.iter().map(|&key| facts(&compiled, key)).collect();
        Ok(Schema {
            inner: Arc::new(Inner {
                digest,
                documents: self.documents(),
                types,
                declared: declared_names(&compiled.set),
                engine,
                path: self.path,
                sources: self.sources,
                compiled: Mutex::new(Some(compiled)),
                public,
            }),
        })
    }

    fn engine(&self, compiled: &Compiled) -> Result<Built, SchemaError> {
        let set = &compiled.set;
        let text_of = |document: u32| {
            let location = &set.documents.get(document as usize)?.base_uri;
            xsd_schema::SchemaLoader::load(&self.sources, location).ok()
        };
        let refusal = Refusal { sources: &self.sources };
        let place = |source: Option<&SourceRef>| refusal.place(set.locate(source).as_ref());
        let compiler = Compiler {
            set,
            types: &compiled.types,
            elements: &compiled.elements,
            place: &place,
            text: &text_of,
        };
        let tables = if self.strict { Tables::Current } else { Tables::Xsd10 };
        build(&compiler, tables).map_err(|BuildError { source, rule, message }| {
            refusal.broken(place(source.as_ref()), rule, message)
        })
    }

    fn digest(&self) -> SchemaDigest {
        let mut documents = Vec::new();
        self.sources.for_each(|document| documents.push((document.name.clone(), document.bytes.clone())));
        SchemaDigest::of(documents.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())))
    }

    fn documents(&self) -> Vec<SchemaDocument> {
        let mut documents = Vec::new();
        self.sources.for_each(|document| {
            documents.push(SchemaDocument {
                name: document.name.clone(),
                digest: SchemaDigest::of([(document.name.as_str(), document.bytes.as_slice())]),
                bytes: document.bytes.len() as u64,
            });
        });
        documents.sort_by(|a, b| a.name.cmp(&b.name));
        documents
    }

    /// Whether each document is one of XML 1.0 and XSD 1.0, in an encoding that it says.
    fn refuse_others(&self) -> Result<(), SchemaError> {
        let mut verdict = Ok(());
        self.sources.for_each(|document| {
            if verdict.is_ok() {
                verdict = match text(&document.bytes) {
                    Ok(text) => dialect::refuse_others(&document.name, &text),
                    Err(NoText { rule, words, line, column }) => Err(SchemaError::Invalid {
                        place: format!("{}:{line}:{column}", document.name),
                        rule: rule.to_owned(),
                        message: words.en,
                        message_ja: words.ja,
                    }),
                };
            }
        });
        verdict
    }
}

fn declared_names(set: &SchemaSet) -> HashSet<Box<str>> {
    let elements = set.arenas.elements.values().filter_map(|e| e.name);
    let attributes = set.arenas.attributes.values().filter_map(|a| a.name);
    elements.chain(attributes).map(|name| set.name_table.resolve_ref(name).into()).collect()
}

fn public_ids(built: &Built) -> Vec<Option<TypeId>> {
    let mut public = Vec::new();
    for (id, engine) in built.simple.iter().enumerate() {
        if let Some(engine) = engine {
            if public.len() <= engine.index() {
                public.resize(engine.index() + 1, None);
            }
            public[engine.index()] = Some(TypeId(id as u32));
        }
    }
    public
}
