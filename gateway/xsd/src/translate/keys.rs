//! Keys of elements above the record that bind its fields (XSD 1.0 part 1 §3.11).

use sekisho_xml::QName;
use xsd_schema::arenas::IdentityConstraintData;
use xsd_schema::namespace::context::NamespaceContextSnapshot;
use xsd_schema::parser::frames::IdentityKind;

use super::Translation;
use super::find::Found;
use crate::error::SchemaError;
use crate::record::{ElementContent, KeyConstraint, KeyKind, Particle};

const ADVICE: &str = "let the selector name the record and each field one of its child elements";

/// The keys that hold for the record, the same on every way to it.
pub(super) fn keys(
    translation: &Translation<'_>,
    found: &Found,
    content: &[Particle],
) -> Result<Vec<KeyConstraint>, SchemaError> {
    let mut all: Option<Vec<KeyConstraint>> = None;
    // A global record element also stands alone; what binds it there is what binds it in its document.
    let alone = found.ways.iter().all(Vec::is_empty);
    for way in found.ways.iter().filter(|way| alone || !way.is_empty()) {
        let mut keys = Vec::new();
        for (depth, above) in way.iter().enumerate() {
            let below: Vec<&QName> =
                way[depth + 1..].iter().map(|step| &step.name).chain([&found.declared.name]).collect();
            for &constraint in &translation.set.arenas.elements[above.key].identity_constraints {
                let constraint = &translation.set.arenas.identity_constraints[constraint];
                keys.extend(Binding { translation, constraint, below: &below, content }.resolve()?);
            }
        }
        match &all {
            Some(first) if *first != keys => {
                let (declared, problem) =
                    (&found.declared, "lies below several elements with different keys: use one of them");
                return Err(translation.no_record(declared.source.as_ref(), &declared.name, problem));
            }
            _ => all = Some(keys),
        }
    }
    Ok(all.unwrap_or_default())
}

/// One constraint, seen from the record.
struct Binding<'a> {
    translation: &'a Translation<'a>,
    constraint: &'a IdentityConstraintData,
    /// From below the constraint's element down to the record.
    below: &'a [&'a QName],
    content: &'a [Particle],
}

impl Binding<'_> {
    /// The constraint as one on the record's fields; nothing when it is about other elements.
    fn resolve(&self) -> Result<Option<KeyConstraint>, SchemaError> {
        let selector = &self.constraint.selector;
        let paths = parse(&selector.xpath, &|prefix| self.namespace(&selector.ns_snapshot, prefix))
            .ok_or_else(|| self.refuse("a selector that cannot be read"))?;
        let mut picks = false;
        for path in &paths {
            match path.towards(self.below) {
                Towards::Elsewhere => {}
                Towards::Record => picks = true,
                Towards::Inside => return Err(self.refuse("a selector that reaches into the record")),
                Towards::Above(level) => self.refuse_fields_that_reach(level)?,
            }
            if path.anywhere && path.steps.last().is_some_and(|last| names_inside(self.content, last)) {
                return Err(self.refuse("a selector that reaches into the record"));
            }
        }
        if !picks {
            return Ok(None);
        }
        let kind = match self.constraint.kind {
            IdentityKind::Key => KeyKind::Key,
            IdentityKind::Unique => KeyKind::Unique,
            IdentityKind::Keyref => return Err(self.refuse("xs:keyref on records")),
        };
        let mut fields = Vec::new();
        for field in &self.constraint.fields {
            let paths = parse(&field.xpath, &|prefix| self.namespace(&field.ns_snapshot, prefix));
            let name = match paths.as_deref() {
                Some([Path { anywhere: false, steps }]) => match steps.as_slice() {
                    [Test::Name(name)] => name.clone(),
                    _ => return Err(self.refuse("a field that is not a child element of the record")),
                },
                _ => return Err(self.refuse("a field that is not a child element of the record")),
            };
            if !single_simple(self.content, &name) {
                return Err(self.refuse("a field that is not a single simple element of the record"));
            }
            fields.push(name);
        }
        Ok(Some(KeyConstraint { name: self.name(), kind, fields }))
    }

    /// The constraint picks an element `level` steps above the record: its fields must not lead into records.
    fn refuse_fields_that_reach(&self, level: usize) -> Result<(), SchemaError> {
        for field in &self.constraint.fields {
            let paths =
                parse(&field.xpath, &|prefix| self.namespace(&field.ns_snapshot, prefix)).unwrap_or_default();
            let rest = &self.below[self.below.len() - level..];
            if paths.iter().any(|path| path.anywhere || !matches!(path.towards(rest), Towards::Elsewhere)) {
                return Err(self.refuse("a field of an element above the records that leads to a record"));
            }
        }
        Ok(())
    }

    fn namespace(&self, bindings: &NamespaceContextSnapshot, prefix: &str) -> Option<String> {
        let names = &self.translation.set.name_table;
        let bound = bindings.resolve_prefix(names.get(prefix)?)?;
        Some(names.resolve(bound))
    }

    fn name(&self) -> String {
        self.translation.set.name_table.resolve(self.constraint.name)
    }

    fn refuse(&self, what: &str) -> SchemaError {
        let construct = format!("{what} (constraint {})", self.name());
        self.translation.unsupported(self.constraint.source.as_ref(), &construct, ADVICE)
    }
}

/// A path of the XPath subset for identity constraints (§3.11.6).
#[derive(Debug, PartialEq)]
struct Path {
    /// `.//` in front.
    anywhere: bool,
    steps: Vec<Test>,
}

#[derive(Debug, PartialEq)]
enum Test {
    Any,
    Namespace(String),
    Name(QName),
    /// An attribute: never a child element.
    Attribute,
}

impl Test {
    fn accepts(&self, name: &QName) -> bool {
        match self {
            Self::Any => true,
            Self::Namespace(namespace) => **namespace == *name.namespace,
            Self::Name(own) => own == name,
            Self::Attribute => false,
        }
    }
}

/// What a path picks, on the way down to the record.
enum Towards {
    Elsewhere,
    Record,
    Inside,
    /// An element so many steps above the record.
    Above(usize),
}

impl Path {
    fn towards(&self, below: &[&QName]) -> Towards {
        let fits = |names: &[&QName]| self.steps.iter().zip(names).all(|(test, name)| test.accepts(name));
        let (steps, depth) = (self.steps.len(), below.len());
        if self.anywhere {
            // The deepest level that the path can end at.
            let ends = (steps.max(1)..=depth).rev().find(|&end| fits(&below[end - steps..end]));
            return match ends {
                Some(end) if end == depth => Towards::Record,
                Some(end) => Towards::Above(depth - end),
                None => Towards::Elsewhere,
            };
        }
        match steps.cmp(&depth) {
            _ if !fits(below) => Towards::Elsewhere,
            std::cmp::Ordering::Equal => Towards::Record,
            std::cmp::Ordering::Greater => Towards::Inside,
            std::cmp::Ordering::Less => Towards::Above(depth - steps),
        }
    }
}

fn parse(xpath: &str, namespace: &dyn Fn(&str) -> Option<String>) -> Option<Vec<Path>> {
    xpath.split('|').map(|path| parse_path(path, namespace)).collect()
}

fn parse_path(path: &str, namespace: &dyn Fn(&str) -> Option<String>) -> Option<Path> {
    let compact: String = path.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let (anywhere, rest) = match compact.strip_prefix(".//") {
        Some(rest) => (true, rest),
        None => (false, compact.as_str()),
    };
    let mut steps = Vec::new();
    for step in rest.split('/') {
        let step = step.strip_prefix("child::").unwrap_or(step);
        if step == "." {
            continue;
        }
        steps.push(if step.starts_with('@') || step.starts_with("attribute::") {
            Test::Attribute
        } else {
            match step.split_once(':') {
                None if step == "*" => Test::Any,
                None if step.is_empty() => return None,
                None => Test::Name(QName::new("", step)),
                Some((prefix, "*")) => Test::Namespace(namespace(prefix)?),
                Some((prefix, local)) => Test::Name(QName::new(&namespace(prefix)?, local)),
            }
        });
    }
    Some(Path { anywhere, steps })
}

/// Whether an element inside the record answers to the test.
fn names_inside(particles: &[Particle], test: &Test) -> bool {
    particles.iter().any(|particle| match particle {
        Particle::Element(element) => {
            test.accepts(&element.name)
                || matches!(&element.content, ElementContent::Complex(inner) if names_inside(inner, test))
        }
        Particle::Sequence { items, .. } | Particle::Choice { items, .. } | Particle::All { items, .. } => {
            names_inside(items, test)
        }
    })
}

/// Whether the record has one simple element of this name, at most once.
fn single_simple(particles: &[Particle], name: &QName) -> bool {
    particles.iter().any(|particle| match particle {
        Particle::Element(element) => {
            element.name == *name
                && element.max == Some(1)
                && matches!(element.content, ElementContent::Simple(_))
        }
        Particle::Sequence { max: Some(1), items, .. }
        | Particle::Choice { max: Some(1), items, .. }
        | Particle::All { items, .. } => single_simple(items, name),
        _ => false,
    })
}
