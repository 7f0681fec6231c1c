//! A result in the form of the upstream's, where the upstream itself said nothing.

use sekisho_xml::write::escape_text;

use crate::dialect::ResultsSpec;

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fate<'a> {
    pub(super) taken: bool,
    /// Why it was not.
    pub(super) code: Option<&'a str>,
    /// The column that is at fault.
    pub(super) field: Option<&'a str>,
}

/// The steps of a path.
pub(super) fn steps(path: &str) -> Vec<&str> {
    path.split('/').filter(|step| !step.is_empty()).collect()
}

/// The result's element, with key, success, code and field where the description has places for them, in this order.
pub(super) fn write(form: &ResultsSpec, key: Option<&str>, fate: Fate<'_>) -> Vec<u8> {
    let mut root = Element::default();
    let yes = form.true_values.first().map_or("true", String::as_str);
    root.put(form.key.as_deref(), key);
    root.put(Some(&form.success), Some(if fate.taken { yes } else { "false" }));
    if !fate.taken {
        root.put(form.code.as_deref(), fate.code);
        root.put(form.field.as_deref(), fate.field);
    }
    let name = steps(&form.result).pop().unwrap_or("result");
    let mut out = Vec::new();
    root.write(name, &mut out);
    out
}

/// An element with a text or with children, in the order in which they were put.
#[derive(Default)]
struct Element<'a> {
    text: Option<&'a str>,
    children: Vec<(&'a str, Element<'a>)>,
}

impl<'a> Element<'a> {
    fn put(&mut self, path: Option<&'a str>, text: Option<&'a str>) {
        let (Some(path), Some(text)) = (path, text) else { return };
        let mut element = self;
        for step in steps(path) {
            let known = element.children.iter().position(|(name, _)| *name == step);
            let at = known.unwrap_or_else(|| {
                element.children.push((step, Element::default()));
                element.children.len() - 1
            });
            // It is there, or was pushed there just now.
            let Some((_, child)) = element.children.get_mut(at) else { return };
            element = child;
        }
        element.text = Some(text);
    }

    fn write(&self, name: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("<{name}>").as_bytes());
        if let Some(text) = self.text {
            // Keys come from records that were read as XML can hold them; what cannot be held is left out.
            let _ = escape_text(text, out);
        }
        for (name, child) in &self.children {
            child.write(name, out);
        }
        out.extend_from_slice(format!("</{name}>").as_bytes());
    }
}
