//! What prefixes mean at a default or fixed value: asked only where a value has one.

use quick_xml::NsReader;
use quick_xml::events::Event;
use xsd_schema::parser::SourceRef;

use super::Build;

impl Build<'_> {
    /// The bindings in scope where a value constraint is written, for values that may be qualified names.
    pub(super) fn bindings_at(&self, source: Option<&SourceRef>, text: &str) -> Vec<(String, String)> {
        let looks_qualified = text.contains(':') && !text.contains("://");
        let Some(source) = source.filter(|_| looks_qualified) else { return Vec::new() };
        let document = (self.compiler.text)(source.doc_id);
        document.map(|document| bindings(&document, source.span.start)).unwrap_or_default()
    }
}

/// The bindings at the tag that begins at byte `at` of a schema document.
fn bindings(document: &str, at: usize) -> Vec<(String, String)> {
    let mut reader = NsReader::from_str(document);
    loop {
        let begins = reader.buffer_position() as usize;
        match reader.read_event() {
            Ok(Event::Start(_) | Event::Empty(_)) if begins >= at => {
                let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                return reader
                    .resolver()
                    .bindings()
                    .map(|(prefix, uri)| match prefix {
                        quick_xml::name::PrefixDeclaration::Default => (String::new(), shown(uri.0)),
                        quick_xml::name::PrefixDeclaration::Named(prefix) => (shown(prefix), shown(uri.0)),
                    })
                    .collect();
            }
            // The compiler has read this document before: it is well-formed.
            Ok(Event::Eof) | Err(_) => return Vec::new(),
            Ok(_) => {}
        }
    }
}
