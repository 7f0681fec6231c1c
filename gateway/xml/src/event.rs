//! What the reader yields.

use std::borrow::Cow;
use std::fmt;

use crate::name::is_space;
use crate::qname::QName;
use crate::scope::{Namespace, Scope};
use crate::tag::{AttributeSpan, Tag};

/// What [`crate::Reader::next`] yields.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A start tag, or an empty-element tag; an [`Event::End`] follows in either case.
    Start(Start<'a>),
    /// A piece of character data, never empty: references replaced, line ends normalised (XML 1.0 section 2.11),
    /// CDATA sections included. Where pieces begin and end means nothing. Outside the document element there are none.
    Text(Text<'a>),
    /// An end tag, or the end of an empty-element tag.
    End(EndName<'a>),
    /// The end of the document: everything was well-formed.
    Eof,
}

/// A start tag.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    pub(crate) tag: &'a Tag,
    pub(crate) text: &'a str,
    pub(crate) scope: &'a Scope,
    pub(crate) namespace: Namespace,
}

impl<'a> Start<'a> {
    /// Namespace name; empty for none.
    #[inline]
    pub fn namespace(&self) -> &'a str {
        self.scope.name(self.namespace)
    }

    /// Local part of the name.
    #[inline]
    pub fn local(&self) -> &'a str {
        self.tag.name.local(self.text)
    }

    /// Prefix; empty for none.
    #[inline]
    pub fn prefix(&self) -> &'a str {
        self.tag.name.prefix(self.text)
    }

    /// The expanded name as a value of its own. The namespace name is shared, the local part allocates: to compare
    /// names on a hot path, use [`Start::is`] or [`Start::local`].
    pub fn qname(&self) -> QName {
        QName { namespace: self.scope.name(self.namespace).clone(), local: self.local().into() }
    }

    /// Whether the expanded name is this one; an empty namespace is none.
    #[inline]
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        self.local() == local && self.namespace() == namespace
    }

    /// The attributes in document order, namespace declarations left out.
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = Attribute<'a>> + use<'a> {
        let (tag, text, scope) = (self.tag, self.text, self.scope);
        tag.attributes.iter().map(move |span| attribute(tag, text, scope, span))
    }

    /// The normalised value of one attribute; an empty namespace is none.
    pub fn attribute(&self, namespace: &str, local: &str) -> Option<Cow<'a, str>> {
        self.tag
            .attributes
            .iter()
            .find(|span| {
                span.name.local(self.text) == local && **self.scope.name(span.namespace) == *namespace
            })
            .map(|span| Cow::Borrowed(self.tag.value(self.text, span)))
    }

    /// The namespace declarations: prefix (empty for the default namespace) and namespace name (empty when the
    /// default namespace is undeclared), in document order.
    pub fn declarations(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.scope.bindings_since(self.tag.first_binding)
    }

    /// Whether it was written as an empty-element tag.
    pub fn is_empty_tag(&self) -> bool {
        self.tag.empty
    }
}

/// Names only: values are payload.
impl fmt::Debug for Start<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Start({{{}}}{})", self.namespace(), self.local())
    }
}

fn attribute<'a>(tag: &'a Tag, text: &'a str, scope: &'a Scope, span: &AttributeSpan) -> Attribute<'a> {
    Attribute {
        namespace: scope.name(span.namespace),
        local: span.name.local(text),
        prefix: span.name.prefix(text),
        value: Cow::Borrowed(tag.value(text, span)),
    }
}

/// An attribute.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Namespace name; empty for none.
    pub namespace: &'a str,
    /// Local part of the name.
    pub local: &'a str,
    /// Prefix; empty for none.
    pub prefix: &'a str,
    /// The value: references replaced, white space as XML 1.0 section 3.3.3 has it for undeclared attributes.
    pub value: Cow<'a, str>,
}

/// The name only: the value is payload.
impl fmt::Debug for Attribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attribute({{{}}}{}, {} bytes)", self.namespace, self.local, self.value.len())
    }
}

/// A piece of character data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    pub(crate) text: &'a str,
}

impl<'a> Text<'a> {
    /// The characters.
    #[inline]
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// Whether all of it is white space (XML 1.0 production 3).
    pub fn is_white_space(&self) -> bool {
        self.text.bytes().all(is_space)
    }
}

/// The length only: the characters are payload.
impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.text.len())
    }
}

/// The name of the element that ends.
#[derive(Clone, Copy)]
pub struct EndName<'a> {
    pub(crate) name: &'a str,
    pub(crate) prefix: usize,
    pub(crate) namespace: &'a str,
}

impl<'a> EndName<'a> {
    /// Namespace name; empty for none.
    #[inline]
    pub fn namespace(&self) -> &'a str {
        self.namespace
    }

    /// Local part of the name.
    #[inline]
    pub fn local(&self) -> &'a str {
        if self.prefix == 0 { self.name } else { &self.name[self.prefix + 1..] }
    }

    /// Prefix; empty for none.
    #[inline]
    pub fn prefix(&self) -> &'a str {
        &self.name[..self.prefix]
    }

    /// Whether the expanded name is this one; an empty namespace is none.
    #[inline]
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        self.local() == local && self.namespace == namespace
    }
}

impl fmt::Debug for EndName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "End({{{}}}{})", self.namespace, self.local())
    }
}
