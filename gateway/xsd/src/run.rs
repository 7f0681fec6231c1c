//! One document under check: the compiler's validator driven over it, and its findings told in our words.

use std::cell::{Cell, RefCell};
use std::io::BufRead;

use xsd_schema::validation::{
    AttributeView, DriveWithError, ElementStartView, EndElementInfo, SchemaInfo, SchemaValidator, TextKind,
    ValidationError, ValidationEventHandler, ValidationRoot, ValidationSink, ValidationWarning,
};
use xsd_schema::validation::{DoctypeView, drive_quick_xml_with_in};
use xsd_schema::xml::{LimitExceeded, NotWellFormed, ParseLimit, ParseLimits};
use xsd_schema::{NameId, TypeKey};

use crate::compiled::Compiled;
use crate::document::Validity;
use crate::error::DocumentError;
use crate::place::{Lines, TooLong, Watched};
use crate::record::TypeId;
use crate::schema::Schema;
use crate::violation::Violation;
use crate::wording::{self, Site};

/// Bounds on one document, all finite.
#[derive(Debug)]
pub(crate) struct Bounds {
    pub(crate) parse: ParseLimits,
    /// Bytes between one event and the next: what the parser buffers at most.
    pub(crate) construct: usize,
    /// Bytes of text directly inside one element, comments and sections notwithstanding.
    pub(crate) text: usize,
    /// `xsi:schemaLocation` and `xsi:noNamespaceSchemaLocation` attributes, which are ignored but remembered.
    pub(crate) hints: usize,
    /// Violations that are reported.
    pub(crate) reported: u64,
    /// Violations at which the check stops.
    pub(crate) counted: u64,
    /// Bytes of names that the schema does not have.
    pub(crate) names: usize,
}

/// How many children of one element are remembered, to say what was expected after them.
const MAX_CHILDREN: usize = 512;

pub(crate) struct Run<'r> {
    pub(crate) schema: &'r Schema,
    pub(crate) compiled: &'r Compiled,
    pub(crate) validator: &'r SchemaValidator<'r>,
    pub(crate) root: ValidationRoot,
    pub(crate) bounds: &'r Bounds,
}

impl Run<'_> {
    /// Checks a document to its end, as far as its bounds go.
    pub(crate) fn check(
        &self,
        input: impl BufRead,
        buffer: &mut Vec<u8>,
        report: &mut dyn FnMut(Violation),
    ) -> Result<Validity, DocumentError> {
        let lines = RefCell::new(Lines::new());
        let budget = Cell::new(self.bounds.construct);
        let progress = RefCell::new(Progress::default());
        let sink = Sink { run: self, progress: &progress, lines: &lines, report };
        let mut runtime = self.validator.start_run(sink);
        runtime.set_parse_limits(self.bounds.parse.clone());
        runtime.set_validation_root(self.root);
        let mut handler = Handler { run: self, progress: &progress, budget: &budget };
        let input = Watched::new(input, &lines, &budget);
        let driven = drive_quick_xml_with_in(input, &mut runtime, &self.compiled.set, &mut handler, buffer);
        let mut complete = true;
        match driven {
            Ok(_) => match runtime.end_validation() {
                Ok(()) => {}
                Err(error) => return Err(fatal(&error, &lines.borrow())),
            },
            Err(DriveWithError::Hook(Stop::Enough)) => complete = false,
            Err(error) => return Err(stopped(error, &lines.borrow(), self.bounds)),
        }
        drop(runtime);
        let violations = progress.borrow().violations;
        Ok(Validity { valid: violations == 0, violations, complete })
    }

    /// What the element may have had next, by name.
    fn expected(&self, open: &Open) -> Option<Vec<&str>> {
        use xsd_schema::compiler::compile_content_model_matcher;
        use xsd_schema::validation::{CompiledContentModel, ContentValidatorState};
        let set = &self.compiled.set;
        let Some(TypeKey::Complex(key)) = open.ty else { return None };
        let ty = set.arenas.get_complex_type(key)?;
        let matcher = compile_content_model_matcher(set, ty).ok()?;
        let mut state =
            ContentValidatorState::from_compiled(&CompiledContentModel::try_from_matcher(matcher).ok()?);
        for &(local, namespace) in open.children.as_ref()? {
            state.try_advance_element(local, namespace, ty.target_namespace, set.xsd_version, None).ok()?;
        }
        let ContentValidatorState::Nfa { nfa, active_states, .. } = &state else { return None };
        let mut names: Vec<_> = active_states
            .expected_element_terms(nfa)
            .iter()
            .map(|term| set.name_table.resolve_ref(term.0))
            .collect();
        names.sort_unstable();
        names.dedup();
        Some(names)
    }
}

/// How far the check has come: what the handler sees and the sink needs to tell of it.
#[derive(Default)]
struct Progress {
    open: Vec<Open>,
    /// Where the last start tag begins.
    tag: u64,
    /// A start tag is being checked: the element's local name if the schema knows it.
    starting: Option<Option<String>>,
    /// The element being started was refused by the one around it.
    rejected: bool,
    hints: usize,
    violations: u64,
}

/// An element that has not ended.
struct Open {
    start: u64,
    ty: Option<TypeKey>,
    simple: Option<TypeId>,
    text: String,
    text_bytes: usize,
    /// Accepted children; `None` when there are too many.
    children: Option<Vec<(NameId, Option<NameId>)>>,
}

struct Handler<'p> {
    run: &'p Run<'p>,
    progress: &'p RefCell<Progress>,
    budget: &'p Cell<usize>,
}

/// Why a document is not read further.
#[derive(Debug)]
enum Stop {
    Doctype(u64),
    Limit(&'static str, u64),
    /// Enough violations.
    Enough,
}

impl Handler<'_> {
    fn renew(&self) -> Result<(), Stop> {
        self.budget.set(self.run.bounds.construct);
        if self.progress.borrow().violations >= self.run.bounds.counted {
            return Err(Stop::Enough);
        }
        Ok(())
    }
}

impl ValidationEventHandler for Handler<'_> {
    type Error = Stop;

    fn on_element_start_offset(&mut self, at: usize) -> Result<(), Stop> {
        self.progress.borrow_mut().tag = at as u64;
        self.renew()
    }

    fn before_element(&mut self, view: ElementStartView<'_>) -> Result<(), Stop> {
        if self.run.compiled.growth() > self.run.bounds.names {
            return Err(Stop::Limit(
                "bytes of names that the schema does not have",
                self.run.bounds.names as u64,
            ));
        }
        let known = self.run.schema.inner.declared.contains(view.local_name);
        let mut progress = self.progress.borrow_mut();
        progress.starting = Some(known.then(|| view.local_name.to_owned()));
        progress.rejected = false;
        Ok(())
    }

    fn after_element(&mut self, view: ElementStartView<'_>, info: &SchemaInfo) -> Result<(), Stop> {
        let mut progress = self.progress.borrow_mut();
        let progress = &mut *progress;
        progress.starting = None;
        let names = &self.run.compiled.set.name_table;
        if let Some(parent) = progress.open.last_mut().filter(|_| !progress.rejected) {
            let namespace = (!view.namespace_uri.is_empty()).then(|| names.get(view.namespace_uri)).flatten();
            let child = names.get(view.local_name).map(|local| (local, namespace));
            match (&mut parent.children, child) {
                (Some(children), Some(child)) if children.len() < MAX_CHILDREN => children.push(child),
                (children, _) => *children = None,
            }
        }
        let simple = match info.schema_type {
            Some(TypeKey::Simple(key)) => self.run.compiled.id(key),
            _ => None,
        };
        progress.open.push(Open {
            start: progress.tag,
            ty: info.schema_type,
            simple,
            text: String::new(),
            text_bytes: 0,
            children: Some(Vec::new()),
        });
        Ok(())
    }

    fn before_attribute(&mut self, view: AttributeView<'_>) -> Result<(), Stop> {
        if view.namespace_uri == "http://www.w3.org/2001/XMLSchema-instance"
            && view.local_name.ends_with("ocation")
        {
            let mut progress = self.progress.borrow_mut();
            progress.hints += 1;
            if progress.hints > self.run.bounds.hints {
                return Err(Stop::Limit("schema location hints", self.run.bounds.hints as u64));
            }
        }
        Ok(())
    }

    fn on_text(&mut self, _: TextKind, text: &str) -> Result<(), Stop> {
        self.renew()?;
        let mut progress = self.progress.borrow_mut();
        if let Some(open) = progress.open.last_mut() {
            open.text_bytes += text.len();
            if open.text_bytes > self.run.bounds.text {
                return Err(Stop::Limit("bytes of text in one element", self.run.bounds.text as u64));
            }
            if open.simple.is_some() {
                open.text.push_str(text);
            }
        }
        Ok(())
    }

    fn on_comment(&mut self, _: &str) -> Result<(), Stop> {
        self.renew()
    }

    fn on_processing_instruction(&mut self, _: &str, _: &str) -> Result<(), Stop> {
        self.renew()
    }

    fn on_doctype(&mut self, doctype: DoctypeView<'_>) -> Result<(), Stop> {
        Err(Stop::Doctype(doctype.byte_pos as u64))
    }

    fn after_end_element(&mut self, _: &EndElementInfo, _: usize) -> Result<(), Stop> {
        self.progress.borrow_mut().open.pop();
        self.renew()
    }
}

struct Sink<'p, 'f> {
    run: &'p Run<'p>,
    progress: &'p RefCell<Progress>,
    lines: &'p RefCell<Lines>,
    report: &'f mut dyn FnMut(Violation),
}

impl ValidationSink for Sink<'_, '_> {
    fn on_error(&mut self, error: ValidationError) {
        // Hints are ignored: that one comes late is nothing to us.
        if error.constraint == "sch-late-component" {
            return;
        }
        let mut progress = self.progress.borrow_mut();
        let starting = progress.starting.is_some();
        if starting && error.constraint == "cvc-complex-type.2.4" {
            progress.rejected = true;
        }
        progress.violations += 1;
        if progress.violations > self.run.bounds.reported {
            return;
        }
        let violation = self.violation(&error, &progress);
        drop(progress);
        (self.report)(violation);
    }

    fn on_warning(&mut self, _: ValidationWarning) {}
}

impl Sink<'_, '_> {
    fn violation(&self, error: &ValidationError, progress: &Progress) -> Violation {
        let declared = &self.run.schema.inner.declared;
        let shown = |name: &str| if declared.contains(name) { name.to_owned() } else { "*".to_owned() };
        let steps: Vec<_> = error
            .instance_path()
            .into_iter()
            .flat_map(|path| path.steps())
            .filter_map(|step| Some((shown(step.name().local_name()), step.position()?)))
            .collect();
        let path = (!steps.is_empty()).then(|| {
            steps.iter().map(|(name, position)| format!("{name}[{position}]")).collect::<Vec<_>>().join("/")
        });
        let field = steps.last().map(|(name, _)| name.clone()).filter(|name| name != "*");
        let open = progress.open.last();
        let content_model = error.constraint == "cvc-complex-type.2.4";
        let site = Site {
            field: field.as_deref(),
            child: progress.starting.as_ref().map(|child| child.as_deref()),
            expected: open.filter(|_| content_model).and_then(|open| self.run.expected(open)),
            value: open
                .filter(|_| progress.starting.is_none())
                .and_then(|open| Some((self.run.schema.facts(open.simple?), open.text.as_str()))),
        };
        let lines = self.lines.borrow();
        let at = match open {
            _ if progress.starting.is_some() => Some(lines.of(progress.tag)),
            Some(open) => Some(lines.recent(open.start)),
            None => None,
        };
        Violation {
            code: error.constraint,
            message: wording::message(error.constraint, &site),
            field,
            path,
            line: at.map(|at| at.0),
            column: at.map(|at| at.1),
        }
    }
}

fn fatal(error: &ValidationError, lines: &Lines) -> DocumentError {
    let (line, column) = lines.end();
    // The validator gave up on a content model: a limit of its own, never a verdict.
    let which = match error.constraint {
        "validation-resource-limit" => "states of a content model at once",
        _ => "content models that can be checked",
    };
    DocumentError::Limit { line, column, which, max: 0 }
}

fn stopped(error: DriveWithError<Stop>, lines: &Lines, bounds: &Bounds) -> DocumentError {
    let at = |position| lines.of(position);
    match error {
        DriveWithError::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<TooLong>()) => {
            let (line, column) = lines.end();
            DocumentError::Limit {
                line,
                column,
                which: "bytes in one construct",
                max: bounds.construct as u64,
            }
        }
        DriveWithError::Io(error) => DocumentError::Io(error),
        DriveWithError::NotWellFormed(error) => not_well_formed(&error, at(error.position())),
        DriveWithError::LimitExceeded(error) => over_limit(&error, at(error.position())),
        DriveWithError::Hook(Stop::Doctype(position)) => {
            let (line, column) = at(position);
            let message = "a document type declaration is not allowed".to_owned();
            DocumentError::NotWellFormed { line, column, message }
        }
        DriveWithError::Hook(Stop::Limit(which, max)) => {
            let (line, column) = lines.end();
            DocumentError::Limit { line, column, which, max }
        }
        // `Enough` ends a check without an error, and the enum may grow.
        _ => DocumentError::Io(std::io::Error::other("the check was stopped")),
    }
}

fn not_well_formed(error: &NotWellFormed, (line, column): (u64, u64)) -> DocumentError {
    DocumentError::NotWellFormed {
        line,
        column,
        message: format!("not well-formed: {}", error.rule().citation()),
    }
}

fn over_limit(error: &LimitExceeded, (line, column): (u64, u64)) -> DocumentError {
    let which = match error.limit() {
        ParseLimit::Depth => "levels of elements",
        ParseLimit::NameLength => "bytes in a name",
        ParseLimit::NamespaceUriLength => "bytes in a namespace name",
        ParseLimit::Attributes => "attributes of one element",
        ParseLimit::NamespaceDeclarations => "namespace declarations on one element",
        ParseLimit::NamespacesInScope => "namespace prefixes in scope",
        ParseLimit::AttributeValueSize => "bytes in an attribute value",
        ParseLimit::TextSize => "bytes of text in one piece",
        _ => "nodes in the document",
    };
    DocumentError::Limit { line, column, which, max: error.max() as u64 }
}
