//! The compiler's phases, as its own builder runs them, but for one: Unique Particle Attribution is checked on our own
//! automata (`engine/content/attribution`).
//!
//! The compiler's check takes time in the square of a choice's alternatives, which for a choice of 1,000 is ten times
//! all the rest, and writes repetitions out, which for nested ones has no end. There is no switch for it. But it is the last
//! phase, and goes through the types in the order in which they were made: so a type of ours is made first, and breaks
//! the rule. When that is what is wrong, everything else has been checked.

use xsd_schema::parser::parse_schema_with_config;
use xsd_schema::parser::resolver::{LoadOutcome, fixup_composition_edges, resolve_all_directives};
use xsd_schema::pipeline::process_loaded_schemas;
use xsd_schema::{DocumentId, SchemaError, SchemaResolver, SchemaSet, TypeKey, XsdVersion};

use crate::finals::FinalForList;
use crate::heads::{Heads, WrittenOut};
use crate::mixed::Mixed;
use crate::nameless::Nameless;
use crate::single::Single;
use crate::{base64, circle, empty, expansion, redefined};

/// Our document: where it is, its namespace, and its type, with two wildcards that compete and no element.
const LAST: &str = "last:";
const NAMESPACE: &str = "urn:sekisho:last";
const TYPE: &str = "Last";
const DOCUMENT: &str = "<schema xmlns='http://www.w3.org/2001/XMLSchema' targetNamespace='urn:sekisho:last'>\
     <complexType name='Last'><choice><any/><any/></choice></complexType></schema>";

/// Compiles the document at `location` and what it refers to, attribution aside.
///
/// Directives whose documents cannot be had are left to the caller: `SchemaSet::directive_failures`. How many
/// documents there are is the loader's to bound.
pub(crate) fn compile(
    location: &str,
    resolver: &mut SchemaResolver,
    heads: Heads,
) -> Result<SchemaSet, SchemaError> {
    let mut set = SchemaSet::with_version(XsdVersion::V1_0);
    let config = resolver.config().parser_config.clone();
    parse_schema_with_config(DOCUMENT.as_bytes(), LAST, &mut set, &config)?;
    if let LoadOutcome::Loaded(first) = resolver.load_schema(location, "", &mut set, None)? {
        follow_directives(first, resolver, &mut set)?;
    }
    fixup_composition_edges(&mut set);
    set.set_max_depth(config.max_depth);
    redefined::refuse_twice(&set)?;
    expansion::refuse_large(&set)?;
    empty::leave_out(&mut set);
    base64::close_up(&mut set);
    let final_for_list = FinalForList::take(&mut set);
    let (mixed, single) = (Mixed::take(&mut set), Single::take(&mut set));
    let nameless = Nameless::take(&mut set);
    let written_out = match heads {
        Heads::AsWritten => None,
        Heads::WrittenOut => Some(WrittenOut::take(&mut set).ok_or_else(nothing_else)?),
    };
    match process_loaded_schemas(&mut set) {
        // Of a circle the compiler tells its own keys, and no place.
        Err(error) if is_circle(&error) => Err(circle::find(&set).unwrap_or(error)),
        Err(error) if !is_last(&error) => Err(error),
        _ => {
            take_out(&mut set);
            if let Some(written_out) = written_out {
                written_out.put_back(&mut set);
            }
            mixed.put_back(&mut set);
            single.put_back(&mut set);
            nameless.put_back(&mut set);
            final_for_list.check(&set)?;
            Ok(set)
        }
    }
}

/// What comes out when there is nothing to write out.
fn nothing_else() -> SchemaError {
    SchemaError::structural("derivation-ok-restriction", "there is nothing to write out", None)
}

/// Reads what the document includes, imports and redefines, and what that does, each document before the next one.
fn follow_directives(
    first: DocumentId,
    resolver: &mut SchemaResolver,
    set: &mut SchemaSet,
) -> Result<(), SchemaError> {
    let (mut errors, mut import_errors) = (Vec::new(), Vec::new());
    let mut waiting = vec![first];
    while let Some(document) = waiting.pop() {
        let found = resolve_all_directives(document, resolver, set);
        waiting.extend(found.loaded.iter().rev());
        errors.extend(found.errors.into_iter().map(|error| at_redefinition(error, document, set)));
        import_errors.extend(found.import_errors);
    }
    // A document that cannot be read is kept on the set; one that is read and wrong ends it.
    let wrong = errors.into_iter().chain(import_errors).find(SchemaError::is_schema_content_error);
    wrong.map_or(Ok(()), Err)
}

/// Of a document that does not fit the one that redefines it, the compiler tells no place: that is where it is asked for.
fn at_redefinition(error: SchemaError, document: DocumentId, set: &SchemaSet) -> SchemaError {
    let document = set.documents.get(document as usize);
    let asked = document
        .and_then(|document| document.redefines.iter().find(|directive| directive.resolved_doc_id.is_none()));
    match (asked.and_then(|directive| set.locate(directive.source.as_ref())), error) {
        (Some(at), SchemaError::StructuralError { constraint: "src-include", message, location: None }) => {
            SchemaError::structural("src-redefine", message, Some(at))
        }
        (Some(at), error) if error.is_schema_content_error() => error.with_location(at),
        (_, error) => error,
    }
}

/// Whether all that is wrong is that our type is ambiguous.
fn is_last(error: &SchemaError) -> bool {
    let SchemaError::StructuralError { constraint: "cos-nonambig", location: Some(place), .. } = error else {
        return false;
    };
    place.base_uri == LAST
}

/// Whether a type is derived from itself.
fn is_circle(error: &SchemaError) -> bool {
    matches!(error, SchemaError::StructuralError { constraint: "ct-props-correct.3", location: None, .. })
}

/// Leaves nothing of our type for documents to name.
fn take_out(set: &mut SchemaSet) {
    let (Some(namespace), Some(name)) = (set.name_table.get(NAMESPACE), set.name_table.get(TYPE)) else {
        return;
    };
    if let Some(TypeKey::Complex(key)) = set.lookup_type(Some(namespace), name) {
        set.arenas.entries_mut().complex_types.remove(key);
    }
    set.namespaces.remove(&Some(namespace));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "what does not load fails the test")]

    use xsd_schema::{LoaderChain, ResolverConfig};

    use super::*;

    fn compiled(body: &str) -> Result<SchemaSet, SchemaError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.xsd");
        std::fs::write(
            &path,
            format!("<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>{body}</xs:schema>"),
        )
        .unwrap();
        let loaders = LoaderChain::with_defaults();
        let mut resolver =
            SchemaResolver::with_config_and_loader(ResolverConfig::default(), Box::new(loaders));
        compile(path.to_str().unwrap(), &mut resolver, Heads::AsWritten)
    }

    /// Should another version of the compiler go about it otherwise, this is where it shows.
    #[test]
    fn the_last_phase_alone_is_left_out() {
        let ambiguous = "<xs:complexType name='a'><xs:choice><xs:any/><xs:any/></xs:choice></xs:complexType>";
        compiled(ambiguous).unwrap();
        // The phases just before it.
        for (body, rule) in [
            (
                "<xs:complexType name='t'><xs:sequence><xs:any minOccurs='2'/></xs:sequence></xs:complexType>",
                "p-props-correct",
            ),
            (
                "<xs:complexType name='t'><xs:all><xs:element name='a' maxOccurs='2'/></xs:all></xs:complexType>",
                "cos-all-limited",
            ),
            (
                "<xs:group name='g'><xs:all><xs:element name='a'/></xs:all></xs:group>\
                 <xs:complexType name='t'><xs:sequence><xs:group ref='g'/></xs:sequence></xs:complexType>",
                "cos-all-limited",
            ),
            ("<xs:element name='e' default='x' type='xs:int'/>", "e-props-correct.2"),
        ] {
            let error = compiled(&format!("{ambiguous}{body}")).unwrap_err();
            let SchemaError::StructuralError { constraint, .. } = &error else { panic!("{error}") };
            assert_eq!(*constraint, rule, "{error}");
        }
    }

    #[test]
    fn nothing_of_our_own_stays() {
        let set = compiled("<xs:complexType name='t'/>").unwrap();
        assert!(set.namespaces.keys().all(|namespace| {
            namespace.is_none_or(|namespace| set.name_table.resolve_ref(namespace) != NAMESPACE)
        }));
        let named = |name: Option<_>| name.is_some_and(|name| set.name_table.resolve_ref(name) == TYPE);
        assert!(set.arenas.complex_types.iter().all(|(_, ty)| !named(ty.name)));
    }
}
