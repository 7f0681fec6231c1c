//! What Unicode says of characters: categories and blocks.

use std::collections::HashMap;
use std::sync::OnceLock;

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

use super::class::{negated, range};
use crate::types::Tables;
use crate::value::name;

/// The general categories that appendix F names; those of one letter are the union of the others with that letter.
const CATEGORIES: [&str; 36] = [
    "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps",
    "Pe", "Pi", "Pf", "Po", "Z", "Zs", "Zl", "Zp", "S", "Sm", "Sc", "Sk", "So", "C", "Cc", "Cf", "Co", "Cn",
];

/// The supplementary planes.
const SUPPLEMENT: (char, char) = ('\u{10000}', char::MAX);

/// The classes behind escapes.
#[derive(Copy, Clone, Debug)]
pub(super) struct Escapes(Tables);

impl Escapes {
    pub(super) fn of(tables: Tables) -> Escapes {
        Escapes(tables)
    }

    /// `\i`: a character that begins a name.
    pub(super) fn name_start(self) -> ClassUnicode {
        of_ranges(&name::START)
    }

    /// `\c`: a character of a name.
    pub(super) fn name_part(self) -> ClassUnicode {
        let mut class = of_ranges(&name::START);
        class.union(&of_ranges(&name::FURTHER));
        class
    }

    /// `\d`
    pub(super) fn digit(self) -> ClassUnicode {
        self.known("Nd")
    }

    /// `\D`. The suite means by it one character of the basic plane.
    pub(super) fn not_digit(self) -> ClassUnicode {
        let mut class = negated(self.digit());
        if self.0 == Tables::Xsd10 {
            class.difference(&range(SUPPLEMENT.0, SUPPLEMENT.1));
        }
        class
    }

    /// `\w`: everything but punctuation, separators and others.
    pub(super) fn word(self) -> ClassUnicode {
        match self.0 {
            Tables::Current => negated(self.not_word()),
            // Beyond the tables nothing is one or the other.
            Tables::Xsd10 => self.all(&["L", "M", "N", "S"]),
        }
    }

    /// `\W`
    pub(super) fn not_word(self) -> ClassUnicode {
        self.all(&["P", "Z", "C"])
    }

    /// The category or block (`Is…`) of that name.
    pub(super) fn property(self, name: &str) -> Option<ClassUnicode> {
        match name.strip_prefix("Is") {
            Some(block) => self.block(block),
            None => CATEGORIES.contains(&name).then(|| self.known(name)),
        }
    }

    fn block(self, name: &str) -> Option<ClassUnicode> {
        // A name of XSD 1.0 for what is three blocks today.
        if name == "PrivateUse" {
            let mut class = range('\u{E000}', '\u{F8FF}');
            if self.0 == Tables::Current {
                class.union(&range('\u{F0000}', '\u{FFFFD}'));
                class.union(&range('\u{100000}', '\u{10FFFD}'));
            }
            return Some(class);
        }
        static BLOCKS: OnceLock<HashMap<&'static str, (u32, u32)>> = OnceLock::new();
        let &(start, end) = BLOCKS.get_or_init(blocks).get(name)?;
        // Surrogates are no characters: their blocks are empty.
        Some(match (char::from_u32(start), char::from_u32(end)) {
            (Some(start), Some(end)) => range(start, end),
            _ => ClassUnicode::empty(),
        })
    }

    fn all(self, categories: &[&str]) -> ClassUnicode {
        let mut class = ClassUnicode::empty();
        for category in categories {
            class.union(&self.known(category));
        }
        class
    }

    /// One of [`CATEGORIES`].
    fn known(self, category: &str) -> ClassUnicode {
        static CURRENT: OnceLock<HashMap<&'static str, ClassUnicode>> = OnceLock::new();
        static XSD10: OnceLock<HashMap<&'static str, ClassUnicode>> = OnceLock::new();
        let table = match self.0 {
            Tables::Current => CURRENT.get_or_init(current),
            Tables::Xsd10 => XSD10.get_or_init(unicode30),
        };
        table.get(category).cloned().unwrap_or_else(ClassUnicode::empty)
    }
}

fn of_ranges(ranges: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(ranges.iter().map(|&(start, end)| ClassUnicodeRange::new(start, end)))
}

/// The categories as `regex-syntax` has them.
fn current() -> HashMap<&'static str, ClassUnicode> {
    CATEGORIES
        .into_iter()
        .filter_map(|category| {
            let parsed = regex_syntax::parse(&format!("\\p{{{category}}}")).ok()?;
            match parsed.into_kind() {
                HirKind::Class(Class::Unicode(class)) => Some((category, class)),
                _ => None,
            }
        })
        .collect()
}

/// The categories of Unicode 3.0, by runs: how far after the last one a run begins, and how many more it has.
fn unicode30() -> HashMap<&'static str, ClassUnicode> {
    let mut table: HashMap<&'static str, ClassUnicode> = HashMap::new();
    for line in include_str!("unicode30.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let Some(name) = words.next() else { continue };
        let mut at = 0;
        let mut class = ClassUnicode::empty();
        for word in words {
            let (gap, more) = word.split_once('+').unwrap_or((word, "0"));
            let (Some(gap), Some(more)) = (hexadecimal(gap), hexadecimal(more)) else { continue };
            let (start, end) = (at + gap, at + gap + more);
            at = end + 1;
            if let (Some(start), Some(end)) = (char::from_u32(start), char::from_u32(end)) {
                class.push(ClassUnicodeRange::new(start, end));
            }
        }
        table.entry(&name[..1]).or_insert_with(ClassUnicode::empty).union(&class);
        table.insert(name, class);
    }
    // What is not assigned was not asked of Unicode 3.0.
    if let Some(class) = current().remove("Cn") {
        table.insert("Cn", class);
    }
    table
}

fn blocks() -> HashMap<&'static str, (u32, u32)> {
    include_str!("blocks.txt")
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let name = words.next().filter(|&name| name != "#")?;
            Some((name, (hexadecimal(words.next()?)?, hexadecimal(words.next()?)?)))
        })
        .collect()
}

fn hexadecimal(digits: &str) -> Option<u32> {
    u32::from_str_radix(digits, 16).ok()
}
