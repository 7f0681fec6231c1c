//! Faults as they come in: from an upstream, or from a gateway to its client program.

use super::*;
use crate::message::{Node, tree_number as number};

/// A fault that was received, of either version and from any stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedFault {
    /// Local name of the fault code: `Client`, `Sender`, `Server`...; dot notation is left as it is.
    pub code: String,
    /// Local names of the subcodes (SOAP 1.2), outermost first.
    pub subcodes: Vec<String>,
    /// The reason: the English one of several, else the first.
    pub reason: String,
    /// Names of the detail's children.
    pub detail: Vec<QName>,
    /// Our own detail, if the fault is a gateway's.
    pub ours: Option<Fault>,
}

impl ReceivedFault {
    /// Reads the fault that is the body's child; `None` if the body's child is none (any `Fault` of the envelope's own
    /// namespace is one, whatever the HTTP status said: R1107).
    pub fn read<R: BufRead>(envelope: &mut EnvelopeReader<R>) -> Result<Option<Self>, SoapError> {
        let version = envelope.version();
        let name = match envelope.body() {
            Some(child) if child.name.is(version.namespace(), "Fault") => child.name.clone(),
            _ => return Ok(None),
        };
        let fault = Node::read(envelope.xml(), name)?;
        Ok(Some(match version {
            Version::Soap11 => Self::read_11(&fault),
            Version::Soap12 => Self::read_12(&fault),
        }))
    }

    /// Who has to act; a code that no standard has is the receiver's.
    pub fn who(&self) -> Who {
        match self.code.split('.').next() {
            Some("VersionMismatch") => Who::VersionMismatch,
            Some("MustUnderstand") => Who::MustUnderstand,
            Some("Client" | "Sender") => Who::Sender,
            // In SOAP 1.1 a fault of WS-Addressing has its own code.
            Some(code) if InvalidHeader::is_code(code) => Who::Sender,
            _ => Who::Receiver,
        }
    }

    fn read_11(fault: &Node) -> Self {
        // Some stacks qualify the children, against R1001: only their local names count here.
        let child = |local: &str| fault.children.iter().find(|child| &*child.name.local == local);
        let code = child("faultcode").map(local_part).unwrap_or_default();
        let reason = child("faultstring").map(|node| node.text.trim().to_owned()).unwrap_or_default();
        Self::assemble(code, Vec::new(), reason, child("detail"))
    }

    fn read_12(fault: &Node) -> Self {
        let namespace = Version::Soap12.namespace();
        let child = |node: &Node, local: &str| -> Option<Node> {
            node.children.iter().find(|child| child.name.is(namespace, local)).cloned()
        };
        let (mut code, mut subcodes) = (String::new(), Vec::new());
        let mut level = child(fault, "Code");
        let mut outermost = true;
        while let Some(node) = level {
            let value = child(&node, "Value").map(|value| local_part(&value)).unwrap_or_default();
            if outermost {
                code = value
            } else {
                subcodes.push(value)
            }
            outermost = false;
            level = child(&node, "Subcode");
        }
        let texts = child(fault, "Reason").map(|reason| reason.children).unwrap_or_default();
        let english = |text: &&Node| text.language.as_deref().is_some_and(|lang| lang.starts_with("en"));
        let reason = texts.iter().find(english).or(texts.first());
        let reason = reason.map(|text| text.text.trim().to_owned()).unwrap_or_default();
        Self::assemble(code, subcodes, reason, child(fault, "Detail").as_ref())
    }

    fn assemble(code: String, subcodes: Vec<String>, reason: String, detail: Option<&Node>) -> Self {
        let children = detail.map(|detail| detail.children.as_slice()).unwrap_or_default();
        let names = children.iter().map(|child| child.name.clone()).collect();
        let mut fault = Self { code, subcodes, reason, detail: names, ours: None };
        let problem = children.iter().find(|child| child.name.is(NAMESPACE, "problem"));
        // A detail of ours that cannot be read is still a fault: what the standard says of it stays.
        fault.ours = problem.and_then(|problem| ours(problem, fault.who()).ok());
        fault
    }
}

/// The text behind the last colon: local name of a QName.
fn local_part(node: &Node) -> String {
    let text = node.text.trim();
    text.rsplit_once(':').map_or(text, |(_, local)| local).to_owned()
}

fn ours(problem: &Node, who: Who) -> Result<Fault, SoapError> {
    let mut fields = problem.fields()?;
    let (code, id) = (fields.text("code")?, fields.text("id")?);
    let (reason_en, reason_ja) = fields.bilingual("reason")?;
    let mut fault = Fault::new(who, &code, &id, &reason_en, &reason_ja);
    if let Some(location) = fields.optional("location") {
        let mut fields = location.fields()?;
        fault.location = Location {
            part: fields.optional_parsed("part", number)?,
            line: fields.optional_parsed("line", number)?,
            column: fields.optional_parsed("column", number)?,
            byte: fields.optional_parsed("byte", number)?,
            record: fields.optional_parsed("record", number)?,
            field: fields.optional_text("field")?,
        };
        fields.end()?;
    }
    while let Some(name) = fields.optional("header") {
        let name = name.value("header")?.parse();
        let name = name.map_err(|_| problem.problem(MessageProblem::InvalidValue, "header"))?;
        fault.not_understood.push(name);
    }
    fault.errors_total = fields.optional_parsed("errorsTotal", number)?;
    while let Some(error) = fields.optional("error") {
        fault.errors.push(RecordError::read(error)?);
    }
    if let Some(unfinished) = fields.optional("unfinished") {
        fault.unfinished = Some(Box::new(Unfinished::read(unfinished)?));
    }
    fields.end()?;
    Ok(fault)
}
