//! Documents, made up for a schema: valid ones, and ones that something was done to.

use fastrand::Rng;

use crate::runtime::generated::{Element, Made, Particle, SIMPLE, Type};

#[derive(Clone, Debug)]
struct Node {
    name: String,
    attributes: Vec<(String, String)>,
    items: Vec<Item>,
}

#[derive(Clone, Debug)]
enum Item {
    Node(Node),
    Text(String),
}

/// A document, mostly valid or with a fault or two.
pub(crate) fn document(made: &Made, rng: &mut Rng) -> String {
    let mut maker = Maker { made, rng, budget: 400 };
    let mut root = maker.element("t:g0", &made.globals[0], 0);
    for _ in 0..rng.u8(..3) {
        mutate(&mut root, rng);
    }
    let mut out = String::new();
    write(&root, true, &mut out);
    out
}

struct Maker<'m> {
    made: &'m Made,
    rng: &'m mut Rng,
    budget: usize,
}

impl Maker<'_> {
    fn element(&mut self, name: &str, element: &Element, depth: usize) -> Node {
        self.budget = self.budget.saturating_sub(1);
        let mut node = Node { name: name.to_owned(), attributes: Vec::new(), items: Vec::new() };
        if element.nillable && self.rng.u8(..4) == 0 {
            node.attributes.push(("xsi:nil".to_owned(), "true".to_owned()));
        }
        match element.ty {
            Type::Simple(simple) => node.items.extend(self.value(simple, element.value)),
            Type::Complex(mut index) => {
                // Type 4 may extend type 3.
                if index == 3 && self.made.types[4].base.is_some() && self.rng.bool() {
                    set(&mut node, "xsi:type", "t:C4");
                    index = 4;
                }
                self.content(index, &mut node, depth);
            }
        }
        node
    }

    fn value(&mut self, simple: usize, constraint: Option<(&str, &str)>) -> Option<Item> {
        if let Some((_, value)) = constraint
            && self.rng.bool()
        {
            return self.rng.bool().then(|| Item::Text(value.to_owned()));
        }
        let (_, _, good, bad) = SIMPLE[simple];
        let values = if bad.is_empty() || self.rng.u8(..40) > 0 { good } else { bad };
        Some(Item::Text(values[self.rng.usize(..values.len())].to_owned()))
    }

    fn content(&mut self, index: usize, node: &mut Node, depth: usize) {
        // A type may contain itself.
        if depth > 8 {
            return;
        }
        let ty = &self.made.types[index];
        if let Some(base) = ty.base {
            self.content(base, node, depth);
        }
        for attribute in &ty.attributes {
            if attribute.using == "required" || self.rng.bool() {
                let value = match (attribute.value, self.value(attribute.simple, None)) {
                    (Some(("fixed", value)), _) => value.to_owned(),
                    (_, Some(Item::Text(value))) => value,
                    _ => String::new(),
                };
                set(node, &attribute.name, &value);
            }
        }
        if ty.any_attribute.is_some() && self.rng.bool() {
            let name = ["o:x", "t:ga", "x"][self.rng.usize(..3)];
            set(node, name, "1");
        }
        if let Some(simple) = ty.simple {
            node.items.extend(self.value(simple, None));
        }
        if let Some(content) = &ty.content {
            self.particle(content, node, depth);
        }
        if ty.mixed && self.rng.bool() {
            node.items.push(Item::Text("mixed".to_owned()));
        }
    }

    fn rounds(&mut self, min: u32, max: Option<u32>) -> u32 {
        let most = max.unwrap_or(min + 3).min(min + 3);
        let rounds = self.rng.u32(min..=most);
        if self.budget == 0 { 0 } else { rounds }
    }

    fn particle(&mut self, particle: &Particle, node: &mut Node, depth: usize) {
        let made = self.made;
        match particle {
            Particle::Local(index, min, max) => {
                for _ in 0..self.rounds(*min, *max) {
                    let child = self.element(&format!("t:e{index}"), &made.locals[*index], depth + 1);
                    node.items.push(Item::Node(child));
                }
            }
            Particle::Global(index, min, max) => {
                for _ in 0..self.rounds(*min, *max) {
                    // Any of them: that it may stand here is for the schema to say.
                    let other = if self.rng.u8(..3) == 0 { self.rng.usize(1..5) } else { *index };
                    let child = self.element(&format!("t:g{other}"), &made.globals[other], depth + 1);
                    node.items.push(Item::Node(child));
                }
            }
            Particle::Any { namespace, min, max, .. } => {
                for _ in 0..self.rounds(*min, *max) {
                    let prefix =
                        if namespace.contains("other") || namespace.contains("urn:o") { "o:" } else { "" };
                    let name = if self.rng.u8(..5) == 0 { "t:g1".to_owned() } else { format!("{prefix}x") };
                    let mut child = Node { name, attributes: Vec::new(), items: Vec::new() };
                    if self.rng.u8(..4) == 0 {
                        child.attributes.push(("xsi:type".to_owned(), "xs:int".to_owned()));
                    }
                    child.items.push(Item::Text("1".to_owned()));
                    node.items.push(Item::Node(child));
                }
            }
            Particle::Group { choice, items, min, max } => {
                for _ in 0..self.rounds(*min, *max) {
                    if *choice && !items.is_empty() {
                        let item = &items[self.rng.usize(..items.len())];
                        self.particle(item, node, depth);
                    } else {
                        items.iter().for_each(|item| self.particle(item, node, depth));
                    }
                }
            }
            Particle::All(items) => {
                let mut order: Vec<&Particle> = items.iter().collect();
                self.rng.shuffle(&mut order);
                order.into_iter().for_each(|item| self.particle(item, node, depth));
            }
        }
    }
}

/// Does something to one of the nodes.
fn mutate(root: &mut Node, rng: &mut Rng) {
    let mut node = root;
    while rng.u8(..4) > 0 {
        let children: Vec<usize> =
            (0..node.items.len()).filter(|&at| matches!(node.items[at], Item::Node(_))).collect();
        if children.is_empty() {
            break;
        }
        let at = children[rng.usize(..children.len())];
        let Item::Node(child) = &mut node.items[at] else { return };
        node = child;
    }
    let len = node.items.len();
    match rng.u8(..12) {
        0 if len > 0 => {
            node.items.remove(rng.usize(..len));
        }
        1 if len > 0 => {
            let copy = node.items[rng.usize(..len)].clone();
            node.items.insert(rng.usize(..=len), copy);
        }
        2 if len > 1 => {
            let (a, b) = (rng.usize(..len), rng.usize(..len));
            node.items.swap(a, b);
        }
        3 => node.items.push(Item::Text("text".to_owned())),
        4 => node.items.push(Item::Text(" ".to_owned())),
        5 => {
            let name = ["t:e0", "t:e9", "o:x", "x", "t:g1"][rng.usize(..5)].to_owned();
            let child = Node { name, attributes: Vec::new(), items: Vec::new() };
            node.items.insert(rng.usize(..=len), Item::Node(child));
        }
        6 => set(node, "xsi:nil", ["true", "false", "1", "maybe"][rng.usize(..4)]),
        7 => set(
            node,
            "xsi:type",
            ["t:C4", "t:C3", "xs:int", "xs:string", "t:None", "t:Code", "xs:short"][rng.usize(..7)],
        ),
        8 => set(
            node,
            ["a0", "a1", "a2", "x", "t:ga", "o:x"][rng.usize(..6)],
            ["1", "x", "i1", ""][rng.usize(..4)],
        ),
        9 if !node.attributes.is_empty() => {
            node.attributes.remove(rng.usize(..node.attributes.len()));
        }
        10 => node.items.clear(),
        _ => {
            let (_, _, good, _) = SIMPLE[rng.usize(..SIMPLE.len())];
            node.items = vec![Item::Text(good[rng.usize(..good.len())].to_owned())];
        }
    }
}

fn set(node: &mut Node, name: &str, value: &str) {
    node.attributes.retain(|(known, _)| known != name);
    node.attributes.push((name.to_owned(), value.to_owned()));
}

fn write(node: &Node, root: bool, out: &mut String) {
    out.push('<');
    out.push_str(&node.name);
    if root {
        out.push_str(
            r#" xmlns:t="urn:t" xmlns:o="urn:o" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance""#,
        );
    }
    for (name, value) in &node.attributes {
        out.push_str(&format!(r#" {name}="{value}""#));
    }
    out.push('>');
    for item in &node.items {
        match item {
            Item::Node(child) => write(child, false, out),
            Item::Text(text) => out.push_str(text),
        }
    }
    out.push_str("</");
    out.push_str(&node.name);
    out.push('>');
}
