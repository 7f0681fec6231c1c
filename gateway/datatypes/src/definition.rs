//! What is wrong with a type as it is defined.

use thiserror::Error;

/// A type that cannot be represented. Texts quote the schema only.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
pub enum DefinitionError {
    /// A pattern is not a regular expression of part 2 appendix F.
    #[error("pattern {pattern:?} is not a regular expression of XML Schema at character {at}: {rule}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Which of its characters, from 1.
        at: usize,
        /// What is wrong.
        rule: &'static str,
    },
    /// A pattern that compiles to more than is allowed.
    #[error(
        "pattern {pattern:?} needs more memory than a pattern may have; write it with smaller counts or classes"
    )]
    PatternSize {
        /// The pattern.
        pattern: String,
    },
    /// A bound or enumerated value that is not of the base type.
    #[error("{facet} {literal:?} is not a value of the base type ({code})")]
    Literal {
        /// The facet.
        facet: &'static str,
        /// The literal in the schema.
        literal: String,
        /// The rule that it breaks.
        code: &'static str,
    },
    /// A facet that the type cannot have.
    #[error("{facet} does not apply to this type")]
    Facet {
        /// The facet.
        facet: &'static str,
    },
    /// A list of lists.
    #[error("the items of a list cannot be lists themselves")]
    ListOfLists,
    /// A union without members.
    #[error("a union needs a member type")]
    NoMembers,
    /// Too many types, or too many steps of derivation or of nesting.
    #[error("more than {max} {which}")]
    Limit {
        /// Of what.
        which: &'static str,
        /// How many there may be.
        max: usize,
    },
}

impl DefinitionError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            DefinitionError::Pattern { .. } => "type-pattern",
            DefinitionError::PatternSize { .. } => "type-pattern-size",
            DefinitionError::Literal { .. } => "type-literal",
            DefinitionError::Facet { .. } => "type-facet",
            DefinitionError::ListOfLists => "type-list-of-lists",
            DefinitionError::NoMembers => "type-no-members",
            DefinitionError::Limit { .. } => "type-limit",
        }
    }
}
