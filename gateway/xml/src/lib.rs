//! A strict, bounded, streaming XML reader: what the rest of the gateway may trust.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use sekisho_charset::CharsetError;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub mod write;

/// An expanded name (Namespaces in XML 1.0, section 2.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QName {
    /// Namespace name; empty for none.
    pub namespace: Arc<str>,
    /// Local part.
    pub local: Arc<str>,
}

impl QName {
    /// A name from its two parts.
    pub fn new(namespace: &str, local: &str) -> Self {
        QName { namespace: namespace.into(), local: local.into() }
    }
    /// Whether this is that name.
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        *self.namespace == *namespace && *self.local == *local
    }
}

impl fmt::Display for QName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}{}", self.namespace, self.local)
    }
}

/// Text that is not an expanded name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an expanded name")]
pub struct QNameError;

impl FromStr for QName {
    type Err = QNameError;
    fn from_str(_text: &str) -> Result<Self, QNameError> {
        todo!()
    }
}

impl Serialize for QName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for QName {
    fn deserialize<D: Deserializer<'de>>(_deserializer: D) -> Result<Self, D::Error> {
        todo!()
    }
}

/// Bounds on one document; all finite by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Open elements at once.
    pub depth: usize,
    /// Attributes of one element, namespace declarations not counted.
    pub attributes: usize,
    /// Bytes of one qualified name.
    pub name_bytes: usize,
    /// Bytes of one attribute value.
    pub attribute_value_bytes: usize,
    /// Bytes of character data between two tags, as delivered by [`Reader::next`].
    pub text_bytes: u64,
    /// Namespace bindings in scope at once.
    pub namespaces_in_scope: usize,
    /// Bytes of one namespace name.
    pub namespace_uri_bytes: usize,
    /// Bytes of one tag, comment or processing instruction.
    pub event_bytes: usize,
    /// What becomes of processing instructions.
    pub processing_instructions: ProcessingInstructions,
}

/// What becomes of processing instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ProcessingInstructions {
    /// Refused (WS-I Basic Profile R1009).
    #[default]
    Refuse,
    /// Checked, counted and skipped.
    Skip,
}

impl Default for Limits {
    fn default() -> Self {
        todo!()
    }
}

/// A place in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
    /// Byte offset in the UTF-8 text, from 0.
    pub byte: u64,
}

/// Why a document was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum XmlError {
    /// Not well-formed.
    #[error("not well-formed: {rule}")]
    NotWellFormed {
        /// Stable name of the broken rule.
        rule: &'static str,
        /// Where.
        at: Position,
    },
    /// A bound of [`Limits`] was passed.
    #[error("limit {which}")]
    Limit {
        /// Name of the field of [`Limits`].
        which: &'static str,
        /// The bound.
        max: u64,
        /// Where.
        at: Position,
    },
    /// A document type declaration.
    #[error("doctype")]
    Doctype {
        /// Where.
        at: Position,
    },
    /// A processing instruction.
    #[error("processing instruction")]
    ProcessingInstruction {
        /// Where.
        at: Position,
    },
    /// An element where only character content may be.
    #[error("unexpected element")]
    UnexpectedElement {
        /// Where.
        at: Position,
    },
    /// Bytes that the declared encoding does not have.
    #[error("encoding")]
    Encoding(#[source] CharsetError, Position),
    /// The input could not be read.
    #[error("io")]
    Io(#[source] io::Error),
}

impl XmlError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        todo!()
    }
    /// Where, if it is a fault of the document.
    pub fn position(&self) -> Option<Position> {
        todo!()
    }
}

/// The reader.
pub struct Reader<R: BufRead> {
    _input: R,
}

impl<R: BufRead> Reader<R> {
    /// A reader over UTF-8 without byte order mark (`sekisho_charset::Decoder` strips it).
    pub fn new(_input: R, _limits: Limits) -> Self {
        todo!()
    }
    /// The next event.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Event<'_>, XmlError> {
        todo!()
    }
    /// Start of the last event.
    pub fn position(&self) -> Position {
        todo!()
    }
    /// Open elements: after a start, its element counts; after its end, no more.
    pub fn depth(&self) -> usize {
        todo!()
    }
    /// Prefixes and namespace names in scope at the current element (`xml` not listed).
    pub fn namespaces(&self) -> impl Iterator<Item = (&str, &str)> {
        std::iter::empty()
    }
    /// Changes the bound on one event's bytes.
    pub fn set_event_budget(&mut self, _bytes: usize) {
        todo!()
    }
    /// After a start: the element's character content up to its end, which is consumed.
    pub fn text_stream(&mut self) -> TextStream<'_, R> {
        todo!()
    }
    /// After a start: appends the element's character content to `out` up to its end, which is consumed;
    /// a child element is an error.
    pub fn text_into(&mut self, _out: &mut String) -> Result<(), XmlError> {
        todo!()
    }
    /// After a start: skips to the element's end, which is consumed.
    pub fn skip_element(&mut self) -> Result<(), XmlError> {
        todo!()
    }
    /// Comments skipped so far.
    pub fn comments(&self) -> u64 {
        todo!()
    }
}

/// Character content as a stream.
pub struct TextStream<'a, R: BufRead> {
    _reader: &'a mut Reader<R>,
}

impl<R: BufRead> Read for TextStream<'_, R> {
    fn read(&mut self, _buf: &mut [u8]) -> io::Result<usize> {
        todo!()
    }
}

impl<R: BufRead> BufRead for TextStream<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        todo!()
    }
    fn consume(&mut self, _amount: usize) {
        todo!()
    }
}

/// What [`Reader::next`] yields.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A start tag, or an empty-element tag (an end follows in either case).
    Start(Start<'a>),
    /// A piece of character data, references replaced, line ends normalised.
    Text(Text<'a>),
    /// An end tag, or the end of an empty-element tag.
    End(EndName<'a>),
    /// The end of the document.
    Eof,
}

/// A start tag.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    _a: PhantomData<&'a str>,
}

impl<'a> Start<'a> {
    /// Namespace name, empty for none.
    pub fn namespace(&self) -> &'a str {
        todo!()
    }
    /// Local part of the name.
    pub fn local(&self) -> &'a str {
        todo!()
    }
    /// Prefix, empty for none.
    pub fn prefix(&self) -> &'a str {
        todo!()
    }
    /// The expanded name (allocates the local part).
    pub fn qname(&self) -> QName {
        todo!()
    }
    /// Whether the expanded name is that.
    pub fn is(&self, _namespace: &str, _local: &str) -> bool {
        todo!()
    }
    /// The attributes in document order, namespace declarations left out.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        std::iter::empty()
    }
    /// The value of one attribute.
    pub fn attribute(&self, _namespace: &str, _local: &str) -> Option<Cow<'a, str>> {
        todo!()
    }
    /// The namespace declarations: prefix (empty for the default) and namespace name.
    pub fn declarations(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        std::iter::empty()
    }
    /// Whether it was written as an empty-element tag.
    pub fn is_empty_tag(&self) -> bool {
        todo!()
    }
}

/// An attribute.
#[derive(Clone, Debug)]
pub struct Attribute<'a> {
    /// Namespace name, empty for none.
    pub namespace: &'a str,
    /// Local part of the name.
    pub local: &'a str,
    /// Prefix, empty for none.
    pub prefix: &'a str,
    /// The value, normalised (XML 1.0 section 3.3.3, as CDATA).
    pub value: Cow<'a, str>,
}

/// A piece of character data.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    text: &'a str,
}

impl<'a> Text<'a> {
    /// The characters.
    pub fn as_str(&self) -> &'a str {
        self.text
    }
    /// Whether all of it is white space (XML 1.0 production 3).
    pub fn is_white_space(&self) -> bool {
        todo!()
    }
}

/// The name in an end tag.
#[derive(Clone, Copy, Debug)]
pub struct EndName<'a> {
    _a: PhantomData<&'a str>,
}

impl<'a> EndName<'a> {
    /// Namespace name, empty for none.
    pub fn namespace(&self) -> &'a str {
        todo!()
    }
    /// Local part of the name.
    pub fn local(&self) -> &'a str {
        todo!()
    }
    /// Prefix, empty for none.
    pub fn prefix(&self) -> &'a str {
        todo!()
    }
}
