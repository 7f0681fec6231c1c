//! Rules held against the layouts: everything that is wrong with them is found here, when a route is loaded.

mod checks;
mod outgoing;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use sekisho_datatypes::{Builtin, Facets, Tables, TypesBuilder};
use sekisho_records::{FieldContent, FieldId, Layout};
use sekisho_xsd::Schema;
use sha2::{Digest as _, Sha256};

use crate::error::{At, PolicyError, Problem};
use crate::policy::{Place, Policy, Rule};
use crate::pseudonym::PseudonymKey;
use crate::spec::{Action, PolicySpec, RuleSpec};
use outgoing::Names;

/// What a policy is compiled for.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Where the gateway stands.
    pub place: Place,
    /// The schema of records as they come.
    pub schema: Schema,
    /// Its layout.
    pub layout: Arc<Layout>,
    /// The schema of what leaves, and its layout, where that is another one.
    pub outgoing: Option<(Schema, Arc<Layout>)>,
    /// The text of the table of names.
    pub names: Option<String>,
    /// The text of the file with the key of the pseudonyms.
    pub key: Option<String>,
}

/// A field by the ids of its levels: all but the last one are groups.
pub(crate) type Path = Vec<FieldId>;

impl Policy {
    /// Compiles the rules for a layout.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn compile(spec: &PolicySpec, ground: &Ground) -> Result<Policy, Vec<PolicyError>> {
        let mut errors = Vec::new();
        let key = key(spec, ground, &mut errors);
        let (profile, own) = rules(spec, ground, key.is_some(), &mut errors);
        let mut compiler = Compiler {
            ground,
            key,
            names: Names::default(),
            rules: Vec::new(),
            types: TypesBuilder::new(Tables::Current),
            plain: Vec::new(),
            errors,
        };
        compiler.names = compiler.names(spec);
        for rule in &profile {
            compiler.rule(rule, Origin::Profile);
        }
        for (n, rule) in own.iter().enumerate() {
            compiler.rule(rule, Origin::Own(n));
        }
        compiler.finish(spec, profile.iter().chain(&own))
    }
}

/// Where a rule comes from.
#[derive(Debug, Clone, Copy)]
enum Origin {
    Profile,
    /// By its number, from 0.
    Own(usize),
}

/// A rule with its fields found.
pub(crate) struct Found<'s> {
    spec: &'s RuleSpec,
    origin: Origin,
    /// Its number among all rules.
    number: usize,
    fields: Vec<Path>,
}

struct Compiler<'g, 's> {
    ground: &'g Ground,
    key: Option<PseudonymKey>,
    names: Names,
    rules: Vec<Rule>,
    types: TypesBuilder,
    plain: Vec<Found<'s>>,
    errors: Vec<PolicyError>,
}

impl<'s> Compiler<'_, 's> {
    /// Notes what is wrong, where the operator wrote it: of the profile's rules, at the profile.
    fn fail(&mut self, origin: Origin, key: &'static str, item: Option<usize>, problem: Problem) {
        let at = match (origin, item) {
            (Origin::Profile, _) => At::Policy("profile"),
            (Origin::Own(rule), None) => At::Rule(rule, key),
            (Origin::Own(rule), Some(item)) => At::Item(rule, key, item),
        };
        let error = PolicyError { at, problem };
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    /// Takes a rule as far as it can be taken.
    fn rule(&mut self, spec: &'s RuleSpec, origin: Origin) {
        let good = (1..=64).contains(&spec.name.len())
            && spec.name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            && !self.rules.iter().any(|rule| *rule.name == *spec.name);
        if !good {
            self.fail(origin, "name", None, Problem::Name);
        }
        self.demands(spec, origin);
        if spec.fields.is_empty() {
            self.fail(origin, "fields", None, Problem::NoFields);
        }
        let fields = self.fields(spec, origin);
        let number = self.rules.len();
        self.rules.push(Rule { name: Arc::from(spec.name.as_str()) });
        self.plain.push(Found { spec, origin, number, fields });
    }

    fn demands(&mut self, spec: &RuleSpec, origin: Origin) {
        let demands = [
            ("absent", spec.absent.is_some()),
            ("form", spec.form.is_some()),
            ("pattern", spec.pattern.is_some()),
            ("same", spec.same),
            ("never", !spec.never.is_empty()),
            ("extreme_age", spec.extreme_age.is_some()),
            ("pseudonym", spec.pseudonym.is_some()),
        ];
        let made: Vec<&'static str> = demands.iter().filter(|(_, made)| *made).map(|(key, _)| *key).collect();
        let [demand] = made[..] else {
            self.fail(origin, "name", None, Problem::Demands { found: made.len() });
            return;
        };
        if spec.keep.is_some() && spec.form != Some(crate::spec::Form::Zeros) {
            self.fail(origin, "keep", None, Problem::OnlyWith { with: "form = \"zeros\"" });
        }
        if !spec.except.is_empty() && spec.fields != ["*"] {
            self.fail(origin, "except", None, Problem::OnlyWith { with: "fields = [\"*\"]" });
        }
        let allowed = match (demand, spec.action) {
            (_, Action::Refuse)
            | ("absent" | "never" | "extreme_age", Action::Drop)
            | ("form", Action::Generalise) => None,
            ("absent" | "never" | "extreme_age", _) => Some("\"refuse\" or \"drop\""),
            ("form", _) => Some("\"refuse\" or \"generalise\""),
            _ => Some("\"refuse\""),
        };
        if let Some(allowed) = allowed {
            self.fail(origin, "action", None, Problem::Action { allowed });
        } else if self.ground.place == Place::Asp && (spec.action != Action::Refuse || demand == "pseudonym")
        {
            let key = if demand == "pseudonym" { "pseudonym" } else { "action" };
            self.fail(origin, key, None, Problem::Place);
        }
    }

    /// The fields that a rule is about; those that are none are told.
    fn fields(&mut self, spec: &RuleSpec, origin: Origin) -> Vec<Path> {
        let layout = Arc::clone(&self.ground.layout);
        let mut fields: Vec<Path> = Vec::new();
        for (item, name) in spec.fields.iter().enumerate() {
            if name == "*" {
                all_values(&layout, &mut fields);
                continue;
            }
            match find(&layout, name) {
                Ok(path) => fields.push(path),
                Err(problem) => self.fail(origin, "fields", Some(item), problem),
            }
        }
        for (item, name) in spec.except.iter().enumerate() {
            match find(&layout, name) {
                Ok(path) => fields.retain(|field| *field != path),
                Err(problem) => self.fail(origin, "except", Some(item), problem),
            }
        }
        fields.sort();
        fields.dedup();
        fields
    }

    /// A field of the record itself, for demands that are about such.
    fn top(&mut self, name: &str, origin: Origin, key: &'static str) -> Option<FieldId> {
        let problem = match find(&self.ground.layout, name) {
            Ok(path) if path.len() == 1 => return path.first().copied(),
            Ok(_) => Problem::Nested { field: name.to_owned() },
            Err(problem) => problem,
        };
        self.fail(origin, key, None, problem);
        None
    }

    fn pattern(&mut self, pattern: &str, origin: Origin) -> Option<sekisho_datatypes::TypeId> {
        let facets = Facets { patterns: vec![pattern.to_owned()], ..Facets::default() };
        let text = self.types.builtin(Builtin::String);
        match self.types.restrict(text, None, facets) {
            Ok(ty) => Some(ty),
            Err(error) => {
                let problem = Problem::Pattern { reason: error.to_string(), reason_ja: error.message_ja() };
                self.fail(origin, "pattern", None, problem);
                None
            }
        }
    }

    fn finish(
        mut self,
        spec: &PolicySpec,
        all: impl Iterator<Item = &'s RuleSpec>,
    ) -> Result<Policy, Vec<PolicyError>> {
        let found = std::mem::take(&mut self.plain);
        let change = self.change(spec, &found);
        let checks = self.checks(&found, change.as_ref());
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        let all: Vec<&RuleSpec> = all.collect();
        let digest = self.digest(&all);
        Ok(Policy {
            rules: self.rules,
            wanted: checks.wanted,
            checks: checks.level,
            ages: checks.ages,
            same: checks.same,
            patterns: self.types.finish(),
            change,
            layout: Arc::clone(&self.ground.layout),
            digest,
        })
    }

    fn digest(&self, rules: &[&RuleSpec]) -> [u8; 32] {
        // Plain data with text keys: it can be written.
        let rules = serde_json::to_vec(rules).unwrap_or_default();
        let mut digest = Sha256::new();
        let mut add = |label: &str, bytes: &[u8]| {
            digest.update(label.as_bytes());
            digest.update((bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        };
        add("sekisho policy 1", &[u8::from(self.ground.place == Place::Municipality)]);
        add("rules", &rules);
        if let Some((schema, layout)) = &self.ground.outgoing {
            add("outgoing", schema.digest().as_bytes());
            add("record", layout.element().to_string().as_bytes());
        }
        if let Some(names) = &self.ground.names {
            add("names", names.as_bytes());
        }
        if let Some(key) = &self.key {
            add("key", &key.fingerprint());
        }
        digest.finalize().into()
    }
}

/// The key of the pseudonyms, if there is one.
fn key(spec: &PolicySpec, ground: &Ground, errors: &mut Vec<PolicyError>) -> Option<PseudonymKey> {
    if ground.place == Place::Asp {
        for (key, written) in [
            ("key", spec.key.is_some()),
            ("names", spec.names.is_some()),
            ("outgoing", spec.outgoing.is_some()),
        ] {
            if written {
                errors.push(PolicyError { at: At::Policy(key), problem: Problem::Place });
            }
        }
        return None;
    }
    let key = PseudonymKey::parse(ground.key.as_ref()?);
    if key.is_none() {
        errors.push(PolicyError { at: At::Policy("key"), problem: Problem::Key });
    }
    key
}

/// The rules of the profile, as far as their fields are there, and those of the operator.
fn rules(
    spec: &PolicySpec,
    ground: &Ground,
    key: bool,
    errors: &mut Vec<PolicyError>,
) -> (Vec<RuleSpec>, Vec<RuleSpec>) {
    let Some(profile) = spec.profile else {
        if spec.roles != crate::spec::RolesSpec::default() {
            let problem = Problem::OnlyWith { with: "profile" };
            errors.push(PolicyError { at: At::Policy("roles"), problem });
        }
        return (Vec::new(), spec.rule.clone());
    };
    let before = errors.len();
    for (role, fields, written) in profile.cast(&spec.roles) {
        for (item, name) in fields.iter().enumerate() {
            if let Err(problem) = find(&ground.layout, name) {
                errors.push(PolicyError { at: At::Role(role, written.then_some(item)), problem });
            }
        }
    }
    // What follows from a part that nobody can play is not told.
    if errors.len() > before {
        return (Vec::new(), spec.rule.clone());
    }
    (profile.rules(ground.place, &spec.roles, key), spec.rule.clone())
}

/// The field of this name, if it holds a value.
pub(crate) fn find(layout: &Layout, name: &str) -> Result<Path, Problem> {
    let unknown = || Problem::UnknownField { field: name.to_owned() };
    let mut fields = layout.fields();
    let mut path = Path::new();
    let mut steps = name.split('/').peekable();
    while let Some(step) = steps.next() {
        let at = fields.iter().position(|field| *field.name.local == *step).ok_or_else(unknown)?;
        let field = &fields[at];
        path.push(FieldId(at as u16));
        match (&field.content, steps.peek()) {
            (FieldContent::Value(_), None) => return Ok(path),
            (FieldContent::Group { .. }, Some(_)) => fields = layout.fields_of(field),
            (FieldContent::Group { .. }, None) => return Err(Problem::Group { field: name.to_owned() }),
            (FieldContent::Value(_), Some(_)) => return Err(unknown()),
        }
    }
    Err(unknown())
}

/// Every field that holds a value, at every level.
fn all_values(layout: &Layout, out: &mut Vec<Path>) {
    fn level(layout: &Layout, fields: &[sekisho_records::Field], above: &Path, out: &mut Vec<Path>) {
        for (at, field) in fields.iter().enumerate() {
            let mut path = above.clone();
            path.push(FieldId(at as u16));
            match field.content {
                FieldContent::Value(_) => out.push(path),
                FieldContent::Group { .. } => level(layout, layout.fields_of(field), &path, out),
            }
        }
    }
    level(layout, layout.fields(), &Path::new(), out);
}
