//! Canaries: values that cases send in their bodies, and that a gateway must not write anywhere: into no log, no metric, no ledger.
//!
//! A value is taken for one where it can hardly be there by chance: it has a digit, a capital letter or a letter beyond ASCII, and
//! at least five characters; or a case says of it that no answer may hold it. A short number is none: some count is the same. What
//! an answer gave out, a later request may name; and a client's reference for its batch is kept with the batch, as it asks for.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Characters that a value has at the least and at the most.
const LENGTH: std::ops::RangeInclusive<usize> = 5..=64;
/// Digits from which on a number is no count.
const LONG_NUMBER: usize = 9;
/// Values that are taken from one body.
const FROM_ONE: usize = 5_000;

/// The values of a run.
#[derive(Debug, Default)]
pub struct Canaries(Mutex<Found>);

#[derive(Debug, Default)]
struct Found {
    sent: BTreeSet<String>,
    /// What answers gave out, and what requests are addressed with.
    given: BTreeSet<String>,
}

impl Canaries {
    /// A request as it is sent: what its body holds counts, not its head.
    pub(super) fn request(&self, bytes: &[u8]) {
        let body = bytes.windows(4).position(|end| end == b"\r\n\r\n").map_or(&[][..], |at| &bytes[at + 4..]);
        let text = String::from_utf8_lossy(body);
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let references = text.split("reference>").skip(1).filter_map(|behind| behind.split('<').next());
        found.given.extend(references.flat_map(values).map(str::to_owned));
        found.sent.extend(values(&text).filter(|value| is_telling(value)).take(FROM_ONE).map(str::to_owned));
    }

    /// What no answer may hold, as a case has it.
    pub(super) fn never(&self, texts: &[String]) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.sent.extend(texts.iter().filter(|text| !text.contains('*')).cloned());
    }

    /// What may be written, because it is the gateway's own, or where requests go.
    pub(super) fn given<'g>(&self, texts: impl Iterator<Item = &'g String>) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.given.extend(texts.flat_map(|text| values(text).map(str::to_owned).collect::<Vec<_>>()));
    }

    /// The canaries: what was sent, and not given.
    pub fn list(&self) -> Vec<String> {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.sent.difference(&found.given).cloned().collect()
    }
}

/// The values in a text of whatever format: what stands between its marks.
pub fn values(text: &str) -> impl Iterator<Item = &str> {
    let is_mark = |c: char| c.is_whitespace() || c.is_control() || "<>\"'&;:,=(){}[]|\\".contains(c);
    text.split(is_mark).filter(|value| LENGTH.contains(&value.chars().count()))
}

fn is_telling(value: &str) -> bool {
    let is_count =
        value.len() < LONG_NUMBER && value.bytes().all(|b| b.is_ascii_digit() || b"./+-".contains(&b));
    // What is no UTF-8 has no value that could be looked for.
    if is_count || value.contains(char::REPLACEMENT_CHARACTER) {
        return false;
    }
    value.chars().any(|c| c.is_ascii_digit() || c.is_uppercase() || !c.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_from_bodies_and_what_was_given_out_is_none() {
        let canaries = Canaries::default();
        canaries.request(
            b"POST / HTTP/1.1\r\nX: Header1\r\n\r\n<name>Kanari</name>,\"Taro Yamada\",order,abc-12345,123456,<x:reference>B-0001</x:reference>",
        );
        canaries.never(&["a-lot-of-money".to_owned(), "a*b".to_owned()]);
        canaries.given([&"/x/abc-12345".to_owned(), &"abc-12345".to_owned()].into_iter());
        assert_eq!(canaries.list(), ["Kanari", "Yamada", "a-lot-of-money"]);
    }
}
