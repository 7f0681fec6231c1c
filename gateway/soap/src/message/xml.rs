//! Writing XML: elements of the gateway's own namespace, escaped, without white space between them.

use sekisho_xml::write;

use super::NAMESPACE;

/// Prefix of the gateway's own namespace in everything it writes.
const PREFIX: &str = "g";

/// Appends `text` as character data. Texts here are the gateway's own and the client's reference, never payload, and a fault
/// or a receipt must always be writable: a character that XML 1.0 cannot hold becomes U+FFFD.
pub(crate) fn push_text(text: &str, out: &mut Vec<u8>) {
    if write::escape_text(text, out).is_ok() {
        return;
    }
    let mut buffer = [0; 4];
    for c in text.chars() {
        if write::escape_text(c.encode_utf8(&mut buffer), out).is_err() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

/// One element with everything in it, under construction.
pub(crate) struct Element {
    out: Vec<u8>,
    open: Vec<&'static str>,
}

impl Element {
    /// The outermost element, which declares the namespace.
    pub(crate) fn new(name: &'static str) -> Self {
        let out = format!("<{PREFIX}:{name} xmlns:{PREFIX}=\"{NAMESPACE}\">").into_bytes();
        Self { out, open: vec![name] }
    }

    /// An element around what `fill` writes.
    pub(crate) fn around(&mut self, name: &'static str, fill: impl FnOnce(&mut Self)) {
        self.start(name, None);
        fill(self);
        self.end(name);
    }

    /// An element that holds this text.
    pub(crate) fn text(&mut self, name: &'static str, text: &str) {
        self.start(name, None);
        push_text(text, &mut self.out);
        self.end(name);
    }

    /// An element that holds this text, if there is one.
    pub(crate) fn optional(&mut self, name: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// An element that holds this number.
    pub(crate) fn number(&mut self, name: &'static str, number: u64) {
        self.text(name, &number.to_string());
    }

    /// An element that holds this number, if there is one.
    pub(crate) fn optional_number(&mut self, name: &'static str, number: Option<u64>) {
        if let Some(number) = number {
            self.number(name, number);
        }
    }

    /// The same text in English and in Japanese, told apart by `lang`.
    pub(crate) fn bilingual(&mut self, name: &'static str, en: &str, ja: &str) {
        for (language, text) in [("en", en), ("ja", ja)] {
            self.start(name, Some(language));
            push_text(text, &mut self.out);
            self.end(name);
        }
    }

    /// The same, for each language that there is a text in.
    pub(crate) fn optional_bilingual(&mut self, name: &'static str, en: Option<&str>, ja: Option<&str>) {
        for (language, text) in [("en", en), ("ja", ja)] {
            if let Some(text) = text {
                self.start(name, Some(language));
                push_text(text, &mut self.out);
                self.end(name);
            }
        }
    }

    /// The start tag of an element that stays open.
    pub(crate) fn open(
        &mut self,
        name: &'static str,
        attributes: impl IntoIterator<Item = (&'static str, String)>,
    ) {
        self.out.extend_from_slice(format!("<{PREFIX}:{name}").as_bytes());
        for (attribute, value) in attributes {
            self.out.extend_from_slice(format!(" {attribute}=\"").as_bytes());
            // An attribute that XML cannot hold stays empty: the receiver will say that it is invalid.
            let _ = write::escape_attribute(&value, &mut self.out);
            self.out.push(b'"');
        }
        self.out.push(b'>');
        self.open.push(name);
    }

    /// XML that is written already.
    pub(crate) fn raw(&mut self, xml: &[u8]) {
        self.out.extend_from_slice(xml);
    }

    /// Closes everything and gives the bytes.
    pub(crate) fn finish(self) -> Vec<u8> {
        let (start, end) = self.halves();
        [start, end].concat()
    }

    /// What is written, and the end tags of everything that is open.
    pub(crate) fn halves(mut self) -> (Vec<u8>, Vec<u8>) {
        let start = std::mem::take(&mut self.out);
        while let Some(name) = self.open.pop() {
            self.end(name);
        }
        (start, self.out)
    }

    fn start(&mut self, name: &str, language: Option<&str>) {
        self.out.extend_from_slice(format!("<{PREFIX}:{name}").as_bytes());
        if let Some(language) = language {
            self.out.extend_from_slice(format!(" lang=\"{language}\"").as_bytes());
        }
        self.out.push(b'>');
    }

    fn end(&mut self, name: &str) {
        self.out.extend_from_slice(format!("</{PREFIX}:{name}>").as_bytes());
    }
}
