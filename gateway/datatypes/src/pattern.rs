//! The pattern facet (part 2 §4.3.4, appendix F): regular expressions of XML Schema on a linear-time engine.
//!
//! An expression is parsed here, into classes of characters, repetitions and alternatives, and never becomes the text of
//! another dialect. It matches a whole value. What it compiles to is bounded; a match takes linear time.

mod class;
mod matcher;
mod parse;
mod simple;
mod tables;

use std::fmt;
use std::sync::Arc;

use crate::cost::PatternCost;
use crate::definition::DefinitionError;
use crate::shape::Shape;
use crate::types::Tables;
use matcher::Matcher;
use parse::Node;

/// The patterns of one derivation step, of which a value has to match one.
pub(crate) struct Pattern {
    source: Arc<[String]>,
    matcher: Matcher,
    shape: Option<Shape>,
}

impl Pattern {
    pub(crate) fn compile(alternatives: &[String], tables: Tables) -> Result<Pattern, DefinitionError> {
        let mut nodes = Vec::with_capacity(alternatives.len());
        for pattern in alternatives {
            nodes.push(parse::parse(pattern, tables).map_err(|error| DefinitionError::Pattern {
                pattern: pattern.clone(),
                at: error.at + 1,
                rule: error.rule,
            })?);
        }
        let node = Node::alternatives(nodes);
        let matcher = Matcher::compile(&node)
            .ok_or_else(|| DefinitionError::PatternSize { pattern: alternatives.join("|") })?;
        Ok(Pattern { source: alternatives.into(), matcher, shape: simple::shape(&node) })
    }

    /// Whether the whole text matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.matcher.matches(text)
    }

    /// The expressions as the schema has them.
    pub(crate) fn source(&self) -> Arc<[String]> {
        self.source.clone()
    }

    /// What it takes, as a facet of the type of this name.
    pub(crate) fn cost(&self, name: Option<String>) -> PatternCost {
        let (kind, states, bytes, cache) = self.matcher.cost();
        PatternCost { name, source: self.source.clone(), kind, states, bytes, cache }
    }

    /// Texts that match for certain, by their bytes.
    pub(crate) fn shape(&self) -> Option<&Shape> {
        self.shape.as_ref()
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.source).finish()
    }
}
