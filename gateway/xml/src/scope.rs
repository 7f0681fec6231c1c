//! Open elements and the namespace bindings that they bring (Namespaces in XML 1.0, sections 3 and 6).

use std::sync::Arc;

/// The namespace name that the prefix `xml` is bound to, always.
pub(crate) const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace name that nothing may be bound to.
pub(crate) const XMLNS_NAMESPACE: &str = "http://www.w3.org/2000/xmlns/";

/// Namespace names kept for the next declaration of the same one: messages use a handful.
const KEPT_NAMES: usize = 16;

/// What a prefix means at one place: a binding by number, or one of the two that are not declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Namespace {
    None,
    Xml,
    Bound(u32),
}

#[derive(Debug)]
struct Binding {
    /// Where the prefix begins in `Scope::prefixes`; it ends where the next one begins.
    prefix: usize,
    /// Empty: the default namespace is undeclared.
    name: Arc<str>,
}

#[derive(Debug)]
struct Element {
    /// Where the qualified name begins in `Scope::names`; it ends where the next one begins.
    name: usize,
    /// Bytes of the prefix; 0 for none.
    prefix: usize,
    namespace: Namespace,
    /// How many bindings there were before the element's own.
    bindings: usize,
}

/// The stack of open elements with their bindings. All of it is reused: a steady stream of records allocates nothing.
pub(crate) struct Scope {
    names: String,
    elements: Vec<Element>,
    prefixes: String,
    bindings: Vec<Binding>,
    kept: Vec<Arc<str>>,
    next_kept: usize,
    none: Arc<str>,
    xml: Arc<str>,
}

impl Scope {
    pub(crate) fn new() -> Self {
        Scope {
            names: String::new(),
            elements: Vec::new(),
            prefixes: String::new(),
            bindings: Vec::new(),
            kept: Vec::new(),
            next_kept: 0,
            none: Arc::from(""),
            xml: Arc::from(XML_NAMESPACE),
        }
    }

    #[inline]
    pub(crate) fn depth(&self) -> usize {
        self.elements.len()
    }

    /// How many bindings there are, shadowed ones included.
    #[inline]
    pub(crate) fn bindings(&self) -> usize {
        self.bindings.len()
    }

    /// Binds a prefix (empty: the default namespace) for the element about to be opened.
    pub(crate) fn bind(&mut self, prefix: &str, name: &str) {
        let name = self.keep(name);
        self.bindings.push(Binding { prefix: self.prefixes.len(), name });
        self.prefixes.push_str(prefix);
    }

    /// Whether one of the bindings from number `first` on is of this prefix.
    pub(crate) fn is_bound_since(&self, first: usize, prefix: &str) -> bool {
        (first..self.bindings.len()).any(|index| self.prefix(index) == prefix)
    }

    /// Opens an element; `first_binding` is how many bindings there were before its own.
    #[inline]
    pub(crate) fn open(&mut self, name: &str, prefix: usize, namespace: Namespace, first_binding: usize) {
        self.elements.push(Element { name: self.names.len(), prefix, namespace, bindings: first_binding });
        self.names.push_str(name);
    }

    /// Closes the innermost element.
    #[inline]
    pub(crate) fn close(&mut self) {
        if let Some(element) = self.elements.pop() {
            self.names.truncate(element.name);
            if let Some(first) = self.bindings.get(element.bindings) {
                self.prefixes.truncate(first.prefix);
                self.bindings.truncate(element.bindings);
            }
        }
    }

    /// The innermost element's qualified name, the length of its prefix, and its namespace.
    #[inline]
    pub(crate) fn innermost(&self) -> Option<(&str, usize, Namespace)> {
        self.elements.last().map(|element| (&self.names[element.name..], element.prefix, element.namespace))
    }

    /// What the prefix of an element about to be opened means. Most elements have their parent's prefix and declare
    /// nothing, so it means what it means there.
    #[inline]
    pub(crate) fn resolve_element(&self, prefix: &str, first_binding: usize) -> Option<Namespace> {
        match self.innermost() {
            Some((name, length, namespace))
                if first_binding == self.bindings.len() && name[..length] == *prefix =>
            {
                Some(namespace)
            }
            _ => self.resolve(prefix),
        }
    }

    /// What the prefix means now; `None` when it is not declared.
    #[inline]
    pub(crate) fn resolve(&self, prefix: &str) -> Option<Namespace> {
        let mut end = self.prefixes.len();
        for index in (0..self.bindings.len()).rev() {
            let start = self.bindings[index].prefix;
            let bound = &self.prefixes.as_bytes()[start..end];
            end = start;
            if bound == prefix.as_bytes() {
                let undeclared = self.bindings[index].name.is_empty();
                return Some(if undeclared { Namespace::None } else { Namespace::Bound(index as u32) });
            }
        }
        match prefix {
            "" => Some(Namespace::None),
            "xml" => Some(Namespace::Xml),
            _ => None,
        }
    }

    /// The namespace name; empty for none.
    #[inline]
    pub(crate) fn name(&self, namespace: Namespace) -> &Arc<str> {
        match namespace {
            Namespace::None => &self.none,
            Namespace::Xml => &self.xml,
            Namespace::Bound(index) => &self.bindings[index as usize].name,
        }
    }

    /// The bindings from number `first` on: prefix and namespace name.
    pub(crate) fn bindings_since(&self, first: usize) -> impl Iterator<Item = (&str, &str)> {
        (first..self.bindings.len()).map(|index| (self.prefix(index), &*self.bindings[index].name))
    }

    /// The bindings in scope, innermost first; shadowed and undeclared ones left out.
    pub(crate) fn in_scope(&self) -> impl Iterator<Item = (&str, &str)> {
        (0..self.bindings.len()).rev().filter_map(|index| {
            let (prefix, name) = (self.prefix(index), &*self.bindings[index].name);
            (!name.is_empty() && !self.is_bound_since(index + 1, prefix)).then_some((prefix, name))
        })
    }

    #[inline]
    fn prefix(&self, index: usize) -> &str {
        let end = self.bindings.get(index + 1).map_or(self.prefixes.len(), |next| next.prefix);
        &self.prefixes[self.bindings[index].prefix..end]
    }

    fn keep(&mut self, name: &str) -> Arc<str> {
        if name.is_empty() {
            return self.none.clone();
        }
        if let Some(kept) = self.kept.iter().find(|kept| &***kept == name) {
            return kept.clone();
        }
        let new: Arc<str> = name.into();
        if self.kept.len() < KEPT_NAMES {
            self.kept.push(new.clone());
        } else {
            self.kept[self.next_kept] = new.clone();
            self.next_kept = (self.next_kept + 1) % KEPT_NAMES;
        }
        new
    }
}
