//! The attributes of a start tag (part 1 §3.2.4, §3.4.4 clauses 3 to 5).

use sekisho_datatypes::{Builtin, TypeId};
use sekisho_xml::Start;

use super::{Assessor, Stop};
use crate::engine::grammar::{Attribute, Process, TypeIndex};
use crate::engine::names::{Found, NameId, NamespaceId};
use crate::wording;

impl Assessor<'_, '_> {
    /// Holds the attributes against the type.
    pub(super) fn attributes(
        &mut self,
        tag: &Start<'_>,
        ty: TypeIndex,
        has_attributes: bool,
    ) -> Result<(), Stop> {
        let grammar = self.grammar;
        let set = grammar.types[ty.index()].attributes.map(|set| &grammar.attribute_sets[set.index()]);
        if self.top().skip || (!has_attributes && !set.is_some_and(|set| set.absent_matters)) {
            return Ok(());
        }
        let uses = set.map_or(0, |set| set.uses.len());
        self.memory.seen.clear();
        self.memory.seen.resize(uses, false);
        let mut wild_ids = 0;
        for given in tag.attributes() {
            let found = self.attribute_name(given.namespace, given.local);
            if found.namespace == grammar.well_known.xsi && self.instance_attribute(found, &given.value)? {
                continue;
            }
            let Some(set) = set else {
                self.report_attribute("cvc-type.3.1.1", self.shown(given.local));
                continue;
            };
            if let Some(index) = found.name.and_then(|name| set.find(name)) {
                self.memory.seen[index] = true;
                self.attribute(&set.uses[index].attribute, found, &given.value)?;
                continue;
            }
            let allowed = set.any.as_ref().filter(|any| any.namespaces.allow(found.namespace));
            let Some(any) = allowed else {
                self.report_attribute("cvc-complex-type.3.2.2", self.shown(given.local));
                continue;
            };
            match grammar.global(found.name).attribute {
                _ if any.process == Process::Skip && !self.memory.identity.is_active() => {}
                _ if any.process == Process::Skip => self.field_of_attribute(found, None),
                Some(attribute) => {
                    let attribute = &grammar.attributes[attribute.index()];
                    wild_ids += u32::from(grammar.simple.ids(attribute.ty).id);
                    self.attribute(attribute, found, &given.value)?;
                }
                None if any.process == Process::Strict => {
                    self.report_attribute("cvc-assess-attr.1.2", self.shown(given.local))
                }
                // Nothing says of what type it is; a field that finds it has its text.
                None if self.memory.identity.is_active() => {
                    let key = self.fingerprints().of(given.value.as_bytes());
                    self.field_of_attribute(found, Some(Some(key)));
                }
                None => {}
            }
        }
        let Some(set) = set else { return Ok(()) };
        // Clause 5: of the attributes that a wildcard lets in at most one is an identifier, and then no other.
        if wild_ids > 1 || (wild_ids == 1 && set.has_id) {
            self.report_here("cvc-complex-type.5");
        }
        if set.absent_matters {
            for (index, using) in set.uses.iter().enumerate() {
                if self.memory.seen[index] {
                    continue;
                }
                if using.required {
                    self.report_attribute(
                        "cvc-complex-type.4",
                        Some(grammar.names.local(using.attribute.name)),
                    );
                } else if using.attribute.value.is_some() {
                    self.absent(&using.attribute)?;
                }
            }
        }
        Ok(())
    }

    fn attribute_name(&self, uri: &str, local: &str) -> Found {
        if uri.is_empty() {
            let name = self.grammar.names.name(NamespaceId::NONE, local);
            return Found { name, namespace: NamespaceId::NONE };
        }
        self.grammar.names.find(uri, local)
    }

    /// Takes an attribute that instructs processors; false for one that only looks like it.
    fn instance_attribute(&mut self, found: Found, value: &str) -> Result<bool, Stop> {
        let known = self.grammar.well_known;
        if self.memory.identity.is_active() {
            self.field_of_instance(found, value);
        }
        let ty = match found.name {
            Some(name) if name == known.xsi_type => Builtin::QName,
            Some(name) if name == known.xsi_nil => Builtin::Boolean,
            // Hints are ignored, whatever they say: of their values nothing is asked but to be lists of URIs, as any is.
            Some(name) => {
                let hints = [known.xsi_schema_location, known.xsi_no_namespace_schema_location];
                return Ok(hints.contains(&name));
            }
            None => return Ok(false),
        };
        let memory = &mut *self.memory;
        let checked = self.grammar.simple.check(ty.id(), value, &memory.bindings, &mut memory.scratch);
        // What an unusable xsi:type means was said when the element started, and that xsi:nil may not be there at all.
        let told = ty == Builtin::QName
            || self.top().element.is_some_and(|element| !self.grammar.elements[element.index()].nillable);
        if let Err(fault) = checked
            && !told
        {
            self.report_value(&fault, ty.id(), value, found.name);
        }
        Ok(true)
    }

    /// What instructs processors is an attribute of its element all the same, with a type of its own (part 1 §3.2.7).
    fn field_of_instance(&mut self, found: Found, value: &str) {
        let known = self.grammar.well_known;
        let ty = match found.name {
            Some(name) if name == known.xsi_type => Builtin::QName,
            Some(name) if name == known.xsi_nil => Builtin::Boolean,
            // A list of locations equals another one where the text does.
            Some(name) if name == known.xsi_schema_location => Builtin::Token,
            Some(name) if name == known.xsi_no_namespace_schema_location => Builtin::AnyUri,
            _ => return,
        };
        let memory = &mut *self.memory;
        memory.key.clear();
        let simple = &self.grammar.simple;
        let taken =
            simple.value_key(ty.id(), value, &memory.bindings, &mut memory.scratch, &mut memory.key).is_ok();
        let key = taken.then(|| self.fingerprints().of(&self.memory.key));
        self.field_of_attribute(found, Some(key));
    }

    /// Attribute Locally Valid.
    fn attribute(&mut self, attribute: &Attribute, found: Found, value: &str) -> Result<(), Stop> {
        let active = self.memory.identity.is_active();
        let fixed = attribute.value.as_ref().filter(|value| value.fixed);
        let memory = &mut *self.memory;
        let simple = &self.grammar.simple;
        memory.key.clear();
        let checked = if active || fixed.is_some() {
            simple
                .value_key(attribute.ty, value, &memory.bindings, &mut memory.scratch, &mut memory.key)
                .map(drop)
        } else {
            simple.check(attribute.ty, value, &memory.bindings, &mut memory.scratch).map(drop)
        };
        if let Err(fault) = checked {
            self.report_value(&fault, attribute.ty, value, Some(attribute.name));
            if active {
                self.field_of_attribute(found, Some(None));
            }
            return Ok(());
        }
        if let Some(fixed) = fixed {
            let same = match &fixed.key {
                Some(key) => **key == *memory.key,
                None => *fixed.text == *value,
            };
            if !same {
                self.report_attribute("cvc-attribute.4", Some(self.grammar.names.local(attribute.name)));
            }
        }
        if active {
            let key = self.fingerprints().of(&self.memory.key);
            self.field_of_attribute(found, Some(Some(key)));
        }
        if self.identifiers_in(attribute.ty, value)? {
            self.report_attribute("cvc-simple-type", Some(self.grammar.names.local(attribute.name)));
        }
        Ok(())
    }

    /// An attribute that is not there but has a value all the same.
    fn absent(&mut self, attribute: &Attribute) -> Result<(), Stop> {
        let Some(value) = &attribute.value else { return Ok(()) };
        if self.memory.identity.is_active() {
            let key = value.key.as_ref().map(|key| self.fingerprints().of(key));
            let namespace = self.grammar.names.namespace_of(attribute.name);
            let found = Found { name: Some(attribute.name), namespace };
            self.field_of_attribute(found, Some(key));
        }
        // What it names was for the schema to see to.
        self.identifiers_in(attribute.ty, &value.text).map(drop)
    }

    /// Notes the identifiers and references in a value; whether it names entities, too, of which none is ever declared.
    /// Where references are, [`Assessor::place_references`] says afterwards.
    pub(super) fn identifiers_in(&mut self, ty: TypeId, value: &str) -> Result<bool, Stop> {
        use sekisho_datatypes::IdKind;
        if !self.grammar.simple.ids(ty).any() {
            return Ok(false);
        }
        let fingerprints = self.fingerprints();
        let memory = &mut *self.memory;
        let (identifiers, room) = (&mut memory.identifiers, &mut memory.room);
        let (mut repeated, mut outcome) = (0, Ok(()));
        let mut entities = false;
        self.grammar.simple.each_id(ty, value, &memory.bindings, &mut memory.scratch, &mut |kind, id| {
            let id = fingerprints.of(id.as_bytes());
            match kind {
                IdKind::Id => match identifiers.define(id, room) {
                    Ok(new) => repeated += u32::from(!new),
                    Err(stop) => outcome = Err(stop),
                },
                IdKind::Idref => {
                    if let Err(stop) = identifiers.refer(id, room) {
                        outcome = Err(stop);
                    }
                }
                // There is no document type declaration that could declare one.
                IdKind::Entity => entities = true,
            }
        });
        (0..repeated).for_each(|_| self.report_here("cvc-id.2"));
        outcome.map(|()| entities)
    }

    /// A value that is not of its type.
    pub(super) fn report_value(
        &mut self,
        fault: &sekisho_datatypes::Fault,
        ty: TypeId,
        value: &str,
        attribute: Option<NameId>,
    ) {
        let (basis, shown) = (self.basis, self.shown);
        let code = public_code(fault.code);
        let depth = self.memory.frames.len();
        self.report_with(code, depth, |field| {
            let attribute = attribute.map(|name| basis.grammar.names.local(name));
            let facts = (basis.facts)(ty);
            let value = match facts {
                Some(facts) => facts.white_space.normalise(value),
                None => basis.grammar.simple.normalise(ty, value),
            };
            wording::value(fault, facts, &value, shown).about(field, attribute)
        });
    }
}

/// Rules of part 2 have many clauses; users are told which facet it was, or that the literal is none of the type.
pub(crate) fn public_code(code: &'static str) -> &'static str {
    if code.starts_with("cvc-datatype-valid") { "cvc-datatype-valid" } else { code }
}
