//! What types take, for those who ask what a schema costs.

use std::sync::Arc;

use crate::checks::{Checks, Enumeration};
use crate::pattern::Pattern;
use crate::types::{Body, SimpleType, Types};

/// One pattern facet, compiled.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PatternCost {
    /// The first type that has it, if that has a name.
    pub name: Option<String>,
    /// The expressions of the derivation step, of which a value has to match one.
    pub source: Arc<[String]>,
    /// `class` (characters counted), `whole` (an automaton made beforehand) or `lazy` (one whose states are made while it
    /// runs).
    pub kind: &'static str,
    /// States: of the automaton; of `lazy` those that it is made from; of `class` none.
    pub states: usize,
    /// Bytes for good.
    pub bytes: usize,
    /// Bytes that a thread which uses it may take beside.
    pub cache: usize,
}

impl Types {
    /// The pattern facets of all types, each once, in the order of the types.
    pub fn patterns(&self) -> Vec<PatternCost> {
        let mut met: Vec<*const Pattern> = Vec::new();
        let mut costs = Vec::new();
        for ty in &self.types {
            for pattern in ty.checks().iter().flat_map(|checks| &checks.patterns) {
                if !met.contains(&Arc::as_ptr(pattern)) {
                    met.push(Arc::as_ptr(pattern));
                    costs.push(pattern.cost(ty.name.clone()));
                }
            }
        }
        costs
    }

    /// Bytes of all types with their enumerations, without their patterns.
    pub fn bytes(&self) -> usize {
        let mut met: Vec<*const Enumeration> = Vec::new();
        let mut bytes = size_of_val(&self.types[..]);
        for ty in &self.types {
            bytes += ty.name.as_ref().map_or(0, String::len);
            let Some(enumeration) = ty.checks().and_then(|checks| checks.enumeration.as_ref()) else {
                continue;
            };
            if !met.contains(&Arc::as_ptr(enumeration)) {
                met.push(Arc::as_ptr(enumeration));
                bytes += enumeration.bytes();
            }
        }
        bytes
    }
}

impl SimpleType {
    fn checks(&self) -> Option<&Checks> {
        match &self.body {
            Body::Any => None,
            Body::Atomic(_, checks) | Body::List(_, checks) | Body::Union(checks) => Some(checks),
        }
    }
}

impl Enumeration {
    fn bytes(&self) -> usize {
        match self {
            Enumeration::Texts(texts) => texts.iter().map(|text| size_of_val(text) + text.len()).sum(),
            Enumeration::Keys(keys) => keys.iter().map(|key| size_of_val(key) + key.len()).sum(),
        }
    }
}
