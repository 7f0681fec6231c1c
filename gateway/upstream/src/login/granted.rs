//! What a token endpoint answers (RFC 6749 section 5), and how much of it is believed.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::LoginError;

/// Longest answer of a token endpoint that is read, in bytes.
pub(super) const MOST_ANSWER: u64 = 64 * 1024;

/// Longest token, in bytes: it has to fit into a header that clouds still take.
const MOST_TOKEN: usize = 12 * 1024;

/// Longest time for which a token is used unasked.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);

/// A token, and how long it is good by the endpoint's own statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) token: String,
    pub(super) lifetime: Option<Duration>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<String>,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<Value>,
    #[serde(default)]
    error: Option<String>,
}

/// The token in an answer.
pub(super) fn granted(status: StatusCode, body: &[u8]) -> Result<Granted, LoginError> {
    let parsed: Option<TokenAnswer> = serde_json::from_slice(body).ok();
    if !status.is_success() {
        let error = parsed.and_then(|answer| answer.error).filter(|error| is_code(error));
        return Err(LoginError::Refused {
            status: status.as_u16(),
            error: error.unwrap_or_else(|| "-".to_owned()),
        });
    }
    let wrong = |reason| LoginError::Answer { reason };
    let answer = parsed.ok_or(wrong("not the JSON object of RFC 6749 section 5.1"))?;
    let token = answer.access_token.ok_or(wrong("access_token is missing"))?;
    if token.len() > MOST_TOKEN {
        return Err(wrong("access_token is longer than 12 KiB"));
    }
    if !is_sendable(&token) {
        return Err(wrong("access_token is empty or has characters that no header can hold"));
    }
    if answer.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(wrong("token_type is not Bearer"));
    }
    Ok(Granted { token, lifetime: answer.expires_in.as_ref().and_then(lifetime) })
}

/// A number of seconds, which some endpoints write as text; what is neither says nothing.
fn lifetime(expires_in: &Value) -> Option<Duration> {
    let seconds = match expires_in {
        Value::String(text) => text.parse().ok()?,
        other => other.as_f64()?,
    };
    Some(Duration::try_from_secs_f64(seconds).map_or(LONGEST_LIFE, |life| life.min(LONGEST_LIFE)))
        .filter(|_| seconds >= 0.0)
}

/// Whether a token can stand in a header.
pub(super) fn is_sendable(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}

/// Whether a text from outside is a code, not prose that might hold anything.
fn is_code(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(expires_in: &str) -> Option<u64> {
        let body = format!(r#"{{"access_token":"t","expires_in":{expires_in}}}"#);
        granted(StatusCode::OK, body.as_bytes()).expect("a token").lifetime.map(|life| life.as_secs())
    }

    #[test]
    fn a_lifetime_is_believed_up_to_a_day_whatever_is_said() {
        for (said, believed) in [
            ("7200", Some(7200)),
            (r#""7200""#, Some(7200)),
            ("0", Some(0)),
            ("0.5", Some(0)),
            ("18446744073709551615", Some(86_400)),
            ("1e300", Some(86_400)),
            (r#""inf""#, Some(86_400)),
            ("-1", None),
            (r#""NaN""#, None),
            (r#""soon""#, None),
            ("null", None),
            ("[7200]", None),
        ] {
            assert_eq!(life(said), believed, "{said}");
        }
    }

    #[test]
    fn tokens_that_cannot_be_used_are_refused_without_being_quoted() {
        let long = "x".repeat(MOST_TOKEN + 1);
        for (body, word) in [
            (format!(r#"{{"access_token":"{long}"}}"#), "12 KiB"),
            (r#"{"access_token":""}"#.to_owned(), "empty"),
            (r#"{"access_token":"a b"}"#.to_owned(), "header"),
            (r#"{"access_token":"t","token_type":"mac"}"#.to_owned(), "Bearer"),
            (r#"{"access_token":7}"#.to_owned(), "JSON"),
            ("[]".to_owned(), "JSON"),
        ] {
            let error = granted(StatusCode::OK, body.as_bytes()).expect_err(word).to_string();
            assert!(error.contains(word) && !error.contains("xxx"), "{error}");
        }
        let taken = granted(StatusCode::OK, br#"{"access_token":"t","token_type":"bearer"}"#);
        assert_eq!(taken.expect("a token"), Granted { token: "t".into(), lifetime: None });
    }
}
