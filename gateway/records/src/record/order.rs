//! Entries into layout order.

use super::{Entry, EntryKind};

/// Memory of the sort, kept from record to record.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    sorted: Vec<Entry>,
    /// Spans of the children of the levels that are being sorted: field, first entry, one past the last.
    children: Vec<(u16, u32, u32)>,
}

impl Scratch {
    /// Sorts the entries of each level by field; instances of one group stay in the order in which they came.
    pub(super) fn sort(&mut self, entries: &mut Vec<Entry>, flat: bool) {
        if flat {
            if !entries.is_sorted_by_key(|entry| entry.field) {
                // Readers keep fields unique, so that no stability is asked for.
                entries.sort_unstable_by_key(|entry| entry.field);
            }
            return;
        }
        if in_order(entries) {
            return;
        }
        self.sorted.clear();
        self.children.clear();
        self.level(entries, 0, entries.len());
        std::mem::swap(entries, &mut self.sorted);
    }

    /// Appends the entries `from..to`, whole children of one level, to `sorted`. The depth is bounded by the layout's.
    fn level(&mut self, entries: &[Entry], from: usize, to: usize) {
        let first = self.children.len();
        let mut at = from;
        while at < to {
            let end = child_end(entries, at, to);
            self.children.push((entries[at].field.0, at as u32, end as u32));
            at = end;
        }
        let last = self.children.len();
        // By field and then by position: the position makes an unstable sort stable.
        self.children[first..last].sort_unstable();
        for child in first..last {
            let (_, start, end) = self.children[child];
            let (start, end) = (start as usize, end as usize);
            self.sorted.push(entries[start]);
            if end - start > 1 {
                self.level(entries, start + 1, end - 1);
                self.sorted.push(entries[end - 1]);
            }
        }
        self.children.truncate(first);
    }
}

/// One past the child that starts at `at`.
fn child_end(entries: &[Entry], at: usize, to: usize) -> usize {
    let mut depth = 0_usize;
    for (n, entry) in entries[at..to].iter().enumerate() {
        match entry.kind {
            EntryKind::Open => depth += 1,
            EntryKind::Close => depth = depth.saturating_sub(1),
            EntryKind::Text | EntryKind::Nil => {}
        }
        if depth == 0 {
            return at + n + 1;
        }
    }
    to
}

fn in_order(entries: &[Entry]) -> bool {
    let mut last = [0_u16; crate::layout::MAX_DEPTH + 1];
    let mut depth = 0;
    for entry in entries {
        match entry.kind {
            EntryKind::Close => depth -= 1,
            _ if entry.field.0 < last[depth] => return false,
            kind => {
                last[depth] = entry.field.0;
                if kind == EntryKind::Open {
                    depth += 1;
                    last[depth] = 0;
                }
            }
        }
    }
    true
}
