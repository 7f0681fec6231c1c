//! Reads a SOAP answer: results per row, or a fault.

use std::io::BufRead;

#[cfg(feature = "planted")]
use sekisho_journal::planted::{Bug, is as is_planted};
use sekisho_soap::envelope::WSA;
use sekisho_xml::{EndName, Event, Limits, Reader, Start};

use super::ResultsSpec;
use super::copy::Copier;
use super::verdict::{RowResult, is_id};
use crate::answer::Beside;
use crate::encode::RowKeys;

const SOAP11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP12: &str = "http://www.w3.org/2003/05/soap-envelope";

/// Bytes that an answer may say beside its results for that to be kept.
const MOST_BESIDE: usize = 16 * 1024;

/// Longest code, field name or flag that is taken from an answer, in bytes.
const MOST_TEXT: usize = 256;

/// A SOAP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SoapAnswer {
    Fault(SoapFault),
    /// The operation's response with what it says of each row.
    Response {
        name: String,
        results: Vec<RowResult>,
    },
}

/// What was read of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SoapHeard {
    pub(crate) answer: SoapAnswer,
    /// `wsa:RelatesTo`: the message that it says it answers.
    pub(crate) relates_to: Option<String>,
    /// What it says beside its results, where they are copied.
    pub(crate) beside: Beside,
}

/// A fault of either version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SoapFault {
    /// `faultcode`, or `Code/Value`, without its prefix.
    pub(crate) code: String,
    /// The code that stands in the detail, where one was described.
    pub(crate) detail: Option<String>,
}

impl SoapFault {
    /// The fault says that the message itself is at fault (SOAP 1.1 section 4.4.1, SOAP 1.2 part 1 section 5.4.6).
    pub(crate) fn is_sender(&self) -> bool {
        matches!(self.code.as_str(), "Client" | "Sender")
    }

    /// The code that says most.
    pub(crate) fn best_code(&self) -> &str {
        self.detail.as_deref().unwrap_or(&self.code)
    }
}

/// The steps that are looked for.
pub(crate) struct SoapPaths {
    result: Vec<String>,
    key: Option<Vec<String>>,
    success: Vec<String>,
    code: Option<Vec<String>>,
    field: Option<Vec<String>>,
    /// Where the id of what was made of a row has to stand.
    id: Option<Vec<String>>,
    true_values: Vec<String>,
    fault_code: Option<Vec<String>>,
    wanted: bool,
}

impl SoapPaths {
    pub(crate) fn new(results: Option<&ResultsSpec>, fault_code: Option<&str>) -> Self {
        let steps =
            |path: &str| path.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        let optional = |path: Option<&String>| path.map(|path| steps(path));
        Self {
            result: results.map(|spec| steps(&spec.result)).unwrap_or_default(),
            key: optional(results.and_then(|spec| spec.key.as_ref())),
            success: results.map(|spec| steps(&spec.success)).unwrap_or_default(),
            code: optional(results.and_then(|spec| spec.code.as_ref())),
            field: optional(results.and_then(|spec| spec.field.as_ref())),
            id: None,
            true_values: results.map(|spec| spec.true_values.clone()).unwrap_or_default(),
            fault_code: fault_code.map(steps),
            wanted: results.is_some(),
        }
    }

    /// Reads an answer. `None` when it is not a SOAP envelope, not well-formed, or has more results than `rows`. Results are
    /// copied where there is a default namespace for the copies to stand in.
    pub(crate) fn read(
        &self,
        answer: impl BufRead,
        rows: u64,
        keys: &RowKeys,
        copies: Option<&str>,
    ) -> Option<SoapHeard> {
        let mut reader = Reader::new(answer, Limits::default());
        let mut seen = Seen { copier: copies.map(Copier::new), ..Seen::default() };
        loop {
            let event = reader.next();
            #[cfg(feature = "planted")]
            let event = if is_planted(Bug::CutTakenForWhole) { event.or(Ok(Event::Eof)) } else { event };
            match event.ok()? {
                Event::Start(start) => seen.start(self, &start)?,
                Event::Text(text) => seen.text(text.as_str()),
                Event::End(name) => seen.end(self, name, rows, keys)?,
                Event::Eof => break,
            }
        }
        seen.finish()
    }

    /// The same, where a success is one only with an id below its result.
    pub(crate) fn with_id(self, step: &str) -> Self {
        Self { id: Some(vec![step.to_owned()]), ..self }
    }

    /// Results are joined to rows by their keys.
    pub(crate) fn by_key(&self) -> bool {
        self.key.is_some()
    }

    fn relevant(&self, below: &[String]) -> Option<Slot> {
        let is = |path: &Option<Vec<String>>| path.as_deref() == Some(below);
        if is(&self.key) {
            Some(Slot::Key)
        } else if self.success == below {
            Some(Slot::Success)
        } else if is(&self.code) {
            Some(Slot::Code)
        } else if is(&self.field) {
            Some(Slot::Field)
        } else if is(&self.id) {
            Some(Slot::Id)
        } else {
            None
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Key,
    Success,
    Code,
    Field,
    Id,
    FaultCode,
    FaultDetail,
    RelatesTo,
    Action,
}

#[derive(Default)]
struct Seen {
    /// Local names of the open elements from the envelope on.
    stack: Vec<String>,
    in_body: bool,
    in_header: bool,
    relates_to: Option<String>,
    copier: Option<Copier>,
    /// The body's child, and whether it is a fault.
    child: Option<(String, bool)>,
    fault: SoapFault,
    results: Vec<RowResult>,
    current: Option<(usize, RowResult, [bool; 5])>,
    text: String,
    slot: Option<(usize, Slot)>,
    beside: Beside,
    /// Depth of a child of the body's child that is copied and no result.
    other: Option<usize>,
    /// Bytes of those.
    said: usize,
}

impl Seen {
    fn start(&mut self, paths: &SoapPaths, start: &Start<'_>) -> Option<()> {
        let (namespace, local) = (start.namespace(), start.local());
        self.stack.push(local.to_owned());
        let depth = self.stack.len();
        if let Some(copier) = &mut self.copier {
            copier.start(start, depth);
        }
        let soap = namespace == SOAP11 || namespace == SOAP12;
        match depth {
            1 => return (soap && local == "Envelope").then_some(()),
            2 => {
                self.in_body = soap && local == "Body";
                self.in_header = soap && local == "Header";
            }
            3 if self.in_header && namespace == WSA && local == "RelatesTo" => {
                self.begin(depth, Slot::RelatesTo);
            }
            3 if self.in_header && namespace == WSA && local == "Action" => self.begin(depth, Slot::Action),
            3 if self.in_body => {
                if self.child.is_some() {
                    return None;
                }
                self.child = Some((local.to_owned(), soap && local == "Fault"));
            }
            _ if self.in_body => self.inner(paths, start),
            _ => {}
        }
        Some(())
    }

    fn inner(&mut self, paths: &SoapPaths, start: &Start<'_>) {
        let depth = self.stack.len();
        // Three open elements stand above: envelope, body, its child.
        let below = self.stack.get(3..).unwrap_or_default();
        if self.child.as_ref().is_some_and(|(_, fault)| *fault) {
            let steps: Vec<&str> = below.iter().map(String::as_str).collect();
            let slot = match steps.as_slice() {
                ["faultcode"] | ["Code", "Value"] => Some(Slot::FaultCode),
                ["detail" | "Detail", rest @ ..] => {
                    let wanted = paths.fault_code.as_ref();
                    let found =
                        wanted.is_some_and(|path| path.iter().map(String::as_str).eq(rest.iter().copied()));
                    (found && self.fault.detail.is_none()).then_some(Slot::FaultDetail)
                }
                _ => None,
            };
            if let Some(slot) = slot {
                self.begin(depth, slot);
            }
            return;
        }
        if let Some((begun, _, filled)) = &self.current {
            let slot = self.stack.get(*begun..).and_then(|below| paths.relevant(below));
            // The first of several counts.
            if let Some(slot) = slot.filter(|slot| !filled.get(*slot as usize).copied().unwrap_or(true)) {
                self.begin(depth, slot);
            }
        } else if paths.wanted && below == paths.result {
            let result = RowResult { id: paths.id.as_ref().map(|_| false), ..RowResult::default() };
            self.current = Some((depth, result, [false; 5]));
            if let Some(copier) = &mut self.copier {
                copier.begin(start, depth);
            }
        } else if let (true, [child]) = (paths.wanted && self.said < MOST_BESIDE, below)
            && paths.result.first() != Some(child)
            && let Some(copier) = &mut self.copier
        {
            self.other = Some(depth);
            copier.begin(start, depth);
        }
    }

    fn begin(&mut self, depth: usize, slot: Slot) {
        self.slot = Some((depth, slot));
        self.text.clear();
    }

    fn text(&mut self, text: &str) {
        if let Some(copier) = &mut self.copier {
            copier.text(text);
        }
        let Some((_, slot)) = self.slot else { return };
        // Keys may be long and are hashed; everything else is a word.
        let most = if slot == Slot::Key { usize::MAX } else { MOST_TEXT };
        if self.text.len() + text.len() <= most {
            self.text.push_str(text);
        }
    }

    fn end(&mut self, paths: &SoapPaths, name: EndName<'_>, rows: u64, keys: &RowKeys) -> Option<()> {
        let depth = self.stack.len();
        let begun = self.current.as_ref().map(|(begun, ..)| *begun).or(self.other);
        let copy =
            self.copier.as_mut().and_then(|copier| copier.end(name.prefix(), name.local(), depth, begun));
        if let Some((at, slot)) = self.slot
            && at == depth
        {
            self.slot = None;
            let text = std::mem::take(&mut self.text);
            let word = text.trim();
            match slot {
                Slot::FaultCode => self.fault.code = super::Codes::plain(word).to_owned(),
                Slot::FaultDetail => self.fault.detail = Some(word.to_owned()),
                Slot::RelatesTo => self.relates_to = Some(word.to_owned()),
                Slot::Action => self.beside.action = Some(word.to_owned()).filter(|word| !word.is_empty()),
                _ => {
                    if let Some((_, result, filled)) = &mut self.current {
                        if let Some(flag) = filled.get_mut(slot as usize) {
                            *flag = true;
                        }
                        match slot {
                            Slot::Key => result.key = Some(keys.hash(&text)),
                            Slot::Success if word.is_empty() => {}
                            Slot::Success => {
                                result.success = Some(paths.true_values.iter().any(|value| value == word))
                            }
                            Slot::Code => result.code = Some(word.to_owned()),
                            Slot::Id => result.id = Some(is_id(word)),
                            _ => result.field = Some(word.to_owned()),
                        }
                    }
                }
            }
        }
        if self.other.take_if(|at| *at == depth).is_some() {
            let copy = copy.unwrap_or_default();
            self.said += copy.len();
            let side = if self.results.is_empty() { &mut self.beside.before } else { &mut self.beside.after };
            side.push(copy);
        } else if self.current.as_ref().is_some_and(|(at, ..)| *at == depth)
            && let Some((_, mut result, _)) = self.current.take()
        {
            result.text = copy.unwrap_or_default();
            if self.results.len() as u64 >= rows {
                return None;
            }
            self.results.push(result);
        }
        self.stack.pop();
        Some(())
    }

    fn finish(self) -> Option<SoapHeard> {
        let answer = match self.child? {
            (_, true) => SoapAnswer::Fault(self.fault),
            (name, false) => SoapAnswer::Response { name, results: self.results },
        };
        // Much is no more than a part of it.
        let beside = if self.said <= MOST_BESIDE { self.beside } else { Beside::default() };
        Some(SoapHeard { answer, relates_to: self.relates_to, beside })
    }
}
