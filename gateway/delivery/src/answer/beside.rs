//! What an upstream's answers say beside their results: other children of the body's child, and the action. It is part of the one
//! answer as far as all calls say the same. A number is one call's own: where there are several calls it is left out, as what a count
//! of the route's has the name of always is.

use sekisho_journal::RowAnswer;

/// Where it is kept among the results of a call: behind those of every record.
pub(crate) const POSITION: u64 = u64::MAX;
/// From this row on stands what came behind the results.
const AFTER: u32 = 1 << 30;
/// The action's row.
const ACTION: u32 = u32::MAX;

/// What one answer says beside its results, or what all of them say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beside {
    /// Elements before the results, in their order.
    pub(crate) before: Vec<Vec<u8>>,
    /// Elements behind them.
    pub(crate) after: Vec<Vec<u8>>,
    /// `wsa:Action`.
    pub(crate) action: Option<String>,
}

impl Beside {
    /// As it is kept.
    pub(crate) fn rows(self) -> impl Iterator<Item = RowAnswer> {
        let row = |row, text| RowAnswer { position: POSITION, row, taken: false, text };
        let before = (0..).zip(self.before).map(move |(number, text)| row(number, text));
        let after = (AFTER..).zip(self.after).map(move |(number, text)| row(number, text));
        before.chain(after).chain(self.action.map(move |action| row(ACTION, action.into_bytes())))
    }

    /// As it was kept.
    pub(super) fn of(rows: Vec<RowAnswer>) -> Self {
        let mut beside = Self::default();
        for RowAnswer { row, text, .. } in rows {
            match row {
                ACTION => beside.action = String::from_utf8(text).ok(),
                AFTER.. => beside.after.push(text),
                _ => beside.before.push(text),
            }
        }
        beside
    }

    /// What both say.
    pub(super) fn and(mut self, other: &Self) -> Self {
        self.before.retain(|element| other.before.contains(element) && !is_number(element));
        self.after.retain(|element| other.after.contains(element) && !is_number(element));
        self.action = self.action.filter(|action| other.action.as_ref() == Some(action));
        self
    }

    /// Without elements of these names.
    pub(super) fn without(mut self, names: &[&str]) -> Self {
        let named = |element: &Vec<u8>| names.contains(&local_name(element));
        self.before.retain(|element| !named(element));
        self.after.retain(|element| !named(element));
        self
    }

    /// As it is sealed with an answer: what stands before, behind, and the action, each with its length.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let action = self.action.as_deref().unwrap_or_default().as_bytes();
        for part in [&self.before.concat()[..], &self.after.concat()[..], action] {
            // Far below: an answer's parts are capped where they are read.
            out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            out.extend_from_slice(part);
        }
    }

    /// As it was sealed; nothing where an earlier version has sealed the answer.
    pub(super) fn read(mut bytes: &[u8]) -> Self {
        let mut part = || {
            let (length, rest) = bytes.split_at_checked(4)?;
            let length = u32::from_be_bytes(length.try_into().ok()?);
            let (part, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            bytes = rest;
            Some(part.to_vec()).filter(|part| !part.is_empty())
        };
        let (before, after) = (part().into_iter().collect(), part().into_iter().collect());
        Self { before, after, action: part().and_then(|action| String::from_utf8(action).ok()) }
    }
}

/// Nothing but digits between its tags.
fn is_number(element: &[u8]) -> bool {
    let text = std::str::from_utf8(element).unwrap_or_default();
    let inside =
        text.split_once('>').and_then(|(_, rest)| rest.rsplit_once("</")).map(|(inside, _)| inside.trim());
    inside.is_some_and(|inside| !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_digit()))
}

fn local_name(element: &[u8]) -> &str {
    let text = std::str::from_utf8(element).unwrap_or_default();
    let tag = text.trim_start_matches('<').split([' ', '>', '/']).next().unwrap_or_default();
    tag.rsplit(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(before: &[&str], after: &[&str], action: Option<&str>) -> Beside {
        let bytes = |list: &[&str]| list.iter().map(|element| element.as_bytes().to_vec()).collect();
        Beside { before: bytes(before), after: bytes(after), action: action.map(str::to_owned) }
    }

    #[test]
    fn what_all_answers_say_is_left() {
        let one =
            said(&["<job>7</job>", "<state>ok</state>", "<n>10</n>"], &["<x:end a=\"1\"/>"], Some("urn:a"));
        let two = said(&["<state>ok</state>", "<n>10</n>"], &["<x:end a=\"1\"/>"], Some("urn:b"));
        assert_eq!(one.clone().and(&two), said(&["<state>ok</state>"], &["<x:end a=\"1\"/>"], None));
        assert_eq!(one.clone().and(&said(&[], &[], Some("urn:a"))), said(&[], &[], Some("urn:a")));
        let named = one.without(&["n", "end"]);
        assert_eq!(named, said(&["<job>7</job>", "<state>ok</state>"], &[], Some("urn:a")));
    }

    #[test]
    fn it_comes_back_as_it_was_kept_and_sealed() {
        let one = said(&["<a/>", "<b>x</b>"], &["<c/>"], Some("urn:a"));
        assert_eq!(Beside::of(one.clone().rows().collect()), one);
        let mut bytes = Vec::new();
        one.write(&mut bytes);
        assert_eq!(Beside::read(&bytes), said(&["<a/><b>x</b>"], &["<c/>"], Some("urn:a")));
        assert_eq!(Beside::read(&[]), Beside::default());
        assert_eq!(Beside::read(&bytes[..5]), Beside::default());
    }
}
