//! What broken rules mean, in English and Japanese, in words that quote no value.

/// How many expected names are listed.
const MAX_NAMES: usize = 8;

/// The same words in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) en: String,
    pub(crate) ja: String,
}

impl Words {
    pub(crate) fn new(en: impl Into<String>, ja: impl Into<String>) -> Words {
        Words { en: en.into(), ja: ja.into() }
    }
}

/// Rules about an element: the message is the element with these words behind it.
const RULES: &[(&str, &str, &str)] = &[
    ("cvc-elt.1", "is not declared here", "はここでは宣言されていません"),
    (
        "cvc-elt.2",
        "is abstract: another element must stand for it",
        "は抽象要素です。代わりの要素を置く必要があります",
    ),
    ("cvc-elt.3.1", "may not be nil", "には xsi:nil を指定できません"),
    ("cvc-elt.3.2.1", "is nil and must be empty", "は nil なので空でなければなりません"),
    ("cvc-elt.3.2.2", "has a fixed value and may not be nil", "は固定値を持つので nil にできません"),
    ("cvc-elt.4.1", "has an xsi:type that may not stand here", "の xsi:type はここでは使えません"),
    ("cvc-elt.4.2", "has an xsi:type that may not stand here", "の xsi:type はここでは使えません"),
    ("cvc-elt.4.3", "has an xsi:type that may not stand here", "の xsi:type はここでは使えません"),
    (
        "cvc-elt.5.1.1",
        "is empty, and its default value does not fit its xsi:type",
        "は空ですが、既定値が xsi:type の型に合いません",
    ),
    (
        "cvc-elt.5.2.2",
        "must have the fixed value that the schema gives it",
        "はスキーマの定める固定値でなければなりません",
    ),
    (
        "cvc-elt.5.2.2.2",
        "must have the fixed value that the schema gives it",
        "はスキーマの定める固定値でなければなりません",
    ),
    (
        "cvc-elt.5.2.2.1",
        "has a fixed value and may contain no elements",
        "は固定値を持つので要素を含められません",
    ),
    (
        "cvc-type.2",
        "has an abstract type: xsi:type must name a derived one",
        "の型は抽象型です。xsi:type で派生した型を指定する必要があります",
    ),
    ("cvc-type.3.1.1", "has a simple type and may have no attributes", "は単純型なので属性を持てません"),
    ("cvc-type.3.1.2", "has a simple type and may contain no elements", "は単純型なので要素を含められません"),
    ("cvc-complex-type.2.1", "must be empty", "は空でなければなりません"),
    ("cvc-complex-type.2.2", "may contain text only", "には文字だけを書けます"),
    (
        "cvc-complex-type.2.3",
        "may contain elements only, found text between them",
        "には要素だけを書けますが、その間に文字があります",
    ),
    (
        "cvc-complex-type.2.4",
        "has other elements than its type allows, or in another order",
        "の中の要素の有無または並びが型の定めに合いません",
    ),
    ("cvc-complex-type.3", "has an attribute that is not allowed", "に許されない属性があります"),
    ("cvc-complex-type.3.2.1", "has an attribute that is not allowed", "に許されない属性があります"),
    ("cvc-complex-type.3.2.2", "has an attribute that is not allowed", "に許されない属性があります"),
    ("cvc-complex-type.4", "lacks a required attribute", "に必須の属性がありません"),
    ("cvc-complex-type.5", "has more than one attribute that is an ID", "に ID 型の属性が複数あります"),
    (
        "cvc-attribute.4",
        "has an attribute with another value than the fixed one",
        "の属性の値が固定値と異なります",
    ),
    ("cvc-attribute.5", "has an xsi:type that names no type", "の xsi:type が型を指していません"),
    (
        "cvc-assess-attr.1.2",
        "has an attribute that the schema does not declare",
        "にスキーマで宣言されていない属性があります",
    ),
    (
        "cvc-schema-location",
        "has an xsi:schemaLocation without pairs",
        "の xsi:schemaLocation が組になっていません",
    ),
    ("src-resolve", "has a type that the schema does not have", "の型がスキーマにありません"),
    ("cvc-id.1", "refers to an ID that the document does not have", "が文書にない ID を参照しています"),
    ("cvc-id.2", "has an ID that the document has already", "の ID は文書内で既に使われています"),
    (
        "cvc-identity-constraint.4",
        "has a field of a key that is no single value",
        "のキー項目が単一の値ではありません",
    ),
    (
        "cvc-identity-constraint.4.1",
        "repeats a combination of values that must be unique",
        "の値の組み合わせが重複しています",
    ),
    (
        "cvc-identity-constraint.4.2.1",
        "lacks a field of its key, or has one more than once",
        "のキー項目がないか、複数あります",
    ),
    ("cvc-identity-constraint.4.2.2", "repeats a key", "のキーが重複しています"),
    (
        "cvc-identity-constraint.4.2.3",
        "has a nillable element in its key",
        "のキーに、nil を許す要素が含まれています",
    ),
    (
        "cvc-identity-constraint.4.3",
        "refers to a key that the document does not have",
        "が文書にないキーを参照しています",
    ),
];

/// What is wrong by rule `code` with an element, named if the schema declares its name.
pub(crate) fn message(code: &str, field: Option<&str>) -> Words {
    let unknown = ("", "breaks this rule of the schema", "はスキーマのこの規則に反しています");
    let (_, en, ja) = RULES.iter().find(|(rule, ..)| *rule == code).copied().unwrap_or(unknown);
    let at = element(field);
    Words::new(format!("{} {en}", at.en), format!("{}{ja}", at.ja))
}

/// An element that should be there is not.
pub(crate) fn missing(parent: Option<&str>, name: &str, alternatives: &[&str]) -> Words {
    let at = element(parent);
    let mut en = format!("element {name} is missing in {}", at.en);
    let mut ja = format!("{}に要素 {name} がありません", at.ja);
    let others: Vec<_> = alternatives.iter().filter(|other| **other != name).copied().collect();
    if !others.is_empty() {
        let shown = &others[..others.len().min(MAX_NAMES)];
        let more = others.len() > MAX_NAMES;
        en.push_str(&format!(", or {}{}", shown.join(" or "), if more { " or others" } else { "" }));
        ja.push_str(&format!("（または {}{}）", shown.join("、"), if more { " など" } else { "" }));
    }
    Words { en, ja }
}

/// An element is there that should not be, or not here.
pub(crate) fn refused(parent: Option<&str>, child: Option<&str>) -> Words {
    let at = element(parent);
    match child {
        Some(child) => Words::new(
            format!("element {child} is not allowed here in {}", at.en),
            format!("{}のここに要素 {child} は置けません", at.ja),
        ),
        None => Words::new(
            format!("an element that the schema does not declare stands in {}", at.en),
            format!("{}の中に、スキーマで宣言されていない要素があります", at.ja),
        ),
    }
}

/// An element ends without all that it must have.
pub(crate) fn early(name: Option<&str>) -> Words {
    let at = element(name);
    Words::new(
        format!("{} ends before all that it must have", at.en),
        format!("{}は、必要な内容がそろわないうちに終わっています", at.ja),
    )
}

/// A value that is not of its type: the element's, or that of one of its attributes.
pub(crate) fn value(field: Option<&str>, attribute: Option<&str>, what: &Words) -> Words {
    let (at, Words { en, ja }) = (element(field), what);
    match attribute {
        Some(name) => Words::new(
            format!("attribute {name} of {}: {en}", at.en),
            format!("{}の属性 {name}: {ja}", at.ja),
        ),
        None => Words::new(format!("{}: {en}", at.en), format!("{}: {ja}", at.ja)),
    }
}

fn element(name: Option<&str>) -> Words {
    match name {
        Some(name) => Words::new(format!("element {name}"), format!("要素 {name} ")),
        None => Words::new("the element", "要素"),
    }
}
