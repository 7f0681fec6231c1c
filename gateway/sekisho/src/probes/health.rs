//! What a health page has to hold.

use http::header::CONTENT_TYPE;
use sekisho_soap::MediaType;
use sekisho_upstream::Answer;

use crate::config::raw::HealthySection;
use crate::language::{Text, text};

/// What is amiss with a page that came with a good status; nothing of the page itself is said.
pub(super) fn amiss(healthy: &HealthySection, answer: &Answer) -> Option<Text> {
    if let Some(wanted) = &healthy.content_type
        && !is_of(answer, wanted)
    {
        return Some(text!(
            "answers, but its health page is not {wanted}",
            "応答していますが、ヘルスページが{wanted}ではありません"
        ));
    }
    let (pointer, wanted) = healthy.pointer.as_deref().zip(healthy.value.as_deref())?;
    let Ok(page) = serde_json::from_slice::<serde_json::Value>(&answer.body) else {
        return Some(text!(
            "answers, but its health page is no JSON",
            "応答していますが、ヘルスページがJSONではありません"
        ));
    };
    let stands = match page.pointer(pointer) {
        Some(serde_json::Value::String(found)) => found == wanted,
        Some(found @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_))) => {
            let written = found.to_string();
            written == *wanted
        }
        _ => false,
    };
    (!stands).then(|| {
        text!(
            "answers, but its health page does not say {wanted} at {pointer}",
            "応答していますが、ヘルスページの{pointer}が{wanted}ではありません"
        )
    })
}

fn is_of(answer: &Answer, wanted: &str) -> bool {
    let label = answer.headers.get(CONTENT_TYPE).and_then(|label| label.to_str().ok());
    label
        .and_then(|label| MediaType::parse(label).ok())
        .is_some_and(|label| label.is(&wanted.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic, its helpers too

    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;
    use crate::language::Language;

    fn page(label: &'static str, body: &'static str) -> Answer {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(label))]);
        Answer { status: StatusCode::OK, headers, body: Bytes::from_static(body.as_bytes()) }
    }

    fn healthy(content_type: Option<&str>, at: Option<(&str, &str)>) -> HealthySection {
        HealthySection {
            content_type: content_type.map(str::to_owned),
            pointer: at.map(|(pointer, _)| pointer.to_owned()),
            value: at.map(|(_, value)| value.to_owned()),
        }
    }

    #[test]
    fn a_page_holds_what_is_asked_for_or_says_that_it_does_not() {
        let json = Some("application/json");
        let up = Some(("/status", "UP"));
        for (asked, label, body, good) in [
            (healthy(None, None), "text/html", "<html>Sorry</html>", true),
            (healthy(json, None), "application/json; charset=utf-8", "{}", true),
            (healthy(json, None), "Application/JSON", "{}", true),
            (healthy(Some("Text/HTML"), None), "text/html", "", true),
            (healthy(json, None), "text/html", "{}", false),
            (healthy(json, None), "", "{}", false),
            (healthy(None, up), "text/html", r#"{"status":"UP"}"#, true),
            (healthy(json, up), "application/json", r#"{"status":"UP"}"#, true),
            (healthy(None, up), "application/json", r#"{"status":"DOWN"}"#, false),
            (healthy(None, up), "application/json", r#"{"status":["UP"]}"#, false),
            (healthy(None, up), "application/json", r#"{"state":"UP"}"#, false),
            (healthy(None, up), "application/json", "K4NARY", false),
            (healthy(None, Some(("", "up"))), "application/json", "\"up\"", true),
            (healthy(None, Some(("/a~1b/0", "true"))), "application/json", r#"{"a/b":[true]}"#, true),
            (healthy(None, Some(("/n", "1"))), "application/json", r#"{"n":1}"#, true),
            (healthy(None, Some(("/n", "1"))), "application/json", r#"{"n":1.5}"#, false),
            (healthy(None, Some(("/n", "null"))), "application/json", r#"{"n":null}"#, false),
        ] {
            let said = amiss(&asked, &page(label, body));
            assert_eq!(said.is_none(), good, "{asked:?} {label} {body}");
            if let Some(said) = said {
                let english = said.in_language(Language::English);
                assert!(english.starts_with("answers, but") && !english.contains("K4NARY"), "{english}");
            }
        }
    }
}
