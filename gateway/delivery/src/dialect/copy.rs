//! Elements copied out of a document, so that they mean the same in another one.
//!
//! Names keep their prefixes; each element declares what it uses and what does not hold where it will stand. Values that
//! look like qualified names (`xsi:type`) count as uses of their prefix.

use sekisho_xml::Start;
use sekisho_xml::write::{escape_attribute, escape_text};

/// Copies one element after the other.
#[derive(Default)]
pub(super) struct Copier {
    /// The default namespace where copies will stand.
    base: String,
    /// Declarations of the open elements of the document: depth, prefix, namespace.
    scope: Vec<(usize, String, String)>,
    /// Declarations that the copy has made, likewise.
    made: Vec<(usize, String, String)>,
    copying: bool,
    /// The start tag that was written last is not closed yet.
    open_tag: bool,
    out: Vec<u8>,
}

impl Copier {
    /// For copies that will stand where this is the default namespace, and no prefix is declared.
    pub(super) fn new(base: &str) -> Self {
        Self { base: base.to_owned(), ..Self::default() }
    }

    /// Each start tag of the document; `depth` counts it.
    pub(super) fn start(&mut self, start: &Start<'_>, depth: usize) {
        for (prefix, namespace) in start.declarations() {
            self.scope.push((depth, prefix.to_owned(), namespace.to_owned()));
        }
        if self.copying {
            self.open(start, depth);
        }
    }

    /// From the element whose start tag was the last on.
    pub(super) fn begin(&mut self, start: &Start<'_>, depth: usize) {
        self.copying = true;
        self.open(start, depth);
    }

    /// Each piece of character data.
    pub(super) fn text(&mut self, text: &str) {
        if !self.copying {
            return;
        }
        if self.open_tag
            && let Some((prefix, namespace)) = self.qualified(text)
        {
            // Of the element that holds it, whose depth is that of what was declared last or less: it ends with it.
            self.declare(usize::MAX, &prefix, &namespace);
        }
        self.close_tag();
        // What was read is what XML can hold.
        let _ = escape_text(text, &mut self.out);
    }

    /// Each end tag of the document; `depth` counts it still. The copy, where the element is the one that was begun with.
    pub(super) fn end(
        &mut self,
        prefix: &str,
        local: &str,
        depth: usize,
        begun: Option<usize>,
    ) -> Option<Vec<u8>> {
        self.scope.retain(|(at, ..)| *at < depth);
        if !self.copying {
            return None;
        }
        if std::mem::take(&mut self.open_tag) {
            self.out.extend_from_slice(b"/>");
        } else {
            self.out.extend_from_slice(b"</");
            self.name(prefix, local);
            self.out.push(b'>');
        }
        self.made.retain(|(at, ..)| *at < depth);
        if begun != Some(depth) {
            return None;
        }
        self.copying = false;
        self.made.clear();
        Some(std::mem::take(&mut self.out))
    }

    fn open(&mut self, start: &Start<'_>, depth: usize) {
        self.close_tag();
        self.out.push(b'<');
        self.name(start.prefix(), start.local());
        self.open_tag = true;
        self.declare(depth, start.prefix(), start.namespace());
        for attribute in start.attributes() {
            if !attribute.prefix.is_empty() {
                self.declare(depth, attribute.prefix, attribute.namespace);
            }
            if let Some((prefix, namespace)) = self.qualified(&attribute.value) {
                self.declare(depth, &prefix, &namespace);
            }
            self.out.push(b' ');
            self.name(attribute.prefix, attribute.local);
            self.value(&attribute.value);
        }
    }

    fn close_tag(&mut self) {
        if std::mem::take(&mut self.open_tag) {
            self.out.push(b'>');
        }
    }

    fn name(&mut self, prefix: &str, local: &str) {
        if !prefix.is_empty() {
            self.out.extend_from_slice(prefix.as_bytes());
            self.out.push(b':');
        }
        self.out.extend_from_slice(local.as_bytes());
    }

    fn value(&mut self, value: &str) {
        self.out.extend_from_slice(b"=\"");
        let _ = escape_attribute(value, &mut self.out);
        self.out.push(b'"');
    }

    /// Declares the prefix in the start tag that is being written, unless it has this meaning there.
    fn declare(&mut self, depth: usize, prefix: &str, namespace: &str) {
        let made = self.made.iter().rev().find(|(_, made, _)| made == prefix);
        let holds = match made {
            Some((_, _, made)) => made == namespace,
            None if prefix.is_empty() => self.base == namespace,
            None => prefix == "xml",
        };
        if holds {
            return;
        }
        self.out.extend_from_slice(if prefix.is_empty() { b" xmlns" } else { b" xmlns:" });
        self.out.extend_from_slice(prefix.as_bytes());
        self.value(namespace);
        self.made.push((depth, prefix.to_owned(), namespace.to_owned()));
    }

    /// The prefix before a colon, where it is declared in the document.
    fn qualified(&self, text: &str) -> Option<(String, String)> {
        let (prefix, _) = text.trim_ascii_start().split_once(':')?;
        let found = self.scope.iter().rev().find(|(_, declared, _)| declared == prefix)?;
        Some((found.1.clone(), found.2.clone())).filter(|(prefix, _)| !prefix.is_empty())
    }
}

#[cfg(test)]
mod tests;
