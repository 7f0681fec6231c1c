//! The push service behind: messages to residents, with a daily quota and the ways in which such services fail.

use std::sync::Mutex;

use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use super::Cloud;
use super::answer::Answer;
use super::locked;
use super::refusal::Refusal;

/// Full-width characters at which a message is too long.
const TOO_LONG: usize = 493;
/// Identical texts in a row that still pass.
const ALIKE: u32 = 11;

#[derive(Deserialize)]
struct Message {
    account: String,
    text: String,
}

/// The service.
pub(super) struct Push {
    quota: u64,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    sent: u64,
    today: u64,
    last_text: String,
    alike: u32,
}

impl Push {
    pub(super) fn new(quota: u64) -> Self {
        Push { quota, inner: Mutex::default() }
    }

    pub(super) fn new_day(&self) {
        locked(&self.inner).today = 0;
    }

    /// `GET /services/push/state`.
    pub(super) fn state(&self) -> Answer {
        let inner = locked(&self.inner);
        let remaining = self.quota.saturating_sub(inner.today);
        Answer::json(
            StatusCode::OK,
            &json!({"sent": inner.sent, "quota": self.quota, "remaining": remaining}),
        )
    }
}

/// `POST /services/push/messages`.
///
/// # Errors
/// The body is no message.
pub(super) fn send(cloud: &Cloud, body: &[u8]) -> Result<Answer, Refusal> {
    let message: Message = serde_json::from_slice(body).map_err(|error| Refusal::Input(error.to_string()))?;
    let refused = |status, code: &str| Ok(Answer::json(status, &json!({"code": code, "message": code})));
    let mut inner = locked(&cloud.push.inner);
    if inner.today >= cloud.push.quota {
        let answer = refused(StatusCode::TOO_MANY_REQUESTS, "QUOTA_EXCEEDED");
        return answer.map(|answer| answer.with(header::RETRY_AFTER, &cloud.quota.left().to_string()));
    }
    if message.account.starts_with("wrong") {
        cloud.application.report("ACCOUNT_UNKNOWN", "a message names an account that does not exist");
        return refused(StatusCode::NOT_FOUND, "ACCOUNT_UNKNOWN");
    }
    if message.text.chars().filter(|character| !character.is_ascii()).count() >= TOO_LONG {
        cloud.application.report("TEXT_TOO_LONG", "a message is too long");
        return refused(StatusCode::BAD_REQUEST, "TEXT_TOO_LONG");
    }
    if inner.last_text == message.text {
        inner.alike += 1;
    } else {
        inner.alike = 1;
        inner.last_text = message.text;
    }
    if inner.alike > ALIKE {
        cloud.application.report("SPAM", "too many messages alike in a row");
        return refused(StatusCode::FORBIDDEN, "SPAM");
    }
    inner.today += 1;
    inner.sent += 1;
    Ok(Answer::json(StatusCode::ACCEPTED, &json!({"id": inner.sent})))
}
