//! Cells that are expected to be like those of the records before: checked and made canonical in one pass.
//!
//! Most cells of most records are one character or none. Eight such cells side by side are compared at once.

use std::sync::Arc;

use sekisho_xml::expect::Value;

use crate::canonical::Form;
use crate::layout::{FieldId, Layout, LevelId};
use crate::record::Record;

use super::RecordChecker;
use super::recent::pack;

/// Cells that are compared at once.
const ABREAST: usize = 8;

/// How the cells of a line are to be taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CellRules<'a> {
    /// The byte between cells.
    pub(crate) delimiter: u8,
    /// Whether a cell with nothing in it is an absent field.
    pub(crate) empty_is_absent: bool,
    /// The text of a cell that stands for nil.
    pub(crate) nil: Option<&'a str>,
    /// Greatest size of a cell.
    pub(crate) max_bytes: usize,
}

impl CellRules<'_> {
    /// Characters that are no value of their own in a line without quotes, though they may be one inside quotes.
    fn not_values(&self) -> Singles {
        let nil = match self.nil.map(str::as_bytes) {
            Some(&[nil @ 0..0x80]) => 1 << nil,
            _ => 0,
        };
        nil | 1 << self.delimiter
    }
}

/// Single characters that a field was found to take as they are: a bit for each of ASCII.
type Singles = u128;

/// What is known of the cells of a record's own level.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// For each field.
    singles: Vec<Singles>,
    /// The fields of the columns that `abreast` is for.
    columns: Vec<FieldId>,
    not_values: Singles,
    /// For each column at which [`ABREAST`] neighbours begin, two characters that all of them take.
    abreast: Vec<Option<[u8; 2]>>,
    present: Present,
}

/// Which fields are present: a bit each.
#[derive(Debug, Default)]
struct Present {
    words: Vec<u64>,
    /// The last such set that was known to be valid, which most records share.
    valid: Vec<u64>,
}

impl Present {
    fn start(&mut self, fields: usize) {
        self.words.clear();
        // One more, so that the bits of neighbours can be set without a look at where they end.
        self.words.resize(fields / 64 + 2, 0);
    }

    #[inline]
    fn add(&mut self, field: FieldId) {
        self.words[usize::from(field.0) / 64] |= 1 << (field.0 % 64);
    }

    #[inline]
    fn add_abreast(&mut self, first: FieldId) {
        let (word, bit) = (usize::from(first.0) / 64, first.0 % 64);
        let bits = 0xFF_u128 << bit;
        self.words[word] |= bits as u64;
        self.words[word + 1] |= (bits >> 64) as u64;
    }

    fn fields(&self) -> impl Iterator<Item = FieldId> {
        let in_word = |(at, &word): (usize, &u64)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| FieldId((at * 64 + bit) as u16))
        };
        self.words.iter().enumerate().flat_map(in_word)
    }
}

impl Known {
    pub(super) fn new(fields: usize) -> Self {
        Known { singles: vec![0; fields], ..Known::default() }
    }

    /// Remembers that a field takes a text as it is, if it is one character.
    pub(super) fn remember(&mut self, field: FieldId, text: &[u8]) {
        let [single @ 0..0x80] = *text else { return };
        let singles = &mut self.singles[usize::from(field.0)];
        if *singles >> single & 1 == 0 {
            *singles |= 1 << single;
            self.columns.clear();
        }
    }

    /// Makes what is known ready for these columns.
    fn prepare(&mut self, columns: &[FieldId], not_values: Singles) {
        if self.columns == columns && self.not_values == not_values {
            return;
        }
        self.columns.clear();
        self.columns.extend_from_slice(columns);
        self.not_values = not_values;
        self.abreast.clear();
        let neighbours = columns.windows(ABREAST).map(|fields| {
            if fields.windows(2).any(|pair| pair[0].0 + 1 != pair[1].0) {
                return None;
            }
            let all = |taken: Singles, field: &FieldId| taken & self.singles[usize::from(field.0)];
            let taken = fields.iter().fold(!not_values, all);
            let first = taken.trailing_zeros() as u8;
            (taken != 0).then(|| match taken & (taken - 1) {
                0 => [first; 2],
                others => [first, others.trailing_zeros() as u8],
            })
        });
        self.abreast.extend(neighbours);
    }
}

impl RecordChecker {
    /// Takes a line without quotes as a record of a flat layout, if everything in it is as in records before: cells of
    /// values that their fields are known to take as they are (or that the schema says so of, at once), in a set of
    /// fields that is known to be valid.
    ///
    /// `true` means that the record is valid and holds its canonical form; `false` that nothing is known, and that the
    /// record is as it was. `line` ends with `\n`; `columns` are in the order of the layout.
    pub(crate) fn takes_line(
        &mut self,
        line: &[u8],
        columns: &[FieldId],
        rules: CellRules<'_>,
        record: &mut Record,
    ) -> bool {
        let mut known = std::mem::take(&mut self.known);
        known.prepare(columns, rules.not_values());
        known.present.start(self.layout.fields().len());
        let mut bytes = record.take_known();
        let mut form = Form::new(&mut bytes, line.len());
        let taken = self.cells(line, columns, rules, &mut known, &mut form).is_some();
        let length = form.end();
        let valid = taken && self.knows(&mut known.present);
        record.set_known(bytes, valid.then_some(length));
        if valid && let Some(origin) = record.origin_mut() {
            origin.of_line(columns);
        }
        self.known = known;
        valid
    }

    /// Takes values of a flat layout, given as places in `text` in the order of the layout, as a record: as
    /// [`RecordChecker::takes_line`] does.
    pub(crate) fn takes_values(
        &mut self,
        text: &str,
        values: &[Value<FieldId>],
        max_bytes: usize,
        record: &mut Record,
    ) -> bool {
        let mut known = std::mem::take(&mut self.known);
        known.present.start(self.layout.fields().len());
        let mut bytes = record.take_known();
        let mut form = Form::new(&mut bytes, text.len());
        let layout = Arc::clone(&self.layout);
        let mut next = 0;
        let taken = values.iter().all(|value| {
            let (field, value) = (value.label, &text.as_bytes()[value.start..value.end]);
            let in_order = field.0 >= next;
            next = field.0 + 1;
            let single = match *value {
                [single @ 0..0x80] => known.singles[usize::from(field.0)] >> single & 1 == 1,
                _ => false,
            };
            let good = in_order
                && (single || value.len() <= max_bytes && self.takes_cell(value, field, &layout, &mut known));
            if good {
                form.text(field, value);
                known.present.add(field);
            }
            good
        });
        let length = form.end();
        let valid = taken && self.knows(&mut known.present);
        record.set_known(bytes, valid.then_some(length));
        if valid && let Some(origin) = record.origin_mut() {
            origin.of_text(text, values);
        }
        self.known = known;
        valid
    }

    /// Takes the cells of a line; nothing when one is not as expected.
    fn cells(
        &mut self,
        line: &[u8],
        columns: &[FieldId],
        rules: CellRules<'_>,
        known: &mut Known,
        form: &mut Form<'_>,
    ) -> Option<()> {
        let layout = Arc::clone(&self.layout);
        let (&last, others) = columns.split_last()?;
        let delimiters = [rules.delimiter; ABREAST];
        let mut rest = line;
        let mut column = 0;
        while let Some(&field) = others.get(column) {
            if column + ABREAST <= others.len() {
                if let Some(taken) = known.abreast[column]
                    && let Some((cells, behind)) = rest.split_first_chunk()
                    && are_singles(cells, taken, rules.delimiter)
                {
                    form.abreast(field, cells);
                    known.present.add_abreast(field);
                    (rest, column) = (behind, column + ABREAST);
                    continue;
                }
                if rules.empty_is_absent
                    && let Some(behind) = rest.strip_prefix(&delimiters)
                {
                    (rest, column) = (behind, column + ABREAST);
                    continue;
                }
            }
            let singles = known.singles[usize::from(field.0)] & !known.not_values;
            rest = match *rest {
                [end, ref behind @ ..] if end == rules.delimiter && rules.empty_is_absent => behind,
                [single @ 0..0x80, end, ref behind @ ..]
                    if end == rules.delimiter && singles >> single & 1 == 1 =>
                {
                    form.text(field, &[single]);
                    known.present.add(field);
                    behind
                }
                _ => self.cell(rest, rules.delimiter, field, rules, &layout, known, form)?,
            };
            column += 1;
        }
        rest = self.cell(rest, b'\n', last, rules, &layout, known, form)?;
        rest.is_empty().then_some(())
    }

    /// Takes any one cell, up to `end`; the line behind it, or nothing when the cell is not as expected.
    #[allow(clippy::too_many_arguments)] // the state of one loop
    fn cell<'l>(
        &mut self,
        line: &'l [u8],
        end: u8,
        field: FieldId,
        rules: CellRules<'_>,
        layout: &Layout,
        known: &mut Known,
        form: &mut Form<'_>,
    ) -> Option<&'l [u8]> {
        let (cell, rest) = line.split_at(memchr::memchr2(end, rules.delimiter, line)?);
        // The end of the line where a delimiter should be, or the other way round: not as many cells as columns.
        let rest = rest.strip_prefix(&[end])?;
        if cell.is_empty() && rules.empty_is_absent {
            return Some(rest);
        }
        if cell.len() > rules.max_bytes || rules.nil.is_some_and(|nil| nil.as_bytes() == cell) {
            return None;
        }
        self.takes_cell(cell, field, layout, known).then(|| {
            form.text(field, cell);
            known.present.add(field);
            rest
        })
    }

    /// Whether the field takes the cell as it is.
    fn takes_cell(&mut self, cell: &[u8], field: FieldId, layout: &Layout, known: &mut Known) -> bool {
        let Ok(text) = std::str::from_utf8(cell) else { return false };
        let packed = pack(text);
        let recent = &mut self.recent[0][usize::from(field.0)];
        if packed.is_some_and(|packed| recent.contains(packed)) {
            return true;
        }
        let described = layout.level(LevelId::RECORD).field(field);
        if super::suspicious(text) || !super::is_normal(text, described) || !self.accepts(text, described) {
            return false;
        }
        if let Some(packed) = packed {
            self.recent[0][usize::from(field.0)].insert(packed);
        }
        known.remember(field, cell);
        true
    }

    /// Whether the set of fields is one of a valid record.
    fn knows(&mut self, present: &mut Present) -> bool {
        if present.words == present.valid {
            return true;
        }
        let known = self.shapes.knows_flat(present.fields(), self.layout.fields().len());
        if known {
            present.valid.clone_from(&present.words);
        }
        known
    }
}

/// Whether these are cells of one character, each one of the two. Without a branch, so that it is done in wide steps.
#[inline]
fn are_singles(cells: &[u8; 2 * ABREAST], taken: [u8; 2], delimiter: u8) -> bool {
    let (pairs, _) = cells.as_chunks::<2>();
    pairs.iter().fold(true, |good, &[single, end]| {
        good & ((single == taken[0]) | (single == taken[1])) & (end == delimiter)
    })
}
