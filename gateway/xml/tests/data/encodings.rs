//! The documents of `encodings.toml`.

use sekisho_charset::{Encoding, encode};
use serde::Deserialize;

#[derive(Deserialize)]
struct Table {
    case: Vec<Case>,
}

/// A document, and what has to become of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    written: String,
    #[serde(default)]
    mark: bool,
    #[serde(default = "yes")]
    declaration: bool,
    declared: Option<String>,
    pub(crate) label: Option<String>,
    value: Option<String>,
    bytes: Option<String>,
    #[serde(default)]
    cut: bool,
    pub(crate) refused: Option<String>,
    pub(crate) column: Option<u64>,
    pub(crate) byte: Option<u64>,
}

fn yes() -> bool {
    true
}

pub(crate) fn cases() -> Vec<Case> {
    let table: Table = toml::from_str(include_str!("encodings.toml")).expect("the table");
    table.case
}

impl Case {
    /// The document as it is sent: one order.
    pub(crate) fn document(&self) -> Vec<u8> {
        let encoding = Encoding::from_label(&self.written).expect("a known name");
        let mut out = if self.mark { encoding.byte_order_mark().to_vec() } else { Vec::new() };
        let write = |text: &str, out: &mut Vec<u8>| encode(text, encoding, out).expect("its characters");
        if self.declaration {
            let named = self.declared.as_ref().map(|name| format!(" encoding=\"{name}\""));
            write(&format!("<?xml version=\"1.0\"{}?>", named.unwrap_or_default()), &mut out);
        }
        write("<orders xmlns=\"urn:example:bulk\"><order><order_id>1</order_id><customer>", &mut out);
        write(self.value.as_deref().unwrap_or_default(), &mut out);
        let hex = self.bytes.as_deref().unwrap_or_default();
        out.extend(
            (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal")),
        );
        if !self.cut {
            write("</customer><amount>1.00</amount></order></orders>", &mut out);
        }
        out
    }
}
