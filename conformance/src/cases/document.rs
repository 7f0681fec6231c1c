//! Answers as documents: texts of an XML answer by path, values of a JSON answer by pointer.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value as Json;

/// The texts of elements without children, each with its path of local names from the root.
///
/// # Errors
/// The document is not well-formed.
pub(super) fn texts(xml: &str) -> Result<Vec<(String, String)>, String> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().expand_empty_elements = true;
    let mut path: Vec<String> = Vec::new();
    let mut text = String::new();
    let mut found = Vec::new();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => {
                path.push(String::from_utf8_lossy(start.local_name().as_ref()).into_owned());
                text.clear();
            }
            Event::Text(piece) => text.push_str(&piece.xml10_content().map_err(|error| error.to_string())?),
            Event::CData(piece) => text.push_str(&piece.xml10_content().map_err(|error| error.to_string())?),
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().map_err(|error| error.to_string())?;
                match (character, &*reference) {
                    (Some(character), _) => text.push(character),
                    (None, b"lt") => text.push('<'),
                    (None, b"gt") => text.push('>'),
                    (None, b"amp") => text.push('&'),
                    (None, b"quot") => text.push('"'),
                    (None, b"apos") => text.push('\''),
                    (None, _) => return Err("an entity that is not declared".to_owned()),
                }
            }
            Event::End(_) => {
                found.push((path.join("/"), std::mem::take(&mut text)));
                path.pop();
            }
            Event::Eof if path.is_empty() => return Ok(found),
            Event::Eof => return Err("the document ends early".to_owned()),
            Event::DocType(_) => return Err("a DTD".to_owned()),
            _ => {}
        }
    }
}

/// The first text whose path ends so.
pub(super) fn text_at<'t>(texts: &'t [(String, String)], path: &str) -> Option<&'t str> {
    let behind = format!("/{path}");
    texts.iter().find(|(at, _)| at == path || at.ends_with(&behind)).map(|(_, text)| text.trim())
}

/// A JSON value as the cases compare it: strings without quotes.
pub(super) fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether a text is like a pattern, in which `*` is anything.
pub(super) fn like(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_the_end_of_their_path() {
        let texts = texts("<s:E xmlns:s=\"u\"><s:B><f><code>a&amp;b</code></f><g/></s:B></s:E>").unwrap();
        assert_eq!(text_at(&texts, "f/code"), Some("a&b"));
        assert_eq!(text_at(&texts, "E/B/f/code"), Some("a&b"));
        assert_eq!(text_at(&texts, "g"), Some(""));
        assert_eq!(text_at(&texts, "ode"), None);
    }

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abde", false),
            ("*", "", true),
            ("ab*b", "ab", false),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
    }
}
