//! What is wrong with the records of a payload.

use serde::{Deserialize, Serialize};

/// One violation. Never quotes a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Number of the record in its payload, from 1.
    pub record: u64,
    /// Name of the field, as the schema has it.
    pub field: Option<String>,
    /// Line in the payload, from 1.
    pub line: Option<u64>,
    /// Column in characters, from 1.
    pub column: Option<u64>,
    /// Stable code: the schema rule (`cvc-…`) or one of this crate's own.
    pub code: std::borrow::Cow<'static, str>,
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
        Violations { listed: Vec::new(), cap, total: 0 }
    }

    /// Counts one violation, and lists it while there is room.
    pub fn push(&mut self, violation: Violation) {
        self.total += 1;
        if self.listed.len() < self.cap {
            self.listed.push(violation);
        }
    }

    /// The violations listed, in the order found.
    pub fn listed(&self) -> &[Violation] {
        &self.listed
    }

    /// How many there are in all.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }
}
