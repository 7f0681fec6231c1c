//! What is wrong with a value, from the facet that refuses it.

use sekisho_datatypes::{Fault, Unit, What};

use super::Wording;
use crate::facts::TypeFacts;
use crate::violation::Words;

/// How much of a pattern is shown, in characters.
const MAX_PATTERN: usize = 80;
/// How many patterns are shown.
const MAX_PATTERNS: usize = 4;
/// How much of a value is shown where that is allowed, in characters.
const MAX_VALUE: usize = 40;

/// Whether values may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Never,
    /// Their first characters.
    Beginning,
}

/// What `fault` demands of a value of the type, and what was found: of the value `text`, its white space normalised,
/// only lengths, unless `shown` allows more.
pub(crate) fn value(fault: &Fault, facts: Option<&TypeFacts>, text: &str, shown: Shown) -> Wording {
    let text = match fault.item {
        Some(item) => text.split_ascii_whitespace().nth(item.saturating_sub(1) as usize).unwrap_or_default(),
        None => text,
    };
    let found = found(fault, facts, text, shown);
    let Demand { problem, expected, tells_length } = demand(fault, text, facts);
    let Words { mut en, mut ja } = problem;
    if let Some(item) = fault.item {
        en = en.replacen("the value", &format!("item {item}"), 1);
        ja = ja.replacen('値', &format!("{item}番目の項目"), 1);
        if !en.starts_with("item") {
            en = format!("item {item}: {en}");
            ja = format!("{item}番目の項目: {ja}");
        }
    }
    if tells_length || (shown == Shown::Beginning && !text.is_empty()) {
        en.push_str(&format!(", found {}", found.en));
        ja.push_str(&format!("（実際は{}）", found.ja));
    }
    if let Some(name) = facts.and_then(|facts| facts.name.as_ref().filter(|name| **name != facts.family)) {
        en.push_str(&format!(" (type {name})"));
        ja.push_str(&format!("（型 {name}）"));
    }
    Wording { message: Words::new(en, ja), expected: Some(expected), found: Some(found) }
}

struct Demand {
    problem: Words,
    expected: Words,
    /// The message says how long the value is.
    tells_length: bool,
}

fn demand(fault: &Fault, text: &str, facts: Option<&TypeFacts>) -> Demand {
    let says = |problem: (String, String), expected: (String, String), tells_length| Demand {
        problem: Words::new(problem.0, problem.1),
        expected: Words::new(expected.0, expected.1),
        tells_length,
    };
    match &fault.what {
        What::Literal(_) | What::Member(_) if text.is_empty() => says(
            ("an empty value is not allowed".into(), "空の値は許されません".into()),
            ("a value".into(), "値".into()),
            false,
        ),
        What::Literal(builtin) => {
            let builtin = facts.filter(|_| fault.item.is_none()).map_or_else(
                || format!("xs:{builtin}"),
                |facts| match facts.family.strip_prefix("xs:") {
                    Some(_) => facts.family.clone(),
                    None => format!("xs:{builtin}"),
                },
            );
            says(
                (format!("the value is not of type {builtin}"), format!("値は {builtin} 型ではありません")),
                (format!("a value of type {builtin}"), format!("{builtin} 型の値")),
                true,
            )
        }
        What::Member(members) => says(
            (
                "the value is not a value of any member of the union".into(),
                "値は共用体のどの構成型の値でもありません".into(),
            ),
            (
                format!("a value of one of {members} {}", plural("type", *members as u64)),
                format!("{members}個の型のいずれかの値"),
            ),
            true,
        ),
        What::Pattern(patterns) => {
            let (en, ja) = (shown_patterns(patterns, " or "), shown_patterns(patterns, " または "));
            says(
                (
                    format!("the value does not match the pattern {en}"),
                    format!("値がパターン {ja} に合いません"),
                ),
                (format!("a match of {en}"), format!("{ja} に合う値")),
                true,
            )
        }
        What::Enumeration(count) => says(
            (
                match *count {
                    1 => "the value is not the one that is listed".to_owned(),
                    count => format!("the value is none of the {count} that are listed"),
                },
                format!("値は列挙された{count}個のいずれでもありません"),
            ),
            match *count {
                1 => ("the one listed value".to_owned(), "列挙されたただ1個の値".to_owned()),
                count => {
                    (format!("one of {count} listed values"), format!("列挙された{count}個の値のいずれか"))
                }
            },
            true,
        ),
        What::Length { facet, bound, unit, .. } => {
            let (of, counter) = (unit_en(*unit, *bound), unit_ja(*unit));
            match *facet {
                "length" => says(
                    (
                        format!("a length of exactly {bound} is required"),
                        format!("値の長さはちょうど{bound}{counter}でなければなりません"),
                    ),
                    (format!("exactly {bound} {of}"), format!("ちょうど{bound}{counter}")),
                    true,
                ),
                "minLength" => says(
                    (
                        format!("a length of at least {bound} is required"),
                        format!("値の長さは{bound}{counter}以上でなければなりません"),
                    ),
                    (format!("at least {bound} {of}"), format!("{bound}{counter}以上")),
                    true,
                ),
                _ => says(
                    (
                        format!("a length of at most {bound} is allowed"),
                        format!("値の長さは{bound}{counter}以下でなければなりません"),
                    ),
                    (format!("at most {bound} {of}"), format!("{bound}{counter}以下")),
                    true,
                ),
            }
        }
        What::Bound { facet, bound } => {
            let (en, ja, expected, expected_ja) = match *facet {
                "minInclusive" => (
                    "the least value allowed is",
                    "以上でなければなりません",
                    format!("{bound} or more"),
                    "以上",
                ),
                "maxInclusive" => (
                    "the greatest value allowed is",
                    "以下でなければなりません",
                    format!("{bound} or less"),
                    "以下",
                ),
                "minExclusive" => (
                    "the value must be more than",
                    "より大きくなければなりません",
                    format!("more than {bound}"),
                    "より大きい値",
                ),
                _ => (
                    "the value must be less than",
                    "より小さくなければなりません",
                    format!("less than {bound}"),
                    "より小さい値",
                ),
            };
            says(
                (format!("{en} {bound}"), format!("値は {bound} {ja}")),
                (expected, format!("{bound} {expected_ja}")),
                false,
            )
        }
        What::Digits { facet, bound, .. } => {
            let (behind, before) =
                if *facet == "totalDigits" { ("", "") } else { (" after the point", "小数点以下") };
            says(
                (
                    format!("at most {bound} digits are allowed{behind}"),
                    format!("値の{before}桁数は{bound}桁までです"),
                ),
                (format!("at most {bound} digits{behind}"), format!("{before}{bound}桁まで")),
                true,
            )
        }
        // Prefixes and capacities: the types' own words, which hold no value either.
        _ => {
            let whole = Fault { item: None, ..fault.clone() };
            let words = (format!("the value {}", whole.message()), format!("値: {}", whole.message_ja()));
            says(words.clone(), words, false)
        }
    }
}

/// What the value is like.
fn found(fault: &Fault, facts: Option<&TypeFacts>, text: &str, shown: Shown) -> Words {
    let counted = |count: u64, unit: Unit| {
        Words::new(format!("{count} {}", unit_en(unit, count)), format!("{count}{}", unit_ja(unit)))
    };
    let is_list = facts.is_some_and(|facts| facts.kind == crate::record::ValueKind::List);
    let mut words = match fault.what {
        What::Length { found, unit, .. } => counted(found, unit),
        What::Digits { found, .. } => {
            Words::new(format!("{found} {}", plural("digit", found)), format!("{found}桁"))
        }
        _ if is_list && fault.item.is_none() => {
            counted(text.split_ascii_whitespace().count() as u64, Unit::Items)
        }
        _ => counted(text.chars().count() as u64, Unit::Characters),
    };
    if shown == Shown::Beginning {
        let mut beginning: String =
            text.chars().take(MAX_VALUE).map(|c| if disturbs(c) { ' ' } else { c }).collect();
        if text.chars().nth(MAX_VALUE).is_some() {
            beginning.push('…');
        }
        words.en.push_str(&format!(": \"{beginning}\""));
        words.ja.push_str(&format!("「{beginning}」"));
    }
    words
}

/// Whether a character would break the line that it is told in, or turn it around: controls, the separators of lines and
/// paragraphs, the marks of direction (UAX #9 section 2), the byte order mark.
pub fn disturbs(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

fn unit_en(unit: Unit, count: u64) -> String {
    plural(
        match unit {
            Unit::Characters => "character",
            Unit::Octets => "octet",
            Unit::Items => "item",
        },
        count,
    )
}

fn unit_ja(unit: Unit) -> &'static str {
    match unit {
        Unit::Characters => "文字",
        Unit::Octets => "オクテット",
        Unit::Items => "項目",
    }
}

fn plural(word: &str, count: u64) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

fn shown_patterns(patterns: &[String], or: &str) -> String {
    let cut = |pattern: &String| match pattern.char_indices().nth(MAX_PATTERN) {
        None => pattern.clone(),
        Some((end, _)) => format!("{}…", &pattern[..end]),
    };
    let mut shown: Vec<String> = patterns.iter().take(MAX_PATTERNS).map(cut).collect();
    if patterns.len() > MAX_PATTERNS {
        shown.push("…".to_owned());
    }
    shown.join(or)
}
