//! Which fields are present together: the content model's verdict, remembered.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use crate::layout::{FieldContent, FieldId, Layout, LevelId};
use crate::record::{Entry, EntryKind};

/// Shapes that are remembered. More than a schema's records have in practice; when they do not fit, all are forgotten.
const MAX_SHAPES: usize = 4_096;

/// Shapes that are told from one intake to the next: those that most records have.
pub(super) const MAX_USUAL: usize = 64;

/// Shapes of valid records, told from one intake to the next: a message of a few records need not find them out anew.
///
/// They say which fields were present together, and nothing of any value. At most 64, the first ones that were found; for
/// the records of one layout only.
#[derive(Debug, Default)]
pub struct UsualShapes {
    accepted: RwLock<Arc<HashSet<Box<[u8]>>>>,
}

impl UsualShapes {
    fn all(&self) -> Arc<HashSet<Box<[u8]>>> {
        Arc::clone(&self.accepted.read().unwrap_or_else(PoisonError::into_inner))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.all().len()
    }

    pub(super) fn add(&self, new: &[Box<[u8]>]) {
        if self.all().len() < MAX_USUAL {
            let mut accepted = self.accepted.write().unwrap_or_else(PoisonError::into_inner);
            let room = MAX_USUAL.saturating_sub(accepted.len());
            Arc::make_mut(&mut accepted).extend(new.iter().take(room).cloned());
        }
    }
}

/// Remembers which shapes a schema accepts.
///
/// The shape of a level is the set of fields present and, for each group, how many instances it has: as fields have
/// one order, that is all a content model can see. A shape that was part of a valid record is valid, since validity
/// of content is a matter of one element and its children (XSD 1.0 part 1 section 3.4.4).
#[derive(Debug, Default)]
pub(super) struct Shapes {
    accepted: HashSet<Box<[u8]>>,
    /// Those that were accepted before this intake.
    usual: Arc<HashSet<Box<[u8]>>>,
    /// Where the next ones learn of those that this one accepts.
    told: Option<Arc<UsualShapes>>,
    /// The last shape of the record's own level, which most records share.
    last: Vec<u8>,
    frames: Vec<Frame>,
    /// Shapes of the record at hand that are not known yet.
    unknown: Vec<Box<[u8]>>,
}

#[derive(Debug, Default)]
struct Frame {
    level: u16,
    /// Level, a bit a field, then the number of instances of each group that is present.
    key: Vec<u8>,
    group: Option<u16>,
    instances: u32,
}

/// Bytes of a key before the fields' bits.
const HEAD: usize = 2;

impl Frame {
    fn start(&mut self, level: LevelId, fields: usize) {
        self.level = level.0;
        self.key.clear();
        self.key.extend_from_slice(&level.0.to_be_bytes());
        self.key.resize(HEAD + fields.div_ceil(8), 0);
        self.group = None;
        self.instances = 0;
    }

    fn present(&mut self, field: FieldId) {
        self.key[HEAD + usize::from(field.0) / 8] |= 1 << (field.0 % 8);
    }

    fn count(&mut self, group: FieldId) {
        if self.group != Some(group.0) {
            self.flush();
            self.group = Some(group.0);
            self.present(group);
        }
        self.instances += 1;
    }

    fn flush(&mut self) {
        if self.group.take().is_some() {
            self.key.extend_from_slice(&self.instances.to_be_bytes());
            self.instances = 0;
        }
    }
}

impl Shapes {
    /// Takes over what is usual, and tells what else there is.
    pub(super) fn share(&mut self, usual: &Arc<UsualShapes>) {
        self.usual = usual.all();
        self.told = Some(Arc::clone(usual));
    }

    /// Whether every shape in a record is known to be valid. The others are kept for [`Shapes::accept`].
    pub(super) fn known(&mut self, entries: &[Entry], layout: &Layout) -> bool {
        self.unknown.clear();
        let mut depth = 0;
        self.frame(0).start(LevelId::RECORD, layout.fields().len());
        for entry in entries {
            match entry.kind {
                EntryKind::Text | EntryKind::Nil => self.frames[depth].present(entry.field),
                EntryKind::Open => {
                    self.frames[depth].count(entry.field);
                    let level = LevelId(self.frames[depth].level);
                    if let FieldContent::Group { level, .. } = layout.level(level).field(entry.field).content
                    {
                        depth += 1;
                        self.frame(depth).start(level, layout.level(level).fields.len());
                    }
                }
                EntryKind::Close => {
                    self.finish(depth);
                    depth = depth.saturating_sub(1);
                }
            }
        }
        self.finish(0);
        self.unknown.is_empty()
    }

    /// Whether this set of fields of a flat layout is known to be valid.
    pub(super) fn knows_flat(&mut self, present: impl Iterator<Item = FieldId>, fields: usize) -> bool {
        let frame = self.frame(0);
        frame.start(LevelId::RECORD, fields);
        present.for_each(|field| frame.present(field));
        self.is_accepted(&self.frames[0].key)
    }

    fn is_accepted(&self, key: &[u8]) -> bool {
        self.accepted.contains(key) || self.usual.contains(key)
    }

    fn frame(&mut self, depth: usize) -> &mut Frame {
        if self.frames.len() <= depth {
            self.frames.resize_with(depth + 1, Frame::default);
        }
        &mut self.frames[depth]
    }

    fn finish(&mut self, depth: usize) {
        let frame = &mut self.frames[depth];
        frame.flush();
        let key = &frame.key;
        if depth == 0 && *key == self.last {
            return;
        }
        if !(self.accepted.contains(key.as_slice()) || self.usual.contains(key.as_slice())) {
            self.unknown.push(key.as_slice().into());
        } else if depth == 0 {
            self.last.clone_from(key);
        }
    }

    /// Remembers the shapes of the record that [`Shapes::known`] saw last: the schema has accepted it.
    pub(super) fn accept(&mut self) {
        if let Some(told) = &self.told {
            told.add(&self.unknown);
        }
        if self.accepted.len() + self.unknown.len() > MAX_SHAPES {
            self.accepted.clear();
            self.last.clear();
        }
        self.accepted.extend(self.unknown.drain(..).take(MAX_SHAPES));
    }
}
