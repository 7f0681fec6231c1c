//! What is known of the configuration's shape, read from the JSON Schema of the raw types.

use serde_json::{Map, Value, json};

use crate::config::raw::Raw;

/// The shape of everything.
pub(super) struct Known(Value);

/// What may stand at one key.
pub(super) enum Shape<'k> {
    /// Text; `form` names a syntax of its own, such as `socket-address`.
    Text { form: Option<&'k str>, single: bool },
    /// One of these words.
    Words(Vec<&'k str>),
    /// A whole number.
    Whole { least: i128, most: i128 },
    /// Any number.
    Number,
    /// True or false.
    Truth,
    /// A list.
    List(&'k Value),
    /// Names of the operator's own, each with a value.
    Pairs(&'k Value),
    /// A table with these keys.
    Table(Table<'k>),
    /// A table whose `kind` says which keys it has.
    Variants { kinds: Vec<(&'k str, &'k Value)> },
}

/// The keys of a table.
pub(super) struct Table<'k> {
    keys: Vec<(&'k str, &'k Value)>,
    required: Vec<&'k str>,
}

impl<'k> Table<'k> {
    fn of(schema: &'k Value) -> Self {
        let keys = schema["properties"].as_object().into_iter().flatten();
        let required = schema["required"].as_array().into_iter().flatten();
        Self {
            keys: keys.map(|(name, schema)| (name.as_str(), schema)).collect(),
            required: required.filter_map(Value::as_str).collect(),
        }
    }

    /// All keys of several tables; none must be there.
    pub(super) fn any_of(schemas: &[&'k Value]) -> Self {
        let mut keys: Vec<(&str, &Value)> = Vec::new();
        for (name, schema) in schemas.iter().flat_map(|schema| Self::of(schema).keys) {
            if !keys.iter().any(|(known, _)| *known == name) {
                keys.push((name, schema));
            }
        }
        Self { keys, required: Vec::new() }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = (&'k str, &'k Value)> {
        self.keys.iter().copied()
    }

    pub(super) fn key(&self, name: &str) -> Option<&'k Value> {
        self.keys.iter().find(|(known, _)| *known == name).map(|(_, schema)| *schema)
    }

    pub(super) fn required(&self, name: &str) -> bool {
        self.required.contains(&name)
    }
}

impl Known {
    pub(super) fn new() -> Self {
        Self(schemars::schema_for!(Raw).to_value())
    }

    pub(super) fn root(&self) -> Value {
        let mut root = self.0.clone();
        root.as_object_mut().map(|members| members.remove("$defs"));
        root
    }

    /// The schema itself, behind references and without "or nothing".
    fn resolved<'k>(&'k self, mut schema: &'k Value) -> &'k Value {
        loop {
            if let Some(name) = schema["$ref"].as_str().and_then(|name| name.strip_prefix("#/$defs/")) {
                schema = &self.0["$defs"][name];
            } else if let Some(one) =
                schema["anyOf"].as_array().and_then(|any| any.iter().find(|one| one["type"] != "null"))
            {
                schema = one;
            } else {
                return schema;
            }
        }
    }

    /// What a schema says.
    pub(super) fn shape<'k>(&'k self, schema: &'k Value) -> Shape<'k> {
        let schema = self.resolved(schema);
        if let Some(words) = schema["enum"].as_array() {
            return Shape::Words(words.iter().filter_map(Value::as_str).collect());
        }
        if let Some(word) = schema["const"].as_str() {
            return Shape::Words(vec![word]);
        }
        if let Some(variants) = schema["oneOf"].as_array() {
            let words: Vec<&str> = variants.iter().filter_map(|one| one["const"].as_str()).collect();
            if words.len() == variants.len() {
                return Shape::Words(words);
            }
            let kind = |one: &'k Value| Some((one["properties"]["kind"]["const"].as_str()?, one));
            return Shape::Variants { kinds: variants.iter().filter_map(kind).collect() };
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
            kind => kind.as_str(),
        };
        let form = schema["format"].as_str();
        match kind {
            Some("integer") => Shape::Whole {
                least: schema["minimum"].as_i64().map_or(i128::from(i64::MIN), i128::from),
                most: match (schema["maximum"].as_u64(), form) {
                    (Some(most), _) => i128::from(most),
                    (None, Some("uint32")) => i128::from(u32::MAX),
                    // What TOML can hold.
                    _ => i128::from(i64::MAX),
                },
            },
            Some("number") => Shape::Number,
            Some("boolean") => Shape::Truth,
            Some("array") => Shape::List(&schema["items"]),
            Some("object") if schema["properties"].is_object() => Shape::Table(Table::of(schema)),
            Some("object") => Shape::Pairs(&schema["additionalProperties"]),
            _ => Shape::Text { form, single: schema["maxLength"] == 1 },
        }
    }

    pub(super) fn is_table(&self, schema: &Value) -> bool {
        matches!(self.shape(schema), Shape::Table(_) | Shape::Variants { .. })
    }

    /// Something that may stand there, so that what is around it can be judged.
    pub(super) fn harmless(&self, schema: &Value) -> Value {
        match self.shape(schema) {
            Shape::Text { form: Some("socket-address"), .. } => json!("127.0.0.1:0"),
            // A network of documentation (RFC 5737), which is nobody's.
            Shape::Text { form: Some("ip-network"), .. } => json!("192.0.2.255/32"),
            Shape::Text { single, .. } => json!(if single { "x" } else { "placeholder" }),
            Shape::Words(words) => json!(words.first()),
            Shape::Whole { least, .. } => json!(i64::try_from(least.max(1)).unwrap_or(1)),
            Shape::Number => json!(1),
            Shape::Truth => json!(false),
            Shape::List(_) => json!([]),
            Shape::Pairs(_) => json!({}),
            Shape::Table(table) => {
                let needed = table.keys().filter(|(name, _)| table.required(name));
                let needed: Map<_, _> =
                    needed.map(|(name, schema)| (name.to_owned(), self.harmless(schema))).collect();
                Value::Object(needed)
            }
            Shape::Variants { kinds } => {
                kinds.first().map_or(Value::Null, |(_, schema)| self.harmless(schema))
            }
        }
    }

    /// The tables of a section that have a key, by their dotted paths.
    pub(super) fn tables_with(&self, section: &str, key: &str) -> Vec<String> {
        let mut found = Vec::new();
        let root = &self.0["properties"][section];
        if !root.is_null() {
            self.search(root, section.to_owned(), key, 0, &mut found);
        }
        found
    }

    fn search(&self, schema: &Value, path: String, key: &str, depth: usize, found: &mut Vec<String>) {
        let tables = match self.shape(schema) {
            Shape::Table(table) => vec![table],
            Shape::Variants { kinds } => kinds.into_iter().map(|(_, schema)| Table::of(schema)).collect(),
            Shape::List(items) if self.is_table(items) => return self.search(items, path, key, depth, found),
            _ => return,
        };
        for table in tables {
            if table.key(key).is_some() && !found.contains(&path) {
                found.push(path.clone());
            }
            for (name, schema) in table.keys().filter(|_| depth < 4) {
                self.search(schema, format!("{path}.{name}"), key, depth + 1, found);
            }
        }
    }

    /// A table's header as it is written: in double brackets where there may be several.
    pub(super) fn header(&self, path: &str) -> String {
        let mut schema = &self.0;
        let mut several = false;
        for name in path.split('.') {
            let Shape::Table(table) = self.shape(schema) else { break };
            let Some(next) = table.key(name) else { break };
            schema = next;
            several = false;
            if let Shape::List(items) = self.shape(schema) {
                schema = items;
                several = true;
            }
        }
        if several { format!("[[{path}]]") } else { format!("[{path}]") }
    }
}
