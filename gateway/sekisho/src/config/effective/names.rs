//! Names: of sections, and where one section refers to another.

use std::collections::HashSet;

use crate::config::key_path::KeyPath;
use crate::config::mistake::Mistakes;
use crate::config::shape::nearest;
use crate::language::{Text, text};

/// A name that may stand in metrics, paths and texts.
pub(super) fn is_good(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// What a name must be.
pub(super) fn syntax() -> Text {
    Text::new(
        "must be 1 to 64 letters, digits, `-`, `_` or `.`",
        "英数字と「-」「_」「.」で1文字から64文字までにしてください",
    )
}

/// Lists names that cannot be one, or are there twice.
pub(super) fn unique<'n>(mistakes: &mut Mistakes, section: &str, names: impl Iterator<Item = &'n str>) {
    let mut seen = HashSet::new();
    for (index, name) in names.enumerate() {
        let path = KeyPath::item_of(section, index).key("name");
        if !is_good(name) {
            mistakes.add(&path, syntax());
        }
        if !mistakes.is_told(&path) && !seen.insert(name) {
            mistakes.add(
                &path,
                text!("there is another {section} of this name", "同じ名前の{section}がほかにあります"),
            );
        }
    }
}

/// Says that a section which is referred to is not there; nothing where one of them has lost its name.
pub(super) fn unknown(mistakes: &mut Mistakes, path: &KeyPath, section: &str, name: &str, known: &[&str]) {
    let nameless =
        (0..known.len()).any(|index| mistakes.is_told(&KeyPath::item_of(section, index).key("name")));
    // That there must be one at all is told already.
    if nameless || known.is_empty() {
        return;
    }
    let said = text!("there is no {section} {name:?}", "{section} {name:?} はありません");
    let mut list: Vec<String> = known.iter().map(|known| format!("{known:?}")).collect();
    list.dedup();
    let more = match nearest(name, known.iter().copied()) {
        Some(meant) => text!("; did you mean {meant:?}?", "（{meant:?} ではありませんか）"),
        None if list.is_empty() => Text::new("", ""),
        None => {
            let (english, japanese) = (list.join(", "), list.join("、"));
            text!("; there are: {english}", "。あるもの：{japanese}")
        }
    };
    mistakes.add(path, said.and(&more));
}
