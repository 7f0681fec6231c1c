//! Sets of records, written in every format.

/// Records by their fields' values; `None` is absent.
#[derive(Debug, Clone)]
pub(crate) struct RecordSet {
    pub(crate) namespace: &'static str,
    pub(crate) root: &'static str,
    pub(crate) record: &'static str,
    pub(crate) fields: Vec<String>,
    pub(crate) records: Vec<Vec<Option<String>>>,
}

impl RecordSet {
    /// Orders: order_id, customer, amount, note.
    pub(crate) fn orders(records: &[[&str; 4]]) -> Self {
        let fields = ["order_id", "customer", "amount", "note"];
        let value = |value: &str| (!value.is_empty()).then(|| value.to_owned());
        Self {
            namespace: "urn:example:bulk",
            root: "orders",
            record: "order",
            fields: fields.map(str::to_owned).to_vec(),
            records: records.iter().map(|record| record.map(value).to_vec()).collect(),
        }
    }

    /// So many good orders.
    pub(crate) fn many_orders(count: u64) -> Self {
        let mut set = Self::orders(&[]);
        for number in 1..=count {
            let values = [number.to_string(), format!("客{number}"), format!("{number}.5"), String::new()];
            set.records.push(values.into_iter().map(|value| (!value.is_empty()).then_some(value)).collect());
        }
        set
    }

    /// Residents by attributes, F001 to F168; the closure may spoil values.
    pub(crate) fn attributes(count: u64, spoil: impl Fn(u64, &mut Vec<Option<String>>)) -> Self {
        let mut records = Vec::new();
        for number in 1..=count {
            let mut values: Vec<Option<String>> = vec![None; 168];
            for (field, value) in
                [(0, format!("U{number:09}")), (1, "20261001".to_owned()), (2, "1".to_owned())]
            {
                values[field] = Some(value);
            }
            values[5] = Some("12101".to_owned());
            values[6] = Some("00042".to_owned());
            for flag in &mut values[8..118] {
                *flag = Some((number % 2).to_string());
            }
            values[120] = None;
            spoil(number, &mut values);
            records.push(values);
        }
        Self {
            namespace: "urn:example:city:attributes:1",
            root: "AttributeBatch",
            record: "Record",
            fields: (1..=168).map(|n| format!("F{n:03}")).collect(),
            records,
        }
    }

    pub(crate) fn csv(&self) -> String {
        let mut out = self.fields.join(",");
        out.push_str("\r\n");
        for record in &self.records {
            let cells: Vec<_> = record
                .iter()
                .map(|value| match value {
                    Some(value) if value.contains([',', '"', '\r', '\n']) => {
                        format!("\"{}\"", value.replace('"', "\"\""))
                    }
                    Some(value) => value.clone(),
                    None => String::new(),
                })
                .collect();
            out.push_str(&cells.join(","));
            out.push_str("\r\n");
        }
        out
    }

    pub(crate) fn json(&self) -> String {
        format!("[{}]", self.objects().collect::<Vec<_>>().join(",\n"))
    }

    pub(crate) fn ndjson(&self) -> String {
        self.objects().map(|object| object + "\n").collect()
    }

    fn objects(&self) -> impl Iterator<Item = String> {
        self.records.iter().map(|record| {
            let members: Vec<_> = self
                .fields
                .iter()
                .zip(record)
                .filter_map(|(name, value)| {
                    let value = serde_json::Value::from(value.as_deref()?);
                    Some(format!("\"{name}\":{value}"))
                })
                .collect();
            format!("{{{}}}", members.join(","))
        })
    }

    /// A document of its own.
    pub(crate) fn xml(&self) -> String {
        let Self { root, namespace, .. } = self;
        format!("<?xml version=\"1.0\"?>\n<{root} xmlns=\"{namespace}\">{}</{root}>", self.elements())
    }

    /// The record elements, in the default namespace.
    pub(crate) fn elements(&self) -> String {
        let mut out = String::new();
        for record in &self.records {
            out.push_str(&format!("\n<{} xmlns=\"{}\">", self.record, self.namespace));
            for (name, value) in self.fields.iter().zip(record) {
                let Some(value) = value else { continue };
                let value = value
                    .replace('&', "&amp;")
                    .replace('<', "&lt;")
                    .replace('>', "&gt;")
                    .replace('\r', "&#13;");
                out.push_str(&format!("<{name}>{value}</{name}>"));
            }
            out.push_str(&format!("</{}>", self.record));
        }
        out
    }
}
