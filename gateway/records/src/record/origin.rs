//! Where the values of a record stand that was read and checked in one pass.

use sekisho_xml::expect::Value;

use crate::canonical::Item;
use crate::layout::{FieldId, Layout};
use crate::record::{Place, Record};

/// What places are found by later, if anybody wants to know one: most records are never asked.
#[derive(Debug, Default)]
pub(crate) struct Origin {
    /// The fields of the columns, of a line of CSV whose cells are the values themselves.
    columns: Vec<FieldId>,
    /// The record as it was written in XML, up to its last value.
    text: String,
    /// Where in it each value starts, in the order of the layout.
    starts: Vec<u32>,
    is_line: bool,
}

impl Origin {
    /// The record is a line of CSV without quotes, whose columns are in the order of the layout.
    pub(crate) fn of_line(&mut self, columns: &[FieldId]) {
        self.is_line = true;
        if self.columns != columns {
            self.columns.clear();
            self.columns.extend_from_slice(columns);
        }
    }

    /// The record is an XML element that `text` begins with.
    pub(crate) fn of_text(&mut self, text: &str, values: &[Value<FieldId>]) {
        self.is_line = false;
        let end = values.last().map_or(0, |value| value.end);
        self.text.clear();
        self.text.push_str(text.get(..end).unwrap_or_default());
        self.starts.clear();
        // A record has less than 1 GiB.
        self.starts.extend(values.iter().map(|value| value.start as u32));
    }
}

impl Record {
    /// A record that knows where each of its fields stands, by whatever way it is read; without this, one that is read
    /// and checked in one pass knows its own place only.
    #[must_use]
    pub fn with_places(mut self) -> Record {
        self.origin = Some(Origin::default());
        self
    }

    pub(crate) fn origin_mut(&mut self) -> Option<&mut Origin> {
        self.origin.as_mut()
    }

    /// Where an item of the record's canonical form stands; `item` is its number among [`crate::canonical::Items`], from
    /// 0. The place of the record where nothing more is known (see [`Record::with_places`]).
    pub fn place_of_item(&self, item: usize) -> Place {
        match (self.known_form(), &self.origin) {
            (None, _) => self.entries.get(item).map_or(self.place(), |entry| self.place_of(entry)),
            (Some(form), Some(origin)) if origin.is_line => self.place_in_line(form, origin, item),
            (Some(_), Some(origin)) => self.place_in_text(origin, item),
            (Some(_), None) => self.place(),
        }
    }

    /// Where a top-level field would stand that is absent; the place of the record where it has none.
    pub fn place_without(&self, field: FieldId) -> Place {
        self.place_of_blank(field).unwrap_or(self.place())
    }

    /// The names and numbers of the record, of the groups around an item of its canonical form, and of the field that
    /// the item is. Without an item, of the record and a field of its own.
    pub fn path_of_item(&self, layout: &Layout, item: Option<usize>, field: &str) -> String {
        let upto = item.unwrap_or(0).min(self.entries.len());
        self.path(upto, layout, Some(field))
    }

    /// Cells stand one after the other with a delimiter between, and are their values.
    fn place_in_line(&self, form: &[u8], origin: &Origin, item: usize) -> Place {
        let (mut place, mut field) = (self.place(), None);
        for found in crate::canonical::CanonicalRecord::trusted(form).items().take(item + 1) {
            if let Some((_, before)) = field {
                let before: &str = before;
                place.column += before.chars().count() as u64;
                place.byte += before.len() as u64;
            }
            field = match found {
                Item::Value(field, crate::Value::Text(text)) => Some((field, text)),
                _ => None,
            };
        }
        let delimiters =
            field.and_then(|(field, _)| origin.columns.iter().position(|&column| column == field));
        let delimiters = delimiters.unwrap_or(0) as u64;
        Place { line: place.line, column: place.column + delimiters, byte: place.byte + delimiters }
    }

    /// A field stands where the tag before its value begins.
    fn place_in_text(&self, origin: &Origin, item: usize) -> Place {
        let start = origin.starts.get(item).map_or(0, |&start| start as usize);
        let before = origin.text.get(..start).unwrap_or_default();
        let before = &before[..before.rfind('<').unwrap_or(0)];
        let place = self.place();
        let byte = place.byte + before.len() as u64;
        match before.rfind('\n') {
            None => Place { column: place.column + before.chars().count() as u64, byte, ..place },
            Some(last) => Place {
                line: place.line + before.matches('\n').count() as u64,
                column: before[last + 1..].chars().count() as u64 + 1,
                byte,
            },
        }
    }

    /// The values that are in the record, groups and their ends among them: as many as the canonical form has items.
    #[cfg(test)]
    pub(crate) fn places(&self) -> Vec<Place> {
        let mut form = Vec::new();
        let items = self.canonical_in(&mut form).items().count();
        (0..items).map(|item| self.place_of_item(item)).collect()
    }
}
