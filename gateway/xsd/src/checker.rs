//! Single values and single record elements against a record type.

use sekisho_datatypes::{NoNamespaces, Scratch};

use crate::engine::grammar::ElementId;
use crate::engine::run::{Bounds, Memory, Root, check, public_code};
use crate::error::DocumentError;
use crate::record::{RecordType, TypeId};
use crate::schema::Schema;
use crate::violation::{ValueViolation, Violation};
use crate::wording::{self, Shown};

/// The longest value that is checked, in bytes.
pub const MAX_VALUE: usize = 1 << 20;
/// The most violations of one record that are told.
const MOST_TOLD: u64 = 1000;

/// Checks the values and records of one intake. Owns what it needs; cheap to make.
pub struct Checker {
    schema: Schema,
    declaration: u32,
    scratch: Scratch,
    memory: Memory,
    bounds: Bounds,
}

impl Checker {
    /// The most violations of one record that are counted: there may be more.
    pub const MOST_COUNTED: u64 = 10_000;

    /// A checker for records of type `record` of `schema`, the schema that the type is from.
    pub fn new(schema: &Schema, record: &RecordType) -> Checker {
        Checker {
            schema: schema.clone(),
            declaration: record.declaration,
            scratch: Scratch::new(),
            memory: Memory::default(),
            bounds: Bounds::record(MAX_VALUE),
        }
    }

    /// Lets violations tell the first 40 characters of the value that is wrong. Off by default: these are residents'
    /// data, and what is told goes into answers, logs and receipts.
    #[must_use]
    pub fn show_values(mut self, show: bool) -> Checker {
        self.bounds.shown = if show { Shown::Beginning } else { Shown::Never };
        self
    }

    /// Checks one value, its white space already normalised as the type says. A pure function of the type and the
    /// value.
    ///
    /// # Errors
    /// The first rule that the value breaks, or `limit` for one longer than [`MAX_VALUE`].
    pub fn value(&mut self, ty: TypeId, value: &str) -> Result<(), ValueViolation> {
        if value.len() > MAX_VALUE {
            let message = format!("a value has at most {MAX_VALUE} bytes, found {}", value.len());
            let message_ja = format!("値は{MAX_VALUE}バイトまでです（{}バイトあります）", value.len());
            return Err(ValueViolation { code: "limit", message, message_ja });
        }
        if let Some(at) = unwritable(value) {
            let message = format!("character {} of the value is one that XML cannot hold", at + 1);
            let message_ja = format!("値の{}文字目はXMLで使えない文字です", at + 1);
            return Err(ValueViolation { code: "cvc-datatype-valid", message, message_ja });
        }
        let built = &self.schema.inner.engine;
        let checked = match built.simple[ty.0 as usize] {
            Some(simple) => built.grammar.simple.check(simple, value, &NoNamespaces, &mut self.scratch),
            None => {
                let message = "the schema does not have all of this type".to_owned();
                let message_ja = "この型が参照するものがスキーマにありません".to_owned();
                return Err(ValueViolation { code: "src-resolve", message, message_ja });
            }
        };
        checked.map(drop).map_err(|fault| {
            let code = public_code(fault.code);
            let facts = Some(self.schema.facts(ty));
            let words = wording::value(&fault, facts, value, self.bounds.shown).message;
            ValueViolation { code, message: words.en, message_ja: words.ja }
        })
    }

    /// Whether two literals are one value of the type: what `fixed` compares by (part 1 §3.3.4, clause 5.2.2.2.2).
    pub fn same_value(&self, ty: TypeId, a: &str, b: &str) -> bool {
        let built = &self.schema.inner.engine;
        let key = |literal: &str| {
            let (mut scratch, mut key) = (Scratch::new(), Vec::new());
            let simple = built.simple[ty.0 as usize]?;
            let types = &built.grammar.simple;
            types.value_key(simple, literal, &NoNamespaces, &mut scratch, &mut key).ok().map(|_| key)
        };
        a == b || key(a).is_some_and(|a| Some(a) == key(b))
    }

    /// Checks one record element, given as a small document of its own, and reports every violation, at most 1,000.
    ///
    /// What is not well-formed or over a limit is one violation, `well-formed` or `limit`.
    pub fn element(&mut self, xml: &[u8], sink: &mut dyn FnMut(Violation)) {
        self.element_telling(xml, MOST_TOLD, sink);
    }

    /// As [`Checker::element`], telling at most `most` violations, of which there are never more than 1,000; those that
    /// are not told cost little. How many there are in all, told or not: 10,000 end the check.
    pub fn element_telling(&mut self, xml: &[u8], most: u64, sink: &mut dyn FnMut(Violation)) -> u64 {
        let root = Root::Element(ElementId(self.declaration));
        self.bounds.reported = most.min(MOST_TOLD);
        let (memory, bounds) = (&mut self.memory, &self.bounds);
        match self.schema.basis(|basis| check(basis, root, bounds, memory, xml, sink)) {
            Ok(validity) => validity.violations,
            Err(error) => {
                let before = self.memory.found();
                if before < self.bounds.reported {
                    sink(fatal(&error));
                }
                before + 1
            }
        }
    }
}

/// The first character that is none in XML (XML 1.0 §2.2, production 2), by its number.
fn unwritable(value: &str) -> Option<usize> {
    // Controls are one byte; U+FFFE and U+FFFF begin with this one.
    let suspicious = |byte: u8| byte < b' ' || byte == 0xEF;
    if !value.bytes().any(suspicious) {
        return None;
    }
    value.chars().position(|c| !matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..))
}

fn fatal(error: &DocumentError) -> Violation {
    let code = if matches!(error, DocumentError::Limit { .. }) { "limit" } else { "well-formed" };
    // Reading from memory does not fail.
    let (line, column, byte) = error.place().unwrap_or((1, 1, 0));
    let message = error.without_place();
    Violation {
        code,
        field: None,
        path: None,
        record: None,
        line: Some(line),
        column: Some(column),
        byte: Some(byte),
        expected: None,
        found: None,
        message: message.en,
        message_ja: message.ja,
    }
}
