//! What leaves: which field becomes which, and what is done to it on the way.

use std::sync::Arc;

use sekisho_records::{Field, FieldContent, FieldId, Layout};
use sekisho_xsd::{Element, ElementContent, Particle};

use super::{Compiler, Found, Path, find};
use crate::error::{At, NamesFault, PolicyError, Problem};
use crate::policy::{Change, ChangeByAge, ChangedField, ChangedLevel, MOST_AGES, Place, Step, What};
use crate::pseudonym::Pseudonyms;
use crate::spec::{Action, PolicySpec};

/// Which field that holds a value becomes which.
#[derive(Debug, Default)]
pub(super) struct Names {
    pairs: Vec<(Path, Path)>,
}

impl Names {
    /// The field of what leaves that a field becomes.
    pub(super) fn target(&self, path: &Path) -> Option<&Path> {
        self.pairs.iter().find(|(from, _)| from == path).map(|(_, to)| to)
    }

    /// The group of what leaves that a group becomes: that which its first field lies in.
    fn group(&self, path: &Path) -> Option<FieldId> {
        let inside = self.pairs.iter().find(|(from, _)| from.starts_with(path));
        inside.and_then(|(_, to)| to.get(path.len() - 1).copied())
    }
}

impl Compiler<'_, '_> {
    /// Which field becomes which: by the table, or else those of one name become each other.
    pub(super) fn names(&mut self, spec: &PolicySpec) -> Names {
        let ground = self.ground;
        let layout = &ground.layout;
        let Some((_, outgoing)) = &ground.outgoing else {
            if ground.place == Place::Municipality && spec.names.is_some() {
                self.errors
                    .push(PolicyError { at: At::Policy("names"), problem: Problem::NamesWithoutOutgoing });
            }
            let mut all = Vec::new();
            super::all_values(layout, &mut all);
            return Names { pairs: all.into_iter().map(|path| (path.clone(), path)).collect() };
        };
        let Some(table) = &ground.names else {
            let mut all = Vec::new();
            super::all_values(layout, &mut all);
            let same = |path: Path| Some((path.clone(), find(outgoing, &shown(layout, &path)).ok()?));
            return Names { pairs: all.into_iter().filter_map(same).collect() };
        };
        let mut names = Names::default();
        for (line, text) in (1..).zip(table.trim_start_matches('\u{feff}').lines()) {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            match pair(text, layout, outgoing, &names) {
                Ok(pair) => names.pairs.push(pair),
                Err(what) => self
                    .errors
                    .push(PolicyError { at: At::Policy("names"), problem: Problem::Names { line, what } }),
            }
        }
        names
    }

    /// How records are changed before they leave; nothing where they leave as they come.
    pub(super) fn change(&mut self, spec: &PolicySpec, found: &[Found<'_>]) -> Option<Change> {
        let ground = self.ground;
        let changes = |rule: &Found<'_>| rule.spec.action != Action::Refuse || rule.spec.pseudonym.is_some();
        if ground.place == Place::Asp || ground.outgoing.is_none() && !found.iter().any(changes) {
            return None;
        }
        let (schema, outgoing) =
            ground.outgoing.clone().unwrap_or_else(|| (ground.schema.clone(), Arc::clone(&ground.layout)));
        let mut ages = Vec::new();
        let steps = self.steps(found, &outgoing, &mut ages);
        let layout = Arc::clone(&ground.layout);
        let level = self.level(&layout, layout.fields(), &Path::new(), &steps, &outgoing);
        self.nothing_is_missing(spec, &steps, &outgoing);
        Some(Change { schema, layout: outgoing, level, ages })
    }

    /// What is done to each field.
    fn steps(&mut self, found: &[Found<'_>], outgoing: &Layout, ages: &mut Vec<ChangeByAge>) -> Steps {
        let mut steps = Steps::default();
        for rule in found {
            let (spec, origin) = (rule.spec, rule.origin);
            let what = match (spec.action, &spec.extreme_age, &spec.pseudonym) {
                (_, _, Some(pseudonym)) => {
                    let Some(key) = &self.key else {
                        self.fail(origin, "pseudonym", None, Problem::NoKey);
                        continue;
                    };
                    match Pseudonyms::new(key, &pseudonym.domain, pseudonym.alphabet, pseudonym.length) {
                        Ok(made) => What::Pseudonym(Arc::new(made)),
                        Err(_) => {
                            let (least, most) = Pseudonyms::lengths(pseudonym.alphabet);
                            self.fail(origin, "pseudonym", None, Problem::Length { least, most });
                            continue;
                        }
                    }
                }
                (Action::Refuse, ..) => continue,
                (Action::Generalise, ..) => match spec.form {
                    Some(form) => What::Generalise { form, keep: spec.keep.unwrap_or(0) },
                    None => continue,
                },
                (Action::Drop, Some(age), _) => {
                    let year = self.top(&age.birth_year, origin, "extreme_age");
                    let base = self.top(&age.base_date, origin, "extreme_age");
                    let month = age.birth_month.as_ref().map(|month| self.top(month, origin, "extreme_age"));
                    let (Some(year), Some(base), month) = (year, base, month.flatten()) else { continue };
                    if ages.len() == MOST_AGES {
                        self.fail(origin, "extreme_age", None, Problem::Ages { most: MOST_AGES });
                        continue;
                    }
                    ages.push(ChangeByAge { year, month, base, most: age.most });
                    What::DropAge(ages.len() - 1)
                }
                (Action::Drop, None, _) if spec.absent.is_some() => {
                    steps.dropped.extend(rule.fields.iter().cloned());
                    continue;
                }
                (Action::Drop, None, _) => What::DropFound(spec.never.iter().copied().collect()),
            };
            for path in &rule.fields {
                let name = shown(&self.ground.layout, path);
                let twice = matches!(what, What::Pseudonym(_)) && steps.of(path).next().is_some()
                    || steps.of(path).any(|step| matches!(step.what, What::Pseudonym(_)));
                if twice {
                    self.fail(origin, "fields", None, Problem::ChangedTwice { field: name });
                    continue;
                }
                if matches!(what, What::DropAge(_) | What::DropFound(_))
                    && let Some(target) = self.names.target(path)
                    && !may_be_absent(outgoing, target)
                {
                    let field = shown(outgoing, target);
                    self.fail(origin, "fields", None, Problem::Required { field });
                    continue;
                }
                steps.steps.push((path.clone(), Step { rule: rule.number, what: what.again() }));
            }
        }
        steps
    }

    fn level(
        &mut self,
        layout: &Layout,
        fields: &[Field],
        above: &Path,
        steps: &Steps,
        outgoing: &Layout,
    ) -> ChangedLevel {
        let mut changed = Vec::with_capacity(fields.len());
        for (at, field) in fields.iter().enumerate() {
            let mut path = above.clone();
            path.push(FieldId(at as u16));
            changed.push(match field.content {
                FieldContent::Group { .. } => {
                    let group = self.level(layout, layout.fields_of(field), &path, steps, outgoing);
                    let target = self.names.group(&path);
                    ChangedField {
                        name: Arc::clone(&field.name.local),
                        target,
                        steps: Vec::new(),
                        group: Some(Box::new(group)),
                    }
                }
                FieldContent::Value(_) if steps.dropped.contains(&path) => ChangedField {
                    name: Arc::clone(&field.name.local),
                    target: None,
                    steps: Vec::new(),
                    group: None,
                },
                FieldContent::Value(_) => {
                    let target = self.names.target(&path).and_then(|path| path.last().copied());
                    if target.is_none() {
                        let problem = Problem::NotOutgoing {
                            field: shown(layout, &path),
                            outgoing: outgoing.element().local.to_string(),
                        };
                        let key = if self.ground.names.is_some() { "names" } else { "outgoing" };
                        self.errors.push(PolicyError { at: At::Policy(key), problem });
                    }
                    let steps = steps.of(&path).map(|step| Step { rule: step.rule, what: step.what.again() });
                    ChangedField {
                        name: Arc::clone(&field.name.local),
                        target,
                        steps: steps.collect(),
                        group: None,
                    }
                }
            });
        }
        ChangedLevel { fields: changed }
    }

    /// Every field that what leaves must have has one that becomes it.
    fn nothing_is_missing(&mut self, spec: &PolicySpec, steps: &Steps, outgoing: &Layout) {
        let key = if spec.names.is_some() { "names" } else { "outgoing" };
        for (at, field) in outgoing.fields().iter().enumerate() {
            let target = vec![FieldId(at as u16)];
            let becomes =
                |(from, to): &(Path, Path)| to.starts_with(&target) && !steps.dropped.contains(from);
            let is_there = self.names.pairs.iter().any(becomes);
            if !is_there && is_demanded(&outgoing.record_type().content, &field.name.local) {
                let problem = Problem::Missing { field: field.name.local.to_string() };
                self.errors.push(PolicyError { at: At::Policy(key), problem });
            }
        }
    }
}

/// What is done to which field.
#[derive(Debug, Default)]
struct Steps {
    steps: Vec<(Path, Step)>,
    /// Fields that are left out always.
    dropped: Vec<Path>,
}

impl Steps {
    fn of<'p>(&'p self, path: &'p Path) -> impl Iterator<Item = &'p Step> {
        self.steps.iter().filter(move |(of, _)| of == path).map(|(_, step)| step)
    }
}

impl What {
    /// The same for another field.
    fn again(&self) -> What {
        match self {
            What::DropFound(detectors) => What::DropFound(*detectors),
            What::DropAge(age) => What::DropAge(*age),
            What::Generalise { form, keep } => What::Generalise { form: *form, keep: *keep },
            What::Pseudonym(pseudonyms) => What::Pseudonym(Arc::clone(pseudonyms)),
        }
    }
}

/// One line of the table.
fn pair(text: &str, layout: &Layout, outgoing: &Layout, names: &Names) -> Result<(Path, Path), NamesFault> {
    let (from, to) = text.split_once(',').ok_or(NamesFault::Form)?;
    let (from, to) = (from.trim(), to.trim());
    if from.is_empty() || to.is_empty() || to.contains(',') {
        return Err(NamesFault::Form);
    }
    let from = find(layout, from).map_err(|problem| match problem {
        Problem::Group { .. } => NamesFault::Kind,
        _ => NamesFault::Unknown,
    })?;
    let to = find(outgoing, to).map_err(|problem| match problem {
        Problem::Group { .. } => NamesFault::Kind,
        _ => NamesFault::UnknownOutgoing,
    })?;
    if from.len() != to.len() {
        return Err(NamesFault::Kind);
    }
    for depth in 1..from.len() {
        let group = from[..depth].to_vec();
        if names.group(&group).is_some_and(|known| known != to[depth - 1]) {
            return Err(NamesFault::UnknownOutgoing);
        }
    }
    if names.pairs.iter().any(|(known, becomes)| *known == from || *becomes == to) {
        return Err(NamesFault::Twice);
    }
    Ok((from, to))
}

/// The name of a field with those of the groups that it lies in.
pub(super) fn shown(layout: &Layout, path: &Path) -> String {
    let mut fields = layout.fields();
    let mut names = Vec::new();
    for id in path {
        let Some(field) = fields.get(usize::from(id.0)) else { break };
        names.push(&*field.name.local);
        fields = layout.fields_of(field);
    }
    names.join("/")
}

/// Whether a record is valid without the field if it is valid with it: the field alone may be absent where it stands.
fn may_be_absent(layout: &Layout, path: &Path) -> bool {
    let names: Vec<String> = shown(layout, path).split('/').map(str::to_owned).collect();
    let is_key = names.len() == 1
        && layout.keys().iter().any(|key| key.fields.iter().any(|field| *field.local == *names[0]));
    let mut content = layout.record_type().content.as_slice();
    let mut optional = false;
    for name in &names {
        let Some(element) = element(content, name) else { return false };
        optional = element.min == 0;
        content = match &element.content {
            ElementContent::Complex(content) => content,
            ElementContent::Simple(_) => &[],
        };
    }
    optional && !is_key
}

fn element<'c>(content: &'c [Particle], name: &str) -> Option<&'c Element> {
    content.iter().find_map(|particle| match particle {
        Particle::Element(element) => (*element.name.local == *name).then_some(element),
        Particle::Sequence { items, .. } | Particle::Choice { items, .. } | Particle::All { items, .. } => {
            self::element(items, name)
        }
    })
}

/// Whether every record has the element, whatever else it has.
fn is_demanded(content: &[Particle], name: &str) -> bool {
    content.iter().any(|particle| match particle {
        Particle::Element(element) => element.min > 0 && *element.name.local == *name,
        Particle::Sequence { min, items, .. } | Particle::All { min, items, .. } => {
            *min > 0 && is_demanded(items, name)
        }
        Particle::Choice { min, items, .. } => {
            *min > 0 && items.iter().all(|item| is_demanded(std::slice::from_ref(item), name))
        }
    })
}
