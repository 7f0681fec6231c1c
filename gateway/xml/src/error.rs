//! Why a document was refused.

use std::fmt;
use std::io;

use sekisho_charset::CharsetError;

use crate::rules::explain;
use crate::source::Position;

/// Why a document was refused. All but [`XmlError::Io`] are the sender's fault.
#[derive(Debug)]
#[non_exhaustive]
pub enum XmlError {
    /// The document is not well-formed, or not namespace-well-formed.
    NotWellFormed {
        /// Stable name of the broken rule; [`crate::explain`] has its meaning in English and Japanese.
        rule: &'static str,
        /// Where.
        at: Position,
    },
    /// A bound of [`crate::Limits`] was passed.
    Limit {
        /// Name of the field of [`crate::Limits`], or `reference_bytes` for a reference of more than 64 bytes.
        which: &'static str,
        /// The bound.
        max: u64,
        /// Where: the start of the tag, or the first byte too many of character data.
        at: Position,
    },
    /// A document type declaration, which the gateway never reads (WS-I Basic Profile 1.2 R1008).
    Doctype {
        /// Where.
        at: Position,
    },
    /// A processing instruction where none is allowed (WS-I Basic Profile 1.2 R1009).
    ProcessingInstruction {
        /// Where.
        at: Position,
    },
    /// An element where only character content may be.
    UnexpectedElement {
        /// Where.
        at: Position,
    },
    /// Bytes that the declared encoding does not have; the position is theirs in the decoded text.
    Encoding(CharsetError, Position),
    /// The input could not be read: not the document's fault.
    Io(io::Error),
}

impl XmlError {
    /// Stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            XmlError::NotWellFormed { .. } => "xml-not-well-formed",
            XmlError::Limit { .. } => "xml-limit",
            XmlError::Doctype { .. } => "xml-doctype",
            XmlError::ProcessingInstruction { .. } => "xml-processing-instruction",
            XmlError::UnexpectedElement { .. } => "xml-unexpected-element",
            XmlError::Encoding(error, _) => error.code(),
            XmlError::Io(_) => "xml-io",
        }
    }

    /// Where in the document, if it is the document's fault.
    pub fn position(&self) -> Option<Position> {
        match self {
            XmlError::NotWellFormed { at, .. }
            | XmlError::Limit { at, .. }
            | XmlError::Doctype { at }
            | XmlError::ProcessingInstruction { at }
            | XmlError::UnexpectedElement { at }
            | XmlError::Encoding(_, at) => Some(*at),
            XmlError::Io(_) => None,
        }
    }

    /// The message in Japanese, as [`fmt::Display`] gives it in English.
    pub fn message_ja(&self) -> String {
        let place = match self.position() {
            Some(at) => format!("{}行{}文字目: ", at.line, at.column),
            None => String::new(),
        };
        place + &self.without_place_ja()
    }

    /// The message in Japanese, for where the place is told apart.
    pub fn without_place_ja(&self) -> String {
        match self {
            XmlError::NotWellFormed { rule, .. } => {
                let meaning = explain(rule).map_or(*rule, |rule| rule.ja);
                let standard =
                    explain(rule).map(|rule| format!("、{}", rule.standard_ja())).unwrap_or_default();
                format!("整形式のXMLではありません: {meaning}（{rule}{standard}）")
            }
            XmlError::Limit { which, max, .. } => {
                format!("{}の上限{max}を超えています", limit_words(which).1)
            }
            XmlError::Doctype { .. } => "文書型宣言は受け付けません。取り除いてください".to_owned(),
            XmlError::ProcessingInstruction { .. } => {
                "処理命令は受け付けません。取り除いてください".to_owned()
            }
            XmlError::UnexpectedElement { .. } => {
                "文字データだけの要素の中に要素があります。要素を取り除くか、「<」を&lt;と書いてください"
                    .to_owned()
            }
            XmlError::Encoding(error, _) => error.message_ja(),
            XmlError::Io(_) => "入力を読み取れません".to_owned(),
        }
    }

    /// The message in English, for where the place is told apart.
    pub fn without_place(&self) -> String {
        match self {
            XmlError::NotWellFormed { rule, .. } => match explain(rule) {
                Some(known) => format!("not well-formed: {} ({rule}; {})", known.en, known.standard()),
                None => format!("not well-formed ({rule})"),
            },
            XmlError::Limit { which, max, .. } => format!("over the limit of {max} {}", limit_words(which).0),
            XmlError::Doctype { .. } => "a document type declaration is refused: leave it out".to_owned(),
            XmlError::ProcessingInstruction { .. } => {
                "a processing instruction is refused: leave it out".to_owned()
            }
            XmlError::UnexpectedElement { .. } => {
                "an element where only character content may be: take it out, or write its < as &lt;"
                    .to_owned()
            }
            XmlError::Encoding(error, _) => error.to_string(),
            XmlError::Io(error) => format!("the document could not be read: {error}"),
        }
    }

    /// The same error once more: a reader that has failed stays failed.
    pub(crate) fn again(&self) -> XmlError {
        match self {
            &XmlError::NotWellFormed { rule, at } => XmlError::NotWellFormed { rule, at },
            &XmlError::Limit { which, max, at } => XmlError::Limit { which, max, at },
            &XmlError::Doctype { at } => XmlError::Doctype { at },
            &XmlError::ProcessingInstruction { at } => XmlError::ProcessingInstruction { at },
            &XmlError::UnexpectedElement { at } => XmlError::UnexpectedElement { at },
            &XmlError::Encoding(error, at) => XmlError::Encoding(error, at),
            XmlError::Io(error) => XmlError::Io(io::Error::new(error.kind(), error.to_string())),
        }
    }
}

/// What a bound of [`crate::Limits`] counts, in English and Japanese.
fn limit_words(which: &str) -> (&'static str, &'static str) {
    match which {
        "depth" => ("elements open at once", "同時に開いている要素の数"),
        "attributes" => ("attributes of one element", "一つの要素の属性の数"),
        "name_bytes" => ("bytes of one name", "一つの名前のバイト数"),
        "attribute_value_bytes" => ("bytes of one attribute value", "一つの属性値のバイト数"),
        "text_bytes" => ("bytes of text between two tags", "タグの間の文字データのバイト数"),
        "namespaces_in_scope" => ("namespace declarations in scope", "有効な名前空間宣言の数"),
        "namespace_uri_bytes" => ("bytes of one namespace name", "一つの名前空間名のバイト数"),
        "event_bytes" => (
            "bytes of one tag, comment, processing instruction or XML declaration",
            "一つのタグ、コメント、処理命令またはXML宣言のバイト数",
        ),
        "reference_bytes" => ("bytes of one reference", "一つの参照のバイト数"),
        _ => ("of what is counted", "この項目"),
    }
}

impl fmt::Display for XmlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.position() {
            write!(f, "{at}: ")?;
        }
        f.write_str(&self.without_place())
    }
}

impl std::error::Error for XmlError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            XmlError::Encoding(error, _) => Some(error),
            XmlError::Io(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_said_with_the_standard_that_has_it() {
        for (rule, standard) in [
            ("end-tag-mismatch", "XML 1.0, section 3, WFC Element Type Match"),
            ("prefix-undeclared", "Namespaces in XML 1.0, section 5, NSC Prefix Declared"),
            ("pi-target", "XML 1.0, section 2.6; Namespaces in XML 1.0, section 7"),
            ("declaration-version", "XML 1.0, section 2.8; WS-I R9701"),
        ] {
            let error = XmlError::NotWellFormed { rule, at: Position { line: 3, column: 5, byte: 7 } };
            let said = error.to_string();
            assert!(said.ends_with(&format!("({rule}; {standard})")), "{said}");
            assert!(said.contains(&error.without_place()) && !error.without_place().contains("line"));
            assert!(error.message_ja().ends_with(&error.without_place_ja()));
        }
    }

    #[test]
    fn japanese_says_what_to_do_and_which_section_as_english_does() {
        let at = Position { line: 3, column: 5, byte: 7 };
        let refused = [
            XmlError::Doctype { at },
            XmlError::ProcessingInstruction { at },
            XmlError::UnexpectedElement { at },
        ];
        for error in refused {
            assert!(error.message_ja().ends_with("ください"), "{}", error.message_ja());
        }
        for (rule, standard) in [
            ("end-tag-mismatch", "XML 1.0 第3節（WFC Element Type Match）"),
            ("prefix-undeclared", "Namespaces in XML 1.0 第5節（NSC Prefix Declared）"),
            ("declaration-version", "XML 1.0 第2.8節、WS-I R9701"),
        ] {
            let said = XmlError::NotWellFormed { rule, at }.message_ja();
            assert!(said.ends_with(&format!("（{rule}、{standard}）")), "{said}");
        }
    }

    #[test]
    fn a_limit_is_said_in_words_and_with_its_number() {
        let mut said = std::collections::HashSet::new();
        for which in [
            "depth",
            "attributes",
            "name_bytes",
            "attribute_value_bytes",
            "text_bytes",
            "namespaces_in_scope",
            "namespace_uri_bytes",
            "event_bytes",
            "reference_bytes",
        ] {
            let error = XmlError::Limit { which, max: 4711, at: Position { line: 3, column: 5, byte: 7 } };
            for text in [error.to_string(), error.message_ja()] {
                assert!(text.contains("4711") && text.contains('3') && text.contains('5'), "{text}");
                assert!(!text.contains('_'), "a name of a field is no word: {text}");
                assert!(said.insert(text), "{which} says what another says");
            }
        }
    }
}
