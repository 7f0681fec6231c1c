//! The rows of one request, as compact as they were sent.

use std::collections::HashMap;
use std::ops::Range;

/// More fields than any cloud takes in a row.
const MAX_FIELDS: usize = 5_000;

/// A value of a row that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Known to be none.
    Null,
    /// A text, perhaps empty.
    Text(&'a str),
}

/// The rows of one request: columns in order of first sight, and cells in order of sight.
#[derive(Default)]
pub struct Rows {
    columns: Vec<String>,
    index: HashMap<String, u16>,
    cells: Vec<Cell>,
    /// End of each row in `cells`.
    ends: Vec<u32>,
    text: String,
}

#[derive(Clone, Copy)]
struct Cell {
    column: u16,
    null: bool,
    start: u32,
    end: u32,
}

impl Rows {
    /// Number of whole rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// There is no whole row.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The column's number.
    ///
    /// # Errors
    /// Too many columns.
    pub fn column(&mut self, name: &str) -> Result<u16, String> {
        if let Some(column) = self.index.get(name) {
            return Ok(*column);
        }
        if self.columns.len() >= MAX_FIELDS {
            return Err(format!("more than {MAX_FIELDS} fields"));
        }
        let column = self.columns.len() as u16;
        self.columns.push(name.to_owned());
        self.index.insert(name.to_owned(), column);
        Ok(column)
    }

    /// The column's number, guessed from the cell before: rows mostly repeat their columns in one order.
    pub fn column_after(&mut self, guess: usize, name: &str) -> Result<u16, String> {
        match self.columns.get(guess) {
            Some(column) if column == name => Ok(guess as u16),
            _ => self.column(name),
        }
    }

    /// Adds a cell to the row under way.
    pub fn push(&mut self, column: u16, value: Value<'_>) {
        let start = self.text.len() as u32;
        let null = match value {
            Value::Null => true,
            Value::Text(text) => {
                self.text.push_str(text);
                false
            }
        };
        self.cells.push(Cell { column, null, start, end: self.text.len() as u32 });
    }

    /// The row under way is whole.
    ///
    /// # Errors
    /// A field stands in it twice.
    pub fn end_row(&mut self) -> Result<(), String> {
        let row = &self.cells[self.ends.last().map_or(0, |end| *end as usize)..];
        // Rows mostly come in the order of their columns: then nothing is twice.
        if !row.is_sorted_by(|a, b| a.column < b.column) {
            let mut seen: Vec<u16> = row.iter().map(|cell| cell.column).collect();
            seen.sort_unstable();
            if let Some(pair) = seen.windows(2).find(|pair| pair[0] == pair[1]) {
                let name = &self.columns[pair[0] as usize];
                return Err(format!("field {name} stands twice in row {}", self.ends.len() + 1));
            }
        }
        self.ends.push(self.cells.len() as u32);
        Ok(())
    }

    /// Names of the columns; a [`Rows::row`] refers to them by position.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The column's number, if any row has it.
    pub fn find(&self, name: &str) -> Option<u16> {
        self.index.get(name).copied()
    }

    /// The cells of row `index` as they were sent.
    pub fn row(&self, index: usize) -> impl Iterator<Item = (u16, Value<'_>)> {
        self.cells[self.range(index)].iter().map(|cell| {
            let value = match cell.null {
                true => Value::Null,
                false => Value::Text(&self.text[cell.start as usize..cell.end as usize]),
            };
            (cell.column, value)
        })
    }

    /// The value of one column in row `index`.
    pub fn value(&self, index: usize, column: u16) -> Option<Value<'_>> {
        self.row(index).find(|(at, _)| *at == column).map(|(_, value)| value)
    }

    /// The first row with a key in front of it.
    ///
    /// # Errors
    /// As [`Rows::end_row`].
    pub fn with_key(&self, key: &str, value: &str) -> Result<Rows, String> {
        let mut whole = Rows::default();
        let column = whole.column(key)?;
        whole.push(column, Value::Text(value));
        for (at, cell) in self.row(0) {
            let column = whole.column(&self.columns[usize::from(at)])?;
            whole.push(column, cell);
        }
        whole.end_row()?;
        Ok(whole)
    }

    fn range(&self, index: usize) -> Range<usize> {
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        start..self.ends[index] as usize
    }
}
