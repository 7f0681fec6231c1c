//! Elements that are expected to be written like those before them.
//!
//! The records of one batch come from one program: between the values they have the same bytes. An [`Expectation`]
//! learns those bytes from elements that a [`crate::Reader`] has read, and finds out whether the text ahead is
//! another such element by comparing, without reading it as XML again. Equal bytes in the same place mean the same
//! tags, names, namespaces and nesting; what lies between is a value only if it has no markup in it.

use std::ops::Range;

/// Bytes of tags and white space that are kept.
const MAX_BYTES: usize = 256 * 1024;
/// Ways on from one place that are kept.
const MAX_WAYS: usize = 16;

/// A value in the text ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<L> {
    /// What whoever taught the expectation called it.
    pub label: L,
    /// Its first byte, from the beginning of the text ahead.
    pub start: usize,
    /// The byte behind its last.
    pub end: usize,
    /// Which of the known ways led to it: a walk through an element is the ways to its values and to its end.
    pub way: WayId,
}

/// The bytes between two values, told apart: never used twice by one expectation, even for bytes that were forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WayId(u32);

/// An element that was followed to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Followed {
    /// How many bytes it has.
    pub length: usize,
    /// The way from its last value to its end.
    pub end: WayId,
}

/// What is known of how elements are written: the values that they have, and the bytes between.
///
/// Holds at most 256 KiB of such bytes; when more are learnt, the older ones are forgotten.
#[derive(Debug)]
pub struct Expectation<L> {
    places: Vec<Place<L>>,
    bytes: usize,
    /// Ways learnt so far, forgotten ones too.
    ways: u32,
}

/// Where a walk through an element can be: before it, or behind one of its values.
#[derive(Debug)]
struct Place<L> {
    /// Of the value; the first place has none.
    label: Option<L>,
    /// The names of the open elements as written, each behind a `<`, and whether the last was an empty-element tag: two
    /// values of one label are in one place only if what has to be closed behind them is the same.
    path: Box<[u8]>,
    /// In the order in which they are tried; none before one that begins with its bytes.
    ways: Vec<Way>,
}

/// The bytes from one place to the next.
#[derive(Debug)]
struct Way {
    id: WayId,
    bytes: Box<[u8]>,
    to: To,
}

#[derive(Clone, Copy, Debug)]
enum To {
    /// A value, and then its place.
    Value(usize),
    /// An empty-element tag, whose value is empty, and its place.
    Empty(usize),
    /// The end of the element.
    End,
}

impl<L: Copy + PartialEq> Default for Expectation<L> {
    fn default() -> Self {
        Expectation { places: Vec::new(), bytes: 0, ways: 0 }
    }
}

impl<L: Copy + PartialEq> Expectation<L> {
    /// Whether nothing has been learnt.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Learns how an element is written. `text` is one that a reader has read from the `<` of its start to the `>` of
    /// its end, `labels` are for the elements without children in it, in order.
    ///
    /// Nothing is learnt from an element with comments, processing instructions, CDATA sections or references in it, or
    /// with another number of elements without children.
    pub fn learn(&mut self, text: &str, labels: &[L]) {
        if text.contains('&') || text.contains("<!") || text.contains("<?") {
            return;
        }
        let leaves = leaves(text);
        if leaves.len() != labels.len() {
            return;
        }
        // As many ways as there are numbers for would take terabytes of input, all of it new; nothing is learnt then.
        if self.ways > u32::MAX - MAX_BYTES as u32 || leaves.len() > MAX_BYTES {
            return;
        }
        if self.bytes + text.len() > MAX_BYTES {
            self.places.clear();
            self.bytes = 0;
        }
        if self.places.is_empty() {
            self.places.push(Place { label: None, path: Box::default(), ways: Vec::new() });
        }
        let (mut place, mut from) = (0, 0);
        for (leaf, &label) in leaves.iter().zip(labels) {
            let behind = self.place(label, &leaf.path, place);
            let to = if leaf.empty { To::Empty(behind) } else { To::Value(behind) };
            self.way(place, &text.as_bytes()[from..leaf.value.start], to);
            (place, from) = (behind, leaf.value.end);
        }
        self.way(place, &text.as_bytes()[from..], To::End);
    }

    /// The place of a value; most come in the order in which they came before, each behind the place of the last.
    fn place(&mut self, label: L, path: &[u8], last: usize) -> usize {
        let same = |at: &usize| self.places[*at].label == Some(label) && *self.places[*at].path == *path;
        let known = (last + 1..self.places.len()).chain(0..=last).find(same);
        known.unwrap_or_else(|| {
            self.bytes += path.len();
            self.places.push(Place { label: Some(label), path: path.into(), ways: Vec::new() });
            self.places.len() - 1
        })
    }

    fn way(&mut self, from: usize, bytes: &[u8], to: To) {
        let ways = &mut self.places[from].ways;
        if ways.iter().any(|way| *way.bytes == *bytes) {
            return;
        }
        if ways.len() == MAX_WAYS
            && let Some(oldest) = (0..ways.len()).min_by_key(|at| ways[*at].id.0)
        {
            ways.remove(oldest);
        }
        self.bytes += bytes.len();
        let id = WayId(self.ways);
        self.ways += 1;
        // The newest first, but behind those that go on where it ends: what they go on with is a child, not a value.
        let longer = ways.iter().rposition(|way| way.bytes.starts_with(bytes));
        ways.insert(longer.map_or(0, |at| at + 1), Way { id, bytes: bytes.into(), to });
    }

    /// Follows what is known through `text`; the element's length and its `values`, when `text` begins with one
    /// that is written as expected, with values that have neither markup nor references nor carriage returns in them.
    ///
    /// `text` must be XML characters; its element must be where the ones that were learnt from were, with the same
    /// namespaces in scope.
    pub fn follow(&self, text: &str, values: &mut Vec<Value<L>>) -> Option<Followed> {
        values.clear();
        let text = text.as_bytes();
        let mut place = self.places.first()?;
        let mut at = 0;
        loop {
            let rest = &text[at..];
            let way = place.ways.iter().find(|way| rest.starts_with(&way.bytes))?;
            at += way.bytes.len();
            let (behind, end) = match way.to {
                To::Value(behind) => (behind, at + length(&text[at..])?),
                To::Empty(behind) => (behind, at),
                To::End => return Some(Followed { length: at, end: way.id }),
            };
            place = &self.places[behind];
            // Every place but the first has a label.
            values.push(Value { label: place.label?, start: at, end, way: way.id });
            at = end;
        }
    }
}

/// Bytes up to the next `<`; nothing when there is none, or something before it that is not plain text.
#[inline]
fn length(text: &[u8]) -> Option<usize> {
    // One character or none: most values.
    match *text {
        [b'<', ..] => return Some(0),
        [first, b'<', ..] if !is_special(first) => return Some(1),
        _ => {}
    }
    let length = text.iter().position(|&byte| is_special(byte))?;
    (text[length] == b'<').then_some(length)
}

/// Whether plain text ends at this byte: markup, a reference, a line end that is changed, or what may be `]]>`.
#[inline]
fn is_special(byte: u8) -> bool {
    matches!(byte, b'<' | b'&' | b'\r' | b'>')
}

/// An element without children.
struct Leaf {
    /// Bytes of its text.
    value: Range<usize>,
    path: Box<[u8]>,
    empty: bool,
}

/// The elements without children of a well-formed element without comments and the like.
fn leaves(text: &str) -> Vec<Leaf> {
    let bytes = text.as_bytes();
    let mut leaves = Vec::new();
    let mut path = Vec::new();
    // Where the text of the innermost element begins, as long as it has no child.
    let mut begins = None;
    let mut at = 0;
    while let Some(open) = memchr::memchr(b'<', &bytes[at..]).map(|found| at + found) {
        let Some(close) = end_of_tag(bytes, open) else { break };
        let tag = &bytes[open + 1..close];
        if tag.starts_with(b"/") {
            if let Some(start) = begins.take() {
                leaves.push(Leaf { value: start..open, path: path.as_slice().into(), empty: false });
            }
            path.truncate(memchr::memrchr(b'<', &path).unwrap_or(0));
        } else {
            let name = tag.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'/'));
            let outside = path.len();
            path.push(b'<');
            path.extend_from_slice(&tag[..name.unwrap_or(tag.len())]);
            begins = Some(close + 1);
            if tag.ends_with(b"/") {
                begins = None;
                path.push(b'/');
                leaves.push(Leaf { value: close + 1..close + 1, path: path.as_slice().into(), empty: true });
                path.truncate(outside);
            }
        }
        at = close + 1;
    }
    leaves
}

/// The `>` of the tag that opens at `open`: one in an attribute's value is none.
fn end_of_tag(text: &[u8], open: usize) -> Option<usize> {
    let mut quote = None;
    for (at, &byte) in text.iter().enumerate().skip(open) {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
