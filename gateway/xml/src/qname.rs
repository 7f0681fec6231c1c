//! Expanded names.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::is_ncname;

/// An expanded name (Namespaces in XML 1.0, section 2.1). Written `{namespace}local`, in configuration too.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QName {
    /// Namespace name; empty for none.
    pub namespace: Arc<str>,
    /// Local part.
    pub local: Arc<str>,
}

impl QName {
    /// A name from its two parts; an empty namespace is none.
    pub fn new(namespace: &str, local: &str) -> Self {
        QName { namespace: namespace.into(), local: local.into() }
    }

    /// Whether this is that name.
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        *self.local == *local && *self.namespace == *namespace
    }
}

impl fmt::Display for QName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}{}", self.namespace, self.local)
    }
}

/// Text that is not an expanded name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an expanded name: write {{namespace}}local, or local alone for no namespace")]
pub struct QNameError;

impl QNameError {
    /// Stable code of this error.
    pub fn code(&self) -> &'static str {
        "qname-syntax"
    }
}

impl FromStr for QName {
    type Err = QNameError;

    /// Reads `{namespace}local`; `{}local` and `local` are in no namespace.
    fn from_str(text: &str) -> Result<Self, QNameError> {
        let (namespace, local) = match text.strip_prefix('{') {
            // A local name has no brace, so the last one ends the namespace.
            Some(rest) => rest.rsplit_once('}').ok_or(QNameError)?,
            None => ("", text),
        };
        if is_ncname(local) { Ok(QName::new(namespace, local)) } else { Err(QNameError) }
    }
}

impl Serialize for QName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for QName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_text_and_back() {
        for (text, namespace, local) in
            [("{urn:x}a", "urn:x", "a"), ("{}a", "", "a"), ("a", "", "a"), ("{u}v}名", "u}v", "名")]
        {
            let name: QName = text.parse().expect(text);
            assert_eq!(name, QName::new(namespace, local));
            assert!(name.is(namespace, local));
            assert_eq!(name.to_string().parse::<QName>(), Ok(name));
        }
        for text in ["", "{", "{u}", "{u", "u}a", "{u}a:b", "{u} a", "{u}1"] {
            assert_eq!(text.parse::<QName>(), Err(QNameError), "{text}");
        }
    }

    #[test]
    fn in_configuration() {
        let name = QName::new("urn:x", "a");
        let text = serde_json::to_string(&name).expect("a string");
        assert_eq!(text, "\"{urn:x}a\"");
        assert_eq!(serde_json::from_str::<QName>(&text).expect("the same"), name);
        assert!(serde_json::from_str::<QName>("\"{urn:x}\"").is_err());
    }
}
