//! The names of a layout, as pinned with a batch.

use std::sync::Arc;

use sekisho_xml::QName;
use serde::{Deserialize, Serialize};

/// The names of a layout's fields: enough to map its canonical records to rows later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayoutNames {
    /// The record element.
    pub element: QName,
    /// The fields in layout order.
    pub fields: Vec<NamedField>,
}

/// One field of [`LayoutNames`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedField {
    /// Local name of the field's element.
    pub name: Arc<str>,
    /// The fields inside, when it is a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Vec<NamedField>>,
}
