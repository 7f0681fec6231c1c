//! What readers find wrong with a record by themselves.

use std::fmt;

use sekisho_xsd::Words;

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
        expected: JsonKind,
        /// What stands there.
        found: JsonKind,
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

/// What a value of JSON is (RFC 8259 section 3), or may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonKind {
    /// A string, a number, a boolean or null.
    Scalar,
    /// A string, or an array of strings, numbers and booleans: an `xs:list`.
    List,
    /// An array of objects: a group that may come several times.
    Objects,
    /// An object, or an array of one.
    OneObject,
    /// An array.
    Array,
    /// An object.
    Object,
    /// A string.
    String,
    /// A number.
    Number,
    /// A boolean.
    Boolean,
}

impl JsonKind {
    /// What a value is by its first byte.
    pub(crate) fn begun_by(byte: u8) -> JsonKind {
        match byte {
            b'{' => JsonKind::Object,
            b'[' => JsonKind::Array,
            b'"' => JsonKind::String,
            b't' | b'f' => JsonKind::Boolean,
            b'-' | b'0'..=b'9' => JsonKind::Number,
            // Nothing else begins a value that has been read.
            _ => JsonKind::Scalar,
        }
    }

    fn both(self) -> (&'static str, &'static str) {
        match self {
            JsonKind::Scalar => {
                ("a string, a number, a boolean or null", "文字列、数値、真偽値、または null")
            }
            JsonKind::List => (
                "a string, or an array of strings, numbers and booleans",
                "文字列、または文字列、数値、真偽値の配列",
            ),
            JsonKind::Objects => ("an array of objects", "オブジェクトの配列"),
            JsonKind::OneObject => {
                ("an object, or an array of one object", "オブジェクト、またはオブジェクト1個の配列")
            }
            JsonKind::Array => ("an array", "配列"),
            JsonKind::Object => ("an object", "オブジェクト"),
            JsonKind::String => ("a string", "文字列"),
            JsonKind::Number => ("a number", "数値"),
            JsonKind::Boolean => ("a boolean", "真偽値"),
        }
    }
}

impl fmt::Display for JsonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.both().0)
    }
}

/// What a fault means.
pub(crate) struct Wording {
    pub(crate) message: Words,
    pub(crate) expected: Words,
    pub(crate) found: Words,
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

    pub(crate) fn wording(&self) -> Wording {
        let wording = |message: (String, String), expected: (String, String), found: (String, String)| {
            Wording { message: words(message), expected: words(expected), found: words(found) }
        };
        let fixed = |(en, ja): (&str, &str)| (en.to_owned(), ja.to_owned());
        match *self {
            Self::TooManyCells { expected, found } => wording(
                (
                    format!(
                        "the line has {}, {expected} are expected; is a cell with the delimiter not quoted?",
                        cells(found)
                    ),
                    format!(
                        "この行の列数は{found}です（{expected}列が必要）。区切り文字を含む値が引用符で囲まれているか確認してください。"
                    ),
                ),
                (cells(expected), format!("{expected}列")),
                (cells(found), format!("{found}列")),
            ),
            Self::TooFewCells { expected, found } => wording(
                (
                    format!("the line has {}, {expected} are expected", cells(found)),
                    format!("この行の列数は{found}です（{expected}列が必要）。"),
                ),
                (cells(expected), format!("{expected}列")),
                (cells(found), format!("{found}列")),
            ),
            Self::FieldTooLong { max } => wording(
                (
                    format!("the value is longer than {max} bytes"),
                    format!("値が上限の{max}バイトを超えています。"),
                ),
                (format!("at most {max} bytes"), format!("{max}バイトまで")),
                fixed(("more bytes", "それより多いバイト数")),
            ),
            Self::UnknownMember => wording(
                fixed((
                    "the object has a member that is no field of the layout",
                    "レイアウトにない項目があります。",
                )),
                fixed(("a member that is a field of the layout", "レイアウトにある項目")),
                fixed(("another member", "別の項目")),
            ),
            Self::DuplicateMember => wording(
                fixed(("the object has this member twice", "同じ項目が二度現れています。")),
                fixed(("each member once", "各項目1回")),
                fixed(("a repeated one", "既にある項目")),
            ),
            Self::JsonType { expected, found } => {
                let ((en, ja), (found_en, found_ja)) = (expected.both(), found.both());
                wording(
                    (
                        format!("{en} is expected here, found {found_en}"),
                        format!("JSONの値の型が項目に合いません（{ja}が必要、実際は{found_ja}）。"),
                    ),
                    fixed((en, ja)),
                    fixed((found_en, found_ja)),
                )
            }
            Self::AttributeNotAllowed => wording(
                fixed((
                    "attributes are not taken on records and their fields; leave it out",
                    "レコードと項目の要素に属性は使えません。取り除いてください。",
                )),
                fixed(("no attribute", "属性なし")),
                fixed(("an attribute", "属性")),
            ),
            Self::XsiTypeNotAllowed => wording(
                fixed((
                    "xsi:type is not taken: the type is the one that the schema gives the field",
                    "xsi:type は使えません。型はスキーマの定めによります。",
                )),
                fixed(("no xsi:type", "xsi:type のない要素")),
                fixed(("xsi:type", "xsi:type")),
            ),
            Self::NotInLayout => wording(
                fixed(("the layout has no place for this element", "レイアウトにない要素があります。")),
                fixed(("an element of the layout", "レイアウトにある要素")),
                fixed(("another element", "別の要素")),
            ),
            Self::CharacterNotAllowed { code_point } => wording(
                (
                    format!(
                        "the value has the character U+{code_point:04X}, which XML 1.0 cannot hold (section 2.2)"
                    ),
                    format!("値にXML 1.0で表せない文字（U+{code_point:04X}）が含まれています。"),
                ),
                fixed(("characters that XML 1.0 can hold", "XML 1.0で表せる文字")),
                (format!("U+{code_point:04X}"), format!("U+{code_point:04X}")),
            ),
        }
    }
}

fn words((en, ja): (String, String)) -> Words {
    Words { en, ja }
}

fn cells(count: usize) -> String {
    if count == 1 { "1 cell".to_owned() } else { format!("{count} cells") }
}
