//! What is wrong with the records of a payload.

use serde::Serialize;

/// One violation. Never quotes a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Number of the record in its payload, from 1.
    pub record: u64,
    /// Local name of the field, as the schema has it.
    pub field: Option<String>,
    /// Line in the payload, from 1.
    pub line: Option<u64>,
    /// Column in characters, from 1.
    pub column: Option<u64>,
    /// Stable code: the schema rule (`cvc-…`) or one of this crate's own ([`Fault::code`]).
    pub code: &'static str,
    /// What is wrong and what was expected, in English.
    pub message: String,
    /// The same in Japanese.
    pub message_ja: String,
}

/// The violations of a payload: the first ones listed, all counted.
#[derive(Debug)]
pub struct Violations {
    listed: Vec<Violation>,
    cap: usize,
    total: u64,
}

impl Default for Violations {
    /// Lists the first 1,000.
    fn default() -> Self {
        Violations::new(1_000)
    }
}

impl Violations {
    /// Lists at most `cap` violations.
    pub fn new(cap: usize) -> Self {
        Violations { listed: Vec::new(), cap, total: 0 }
    }

    /// Counts one violation, and lists it while there is room.
    pub fn push(&mut self, violation: Violation) {
        self.total += 1;
        if self.listed.len() < self.cap {
            self.listed.push(violation);
        }
    }

    /// The violations listed, in the order found.
    pub fn listed(&self) -> &[Violation] {
        &self.listed
    }

    /// How many there are in all.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Gives the listed violations away.
    pub fn into_listed(self) -> Vec<Violation> {
        self.listed
    }
}

/// What can be wrong with one record beside the schema's own rules; reading goes on after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// CSV: a line with more cells than there are columns.
    TooManyCells {
        /// Columns.
        expected: usize,
        /// Cells of this line.
        found: usize,
    },
    /// CSV: a line with fewer cells than there are columns.
    TooFewCells {
        /// Columns.
        expected: usize,
        /// Cells of this line.
        found: usize,
    },
    /// A value longer than the limit.
    FieldTooLong {
        /// The limit in bytes of UTF-8.
        max: usize,
    },
    /// JSON: a member that is no field.
    UnknownMember,
    /// JSON: a member that comes twice in one object.
    DuplicateMember,
    /// JSON: a value of a form that the field cannot have.
    JsonType {
        /// What the field takes.
        expected: &'static str,
    },
    /// XML: an attribute of a record or field element (other than `xsi:nil`).
    AttributeNotAllowed,
    /// XML: `xsi:type`.
    XsiTypeNotAllowed,
    /// XML: the schema takes the element, but the layout has no place for it.
    NotInLayout,
    /// A character that XML 1.0 cannot hold (section 2.2), so that no other door could carry the value.
    CharacterNotAllowed {
        /// The code point.
        code_point: u32,
    },
}

impl Fault {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooManyCells { .. } => "csv-too-many-cells",
            Self::TooFewCells { .. } => "csv-too-few-cells",
            Self::FieldTooLong { .. } => "field-too-long",
            Self::UnknownMember => "json-unknown-member",
            Self::DuplicateMember => "json-duplicate-member",
            Self::JsonType { .. } => "json-type",
            Self::AttributeNotAllowed => "xml-attribute-not-allowed",
            Self::XsiTypeNotAllowed => "xml-xsi-type-not-allowed",
            Self::NotInLayout => "not-in-layout",
            Self::CharacterNotAllowed { .. } => "character-not-allowed",
        }
    }

    fn messages(&self) -> (String, String) {
        match self {
            Self::TooManyCells { expected, found } => (
                format!(
                    "the line has {found} cells, {expected} are expected; is a cell with the delimiter not quoted?"
                ),
                format!(
                    "この行の列数は{found}です（{expected}列が必要）。区切り文字を含む値が引用符で囲まれているか確認してください。"
                ),
            ),
            Self::TooFewCells { expected, found } => (
                format!("the line has {found} cells, {expected} are expected"),
                format!("この行の列数は{found}です（{expected}列が必要）。"),
            ),
            Self::FieldTooLong { max } => (
                format!("the value is longer than {max} bytes"),
                format!("値が上限の{max}バイトを超えています。"),
            ),
            Self::UnknownMember => (
                "the object has a member that is no field of the layout".into(),
                "レイアウトにない項目があります。".into(),
            ),
            Self::DuplicateMember => {
                ("the object has this member twice".into(), "同じ項目が二度現れています。".into())
            }
            Self::JsonType { expected } => {
                (format!("{expected} is expected here"), "JSONの値の型が項目に合いません。".into())
            }
            Self::AttributeNotAllowed => (
                "attributes are not taken on records and their fields; leave it out".into(),
                "レコードと項目の要素に属性は使えません。".into(),
            ),
            Self::XsiTypeNotAllowed => (
                "xsi:type is not taken: the type is the one that the schema gives the field".into(),
                "xsi:type は使えません。型はスキーマの定めによります。".into(),
            ),
            Self::NotInLayout => {
                ("the layout has no place for this element".into(), "レイアウトにない要素があります。".into())
            }
            Self::CharacterNotAllowed { code_point } => (
                format!(
                    "the value has the character U+{code_point:04X}, which XML 1.0 cannot hold (section 2.2)"
                ),
                format!("値にXML 1.0で表せない文字（U+{code_point:04X}）が含まれています。"),
            ),
        }
    }

    /// The violation that this fault is.
    pub(crate) fn at(self, record: u64, field: Option<&str>, place: crate::record::Place) -> Violation {
        let (message, message_ja) = self.messages();
        Violation {
            record,
            field: field.map(str::to_owned),
            line: Some(place.line),
            column: Some(place.column),
            code: self.code(),
            message,
            message_ja,
        }
    }
}
