//! An element starts: what governs it (part 1 §3.3.4 and §5.2).

use sekisho_datatypes::Namespaces;
use sekisho_xml::{Start, is_ncname};

use super::child::Child;
use super::frame::Frame;
use super::{Assessor, Root, Stop};
use crate::engine::content::State;
use crate::engine::grammar::{Content, ElementId, TypeIndex};
use crate::engine::names::{Found, NamespaceId};

/// The `xsi` attributes of a start tag.
#[derive(Default)]
struct Instance<'a> {
    ty: Option<&'a str>,
    nil: Option<&'a str>,
}

impl Assessor<'_, '_> {
    /// Takes a start tag. [`Assessor::place`] says afterwards where it is.
    pub(crate) fn start(&mut self, tag: &Start<'_>) -> Result<(), Stop> {
        let bindings = self.memory.bindings.len();
        for (prefix, uri) in tag.declarations() {
            self.memory.bindings.bind(prefix, uri);
        }
        let found = self.found(tag);
        let (child, position) = self.child(found, tag.local())?;
        let has_attributes = tag.attributes().len() > 0;
        let mut frame = Frame {
            name: found.name,
            position,
            element: None,
            ty: None,
            content: Content::Empty,
            state: State::default(),
            counts: self.memory.counts.len() as u32,
            text: self.memory.text.len() as u32,
            bindings,
            line: 0,
            column: 0,
            byte: 0,
            skip: false,
            nil: false,
            claims_nil: false,
            has_text: false,
            has_children: false,
            keeps_text: false,
            is_field: false,
            told_text: false,
            told_children: false,
        };
        if child == Child::Skipped {
            frame.skip = true;
            self.memory.frames.push(frame);
            self.memory.identity.skip();
            return Ok(());
        }
        self.memory.frames.push(frame);
        let instance = if has_attributes { self.instance(tag) } else { Instance::default() };
        match child {
            Child::Declared(element) => self.declared(element, &instance),
            Child::Undeclared { strict } => self.undeclared(&instance, strict),
            Child::Skipped => {}
        }
        let constraints = match self.top().element {
            Some(element) => &self.grammar.elements[element.index()].constraints[..],
            None => &[],
        };
        if !constraints.is_empty() || self.memory.identity.is_active() {
            let depth = self.memory.frames.len() as u32;
            if !constraints.is_empty() {
                // The tables of what is passed over are no longer there for the next one.
                self.memory.habits.forgo();
            }
            self.top().is_field = self.memory.identity.start(self.grammar, depth, found, constraints)?;
        }
        let ty = self.top().ty;
        self.attributes(tag, ty.unwrap_or(self.grammar.any_type), has_attributes)
    }

    /// The innermost frame; there is one from the first start tag to the last end tag.
    #[inline]
    pub(super) fn top(&mut self) -> &mut Frame {
        let last = self.memory.frames.len() - 1;
        &mut self.memory.frames[last]
    }

    /// The element's name as the schema knows it.
    #[inline]
    fn found(&mut self, tag: &Start<'_>) -> Found {
        let uri = tag.namespace();
        let namespace = match self.memory.last_namespace {
            Some(namespace) if self.memory.last_uri == uri => namespace,
            _ => {
                let namespace = self.grammar.names.namespace(uri);
                self.memory.last_uri.clear();
                self.memory.last_uri.push_str(uri);
                self.memory.last_namespace = Some(namespace);
                namespace
            }
        };
        let known = namespace != NamespaceId::UNKNOWN;
        let name = if known { self.grammar.names.name(namespace, tag.local()) } else { None };
        Found { name, namespace }
    }

    fn instance<'a>(&mut self, tag: &Start<'a>) -> Instance<'a> {
        let mut instance = Instance::default();
        let xsi = self.grammar.names.uri(self.grammar.well_known.xsi);
        for attribute in tag.attributes().filter(|attribute| attribute.namespace == xsi) {
            // Values are borrowed from the tag: the reader normalises them there.
            let value = match attribute.value {
                std::borrow::Cow::Borrowed(value) => value,
                std::borrow::Cow::Owned(_) => continue,
            };
            match attribute.local {
                "type" => instance.ty = Some(value.trim_matches(is_space)),
                "nil" => instance.nil = Some(value.trim_matches(is_space)),
                _ => {}
            }
        }
        instance
    }

    /// The root, or what stands for it: which declaration it is held to.
    pub(super) fn root(&mut self, found: Found) -> Child {
        match self.root {
            Root::Declared => match self.grammar.global(found.name).element {
                Some(element) => Child::Declared(element),
                None => Child::Undeclared { strict: true },
            },
            Root::Element(element) => Child::Declared(element),
        }
    }

    /// Element Locally Valid (Element), clauses 1 to 4.
    fn declared(&mut self, id: ElementId, instance: &Instance<'_>) {
        let element = &self.grammar.elements[id.index()];
        if self.memory.frames.len() == 1 && self.top().name != Some(element.name) {
            self.report_here("cvc-elt.1");
        }
        if element.is_abstract {
            self.report_here("cvc-elt.2");
        }
        if element.untyped {
            self.report_here("src-resolve");
            self.top().skip = true;
            return;
        }
        let (mut nil, mut claims_nil) = (false, false);
        if let Some(value) = instance.nil {
            if !element.nillable {
                self.report_here("cvc-elt.3.1");
                claims_nil = matches!(value, "true" | "1");
            } else if matches!(value, "true" | "1") {
                nil = true;
                if element.value.as_ref().is_some_and(|value| value.fixed) {
                    self.report_here("cvc-elt.3.2.2");
                }
            }
        }
        let mut ty = element.ty;
        if let Some(value) = instance.ty {
            match self.named_type(value) {
                None => self.report_here("cvc-elt.4.1"),
                Some(named) => {
                    let prohibited = self.grammar.types[ty.index()].block;
                    if !self.grammar.derives(named, ty, Default::default()) {
                        self.report_here("cvc-elt.4.2");
                    } else if !self.grammar.derives(named, ty, element.block.and(prohibited)) {
                        self.report_here("cvc-elt.4.3");
                    } else {
                        ty = named;
                    }
                }
            }
        }
        let keeps_text = element.value.is_some();
        self.govern(Some(id), ty);
        let frame = self.top();
        (frame.nil, frame.claims_nil) = (nil, claims_nil);
        frame.keeps_text = keeps_text;
    }

    /// An element without a declaration: its type may be named by itself; otherwise it is assessed laxly.
    fn undeclared(&mut self, instance: &Instance<'_>, strict: bool) {
        let named = instance.ty.map(|value| self.named_type(value));
        match named {
            Some(Some(ty)) => return self.govern(None, ty),
            Some(None) => self.report_here("cvc-elt.4.1"),
            None if strict => self.report_here("cvc-elt.1"),
            None => {}
        }
        self.govern(None, self.grammar.any_type);
        self.top().ty = None;
    }

    /// Element Locally Valid (Type), and the content that comes.
    fn govern(&mut self, element: Option<ElementId>, ty: TypeIndex) {
        let definition = &self.grammar.types[ty.index()];
        if definition.is_abstract {
            self.report_here("cvc-type.2");
        }
        let memory = &mut *self.memory;
        let mut state = State::default();
        if let Some(model) = definition.content.model() {
            let model = &self.grammar.models[model.index()];
            state = model.start(&mut memory.words);
            memory.counts.resize(memory.counts.len() + model.alphabet.names(), 0);
        }
        let frame = self.top();
        frame.element = element;
        frame.ty = Some(ty);
        frame.content = definition.content;
        frame.state = state;
    }

    /// The type that an `xsi:type` names.
    fn named_type(&self, value: &str) -> Option<TypeIndex> {
        let (prefix, local) = value.split_once(':').unwrap_or(("", value));
        if !is_ncname(local) || (value.contains(':') && !is_ncname(prefix)) {
            return None;
        }
        let uri = self.memory.bindings.namespace(prefix);
        if uri.is_none() && !prefix.is_empty() {
            return None;
        }
        let found = self.grammar.names.find(uri.unwrap_or_default(), local);
        self.grammar.global(found.name).ty
    }
}

pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}
