//! A document as a tree of elements with names and attributes; WSDLs are small, and text means nothing in them.

use std::collections::BTreeMap;
use std::rc::Rc;

use sekisho_xml::{Event, Limits, ProcessingInstructions, Reader, XmlError};

use super::WsdlError;

/// An expanded name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) namespace: String,
    pub(super) local: String,
}

/// Namespaces in scope, by prefix.
type Scope = Rc<BTreeMap<String, String>>;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: Name,
    /// Of no namespace.
    attributes: Vec<(String, String)>,
    scope: Scope,
    pub(super) children: Vec<Node>,
}

impl Node {
    pub(super) fn is(&self, namespace: &str, local: &str) -> bool {
        self.name.namespace == namespace && self.name.local == local
    }

    pub(super) fn attribute(&self, local: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == local).map(|(_, value)| value.trim())
    }

    /// An attribute that is a qualified name.
    pub(super) fn reference(&self, local: &str) -> Option<Name> {
        let value = self.attribute(local)?;
        let (prefix, local) = value.split_once(':').unwrap_or(("", value));
        let namespace = self.scope.get(prefix).cloned().unwrap_or_default();
        Some(Name { namespace, local: local.to_owned() })
    }

    /// Gives it an attribute that it does not have.
    pub(super) fn set(&mut self, local: &str, value: &str) {
        self.attributes.push((local.to_owned(), value.to_owned()));
    }

    pub(super) fn children<'n>(
        &'n self,
        namespace: &'n str,
        local: &'n str,
    ) -> impl Iterator<Item = &'n Node> {
        self.children.iter().filter(move |child| child.is(namespace, local))
    }

    pub(super) fn child(&self, namespace: &str, local: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.is(namespace, local))
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{{{}}}{}", self.namespace, self.local)
    }
}

/// Reads a document. `around` is the namespace of names without a prefix, where the document declares none.
pub(super) fn read(bytes: &[u8], around: Option<&str>) -> Result<Node, WsdlError> {
    let failed = |error: XmlError| WsdlError::Unreadable {
        at: error.position().map(|at| (at.line, at.column)),
        reason: error.to_string(),
    };
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let limits = Limits { processing_instructions: ProcessingInstructions::Skip, ..Limits::default() };
    let mut reader = Reader::new(bytes, limits);
    let mut open: Vec<Node> = Vec::new();
    let mut root = None;
    loop {
        let begun = match reader.next().map_err(failed)? {
            Event::Start(start) => {
                let name = Name { namespace: start.namespace().to_owned(), local: start.local().to_owned() };
                let attributes = start.attributes().filter(|attribute| attribute.namespace.is_empty());
                let attributes = attributes
                    .map(|attribute| (attribute.local.to_owned(), attribute.value.into_owned()))
                    .collect();
                let declares = start.declarations().next().is_some();
                Some((name, attributes, declares))
            }
            Event::End(_) => None,
            Event::Text(_) => continue,
            Event::Eof => break,
        };
        match begun {
            Some((name, attributes, declares)) => {
                let scope = match open.last() {
                    Some(around) if !declares => Rc::clone(&around.scope),
                    _ => Rc::new(scope(&reader, around)),
                };
                open.push(Node { name, attributes, scope, children: Vec::new() });
            }
            None => match (open.pop(), open.last_mut()) {
                (Some(node), Some(around)) => around.children.push(node),
                (node, _) => root = node,
            },
        }
    }
    root.ok_or_else(|| WsdlError::Unreadable { at: None, reason: "it is empty".to_owned() })
}

fn scope(reader: &Reader<&[u8]>, around: Option<&str>) -> BTreeMap<String, String> {
    let mut scope = BTreeMap::new();
    // Innermost first: what stands further out does not count.
    for (prefix, namespace) in reader.namespaces() {
        scope.entry(prefix.to_owned()).or_insert_with(|| namespace.to_owned());
    }
    if let Some(around) = around {
        scope.entry(String::new()).or_insert_with(|| around.to_owned());
    }
    scope
}
