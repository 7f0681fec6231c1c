//! The rules of the standard in a few words each (XSD 1.0 part 1 appendix C, part 2 section 4).

use crate::violation::Words;

/// A rule about an element: the message is the element's name with these words behind it.
#[derive(Debug)]
pub(super) struct Rule {
    code: &'static str,
    pub(super) en: &'static str,
    pub(super) ja: &'static str,
    /// English and Japanese; empty where the message says it all.
    pub(super) expected: (&'static str, &'static str),
    pub(super) found: (&'static str, &'static str),
}

macro_rules! rules {
    ($($code:literal: $en:literal, $ja:literal; $expected:expr; $found:expr)*) => {
        &[$(Rule { code: $code, en: $en, ja: $ja, expected: $expected, found: $found }),*]
    };
}

const UNKNOWN: Rule = Rule {
    code: "",
    en: "breaks this rule of the schema",
    ja: "はスキーマのこの規則に反しています",
    expected: ("", ""),
    found: ("", ""),
};

const DECLARED: (&str, &str) = ("an element that the schema declares", "スキーマで宣言された要素");
const ATTRIBUTE: (&str, &str) = ("an attribute", "属性");
const NO_ATTRIBUTE: (&str, &str) = ("no such attribute", "その属性がないこと");
const NOTHING: (&str, &str) = ("nothing", "空の内容");
const CONTENT: (&str, &str) = ("content", "内容");
const ELEMENTS: (&str, &str) = ("elements", "要素");
const OTHER: (&str, &str) = ("another value", "別の値");
const FIXED: (&str, &str) = ("the fixed value", "固定値");
const NONE: (&str, &str) = ("", "");

/// Rules that are about more than one value.
const RULES: &[Rule] = rules! {
    "cvc-elt.1": "is not declared here", "はここでは宣言されていません"; DECLARED; ("another element", "別の要素")
    "cvc-elt.2": "is abstract: another element must stand for it",
        "は抽象要素です。代わりの要素を置く必要があります"; ("an element of its substitution group", "代替グループの要素"); NONE
    "cvc-elt.3.1": "may not be nil", "には xsi:nil を指定できません"; ("no xsi:nil", "xsi:nil のない要素"); ("xsi:nil", "xsi:nil")
    "cvc-elt.3.2.1": "is nil and must be empty", "は nil なので空でなければなりません"; NOTHING; CONTENT
    "cvc-elt.3.2.2": "has a fixed value and may not be nil",
        "は固定値を持つので nil にできません"; FIXED; ("xsi:nil", "xsi:nil")
    "cvc-elt.4.1": "has an xsi:type that may not stand here",
        "の xsi:type はここでは使えません"; ("a type that the schema has", "スキーマにある型"); ("an unknown type", "スキーマにない型")
    "cvc-elt.4.2": "has an xsi:type that may not stand here",
        "の xsi:type はここでは使えません"; ("a type derived from the declared one", "宣言された型から派生した型"); ("another type", "別の型")
    "cvc-elt.4.3": "has an xsi:type that may not stand here",
        "の xsi:type はここでは使えません"; ("a type whose derivation is not blocked", "派生が禁じられていない型"); ("a blocked type", "禁じられた型")
    "cvc-elt.5.1.1": "is empty, and its default value does not fit its xsi:type",
        "は空ですが、既定値が xsi:type の型に合いません"; NONE; NOTHING
    "cvc-elt.5.2.2": "must have the fixed value that the schema gives it",
        "はスキーマの定める固定値でなければなりません"; FIXED; OTHER
    "cvc-elt.5.2.2.2": "must have the fixed value that the schema gives it",
        "はスキーマの定める固定値でなければなりません"; FIXED; OTHER
    "cvc-elt.5.2.2.1": "has a fixed value and may contain no elements",
        "は固定値を持つので要素を含められません"; FIXED; ELEMENTS
    "cvc-type.2": "has an abstract type: xsi:type must name a derived one",
        "の型は抽象型です。xsi:type で派生した型を指定する必要があります"; ("xsi:type", "xsi:type"); NONE
    "cvc-type.3.1.1": "has a simple type and may have no attributes",
        "は単純型なので属性を持てません"; NO_ATTRIBUTE; ATTRIBUTE
    "cvc-type.3.1.2": "has a simple type and may contain no elements",
        "は単純型なので要素を含められません"; ("text", "文字"); ELEMENTS
    "cvc-complex-type.2.1": "must be empty", "は空でなければなりません"; NOTHING; CONTENT
    "cvc-complex-type.2.2": "may contain text only", "には文字だけを書けます"; ("text", "文字"); ELEMENTS
    "cvc-complex-type.2.3": "may contain elements only, found text between them",
        "には要素だけを書けますが、その間に文字があります"; ELEMENTS; ("text", "文字")
    "cvc-complex-type.2.4": "has other elements than its type allows, or in another order",
        "の中の要素の有無または並びが型の定めに合いません"; NONE; NONE
    "cvc-complex-type.3": "has an attribute that is not allowed", "に許されない属性があります"; NO_ATTRIBUTE; ATTRIBUTE
    "cvc-complex-type.3.2.1": "has an attribute that is not allowed", "に許されない属性があります"; NO_ATTRIBUTE; ATTRIBUTE
    "cvc-complex-type.3.2.2": "has an attribute that is not allowed", "に許されない属性があります"; NO_ATTRIBUTE; ATTRIBUTE
    "cvc-complex-type.4": "lacks a required attribute", "に必須の属性がありません"; ATTRIBUTE; ("no attribute", "属性なし")
    "cvc-complex-type.5": "has more than one attribute that is an ID",
        "に ID 型の属性が複数あります"; ("one ID", "ID 型の属性1つ"); ("several", "複数")
    "cvc-attribute.4": "has an attribute with another value than the fixed one",
        "の属性の値が固定値と異なります"; FIXED; OTHER
    "cvc-attribute.5": "has an xsi:type that names no type", "の xsi:type が型を指していません"; NONE; NONE
    "cvc-assess-attr.1.2": "has an attribute that the schema does not declare",
        "にスキーマで宣言されていない属性があります"; NO_ATTRIBUTE; ATTRIBUTE
    "src-resolve": "has a type that the schema does not have",
        "の型がスキーマにありません"; NONE; NONE
    "cvc-simple-type": "names an unparsed entity, and no document here can declare one",
        "が解析対象外実体の名前を値としていますが、それを宣言できる文書は受け付けません"; ("a declared entity", "宣言された実体"); ("no such entity", "該当する実体なし")
    "cvc-id.1": "refers to an ID that the document does not have",
        "が文書にない ID を参照しています"; ("an ID of the document", "文書にある ID"); ("no such ID", "該当する ID なし")
    "cvc-id.2": "has an ID that the document has already",
        "の ID は文書内で既に使われています"; ("a new ID", "新しい ID"); ("a repeated one", "既にある ID")
    "cvc-identity-constraint.4": "has a field of a key that is no single value",
        "のキー項目が単一の値ではありません"; ("a value", "値"); ELEMENTS
    "cvc-identity-constraint.4.1": "repeats a combination of values that must be unique",
        "の値の組み合わせが重複しています"; ("values that are unique", "一意な値"); ("repeated ones", "既にある値")
    "cvc-identity-constraint.4.2.1": "lacks a field of its key, or has one more than once",
        "のキー項目がないか、複数あります"; ("every field of the key once", "各キー項目1つずつ"); ("none or several", "0個または複数")
    "cvc-identity-constraint.4.2.2": "repeats a key", "のキーが重複しています"; ("a new key", "新しいキー"); ("a repeated one", "既にあるキー")
    "cvc-identity-constraint.4.2.3": "has a nillable element in its key",
        "のキーに、nil を許す要素が含まれています"; NONE; NONE
    "cvc-identity-constraint.4.3": "refers to a key that the document does not have",
        "が文書にないキーを参照しています"; ("a key of the document", "文書にあるキー"); ("no such key", "該当するキーなし")
};

/// Rules about one value, whole sentences; and what is no rule of XSD.
const OTHERS: &[(&str, &str, &str)] = &[
    ("cvc-datatype-valid", "the value is not of its data type", "値がデータ型に合いません"),
    (
        "cvc-pattern-valid",
        "the value does not match the pattern",
        "値が定められた書式（パターン）に合いません",
    ),
    ("cvc-enumeration-valid", "the value is none of those listed", "値が定められた選択肢にありません"),
    ("cvc-length-valid", "the value has not the required length", "値の長さが定めと異なります"),
    ("cvc-minLength-valid", "the value is too short", "値が短すぎます"),
    ("cvc-maxLength-valid", "the value is too long", "値が長すぎます"),
    ("cvc-minInclusive-valid", "the value is below the least allowed", "値が下限を下回っています"),
    ("cvc-minExclusive-valid", "the value is not above its bound", "値が下限以下です"),
    ("cvc-maxInclusive-valid", "the value is above the greatest allowed", "値が上限を上回っています"),
    ("cvc-maxExclusive-valid", "the value is not below its bound", "値が上限以上です"),
    ("cvc-totalDigits-valid", "the value has too many digits", "値の桁数が多すぎます"),
    ("cvc-fractionDigits-valid", "the value has too many digits after the point", "小数部の桁数が多すぎます"),
    ("well-formed", "the document is not well-formed XML", "整形式のXMLではありません"),
    ("document-not-well-formed", "the document is not well-formed XML", "整形式のXMLではありません"),
    ("limit", "the document goes over a limit", "文書が上限を超えています"),
    ("document-limit", "the document goes over a limit", "文書が上限を超えています"),
    (
        "document-content-model",
        "the content model is too large to be followed",
        "内容モデルが大きすぎて追跡できません",
    ),
];

pub(super) fn find(code: &str) -> &'static Rule {
    RULES.iter().find(|rule| rule.code == code).unwrap_or(&UNKNOWN)
}

/// What a rule says, whatever it is broken by: for lists of rules. `None` for a code that this crate does not give.
pub fn rule(code: &str) -> Option<Words> {
    if let Some(rule) = RULES.iter().find(|rule| rule.code == code) {
        return Some(Words::new(format!("the element {}", rule.en), format!("要素{}", rule.ja)));
    }
    OTHERS.iter().find(|(known, ..)| *known == code).map(|(_, en, ja)| Words::new(*en, *ja))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_said_in_both_languages_and_once() {
        let codes: Vec<&str> = RULES.iter().map(|rule| rule.code).chain(OTHERS.iter().map(|o| o.0)).collect();
        for (at, code) in codes.iter().enumerate() {
            assert!(!codes[..at].contains(code), "{code}");
            let words = rule(code).unwrap_or_default();
            assert!(words.en.is_ascii() && !words.en.is_empty(), "{code}: {}", words.en);
            assert!(words.ja.chars().any(|c| c >= 'ぁ'), "{code}: {}", words.ja);
        }
        for rule in RULES {
            for (en, ja) in [rule.expected, rule.found] {
                assert_eq!(en.is_empty(), ja.is_empty(), "{}", rule.code);
            }
        }
        assert_eq!(rule("cvc-none"), None);
    }
}
