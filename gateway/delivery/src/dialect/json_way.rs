//! The way through a JSON answer to its array of results: by member names; of an array on the way, its first item.
//!
//! What is made of the items is for who asks ([`Items`]). Nothing beside the way is kept, however much the answer holds.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Longest code, name of a field or name of a member that is taken from an answer, in bytes.
pub(super) const MOST_TEXT: usize = 256;

/// What is made of the array of results.
pub(super) trait Items {
    /// All of it.
    type All;

    /// Reads the items to the last.
    fn all<'de, A: SeqAccess<'de>>(&self, seq: A) -> Result<Self::All, A::Error>;
}

/// What `made` makes of the array at this path; `None` where there is no such array, where a member on the way stands
/// twice, or where the body is no JSON to its end.
pub(super) fn items<I: Items>(body: &[u8], path: &str, made: &I) -> Option<I::All> {
    read(body, Way { steps: &steps(path), items: made })?
}

/// The member names of a path.
pub(super) fn steps(path: &str) -> Vec<&str> {
    path.split('/').filter(|step| !step.is_empty()).collect()
}

/// Reads a body to its end; `None` where it is no JSON, or not what is looked for.
pub(super) fn read<'de, S: DeserializeSeed<'de>>(body: &'de [u8], seed: S) -> Option<S::Value> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let found = seed.deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    Some(found)
}

struct Way<'a, I> {
    steps: &'a [&'a str],
    items: &'a I,
}

impl<'de, I: Items> DeserializeSeed<'de> for Way<'_, I> {
    type Value = Option<I::All>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, I: Items> Visitor<'de> for Way<'_, I> {
    type Value = Option<I::All>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the way to the results")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some((first, rest)) = self.steps.split_first() else {
            return Err(A::Error::custom("an object where the results stand"));
        };
        let mut seen = false;
        let mut found = None;
        while let Some(Name(name)) = map.next_key()? {
            if name.as_deref() != Some(*first) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if std::mem::replace(&mut seen, true) {
                return Err(A::Error::custom("a member twice"));
            }
            found = map.next_value_seed(Way { steps: rest, items: self.items })?;
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        if self.steps.is_empty() {
            return self.items.all(seq).map(Some);
        }
        let found = seq.next_element_seed(Way { steps: self.steps, items: self.items })?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found.flatten())
    }
}

/// A member's name, if it is short enough to be one that is looked for.
pub(super) struct Name(pub(super) Option<String>);

impl<'de> de::Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Short;
        impl Visitor<'_> for Short {
            type Value = Name;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a member's name")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Name, E> {
                Ok(Name((name.len() <= MOST_TEXT).then(|| name.to_owned())))
            }
        }
        deserializer.deserialize_str(Short)
    }
}
