//! Schemas, made up.

use std::fmt::Write as _;

use fastrand::Rng;

/// Simple types: name, definition, values that are of it, values that are not.
pub(crate) const SIMPLE: [(&str, &str, &[&str], &[&str]); 10] = [
    ("xs:int", "", &["1", " -7 ", "0"], &["x", "", "1.5", "99999999999"]),
    ("xs:string", "", &["", "a b", " x "], &[]),
    (
        "t:Code",
        r#"<xs:restriction base="xs:token"><xs:pattern value="[A-C]{1,2}"/></xs:restriction>"#,
        &["A", "BC", " C "],
        &["D", "", "ABC"],
    ),
    (
        "t:Choice",
        r#"<xs:restriction base="xs:decimal"><xs:enumeration value="1.0"/><xs:enumeration value="2"/></xs:restriction>"#,
        &["1", "2.00", "+1.0"],
        &["3", "1 2"],
    ),
    ("t:List", r#"<xs:list itemType="xs:int"/>"#, &["", "1 2", " 3 "], &["1 x"]),
    ("t:Union", r#"<xs:union memberTypes="xs:int t:Code"/>"#, &["5", "AB"], &["D", ""]),
    ("xs:ID", "", &["i1", "i2", "i3", "i4"], &["1i", ""]),
    ("xs:IDREF", "", &["i1", "i2"], &["1i"]),
    ("xs:date", "", &["2024-02-29", "2026-04-01Z"], &["2023-02-29", "today"]),
    ("xs:boolean", "", &["true", "0"], &["yes"]),
];

/// An element's content.
#[derive(Clone, Debug)]
pub(crate) enum Particle {
    /// A local element of this number, whose type goes with its name.
    Local(usize, u32, Option<u32>),
    /// A reference to a global element of this number.
    Global(usize, u32, Option<u32>),
    Any {
        namespace: &'static str,
        process: &'static str,
        min: u32,
        max: Option<u32>,
    },
    Group {
        choice: bool,
        items: Vec<Particle>,
        min: u32,
        max: Option<u32>,
    },
    All(Vec<Particle>),
}

#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) simple: usize,
    pub(crate) using: &'static str,
    pub(crate) value: Option<(&'static str, &'static str)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Complex {
    pub(crate) content: Option<Particle>,
    pub(crate) mixed: bool,
    pub(crate) is_abstract: bool,
    pub(crate) block: &'static str,
    /// The type that it extends.
    pub(crate) base: Option<usize>,
    /// Simple content instead, extending this simple type.
    pub(crate) simple: Option<usize>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) any_attribute: Option<(&'static str, &'static str)>,
}

/// What an element is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Type {
    Simple(usize),
    Complex(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct Element {
    pub(crate) ty: Type,
    pub(crate) nillable: bool,
    pub(crate) is_abstract: bool,
    pub(crate) block: &'static str,
    pub(crate) value: Option<(&'static str, &'static str)>,
    /// Global elements only: the head that it may stand for.
    pub(crate) head: Option<usize>,
}

/// A schema that was made up. The root is global element 0, of complex type 0; types contain only later types.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) locals: Vec<Element>,
    pub(crate) globals: Vec<Element>,
    pub(crate) types: Vec<Complex>,
    pub(crate) constraints: Vec<String>,
}

const LOCALS: usize = 7;
const TYPES: usize = 5;

fn pick<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(..of.len())]
}

fn occurs(rng: &mut Rng) -> (u32, Option<u32>) {
    pick(
        rng,
        &[
            (1, Some(1)),
            (1, Some(1)),
            (0, Some(1)),
            (0, None),
            (1, None),
            (2, Some(3)),
            (0, Some(2)),
            (20, Some(40)),
        ],
    )
}

impl Made {
    pub(crate) fn new(rng: &mut Rng) -> Made {
        let mut made =
            Made { locals: Vec::new(), globals: Vec::new(), types: Vec::new(), constraints: Vec::new() };
        for index in 0..LOCALS {
            // The later locals are of the later complex types.
            let ty =
                if index < 4 { Type::Simple(rng.usize(..SIMPLE.len())) } else { Type::Complex(index - 3) };
            let element = element(rng, ty);
            made.locals.push(element);
        }
        made.globals.push(Element {
            ty: Type::Complex(0),
            nillable: false,
            is_abstract: false,
            block: "",
            value: None,
            head: None,
        });
        let ty = if rng.bool() { Type::Simple(rng.usize(..6)) } else { Type::Complex(4) };
        for index in 1..5 {
            let mut global = element(rng, ty);
            global.value = None;
            global.head = (index > 1).then(|| rng.usize(1..index));
            global.is_abstract = rng.u8(..5) == 0;
            global.block = pick(rng, &["", "", "", "substitution", "#all"]);
            made.globals.push(global);
        }
        for index in 0..TYPES {
            let complex = made.complex(rng, index);
            made.types.push(complex);
        }
        for kind in ["key", "unique", "keyref"] {
            if rng.u8(..3) == 0 {
                let selector = pick(rng, &["*", ".//t:e4", "t:e0", "t:e0|t:e4", ".//*", "t:e4/t:e1", "t:g1"]);
                let field = pick(rng, &["@a0", "t:e1", ".", "@a1|t:e0", "*"]);
                let refer = if kind == "keyref" { r#" refer="t:k""# } else { "" };
                made.constraints.push(format!(
                    r#"<xs:{kind} name="{}"{refer}><xs:selector xpath="{selector}"/><xs:field xpath="{field}"/></xs:{kind}>"#,
                    if kind == "keyref" { "r" } else if kind == "key" { "k" } else { "u" }
                ));
            }
        }
        if !made.constraints.iter().any(|constraint| constraint.contains(r#"name="k""#)) {
            made.constraints.retain(|constraint| !constraint.contains("refer="));
        }
        made
    }

    fn complex(&self, rng: &mut Rng, index: usize) -> Complex {
        let simple = (index > 0 && rng.u8(..6) == 0).then(|| rng.usize(..SIMPLE.len()));
        // Type 4 contains no elements of complex types and may extend type 3, which then has nothing of its own kind.
        let base =
            (index == 4 && simple.is_none() && self.types[3].simple.is_none() && rng.bool()).then_some(3);
        let mut names: Vec<usize> = (0..LOCALS).filter(|&local| local < 4 || local - 3 > index).collect();
        rng.shuffle(&mut names);
        if base.is_some() {
            names.truncate(2);
        }
        let content = (simple.is_none() && rng.u8(..8) > 0).then(|| match rng.u8(..6) {
            0 if base.is_none() => Particle::All(
                names
                    .iter()
                    .take(rng.usize(1..4))
                    .map(|&local| Particle::Local(local, rng.u32(..2), Some(1)))
                    .collect(),
            ),
            _ => group(rng, &mut names, index, 0),
        });
        let mut attributes: Vec<Attribute> = Vec::new();
        for name in 0..3 {
            if rng.u8(..3) == 0 {
                let simple = rng.usize(..SIMPLE.len());
                let value = pick(rng, &[None, None, Some("default"), Some("fixed")]);
                let value = value.filter(|_| simple != 6).map(|kind| (kind, SIMPLE[simple].2[0]));
                let using = if value.is_some_and(|value| value.0 == "default") {
                    "optional"
                } else {
                    pick(rng, &["optional", "required"])
                };
                let name = format!("a{}", name + if base.is_some() { 3 } else { 0 });
                attributes.push(Attribute { name, simple, using, value });
            }
        }
        if attributes.iter().filter(|attribute| attribute.simple == 6).count() > 1 {
            attributes.retain(|attribute| attribute.simple != 6);
        }
        Complex {
            content,
            mixed: simple.is_none()
                && match base {
                    Some(base) => self.types[base].mixed,
                    None => rng.u8(..5) == 0,
                },
            is_abstract: index > 0 && rng.u8(..8) == 0,
            block: pick(rng, &["", "", "", "extension", "#all"]),
            base,
            simple,
            attributes,
            any_attribute: (rng.u8(..5) == 0)
                .then(|| (namespace(rng), pick(rng, &["lax", "strict", "skip"]))),
        }
    }

    pub(crate) fn text(&self) -> String {
        let mut out = String::from(
            r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t" elementFormDefault="qualified">
"#,
        );
        for (name, definition, ..) in SIMPLE.iter().filter(|(name, ..)| name.starts_with("t:")) {
            let _ = writeln!(out, r#"<xs:simpleType name="{}">{definition}</xs:simpleType>"#, &name[2..]);
        }
        out.push_str("<xs:attribute name=\"ga\" type=\"xs:int\"/>\n");
        for (index, global) in self.globals.iter().enumerate() {
            let head =
                global.head.map(|head| format!(r#" substitutionGroup="t:g{head}""#)).unwrap_or_default();
            let keys = if index == 0 { self.constraints.concat() } else { String::new() };
            let _ = writeln!(
                out,
                r#"<xs:element name="g{index}"{}{head}>{keys}</xs:element>"#,
                self.declaration(global)
            );
        }
        for (index, ty) in self.types.iter().enumerate() {
            self.write_type(&mut out, index, ty);
        }
        out.push_str("</xs:schema>");
        out
    }

    fn declaration(&self, element: &Element) -> String {
        let mut out = match element.ty {
            Type::Simple(simple) => format!(r#" type="{}""#, SIMPLE[simple].0),
            Type::Complex(index) => format!(r#" type="t:C{index}""#),
        };
        for (name, set) in [("nillable", element.nillable), ("abstract", element.is_abstract)] {
            if set {
                let _ = write!(out, r#" {name}="true""#);
            }
        }
        if !element.block.is_empty() {
            let _ = write!(out, r#" block="{}""#, element.block);
        }
        if let Some((kind, value)) = element.value {
            let _ = write!(out, r#" {kind}="{value}""#);
        }
        out
    }

    fn write_type(&self, out: &mut String, index: usize, ty: &Complex) {
        let _ = write!(out, r#"<xs:complexType name="C{index}""#);
        if ty.mixed {
            out.push_str(r#" mixed="true""#);
        }
        if ty.is_abstract {
            out.push_str(r#" abstract="true""#);
        }
        if !ty.block.is_empty() {
            let _ = write!(out, r#" block="{}""#, ty.block);
        }
        out.push('>');
        let (open, close) = match (ty.simple, ty.base) {
            (Some(simple), _) => (
                format!(r#"<xs:simpleContent><xs:extension base="{}">"#, SIMPLE[simple].0),
                "</xs:extension></xs:simpleContent>",
            ),
            (_, Some(base)) => (
                format!(r#"<xs:complexContent mixed="{}"><xs:extension base="t:C{base}">"#, ty.mixed),
                "</xs:extension></xs:complexContent>",
            ),
            _ => (String::new(), ""),
        };
        out.push_str(&open);
        if let Some(content) = &ty.content {
            self.write_particle(out, content);
        }
        for Attribute { name, simple, using, value } in &ty.attributes {
            let _ = write!(out, r#"<xs:attribute name="{name}" type="{}" use="{using}""#, SIMPLE[*simple].0);
            if let Some((kind, value)) = value {
                let _ = write!(out, r#" {kind}="{value}""#);
            }
            out.push_str("/>");
        }
        if let Some((namespace, process)) = ty.any_attribute {
            let _ = write!(out, r#"<xs:anyAttribute namespace="{namespace}" processContents="{process}"/>"#);
        }
        out.push_str(close);
        out.push_str("</xs:complexType>\n");
    }

    fn write_particle(&self, out: &mut String, particle: &Particle) {
        let bounds = |min: u32, max: Option<u32>| {
            let max = max.map_or_else(|| "unbounded".to_owned(), |max| max.to_string());
            format!(r#" minOccurs="{min}" maxOccurs="{max}""#)
        };
        match particle {
            Particle::Local(index, min, max) => {
                let declaration = self.declaration(&self.locals[*index]);
                let _ = write!(out, r#"<xs:element name="e{index}"{declaration}{}/>"#, bounds(*min, *max));
            }
            Particle::Global(index, min, max) => {
                let _ = write!(out, r#"<xs:element ref="t:g{index}"{}/>"#, bounds(*min, *max));
            }
            Particle::Any { namespace, process, min, max } => {
                let _ = write!(
                    out,
                    r#"<xs:any namespace="{namespace}" processContents="{process}"{}/>"#,
                    bounds(*min, *max)
                );
            }
            Particle::Group { choice, items, min, max } => {
                let name = if *choice { "choice" } else { "sequence" };
                let _ = write!(out, "<xs:{name}{}>", bounds(*min, *max));
                items.iter().for_each(|item| self.write_particle(out, item));
                let _ = write!(out, "</xs:{name}>");
            }
            Particle::All(items) => {
                out.push_str("<xs:all>");
                items.iter().for_each(|item| self.write_particle(out, item));
                out.push_str("</xs:all>");
            }
        }
    }
}

fn namespace(rng: &mut Rng) -> &'static str {
    pick(rng, &["##any", "##other", "##local", "##targetNamespace", "urn:o ##local"])
}

fn element(rng: &mut Rng, ty: Type) -> Element {
    let value = match ty {
        Type::Simple(simple) if simple != 6 && rng.u8(..4) == 0 => {
            Some((pick(rng, &["default", "fixed"]), SIMPLE[simple].2[0]))
        }
        _ => None,
    };
    Element {
        ty,
        nillable: rng.u8(..4) == 0,
        is_abstract: false,
        block: pick(rng, &["", "", "", "extension", "#all"]),
        value,
        head: None,
    }
}

fn group(rng: &mut Rng, names: &mut Vec<usize>, ty: usize, depth: usize) -> Particle {
    let mut items = Vec::new();
    for _ in 0..rng.usize(1..4) {
        let (min, max) = occurs(rng);
        match rng.u8(..10) {
            0 if depth < 3 => items.push(group(rng, names, ty, depth + 1)),
            1 if depth < 3 => items.push(group(rng, names, ty, depth + 1)),
            2 => items.push(Particle::Any {
                namespace: pick(rng, &["##other", "##local", "urn:o", "##any"]),
                process: pick(rng, &["lax", "strict", "skip"]),
                min,
                max,
            }),
            // Global elements may be of type 4.
            3 | 4 if ty < 4 => items.push(Particle::Global(rng.usize(1..5), min, max)),
            _ => {
                if let Some(name) = names.pop() {
                    items.push(Particle::Local(name, min, max));
                    if rng.u8(..8) == 0 {
                        names.push(name);
                    }
                }
            }
        }
    }
    let (min, max) = if rng.bool() { (1, Some(1)) } else { occurs(rng) };
    Particle::Group { choice: rng.u8(..3) == 0, items, min, max }
}
