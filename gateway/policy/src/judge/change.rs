//! Records as they are changed before they leave.

use std::borrow::Cow;
use std::sync::Arc;

use sekisho_records::canonical::Item;
use sekisho_records::layout::MAX_DEPTH;
use sekisho_records::{CanonicalRecord, FieldId, Record, RecordChecker, Value, Violation, Violations};

use super::breach::{Breach, Kind};
use crate::form;
use crate::policy::{Change, ChangedField, ChangedLevel, MOST_AGES, What};

/// What leaves of one record after the other.
pub(super) struct Changing {
    record: Record,
    checker: RecordChecker,
    /// The canonical form of the record as it comes.
    form: Vec<u8>,
}

impl Changing {
    pub(super) fn new(change: &Change) -> Changing {
        Changing {
            record: Record::new(),
            checker: RecordChecker::new(&change.schema, &change.layout),
            form: Vec::new(),
        }
    }

    /// The number of the item that a field of the record itself was, as it came.
    pub(super) fn item_of(&self, source: FieldId) -> Option<usize> {
        // What the record wrote of itself a moment ago.
        let form = CanonicalRecord::new(&self.form).ok()?;
        let mut depth = 0_usize;
        form.items().position(|what| match what {
            Item::Open(_) => {
                depth += 1;
                false
            }
            Item::Close => {
                depth = depth.saturating_sub(1);
                false
            }
            Item::Value(field, _) => depth == 0 && field == source,
        })
    }

    /// What leaves of the record that was taken last.
    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    /// Changes a record; what cannot be done is in `found`.
    pub(super) fn take(&mut self, change: &Change, record: &Record, found: &mut Vec<Breach>) {
        let form = record.canonical_in(&mut self.form);
        let extreme = extreme_ages(change, form);
        self.record.start(record.number(), record.place());
        let place = record.place();
        let mut levels: [Option<&ChangedLevel>; MAX_DEPTH + 1] = [None; MAX_DEPTH + 1];
        // The group of what leaves that each open group becomes.
        let mut open: [Option<FieldId>; MAX_DEPTH + 1] = [None; MAX_DEPTH + 1];
        levels[0] = Some(&change.level);
        let mut depth = 0;
        for (item, what) in form.items().enumerate() {
            let field_of = |field: FieldId| {
                levels[depth].and_then(|level: &ChangedLevel| level.fields.get(usize::from(field.0)))
            };
            match what {
                Item::Open(group) => {
                    let inner = field_of(group);
                    depth = (depth + 1).min(MAX_DEPTH);
                    open[depth] = inner.and_then(|field| field.target);
                    levels[depth] = inner.and_then(|field| field.group.as_deref());
                    if let Some(group) = open[depth] {
                        self.record.open(group, place);
                    }
                }
                Item::Close => {
                    if let Some(group) = open[depth].take() {
                        self.record.close(group);
                    }
                    depth = usize::saturating_sub(depth, 1);
                }
                Item::Value(id, value) => {
                    let Some(field) = field_of(id) else { continue };
                    let Some(target) = field.target else { continue };
                    match changed(field, value, extreme) {
                        Ok(Some(Changed::Nil)) => self.record.push(target, Value::Nil, place),
                        Ok(Some(Changed::Text(text))) => self.record.push(target, Value::Text(&text), place),
                        Ok(None) => {}
                        Err((rule, kind)) => {
                            let (name, source) = (Arc::clone(&field.name), (depth == 0).then_some(id));
                            found.push(Breach { rule, kind, name, source, item: Some(item) });
                        }
                    }
                }
            }
        }
    }

    /// Holds what leaves to its schema: what is wrong with it.
    pub(super) fn check(&mut self) -> Result<(), Box<Violation>> {
        let mut violations = Violations::new(1);
        if self.checker.check(&mut self.record, &mut violations) {
            return Ok(());
        }
        let first = violations.into_listed().into_iter().next();
        // A record that is not valid breaks at least one rule, and one is listed.
        first.map_or(Ok(()), |violation| Err(Box::new(violation)))
    }
}

/// What becomes of a value: another one, or nothing.
fn changed<'v>(
    field: &ChangedField,
    value: Value<'v>,
    extreme: [bool; MOST_AGES],
) -> Result<Option<Changed<'v>>, (usize, Kind)> {
    let Value::Text(text) = value else { return Ok(Some(Changed::Nil)) };
    let mut now = Cow::Borrowed(text);
    for step in &field.steps {
        match &step.what {
            What::DropFound(detectors) => {
                if !detectors.find(&now).is_empty() {
                    return Ok(None);
                }
            }
            What::DropAge(age) => {
                if extreme.get(*age) == Some(&true) {
                    return Ok(None);
                }
            }
            // What is empty says nothing.
            What::Generalise { .. } | What::Pseudonym(_) if now.is_empty() => {}
            What::Generalise { form, keep } => {
                if !form::has(&now, *form, *keep) {
                    let mut cut = String::new();
                    if !form::cut(&now, *form, *keep, &mut cut) {
                        return Err((step.rule, Kind::Form(*form)));
                    }
                    now = Cow::Owned(cut);
                }
            }
            What::Pseudonym(pseudonyms) => {
                let mut made = String::new();
                pseudonyms.make(&now, &mut made).map_err(|error| (step.rule, Kind::Pseudonym(error)))?;
                now = Cow::Owned(made);
            }
        }
    }
    Ok(Some(Changed::Text(now)))
}

/// What leaves of a value.
enum Changed<'v> {
    Nil,
    Text(Cow<'v, str>),
}

/// Which of the rules about ages see an extreme one. An age that cannot be told may be one.
fn extreme_ages(change: &Change, form: CanonicalRecord<'_>) -> [bool; MOST_AGES] {
    let mut extreme = [false; MOST_AGES];
    for (age, extreme) in change.ages.iter().zip(&mut extreme) {
        let (mut year, mut month, mut base) = (None, None, None);
        let mut depth = 0_usize;
        for what in form.items() {
            match what {
                Item::Open(_) => depth += 1,
                Item::Close => depth = depth.saturating_sub(1),
                Item::Value(field, Value::Text(text)) if depth == 0 && !text.is_empty() => {
                    for (of, part) in
                        [(Some(age.year), &mut year), (age.month, &mut month), (Some(age.base), &mut base)]
                    {
                        if of == Some(field) {
                            *part = Some(text);
                        }
                    }
                }
                Item::Value(..) => {}
            }
        }
        let older = |year| base.and_then(|base| form::is_older(year, month, base, age.most));
        *extreme = year.is_some_and(|year| older(year) != Some(false));
    }
    extreme
}
