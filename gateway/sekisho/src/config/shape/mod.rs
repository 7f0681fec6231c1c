//! The shape of a configuration: which keys there are, and what may stand at each.
//!
//! What is known of it comes from the raw types, by way of their JSON Schema. Every mistake is listed; what is wrong is
//! then left out, or replaced by something harmless where a value must be there, so that the rest can be judged.

mod known;
mod near;
mod words;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

pub(crate) use self::near::nearest;

use self::known::{Known, Shape, Table};
use super::key_path::{KeyPath, Position};
use super::mistake::Mistakes;
use super::syntax::Readable;
use crate::language::{Text, text};

/// Takes the file as far as it has its shape, as JSON that the raw types can be read from.
pub(super) fn take(readable: &Readable, document: &DeTable<'_>, mistakes: &mut Mistakes) -> Value {
    let text = readable.text.as_str();
    let known = Known::new();
    let root = known.root();
    let Shape::Table(shape) = known.shape(&root) else {
        // The configuration's own type is a struct.
        return Value::Null;
    };
    let end = Position { line: text.lines().count().max(1), column: 1 };
    mistakes.stands(&KeyPath::root(), end);
    Taking { text, known: &known, readable, mistakes }.table(&shape, document, &KeyPath::root())
}

struct Taking<'t> {
    text: &'t str,
    known: &'t Known,
    readable: &'t Readable,
    mistakes: &'t mut Mistakes,
}

impl Taking<'_> {
    /// The value as far as it is what may stand there. `None` when it is not, which is listed then.
    fn value(&mut self, schema: &Value, value: &Spanned<DeValue<'_>>, path: &KeyPath) -> Option<Value> {
        let shape = self.known.shape(schema);
        match (&shape, value.get_ref()) {
            (Shape::Text { .. } | Shape::Words(_), DeValue::String(written)) => {
                match words::of_text(&shape, written) {
                    None => return Some(Value::from(written.as_ref())),
                    Some(problem) => self.mistakes.add_once(path, problem),
                }
            }
            (Shape::Whole { least, most }, DeValue::Integer(written)) => match whole(written) {
                Some(number) if (*least..=*most).contains(&number) => return number_of(number),
                _ => self.mistakes.add_once(path, words::out_of_range(*least, *most)),
            },
            (Shape::Number, DeValue::Integer(written)) => return whole(written).and_then(number_of),
            (Shape::Number, DeValue::Float(written)) => {
                match written
                    .as_str()
                    .replace('_', "")
                    .parse::<f64>()
                    .ok()
                    .filter(|number| number.is_finite())
                {
                    Some(number) => return Some(Value::from(number)),
                    None => self.mistakes.add_once(path, words::expected(&shape, value.get_ref(), path)),
                }
            }
            (Shape::Truth, DeValue::Boolean(truth)) => return Some(Value::from(*truth)),
            (Shape::List(items), DeValue::Array(list)) => {
                let many = list.iter().enumerate();
                return Some(many.map(|(index, item)| self.item(items, item, &path.item(index))).collect());
            }
            // [listener] where [[listener]] is meant: what is in it is judged all the same.
            (Shape::List(items), DeValue::Table(_)) if self.known.is_table(items) => {
                self.mistakes.add(path, words::once_for_each(path));
                return Some(Value::Array(vec![self.item(items, value, &path.item(0))]));
            }
            (Shape::Table(_) | Shape::Variants { .. }, DeValue::Array(list)) if list.len() == 1 => {
                self.mistakes.add(path, words::only_once(path));
                return list.iter().next().and_then(|only| self.value(schema, only, path));
            }
            (Shape::Table(shape), DeValue::Table(table)) => return Some(self.table(shape, table, path)),
            (Shape::Variants { kinds }, DeValue::Table(table)) => return self.variant(kinds, table, path),
            (Shape::Pairs(values), DeValue::Table(table)) => return Some(self.pairs(values, table, path)),
            (_, found) => self.mistakes.add_once(path, words::expected(&shape, found, path)),
        }
        None
    }

    /// An item of a list; the list keeps its length, so that places stay what they are.
    fn item(&mut self, schema: &Value, item: &Spanned<DeValue<'_>>, path: &KeyPath) -> Value {
        self.mistakes.stands(path, Position::of(self.text, item.span().start));
        if let Some(name) =
            item.get_ref().get("name").and_then(|name| name.get_ref().as_str().map(str::to_owned))
        {
            self.mistakes.called(path, &name);
        }
        self.value(schema, item, path).unwrap_or_else(|| self.known.harmless(schema))
    }

    fn pairs(&mut self, values: &Value, table: &DeTable<'_>, path: &KeyPath) -> Value {
        let mut taken = Map::new();
        for (name, value) in table {
            let (name, at) = (name.get_ref().as_ref(), self.position(name));
            let path = path.key(name);
            self.mistakes.stands(&path, at);
            if let Some(value) = self.value(values, value, &path) {
                taken.insert(name.to_owned(), value);
            }
        }
        Value::Object(taken)
    }

    fn table(&mut self, shape: &Table<'_>, table: &DeTable<'_>, path: &KeyPath) -> Value {
        let mut taken = Map::new();
        for (written, value) in table {
            let (mut name, at) = (written.get_ref().as_ref(), self.position(written));
            let mut path = path.key(name);
            self.mistakes.stands(&path, at);
            if shape.key(name).is_none() {
                let meant = self.meant(shape, name, value, table);
                let problem = self.unknown(shape, name, value.get_ref(), &path);
                self.mistakes.add_once(&path, problem);
                // A misspelt key stands for the one that was meant, which is then not missing, and is judged.
                let Some(meant) = meant else { continue };
                name = meant;
                path = path.parent().unwrap_or_default().key(name);
                self.mistakes.stands(&path, at);
            }
            let Some(schema) = shape.key(name) else { continue };
            match self.value(schema, value, &path) {
                Some(value) => drop(taken.insert(name.to_owned(), value)),
                None if shape.required(name) => {
                    drop(taken.insert(name.to_owned(), self.known.harmless(schema)))
                }
                None => {}
            }
        }
        for (name, schema) in shape.keys() {
            if !shape.required(name) || taken.contains_key(name) {
                continue;
            }
            let path = path.key(name);
            if self.readable.lost(name) {
                self.mistakes.say_no_more(&path);
            }
            let problem = words::missing(&self.known.shape(schema), path.parent().as_ref(), name);
            self.mistakes.add_once(&path, problem);
            taken.insert(name.to_owned(), self.known.harmless(schema));
        }
        Value::Object(taken)
    }

    /// A table whose key `kind` says which keys it has.
    fn variant(&mut self, kinds: &[(&str, &Value)], table: &DeTable<'_>, path: &KeyPath) -> Option<Value> {
        let written = table.iter().find(|(name, _)| name.get_ref() == "kind");
        let kind = written.and_then(|(_, value)| value.get_ref().as_str());
        if let Some((_, schema)) = kind.and_then(|kind| kinds.iter().find(|(name, _)| *name == kind)) {
            let Shape::Table(shape) = self.known.shape(schema) else { return None };
            return Some(self.table(&shape, table, path));
        }
        let kind_path = path.key("kind");
        if let Some((name, _)) = written {
            self.mistakes.stands(&kind_path, self.position(name));
        }
        let names: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
        self.mistakes.add_once(&kind_path, words::one_of(&names, kind));
        // Which keys it should have is not known; which there are at all is.
        let any: Vec<&Value> = kinds.iter().map(|(_, schema)| *schema).collect();
        let shape = Table::any_of(&any);
        let _ = self.table(&shape, table, path);
        self.mistakes.say_no_more(path);
        None
    }

    /// The key that a misspelt one stands for: the nearest that is not there itself, and can have such a value.
    fn meant<'k>(
        &self,
        shape: &Table<'k>,
        name: &str,
        value: &Spanned<DeValue<'_>>,
        table: &DeTable<'_>,
    ) -> Option<&'k str> {
        let absent = |known: &str| !table.iter().any(|(name, _)| name.get_ref() == known);
        let meant = nearest(name, shape.keys().map(|(name, _)| name)).filter(|name| absent(name))?;
        let schema = shape.key(meant)?;
        let fits = match (self.known.shape(schema), value.get_ref()) {
            (Shape::Table(_) | Shape::Variants { .. } | Shape::Pairs(_), value) => {
                matches!(value, DeValue::Table(_))
            }
            (Shape::List(_), value) => matches!(value, DeValue::Array(_)),
            (_, value) => !matches!(value, DeValue::Table(_) | DeValue::Array(_)),
        };
        fits.then_some(meant)
    }

    fn unknown(&self, shape: &Table<'_>, name: &str, value: &DeValue<'_>, path: &KeyPath) -> Text {
        let known: Vec<&str> = shape.keys().map(|(name, _)| name).collect();
        // A key behind a table's header belongs to that table, whatever was meant.
        let header = path.header();
        // Above the first header, it may be meant for any section.
        let sections = header.split_once('.').map_or(known.clone(), |(section, _)| vec![section]);
        let mut places: Vec<String> =
            sections.iter().flat_map(|section| self.known.tables_with(section, name)).collect();
        let depth = |place: &String| place.matches('.').count();
        let nearest_depth = places.iter().map(depth).min();
        places.retain(|place| Some(depth(place)) == nearest_depth);
        if let ([place], false) = (places.as_slice(), matches!(value, DeValue::Table(_))) {
            let header = self.known.header(place);
            return text!(
                "unknown key here; it belongs to {header}, and must stand below that header",
                "ここには書けないキーです。{header}の下に書いてください"
            );
        }
        match nearest(name, known.iter().copied()) {
            Some(meant) if header == name => {
                let header = self.known.header(meant);
                text!(
                    "unknown section; did you mean {header}?",
                    "このセクションはありません。{header}ではありませんか"
                )
            }
            Some(meant) => {
                text!(
                    "unknown key; did you mean `{meant}`?",
                    "このキーはありません。「{meant}」ではありませんか"
                )
            }
            None => words::unknown(path, &known),
        }
    }

    fn position(&self, name: &Spanned<std::borrow::Cow<'_, str>>) -> Position {
        Position::of(self.text, name.span().start)
    }
}

fn whole(written: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(&written.as_str().replace('_', ""), written.radix()).ok()
}

fn number_of(number: i128) -> Option<Value> {
    u64::try_from(number).map(Value::from).or_else(|_| i64::try_from(number).map(Value::from)).ok()
}

#[cfg(test)]
mod tests;
