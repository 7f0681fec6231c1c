//! Rows of numbers of which each differs little from the one before: places in a document, above all.

/// Rows that begin anew, so that no other is needed to read them.
const STRIDE: usize = 64;
/// Rows of a piece. No piece is moved when there are more.
const ROWS: usize = 4096;

/// Rows of numbers, one behind the other, in few bytes each.
///
/// Line, column and byte of a hundred thousand elements are not held in eight bytes each: of every number only what it
/// differs by from the one above it is kept, in as many bytes as that has sevens of bits. Any row can be read, for the
/// price of 64. Nothing is ever taken out but all of it.
///
/// ```
/// let mut trail = sekisho_xml::Trail::default();
/// trail.push(&[1, 1, 0]);
/// trail.push(&[1, 8, 7]);
/// assert_eq!(trail.row(1), Some(vec![1, 8, 7]));
/// assert_eq!(trail.count_while(|row| row[2] < 7), 1);
/// ```
#[derive(Debug, Default)]
pub struct Trail {
    pieces: Vec<Piece>,
    len: usize,
    held: usize,
    /// The row that came last.
    last: Vec<u64>,
}

#[derive(Debug, Default)]
struct Piece {
    bytes: Vec<u8>,
    /// Where in them every 64th row is.
    marks: Vec<u32>,
}

impl Trail {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes that all rows take.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        *self = Trail::default();
    }

    /// Appends a row, of any number of numbers, and says which it is.
    pub fn push(&mut self, row: &[u64]) -> usize {
        let at = self.len % ROWS;
        if at == 0 {
            self.pieces.push(Piece::default());
        }
        // There is one: the first row of a piece has made it.
        let Some(piece) = self.pieces.last_mut() else { return self.len };
        let before = piece.held();
        if at.is_multiple_of(STRIDE) {
            // Four thousand rows of few numbers are far from 4 GiB.
            piece.marks.push(u32::try_from(piece.bytes.len()).unwrap_or(u32::MAX));
            self.last.clear();
        }
        write(&mut piece.bytes, row.len() as u64);
        for (index, &number) in row.iter().enumerate() {
            let above = self.last.get(index).copied().unwrap_or(0);
            write(&mut piece.bytes, folded(number.wrapping_sub(above)));
        }
        if at + 1 == ROWS {
            piece.bytes.shrink_to_fit();
        }
        self.held = self.held - before + piece.held();
        self.last.clear();
        self.last.extend_from_slice(row);
        self.len += 1;
        self.len - 1
    }

    /// A row; `None` when there are not so many.
    pub fn row(&self, at: usize) -> Option<Vec<u64>> {
        if at >= self.len {
            return None;
        }
        let mut rows = self.rows_from(at - at % STRIDE);
        for _ in 0..at % STRIDE {
            rows.next();
        }
        rows.next().map(<[u64]>::to_vec)
    }

    /// All rows, in order.
    pub fn rows(&self) -> Rows<'_> {
        self.rows_from(0)
    }

    /// How many rows come before the first of which this does not hold, where it holds of none behind that.
    pub fn count_while(&self, holds: impl Fn(&[u64]) -> bool) -> usize {
        let strides = self.len.div_ceil(STRIDE);
        let (mut low, mut high) = (0, strides);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.rows_from(middle * STRIDE).next().is_some_and(&holds) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        // In the stride before the first one that begins with a row of which it does not hold.
        let Some(stride) = low.checked_sub(1) else { return 0 };
        let mut count = stride * STRIDE;
        let mut rows = self.rows_from(count);
        while count < self.len.min(low * STRIDE) && rows.next().is_some_and(&holds) {
            count += 1;
        }
        count
    }

    /// The rows from one on that begins anew.
    fn rows_from(&self, first: usize) -> Rows<'_> {
        Rows { trail: self, next: first, at: 0, row: Vec::new() }
    }
}

impl Piece {
    fn held(&self) -> usize {
        self.bytes.capacity() + self.marks.capacity() * size_of::<u32>()
    }
}

/// Rows in their order. Each is lent until the next one is asked for.
#[derive(Debug)]
pub struct Rows<'t> {
    trail: &'t Trail,
    next: usize,
    /// Where it is in its piece.
    at: usize,
    row: Vec<u64>,
}

impl Rows<'_> {
    /// The next row.
    #[expect(clippy::should_implement_trait, reason = "what it gives is lent, which no iterator can")]
    pub fn next(&mut self) -> Option<&[u64]> {
        if self.next >= self.trail.len {
            return None;
        }
        let piece = self.trail.pieces.get(self.next / ROWS)?;
        let within = self.next % ROWS;
        if within.is_multiple_of(STRIDE) {
            self.at = piece.marks.get(within / STRIDE).map_or(0, |&mark| mark as usize);
            self.row.clear();
        }
        let numbers = read(&piece.bytes, &mut self.at) as usize;
        self.row.resize(numbers, 0);
        for number in &mut self.row {
            *number = number.wrapping_add(unfolded(read(&piece.bytes, &mut self.at)));
        }
        self.next += 1;
        Some(&self.row)
    }
}

/// A difference, so that small ones are small numbers whichever way they go.
fn folded(difference: u64) -> u64 {
    difference << 1 ^ (difference.cast_signed() >> 63).cast_unsigned()
}

fn unfolded(number: u64) -> u64 {
    number >> 1 ^ (number & 1).wrapping_neg()
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn write(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7F {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read(bytes: &[u8], at: &mut usize) -> u64 {
    let (mut number, mut shift) = (0, 0);
    while let Some(&byte) = bytes.get(*at) {
        *at += 1;
        number |= u64::from(byte & 0x7F) << shift;
        shift += 7;
        if byte < 0x80 || shift > 63 {
            break;
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_are_what_was_pushed(
            rows in prop::collection::vec(prop::collection::vec(
                prop_oneof![0..200_u64, any::<u64>(), Just(u64::MAX)], 0..6), 0..300),
        ) {
            let mut trail = Trail::default();
            for (at, row) in rows.iter().enumerate() {
                prop_assert_eq!(trail.push(row), at);
            }
            prop_assert_eq!(trail.len(), rows.len());
            for (at, row) in rows.iter().enumerate() {
                prop_assert_eq!(&trail.row(at), &Some(row.clone()));
            }
            prop_assert_eq!(trail.row(rows.len()), None);
            let (mut all, mut given) = (Vec::new(), trail.rows());
            while let Some(row) = given.next() {
                all.push(row.to_vec());
            }
            prop_assert_eq!(all, rows);
        }

        #[test]
        fn rows_are_counted_up_to_any_bound(steps in prop::collection::vec(0..3_u64, 0..400), bound in 0..500_u64) {
            let mut trail = Trail::default();
            let (mut sum, mut below) = (0, 0);
            for step in steps {
                sum += step;
                below += usize::from(sum < bound);
                trail.push(&[sum]);
            }
            prop_assert_eq!(trail.count_while(|row| row[0] < bound), below);
        }
    }

    #[test]
    fn places_of_very_many_elements_take_few_bytes() {
        let mut trail = Trail::default();
        for element in 0..100_000 {
            trail.push(&[element, 1, 7 * element, 7 * element]);
        }
        assert_eq!(trail.row(99_999), Some(vec![99_999, 1, 699_993, 699_993]));
        assert!(trail.held() <= 700_000, "{}", trail.held());
        trail.clear();
        assert!(trail.is_empty() && trail.held() == 0);
    }
}
