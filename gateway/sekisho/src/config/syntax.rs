//! Where a file is no TOML: the reader's findings in the words of those who write configurations.

use std::collections::HashSet;

use toml::de::DeTable;

use super::key_path::{KeyPath, Position};
use super::mistake::Mistakes;
use crate::language::Text;

/// Lines that are looked at before the rest is left alone: whoever has more of them has no configuration yet.
const MOST_LINES: usize = 100;

/// A file without the lines that could not be read.
pub(super) struct Readable {
    /// The text; what was taken out is blank, so that places stay what they are.
    pub(super) text: String,
    /// First words of the lines that were taken out: keys that are there, and are not missing.
    words: HashSet<String>,
}

impl Readable {
    /// Whether a line that was taken out begins with this key.
    pub(super) fn lost(&self, key: &str) -> bool {
        self.words.contains(key)
    }

    #[cfg(test)]
    pub(super) fn whole(text: &str) -> Self {
        Self { text: text.to_owned(), words: HashSet::new() }
    }
}

/// Lists the lines that are no TOML and takes them out. `None` when what is left says nothing about what was meant.
pub(super) fn readable(text: &str, mistakes: &mut Mistakes) -> Option<Readable> {
    let mut left = Readable { text: text.to_owned(), words: HashSet::new() };
    for _ in 0..MOST_LINES {
        let (_, errors) = DeTable::parse_recoverable(&left.text);
        let place = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
        let Some(first) = errors.iter().min_by_key(|error| place(error)) else { return Some(left) };
        let (line, line_start) = line_at(&left.text, place(first));
        if errors.iter().any(|error| is_swallowing(error.message())) {
            // It begins on this line or before it, and whatever comes behind it was read as a part of it.
            let (at, problem) = beginning(&left.text, place(first));
            mistakes.add_at(Some(Position::of(text, at)), &KeyPath::root(), problem);
            return None;
        }
        let at = place(first).clamp(line_start, line_start + line.len());
        mistakes.add_at(Some(Position::of(text, at)), &KeyPath::root(), in_words(first.message()));
        let written = line.trim_start();
        // A header that cannot be read: the keys below it are not those of the section above it.
        if written.starts_with('[') && !first.message().contains("duplicate") {
            return None;
        }
        let word = written.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).next();
        left.words.extend(word.map(str::to_owned));
        let end = line_start + line.len();
        if written.starts_with('[') || line.trim().is_empty() {
            return None;
        }
        left.text.replace_range(line_start..end, &" ".repeat(end - line_start));
    }
    None
}

/// The line that a byte belongs to, and where it begins. The end of a line belongs to it.
fn line_at(text: &str, byte: usize) -> (&str, usize) {
    let byte = byte.min(text.len());
    // What is missing at the end of a line may be told as missing at the start of the next.
    let before = text[..byte].trim_end_matches([' ', '\t']);
    let byte = if before.ends_with('\n') && text[byte..].starts_with(['\n', '\r']) {
        before.len() - 1
    } else {
        byte
    };
    let start = text[..byte].rfind('\n').map_or(0, |at| at + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    (line, start)
}

/// A value that has no end takes in the rest of the file.
fn is_swallowing(message: &str) -> bool {
    message.contains("unclosed array") || message.contains("multi-line")
}

/// Where the value without an end begins.
fn beginning(text: &str, error: usize) -> (usize, Text) {
    let (line, start) = line_at(text, error);
    let mut end = start + line.len();
    while end > 0 {
        let (line, start) = line_at(text, end);
        if let Some(at) = line.find("\"\"\"").or_else(|| line.find("'''")) {
            return (start + at, unclosed_text());
        }
        if opens_a_list(line) && !line.trim_start().starts_with('[') {
            return (start + line.find('[').unwrap_or(0), unclosed_list());
        }
        end = start.saturating_sub(1);
    }
    (error, unclosed_list())
}

/// Whether a message is about a value that is none.
fn is_value(message: &str) -> bool {
    [
        "must be quoted",
        "missing value",
        "value",
        "number",
        "float",
        "boolean",
        "date-time",
        "zero",
        "sign",
        "fraction",
    ]
    .iter()
    .any(|word| message.contains(word))
        && !message.contains("key with no value")
        && !message.contains("unexpected key or value")
        && !message.contains("comma")
}

fn opens_a_list(line: &str) -> bool {
    line.matches('[').count() > line.matches(']').count()
}

fn unclosed_list() -> Text {
    Text::new(
        "the list that begins here has no `]` at its end, or a comma is missing in it; what follows cannot be judged",
        "ここから始まるリストに、閉じる「]」または区切りの「,」がありません。以降の内容は判定できません",
    )
}

fn unclosed_text() -> Text {
    Text::new(
        "the text that begins here has no three quotes at its end; what follows cannot be judged",
        "ここから始まる文字列が、3つの引用符で閉じられていません。以降の内容は判定できません",
    )
}

fn in_words(message: &str) -> Text {
    let (english, japanese) = match message {
        m if m.contains("duplicate key") => (
            "stands here a second time: a key, and a section in single brackets, may stand once",
            "同じ名前が2度書かれています。キーと[ ]のセクションは1度だけ書けます",
        ),
        m if is_value(m) => (
            "a value is missing or is no value: text stands in quotes (\"...\"), numbers, true and false without",
            "値がないか、値として読めません。文字列は\"…\"で囲み、数値とtrue、falseは囲まずに書きます",
        ),
        m if m.contains("string") => (
            "a text has no quote at its end, or a character that cannot stand in it (write \\\\ for \\)",
            "文字列を閉じる引用符がないか、書けない文字があります（\\は\\\\と書きます）",
        ),
        m if m.contains("unclosed table") => {
            ("the closing bracket of the section's name is missing", "セクション名を閉じる括弧がありません")
        }
        m if m.contains("key with no value") || m.contains("no value") => {
            ("must be written as key = value", "「キー = 値」の形で書いてください")
        }
        m if m.contains("comma") => {
            ("a comma is missing between the items of a list", "リストの項目の間に「,」がありません")
        }
        m if m.contains("newline") || m.contains("unexpected") || m.contains("extra") => (
            "there is more on this line than one key with its value",
            "1行に書けるのは、キーと値の組1つだけです",
        ),
        _ => (
            "this line is no TOML: write [section], [[section]] or key = value",
            "この行はTOMLとして読めません。[セクション]、[[セクション]]、「キー = 値」のいずれかを書いてください",
        ),
    };
    Text::new(english, japanese)
}
