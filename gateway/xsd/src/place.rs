//! Lines and columns of byte offsets.

/// Line and column, both from 1, of the byte offset `at`; the column counts characters.
pub(crate) fn line_and_column(text: &[u8], at: usize) -> (u64, u64) {
    let before = &text[..at.min(text.len())];
    let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    let line = before.iter().filter(|&&b| b == b'\n').count() as u64 + 1;
    (line, 1 + characters(&before[line_start..]))
}

/// Lines and columns of byte offsets that come in their order: the text is looked at once, however many are asked for.
pub(crate) struct Places<'t> {
    /// What is behind the last offset.
    rest: &'t [u8],
    at: usize,
    place: (u64, u64),
}

impl<'t> Places<'t> {
    pub(crate) fn new(text: &'t [u8]) -> Self {
        Places { rest: text, at: 0, place: (1, 1) }
    }

    /// As [`line_and_column`]; an offset before the last one is taken as the last one.
    pub(crate) fn next(&mut self, at: usize) -> (u64, u64) {
        let (passed, rest) = self.rest.split_at(at.saturating_sub(self.at).min(self.rest.len()));
        let (line, column) = line_and_column(passed, passed.len());
        // On the line of the last offset the columns before it count too.
        let before = if line == 1 { self.place.1 - 1 } else { 0 };
        self.place = (self.place.0 + line - 1, before + column);
        self.at += passed.len();
        self.rest = rest;
        self.place
    }
}

fn characters(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&b| b & 0xC0 != 0x80).count() as u64
}

#[cfg(test)]
mod tests {
    use super::{Places, line_and_column};

    #[test]
    fn places_in_their_order_are_those_of_each_alone() {
        let text = "<a>\n\n 漢字<b/>é<c\r\n/>\n".as_bytes();
        for step in 1..=text.len() {
            let mut places = Places::new(text);
            for at in (0..=text.len()).step_by(step) {
                assert_eq!(places.next(at), line_and_column(text, at), "{at} by {step}");
            }
            assert_eq!(places.next(text.len() + 9), line_and_column(text, text.len()));
        }
    }

    #[test]
    fn every_byte_is_passed_once() {
        let text = [b'x'; 64];
        let mut places = Places::new(&text);
        for at in 0..64 {
            places.next(at);
            assert_eq!(places.rest.len(), 64 - at);
        }
    }
}
