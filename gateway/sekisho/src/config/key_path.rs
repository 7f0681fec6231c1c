//! Where in a configuration something stands: the way of keys that leads to it, and its place in the text.

use std::fmt::Write as _;

/// One step of a [`KeyPath`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Step {
    Key(String),
    Item(usize),
}

/// The way to a key: `route`, item 0, `pace`, `limit_ms`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct KeyPath(Vec<Step>);

impl KeyPath {
    /// The whole file.
    pub(crate) fn root() -> Self {
        Self::default()
    }

    /// An item of a section that is written once for each: `[[route]]`.
    pub(crate) fn item_of(section: &str, index: usize) -> Self {
        Self::root().key(section).item(index)
    }

    /// One key further.
    pub(crate) fn key(&self, name: &str) -> Self {
        self.step(Step::Key(name.to_owned()))
    }

    /// Several keys further, parted by dots.
    pub(crate) fn dotted(&self, names: &str) -> Self {
        names.split('.').fold(self.clone(), |path, name| path.key(name))
    }

    /// One item of a list further, from 0.
    pub(crate) fn item(&self, index: usize) -> Self {
        self.step(Step::Item(index))
    }

    fn step(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// One step less; `None` for the whole file.
    pub(crate) fn parent(&self) -> Option<Self> {
        let (_, before) = self.0.split_last()?;
        Some(Self(before.to_vec()))
    }

    /// The path itself, then everything that it lies in, up to the whole file.
    pub(crate) fn upwards(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.clone()), Self::parent)
    }

    /// The keys without the items: as a table's header has them, `route.pace`.
    pub(crate) fn header(&self) -> String {
        let keys = self.0.iter().filter_map(|step| match step {
            Step::Key(name) => Some(name.as_str()),
            Step::Item(_) => None,
        });
        keys.collect::<Vec<_>>().join(".")
    }

    /// As people read it: `route "attributes": pace.limit_ms`. `name_of` knows the name of an item.
    pub(crate) fn shown(&self, name_of: impl Fn(&Self) -> Option<String>) -> String {
        let mut out = String::new();
        let mut here = Self::root();
        let mut joint = "";
        for (index, step) in self.0.iter().enumerate() {
            here = here.step(step.clone());
            match step {
                Step::Key(name) => {
                    out.push_str(joint);
                    out.push_str(name);
                    joint = if index == 0 { ": " } else { "." };
                }
                // The place in the text says which item of a list of values is meant.
                Step::Item(_) if index + 1 == self.0.len() && index > 1 => {}
                Step::Item(item) => {
                    // Writing into a string does not fail.
                    let _ = match name_of(&here) {
                        Some(name) => write!(out, " {name:?}"),
                        None => write!(out, " {}", item + 1),
                    };
                    joint = ": ";
                }
            }
        }
        out
    }
}

/// A place in a text, for people: both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Position {
    /// The place of a byte.
    pub(crate) fn of(text: &str, byte: usize) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_with_the_names_of_its_items() {
        let route = KeyPath::item_of("route", 1);
        let named = |path: &KeyPath| (*path == KeyPath::item_of("route", 1)).then(|| "orders".to_owned());
        for (path, shown) in [
            (KeyPath::root(), ""),
            (KeyPath::root().dotted("gateway.state"), "gateway: state"),
            (KeyPath::root().key("routes"), "routes"),
            (route.clone(), "route \"orders\""),
            (route.dotted("pace.limit_ms"), "route \"orders\": pace.limit_ms"),
            (route.key("clients").item(2), "route \"orders\": clients"),
            (route.key("operation").item(1).key("body"), "route \"orders\": operation 2: body"),
            (KeyPath::item_of("schema", 0).key("file"), "schema 1: file"),
        ] {
            assert_eq!(path.shown(named), shown);
        }
    }

    #[test]
    fn columns_count_characters() {
        let text = "a\n受付 = x";
        let at = text.find('x').unwrap();
        assert_eq!(Position::of(text, at), Position { line: 2, column: 6 });
        assert_eq!(Position::of(text, 0), Position { line: 1, column: 1 });
    }
}
