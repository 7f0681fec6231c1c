//! Small messages read whole: a tree of elements with bounds on its size.

use std::io::BufRead;

use sekisho_xml::{Event, Position, QName, Reader};

use super::{NAMESPACE, names};
use crate::envelope::{MessageProblem, SoapError};

/// Elements that one message may have: a page of 1,000 errors has about 9,000.
const MAX_ELEMENTS: usize = 100_000;
/// Bytes of text that one message may have.
const MAX_TEXT: usize = 16 * 1024 * 1024;

const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// An element with what is in it.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) name: QName,
    pub(crate) language: Option<String>,
    pub(crate) text: String,
    pub(crate) children: Vec<Node>,
    pub(crate) at: Position,
}

impl Node {
    fn new(name: QName, at: Position) -> Self {
        Node { name, language: None, text: String::new(), children: Vec::new(), at }
    }

    /// Reads the content of the element whose start tag came last, up to its end.
    pub(crate) fn read<R: BufRead>(xml: &mut Reader<R>, name: QName) -> Result<Self, SoapError> {
        let mut open = vec![Node::new(name, xml.position())];
        let (mut elements, mut bytes) = (1, 0);
        loop {
            let event = match xml.next()? {
                Event::Start(start) => {
                    let mut node = Node::new(start.qname(), Position { line: 0, column: 0, byte: 0 });
                    // `lang` is ours, `xml:lang` that of SOAP 1.2's reasons.
                    let language = start.attribute("", "lang").or_else(|| start.attribute(XML, "lang"));
                    node.language = language.map(|value| value.into_owned());
                    Some(node)
                }
                Event::Text(piece) => {
                    bytes += piece.as_str().len();
                    if let Some(node) = open.last_mut()
                        && bytes <= MAX_TEXT
                    {
                        node.text.push_str(piece.as_str());
                    }
                    None
                }
                Event::End(_) | Event::Eof => {
                    // One node is open for every start seen, and the first one's end leaves the loop.
                    let Some(node) = open.pop() else { return Err(too_large("elements", 0, xml.position())) };
                    match open.last_mut() {
                        Some(parent) => parent.children.push(node),
                        None => return Ok(node),
                    }
                    None
                }
            };
            if let Some(mut node) = event {
                node.at = xml.position();
                open.push(node);
                elements += 1;
            }
            if elements > MAX_ELEMENTS {
                return Err(too_large("elements in a message", MAX_ELEMENTS, xml.position()));
            }
            if bytes > MAX_TEXT {
                return Err(too_large("bytes of text in a message", MAX_TEXT, xml.position()));
            }
        }
    }

    /// The children as the contract lists them, taken one after the other.
    pub(crate) fn fields(&self) -> Result<Fields<'_>, SoapError> {
        if !self.text.trim_ascii().is_empty() {
            return Err(self.problem(MessageProblem::UnexpectedText, self.known()));
        }
        Ok(Fields { node: self, next: 0 })
    }

    /// The text without the white space around it; an element among it is refused.
    pub(crate) fn value(&self, element: &'static str) -> Result<&str, SoapError> {
        match self.children.first() {
            Some(child) => Err(child.unexpected(element)),
            None => Ok(self.text.trim_matches([' ', '\t', '\r', '\n'])),
        }
    }

    /// This element may not stand where it does, in `parent`.
    fn unexpected(&self, parent: &'static str) -> SoapError {
        match names::of_contract(&self.name.namespace, &self.name.local) {
            Some(own) => self.problem(MessageProblem::UnexpectedElement, own),
            None => self.problem(MessageProblem::UnknownElement, parent),
        }
    }

    /// Its own name, if the contract has it.
    fn known(&self) -> &'static str {
        names::of_contract(&self.name.namespace, &self.name.local).unwrap_or("the message")
    }

    pub(crate) fn problem(&self, problem: MessageProblem, element: &'static str) -> SoapError {
        SoapError::Message { problem, element, at: self.at }
    }
}

fn too_large(which: &'static str, max: usize, at: Position) -> SoapError {
    SoapError::Limit { which, max: max as u64, at }
}

/// The children of a message's element, in the contract's order.
pub(crate) struct Fields<'a> {
    node: &'a Node,
    next: usize,
}

impl<'a> Fields<'a> {
    /// The next child, if it has this name.
    pub(crate) fn optional(&mut self, name: &'static str) -> Option<&'a Node> {
        let child = self.node.children.get(self.next).filter(|child| child.name.is(NAMESPACE, name))?;
        self.next += 1;
        Some(child)
    }

    /// The next child, which must have this name.
    pub(crate) fn required(&mut self, name: &'static str) -> Result<&'a Node, SoapError> {
        match self.optional(name) {
            Some(child) => Ok(child),
            None => match self.node.children.get(self.next) {
                Some(other) => Err(other.unexpected(self.node.known())),
                None => Err(self.node.problem(MessageProblem::MissingElement, name)),
            },
        }
    }

    /// The text of the next child, which must have this name.
    pub(crate) fn text(&mut self, name: &'static str) -> Result<String, SoapError> {
        Ok(self.required(name)?.value(name)?.to_owned())
    }

    /// The text of the next child, if it has this name.
    pub(crate) fn optional_text(&mut self, name: &'static str) -> Result<Option<String>, SoapError> {
        self.optional(name).map(|child| child.value(name).map(str::to_owned)).transpose()
    }

    /// The value of the next child, which must have this name.
    pub(crate) fn parsed<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, SoapError> {
        let child = self.required(name)?;
        parse(child.value(name)?).ok_or_else(|| child.problem(MessageProblem::InvalidValue, name))
    }

    /// The value of the next child, if it has this name.
    pub(crate) fn optional_parsed<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, SoapError> {
        let Some(child) = self.optional(name) else { return Ok(None) };
        match parse(child.value(name)?) {
            Some(value) => Ok(Some(value)),
            None => Err(child.problem(MessageProblem::InvalidValue, name)),
        }
    }

    /// The text of the next children of this name, by language: English and Japanese, empty where one is missing.
    pub(crate) fn bilingual(&mut self, name: &'static str) -> Result<(String, String), SoapError> {
        let (mut en, mut ja) = (String::new(), String::new());
        while let Some(child) = self.optional(name) {
            let slot = if child.language.as_deref() == Some("ja") { &mut ja } else { &mut en };
            // Children here hold their text as it is: a sentence may begin with a space.
            *slot = child.text.clone();
        }
        Ok((en, ja))
    }

    /// The texts of the next children of this name, in English and in Japanese, as far as there are any.
    pub(crate) fn optional_bilingual(&mut self, name: &'static str) -> (Option<String>, Option<String>) {
        let (mut en, mut ja) = (None, None);
        while let Some(child) = self.optional(name) {
            let slot = if child.language.as_deref() == Some("ja") { &mut ja } else { &mut en };
            *slot = Some(child.text.clone());
        }
        (en, ja)
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), SoapError> {
        match self.node.children.get(self.next) {
            Some(other) => Err(other.unexpected(self.node.known())),
            None => Ok(()),
        }
    }
}

/// `xs:unsignedLong`, as far as we write it.
pub(crate) fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// `xs:boolean`.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}
