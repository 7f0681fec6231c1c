//! What broken rules mean, in words that quote no value.

mod compiler;
mod rules;
mod schema;
mod value;

use crate::violation::Words;
pub(crate) use compiler::compiler_ja;
pub use rules::rule;
pub use schema::schema_text_ja;
pub use value::disturbs;
pub(crate) use value::{Shown, value};

/// How many expected names are listed.
pub(crate) const MAX_NAMES: usize = 8;

/// All that is said of one violation.
#[derive(Debug)]
pub(crate) struct Wording {
    pub(crate) message: Words,
    pub(crate) expected: Option<Words>,
    pub(crate) found: Option<Words>,
}

impl Wording {
    fn new(message: Words) -> Wording {
        Wording { message, expected: None, found: None }
    }

    /// With what it is about in front of the message.
    pub(crate) fn about(mut self, field: Option<&str>, attribute: Option<&str>) -> Wording {
        let Words { en, ja } = &self.message;
        let Words { en: at, ja: at_ja } = element(field);
        self.message = match attribute {
            Some(name) => {
                Words::new(format!("attribute {name} of {at}: {en}"), format!("{at_ja}の属性 {name}: {ja}"))
            }
            None => Words::new(format!("{at}: {en}"), format!("{at_ja}: {ja}")),
        };
        self
    }
}

/// What is wrong by rule `code` with an element, and its attribute `attribute` if it is about one that may be named.
pub(crate) fn message(code: &str, field: Option<&str>, attribute: Option<&str>) -> Wording {
    let at = element(field);
    let rule = rules::find(code);
    let (mut en, mut ja) = (format!("{} {}", at.en, rule.en), format!("{}{}", at.ja, rule.ja));
    if let Some(name) = attribute {
        en.push_str(&format!(" ({name})"));
        ja.push_str(&format!("（{name}）"));
    }
    let words = |(en, ja): (&str, &str)| Some(Words::new(en, ja)).filter(|words| !words.en.is_empty());
    let expected = match (code, attribute) {
        ("cvc-complex-type.4", Some(name)) => {
            Some(Words::new(format!("attribute {name}"), format!("属性 {name}")))
        }
        _ => words(rule.expected),
    };
    Wording { message: Words::new(en, ja), expected, found: words(rule.found) }
}

/// What stands where something else should: a child, or the end of the element.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Met<'a> {
    /// A child, by its name if the schema declares one.
    Child(Option<&'a str>),
    End,
}

impl Met<'_> {
    fn words(self) -> Words {
        match self {
            Met::Child(Some(name)) => Words::new(format!("element {name}"), format!("要素 {name}")),
            Met::Child(None) => {
                Words::new("an element that the schema does not declare", "スキーマで宣言されていない要素")
            }
            Met::End => Words::new("the end of the element", "要素の終わり"),
        }
    }
}

/// An element that should be there is not.
pub(crate) fn missing(parent: Option<&str>, name: &str, alternatives: &[&str], met: Met<'_>) -> Wording {
    let at = element(parent);
    let mut en = format!("element {name} is missing in {}", at.en);
    let mut ja = format!("{}に要素 {name} がありません", at.ja);
    let others: Vec<_> = alternatives.iter().filter(|other| **other != name).copied().collect();
    let mut expected = vec![name];
    if !others.is_empty() {
        let shown = &others[..others.len().min(MAX_NAMES)];
        expected.extend_from_slice(shown);
        en.push_str(", or ");
        en.push_str(&shown.join(" or "));
        ja.push_str(&format!("（または {}", shown.join("、")));
        if others.len() > MAX_NAMES {
            en.push_str(" or others");
            ja.push_str(" など");
        }
        ja.push('）');
    }
    let more = others.len() > MAX_NAMES;
    Wording {
        message: Words::new(en, ja),
        expected: Some(names(&expected, more, false)),
        found: Some(met.words()),
    }
}

/// What could come where a child is refused.
#[derive(Debug, Default)]
pub(crate) struct Expected<'a> {
    /// Names, at most [`MAX_NAMES`].
    pub(crate) names: Vec<&'a str>,
    /// And others.
    pub(crate) more: bool,
    /// The element may end here.
    pub(crate) end: bool,
}

/// An element is there that should not be, or not here.
pub(crate) fn refused(parent: Option<&str>, child: Option<&str>, expected: &Expected<'_>) -> Wording {
    let at = element(parent);
    let message = match child {
        Some(child) => Words::new(
            format!("element {child} is not allowed here in {}", at.en),
            format!("{}のここに要素 {child} は置けません", at.ja),
        ),
        None => Words::new(
            format!("an element that the schema does not declare stands in {}", at.en),
            format!("{}の中に、スキーマで宣言されていない要素があります", at.ja),
        ),
    };
    Wording {
        message,
        expected: Some(names(&expected.names, expected.more, expected.end)),
        found: Some(Met::Child(child).words()),
    }
}

/// An element ends without all that it must have.
pub(crate) fn early(name: Option<&str>) -> Wording {
    let at = element(name);
    let mut wording = Wording::new(Words::new(
        format!("{} ends before all that it must have", at.en),
        format!("{}は、必要な内容がそろわないうちに終わっています", at.ja),
    ));
    wording.expected = Some(Words::new("more elements", "さらに要素"));
    wording.found = Some(Met::End.words());
    wording
}

fn names(names: &[&str], more: bool, end: bool) -> Words {
    let mut en = names.iter().map(|name| format!("element {name}")).collect::<Vec<_>>();
    let mut ja = names.iter().map(|name| format!("要素 {name}")).collect::<Vec<_>>();
    if more {
        en.push(if names.is_empty() { "another element" } else { "others" }.to_owned());
        ja.push("その他の要素".to_owned());
    }
    if end {
        en.push("the end of the element".to_owned());
        ja.push("要素の終わり".to_owned());
    }
    if en.is_empty() {
        return Words::new("no element", "要素なし");
    }
    Words::new(en.join(" or "), ja.join("、または "))
}

fn element(name: Option<&str>) -> Words {
    match name {
        Some(name) => Words::new(format!("element {name}"), format!("要素 {name} ")),
        None => Words::new("the element", "要素"),
    }
}
