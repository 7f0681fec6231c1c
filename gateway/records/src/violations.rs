//! What is wrong with the records of a payload.

mod fault;

use sekisho_xsd::Words;

pub use fault::{Fault, JsonKind};

/// One violation. Quotes no value, unless the caller has asked for that ([`crate::RecordChecker::show_values`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Number of the record in its payload, from 1.
    pub record: u64,
    /// Local name of the field, as the schema has it.
    pub field: Option<String>,
    /// Where in the records: steps of `name[number]` from the record, whose number is that in its payload. Of a field
    /// that is missing, what it is missing in.
    pub path: Option<String>,
    /// Line in the payload, from 1.
    pub line: Option<u64>,
    /// Column in characters, from 1.
    pub column: Option<u64>,
    /// Byte offset in the payload as UTF-8 text, from 0; a byte order mark does not count.
    pub byte: Option<u64>,
    /// Stable code: the schema rule (`cvc-…`) or one of this crate's own ([`Fault::code`]).
    pub code: &'static str,
    /// What the schema or the layout has there: names, facets, bounds.
    pub expected: Option<Words>,
    /// What the payload has there: lengths, kinds, names that the schema declares.
    pub found: Option<Words>,
    /// What is wrong and what was expected, in English.
    pub message: String,
    /// The same in Japanese.
    pub message_ja: String,
}

/// The violations of a payload: the first ones listed, all counted.
#[derive(Debug)]
pub struct Violations {
    listed: Vec<Violation>,
    cap: usize,
    total: u64,
    more: bool,
}

impl Default for Violations {
    /// Lists the first 1,000.
    fn default() -> Self {
        Violations::new(1_000)
    }
}

impl Violations {
    /// Lists at most `cap` violations.
    pub fn new(cap: usize) -> Self {
        Violations { listed: Vec::new(), cap, total: 0, more: false }
    }

    /// Counts one violation, and lists it while there is room.
    pub fn push(&mut self, violation: Violation) {
        self.total += 1;
        if self.listed.len() < self.cap {
            self.listed.push(violation);
        }
    }

    /// How many more can be listed: nobody need say what is wrong in words where this is 0.
    pub fn room(&self) -> usize {
        self.cap.saturating_sub(self.listed.len())
    }

    /// Counts violations that are not listed.
    pub fn count(&mut self, more: u64) {
        self.total += more;
    }

    /// Says that there are more than are counted.
    pub fn not_all(&mut self) {
        self.more = true;
    }

    /// Whether all there are were counted; otherwise there are at least so many. The check of one record ends at 10,000.
    pub fn is_exact(&self) -> bool {
        !self.more
    }

    /// The violations listed, in the order found.
    pub fn listed(&self) -> &[Violation] {
        &self.listed
    }

    /// How many there are in all, or at least are ([`Violations::is_exact`]).
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Gives the listed violations away.
    pub fn into_listed(self) -> Vec<Violation> {
        self.listed
    }
}
