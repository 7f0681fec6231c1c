//! What is wrong with a configuration: every mistake, with file, line, column, key, and what is allowed.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::key_path::{KeyPath, Position};
use crate::language::{Language, Text};

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The file.
    pub(crate) file: PathBuf,
    /// Where in it; absent when it cannot be read at all.
    pub(crate) position: Option<Position>,
    /// The key, such as `route "attributes": path`; empty for the whole file.
    pub(crate) key: String,
    /// What is wrong, and what is allowed.
    pub(crate) problem: Text,
}

impl Mistake {
    /// `file:line:column: key: what is wrong`.
    pub(crate) fn line(&self, language: Language) -> String {
        let mut out = self.file.display().to_string();
        if let Some(Position { line, column }) = self.position {
            out.push_str(&format!(":{line}:{column}"));
        }
        for part in [&self.key, self.problem.in_language(language)] {
            if !part.is_empty() {
                out.push_str(": ");
                out.push_str(part);
            }
        }
        out
    }
}

/// All mistakes of one reading.
#[derive(Debug)]
pub(crate) struct Mistakes {
    file: PathBuf,
    positions: HashMap<KeyPath, Position>,
    names: HashMap<KeyPath, String>,
    /// What was wrong already, with all that is below it: a second mistake there would only follow from the first.
    told: HashSet<KeyPath>,
    list: Vec<Mistake>,
}

impl Mistakes {
    pub(crate) fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            positions: HashMap::new(),
            names: HashMap::new(),
            told: HashSet::new(),
            list: Vec::new(),
        }
    }

    /// Notes where a key stands.
    pub(crate) fn stands(&mut self, path: &KeyPath, position: Position) {
        self.positions.entry(path.clone()).or_insert(position);
    }

    /// Notes what an item of a list is called.
    pub(crate) fn called(&mut self, item: &KeyPath, name: &str) {
        self.names.insert(item.clone(), name.to_owned());
    }

    /// Adds a mistake, unless the key was wrong already.
    pub(crate) fn add(&mut self, path: &KeyPath, problem: Text) {
        if self.is_told(path) {
            return;
        }
        let position = path.upwards().find_map(|path| self.positions.get(&path).copied());
        self.add_at(position, path, problem);
    }

    /// Adds a mistake and lets it be the only one of its key.
    pub(crate) fn add_once(&mut self, path: &KeyPath, problem: Text) {
        self.add(path, problem);
        self.told.insert(path.clone());
    }

    /// Adds a mistake at a place.
    pub(crate) fn add_at(&mut self, position: Option<Position>, path: &KeyPath, problem: Text) {
        let key = path.shown(|item| self.names.get(item).cloned());
        let mistake = Mistake { file: self.file.clone(), position, key, problem };
        if !self.list.contains(&mistake) {
            self.list.push(mistake);
        }
    }

    /// Lets nothing more be said of a key.
    pub(crate) fn say_no_more(&mut self, path: &KeyPath) {
        self.told.insert(path.clone());
    }

    /// Whether the key, or something that it lies in, was wrong already.
    pub(crate) fn is_told(&self, path: &KeyPath) -> bool {
        path.upwards().any(|path| self.told.contains(&path))
    }

    /// Whether something that lies in the key was wrong already: what stands there instead is nothing that anybody wrote.
    pub(crate) fn is_told_within(&self, path: &KeyPath) -> bool {
        self.told.iter().any(|told| told.upwards().any(|above| above == *path))
    }

    /// The folder that relative paths of the configuration start from.
    pub(crate) fn folder(&self) -> &Path {
        self.file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.list.len()
    }

    /// The list, in the order of the file.
    pub(crate) fn into_list(mut self) -> Vec<Mistake> {
        self.list.sort_by_key(|mistake| mistake.position);
        self.list
    }
}
