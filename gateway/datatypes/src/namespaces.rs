//! What prefixes mean where a value stands.

/// The namespace bindings in scope at a value (Namespaces in XML 1.0 §6).
pub trait Namespaces {
    /// The namespace name bound to a prefix, the empty prefix being the default namespace. `None` when nothing is
    /// bound; for the empty prefix that means no namespace.
    fn namespace(&self, prefix: &str) -> Option<&str>;
}

/// Where no prefix is bound, as in a CSV or JSON field.
#[derive(Copy, Clone, Debug, Default)]
pub struct NoNamespaces;

impl Namespaces for NoNamespaces {
    fn namespace(&self, _: &str) -> Option<&str> {
        None
    }
}

/// Pairs of prefix and namespace name; the last one of a prefix counts, an empty name unbinds it.
impl Namespaces for [(String, String)] {
    fn namespace(&self, prefix: &str) -> Option<&str> {
        let (_, name) = self.iter().rev().find(|(bound, _)| bound == prefix)?;
        Some(name.as_str()).filter(|name| !name.is_empty())
    }
}
impl Namespaces for Vec<(String, String)> {
    fn namespace(&self, prefix: &str) -> Option<&str> {
        self.as_slice().namespace(prefix)
    }
}
