//! What is inside a start tag (XML 1.0 section 3.1; Namespaces in XML 1.0 sections 3 to 6).

use crate::limits::Limits;
use crate::name::{BadName, is_space, qname_at};
use crate::reference::{LONGEST, Reference, reference};
use crate::rules;
use crate::scope::{Namespace, Scope, XML_NAMESPACE, XMLNS_NAMESPACE};

/// From this many attributes on, duplicates are found by sorting: comparing all pairs is quadratic.
const SORT_FROM: usize = 16;

/// A qualified name in the text of a tag.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NameSpan {
    start: usize,
    end: usize,
    /// Bytes of the prefix; 0 for none.
    prefix: usize,
}

impl NameSpan {
    #[inline]
    pub(crate) fn prefix(self, text: &str) -> &str {
        &text[self.start..self.start + self.prefix]
    }

    #[inline]
    pub(crate) fn local(self, text: &str) -> &str {
        let colon = usize::from(self.prefix > 0);
        &text[self.start + self.prefix + colon..self.end]
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct AttributeSpan {
    pub(crate) name: NameSpan,
    pub(crate) namespace: Namespace,
    value: ValueSpan,
}

/// An attribute value: as it stands in the tag, or normalised in `Tag::values`.
#[derive(Clone, Copy, Debug)]
enum ValueSpan {
    AsWritten(usize, usize),
    Normalised(usize, usize),
}

/// A start tag that was read: spans into its text. Reused from tag to tag.
#[derive(Debug, Default)]
pub(crate) struct Tag {
    pub(crate) name: NameSpan,
    pub(crate) attributes: Vec<AttributeSpan>,
    /// How many bindings there were before the tag's own.
    pub(crate) first_binding: usize,
    pub(crate) empty: bool,
    values: String,
    order: Vec<usize>,
}

/// What is wrong with a tag, and at which byte of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TagError {
    Rule(&'static str, usize),
    /// A limit is told with the start of the tag: which byte is too many depends on the order of checks.
    Limit(&'static str, u64),
}

impl Tag {
    /// Reads `text`, what stands between `<` and `>` or `/>`; binds its declarations in `scope` and opens the element.
    #[inline]
    pub(crate) fn read(
        &mut self,
        text: &str,
        empty: bool,
        scope: &mut Scope,
        limits: &Limits,
    ) -> Result<Namespace, TagError> {
        self.attributes.clear();
        self.values.clear();
        self.first_binding = scope.bindings();
        self.empty = empty;
        self.name = read_name(text, 0, rules::ELEMENT_NAME, limits)?;
        if self.name.end < text.len() {
            self.read_attributes(text, scope, limits)?;
        }
        let prefix = self.name.prefix(text);
        if prefix == "xmlns" {
            return Err(TagError::Rule(rules::PREFIX_RESERVED, 0));
        }
        let undeclared = TagError::Rule(rules::PREFIX_UNDECLARED, 0);
        let namespace = scope.resolve_element(prefix, self.first_binding).ok_or(undeclared)?;
        if !self.attributes.is_empty() {
            self.resolve_attributes(text, scope)?;
            self.refuse_duplicates(text, scope)?;
        }
        if scope.depth() >= limits.depth {
            return Err(TagError::Limit("depth", limits.depth as u64));
        }
        scope.open(&text[..self.name.end], self.name.prefix, namespace, self.first_binding);
        Ok(namespace)
    }

    #[inline]
    pub(crate) fn value<'a>(&'a self, text: &'a str, span: &AttributeSpan) -> &'a str {
        self.value_at(text, span.value)
    }

    fn value_at<'a>(&'a self, text: &'a str, span: ValueSpan) -> &'a str {
        match span {
            ValueSpan::AsWritten(start, end) => &text[start..end],
            ValueSpan::Normalised(start, end) => &self.values[start..end],
        }
    }

    /// `(S Attribute)* S?` after the name.
    fn read_attributes(&mut self, text: &str, scope: &mut Scope, limits: &Limits) -> Result<(), TagError> {
        let bytes = text.as_bytes();
        let mut at = self.name.end;
        loop {
            let next = skip_space(bytes, at);
            if next == bytes.len() {
                return Ok(());
            }
            if next == at {
                // Right after the element's name this is a character that no name holds.
                let rule = if at == self.name.end { rules::ELEMENT_NAME } else { rules::ATTRIBUTE_SPACE };
                return Err(TagError::Rule(rule, at));
            }
            let name = read_name(text, next, rules::ATTRIBUTE_NAME, limits)?;
            let equals = skip_space(bytes, name.end);
            if bytes.get(equals) != Some(&b'=') {
                return Err(TagError::Rule(rules::ATTRIBUTE_EQUALS, equals));
            }
            let quote_at = skip_space(bytes, equals + 1);
            let Some(&quote @ (b'"' | b'\'')) = bytes.get(quote_at) else {
                return Err(TagError::Rule(rules::ATTRIBUTE_QUOTE, quote_at));
            };
            let start = quote_at + 1;
            let Some(length) = memchr::memchr(quote, &bytes[start..]) else {
                return Err(TagError::Rule(rules::ATTRIBUTE_QUOTE, quote_at));
            };
            let value = self.read_value(text, start, start + length, limits)?;
            at = start + length + 1;
            let prefix = name.prefix(text);
            if prefix == "xmlns" || (name.prefix == 0 && name.local(text) == "xmlns") {
                self.declare(text, name, value, scope, limits)?;
            } else if self.attributes.len() == limits.attributes {
                return Err(TagError::Limit("attributes", limits.attributes as u64));
            } else {
                self.attributes.push(AttributeSpan { name, namespace: Namespace::None, value });
            }
        }
    }

    /// Normalises one value (section 3.3.3); most need nothing and stay where they are.
    fn read_value(
        &mut self,
        text: &str,
        start: usize,
        end: usize,
        limits: &Limits,
    ) -> Result<ValueSpan, TagError> {
        if end - start > limits.attribute_value_bytes {
            return Err(TagError::Limit("attribute_value_bytes", limits.attribute_value_bytes as u64));
        }
        let bytes = &text.as_bytes()[..end];
        let special = |from: usize| {
            bytes[from..]
                .iter()
                .position(|byte| matches!(byte, b'<' | b'&' | b'\t' | b'\n' | b'\r'))
                .map_or(end, |found| from + found)
        };
        let mut at = special(start);
        if at == end {
            return Ok(ValueSpan::AsWritten(start, end));
        }
        let normalised = self.values.len();
        let mut plain = start;
        while at < end {
            self.values.push_str(&text[plain..at]);
            plain = match bytes[at] {
                b'<' => return Err(TagError::Rule(rules::ATTRIBUTE_LESS_THAN, at)),
                b'&' => match reference(&text[at..end]) {
                    Reference::Character(character, length) => {
                        self.values.push(character);
                        at + length
                    }
                    Reference::Bad(rule) => return Err(TagError::Rule(rule, at)),
                    Reference::Unfinished => return Err(TagError::Rule(rules::REFERENCE_SYNTAX, at)),
                    Reference::TooLong => return Err(TagError::Limit("reference_bytes", LONGEST as u64)),
                },
                white_space => {
                    self.values.push(' ');
                    // A carriage return and a line feed are one line end (section 2.11).
                    let pair = white_space == b'\r' && bytes.get(at + 1) == Some(&b'\n');
                    at + 1 + usize::from(pair)
                }
            };
            at = special(plain);
        }
        self.values.push_str(&text[plain..end]);
        Ok(ValueSpan::Normalised(normalised, self.values.len()))
    }

    fn declare(
        &mut self,
        text: &str,
        name: NameSpan,
        value: ValueSpan,
        scope: &mut Scope,
        limits: &Limits,
    ) -> Result<(), TagError> {
        let prefix = if name.prefix == 0 { "" } else { name.local(text) };
        let uri = self.value_at(text, value);
        let refuse = |rule| Err(TagError::Rule(rule, name.start));
        if uri.len() > limits.namespace_uri_bytes {
            return Err(TagError::Limit("namespace_uri_bytes", limits.namespace_uri_bytes as u64));
        }
        if prefix == "xmlns" || uri == XMLNS_NAMESPACE || (prefix == "xml") != (uri == XML_NAMESPACE) {
            return refuse(rules::PREFIX_RESERVED);
        }
        if uri.is_empty() && !prefix.is_empty() {
            return refuse(rules::PREFIX_UNDECLARING);
        }
        if scope.is_bound_since(self.first_binding, prefix) {
            return refuse(rules::ATTRIBUTE_DUPLICATE);
        }
        if scope.bindings() >= limits.namespaces_in_scope {
            return Err(TagError::Limit("namespaces_in_scope", limits.namespaces_in_scope as u64));
        }
        scope.bind(prefix, uri);
        Ok(())
    }

    fn resolve_attributes(&mut self, text: &str, scope: &Scope) -> Result<(), TagError> {
        // Attributes come with the same few prefixes: ask for each once in a row.
        let mut last = ("", Namespace::None);
        for attribute in &mut self.attributes {
            if attribute.name.prefix > 0 {
                let prefix = attribute.name.prefix(text);
                if prefix != last.0 {
                    let undeclared = TagError::Rule(rules::PREFIX_UNDECLARED, attribute.name.start);
                    last = (prefix, scope.resolve(prefix).ok_or(undeclared)?);
                }
                attribute.namespace = last.1;
            }
        }
        Ok(())
    }

    /// No two attributes of the same expanded name (section 3.1; Namespaces section 6.3).
    fn refuse_duplicates(&mut self, text: &str, scope: &Scope) -> Result<(), TagError> {
        let attributes = &self.attributes;
        let key = |index: usize| {
            let span: &AttributeSpan = &attributes[index];
            (span.name.local(text), &**scope.name(span.namespace))
        };
        let repeated = if attributes.len() < SORT_FROM {
            (1..attributes.len()).find(|&later| (0..later).any(|earlier| key(earlier) == key(later)))
        } else {
            self.order.clear();
            self.order.extend(0..attributes.len());
            self.order.sort_unstable_by(|&a, &b| key(a).cmp(&key(b)).then(a.cmp(&b)));
            self.order.windows(2).filter(|pair| key(pair[0]) == key(pair[1])).map(|pair| pair[1]).min()
        };
        match repeated {
            None => Ok(()),
            Some(index) => Err(TagError::Rule(rules::ATTRIBUTE_DUPLICATE, attributes[index].name.start)),
        }
    }
}

#[inline]
fn read_name(text: &str, start: usize, missing: &'static str, limits: &Limits) -> Result<NameSpan, TagError> {
    let name = qname_at(text, start).map_err(|bad| match bad {
        BadName::Missing => TagError::Rule(missing, start),
        BadName::Colon => TagError::Rule(rules::QNAME_COLON, start),
    })?;
    if name.end - start > limits.name_bytes {
        return Err(TagError::Limit("name_bytes", limits.name_bytes as u64));
    }
    Ok(NameSpan { start, end: name.end, prefix: name.prefix })
}

fn skip_space(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|&&byte| is_space(byte)).count()
}
