//! Mappings: a canonical record into the rows that the cloud counts.

mod compile;
mod spec;

#[cfg(test)]
mod tests;

pub use spec::{ColumnSpec, MappingError, MappingSpec, WithoutInstance};

use crate::canonical::{CanonicalRecord, Item};
use crate::layout::LayoutNames;
use crate::record::Value;
use compile::{Compiled, compile};

/// One cell of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing: the column is left out, or empty where it cannot be.
    Absent,
    /// Present without a value.
    Nil,
    /// A text.
    Text(&'a str),
}

/// The rows of one record, reusable: nothing is allocated in steady state.
#[derive(Debug, Default)]
pub struct RowBuf {
    text: String,
    /// Row after row.
    cells: Vec<Span>,
    columns: usize,
    /// The row under construction: what the levels above have said.
    current: Vec<Span>,
    nodes: Vec<Node>,
}

/// A cell as a part of the text.
#[derive(Debug, Clone, Copy, Default)]
enum Span {
    #[default]
    Absent,
    Nil,
    Text(u32, u32),
}

/// One item of a record, its text copied.
#[derive(Debug, Clone, Copy)]
enum Node {
    Value(u16, Span),
    Open(u16),
    Close,
}

impl RowBuf {
    /// No rows.
    pub fn new() -> RowBuf {
        RowBuf::default()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.cells.len().checked_div(self.columns).unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The cells of row `row` (from 0), one for each column of the mapper; none when there is no such row.
    pub fn cells(&self, row: usize) -> impl ExactSizeIterator<Item = Cell<'_>> {
        let start = row.saturating_mul(self.columns);
        let cells = self.cells.get(start..start.saturating_add(self.columns)).unwrap_or_default();
        cells.iter().map(|span| match *span {
            Span::Absent => Cell::Absent,
            Span::Nil => Cell::Nil,
            // Spans are made from lengths of this text at character boundaries.
            Span::Text(start, end) => {
                Cell::Text(self.text.get(start as usize..end as usize).unwrap_or_default())
            }
        })
    }

    fn push_text(&mut self, text: &str) -> Span {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        Span::Text(start, self.text.len() as u32)
    }

    fn push_value(&mut self, value: Value<'_>) -> Span {
        match value {
            Value::Nil => Span::Nil,
            Value::Text(text) => self.push_text(text),
        }
    }

    fn push_row(&mut self) {
        self.cells.extend_from_slice(&self.current);
    }
}

/// A canonical record that the mapper's layout cannot have: the spool and the pinned plan do not belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the canonical record does not fit its layout: {0}")]
pub struct RowError(pub &'static str);

impl RowError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        "record-layout-mismatch"
    }
}

/// Turns canonical records of one layout into rows.
#[derive(Debug, Clone)]
pub struct Mapper {
    compiled: Compiled,
    without_instance: WithoutInstance,
    nil: Option<String>,
}

impl Mapper {
    /// Compiles a mapping for records of a layout.
    ///
    /// # Errors
    /// When the mapping names what the layout does not have, or two columns alike.
    pub fn new(spec: &MappingSpec, names: &LayoutNames) -> Result<Mapper, MappingError> {
        let compiled = compile(spec, names)?;
        Ok(Mapper { compiled, without_instance: spec.without_instance, nil: spec.nil.clone() })
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[String] {
        &self.compiled.columns
    }

    /// Positions in [`Mapper::columns`] of the columns that identify a row.
    pub fn key(&self) -> &[usize] {
        &self.compiled.key
    }

    /// The text that stands for nil.
    pub fn nil(&self) -> Option<&str> {
        self.nil.as_deref()
    }

    /// Replaces what is in `out` by the rows of `record`, and returns how many there are.
    ///
    /// # Errors
    /// When the record does not fit the layout; `out` is then empty.
    pub fn rows(&self, record: CanonicalRecord<'_>, out: &mut RowBuf) -> Result<usize, RowError> {
        out.text.clear();
        out.cells.clear();
        out.nodes.clear();
        out.columns = self.compiled.columns.len();
        out.current.clear();
        out.current.resize(out.columns, Span::Absent);
        for (column, text) in &self.compiled.constants {
            out.current[*column as usize] = out.push_text(text);
        }
        let result = if let [level] = self.compiled.levels.as_slice() {
            self.one_row(record, level, out)
        } else {
            for item in record.items() {
                let node = match item {
                    Item::Value(field, value) => Node::Value(field.0, out.push_value(value)),
                    Item::Open(group) => Node::Open(group.0),
                    Item::Close => Node::Close,
                };
                out.nodes.push(node);
            }
            self.level(0, 0, out.nodes.len(), out)
        };
        if let Err(error) = result {
            out.cells.clear();
            return Err(error);
        }
        Ok(out.len())
    }

    /// A record that is one row; what is in groups is not sent.
    fn one_row(
        &self,
        record: CanonicalRecord<'_>,
        level: &compile::MappedLevel,
        out: &mut RowBuf,
    ) -> Result<(), RowError> {
        let mut depth = 0_usize;
        for item in record.items() {
            match item {
                Item::Open(group) if depth == 0 && !is_group(level, group.0)? => return Err(NO_GROUP),
                Item::Open(_) => depth += 1,
                Item::Close => depth = depth.saturating_sub(1),
                Item::Value(..) if depth > 0 => {}
                Item::Value(field, value) => {
                    if is_group(level, field.0)? {
                        return Err(NO_VALUE);
                    }
                    let columns = &level.columns[usize::from(field.0)];
                    if !columns.is_empty() {
                        let span = out.push_value(value);
                        columns.iter().for_each(|&column| out.current[column as usize] = span);
                    }
                }
            }
        }
        out.push_row();
        Ok(())
    }

    /// The rows of one instance, whose items are `from..to`: its own fields first, wherever they stand, then the
    /// instances inside.
    fn level(&self, depth: usize, from: usize, to: usize, out: &mut RowBuf) -> Result<(), RowError> {
        let level = &self.compiled.levels[depth];
        // What the instance before has left.
        for &column in level.columns.iter().flatten() {
            out.current[column as usize] = Span::Absent;
        }
        let mut instances = 0;
        let mut at = from;
        while at < to {
            match out.nodes[at] {
                Node::Value(field, span) => {
                    if is_group(level, field)? {
                        return Err(NO_VALUE);
                    }
                    level.columns[usize::from(field)]
                        .iter()
                        .for_each(|&column| out.current[column as usize] = span);
                    at += 1;
                }
                Node::Open(group) => {
                    if !is_group(level, group)? {
                        return Err(NO_GROUP);
                    }
                    instances += usize::from(level.next == Some(group));
                    at = instance_end(&out.nodes, at);
                }
                Node::Close => at += 1,
            }
        }
        if level.next.is_none() {
            out.push_row();
            return Ok(());
        }
        let mut at = from;
        while at < to && instances > 0 {
            match out.nodes[at] {
                Node::Open(group) => {
                    let end = instance_end(&out.nodes, at);
                    if level.next == Some(group) {
                        self.level(depth + 1, at + 1, end - 1, out)?;
                    }
                    at = end;
                }
                Node::Value(..) | Node::Close => at += 1,
            }
        }
        if instances == 0 && self.without_instance == WithoutInstance::OneRow {
            for deeper in &self.compiled.levels[depth + 1..] {
                for &column in deeper.columns.iter().flatten() {
                    out.current[column as usize] = Span::Absent;
                }
            }
            out.push_row();
        }
        Ok(())
    }
}

const NO_GROUP: RowError = RowError("a group stands where the layout has a value");
const NO_VALUE: RowError = RowError("a value stands where the layout has a group");

fn is_group(level: &compile::MappedLevel, field: u16) -> Result<bool, RowError> {
    level.groups.get(usize::from(field)).copied().ok_or(RowError("it has more fields"))
}

/// One past the close of the instance that opens at `at`.
fn instance_end(nodes: &[Node], at: usize) -> usize {
    let mut depth = 0_usize;
    for (n, node) in nodes[at..].iter().enumerate() {
        match node {
            Node::Open(_) => depth += 1,
            Node::Close => depth = depth.saturating_sub(1),
            Node::Value(..) => {}
        }
        if depth == 0 {
            return at + n + 1;
        }
    }
    nodes.len()
}
