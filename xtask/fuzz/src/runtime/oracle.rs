//! The validator that `xsd-schema` has itself, and where it is known to be wrong.

use std::cell::RefCell;
use std::rc::Rc;

use xsd_schema::validation::{
    DriveError, SchemaValidator, ValidationError, ValidationFlags, ValidationSink, ValidationWarning,
    drive_quick_xml,
};
use xsd_schema::{SchemaError, SchemaSet, SchemaSetBuilder};

pub(super) struct Oracle {
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
    pub(super) fn new(text: &str) -> Result<Self, &'static str> {
        let rule = |error| match error {
            SchemaError::StructuralError { constraint, .. } => constraint,
            _ => "another one",
        };
        let builder = SchemaSetBuilder::new().add_source(text, "file:///made.xsd").map_err(rule)?;
        Ok(Oracle { set: builder.compile().map_err(rule)?.into_schema_set() })
    }

    /// The rules that the document breaks; an error where it does not get to the end of it.
    pub(super) fn violations(&self, document: &str) -> Result<Vec<&'static str>, DriveError> {
        let heard = Heard::default();
        let validator = SchemaValidator::new(&self.set, ValidationFlags::empty());
        let mut runtime = validator.start_run(heard.clone());
        drive_quick_xml(document.as_bytes(), &mut runtime, &self.set)?;
        drop(runtime);
        Ok(heard.0.take())
    }
}

/// Whether the oracle is known to see such a document otherwise. The first three and the last are those of
/// `differential/cases.rs`, which holds an example of each; of the others the corpus does.
pub(super) fn excused(theirs: &[&str], ours: &[&str], document: &str) -> bool {
    let nillable = theirs.is_empty() && ours.contains(&"cvc-identity-constraint.4.2.3");
    let is_abstract = theirs.is_empty() && ours.contains(&"cvc-elt.2");
    // Whatever a wildcard skips.
    let skipped = ours.is_empty()
        && document.contains(":nil=")
        && theirs.iter().all(|code| *code == "cvc-datatype-valid");
    // Part 1 §3.3.4 (Element Locally Valid (Type), clause 3.1.1) and §3.4.4 clause 3: of the attributes of the instance
    // namespace four may stand everywhere, and no other.
    let of_attributes = |code: &&str| *code == "cvc-type.3.1.1" || code.starts_with("cvc-complex-type.3");
    let unknown =
        theirs.is_empty() && ours.iter().all(of_attributes) && document.split("xsi:").skip(1).any(is_unknown);
    // What is nil and has white space only: text of another kind it sees.
    let blank =
        theirs.is_empty() && document.contains(":nil=") && ours.iter().all(|code| *code == "cvc-elt.3.2.1");
    nillable || is_abstract || skipped || unknown || blank
}

/// Whether what follows the prefix is none of the four names.
fn is_unknown(behind: &str) -> bool {
    let end = behind.find(|c: char| !c.is_alphanumeric() && !"-_.".contains(c)).unwrap_or(behind.len());
    !["type", "nil", "schemaLocation", "noNamespaceSchemaLocation"].contains(&&behind[..end])
}
