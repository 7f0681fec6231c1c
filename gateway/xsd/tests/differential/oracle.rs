//! The compiler's own validator, and ours.

use std::cell::RefCell;
use std::rc::Rc;

use sekisho_xsd::{DocumentError, Schema};
use xsd_schema::validation::{
    DriveError, SchemaValidator, ValidationError, ValidationFlags, ValidationSink, ValidationWarning,
    drive_quick_xml,
};
use xsd_schema::{SchemaError, SchemaSet, SchemaSetBuilder};

pub(crate) struct Oracle {
    set: SchemaSet,
}

#[derive(Clone, Default)]
struct Heard(Rc<RefCell<Vec<&'static str>>>);

impl ValidationSink for Heard {
    fn on_error(&mut self, error: ValidationError) {
        self.0.borrow_mut().push(error.constraint);
    }

    fn on_warning(&mut self, _: ValidationWarning) {}
}

impl Oracle {
    /// The rule that is broken when it is no schema.
    pub(crate) fn new(text: &str) -> Result<Self, &'static str> {
        let rule = |error| match error {
            SchemaError::StructuralError { constraint, .. } => constraint,
            _ => "another one",
        };
        let builder = SchemaSetBuilder::new().add_source(text, "file:///made.xsd").map_err(rule)?;
        Ok(Oracle { set: builder.compile().map_err(rule)?.into_schema_set() })
    }

    /// The rules that the document breaks; `None` where the content is open in more ways than are followed.
    pub(crate) fn violations(&self, document: &str) -> Option<Vec<&'static str>> {
        let heard = Heard::default();
        let validator = SchemaValidator::new(&self.set, ValidationFlags::empty());
        let mut runtime = validator.start_run(heard.clone());
        match drive_quick_xml(document.as_bytes(), &mut runtime, &self.set) {
            Ok(_) => {}
            Err(DriveError::Validation(_)) => return None,
            Err(error) => panic!("{error:?}\n{document}"),
        }
        drop(runtime);
        Some(heard.0.take())
    }
}

pub(crate) fn load(text: &str) -> Result<Schema, sekisho_xsd::SchemaError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.xsd");
    std::fs::write(&path, text).unwrap();
    Schema::load(&path, None)
}

/// `None` where the content is open in more ways than are followed.
pub(crate) fn verdict(schema: &Schema, document: &str) -> Option<(bool, Vec<&'static str>)> {
    let mut codes = Vec::new();
    match schema.validate_document(document.as_bytes(), &mut |violation| codes.push(violation.code)) {
        Ok(validity) => Some((validity.valid, codes)),
        Err(DocumentError::ContentModel { .. }) => None,
        Err(error) => panic!("{error}\n{document}"),
    }
}
