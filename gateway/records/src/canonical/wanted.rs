//! A way through a canonical record for those who want to see some of its items only.

use super::{CanonicalRecord, Item, SHORT, SKIP, Walk};
use crate::record::Value;

/// Items of one character that are passed over at once.
const ABREAST: usize = 8;

/// Which items of a record's own level are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// For each field, the fewest bytes of a text that is wanted: with 0 any value is, and nil too.
    least: Vec<u8>,
    /// For each field, whether it and the next seven want no text of one byte.
    abreast: Vec<bool>,
}

impl Wanted {
    /// Of each field, in the order of the layout, texts with as many bytes as this and more; with 0 any value, and nil
    /// too. Whatever is inside a group is wanted.
    pub fn new(least: Vec<u8>) -> Wanted {
        let abreast = (0..least.len())
            .map(|field| {
                least.get(field..field + ABREAST).is_some_and(|fields| fields.iter().all(|&least| least > 1))
            })
            .collect();
        Wanted { least, abreast }
    }

    fn least(&self, field: usize) -> u8 {
        self.least.get(field).copied().unwrap_or(0)
    }
}

/// The wanted items of a record, each with its number among all of them.
#[derive(Debug)]
pub struct Picked<'a, 'w> {
    walk: Walk<'a>,
    wanted: &'w Wanted,
    number: usize,
}

impl<'a> CanonicalRecord<'a> {
    /// The items that are wanted, in layout order, each with its number among all items, from 0.
    pub fn pick<'w>(&self, wanted: &'w Wanted) -> Picked<'a, 'w> {
        Picked { walk: Walk::new(self.0), wanted, number: 0 }
    }
}

impl Picked<'_, '_> {
    /// Passes over short texts that are not wanted, without looking at them as items. Meant for bytes that are known to
    /// be a canonical record.
    #[inline]
    fn pass(&mut self) {
        let walk = &mut self.walk;
        let mut cursor = walk.cursors[0] as usize;
        while let Some(&code) = walk.bytes.get(walk.at) {
            let rest = &walk.bytes[walk.at..];
            if self.wanted.abreast.get(cursor) == Some(&true) && rest.first_chunk().is_some_and(are_singles) {
                walk.at += 2 * ABREAST;
                cursor += ABREAST;
                self.number += ABREAST;
            } else if code <= SHORT && code < self.wanted.least(cursor) {
                walk.at += 1 + usize::from(code);
                cursor += 1;
                self.number += 1;
            } else if let [SKIP, fields @ 1..0x80, text @ 0..=SHORT, ..] = *rest
                && text < self.wanted.least(cursor + usize::from(fields))
            {
                // Absent fields before a text that is not wanted either.
                walk.at += 2;
                cursor += usize::from(fields);
            } else {
                break;
            }
        }
        walk.cursors[0] = cursor as u32;
    }
}

impl<'a> Iterator for Picked<'a, '_> {
    type Item = (usize, Item<'a>);

    fn next(&mut self) -> Option<(usize, Item<'a>)> {
        loop {
            if self.walk.depth == 0 && !self.walk.after_group {
                self.pass();
            }
            let depth = self.walk.depth;
            let item = self.walk.step().ok().flatten()?;
            let number = self.number;
            self.number += 1;
            let unwanted = |field: u16, length: usize| {
                depth == 0 && length < usize::from(self.wanted.least(usize::from(field)))
            };
            match item {
                Item::Value(field, Value::Text(text)) if unwanted(field.0, text.len()) => {}
                Item::Value(field, Value::Nil) if unwanted(field.0, 0) => {}
                item => return Some((number, item)),
            }
        }
    }
}

/// Whether these are eight texts of one byte. Without a branch, so that it is done in wide steps.
#[inline]
fn are_singles(items: &[u8; 2 * ABREAST]) -> bool {
    let (pairs, _) = items.as_chunks::<2>();
    pairs.iter().fold(true, |good, [length, _]| good & (*length == 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::Writer;
    use crate::layout::FieldId;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_picked_is_what_is_wanted_of_all_items(
            fields in proptest::collection::vec((0_u16..3, 0_usize..140, 0_u8..4), 0..60),
            least in proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(2), Just(6), Just(255)], 80),
        ) {
            let mut form = Vec::new();
            let mut writer = Writer::new(&mut form);
            let mut field = 0;
            for (gap, length, kind) in fields {
                field += gap;
                match kind {
                    0 => writer.nil(FieldId(field)),
                    1 => writer.text(FieldId(field), &vec![b'x'; length]),
                    _ => writer.text(FieldId(field), b"1"),
                }
                field += 1;
            }
            writer.end();
            let record = CanonicalRecord::new(&form).unwrap();
            let wants = |item: &Item<'_>| match *item {
                Item::Value(field, value) => {
                    let least = least.get(usize::from(field.0)).copied().unwrap_or(0);
                    let length = if let Value::Text(text) = value { text.len() } else { 0 };
                    length >= usize::from(least)
                }
                Item::Open(_) | Item::Close => true,
            };
            let expected: Vec<_> = record.items().enumerate().filter(|(_, item)| wants(item)).collect();
            let wanted = Wanted::new(least.clone());
            let picked: Vec<_> = record.pick(&wanted).collect();
            prop_assert_eq!(picked, expected);
        }
    }
}
