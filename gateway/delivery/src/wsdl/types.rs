//! The types of a WSDL, as far as they say which elements stand where.

use std::collections::BTreeMap;

use super::definitions::WSDL;
use super::document::{Name, Node};
use super::{WsdlDocuments, WsdlError};

pub(super) const XS: &str = "http://www.w3.org/2001/XMLSchema";

/// Extensions of extensions, at the most.
const DEEPEST: usize = 64;

/// Elements and types of all schemas in the WSDL.
pub(super) struct Types<'d> {
    elements: BTreeMap<Name, (&'d Node, Schema)>,
    types: BTreeMap<Name, (&'d Node, Schema)>,
}

/// What a schema says for all of its elements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Schema {
    namespace: String,
    qualified: bool,
}

/// An element where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) name: Name,
    pub(super) optional: bool,
    /// It may stand there more than once.
    pub(super) many: bool,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// A type by its name.
    Named(Name),
    /// That of an element which is declared at the top.
    Element(Name),
    /// A type of its own.
    Own(Content),
    /// No elements inside.
    Simple,
    /// Anything.
    Any,
}

/// What stands in an element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) elements: Vec<Declared>,
    /// In this order.
    pub(super) ordered: bool,
    /// Others may stand there, too.
    pub(super) open: bool,
}

impl<'d> Types<'d> {
    pub(super) fn new(documents: &'d WsdlDocuments) -> Self {
        let mut all = Self { elements: BTreeMap::new(), types: BTreeMap::new() };
        let types = documents.definitions.iter().flat_map(|root| root.children(WSDL, "types"));
        let inside = types.flat_map(|types| types.children(XS, "schema"));
        for node in inside.chain(&documents.schemas) {
            let schema = Schema {
                namespace: node.attribute("targetNamespace").unwrap_or_default().to_owned(),
                qualified: node.attribute("elementFormDefault") == Some("qualified"),
            };
            for child in &node.children {
                let local = child.attribute("name").unwrap_or_default().to_owned();
                let name = Name { namespace: schema.namespace.clone(), local };
                if child.is(XS, "element") {
                    all.elements.insert(name, (child, schema.clone()));
                } else if child.is(XS, "complexType") || child.is(XS, "simpleType") {
                    all.types.insert(name, (child, schema.clone()));
                }
            }
        }
        all
    }

    /// An element that is declared at the top.
    pub(super) fn element(&self, name: &Name) -> Result<Declared, WsdlError> {
        let missing = || WsdlError::Missing { kind: "element", name: name.to_string() };
        let (node, schema) = self.elements.get(name).ok_or_else(missing)?;
        Ok(Declared { name: name.clone(), optional: false, many: false, kind: self.kind(node, schema, 0)? })
    }

    /// What stands in an element; `None` where it holds text only.
    pub(super) fn content(&self, element: &Declared) -> Result<Option<Content>, WsdlError> {
        match &element.kind {
            Kind::Simple => Ok(None),
            Kind::Any => Ok(Some(Content { open: true, ..Content::default() })),
            Kind::Own(content) => Ok(Some(content.clone())),
            Kind::Element(name) => self.content(&self.element(name)?),
            Kind::Named(name) if name.namespace == XS => match name.local.as_str() {
                "anyType" => Ok(Some(Content { open: true, ..Content::default() })),
                _ => Ok(None),
            },
            Kind::Named(name) => self.named(name, 0),
        }
    }

    /// The element at the end of a path; `None` where anything may stand on the way.
    pub(super) fn walk(
        &self,
        from: &Declared,
        path: &str,
        key: &'static str,
    ) -> Result<Option<Declared>, WsdlError> {
        let mut at = from.clone();
        for step in path.split('/').filter(|step| !step.is_empty()) {
            let missing = || WsdlError::Path { key, step: step.to_owned() };
            let content = self.content(&at)?.ok_or_else(missing)?;
            match content.elements.into_iter().find(|element| element.name.local == step) {
                Some(next) => at = next,
                None if content.open => return Ok(None),
                None => return Err(missing()),
            }
        }
        Ok(Some(at))
    }

    fn named(&self, name: &Name, depth: usize) -> Result<Option<Content>, WsdlError> {
        let missing = || WsdlError::Missing { kind: "type", name: name.to_string() };
        let (node, schema) = self.types.get(name).ok_or_else(missing)?;
        if node.is(XS, "simpleType") { Ok(None) } else { self.complex(node, schema, depth + 1) }
    }

    fn kind(&self, node: &Node, schema: &Schema, depth: usize) -> Result<Kind, WsdlError> {
        if let Some(own) = node.child(XS, "complexType") {
            return Ok(self.complex(own, schema, depth + 1)?.map_or(Kind::Simple, Kind::Own));
        }
        if node.child(XS, "simpleType").is_some() {
            return Ok(Kind::Simple);
        }
        Ok(node.reference("type").map_or(Kind::Any, Kind::Named))
    }

    /// The elements of a complex type; `None` for simple content.
    fn complex(&self, node: &Node, schema: &Schema, depth: usize) -> Result<Option<Content>, WsdlError> {
        if depth > DEEPEST {
            let reason = "its types extend one another too deeply, or in a circle".to_owned();
            return Err(WsdlError::Unreadable { at: None, reason });
        }
        let mut content = Content { ordered: true, ..Content::default() };
        if node.child(XS, "simpleContent").is_some() {
            return Ok(None);
        }
        let derived = node.child(XS, "complexContent");
        let extended = derived.and_then(|derived| derived.child(XS, "extension"));
        if let Some(base) = extended.and_then(|extension| extension.reference("base"))
            && base.namespace != XS
        {
            content = self.named(&base, depth)?.unwrap_or(content);
        }
        let restricted = derived.and_then(|derived| derived.child(XS, "restriction"));
        for particle in &extended.or(restricted).unwrap_or(node).children {
            self.particle(particle, schema, (false, false), &mut content, depth)?;
        }
        Ok(Some(content))
    }

    /// Adds what a particle holds. `around`: what stands around it may be left out, may be repeated.
    fn particle(
        &self,
        node: &Node,
        schema: &Schema,
        around: (bool, bool),
        content: &mut Content,
        depth: usize,
    ) -> Result<(), WsdlError> {
        if node.name.namespace != XS || depth > DEEPEST {
            return Ok(());
        }
        let optional = around.0 || node.attribute("minOccurs") == Some("0");
        let many = around.1 || !matches!(node.attribute("maxOccurs"), None | Some("0" | "1"));
        match node.name.local.as_str() {
            "element" => {
                let (name, kind) = match node.reference("ref") {
                    Some(name) => (name.clone(), Kind::Element(name)),
                    None => {
                        let qualified = match node.attribute("form") {
                            Some(form) => form == "qualified",
                            None => schema.qualified,
                        };
                        let namespace = if qualified { schema.namespace.clone() } else { String::new() };
                        let local = node.attribute("name").unwrap_or_default().to_owned();
                        (Name { namespace, local }, self.kind(node, schema, depth + 1)?)
                    }
                };
                content.elements.push(Declared { name, optional, many, kind });
            }
            "sequence" | "all" | "choice" => {
                content.ordered &= node.name.local != "all" && !many;
                let optional = optional || node.name.local == "choice";
                for child in &node.children {
                    self.particle(child, schema, (optional, many), content, depth + 1)?;
                }
            }
            // What a group holds is not looked for; anything may be in it, as in a wildcard.
            "any" | "group" => content.open = true,
            _ => {}
        }
        Ok(())
    }
}
