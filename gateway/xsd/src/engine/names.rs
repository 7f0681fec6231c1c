//! Expanded names as numbers.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Namespace names as numbers; 0 is no namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NamespaceId(pub(crate) u32);

impl NamespaceId {
    /// No namespace.
    pub(crate) const NONE: NamespaceId = NamespaceId(0);
    /// A namespace that the schema does not name.
    pub(crate) const UNKNOWN: NamespaceId = NamespaceId(u32::MAX);
}

/// Expanded names as numbers, dense from 0, in the order in which the schema came to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NameId(pub(crate) u32);

impl NameId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The name of an element or attribute of a document, as far as the schema knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) name: Option<NameId>,
    pub(crate) namespace: NamespaceId,
}

/// Every name that a schema has. Documents add none.
#[derive(Debug)]
pub(crate) struct Names {
    namespaces: Vec<Box<str>>,
    names: Vec<Name>,
    /// Open addressing over `names`: index + 1, 0 for a free slot; the length is a power of two.
    slots: Vec<u32>,
}

#[derive(Debug)]
struct Name {
    namespace: NamespaceId,
    local: Box<str>,
    hash: u32,
}

impl Names {
    pub(crate) fn new() -> Self {
        Names { namespaces: vec!["".into()], names: Vec::new(), slots: vec![0; 64] }
    }

    /// The number of a namespace name, a new one if need be.
    pub(crate) fn intern_namespace(&mut self, uri: &str) -> NamespaceId {
        let known = self.namespace(uri);
        if known != NamespaceId::UNKNOWN {
            return known;
        }
        self.namespaces.push(uri.into());
        NamespaceId(self.namespaces.len() as u32 - 1)
    }

    /// The number of an expanded name, a new one if need be.
    pub(crate) fn intern(&mut self, uri: &str, local: &str) -> NameId {
        let namespace = self.intern_namespace(uri);
        if let Some(known) = self.name(namespace, local) {
            return known;
        }
        let id = NameId(self.names.len() as u32);
        self.names.push(Name { namespace, local: local.into(), hash: hash(namespace, local) });
        if self.names.len() * 2 > self.slots.len() {
            self.slots = vec![0; self.slots.len() * 2];
            (0..self.names.len()).for_each(|index| self.place(index));
        } else {
            self.place(id.index());
        }
        id
    }

    fn place(&mut self, index: usize) {
        let mask = self.slots.len() - 1;
        let mut at = self.names[index].hash as usize & mask;
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = index as u32 + 1;
    }

    /// The number of a namespace name; a schema has a handful.
    pub(crate) fn namespace(&self, uri: &str) -> NamespaceId {
        let known = self.namespaces.iter().position(|known| **known == *uri);
        known.map_or(NamespaceId::UNKNOWN, |index| NamespaceId(index as u32))
    }

    /// The number of an expanded name, if the schema has it.
    #[inline]
    pub(crate) fn name(&self, namespace: NamespaceId, local: &str) -> Option<NameId> {
        let hash = hash(namespace, local);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        // The table is never more than half full, so that a free slot ends every search.
        loop {
            let slot = self.slots[at];
            let index = slot.checked_sub(1)? as usize;
            let name = &self.names[index];
            if name.hash == hash && name.namespace == namespace && *name.local == *local {
                return Some(NameId(index as u32));
            }
            at = (at + 1) & mask;
        }
    }

    pub(crate) fn find(&self, uri: &str, local: &str) -> Found {
        let namespace = self.namespace(uri);
        let name = if namespace == NamespaceId::UNKNOWN { None } else { self.name(namespace, local) };
        Found { name, namespace }
    }

    /// A known name as what finding it gives.
    pub(crate) fn found(&self, name: NameId) -> Found {
        Found { name: Some(name), namespace: self.namespace_of(name) }
    }

    pub(crate) fn local(&self, name: NameId) -> &str {
        &self.names[name.index()].local
    }

    pub(crate) fn namespace_of(&self, name: NameId) -> NamespaceId {
        self.names[name.index()].namespace
    }

    pub(crate) fn uri(&self, namespace: NamespaceId) -> &str {
        self.namespaces.get(namespace.0 as usize).map_or("", |uri| uri)
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}

/// The schema is the operator's: nobody makes its names collide, so the hash need not be keyed.
#[inline]
fn hash(namespace: NamespaceId, local: &str) -> u32 {
    const PRIME: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut state = u64::from(namespace.0) ^ ((local.len() as u64) << 32);
    let mut chunks = local.as_bytes().chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        state = (state.rotate_left(23) ^ u64::from_le_bytes(word)).wrapping_mul(PRIME);
    }
    let mut word = 0;
    for &byte in chunks.remainder() {
        word = word << 8 | u64::from(byte);
    }
    state = (state.rotate_left(23) ^ word).wrapping_mul(PRIME);
    (state >> 32) as u32
}

/// Two numbers that nobody outside can know.
pub(crate) fn secret() -> (u64, u64) {
    let number = || RandomState::new().build_hasher().finish();
    (number(), number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again() {
        let mut names = Names::new();
        let all: Vec<_> = (0..500)
            .map(|i| {
                let (uri, local) = (format!("urn:{}", i % 7), format!("Name{i}"));
                (names.intern(&uri, &local), uri, local)
            })
            .collect();
        for (id, uri, local) in &all {
            assert_eq!(names.find(uri, local).name, Some(*id));
            assert_eq!(names.intern(uri, local), *id);
            assert_eq!(
                (names.local(*id), names.uri(names.namespace_of(*id))),
                (local.as_str(), uri.as_str())
            );
        }
        assert_eq!(names.find("", "Name1"), Found { name: None, namespace: NamespaceId::NONE });
        assert_eq!(names.find("urn:x", "Name1").namespace, NamespaceId::UNKNOWN);
        assert_eq!(names.len(), 500);
    }
}
