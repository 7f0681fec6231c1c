//! Going on after an element that the content model refuses, so that one missing field is one error.

use std::collections::VecDeque;

use xsd_schema::compiler::compile_content_model_matcher;
use xsd_schema::validation::{CompiledContentModel, ContentValidatorState, ElementMatchInfo};
use xsd_schema::{ComplexTypeKey, ElementKey, NameId, SchemaSet, TypeKey};

/// A child's local name and namespace.
pub(crate) type Name = (NameId, Option<NameId>);

/// How many states are tried to find what is missing.
const MAX_TRIED: usize = 1000;

/// The content of one element, followed past what its content model refuses.
pub(crate) struct Recovery {
    state: ContentValidatorState,
    target: Option<NameId>,
}

/// What a child means for the content around it.
pub(crate) struct Child {
    /// What should have come before it, in order; each with what else could have stood there.
    pub(crate) missing: Vec<Missing>,
    /// Whether it may stand anywhere from here on.
    pub(crate) expected: bool,
    /// Its declaration, if there is one.
    pub(crate) declaration: Option<ElementKey>,
    /// Its type without a declaration of its own.
    pub(crate) ty: Option<TypeKey>,
}

/// An element that is not there.
pub(crate) struct Missing {
    pub(crate) name: Name,
    /// All that could have stood in its place, it among them.
    pub(crate) alternatives: Vec<Name>,
}

/// A step towards acceptance: what was supposed, and the step before.
struct Supposed {
    state: ContentValidatorState,
    name: Option<Name>,
    before: usize,
}

impl Recovery {
    /// The content of an element of type `key` after the children that were accepted; `None` when it cannot be
    /// followed.
    pub(crate) fn new(set: &SchemaSet, key: ComplexTypeKey, children: &[Name]) -> Option<Self> {
        let ty = set.arenas.get_complex_type(key)?;
        let matcher = compile_content_model_matcher(set, ty).ok()?;
        let model = CompiledContentModel::try_from_matcher(matcher).ok()?;
        let mut recovery =
            Self { state: ContentValidatorState::from_compiled(&model), target: ty.target_namespace };
        for &child in children {
            advance(&mut recovery.state, set, recovery.target, child)?;
        }
        Some(recovery)
    }

    /// Takes the next child, supposing what must have come before it.
    pub(crate) fn child(&mut self, set: &SchemaSet, child: Name) -> Child {
        let target = self.target;
        let found = self.suppose(set, |state| {
            let mut after = state.clone();
            let info = advance(&mut after, set, target, child)?;
            Some((after, info))
        });
        match found {
            Some((missing, (after, info))) => {
                self.state = after;
                Child { missing, expected: true, declaration: info.element_key, ty: info.resolved_type }
            }
            None => Child { missing: Vec::new(), expected: false, declaration: None, ty: None },
        }
    }

    /// What is missing at the end; `None` when it cannot be told.
    pub(crate) fn end(&mut self, set: &SchemaSet) -> Option<Vec<Missing>> {
        if let ContentValidatorState::AllGroup { model, state, .. } = &self.state {
            if self.state.is_complete() {
                return Some(Vec::new());
            }
            let terms =
                state.unsatisfied_indices(model).into_iter().filter_map(|i| term(&model.particles[i].term));
            return Some(terms.map(|name| Missing { name, alternatives: vec![name] }).collect());
        }
        self.suppose(set, |state| state.is_complete().then_some(())).map(|(missing, ())| missing)
    }

    /// The fewest elements after which the content does what is asked.
    fn suppose<T>(
        &self,
        set: &SchemaSet,
        arrived: impl Fn(&ContentValidatorState) -> Option<T>,
    ) -> Option<(Vec<Missing>, T)> {
        let mut tried = vec![Supposed { state: self.state.clone(), name: None, before: 0 }];
        let mut queue = VecDeque::from([0]);
        while let Some(at) = queue.pop_front() {
            if let Some(result) = arrived(&tried[at].state) {
                return Some((way(&tried, at), result));
            }
            for name in next(&tried[at].state) {
                if tried.len() == MAX_TRIED {
                    return None;
                }
                let mut state = tried[at].state.clone();
                if advance(&mut state, set, self.target, name).is_some() {
                    queue.push_back(tried.len());
                    tried.push(Supposed { state, name: Some(name), before: at });
                }
            }
        }
        None
    }
}

fn way(tried: &[Supposed], mut at: usize) -> Vec<Missing> {
    let mut missing = Vec::new();
    while let Some(name) = tried[at].name {
        at = tried[at].before;
        missing.push(Missing { name, alternatives: next(&tried[at].state) });
    }
    missing.reverse();
    missing
}

fn advance(
    state: &mut ContentValidatorState,
    set: &SchemaSet,
    target: Option<NameId>,
    (local, namespace): Name,
) -> Option<ElementMatchInfo> {
    state.try_advance_element(local, namespace, target, set.xsd_version, None).ok()?
}

/// The elements that may stand next.
fn next(state: &ContentValidatorState) -> Vec<Name> {
    let mut names: Vec<Name> = match state {
        ContentValidatorState::Nfa { nfa, active_states, .. } => {
            active_states.expected_element_terms(nfa).into_iter().map(|(local, ns, _)| (local, ns)).collect()
        }
        ContentValidatorState::AllGroup { model, state, .. } => (0..model.particles.len())
            .filter(|&i| state.can_accept(model, i))
            .filter_map(|i| term(&model.particles[i].term))
            .collect(),
        _ => Vec::new(),
    };
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(*name));
    names
}

fn term(term: &xsd_schema::compiler::NfaTerm) -> Option<Name> {
    match term {
        xsd_schema::compiler::NfaTerm::Element { name, namespace, .. } => Some((*name, *namespace)),
        _ => None,
    }
}
