//! What the compiler makes of a schema: kept only until it has been asked for all that it knows.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::Path;

use xsd_schema::arenas::{ElementDeclData, SimpleTypeDefData};
use xsd_schema::parser::SourceRef;
use xsd_schema::parser::resolver::ResolverConfig;
use xsd_schema::{ElementKey, SchemaError as XsdError, SchemaResolver, SchemaSet, SimpleTypeKey};

use crate::heads::Heads;
use crate::phases;
use crate::record::TypeId;
use crate::sources::Sources;

/// One compiled schema. Compiled again from the same documents, its types and elements have the same index.
pub(crate) struct Compiled {
    pub(crate) set: SchemaSet,
    pub(crate) types: Vec<SimpleTypeKey>,
    pub(crate) elements: Vec<ElementKey>,
    ids: HashMap<SimpleTypeKey, TypeId>,
}

impl Compiled {
    /// Compiles the document at `path` and what it refers to.
    ///
    /// Directives whose documents cannot be had are left to the caller: `SchemaSet::directive_failures`.
    pub(crate) fn new(path: &Path, sources: &Sources) -> Result<Self, XsdError> {
        let compile = |heads| {
            let mut resolver =
                SchemaResolver::with_config_and_loader(ResolverConfig::default(), Box::new(sources.clone()));
            resolver.catalog_mut().add_xml_catalog();
            resolver.set_location_rewriter(sources.clone());
            phases::compile(&path.to_string_lossy(), &mut resolver, heads)
        };
        let set = match compile(Heads::AsWritten) {
            Err(error) if Heads::matter(&error) => compile(Heads::WrittenOut).map_err(|_| error),
            first => first,
        }?;
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
        Ok(Self { set, types, elements, ids })
    }

    /// Our number of a simple type.
    pub(crate) fn id(&self, key: SimpleTypeKey) -> Option<TypeId> {
        self.ids.get(&key).copied()
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
