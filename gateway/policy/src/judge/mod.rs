//! The verdict of a policy on the records of one batch, and what leaves of them.

mod breach;
mod change;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use sekisho_records::canonical::Item;
use sekisho_records::layout::MAX_DEPTH;
use sekisho_records::{CanonicalRecord, Record, Value, Violations};

use crate::detect::Detectors;
use crate::form;
use crate::policy::{AgePart, Check, Checks, Level, MOST_AGES, Policy};
use crate::spec::Absence;
pub use breach::CODES;
use breach::{Breach, Kind};
use change::Changing;
use sekisho_datatypes::{NoNamespaces, Scratch};

/// Judges the records of one batch, one after the other.
///
/// It looks at a record's one canonical form, so that the verdict does not depend on the door that the record came
/// through. In steady state nothing is allocated, unless records are changed.
pub struct Judge {
    policy: Arc<Policy>,
    /// What leaves of the record that was judged last.
    form: Vec<u8>,
    found: Vec<Breach>,
    /// The values that all records share, once one record has passed; `None` is an absent field.
    same: Option<Vec<Option<Shared>>>,
    changing: Option<Changing>,
    scratch: Scratch,
}

/// A value that all records share.
#[derive(Debug, PartialEq, Eq)]
enum Shared {
    Nil,
    Text(Box<str>),
}

impl Shared {
    fn is(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Shared::Nil, Value::Nil) => true,
            (Shared::Text(text), Value::Text(other)) => **text == *other,
            _ => false,
        }
    }
}

impl Judge {
    /// A judge of the records of one batch.
    pub fn new(policy: &Arc<Policy>) -> Judge {
        Judge {
            policy: Arc::clone(policy),
            form: Vec::new(),
            found: Vec::new(),
            same: None,
            changing: policy.change.as_ref().map(Changing::new),
            scratch: Scratch::new(),
        }
    }

    /// Judges a record that its schema takes: `true` when it may leave, in the form of [`Judge::leaving`]. Else all rules
    /// that it breaks are reported. Places are those of the record's values where it keeps them
    /// ([`Record::with_places`]).
    pub fn judge(&mut self, record: &Record, violations: &mut Violations) -> bool {
        let policy = Arc::clone(&self.policy);
        self.found.clear();
        let form = match (&policy.change, &mut self.changing) {
            (Some(change), Some(changing)) => {
                changing.take(change, record, &mut self.found);
                if !self.found.is_empty() {
                    return self.refuse(record, violations);
                }
                if let Err(fault) = changing.check() {
                    violations.push(breach::not_outgoing(record, &policy.layout, fault));
                    return false;
                }
                changing.record().canonical_in(&mut self.form)
            }
            _ => record.canonical_in(&mut self.form),
        };
        look(&policy, form, self.same.as_deref(), &mut self.scratch, &mut self.found);
        if !self.found.is_empty() {
            if let Some(changing) = &self.changing {
                // Places are those of what came.
                for breach in &mut self.found {
                    breach.item = breach.source.and_then(|source| changing.item_of(source));
                }
            }
            return self.refuse(record, violations);
        }
        if self.same.is_none() && !policy.same.is_empty() {
            self.same = Some(shared(&policy, form));
        }
        true
    }

    /// The canonical form of what leaves of the record that was judged last and has passed.
    pub fn leaving(&self) -> &[u8] {
        &self.form
    }

    /// What leaves of the record that was judged last and has passed: the record itself, or what it was changed to.
    pub fn leaving_of<'r>(&'r self, record: &'r Record) -> &'r Record {
        self.changing.as_ref().map_or(record, Changing::record)
    }

    fn refuse(&mut self, record: &Record, violations: &mut Violations) -> bool {
        for breach in self.found.drain(..) {
            violations.push(breach.told(&self.policy, record));
        }
        false
    }
}

/// What the fields say that a rule about an age looks at.
#[derive(Debug, Clone, Copy, Default)]
struct AgeSeen<'f> {
    year: Option<&'f str>,
    month: Option<&'f str>,
    base: Option<&'f str>,
}

/// Looks for all that breaks a rule.
fn look<'f>(
    policy: &Policy,
    form: CanonicalRecord<'f>,
    same: Option<&[Option<Shared>]>,
    scratch: &mut Scratch,
    found: &mut Vec<Breach>,
) {
    let mut levels: [Option<&Level>; MAX_DEPTH + 1] = [None; MAX_DEPTH + 1];
    levels[0] = Some(&policy.checks);
    let mut depth = 0;
    let mut ages = [AgeSeen::default(); MOST_AGES];
    // A bit for each of the shared values that is there.
    let mut seen = 0_u128;
    for (item, what) in form.pick(&policy.wanted) {
        let (field, value) = match what {
            Item::Close => {
                depth = usize::saturating_sub(depth, 1);
                continue;
            }
            Item::Open(field) => {
                let inner = levels[depth].and_then(|level| level.fields.get(usize::from(field.0)));
                depth = (depth + 1).min(MAX_DEPTH);
                levels[depth] = inner.and_then(|checks| checks.group.as_deref());
                continue;
            }
            Item::Value(field, value) => (field, value),
        };
        let Some(checks) = levels[depth].and_then(|level| level.fields.get(usize::from(field.0))) else {
            continue;
        };
        let mut breach = |rule: usize, kind: Kind| {
            found.push(Breach {
                rule,
                kind,
                name: Arc::clone(&checks.name),
                source: checks.source,
                item: Some(item),
            });
        };
        for (rule, check) in &checks.checks {
            match (check, value) {
                (Check::Absent(absence), value) if !counts_as_absent(*absence, value) => {
                    breach(*rule, Kind::Present)
                }
                (Check::Form { form, keep }, Value::Text(text)) if !form::has(text, *form, *keep) => {
                    breach(*rule, Kind::Form(*form));
                }
                (Check::Pattern(ty), Value::Text(text))
                    if policy.patterns.check(*ty, text, &NoNamespaces, scratch).is_err() =>
                {
                    breach(*rule, Kind::Pattern);
                }
                (Check::Same(slot), value) => {
                    seen |= 1_u128.checked_shl(*slot as u32).unwrap_or(0);
                    let known = same.map(|same| same.get(*slot).and_then(Option::as_ref));
                    if known.is_some_and(|known| known.is_none_or(|known| !known.is(value))) {
                        breach(*rule, Kind::Differs);
                    }
                }
                (Check::Age(age, part), Value::Text(text)) => {
                    if let Some(age) = ages.get_mut(*age) {
                        match part {
                            AgePart::Year => age.year = Some(text),
                            AgePart::Month => age.month = Some(text),
                            AgePart::Base => age.base = Some(text),
                        }
                    }
                }
                _ => {}
            }
        }
        if let Value::Text(text) = value
            && !checks.never.is_empty()
        {
            never(checks, text, &mut breach);
        }
    }
    if let Some(same) = same {
        for (slot, (rule, field)) in policy.same.iter().enumerate() {
            let is_seen = seen >> slot & 1 == 1;
            if !is_seen && same.get(slot).is_some_and(Option::is_some) {
                let checks = &policy.checks.fields[usize::from(field.0)];
                let (name, source) = (Arc::clone(&checks.name), checks.source);
                found.push(Breach { rule: *rule, kind: Kind::Differs, name, source, item: None });
            }
        }
    }
    for (age, seen) in policy.ages.iter().zip(ages) {
        extreme(policy, form, age, seen, found);
    }
}

fn counts_as_absent(absence: Absence, value: Value<'_>) -> bool {
    match absence {
        Absence::Absent => false,
        Absence::AbsentOrNil => value == Value::Nil,
        Absence::AbsentNilOrEmpty => matches!(value, Value::Nil | Value::Text("")),
    }
}

/// All that must not be in a value, in one pass.
fn never(checks: &Checks, text: &str, breach: &mut impl FnMut(usize, Kind)) {
    let there = checks.never.find(text);
    if there.is_empty() {
        return;
    }
    for &(rule, detectors) in &checks.nevers {
        for detector in crate::detect::Detector::ALL {
            if there.has(detector) && Detectors::has(detectors, detector) {
                breach(rule, Kind::Found(detector));
            }
        }
    }
}

/// Fields that show an extreme age, or an age that cannot be told: what cannot be told may be one.
fn extreme(
    policy: &Policy,
    form: CanonicalRecord<'_>,
    age: &crate::policy::Age,
    seen: AgeSeen<'_>,
    found: &mut Vec<Breach>,
) {
    let Some(year) = seen.year.filter(|year| !year.is_empty()) else { return };
    let older = seen.base.and_then(|base| form::is_older(year, seen.month, base, age.most));
    if older == Some(false) {
        return;
    }
    let mut depth = 0_usize;
    for (item, what) in form.items().enumerate() {
        match what {
            Item::Open(_) => depth += 1,
            Item::Close => depth = depth.saturating_sub(1),
            Item::Value(field, Value::Text(_)) if depth == 0 && age.fields.contains(&field) => {
                let checks = &policy.checks.fields[usize::from(field.0)];
                let (name, source) = (Arc::clone(&checks.name), checks.source);
                found.push(Breach { rule: age.rule, kind: Kind::ExtremeAge, name, source, item: Some(item) });
            }
            Item::Value(..) => {}
        }
    }
}

/// The values that the records of the batch share, as the first one has them.
fn shared(policy: &Policy, form: CanonicalRecord<'_>) -> Vec<Option<Shared>> {
    let mut values: Vec<Option<Shared>> = policy.same.iter().map(|_| None).collect();
    let mut depth = 0_usize;
    for what in form.items() {
        match what {
            Item::Open(_) => depth += 1,
            Item::Close => depth = depth.saturating_sub(1),
            Item::Value(field, value) if depth == 0 => {
                for (slot, (_, of)) in policy.same.iter().enumerate() {
                    if *of == field {
                        values[slot] = Some(match value {
                            Value::Nil => Shared::Nil,
                            Value::Text(text) => Shared::Text(text.into()),
                        });
                    }
                }
            }
            Item::Value(..) => {}
        }
    }
    values
}
