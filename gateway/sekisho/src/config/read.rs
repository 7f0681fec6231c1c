//! Reading a configuration: as TOML, then by its shape; one mistake does not hide the others.

use std::path::Path;

use toml::de::DeTable;

use super::mistake::Mistakes;
use super::raw::Raw;
use super::{key_path::KeyPath, shape, syntax};
use crate::language::text;

/// Reads a configuration as far as it can be read; what is wrong with it is in `mistakes`. `None` when nothing of it can
/// be judged any further.
pub(crate) fn read(text: &str, mistakes: &mut Mistakes) -> Option<Raw> {
    let readable = syntax::readable(text, mistakes)?;
    let (document, _) = DeTable::parse_recoverable(&readable.text);
    let taken = shape::take(&readable, document.get_ref(), mistakes);
    match serde_json::from_value(taken) {
        Ok(raw) => Some(raw),
        Err(error) => {
            // The shape is made from the types, so this says more about the program than about the file.
            mistakes.add(&KeyPath::root(), text!("cannot be taken: {error}", "読み取れません（{error}）"));
            None
        }
    }
}

/// Reads the file at `path`.
pub(crate) fn file(path: &Path, mistakes: &mut Mistakes) -> Option<Raw> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            mistakes.add_at(None, &KeyPath::root(), super::words::unreadable(&error));
            return None;
        }
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) => read(text.strip_prefix('\u{feff}').unwrap_or(text), mistakes),
        Err(error) => {
            let good = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            let position = super::key_path::Position::of(good, good.len());
            mistakes.add_at(
                Some(position),
                &KeyPath::root(),
                text!("the file must be in UTF-8", "ファイルの文字コードはUTF-8にしてください"),
            );
            None
        }
    }
}
