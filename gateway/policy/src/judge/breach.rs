//! What breaks a rule, and how that is told: rules, fields and places, never a value.

use std::sync::Arc;

use sekisho_records::{FieldId, Layout, Record, Violation};
use sekisho_xsd::Words;

use crate::detect::Detector;
use crate::policy::Policy;
use crate::pseudonym::PseudonymError;
use crate::spec::Form;

/// One breach of one rule by one field.
#[derive(Debug, Clone)]
pub(super) struct Breach {
    pub(super) rule: usize,
    pub(super) kind: Kind,
    /// The field's name as it comes.
    pub(super) name: Arc<str>,
    /// The top-level field that it is as it comes, if it is one.
    pub(super) source: Option<FieldId>,
    /// The number of its value among the items of the record as it comes, if it is there.
    pub(super) item: Option<usize>,
}

/// What is wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Present,
    Form(Form),
    Pattern,
    Differs,
    ExtremeAge,
    Found(Detector),
    Pseudonym(PseudonymError),
}

/// Every code of a breach.
pub const CODES: [&str; 15] = [
    "policy-present",
    "policy-form",
    "policy-pattern",
    "policy-differs",
    "policy-extreme-age",
    "policy-my-number",
    "policy-corporate-number",
    "policy-full-date",
    "policy-era-digits",
    "policy-phone-number",
    "policy-mail-address",
    "policy-personal-name",
    "policy-house-address",
    "policy-pseudonym",
    "policy-outgoing",
];

impl Kind {
    fn code(self) -> &'static str {
        match self {
            Kind::Present => "policy-present",
            Kind::Form(_) => "policy-form",
            Kind::Pattern => "policy-pattern",
            Kind::Differs => "policy-differs",
            Kind::ExtremeAge => "policy-extreme-age",
            Kind::Found(detector) => match detector {
                Detector::MyNumber => "policy-my-number",
                Detector::CorporateNumber => "policy-corporate-number",
                Detector::FullDate => "policy-full-date",
                Detector::EraDigits => "policy-era-digits",
                Detector::PhoneNumber => "policy-phone-number",
                Detector::MailAddress => "policy-mail-address",
                Detector::PersonalName => "policy-personal-name",
                Detector::HouseAddress => "policy-house-address",
            },
            Kind::Pseudonym(_) => "policy-pseudonym",
        }
    }

    /// What may be there, and what is.
    fn words(self) -> (Words, Words) {
        let words = |en: &str, ja: &str| Words { en: en.to_owned(), ja: ja.to_owned() };
        let both = |expected: (&str, &str), found: (&str, &str)| {
            (words(expected.0, expected.1), words(found.0, found.1))
        };
        match self {
            Kind::Present => both(("no value", "値がないこと"), ("a value", "値")),
            Kind::Form(form) => {
                both(coarse(form), ("more than that, or another form", "より詳しい値、または別の形"))
            }
            Kind::Pattern => both(
                ("a value that the rule's pattern takes", "規則のパターンに合う値"),
                ("another value", "合わない値"),
            ),
            Kind::Differs => both(
                ("the value that all records before have", "前のレコードと同じ値"),
                ("another value, or none", "異なる値、または値なし"),
            ),
            Kind::ExtremeAge => both(
                ("no value where it shows an extreme age", "高齢の個人が特定される場合は値がないこと"),
                ("a value that shows one, or may", "特定される、またはそのおそれのある値"),
            ),
            Kind::Found(detector) => {
                let (en, ja) = thing(detector);
                (
                    words(&format!("a value without {en}"), &format!("{ja}を含まない値")),
                    words(&format!("what has the form of {en}"), &format!("{ja}の形をしたもの")),
                )
            }
            Kind::Pseudonym(error) => (
                words("a value that can be replaced by a pseudonym", "仮名に置き換えられる値"),
                Words { en: error.to_string(), ja: error.message_ja() },
            ),
        }
    }
}

/// What a detector finds, as it is called.
fn thing(detector: Detector) -> (&'static str, &'static str) {
    match detector {
        Detector::MyNumber => ("a My Number", "個人番号"),
        Detector::CorporateNumber => ("a corporate number", "法人番号"),
        Detector::FullDate => ("a full date", "年月日"),
        Detector::EraDigits => ("a full date in digits of an era", "和暦の数字による年月日"),
        Detector::PhoneNumber => ("a telephone number", "電話番号"),
        Detector::MailAddress => ("a mail address", "メールアドレス"),
        Detector::PersonalName => ("a person's name", "氏名"),
        Detector::HouseAddress => ("an address that names a house", "番地・号までの住所"),
    }
}

fn coarse(form: Form) -> (&'static str, &'static str) {
    match form {
        Form::Year => ("a year (four digits)", "年（数字4桁）"),
        Form::YearMonth => ("a year and a month (six digits)", "年月（数字6桁）"),
        Form::YearMonthHyphen => ("a year and a month (1980-01)", "年月（1980-01の形）"),
        Form::Town => ("an address down to the town", "町丁目までの住所"),
        Form::Zeros => ("zeros behind what may be kept", "残してよい部分の後ろがすべて0の値"),
    }
}

impl Breach {
    /// The breach as answers tell it.
    pub(super) fn told(&self, policy: &Policy, record: &Record) -> Violation {
        let place = match (self.item, self.source) {
            (Some(item), _) => record.place_of_item(item),
            (None, Some(source)) => record.place_without(source),
            (None, None) => record.place(),
        };
        let rule = policy.rules.get(self.rule).map_or("", |rule| &*rule.name);
        let (expected, found) = self.kind.words();
        Violation {
            record: record.number(),
            field: Some(self.name.to_string()),
            path: Some(record.path_of_item(&policy.layout, self.item, &self.name)),
            line: Some(place.line),
            column: Some(place.column),
            byte: Some(place.byte),
            code: self.kind.code(),
            message: format!("rule {rule}: {} must be here, found {}", expected.en, found.en),
            message_ja: format!("規則{rule}：{}が必要ですが、{}があります。", expected.ja, found.ja),
            expected: Some(expected),
            found: Some(found),
        }
    }
}

/// What leaves is not as its schema has it.
pub(super) fn not_outgoing(record: &Record, layout: &Layout, fault: Box<Violation>) -> Violation {
    let place = record.place();
    let (code, field) = (fault.code, fault.field.as_deref().unwrap_or("-"));
    Violation {
        record: record.number(),
        field: None,
        path: Some(format!("{}[{}]", layout.element().local, record.number())),
        line: Some(place.line),
        column: Some(place.column),
        byte: Some(place.byte),
        code: "policy-outgoing",
        message: format!(
            "what would leave is not as its schema has it: {code} at {field}: {}",
            fault.message
        ),
        message_ja: format!(
            "送出するレコードが送出スキーマに合いません（{field}：{code}）。{}",
            fault.message_ja
        ),
        expected: fault.expected,
        found: fault.found,
    }
}
