//! Trial data: records of people who do not exist, in the layouts of `schemas/`, as any of the formats of the doors.
//!
//! The data obey what may leave a city: a birth has a year and a month but no day, and neither where it would show an
//! extreme age; an address ends at the town; the identifier is used here only. The same options give the same bytes.

mod attributes;
mod form;
mod household;
mod orders;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use clap::{Args, ValueEnum};

pub use form::Form;
use form::Writer;

/// Which layout of `schemas/` the records have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LayoutName {
    /// `attributes.xsd`: one resident a record, 168 fields.
    Attributes,
    /// `differential.xsd`: changes of attribute records, some of them deletes.
    Differential,
    /// `household.xsd`: households with members (XML and JSON formats only).
    Household,
    /// `orders.xsd`: the small layout of trials.
    Orders,
}

/// What to generate.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Number of records.
    #[arg(long, short = 'n', default_value_t = 1000)]
    pub records: u64,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t = Form::Csv)]
    pub format: Form,
    /// Layout of the records.
    #[arg(long, value_enum, default_value_t = LayoutName::Attributes)]
    pub layout: LayoutName,
    /// The same seed gives the same bytes.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Makes record N (the first is 1) break the schema; may be given several times.
    #[arg(long, value_name = "N")]
    pub bad_record: Vec<u64>,
    /// Of 100 differential changes, how many are deletes.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub deletes: u8,
}

impl Default for Options {
    /// A thousand attribute records as CSV.
    fn default() -> Self {
        Options {
            records: 1000,
            format: Form::Csv,
            layout: LayoutName::Attributes,
            seed: 1,
            bad_record: Vec::new(),
            deletes: 10,
        }
    }
}

/// Writes the records to `out`, which should be buffered. Memory does not depend on their number.
///
/// # Errors
/// Those of `out`, and `InvalidInput` for a nested layout in a flat format.
pub fn write(options: &Options, out: &mut dyn Write) -> io::Result<()> {
    match options.layout {
        LayoutName::Attributes => attributes::write(options, Writer::new(out, options.format), false),
        LayoutName::Differential => attributes::write(options, Writer::new(out, options.format), true),
        LayoutName::Household => household::write(options, out),
        LayoutName::Orders => orders::write(options, Writer::new(out, options.format)),
    }
}

/// Appends the decimal digits of `number`, at least `width` of them.
fn digits(out: &mut String, number: u64, width: usize) {
    let mut buffer = [b'0'; 20];
    let mut at = buffer.len();
    let mut rest = number;
    while rest > 0 || buffer.len() - at < width.max(1) {
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if at == 0 {
            break;
        }
    }
    for byte in &buffer[at..] {
        out.push(char::from(*byte));
    }
}
