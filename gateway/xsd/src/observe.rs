//! What is seen of a document while the validator is driven over it, and what is told of it.

use std::cell::{Cell, RefCell};

use xsd_schema::validation::simple::fixed_values_equal;
use xsd_schema::validation::{
    AttributeView, DoctypeView, ElementStartView, EndElementInfo, SchemaInfo, TextKind, ValidationError,
    ValidationEventHandler, ValidationSink, ValidationWarning, validate_simple_type,
};
use xsd_schema::{ElementKey, TypeKey};

use crate::place::Lines;
use crate::record::TypeId;
use crate::recovery::{Missing, Name, Recovery};
use crate::run::Run;
use crate::violation::Violation;
use crate::wording::{self, Site};

/// How many children of one element are remembered, to go on after one that is refused.
const MAX_CHILDREN: usize = 512;
const CONTENT: &str = "cvc-complex-type.2.4";
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Why a document is not read further.
#[derive(Debug)]
pub(crate) enum Stop {
    Doctype(u64),
    Limit(&'static str, u64),
    /// Enough violations.
    Enough,
}

/// One check under way: shared between what sees events and what hears errors.
pub(crate) struct Watch<'w> {
    pub(crate) run: &'w Run<'w>,
    pub(crate) lines: &'w RefCell<Lines>,
    pub(crate) budget: &'w Cell<usize>,
    pub(crate) progress: RefCell<Progress>,
    pub(crate) report: RefCell<&'w mut dyn FnMut(Violation)>,
}

/// How far the check has come.
#[derive(Default)]
pub(crate) struct Progress {
    open: Vec<Open>,
    /// Where the last start tag begins.
    tag: u64,
    /// A start tag is being checked.
    starting: bool,
    /// The element being started, or the end of the one being ended, was refused by the content model.
    refused: bool,
    hints: usize,
    pub(crate) violations: u64,
}

/// An element that has not ended.
struct Open {
    name: Option<Name>,
    /// Where it is, once the validator said so.
    path: Option<String>,
    /// Its number among the children of that name, when the validator does not number it.
    position: Option<usize>,
    start: u64,
    ty: Option<TypeKey>,
    simple: Option<TypeId>,
    /// The validator does not check it: what was declared for it is checked here.
    adopted: Option<Option<ElementKey>>,
    nil: bool,
    text: String,
    text_bytes: usize,
    /// Children, as far as they are remembered; `None` when there are too many.
    children: Option<Vec<Name>>,
    recovery: Option<Recovery>,
    /// Something about its content was told.
    told: bool,
}

impl Watch<'_> {
    fn renew(&self) -> Result<(), Stop> {
        self.budget.set(self.run.bounds.construct);
        if self.progress.borrow().violations >= self.run.bounds.counted {
            return Err(Stop::Enough);
        }
        Ok(())
    }

    /// A name of the schema's own; whatever else a document calls its elements is not repeated.
    fn shown(&self, name: Option<Name>) -> Option<&str> {
        let local = self.run.compiled.set.name_table.resolve_ref(name?.0);
        self.run.schema.inner.declared.contains(local).then_some(local)
    }

    /// Counts a violation, and reports it if it is among the first.
    fn violation(&self, progress: &mut Progress, violation: impl FnOnce(&Progress) -> Violation) {
        progress.violations += 1;
        if progress.violations <= self.run.bounds.reported {
            let violation = violation(progress);
            (self.report.borrow_mut())(violation);
        }
    }

    /// A violation of the innermost element's content model.
    fn content(&self, progress: &mut Progress, violation: impl FnOnce(&Progress) -> Violation) {
        if let Some(open) = progress.open.last_mut() {
            open.told = true;
        }
        self.violation(progress, violation);
    }

    /// A violation at the innermost open element, or at the start tag being checked.
    fn here(
        &self,
        progress: &Progress,
        code: &'static str,
        field: Option<&str>,
        message: String,
    ) -> Violation {
        let lines = self.lines.borrow();
        let at = match progress.open.last() {
            _ if progress.starting => Some(lines.of(progress.tag)),
            Some(open) => Some(lines.recent(open.start)),
            None => None,
        };
        Violation {
            code,
            field: field.map(str::to_owned),
            path: self.path(progress),
            line: at.map(|at| at.0),
            column: at.map(|at| at.1),
            message,
        }
    }

    /// The path to the innermost element: as the validator gave it for the nearest one above, and on from there.
    fn path(&self, progress: &Progress) -> Option<String> {
        let known = progress.open.iter().rposition(|open| open.path.is_some())?;
        let mut path = progress.open[known].path.clone()?;
        for open in &progress.open[known + 1..] {
            path.push('/');
            path.push_str(self.shown(open.name).unwrap_or("*"));
            if let Some(position) = open.position {
                path.push_str(&format!("[{position}]"));
            }
        }
        Some(path)
    }

    fn missing(&self, progress: &mut Progress, missing: Vec<Missing>) {
        for gap in missing {
            let Some(name) = self.shown(Some(gap.name)) else { continue };
            let others: Vec<_> = gap.alternatives.iter().filter_map(|&name| self.shown(Some(name))).collect();
            self.content(progress, |progress| {
                let parent = progress.open.last().and_then(|open| self.shown(open.name));
                self.here(progress, CONTENT, Some(name), wording::missing(parent, name, &others))
            });
        }
    }

    /// Takes a child of the innermost element into its content; what is declared for it if the validator refuses it.
    fn enter(
        &self,
        progress: &mut Progress,
        child: Option<Name>,
    ) -> Option<(Option<ElementKey>, Option<TypeKey>)> {
        let set = &self.run.compiled.set;
        let refused = std::mem::take(&mut progress.refused);
        let parent = progress.open.last_mut()?;
        let lost = refused || parent.adopted.is_some();
        if parent.recovery.is_none() && lost {
            parent.recovery = match (parent.ty, &parent.children) {
                (Some(TypeKey::Complex(key)), Some(children)) => Recovery::new(set, key, children),
                _ => None,
            };
        }
        let outcome = parent.recovery.as_mut().zip(child).map(|(recovery, child)| recovery.child(set, child));
        match (&mut parent.children, child) {
            (Some(children), Some(child)) if children.len() < MAX_CHILDREN => children.push(child),
            (children, _) => *children = None,
        }
        let mut declared = None;
        match outcome {
            Some(outcome) if outcome.expected => {
                declared = Some((outcome.declaration, outcome.ty));
                self.missing(progress, outcome.missing);
            }
            Some(_) => self.refuse(progress, child),
            None => {}
        }
        // Whatever was made of it, a refusal is told.
        if refused && !told(progress) {
            self.refuse(progress, child);
        }
        declared.filter(|_| lost)
    }

    fn refuse(&self, progress: &mut Progress, child: Option<Name>) {
        let child = self.shown(child);
        self.content(progress, |progress| {
            let parent = progress.open.last().and_then(|open| self.shown(open.name));
            self.here(progress, CONTENT, child, wording::refused(parent, child))
        });
    }

    /// What the validator did not see of an element that it refused.
    fn leave(&self, progress: &mut Progress) {
        let refused = std::mem::take(&mut progress.refused);
        let set = &self.run.compiled.set;
        let Some(open) = progress.open.last_mut() else { return };
        let adopted = open.adopted;
        if (refused || adopted.is_some() || open.recovery.is_some()) && !open.nil {
            if open.recovery.is_none()
                && let (Some(TypeKey::Complex(key)), Some(children)) = (open.ty, &open.children)
            {
                open.recovery = Recovery::new(set, key, children);
            }
            if let Some(missing) = open.recovery.as_mut().and_then(|recovery| recovery.end(set)) {
                self.missing(progress, missing);
            }
        }
        if refused && !told(progress) {
            self.content(progress, |progress| {
                let name = progress.open.last().and_then(|open| self.shown(open.name));
                self.here(progress, CONTENT, name, wording::early(name))
            });
        }
        if let Some(declaration) = adopted {
            self.adopted_value(progress, declaration);
        }
    }

    /// The value of an element that stands where the validator did not want it.
    fn adopted_value(&self, progress: &mut Progress, declaration: Option<ElementKey>) {
        let set = &self.run.compiled.set;
        let Some(open) = progress.open.last() else { return };
        let (Some(TypeKey::Simple(key)), Some(id)) = (open.ty, open.simple) else { return };
        let data = declaration.and_then(|key| set.arenas.elements.get(key));
        let supplied = data.is_some_and(|data| data.default_value.is_some() || data.fixed_value.is_some());
        if open.nil || open.text.is_empty() && supplied {
            return;
        }
        let fixed = data.and_then(|data| data.fixed_value.as_deref());
        let code = match validate_simple_type(&open.text, TypeKey::Simple(key), set) {
            Err(error) => error.constraint,
            Ok(_)
                if fixed
                    .is_some_and(|f| !fixed_values_equal(&open.text, f, Some(TypeKey::Simple(key)), set)) =>
            {
                "cvc-elt.5.2.2"
            }
            Ok(_) => return,
        };
        self.violation(progress, |progress| {
            let open = progress.open.last();
            let name = open.and_then(|open| self.shown(open.name));
            let value = open.map(|open| (self.run.schema.facts(id), open.text.as_str()));
            self.here(progress, code, name, wording::message(code, &Site { field: name, value }))
        });
    }
}

/// The number of the last child among those of its name.
fn number(progress: &Progress, name: Option<Name>) -> Option<usize> {
    let siblings = progress.open.last()?.children.as_ref()?;
    Some(siblings.iter().filter(|&&sibling| Some(sibling) == name).count())
}

fn told(progress: &Progress) -> bool {
    progress.open.last().is_some_and(|open| open.told)
}

/// What sees the events.
pub(crate) struct Eye<'w>(pub(crate) &'w Watch<'w>);

impl ValidationEventHandler for Eye<'_> {
    type Error = Stop;

    fn on_element_start_offset(&mut self, at: usize) -> Result<(), Stop> {
        self.0.progress.borrow_mut().tag = at as u64;
        self.0.renew()
    }

    fn before_element(&mut self, _: ElementStartView<'_>) -> Result<(), Stop> {
        let run = self.0.run;
        if run.compiled.growth() > run.bounds.names {
            return Err(Stop::Limit("bytes of names that the schema does not have", run.bounds.names as u64));
        }
        let mut progress = self.0.progress.borrow_mut();
        progress.starting = true;
        progress.refused = false;
        Ok(())
    }

    fn after_element(&mut self, view: ElementStartView<'_>, info: &SchemaInfo) -> Result<(), Stop> {
        let watch = self.0;
        let mut progress = watch.progress.borrow_mut();
        let names = &watch.run.compiled.set.name_table;
        let namespace = match view.namespace_uri {
            "" => Some(None),
            uri => names.get(uri).map(Some),
        };
        let name = names.get(view.local_name).zip(namespace);
        let declared = watch.enter(&mut progress, name);
        progress.starting = false;
        let ty = match declared {
            None => info.schema_type,
            Some((Some(declaration), _)) => watch.run.compiled.set.arenas.elements[declaration].resolved_type,
            Some((None, ty)) => ty,
        };
        let start = progress.tag;
        let open = Open {
            name,
            path: None,
            position: declared.and_then(|_| number(&progress, name)),
            start,
            ty,
            simple: ty.and_then(|ty| ty.as_simple()).and_then(|key| watch.run.compiled.id(key)),
            adopted: declared.map(|(declaration, _)| declaration),
            nil: matches!(view.xsi_nil.map(str::trim), Some("true" | "1")),
            text: String::new(),
            text_bytes: 0,
            children: Some(Vec::new()),
            recovery: None,
            told: false,
        };
        progress.open.push(open);
        Ok(())
    }

    fn before_attribute(&mut self, view: AttributeView<'_>) -> Result<(), Stop> {
        if view.namespace_uri == XSI
            && matches!(view.local_name, "schemaLocation" | "noNamespaceSchemaLocation")
        {
            let mut progress = self.0.progress.borrow_mut();
            progress.hints += 1;
            let max = self.0.run.bounds.hints;
            if progress.hints > max {
                return Err(Stop::Limit("schema location hints", max as u64));
            }
        }
        Ok(())
    }

    fn on_text(&mut self, _: TextKind, text: &str) -> Result<(), Stop> {
        self.0.renew()?;
        let mut progress = self.0.progress.borrow_mut();
        if let Some(open) = progress.open.last_mut() {
            open.text_bytes += text.len();
            let max = self.0.run.bounds.text;
            if open.text_bytes > max {
                return Err(Stop::Limit("bytes of text in one element", max as u64));
            }
            if open.simple.is_some() {
                open.text.push_str(text);
            }
        }
        Ok(())
    }

    fn on_comment(&mut self, _: &str) -> Result<(), Stop> {
        self.0.renew()
    }

    fn on_processing_instruction(&mut self, _: &str, _: &str) -> Result<(), Stop> {
        self.0.renew()
    }

    fn on_doctype(&mut self, doctype: DoctypeView<'_>) -> Result<(), Stop> {
        Err(Stop::Doctype(doctype.byte_pos as u64))
    }

    fn after_end_element(&mut self, _: &EndElementInfo, _: usize) -> Result<(), Stop> {
        let mut progress = self.0.progress.borrow_mut();
        self.0.leave(&mut progress);
        progress.open.pop();
        drop(progress);
        self.0.renew()
    }
}

/// What hears the errors.
pub(crate) struct Ear<'w>(pub(crate) &'w Watch<'w>);

impl ValidationSink for Ear<'_> {
    fn on_error(&mut self, error: ValidationError) {
        let watch = self.0;
        let mut progress = watch.progress.borrow_mut();
        match error.constraint {
            // Hints are ignored: that one comes late is nothing to us.
            "sch-late-component" => return,
            // Told with all that it means, once the element is known or ended.
            CONTENT => {
                progress.refused = true;
                let path = watch.steps(&error).1;
                if let Some(open) = progress.open.last_mut() {
                    open.path = open.path.take().or(path);
                }
                return;
            }
            // No declaration governs what the content model has just refused.
            "cvc-elt.1" if progress.starting && progress.refused => return,
            _ => {}
        }
        watch.violation(&mut progress, |progress| watch.translated(&error, progress));
    }

    fn on_warning(&mut self, _: ValidationWarning) {}
}

impl Watch<'_> {
    fn translated(&self, error: &ValidationError, progress: &Progress) -> Violation {
        let (field, path) = self.steps(error);
        let value = progress
            .open
            .last()
            .filter(|_| !progress.starting)
            .and_then(|open| Some((self.run.schema.facts(open.simple?), open.text.as_str())));
        let message = wording::message(error.constraint, &Site { field: field.as_deref(), value });
        let mut violation = self.here(progress, error.constraint, field.as_deref(), message);
        violation.path = path.or(violation.path);
        violation
    }

    /// The name of the element that the error is about, and the path to it.
    fn steps(&self, error: &ValidationError) -> (Option<String>, Option<String>) {
        let shown = |name: &str| self.run.schema.inner.declared.contains(name).then(|| name.to_owned());
        let mut field = None;
        let mut path = String::new();
        for step in error.instance_path().into_iter().flat_map(|path| path.steps()) {
            // An attribute has no position: the path ends with its element.
            let Some(position) = step.position() else { break };
            field = shown(step.name().local_name());
            let separator = if path.is_empty() { "" } else { "/" };
            path.push_str(&format!("{separator}{}[{position}]", field.as_deref().unwrap_or("*")));
        }
        (field, Some(path).filter(|path| !path.is_empty()))
    }
}
