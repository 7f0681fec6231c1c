//! What is demanded of the fields of what leaves.

use std::sync::Arc;

use sekisho_records::{Field, FieldContent, FieldId, Layout, Wanted};

use super::outgoing::shown;
use super::{Compiler, Found, Path};
use crate::detect::LEAST_BYTES;
use crate::error::Problem;
use crate::policy::{Age, AgePart, Change, Check, Checks, Level, MOST_AGES};
use crate::spec::{Absence, Action};

/// A field of one character, or none, is never looked at for what nobody demands of it.
const NEVER: u8 = u8::MAX;

/// All checks of a policy.
#[derive(Default)]
pub(super) struct All {
    pub(super) level: Level,
    pub(super) wanted: Wanted,
    pub(super) ages: Vec<Age>,
    pub(super) same: Vec<(usize, FieldId)>,
}

impl<'s> Compiler<'_, 's> {
    pub(super) fn checks(&mut self, found: &[Found<'s>], change: Option<&Change>) -> All {
        let ground = self.ground;
        let leaving = change.map_or(&ground.layout, |change| &change.layout);
        let mut all = All { level: level(leaving, leaving.fields()), ..All::default() };
        let mut names = Vec::new();
        super::all_values(&ground.layout, &mut names);
        for path in names {
            if let Some(target) = self.names.target(&path)
                && let Some(checks) = at(&mut all.level, target)
            {
                checks.name = Arc::from(shown(&ground.layout, &path).rsplit('/').next().unwrap_or_default());
                checks.source = if let [source] = path[..] { Some(source) } else { None };
            }
        }
        for rule in found {
            self.check(rule, &mut all);
        }
        all.wanted = Wanted::new(all.level.fields.iter().map(least).collect());
        all
    }

    /// Enters one rule at each of its fields that leave.
    fn check(&mut self, rule: &Found<'s>, all: &mut All) {
        let (spec, origin, number) = (rule.spec, rule.origin, rule.number);
        if spec.action == Action::Drop || spec.pseudonym.is_some() {
            return;
        }
        let targets: Vec<Path> =
            rule.fields.iter().filter_map(|path| self.names.target(path).cloned()).collect();
        let check = if let Some(absence) = spec.absent {
            Check::Absent(absence)
        } else if let Some(form) = spec.form {
            Check::Form { form, keep: spec.keep.unwrap_or(0) }
        } else if let Some(pattern) = &spec.pattern {
            let Some(ty) = self.pattern(pattern, origin) else { return };
            Check::Pattern(ty)
        } else if spec.same {
            for (item, target) in targets.iter().enumerate() {
                let [field] = target[..] else {
                    let field = spec.fields.get(item).cloned().unwrap_or_default();
                    self.fail(origin, "fields", None, Problem::Nested { field });
                    continue;
                };
                all.same.push((number, field));
                if let Some(checks) = at(&mut all.level, target) {
                    checks.checks.push((number, Check::Same(all.same.len() - 1)));
                }
            }
            return;
        } else if spec.extreme_age.is_some() {
            return self.age(rule, &targets, all);
        } else {
            let detectors = spec.never.iter().copied().collect();
            for target in &targets {
                if let Some(checks) = at(&mut all.level, target) {
                    checks.never = checks.never.and(detectors);
                    checks.nevers.push((number, detectors));
                }
            }
            return;
        };
        for target in &targets {
            if let Some(checks) = at(&mut all.level, target) {
                checks.checks.push((number, check.clone()));
            }
        }
    }

    fn age(&mut self, rule: &Found<'s>, targets: &[Path], all: &mut All) {
        let (origin, Some(age)) = (rule.origin, &rule.spec.extreme_age) else { return };
        if all.ages.len() == MOST_AGES {
            self.fail(origin, "extreme_age", None, Problem::Ages { most: MOST_AGES });
            return;
        }
        let parts = [
            (Some(&age.birth_year), AgePart::Year),
            (age.birth_month.as_ref(), AgePart::Month),
            (Some(&age.base_date), AgePart::Base),
        ];
        let number = all.ages.len();
        for (name, part) in parts {
            let Some(name) = name else { continue };
            let Some(source) = self.top(name, origin, "extreme_age") else { continue };
            let target = self.names.target(&vec![source]).cloned();
            if let Some(checks) = target.and_then(|target| at(&mut all.level, &target)) {
                checks.checks.push((rule.number, Check::Age(number, part)));
            }
        }
        let top = |target: &Path| if let [field] = target[..] { Some(field) } else { None };
        let fields = targets.iter().filter_map(top).collect();
        all.ages.push(Age { rule: rule.number, fields, most: age.most });
    }
}

fn level(layout: &Layout, fields: &[Field]) -> Level {
    let checks = |field: &Field| Checks {
        name: Arc::clone(&field.name.local),
        group: match field.content {
            FieldContent::Group { .. } => Some(Box::new(level(layout, layout.fields_of(field)))),
            FieldContent::Value(_) => None,
        },
        ..Checks::default()
    };
    Level { fields: fields.iter().map(checks).collect() }
}

fn at<'l>(level: &'l mut Level, path: &Path) -> Option<&'l mut Checks> {
    let (first, rest) = path.split_first()?;
    let mut checks = level.fields.get_mut(usize::from(first.0))?;
    for id in rest {
        checks = checks.group.as_mut()?.fields.get_mut(usize::from(id.0))?;
    }
    Some(checks)
}

/// The fewest bytes of a value that can break any of these rules, or that some rule needs to know.
fn least(checks: &Checks) -> u8 {
    let of_check = |(_, check): &(usize, Check)| match check {
        Check::Absent(Absence::Absent | Absence::AbsentOrNil) | Check::Same(_) => 0,
        Check::Absent(Absence::AbsentNilOrEmpty) | Check::Form { .. } | Check::Age(..) => 1,
        // An empty text may be one that does not match.
        Check::Pattern(_) => 0,
    };
    let nevers = if checks.never.is_empty() { NEVER } else { LEAST_BYTES };
    checks.checks.iter().map(of_check).chain([nevers]).min().unwrap_or(NEVER)
}
