//! What is written in schema documents that have been read and of which nothing is resolved yet: every definition once,
//! those inside others too.

use xsd_schema::SchemaSet;
use xsd_schema::parser::SourceRef;
use xsd_schema::parser::frames::{
    AttributeFrameResult, AttributeUseResult, ComplexContentResult, ComplexTypeResult, DerivationMethod,
    ElementFrameResult, ParticleResult, ParticleTerm, QNameRef, SimpleTypeResult, TypeFrameResult,
    TypeRefResult,
};
use xsd_schema::types::facets::FacetSet;
use xsd_schema::{DocumentId, arenas::SchemaArenas};

/// Where something is written, which says what it is: keys change as the compiler redefines.
pub(crate) type Place = (DocumentId, usize, usize);

pub(crate) fn place(source: &SourceRef) -> Place {
    (source.doc_id, source.span.start, source.span.end)
}

/// A complex type, but for its attributes.
pub(crate) struct Complex<'w> {
    pub(crate) base: Option<&'w TypeRefResult>,
    pub(crate) method: Option<DerivationMethod>,
    pub(crate) mixed: &'w mut bool,
    pub(crate) content: &'w mut ComplexContentResult,
    pub(crate) source: Option<&'w SourceRef>,
}

/// What a value or a facet is of.
#[derive(Clone, Copy)]
pub(crate) enum Of<'w> {
    Named(&'w QNameRef),
    Simple(&'w SimpleTypeResult),
    Complex(&'w ComplexTypeResult),
    /// The type of the global attribute that is referred to.
    Attribute(&'w QNameRef),
}

impl<'w> Of<'w> {
    pub(crate) fn reference(reference: &'w TypeRefResult) -> Of<'w> {
        match reference {
            TypeRefResult::QName(name) => Of::Named(name),
            TypeRefResult::Inline(inline) => Of::frame(inline),
        }
    }

    fn frame(frame: &'w TypeFrameResult) -> Of<'w> {
        match frame {
            TypeFrameResult::Simple(ty) => Of::Simple(ty),
            TypeFrameResult::Complex(ty) => Of::Complex(ty),
        }
    }
}

/// Who changes what is written before the compiler sees it.
pub(crate) trait Rewrite {
    fn complex(&mut self, _: Complex<'_>) {}
    /// The facets of a simple type or of simple content, with what they restrict.
    fn facets(&mut self, _: Of<'_>, _: &mut FacetSet) {}
    /// The default or fixed value of an element or attribute.
    fn value(&mut self, _: Of<'_>, _: &mut String) {}
}

/// Shows all of it to `by`. How deep definitions lie in one another is the parser's to bound.
pub(crate) fn rewrite(set: &mut SchemaSet, by: &mut impl Rewrite) {
    let SchemaArenas {
        simple_types,
        complex_types,
        elements,
        attributes,
        attribute_groups,
        model_groups,
        ..
    } = set.arenas.entries_mut();
    for (_, ty) in simple_types.iter_mut() {
        if let Some(base) = &ty.base_type {
            by.facets(Of::reference(base), &mut ty.facets);
        }
        references(ty.base_type.iter_mut().chain(&mut ty.item_type).chain(&mut ty.member_types), by);
    }
    for (_, ty) in complex_types.iter_mut() {
        by.complex(Complex {
            base: ty.base_type.as_ref(),
            method: ty.derivation_method,
            mixed: &mut ty.mixed,
            content: &mut ty.content,
            source: ty.source.as_ref(),
        });
        uses(&mut ty.attributes, by);
        content(&mut ty.content, by);
    }
    for (_, element) in elements.iter_mut() {
        let of = of(element.inline_type.as_deref(), element.type_ref.as_ref());
        values(of, &mut element.default_value, &mut element.fixed_value, by);
        if let Some(inline) = &mut element.inline_type {
            frame(inline, by);
        }
        references(&mut element.type_ref, by);
    }
    for (_, attribute) in attributes.iter_mut() {
        let inline = attribute.inline_type.as_deref().map(Of::Simple);
        let of = inline.or(attribute.type_ref.as_ref().map(Of::reference));
        values(of, &mut attribute.default_value, &mut attribute.fixed_value, by);
        if let Some(inline) = &mut attribute.inline_type {
            simple(inline, by);
        }
    }
    for (_, group) in attribute_groups.iter_mut() {
        uses(&mut group.attributes, by);
    }
    for (_, group) in model_groups.iter_mut() {
        particles(&mut group.particles, by);
    }
}

fn references<'w>(written: impl IntoIterator<Item = &'w mut TypeRefResult>, by: &mut impl Rewrite) {
    for reference in written {
        if let TypeRefResult::Inline(inline) = reference {
            frame(inline, by);
        }
    }
}

fn frame(written: &mut TypeFrameResult, by: &mut impl Rewrite) {
    match written {
        TypeFrameResult::Simple(ty) => simple(ty, by),
        TypeFrameResult::Complex(ty) => {
            by.complex(Complex {
                base: ty.base_type.as_ref(),
                method: ty.derivation_method,
                mixed: &mut ty.mixed,
                content: &mut ty.content,
                source: ty.source.as_ref(),
            });
            uses(&mut ty.attributes, by);
            content(&mut ty.content, by);
        }
    }
}

fn simple(ty: &mut SimpleTypeResult, by: &mut impl Rewrite) {
    if let Some(base) = &ty.base_type {
        by.facets(Of::reference(base), &mut ty.facets);
    }
    references(ty.base_type.iter_mut().chain(&mut ty.item_type).chain(&mut ty.member_types), by);
}

fn content(written: &mut ComplexContentResult, by: &mut impl Rewrite) {
    match written {
        ComplexContentResult::Empty => {}
        ComplexContentResult::Simple(def) => {
            let inline = def.content_type.as_deref().map(Of::Simple);
            if let Some(of) = inline.or(def.base_type.as_ref().map(Of::reference)) {
                by.facets(of, &mut def.facets);
            }
            if let Some(inline) = &mut def.content_type {
                simple(inline, by);
            }
            uses(&mut def.attributes, by);
        }
        ComplexContentResult::Complex(def) => {
            particles(def.particle.as_mut_slice(), by);
            uses(&mut def.attributes, by);
        }
    }
}

fn particles(written: &mut [ParticleResult], by: &mut impl Rewrite) {
    for particle in written {
        match &mut particle.term {
            ParticleTerm::Group(group) => particles(&mut group.particles, by),
            ParticleTerm::Element(element) => local_element(element, by),
            ParticleTerm::Any(_) => {}
        }
    }
}

fn local_element(element: &mut ElementFrameResult, by: &mut impl Rewrite) {
    let of = of(element.inline_type.as_deref(), element.type_ref.as_ref());
    values(of, &mut element.default_value, &mut element.fixed_value, by);
    if let Some(inline) = &mut element.inline_type {
        frame(inline, by);
    }
    references(&mut element.type_ref, by);
}

fn uses(written: &mut [AttributeUseResult], by: &mut impl Rewrite) {
    for using in written {
        let AttributeFrameResult { inline_type, type_ref, ref_name, default_value, fixed_value, .. } =
            &mut using.attribute;
        let own = inline_type.as_deref().map(Of::Simple).or(type_ref.as_ref().map(Of::reference));
        let of = own.or(ref_name.as_ref().map(Of::Attribute));
        values(of, default_value, fixed_value, by);
        if let Some(inline) = inline_type {
            simple(inline, by);
        }
    }
}

fn of<'w>(inline: Option<&'w TypeFrameResult>, reference: Option<&'w TypeRefResult>) -> Option<Of<'w>> {
    inline.map(Of::frame).or(reference.map(Of::reference))
}

fn values(
    of: Option<Of<'_>>,
    default: &mut Option<String>,
    fixed: &mut Option<String>,
    by: &mut impl Rewrite,
) {
    let Some(of) = of else { return };
    for value in default.iter_mut().chain(fixed) {
        by.value(of, value);
    }
}
