//! Types that are written inside a local element, where a reference to another element comes before it.
//!
//! The compiler notes such types by the number of their element. When it holds a restriction against its base, it leaves
//! references out as it counts, and takes the type of one element for that of another, or for none. Where it finds the type
//! by a name it does not count; so such types have one, which no document can write, while it works.

use xsd_schema::arenas::{ComplexTypeDefData, SchemaArenas, SimpleTypeDefData};
use xsd_schema::namespace::NameTable;
use xsd_schema::parser::SourceRef;
use xsd_schema::parser::frames::{
    ComplexContentResult, ComplexTypeResult, ParticleResult, ParticleTerm, QNameRef, SimpleTypeResult,
    TypeFrameResult, TypeRefResult,
};
use xsd_schema::schema::SchemaDocument;
use xsd_schema::schema::model::DerivationSet;
use xsd_schema::{NameId, SchemaSet, TypeKey};

type Namespace = Option<NameId>;

/// The types that have a name for now.
pub(crate) struct Nameless(Vec<(Namespace, NameId, TypeKey)>);

impl Nameless {
    /// Names such types of documents that have been read and of which nothing is resolved yet.
    pub(crate) fn take(set: &mut SchemaSet) -> Nameless {
        let mut found = Found { names: &set.name_table, types: Vec::new() };
        let SchemaArenas { complex_types, elements, model_groups, .. } = set.arenas.entries_mut();
        for (_, ty) in complex_types.iter_mut() {
            found.content(&mut ty.content, ty.target_namespace);
        }
        for (_, element) in elements.iter_mut() {
            if let Some(inline) = &mut element.inline_type {
                found.frame(inline, element.target_namespace);
            }
        }
        for (_, group) in model_groups.iter_mut() {
            found.particles(&mut group.particles, group.target_namespace, &mut false);
        }
        let types = found.types.into_iter().map(|(namespace, name, frame)| {
            let key = define(set, name, namespace, frame);
            set.get_or_create_namespace(namespace).register_type(name, key);
            (namespace, name, key)
        });
        Nameless(types.collect())
    }

    /// Takes the names away again.
    pub(crate) fn put_back(&self, set: &mut SchemaSet) {
        for (namespace, name, key) in &self.0 {
            if let Some(table) = set.namespaces.get_mut(namespace) {
                table.types.remove(name);
            }
            let arenas = set.arenas.entries_mut();
            match *key {
                TypeKey::Complex(key) => arenas.complex_types[key].name = None,
                TypeKey::Simple(key) => arenas.simple_types[key].name = None,
            }
        }
    }
}

/// What has been found, and taken out of its element.
struct Found<'s> {
    names: &'s NameTable,
    types: Vec<(Namespace, NameId, TypeFrameResult)>,
}

impl Found<'_> {
    fn content(&mut self, content: &mut ComplexContentResult, namespace: Namespace) {
        if let ComplexContentResult::Complex(def) = content {
            self.particles(def.particle.as_mut_slice(), namespace, &mut false);
        }
    }

    fn frame(&mut self, frame: &mut TypeFrameResult, namespace: Namespace) {
        if let TypeFrameResult::Complex(ty) = frame {
            self.content(&mut ty.content, namespace);
        }
    }

    /// `referred` is whether there was a reference before.
    fn particles(&mut self, particles: &mut [ParticleResult], namespace: Namespace, referred: &mut bool) {
        for particle in particles {
            match &mut particle.term {
                ParticleTerm::Group(group) => self.particles(&mut group.particles, namespace, referred),
                ParticleTerm::Any(_) => {}
                ParticleTerm::Element(element) => {
                    *referred |= element.ref_name.is_some();
                    if let Some(inline) = &mut element.inline_type {
                        self.frame(inline, namespace);
                    }
                    if let Some(inline) = element.inline_type.take_if(|_| *referred) {
                        // No name in a document has a blank.
                        let local_name = self.names.add(&format!("(anonymous {})", self.types.len() + 1));
                        self.types.push((namespace, local_name, *inline));
                        let name = QNameRef { prefix: None, local_name, namespace };
                        element.type_ref = Some(TypeRefResult::QName(name));
                    }
                }
            }
        }
    }
}

/// The type as the compiler would define it where it is written.
fn define(set: &mut SchemaSet, name: NameId, namespace: Namespace, frame: TypeFrameResult) -> TypeKey {
    match frame {
        TypeFrameResult::Simple(ty) => {
            let finals = default(set, ty.final_derivation, ty.source.as_ref(), |from| from.final_default);
            TypeKey::Simple(set.arenas.alloc_simple_type(simple(*ty, name, namespace, finals)))
        }
        TypeFrameResult::Complex(ty) => {
            let finals = default(set, ty.final_derivation, ty.source.as_ref(), |from| from.final_default);
            let block = default(set, ty.block, ty.source.as_ref(), |from| from.block_default);
            TypeKey::Complex(set.arenas.alloc_complex_type(complex(*ty, name, namespace, finals, block)))
        }
    }
}

fn default(
    set: &SchemaSet,
    written: Option<DerivationSet>,
    source: Option<&SourceRef>,
    of: impl Fn(&SchemaDocument) -> DerivationSet,
) -> DerivationSet {
    let document = source.map(|source| source.schema_defaults_doc.unwrap_or(source.doc_id));
    let document = document.and_then(|document| set.documents.get(document as usize));
    written.or(document.map(of)).unwrap_or_default()
}

fn simple(
    ty: SimpleTypeResult,
    name: NameId,
    target_namespace: Namespace,
    final_derivation: DerivationSet,
) -> SimpleTypeDefData {
    SimpleTypeDefData {
        name: Some(name),
        target_namespace,
        variety: ty.variety,
        base_type: ty.base_type,
        item_type: ty.item_type,
        member_types: ty.member_types,
        facets: ty.facets,
        final_derivation,
        id: ty.id,
        derivation_id: ty.derivation_id,
        annotation: ty.annotation,
        source: ty.source,
        resolved_base_type: None,
        resolved_item_type: None,
        resolved_member_types: Vec::new(),
        redefine_original: None,
        deferred_item_type_error: None,
    }
}

fn complex(
    ty: ComplexTypeResult,
    name: NameId,
    target_namespace: Namespace,
    final_derivation: DerivationSet,
    block: DerivationSet,
) -> ComplexTypeDefData {
    ComplexTypeDefData {
        name: Some(name),
        target_namespace,
        base_type: ty.base_type,
        derivation_method: ty.derivation_method,
        content: ty.content,
        // Open content and assertions are XSD 1.1's.
        open_content: None,
        attributes: ty.attributes,
        attribute_groups: ty.attribute_groups,
        attribute_wildcard: ty.attribute_wildcard,
        mixed: ty.mixed,
        is_abstract: ty.is_abstract,
        final_derivation,
        block,
        default_attributes_apply: ty.default_attributes_apply,
        id: ty.id,
        assertions: Vec::new(),
        xpath_default_namespace: ty.xpath_default_namespace,
        annotation: ty.annotation,
        source: ty.source,
        resolved_base_type: None,
        resolved_attribute_groups: Vec::new(),
        resolved_attributes: Vec::new(),
        resolved_content_particle_types: Vec::new(),
        resolved_content_particle_elements: Vec::new(),
        resolved_simple_content_type: None,
        redefine_original: None,
    }
}
