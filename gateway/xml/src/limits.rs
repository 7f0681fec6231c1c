//! The bounds of one document.

/// Bounds on one document; all finite by default. Whoever passes one gets [`crate::XmlError::Limit`] with the
/// field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Elements open at once. Default 128.
    pub depth: usize,
    /// Attributes of one element, namespace declarations not counted. Default 128.
    pub attributes: usize,
    /// Bytes of one qualified name. Default 512.
    pub name_bytes: usize,
    /// Bytes of one attribute value as written. Default 64 KiB.
    pub attribute_value_bytes: usize,
    /// Bytes of character data between two tags, as [`crate::Reader::next`] delivers it. Default 1 MiB.
    /// [`crate::TextStream`] is not bound by it.
    pub text_bytes: u64,
    /// Namespace declarations in scope at once, shadowed ones included. Default 128.
    pub namespaces_in_scope: usize,
    /// Bytes of one namespace name. Default 2,048.
    pub namespace_uri_bytes: usize,
    /// Bytes of one tag, comment, processing instruction or XML declaration. Default 128 KiB. A tag and the declaration are
    /// held as a whole, twice where values are not as they are written; of the others no more than a piece is.
    pub event_bytes: usize,
    /// Bytes of one comment, processing instruction or XML declaration, where they may have more than a tag. Default 0: as
    /// many as a tag.
    pub passed_bytes: usize,
    /// What becomes of processing instructions. Default: refused.
    pub processing_instructions: ProcessingInstructions,
}

/// What becomes of processing instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ProcessingInstructions {
    /// Refused (WS-I Basic Profile 1.2 R1009).
    #[default]
    Refuse,
    /// Checked, counted and skipped.
    Skip,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            depth: 128,
            attributes: 128,
            name_bytes: 512,
            attribute_value_bytes: 64 * 1024,
            text_bytes: 1024 * 1024,
            namespaces_in_scope: 128,
            namespace_uri_bytes: 2048,
            event_bytes: 128 * 1024,
            passed_bytes: 0,
            processing_instructions: ProcessingInstructions::Refuse,
        }
    }
}
