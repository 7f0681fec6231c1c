//! Reads a JSON answer: results per row, or an error. In one pass, keeping no more than what was asked for, however
//! much else the answer holds.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, de};

use super::ResultsSpec;
use super::json_way::{Items, MOST_TEXT, Name, items, read, steps};
use super::verdict::{RowResult, is_id};
use crate::encode::RowKeys;

/// Longest key that is taken from an answer, in bytes.
const MOST_KEY: usize = 64 * 1024;

/// What the answer says of each row; `None` when it is not of the described shape, says something twice, or has more
/// results than `rows`. `id`: where the id of what was made of a row has to stand.
pub(crate) fn results(
    body: &[u8],
    spec: &ResultsSpec,
    id: Option<&str>,
    rows: u64,
    keys: &RowKeys,
) -> Option<Vec<RowResult>> {
    let paths = [spec.key.as_deref(), Some(&*spec.success), spec.code.as_deref(), spec.field.as_deref(), id];
    let wanted = paths.map(|path| steps(path.unwrap_or_default()));
    items(body, &spec.result, &Results { wanted, has_id: id.is_some(), spec, keys, rows })
}

/// The code in an error answer.
pub(crate) fn error_code(body: &[u8], path: &str) -> Option<String> {
    let way = steps(path);
    let mut words: Words = Default::default();
    read(body, Walk { wanted: &[(0, &way)], words: &mut words })?;
    let code = words[0].take().filter(|code| code.len() <= MOST_TEXT)?;
    // A code, not prose that might quote a record.
    code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte)).then_some(code)
}

/// Words found at the paths that were looked for: key, success, code, field, id.
type Words = [Option<String>; 5];

/// What is read of the array of results.
struct Results<'a> {
    wanted: [Vec<&'a str>; 5],
    has_id: bool,
    spec: &'a ResultsSpec,
    keys: &'a RowKeys,
    rows: u64,
}

impl Results<'_> {
    fn result(&self, words: &mut Words) -> RowResult {
        let [key, success, code, field, id] = words;
        let short = |word: &mut Option<String>| word.take().filter(|word| word.len() <= MOST_TEXT);
        RowResult {
            key: key.take().map(|key| self.keys.hash(&key)),
            success: short(success).map(|word| self.spec.true_values.contains(&word)),
            code: short(code),
            field: short(field),
            id: self.has_id.then(|| id.take().is_some_and(|id| is_id(&id))),
            text: Vec::new(),
        }
    }
}

impl Items for Results<'_> {
    type All = Vec<RowResult>;

    fn all<'de, A: SeqAccess<'de>>(&self, mut seq: A) -> Result<Self::All, A::Error> {
        let ways = self.wanted.iter().map(Vec::as_slice).enumerate();
        let wanted: Vec<(usize, &[&str])> = ways.filter(|(_, way)| !way.is_empty()).collect();
        let mut results = Vec::new();
        let mut words: Words = Default::default();
        while seq.next_element_seed(Walk { wanted: &wanted, words: &mut words })?.is_some() {
            if results.len() as u64 >= self.rows {
                return Err(A::Error::custom("more results than rows"));
            }
            results.push(self.result(&mut words));
        }
        Ok(results)
    }
}

/// Looks for words below a value, at several paths at once; of an array on the way, its first item counts.
struct Walk<'a> {
    wanted: &'a [(usize, &'a [&'a str])],
    words: &'a mut Words,
}

impl Walk<'_> {
    fn word(self, word: impl Fn() -> String) {
        for (slot, _) in self.wanted.iter().filter(|(_, way)| way.is_empty()) {
            if let Some(place) = self.words.get_mut(*slot) {
                *place = Some(word());
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a result")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen: Vec<String> = Vec::new();
        while let Some(Name(name)) = map.next_key::<Name>()? {
            let name = name.unwrap_or_default();
            let below: Vec<(usize, &[&str])> = self
                .wanted
                .iter()
                .filter(|(_, way)| way.first().is_some_and(|first| *first == name))
                .filter_map(|(slot, way)| Some((*slot, way.get(1..)?)))
                .collect();
            if below.is_empty() {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if seen.contains(&name) {
                return Err(A::Error::custom("a member twice"));
            }
            seen.push(name);
            map.next_value_seed(Walk { wanted: &below, words: self.words })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        seq.next_element_seed(Walk { wanted: self.wanted, words: self.words })?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        if text.len() <= MOST_KEY {
            self.word(|| text.to_owned());
        }
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<(), E> {
        self.word(|| flag.to_string());
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<(), E> {
        self.word(|| number.to_string());
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<(), E> {
        self.word(|| number.to_string());
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<(), E> {
        self.word(|| number.to_string());
        Ok(())
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }
}
