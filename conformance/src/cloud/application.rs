//! The application behind the cloud's interfaces: its state and its error feed.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::SystemTime;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::answer::Answer;
use super::locked;

/// Errors that the feed remembers.
const FEED: usize = 1000;

/// Whether the application works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// It works.
    #[default]
    Up,
    /// It works in part.
    Degraded,
    /// It does not work.
    Down,
}

#[derive(Clone, Serialize)]
struct Error {
    number: u64,
    at: String,
    code: String,
    message: String,
}

/// The application.
pub(super) struct Application {
    inner: Mutex<Inner>,
}

struct Inner {
    state: State,
    since: String,
    feed: VecDeque<Error>,
    last: u64,
}

impl Default for Application {
    fn default() -> Self {
        let inner = Inner { state: State::Up, since: now(), feed: VecDeque::new(), last: 0 };
        Application { inner: Mutex::new(inner) }
    }
}

impl Application {
    pub(super) fn set(&self, state: State) {
        let mut inner = locked(&self.inner);
        if inner.state != state {
            inner.state = state;
            inner.since = now();
        }
    }

    /// Adds an error to the feed.
    pub(super) fn report(&self, code: &str, message: &str) {
        let mut inner = locked(&self.inner);
        inner.last += 1;
        let error =
            Error { number: inner.last, at: now(), code: code.to_owned(), message: message.to_owned() };
        if inner.feed.len() == FEED {
            inner.feed.pop_front();
        }
        inner.feed.push_back(error);
    }

    pub(super) fn clear(&self) {
        let mut inner = locked(&self.inner);
        inner.state = State::Up;
        inner.since = now();
        inner.feed.clear();
    }

    /// `GET /services/application/state`.
    pub(super) fn state(&self) -> Answer {
        let inner = locked(&self.inner);
        let body = json!({
            "state": inner.state,
            "since": inner.since,
            "errors": inner.feed.len(),
            "last_error": inner.feed.back(),
        });
        Answer::json(StatusCode::OK, &body)
    }

    /// `GET /services/application/errors?after=NUMBER`.
    pub(super) fn errors(&self, after: u64) -> Answer {
        let inner = locked(&self.inner);
        let errors: Vec<&Error> = inner.feed.iter().filter(|error| error.number > after).collect();
        Answer::json(StatusCode::OK, &json!({"errors": errors}))
    }
}

fn now() -> String {
    OffsetDateTime::from(SystemTime::now()).format(&Rfc3339).unwrap_or_default()
}
