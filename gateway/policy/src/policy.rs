//! Rules in force: what a [`crate::PolicySpec`] has become once all of it has been held against the layouts.

use std::fmt;
use std::sync::Arc;

use sekisho_datatypes::{TypeId, Types};
use sekisho_records::{FieldId, Layout, Wanted};
use sekisho_xsd::Schema;

use crate::detect::Detectors;
use crate::pseudonym::Pseudonyms;
use crate::spec::{Absence, Form};

/// Where a gateway stands: what it may do to a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Place {
    /// At the LGWAN-ASP: records that break a rule are refused, and none is changed.
    #[default]
    Asp,
    /// On the municipality's side: records may be changed before they leave.
    Municipality,
}

/// What the records of a route must be beside valid, and what is done to them before they leave.
pub struct Policy {
    pub(crate) rules: Vec<Rule>,
    /// The fields of what leaves, and what is demanded of each.
    pub(crate) checks: Level,
    pub(crate) wanted: Wanted,
    pub(crate) ages: Vec<Age>,
    /// Top-level fields that have one value in all records of a batch, with their rules.
    pub(crate) same: Vec<(usize, FieldId)>,
    pub(crate) patterns: Types,
    pub(crate) change: Option<Change>,
    /// The layout of records as they come.
    pub(crate) layout: Arc<Layout>,
    pub(crate) digest: [u8; 32],
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules: Vec<&str> = self.rules.iter().map(|rule| &*rule.name).collect();
        f.debug_struct("Policy")
            .field("rules", &rules)
            .field("changes", &self.change.is_some())
            .finish_non_exhaustive()
    }
}

impl Policy {
    /// SHA-256 over everything that decides what a record becomes: rules with those of the profile, the place, the schema
    /// of what leaves, the table of names, and which key it is (not the key itself).
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Whether records are changed before they leave.
    pub fn changes_records(&self) -> bool {
        self.change.is_some()
    }

    /// The names of the rules, in their order.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| &*rule.name)
    }

    /// The pseudonyms that are put in the place of a field, by the field's name as it leaves.
    pub fn pseudonyms_of(&self, field: &str) -> Option<&Pseudonyms> {
        let change = self.change.as_ref()?;
        let target = change.layout.field(field)?;
        let changed = change.level.fields.iter().find(|changed| changed.target == Some(target))?;
        changed.steps.iter().find_map(|step| match &step.what {
            What::Pseudonym(pseudonyms) => Some(&**pseudonyms),
            _ => None,
        })
    }
}

/// A rule, as answers name it.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: Arc<str>,
}

/// The fields of the record, or of one group.
#[derive(Debug, Default)]
pub(crate) struct Level {
    pub(crate) fields: Vec<Checks>,
}

/// What is demanded of one field of what leaves.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// Its name as it comes.
    pub(crate) name: Arc<str>,
    /// The top-level field that it is as it comes, if it is one.
    pub(crate) source: Option<FieldId>,
    pub(crate) checks: Vec<(usize, Check)>,
    /// All that must not be in it.
    pub(crate) never: Detectors,
    /// The same by rule.
    pub(crate) nevers: Vec<(usize, Detectors)>,
    pub(crate) group: Option<Box<Level>>,
}

#[derive(Debug, Clone)]
pub(crate) enum Check {
    Absent(Absence),
    Form {
        form: Form,
        keep: u32,
    },
    Pattern(TypeId),
    /// It is one of [`Policy::same`].
    Same(usize),
    /// It is a part of one of [`Policy::ages`].
    Age(usize, AgePart),
}

/// Rules about ages that a policy may have.
pub(crate) const MOST_AGES: usize = 4;

/// When the fields of a rule show an extreme age. All fields are of the record itself, by their ids in what leaves.
#[derive(Debug, Clone)]
pub(crate) struct Age {
    pub(crate) rule: usize,
    /// The fields that must not be there then.
    pub(crate) fields: Vec<FieldId>,
    pub(crate) most: u32,
}

/// What a field says about an age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AgePart {
    Year,
    Month,
    Base,
}

/// How records are changed before they leave.
pub(crate) struct Change {
    /// Of what leaves.
    pub(crate) schema: Schema,
    pub(crate) layout: Arc<Layout>,
    pub(crate) level: ChangedLevel,
    /// Rules about ages that leave fields out, by the ids of records as they come.
    pub(crate) ages: Vec<ChangeByAge>,
}

#[derive(Debug)]
pub(crate) struct ChangedLevel {
    pub(crate) fields: Vec<ChangedField>,
}

/// What becomes of one field as it comes.
#[derive(Debug)]
pub(crate) struct ChangedField {
    /// Its name as it comes.
    pub(crate) name: Arc<str>,
    /// The field that it becomes in its level of what leaves; nothing where it is left out always.
    pub(crate) target: Option<FieldId>,
    pub(crate) steps: Vec<Step>,
    pub(crate) group: Option<Box<ChangedLevel>>,
}

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) rule: usize,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// The field is left out if one of these is found in it.
    DropFound(Detectors),
    /// The field is left out if the age that this rule is about is extreme.
    DropAge(usize),
    Generalise {
        form: Form,
        keep: u32,
    },
    Pseudonym(Arc<Pseudonyms>),
}

/// A rule about ages that leaves fields out.
#[derive(Debug, Clone)]
pub(crate) struct ChangeByAge {
    pub(crate) year: FieldId,
    pub(crate) month: Option<FieldId>,
    pub(crate) base: FieldId,
    pub(crate) most: u32,
}
