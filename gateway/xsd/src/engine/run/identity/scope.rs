//! Paths followed down the tree.

use super::super::fingerprint::Fingerprint;
use super::super::habit::Written;
use super::super::leave::Value;
use crate::engine::grammar::{ConstraintId, NameTest, Path};
use crate::engine::names::Found;

/// An open element that carries a constraint.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) constraint: ConstraintId,
    /// How many elements were open, it among them.
    pub(super) depth: u32,
    pub(super) descent: Descent,
    pub(super) table: usize,
}

/// How far several paths have led, at every open element from where they begin.
#[derive(Debug, Default)]
pub(super) struct Descent {
    /// For each level a word for each path: bit `i` says that `i` steps have led here.
    words: Vec<u64>,
    paths: usize,
    /// Levels into which no path leads.
    dead: u32,
}

impl Descent {
    pub(super) fn begin(&mut self, paths: usize) {
        self.words.clear();
        self.words.resize(paths, 1);
        self.paths = paths;
        self.dead = 0;
    }

    /// One level down, to an element of this name.
    pub(super) fn descend<'p>(&mut self, paths: impl Iterator<Item = &'p Path>, found: Found) {
        if self.dead > 0 {
            self.dead += 1;
            return;
        }
        let above = self.words.len() - self.paths;
        let mut any = 0;
        for (index, path) in paths.enumerate() {
            let from = self.words[above + index];
            let mut to = u64::from(path.anywhere);
            for (step, test) in path.steps.iter().enumerate() {
                if from >> step & 1 == 1 && accepts(*test, found) {
                    to |= 1 << (step + 1);
                }
            }
            any |= to;
            self.words.push(to);
        }
        if any == 0 {
            self.words.truncate(above + self.paths);
            self.dead = 1;
        }
    }

    /// One level down, where no path leads.
    pub(super) fn skip(&mut self) {
        self.dead += 1;
    }

    pub(super) fn ascend(&mut self) {
        if self.dead > 0 {
            self.dead -= 1;
        } else {
            self.words.truncate(self.words.len().saturating_sub(self.paths));
        }
    }

    /// Whether one of the paths ends here.
    pub(super) fn arrives<'p>(&self, paths: impl Iterator<Item = &'p Path>) -> bool {
        paths.enumerate().any(|(index, path)| path.attribute.is_none() && self.ends(index, path))
    }

    /// Whether the elements of a path end here.
    fn ends(&self, index: usize, path: &Path) -> bool {
        self.dead == 0 && self.words[self.words.len() - self.paths + index] >> path.steps.len() & 1 == 1
    }
}

fn accepts(test: NameTest, found: Found) -> bool {
    match test {
        NameTest::Any => true,
        NameTest::Namespace(namespace) => found.namespace == namespace,
        NameTest::Name(name) => found.name == Some(name),
    }
}

/// What a nil element has for a value: it is of a simple type, so it belongs to the qualified nodes (§3.11.4, clause 3), and
/// it equals nothing but another one.
const NIL: Fingerprint = 0;

/// What may be wrong with an element that is a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Repeated,
    Complex,
    Nillable,
}

/// An open element that a selector has picked.
#[derive(Debug, Default)]
pub(super) struct Selection {
    pub(super) constraint: ConstraintId,
    /// Which scope's.
    pub(super) scope: usize,
    pub(super) depth: u32,
    pub(super) descent: Descent,
    fields: Vec<FieldState>,
    /// Elements whose values are awaited: field and depth.
    awaited: Vec<(usize, u32)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct FieldState {
    value: Option<Fingerprint>,
    /// Which element without children it is the text of, as far as that is of use.
    leaf: Option<u32>,
    /// A node was there.
    met: bool,
    /// Something is wrong with it that was said: nothing more is concluded from it.
    spoiled: bool,
}

impl Selection {
    pub(super) fn begin(
        &mut self,
        constraint: ConstraintId,
        scope: usize,
        depth: u32,
        fields: usize,
        paths: usize,
    ) {
        (self.constraint, self.scope, self.depth) = (constraint, scope, depth);
        self.fields.clear();
        self.fields.resize(fields, FieldState::default());
        self.awaited.clear();
        self.descent.begin(paths);
    }

    /// Notes the fields that the element just entered is; true when there is one.
    pub(super) fn expect(&mut self, fields: &[Vec<Path>], depth: u32) -> bool {
        let before = self.awaited.len();
        let mut index = 0;
        for (field, paths) in fields.iter().enumerate() {
            let here = (0..paths.len())
                .any(|path| paths[path].attribute.is_none() && self.descent.ends(index + path, &paths[path]));
            if here {
                self.awaited.push((field, depth));
            }
            index += paths.len();
        }
        self.awaited.len() > before
    }

    /// Takes an attribute of the element just entered; how many fields have one more than once now.
    pub(super) fn attribute(
        &mut self,
        fields: &[Vec<Path>],
        found: Found,
        value: Option<Option<Fingerprint>>,
    ) -> u32 {
        let mut index = 0;
        let mut repeated = 0;
        for (field, paths) in fields.iter().enumerate() {
            let here = (0..paths.len()).any(|path| {
                paths[path].attribute.is_some_and(|test| accepts(test, found))
                    && self.descent.ends(index + path, &paths[path])
            });
            index += paths.len();
            let state = &mut self.fields[field];
            if here && state.met {
                repeated += u32::from(!state.spoiled);
                state.spoiled = true;
            } else if here {
                state.met = true;
                state.value = value.flatten();
                state.spoiled = value == Some(None);
            }
        }
        repeated
    }

    /// Takes the value of the element that ends at `depth`, for the fields that await it; `tell` says whether what is
    /// wrong with one counts.
    pub(super) fn take(
        &mut self,
        depth: u32,
        value: Value,
        leaf: Option<u32>,
        nillable: bool,
        mut tell: impl FnMut(Field) -> bool,
    ) {
        while let Some(&(field, at)) = self.awaited.last() {
            if at != depth {
                return;
            }
            self.awaited.pop();
            let state = &mut self.fields[field];
            if state.met {
                state.spoiled = state.spoiled || tell(Field::Repeated);
                continue;
            }
            state.met = true;
            if nillable {
                state.spoiled = tell(Field::Nillable);
            }
            match value {
                Value::Known(value) => (state.value, state.leaf) = (Some(value), leaf),
                Value::Bad => state.spoiled = true,
                Value::Absent => state.value = Some(NIL),
                Value::Complex => state.spoiled = tell(Field::Complex),
            }
        }
    }

    pub(super) fn spoiled(&self) -> bool {
        self.fields.iter().any(|field| field.spoiled)
    }

    /// Where the values of all fields are written.
    pub(super) fn written(&self) -> impl Iterator<Item = Written> {
        self.fields.iter().filter_map(|field| match field.leaf {
            Some(leaf) => Some(Written::Text(leaf)),
            None => field.value.map(Written::Tag),
        })
    }

    /// The values of all fields, if all have one.
    pub(super) fn values(&self) -> Option<impl Iterator<Item = Fingerprint>> {
        let all = self.fields.iter().all(|field| field.value.is_some());
        all.then(|| self.fields.iter().filter_map(|field| field.value))
    }
}
