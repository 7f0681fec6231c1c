//! The rules of well-formedness by name, and what to say when one is broken.

/// What a rule demands, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The rule's stable name, as in [`crate::XmlError::NotWellFormed`].
    pub rule: &'static str,
    /// What is wrong, in English.
    pub en: &'static str,
    /// What is wrong, in Japanese.
    pub ja: &'static str,
    /// Where the standard says so (XML 1.0 fifth edition; NS: Namespaces in XML 1.0 third edition).
    pub section: &'static str,
}

impl Explanation {
    /// The standards and their sections, in words.
    pub fn standard(&self) -> String {
        let parts = self.section.split("; ").map(|part| match part.strip_prefix("NS ") {
            Some(section) => format!("Namespaces in XML 1.0, section {section}"),
            None if part.starts_with("WS-I ") => part.to_owned(),
            None => format!("XML 1.0, section {part}"),
        });
        parts.collect::<Vec<_>>().join("; ")
    }

    /// The same in Japanese.
    pub fn standard_ja(&self) -> String {
        let numbered = |standard: &str, section: &str| {
            let (number, rule) = section.split_once(", ").unwrap_or((section, ""));
            let rule = if rule.is_empty() { String::new() } else { format!("（{rule}）") };
            format!("{standard} 第{number}節{rule}")
        };
        let parts = self.section.split("; ").map(|part| match part.strip_prefix("NS ") {
            Some(section) => numbered("Namespaces in XML 1.0", section),
            None if part.starts_with("WS-I ") => part.to_owned(),
            None => numbered("XML 1.0", part),
        });
        parts.collect::<Vec<_>>().join("、")
    }
}

/// The explanation of a rule by its name.
pub fn explain(rule: &str) -> Option<&'static Explanation> {
    RULES.iter().find(|known| known.rule == rule)
}

/// Every rule that a document can break.
pub fn rules() -> &'static [Explanation] {
    RULES
}

macro_rules! rules {
    ($($constant:ident = $rule:literal, $section:literal, $en:literal, $ja:literal;)*) => {
        $(pub(crate) const $constant: &str = $rule;)*
        /// All rules.
        const RULES: &[Explanation] =
            &[$(Explanation { rule: $rule, en: $en, ja: $ja, section: $section }),*];
    };
}

rules! {
    ILLEGAL_CHARACTER = "illegal-character", "2.2",
        "a character that XML cannot hold", "XMLで使えない文字があります";
    NO_ROOT = "no-root", "2.1",
        "the document has no element", "文書に要素がありません";
    SECOND_ROOT = "second-root", "2.1",
        "a second element after the document element", "文書要素の後に別の要素があります";
    TEXT_OUTSIDE_ROOT = "text-outside-root", "2.1",
        "character data outside the document element", "文書要素の外に文字データがあります";
    ELEMENT_NOT_CLOSED = "element-not-closed", "2.1",
        "the document ends before its elements are closed", "要素が閉じられないまま文書が終わっています";
    TAG_NOT_CLOSED = "tag-not-closed", "3.1",
        "the document ends inside a tag", "タグの途中で文書が終わっています";
    COMMENT_NOT_CLOSED = "comment-not-closed", "2.5",
        "the document ends inside a comment", "コメントの途中で文書が終わっています";
    PI_NOT_CLOSED = "pi-not-closed", "2.6",
        "the document ends inside a processing instruction", "処理命令の途中で文書が終わっています";
    CDATA_NOT_CLOSED = "cdata-not-closed", "2.7",
        "the document ends inside a CDATA section", "CDATAセクションの途中で文書が終わっています";
    END_TAG_MISMATCH = "end-tag-mismatch", "3, WFC Element Type Match",
        "the end tag does not name the element that is open", "終了タグが開いている要素の名前と一致しません";
    END_TAG_ALONE = "end-tag-without-start", "3.1",
        "an end tag where no element is open", "開いている要素がないのに終了タグがあります";
    END_TAG_SYNTAX = "end-tag-syntax", "3.1",
        "an end tag holds its name and white space only", "終了タグに名前と空白以外のものがあります";
    ELEMENT_NAME = "element-name", "2.3",
        "no element name where a tag begins", "タグの先頭に要素名がありません";
    ATTRIBUTE_NAME = "attribute-name", "3.1",
        "no attribute name where one belongs", "属性名があるべき所にありません";
    ATTRIBUTE_SPACE = "attribute-space", "3.1",
        "no white space before an attribute", "属性の前に空白がありません";
    ATTRIBUTE_EQUALS = "attribute-equals", "3.1",
        "an attribute without an equals sign", "属性に等号がありません";
    ATTRIBUTE_QUOTE = "attribute-quote", "3.1",
        "an attribute value that is not between quotes", "属性値が引用符で囲まれていません";
    ATTRIBUTE_LESS_THAN = "attribute-less-than", "3.1, WFC No < in Attribute Values",
        "a less-than sign in an attribute value: write &lt;", "属性値に「<」があります（&lt;と書いてください）";
    ATTRIBUTE_DUPLICATE = "attribute-duplicate", "3.1, WFC Unique Att Spec; NS 6.3",
        "an attribute that the element already has", "同じ属性が二度あります";
    REFERENCE_SYNTAX = "reference-syntax", "4.1",
        "an ampersand that begins no reference: write &amp;", "「&」が参照になっていません（&amp;と書いてください）";
    ENTITY_UNDECLARED = "entity-undeclared", "4.1, WFC Entity Declared",
        "a reference to an entity other than amp, lt, gt, apos and quot", "宣言されていない実体への参照です（使えるのはamp、lt、gt、apos、quotだけです）";
    CHARACTER_REFERENCE = "character-reference", "4.1, WFC Legal Character",
        "a reference to a character that XML cannot hold", "XMLで使えない文字への参照です";
    CDATA_END_IN_TEXT = "cdata-end-in-text", "2.4",
        "]]> in character data: write ]]&gt;", "文字データに「]]>」があります（]]&gt;と書いてください）";
    COMMENT_HYPHENS = "comment-hyphens", "2.5",
        "two hyphens inside a comment", "コメントの中に「--」があります";
    MARKUP_DECLARATION = "markup-declaration", "2.4",
        "<! that begins neither a comment nor a CDATA section", "「<!」がコメントでもCDATAセクションでもありません";
    CDATA_OUTSIDE_ROOT = "cdata-outside-root", "2.1",
        "a CDATA section outside the document element", "文書要素の外にCDATAセクションがあります";
    PI_TARGET = "pi-target", "2.6; NS 7",
        "a processing instruction without a target name", "処理命令に対象名がありません";
    PI_TARGET_RESERVED = "pi-target-reserved", "2.6",
        "a processing instruction with a target reserved for XML", "処理命令の対象名がXMLの予約名です";
    DECLARATION_MISPLACED = "declaration-misplaced", "2.8",
        "an XML declaration that is not at the very start", "XML宣言が文書の先頭にありません";
    DECLARATION_SYNTAX = "declaration-syntax", "2.8",
        "an XML declaration that is not version, encoding, standalone in that order", "XML宣言がversion、encoding、standaloneの順に書かれていません";
    DECLARATION_VERSION = "declaration-version", "2.8; WS-I R9701",
        "an XML version other than 1.0", "XMLのバージョンが1.0ではありません";
    DECLARATION_ENCODING = "declaration-encoding", "4.3.3",
        "an encoding declaration that is no encoding name", "XML宣言の符号化名が正しくありません";
    DECLARATION_STANDALONE = "declaration-standalone", "2.9",
        "a standalone declaration other than yes and no", "standalone宣言がyesでもnoでもありません";
    QNAME_COLON = "qname-colon", "NS 4",
        "a name with colons where a qualified name has none", "コロンを使えない所で、名前にコロンがあります";
    PREFIX_UNDECLARED = "prefix-undeclared", "NS 5, NSC Prefix Declared",
        "a namespace prefix that is not declared", "宣言されていない名前空間接頭辞です";
    PREFIX_UNDECLARING = "prefix-undeclaring", "NS 5, NSC No Prefix Undeclaring",
        "a prefix declared with an empty namespace name", "接頭辞に空の名前空間名が宣言されています";
    PREFIX_RESERVED = "prefix-reserved", "NS 3, NSC Reserved Prefixes and Namespace Names",
        "a reserved prefix or namespace name used for something else", "予約された接頭辞または名前空間名の誤用です";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_kebab_case() {
        for (index, rule) in RULES.iter().enumerate() {
            assert!(rule.rule.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", rule.rule);
            assert!(!RULES[..index].iter().any(|other| other.rule == rule.rule), "{}", rule.rule);
            assert_eq!(explain(rule.rule), Some(rule));
        }
        assert_eq!(explain("no-such-rule"), None);
    }
}
