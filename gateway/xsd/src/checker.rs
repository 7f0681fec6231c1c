//! Single values and single record elements against a record type.

use std::borrow::Cow;

use xsd_schema::TypeKey;
use xsd_schema::validation::simple::fixed_values_equal;
use xsd_schema::validation::{ValidationRoot, validate_simple_type};
use xsd_schema::xml::ParseLimits;

use crate::compiled::{Compiled, Engine, MAX_GROWTH, Validator, validator};
use crate::document::Validity;
use crate::error::DocumentError;
use crate::memo::Memo;
use crate::record::{RecordType, TypeId};
use crate::run::{Bounds, Run};
use crate::schema::Schema;
use crate::violation::{ValueViolation, Violation};

/// The longest value that is checked, in bytes.
pub const MAX_VALUE: usize = 1 << 20;

/// Checks the values and records of one intake. Owns what it needs; cheap to make.
pub struct Checker {
    schema: Schema,
    declaration: u32,
    /// Accepted values, by type.
    memos: Vec<Memo>,
    /// Kept from the first record element on, if one could be had.
    engine: Option<Engine>,
    buffer: Vec<u8>,
    bounds: Bounds,
}

impl Checker {
    /// A checker for records of type `record` of `schema`, the schema that the type is from.
    pub fn new(schema: &Schema, record: &RecordType) -> Checker {
        Checker {
            schema: schema.clone(),
            declaration: record.declaration,
            memos: Vec::new(),
            engine: None,
            buffer: Vec::new(),
            bounds: record_bounds(),
        }
    }

    /// Checks one value, its white space already normalised as the type says.
    ///
    /// A pure function of the type and the value; accepted values up to 31 bytes are remembered, at most 512 of each
    /// type.
    ///
    /// # Errors
    /// The first rule that the value breaks, or `limit` for one longer than [`MAX_VALUE`].
    pub fn value(&mut self, ty: TypeId, value: &str) -> Result<(), ValueViolation> {
        let index = ty.0 as usize;
        if self.memos.get(index).is_some_and(|memo| memo.knows(value)) || self.list(ty, value) {
            return Ok(());
        }
        if value.len() > MAX_VALUE {
            let message = format!("a value has at most {MAX_VALUE} bytes, found {}", value.len());
            return Err(ValueViolation { code: "limit", message });
        }
        if let Some(at) = value.chars().position(|c| !is_xml_character(c)) {
            let message = format!("character {} of the value is one that XML cannot hold", at + 1);
            return Err(ValueViolation { code: "cvc-datatype-valid", message });
        }
        let verdict = self.with(|compiled| {
            let key = TypeKey::Simple(compiled.types[index]);
            validate_simple_type(value, key, &compiled.set).map(drop).map_err(|error| error.constraint)
        });
        match verdict {
            Ok(()) => {
                if self.memos.len() <= index {
                    self.memos.resize_with(index + 1, Memo::default);
                }
                self.memos[index].remember(value);
                Ok(())
            }
            Err(code) => Err(ValueViolation { code, message: self.schema.facts(ty).explain(code, value) }),
        }
    }

    /// Whether a list is valid because its items are known to be, each: a short cut for lists that only count.
    fn list(&mut self, ty: TypeId, value: &str) -> bool {
        let schema = self.schema.clone();
        let Some(list) = &schema.facts(ty).list else { return false };
        let items = if value.is_empty() { 0 } else { value.split(' ').count() as u64 };
        value.len() <= MAX_VALUE
            && list.counts(items)
            && value
                .split(' ')
                .filter(|_| items > 0)
                .all(|item| !item.is_empty() && self.value(list.item, item).is_ok())
    }

    /// Whether two literals are one value of the type: what `fixed` compares by (part 1 §3.3.4, clause 5.2.2.2.2).
    pub fn same_value(&self, ty: TypeId, a: &str, b: &str) -> bool {
        self.with(|compiled| {
            let key = TypeKey::Simple(compiled.types[ty.0 as usize]);
            fixed_values_equal(a, b, Some(key), &compiled.set)
        })
    }

    /// Checks one record element, given as a small document of its own, and reports every violation, at most 1,000.
    ///
    /// What is not well-formed or over a limit is one violation, `well-formed` or `limit`.
    pub fn element(&mut self, xml: &[u8], sink: &mut dyn FnMut(Violation)) {
        if self.engine.is_none() {
            self.engine = self.schema.inner.pool.hold().map(Engine::of);
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let outcome = match &self.engine {
            Some(engine) => {
                self.check(engine.borrow_owner(), engine.borrow_dependent(), xml, &mut buffer, sink)
            }
            // As many as may be kept are kept by others: one for this record alone.
            None => {
                let lent = self.schema.inner.pool.lend();
                self.check(&lent, &validator(&lent.set), xml, &mut buffer, sink)
            }
        };
        self.buffer = buffer;
        if let Err(error) = outcome {
            sink(fatal(&error));
        }
        self.renew();
    }

    fn check(
        &self,
        compiled: &Compiled,
        validator: &Validator<'_>,
        xml: &[u8],
        buffer: &mut Vec<u8>,
        sink: &mut dyn FnMut(Violation),
    ) -> Result<Validity, DocumentError> {
        let root = ValidationRoot::Element(compiled.elements[self.declaration as usize]);
        Run { schema: &self.schema, compiled, validator, root, bounds: &self.bounds }.check(xml, buffer, sink)
    }

    fn with<T>(&self, work: impl FnOnce(&Compiled) -> T) -> T {
        match &self.engine {
            Some(engine) => work(engine.borrow_owner()),
            None => work(&self.schema.inner.pool.lend()),
        }
    }

    /// Gives a compiled schema back that has grown by the names of too many records; the next record gets another.
    fn renew(&mut self) {
        if self.engine.as_ref().is_some_and(|engine| engine.borrow_owner().growth() > MAX_GROWTH) {
            self.give_back();
        }
    }

    fn give_back(&mut self) {
        if let Some(engine) = self.engine.take() {
            self.schema.inner.pool.release(engine.into_owner());
        }
    }
}

impl Drop for Checker {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// XML 1.0 §2.2, production 2.
fn is_xml_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

fn record_bounds() -> Bounds {
    Bounds {
        parse: ParseLimits::none()
            .with_max_depth(64)
            .with_max_name_bytes(1024)
            .with_max_namespace_uri_bytes(4096)
            .with_max_attributes(64)
            .with_max_namespace_declarations(32)
            .with_max_namespaces_in_scope(64)
            .with_max_attribute_value_bytes(64 << 10)
            .with_max_text_bytes(6 * MAX_VALUE)
            .with_max_nodes(1 << 20),
        construct: 7 * MAX_VALUE,
        text: MAX_VALUE,
        hints: 0,
        reported: 1000,
        counted: 10_000,
        names: 1 << 20,
    }
}

fn fatal(error: &DocumentError) -> Violation {
    let (code, line, column, message): (_, _, _, Cow<'_, str>) = match error {
        DocumentError::NotWellFormed { line, column, message } => {
            ("well-formed", *line, *column, message.into())
        }
        DocumentError::Limit { line, column, which, max } => {
            ("limit", *line, *column, format!("more than {max} {which}").into())
        }
        // Reading from memory does not fail.
        other => ("well-formed", 1, 1, other.to_string().into()),
    };
    Violation {
        code,
        field: None,
        path: None,
        line: Some(line),
        column: Some(column),
        message: message.into_owned(),
    }
}
