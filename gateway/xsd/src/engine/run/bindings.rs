//! What prefixes mean inside the open elements.

use sekisho_datatypes::Namespaces;

const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// The namespace declarations of the open elements, innermost last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Bindings {
    text: String,
    /// Where each one's prefix and namespace name begin in `text`; it ends where the next one begins.
    all: Vec<(u32, u32)>,
}

impl Bindings {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.all.clear();
    }

    pub(super) fn len(&self) -> u32 {
        self.all.len() as u32
    }

    pub(super) fn bind(&mut self, prefix: &str, uri: &str) {
        let at = self.text.len() as u32;
        self.text.push_str(prefix);
        self.all.push((at, self.text.len() as u32));
        self.text.push_str(uri);
    }

    #[inline]
    pub(super) fn truncate(&mut self, count: u32) {
        if let Some(&(begin, _)) = self.all.get(count as usize) {
            self.text.truncate(begin as usize);
            self.all.truncate(count as usize);
        }
    }
}

impl Namespaces for Bindings {
    fn namespace(&self, prefix: &str) -> Option<&str> {
        let mut end = self.text.len();
        for &(begin, uri) in self.all.iter().rev() {
            if self.text[begin as usize..uri as usize] == *prefix {
                return Some(&self.text[uri as usize..end]).filter(|uri| !uri.is_empty());
            }
            end = begin as usize;
        }
        (prefix == "xml").then_some(XML)
    }
}
