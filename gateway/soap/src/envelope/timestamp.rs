//! How long a message is good for, as its sender says in the header (WS-Security 1.1, section 10): `wsu:Timestamp`.

use std::time::Duration;

use sekisho_xml::Start;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Namespace of `wsu:Timestamp`.
const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

/// Longest text that is taken for a time, in bytes.
const MOST_TEXT: usize = 64;

/// From when to when a message is good, by its sender's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// `wsu:Created`.
    pub created: Option<OffsetDateTime>,
    /// `wsu:Expires`.
    pub expires: OffsetDateTime,
}

impl Lifetime {
    /// What is left of it for a message that has just arrived, when our clock shows `now`. With `wsu:Created` both times are by the
    /// sender's clock, so that it does not matter how far that is from ours: all of the time between them is left, as if the message
    /// had been on its way for no time. Without, our clock is taken for the sender's.
    pub fn left(&self, now: OffsetDateTime) -> Duration {
        let left = self.expires - self.created.unwrap_or(now);
        Duration::try_from(left).unwrap_or(Duration::ZERO)
    }
}

/// Looks for the times of the first timestamp in a header.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// Depth of the timestamp that is open.
    timestamp: Option<usize>,
    /// It was read.
    passed: bool,
    /// Depth of a time in it, and whether it is the end.
    time: Option<(usize, bool)>,
    text: String,
    created: Option<OffsetDateTime>,
    expires: Option<OffsetDateTime>,
}

impl Times {
    /// Each start tag, which is at that depth.
    pub(super) fn start(&mut self, start: &Start<'_>, depth: usize) {
        if self.passed || start.namespace() != WSU {
            return;
        }
        match (self.timestamp, start.local()) {
            (None, "Timestamp") => self.timestamp = Some(depth),
            (Some(around), name @ ("Created" | "Expires")) if depth == around + 1 => {
                self.time = Some((depth, name == "Expires"));
                self.text.clear();
            }
            _ => {}
        }
    }

    /// Each piece of character data.
    pub(super) fn text(&mut self, piece: &str) {
        if self.time.is_some() && self.text.len() + piece.len() <= MOST_TEXT {
            self.text.push_str(piece);
        }
    }

    /// Each end tag, behind which the reader is at that depth.
    pub(super) fn end(&mut self, depth: usize) {
        if let Some((_, is_end)) = self.time.take_if(|(at, _)| *at > depth) {
            let time = moment(self.text.trim_ascii());
            *if is_end { &mut self.expires } else { &mut self.created } = time;
        }
        if self.timestamp.is_some_and(|at| at > depth) {
            (self.timestamp, self.passed) = (None, true);
        }
    }

    /// The lifetime; none where the message does not say when it ends, or not in a form that can be read.
    pub(super) fn lifetime(&self) -> Option<Lifetime> {
        Some(Lifetime { created: self.created, expires: self.expires? })
    }
}

/// An `xs:dateTime`; without a time zone it is in UTC, as the standard wants all of them.
fn moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339))
        .ok()
}
