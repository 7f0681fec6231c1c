//! Whether an answer says that the token holds no longer.

use http::StatusCode;
use sekisho_upstream::Answer;

/// The code by which the clouds of the dialects say it, whatever the status (as `session` of a dialect by default).
const OVER: &str = "INVALID_SESSION_ID";

/// 401 (RFC 9110 §15.5.2), or the code in the answer or in the first of a list of errors.
pub(super) fn is_over(answer: &Answer) -> bool {
    if answer.status == StatusCode::UNAUTHORIZED {
        return true;
    }
    if answer.status.is_success() {
        return false;
    }
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(&answer.body) else { return false };
    let error = body.get(0).unwrap_or(&body);
    ["errorCode", "code"].into_iter().any(|member| error.get(member).is_some_and(|code| code == OVER))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic, its helpers too

    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    #[test]
    fn by_status_or_by_code() {
        for (status, body, over) in [
            (401, "", true),
            (403, r#"[{"message":"gone","errorCode":"INVALID_SESSION_ID"}]"#, true),
            (500, r#"{"code":"INVALID_SESSION_ID"}"#, true),
            (403, r#"[{"errorCode":"API_DISABLED_FOR_ORG"}]"#, false),
            (403, "INVALID_SESSION_ID", false),
            (200, r#"{"code":"INVALID_SESSION_ID"}"#, false),
            (500, "[]", false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let answer =
                Answer { status, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) };
            assert_eq!(is_over(&answer), over, "{status} {body}");
        }
    }
}
