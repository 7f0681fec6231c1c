//! Compiled schemas, as many as are used at once.
//!
//! The compiled form interns names behind a `RefCell`, also while it validates, so it serves one thread at a time. A
//! schema therefore keeps a few of them, compiled from the same bytes, and lends them out.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use xsd_schema::arenas::{ElementDeclData, SimpleTypeDefData};
use xsd_schema::parser::SourceRef;
use xsd_schema::parser::resolver::ResolverConfig;
use xsd_schema::validation::{SchemaValidator, ValidationFlags};
use xsd_schema::{ElementKey, SchemaError as XsdError, SchemaSet, SchemaSetBuilder, SimpleTypeKey};
use xsd_schema::{SchemaResolver, XsdVersion};

use crate::record::TypeId;
use crate::sources::Sources;

/// How many compiled schemas may be kept by checkers and running documents, over those that are lent for one value.
const MAX_HELD: usize = 16;
/// How many are lent for one value at a time: more threads than this wait for each other.
const MAX_LENT: usize = 8;
/// How much a compiled schema may grow by names that documents brought before it is thrown away, in bytes.
pub(crate) const MAX_GROWTH: usize = 256 << 10;

/// One compiled schema. The same types and elements have the same index in each of one schema's.
pub(crate) struct Compiled {
    pub(crate) set: SchemaSet,
    pub(crate) types: Vec<SimpleTypeKey>,
    pub(crate) elements: Vec<ElementKey>,
    ids: HashMap<SimpleTypeKey, TypeId>,
    names_at_birth: usize,
}

impl Compiled {
    /// Compiles the document at `path` and what it refers to.
    ///
    /// Directives whose documents cannot be had are left to the caller: `SchemaSet::directive_failures`.
    pub(crate) fn new(path: &Path, sources: &Sources) -> Result<Self, XsdError> {
        let mut resolver =
            SchemaResolver::with_config_and_loader(ResolverConfig::default(), Box::new(sources.clone()));
        resolver.catalog_mut().add_xml_catalog();
        resolver.set_location_rewriter(sources.clone());
        let mut builder = SchemaSetBuilder::with_resolver(resolver, XsdVersion::V1_0);
        builder.try_add(&path.to_string_lossy())?;
        let set = builder.compile()?.into_schema_set();
        let names = |name| set.name_table.resolve_ref(name);
        let mut types: Vec<_> = set.arenas.simple_types.iter().collect();
        types.sort_by(|(_, a), (_, b)| {
            identity(a.source.as_ref(), b.source.as_ref())
                .then_with(|| type_name(a, names).cmp(type_name(b, names)))
        });
        let mut elements: Vec<_> = set.arenas.elements.iter().collect();
        elements.sort_by(|(_, a), (_, b)| identity(element_source(a), element_source(b)));
        let types: Vec<_> = types.into_iter().map(|(key, _)| key).collect();
        let elements = elements.into_iter().map(|(key, _)| key).collect();
        let ids = types.iter().enumerate().map(|(i, &key)| (key, TypeId(i as u32))).collect();
        let names_at_birth = set.name_table.heap_bytes();
        Ok(Self { set, types, elements, ids, names_at_birth })
    }

    /// Our number of a simple type; `None` for one that is made while a document is checked.
    pub(crate) fn id(&self, key: SimpleTypeKey) -> Option<TypeId> {
        self.ids.get(&key).copied()
    }

    /// How many bytes of names documents have added.
    pub(crate) fn growth(&self) -> usize {
        self.set.name_table.heap_bytes().saturating_sub(self.names_at_birth)
    }
}

fn element_source(element: &ElementDeclData) -> Option<&SourceRef> {
    element.source.as_ref()
}

fn type_name<'a>(ty: &SimpleTypeDefData, names: impl Fn(xsd_schema::NameId) -> &'a str) -> &'a str {
    ty.name.map_or("", names)
}

/// Where a component is written tells it from every other one; keys depend on the order of hash tables.
fn identity(a: Option<&SourceRef>, b: Option<&SourceRef>) -> Ordering {
    let place = |source: Option<&SourceRef>| source.map(|s| (s.doc_id, s.span.start, s.span.end));
    place(a).cmp(&place(b))
}

/// The compiled schemas of one schema.
pub(crate) struct Pool {
    path: std::path::PathBuf,
    sources: Sources,
    state: Mutex<State>,
    returned: Condvar,
}

struct State {
    idle: Vec<Compiled>,
    lent: usize,
    held: usize,
}

impl Pool {
    /// A pool that has one already, and makes more from the same documents.
    pub(crate) fn new(path: &Path, sources: &Sources, first: Compiled) -> Self {
        Self {
            path: path.to_owned(),
            sources: sources.clone(),
            state: Mutex::new(State { idle: vec![first], lent: 0, held: 0 }),
            returned: Condvar::new(),
        }
    }

    /// The name of the document that the compiler knows as `location`.
    pub(crate) fn document_name(&self, location: &str) -> String {
        self.sources.name(location)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held; a poisoned one guards consistent counts all the same.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lends one for a moment's work; waits while too many are lent.
    pub(crate) fn lend(&self) -> Lent<'_> {
        let mut state = self.state();
        while state.lent == MAX_LENT {
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.lent += 1;
        let compiled = state.idle.pop();
        drop(state);
        let mut lent = Lent { pool: self, compiled };
        if lent.compiled.is_none() {
            lent.compiled = Some(self.make());
        }
        lent
    }

    /// Hands one over for as long as the caller likes, unless too many are kept.
    pub(crate) fn hold(&self) -> Option<Compiled> {
        let mut state = self.state();
        if state.held == MAX_HELD {
            return None;
        }
        state.held += 1;
        let compiled = state.idle.pop();
        drop(state);
        Some(compiled.unwrap_or_else(|| self.make()))
    }

    /// Takes back what `hold` handed over.
    pub(crate) fn release(&self, compiled: Compiled) {
        let mut state = self.state();
        state.held -= 1;
        state.put(compiled);
    }

    fn make(&self) -> Compiled {
        // The same bytes, out of memory, compiled when the schema was loaded: the compiler depends on nothing else.
        Compiled::new(&self.path, &self.sources).expect("a schema that compiled once compiles again")
    }
}

impl State {
    fn put(&mut self, compiled: Compiled) {
        if compiled.growth() <= MAX_GROWTH && self.idle.len() < MAX_LENT {
            self.idle.push(compiled);
        }
    }
}

/// A compiled schema on loan.
pub(crate) struct Lent<'p> {
    pool: &'p Pool,
    compiled: Option<Compiled>,
}

impl Deref for Lent<'_> {
    type Target = Compiled;

    fn deref(&self) -> &Compiled {
        // Filled by `lend`, emptied only by `drop`.
        self.compiled.as_ref().expect("a loan holds a schema until it is dropped")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        state.lent -= 1;
        if let Some(compiled) = self.compiled.take() {
            state.put(compiled);
        }
        drop(state);
        self.pool.returned.notify_one();
    }
}

self_cell::self_cell!(
    /// A compiled schema with its validator: the content models are prepared once, not once a record.
    pub(crate) struct Engine {
        owner: Compiled,
        #[covariant]
        dependent: Validator,
    }
);

/// The validator of one compiled schema.
pub(crate) type Validator<'a> = SchemaValidator<'a>;

/// A validator without what a gateway has no use for: warnings, and typed values for their own sake.
pub(crate) fn validator(set: &SchemaSet) -> Validator<'_> {
    SchemaValidator::new(set, ValidationFlags::empty())
}

impl Engine {
    pub(crate) fn of(compiled: Compiled) -> Self {
        Engine::new(compiled, |compiled| validator(&compiled.set))
    }
}
