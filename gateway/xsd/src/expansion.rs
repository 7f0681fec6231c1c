//! How large content models and sets of attributes become once references are followed.
//!
//! A group that refers twice to another one, which refers twice to a third, and so on, doubles with every step: a few
//! lines of a schema stand for more particles than any machine holds. So do references to the head of a large
//! substitution group. The compiler and this crate follow references one by one, so what they would come to is counted
//! before, by numbers only.

use std::collections::HashMap;

use xsd_schema::arenas::{ComplexTypeDefData, ElementDeclData};
use xsd_schema::parser::SourceRef;
use xsd_schema::parser::frames::{
    ComplexContentResult, ComplexTypeResult, DerivationMethod, ElementFrameResult, ParticleResult,
    ParticleTerm, QNameRef, TypeFrameResult, TypeRefResult,
};
use xsd_schema::{NameId, SchemaError, SchemaSet};

/// The rule that such a schema breaks: a bound of this gateway, and none of XSD.
const RULE: &str = "limit-references";
/// The most particles and attributes that references may bring into one type or group.
const MAX_BROUGHT: u64 = 100_000;
/// The most that they may bring into all types together.
const MAX_ALL: u64 = 2_000_000;

/// Refuses a schema whose references bring more together than is followed.
///
/// Meant for documents that have been read and of which nothing is resolved yet. What leads nowhere or round in a circle
/// counts nothing here: the compiler refuses it.
pub(crate) fn refuse_large(set: &SchemaSet) -> Result<(), SchemaError> {
    let mut graph = Graph { set, nodes: Vec::new(), named: HashMap::new() };
    graph.read();
    graph.measure()
}

/// What can be referred to. Definitions of one name, where one redefines the other, are one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Group,
    AttributeGroup,
    Type,
    /// What may stand for a head of a substitution group: its members, and theirs.
    Members,
}

struct Node<'s> {
    kind: Kind,
    /// What it has of its own.
    own: u64,
    refers: Vec<usize>,
    name: Option<NameId>,
    source: Option<&'s SourceRef>,
    size: Size,
}

#[derive(Clone, Copy)]
enum Size {
    Unknown,
    /// It is being measured: what refers to it now stands inside it.
    Open,
    Known(u64),
}

struct Graph<'s> {
    set: &'s SchemaSet,
    nodes: Vec<Node<'s>>,
    named: HashMap<(Kind, Option<NameId>, NameId), usize>,
}

impl<'s> Graph<'s> {
    fn read(&mut self) {
        let set = self.set;
        let arenas = &set.arenas;
        for (_, group) in arenas.model_groups.iter() {
            let at = self.node(Kind::Group, group.target_namespace, group.name);
            self.write_down(at, group.name, group.source.as_ref());
            self.particles(at, &group.particles);
        }
        for (_, group) in arenas.attribute_groups.iter() {
            let at = self.node(Kind::AttributeGroup, group.target_namespace, group.name);
            self.write_down(at, group.name, group.source.as_ref());
            self.nodes[at].own += group.attributes.len() as u64 + 1;
            self.refer(at, Kind::AttributeGroup, &group.attribute_groups);
        }
        for (_, ty) in arenas.complex_types.iter() {
            let at = self.node(Kind::Type, ty.target_namespace, ty.name);
            self.write_down(at, ty.name, ty.source.as_ref());
            self.defined(at, ty);
        }
        for (_, element) in arenas.elements.iter() {
            if !element.substitution_group.is_empty() {
                self.member(element);
            }
            self.inline(element.inline_type.as_deref());
            self.referred(element.type_ref.as_ref());
        }
    }

    /// The node of a name, or a new one.
    fn node(&mut self, kind: Kind, namespace: Option<NameId>, name: Option<NameId>) -> usize {
        let fresh = self.nodes.len();
        let at = match name {
            Some(name) => *self.named.entry((kind, namespace, name)).or_insert(fresh),
            None => fresh,
        };
        if at == fresh {
            let (refers, source, size) = (Vec::new(), None, Size::Unknown);
            self.nodes.push(Node { kind, own: 0, refers, name, source, size });
        }
        at
    }

    fn write_down(&mut self, at: usize, name: Option<NameId>, source: Option<&'s SourceRef>) {
        let node = &mut self.nodes[at];
        node.name = node.name.or(name);
        node.source = node.source.or(source);
    }

    fn refer(&mut self, at: usize, kind: Kind, names: &[QNameRef]) {
        for name in names {
            let to = self.node(kind, name.namespace, Some(name.local_name));
            self.nodes[at].refers.push(to);
        }
    }

    fn defined(&mut self, at: usize, ty: &'s ComplexTypeDefData) {
        self.nodes[at].own += ty.attributes.len() as u64;
        self.refer(at, Kind::AttributeGroup, &ty.attribute_groups);
        self.content(at, &ty.content, ty.derivation_method, ty.base_type.as_ref());
    }

    /// A type that is written inside an element, and counts for itself.
    fn anonymous(&mut self, ty: &'s ComplexTypeResult) {
        let at = self.node(Kind::Type, None, None);
        self.write_down(at, None, ty.source.as_ref());
        self.nodes[at].own += ty.attributes.len() as u64;
        self.refer(at, Kind::AttributeGroup, &ty.attribute_groups);
        self.content(at, &ty.content, ty.derivation_method, ty.base_type.as_ref());
    }

    fn content(
        &mut self,
        at: usize,
        content: &'s ComplexContentResult,
        method: Option<DerivationMethod>,
        base: Option<&'s TypeRefResult>,
    ) {
        // An extension has all that its base has.
        if let (Some(DerivationMethod::Extension), Some(TypeRefResult::QName(base))) = (method, base) {
            self.refer(at, Kind::Type, std::slice::from_ref(base));
        }
        if let ComplexContentResult::Complex(def) = content {
            self.nodes[at].own += def.attributes.len() as u64;
            self.refer(at, Kind::AttributeGroup, &def.attribute_groups);
            self.particles(at, def.particle.as_slice());
        }
    }

    /// How deep particles may lie in one another is the parser's to bound.
    fn particles(&mut self, at: usize, particles: &'s [ParticleResult]) {
        for particle in particles {
            self.nodes[at].own += 1;
            match &particle.term {
                ParticleTerm::Group(group) => {
                    self.refer(at, Kind::Group, group.ref_name.as_slice());
                    self.particles(at, &group.particles);
                }
                ParticleTerm::Element(element) => {
                    self.refer(at, Kind::Members, element.ref_name.as_slice());
                    self.element(element);
                }
                ParticleTerm::Any(_) => {}
            }
        }
    }

    fn member(&mut self, element: &'s ElementDeclData) {
        let at = self.node(Kind::Members, element.target_namespace, element.name);
        self.write_down(at, element.name, element.source.as_ref());
        self.nodes[at].own = 1;
        for head in &element.substitution_group {
            let head = self.node(Kind::Members, head.namespace, Some(head.local_name));
            self.nodes[head].refers.push(at);
        }
    }

    fn element(&mut self, element: &'s ElementFrameResult) {
        self.inline(element.inline_type.as_deref());
        self.referred(element.type_ref.as_ref());
    }

    fn referred(&mut self, ty: Option<&'s TypeRefResult>) {
        if let Some(TypeRefResult::Inline(ty)) = ty {
            self.inline(Some(&**ty));
        }
    }

    fn inline(&mut self, ty: Option<&'s TypeFrameResult>) {
        if let Some(TypeFrameResult::Complex(ty)) = ty {
            self.anonymous(ty);
        }
    }

    /// Each node after those that it refers to, without recursion: a chain of references may be as long as the schema.
    fn measure(&mut self) -> Result<(), SchemaError> {
        let mut all = 0_u64;
        for root in 0..self.nodes.len() {
            let mut stack = vec![(root, 0)];
            while let Some((at, next)) = stack.pop() {
                if let Size::Known(_) = self.nodes[at].size {
                    continue;
                }
                self.nodes[at].size = Size::Open;
                match self.nodes[at].refers.get(next).copied() {
                    Some(to) => {
                        stack.push((at, next + 1));
                        if let Size::Unknown = self.nodes[to].size {
                            stack.push((to, 0));
                        }
                    }
                    None => {
                        let brought = self.brought(at);
                        let node = &mut self.nodes[at];
                        node.size = Size::Known(node.own.saturating_add(brought));
                        // Substitution groups come to something only where their heads are referred to.
                        all = all.saturating_add(if node.kind == Kind::Members { 0 } else { brought });
                        if brought > MAX_BROUGHT {
                            return Err(self.too_large(at));
                        }
                        if all > MAX_ALL {
                            return Err(self.too_large_together(at));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// What references bring into a node whose references are measured, as often as it has them.
    fn brought(&self, at: usize) -> u64 {
        self.nodes[at].refers.iter().fold(0, |sum: u64, &to| match self.nodes[to].size {
            Size::Known(size) => sum.saturating_add(size),
            Size::Unknown | Size::Open => sum,
        })
    }

    fn too_large(&self, at: usize) -> SchemaError {
        let node = &self.nodes[at];
        let message = match node.name {
            Some(name) => format!(
                "references bring more than {MAX_BROUGHT} particles and attributes into the definition {}: refer to fewer groups, or less often",
                self.set.name_table.resolve_ref(name)
            ),
            None => format!(
                "references bring more than {MAX_BROUGHT} particles and attributes into this type: refer to fewer groups, or less often"
            ),
        };
        SchemaError::structural(RULE, message, self.set.locate(node.source))
    }

    fn too_large_together(&self, at: usize) -> SchemaError {
        let message = format!(
            "with this definition, references bring more than {MAX_ALL} particles and attributes into all together: refer to fewer groups, or less often"
        );
        SchemaError::structural(RULE, message, self.set.locate(self.nodes[at].source))
    }
}
