//! What is wrong with a configuration: every mistake, with file, line, key, and what is allowed.

use std::fmt;
use std::path::{Path, PathBuf};

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The file.
    pub(crate) file: PathBuf,
    /// Line, from 1, where known.
    pub(crate) line: Option<usize>,
    /// The key, such as `route "attributes": path`.
    pub(crate) key: String,
    /// What is wrong, and what is allowed.
    pub(crate) problem: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// All mistakes of one reading.
#[derive(Debug)]
pub(crate) struct Mistakes {
    file: PathBuf,
    list: Vec<Mistake>,
}

impl Mistakes {
    pub(crate) fn new(file: &Path) -> Self {
        Self { file: file.to_owned(), list: Vec::new() }
    }

    /// Adds a mistake at a key.
    pub(crate) fn add(&mut self, key: impl Into<String>, problem: impl fmt::Display) {
        self.add_at(None, key, problem);
    }

    /// Adds a mistake at a line.
    pub(crate) fn add_at(&mut self, line: Option<usize>, key: impl Into<String>, problem: impl fmt::Display) {
        let (file, key, problem) = (self.file.clone(), key.into(), problem.to_string());
        self.list.push(Mistake { file, line, key, problem });
    }

    /// The folder that relative paths of the configuration start from.
    pub(crate) fn folder(&self) -> &Path {
        self.file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The list.
    pub(crate) fn into_list(self) -> Vec<Mistake> {
        self.list
    }
}
