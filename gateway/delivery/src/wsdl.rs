//! A SOAP operation as its WSDL describes it (WSDL 1.1, document/literal): what need not be written, and what must not be
//! written otherwise.

mod definitions;
mod document;
mod documents;
mod types;

use sekisho_xsd::SchemaDigest;

use self::definitions::{Definitions, Operation};
pub use self::documents::{ImportFault, WsdlDocuments};
use self::types::{Content, Declared, Types};
use crate::dialect::{ResultsSpec, SoapSpec, SoapVersion};

/// Why a WSDL does not describe the operation as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WsdlError {
    /// The file is not one that can be read.
    #[error("the WSDL cannot be read{}: {reason}", place(.at))]
    Unreadable {
        /// Line and column, where there is a place.
        at: Option<(u64, u64)>,
        /// Why.
        reason: String,
    },
    /// A document that one of its documents refers to cannot be had.
    #[error("'{document}' refers to '{location}': {fault}")]
    Import {
        /// The document, by its path from the WSDL's folder.
        document: String,
        /// As it is written there.
        location: String,
        /// Why not.
        fault: ImportFault,
    },
    /// Its documents are not those that were pinned.
    #[error(
        "the digest over the WSDL's documents is {found}, and {pinned} is pinned; if the change is meant, write the new one"
    )]
    Pin {
        /// As configured.
        pinned: String,
        /// What they have.
        found: SchemaDigest,
    },
    /// Something that it refers to is in none of its documents. Nothing is fetched.
    #[error("the WSDL has no {kind} {name}, nor has a file that it imports; nothing is fetched")]
    Missing {
        /// What kind of thing.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// It has no such operation over HTTP in the configured SOAP version.
    #[error("the WSDL describes no operation '{name}' over HTTP in SOAP {version}; it has: {known}")]
    Operation {
        /// As configured.
        name: String,
        /// As configured.
        version: &'static str,
        /// What it has.
        known: String,
    },
    /// The operation is one that this dialect does not speak.
    #[error("the WSDL's operation '{name}' is not spoken: {reason}")]
    Unspoken {
        /// The operation.
        name: String,
        /// What about it.
        reason: &'static str,
    },
    /// The configuration says something else.
    #[error("{key} is '{written}', and the WSDL says '{described}'; leave it out, or mend one of the two")]
    Differs {
        /// Which setting.
        key: &'static str,
        /// As configured.
        written: String,
        /// As described.
        described: String,
    },
    /// Nothing in the operation's element is repeated, or more than one thing is.
    #[error("record: the WSDL's element '{operation}' repeats {repeated}; name the element that holds a row")]
    Record {
        /// The wrapper.
        operation: String,
        /// What it repeats.
        repeated: String,
    },
    /// The mapping's columns do not make a row as it is described.
    #[error("the mapping's column '{column}' {reason} in the WSDL's element '{record}'")]
    Column {
        /// Which column.
        column: String,
        /// What is wrong with it.
        reason: &'static str,
        /// The row's element.
        record: String,
    },
    /// A path into the answer, or the question, leads nowhere, or to where anything may stand.
    #[error("{key}: the WSDL describes no '{step}' there")]
    Path {
        /// Which setting.
        key: &'static str,
        /// The step that is not there.
        step: String,
    },
}

impl WsdlError {
    /// Stable, kebab-case code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "wsdl-unreadable",
            Self::Import { fault, .. } => fault.code(),
            Self::Pin { .. } => "wsdl-pin",
            Self::Missing { .. } => "wsdl-missing",
            Self::Operation { .. } => "wsdl-operation",
            Self::Unspoken { .. } => "wsdl-unspoken",
            Self::Differs { .. } => "wsdl-differs",
            Self::Record { .. } => "wsdl-record",
            Self::Column { .. } => "wsdl-column",
            Self::Path { .. } => "wsdl-path",
        }
    }

    /// The setting that it is about, as a route's dialect has it.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } | Self::Import { .. } | Self::Missing { .. } | Self::Unspoken { .. } => {
                "dialect.wsdl"
            }
            Self::Pin { .. } => "dialect.wsdl_digest",
            Self::Operation { .. } => "dialect.operation",
            Self::Record { .. } => "dialect.record",
            Self::Column { .. } => "mapping",
            Self::Differs { key, .. } | Self::Path { key, .. } => key,
        }
    }
}

fn place(at: &Option<(u64, u64)>) -> String {
    at.map_or_else(String::new, |(line, column)| format!(" (line {line}, column {column})"))
}

impl SoapSpec {
    /// This description with what the WSDL says of the operation filled in. `upstream` is the upstream's base address, below
    /// which paths stand; `columns` are those of the mapping, where it has any, and are held against the row's type.
    ///
    /// # Errors
    /// The WSDL does not describe the operation, or describes another one than is configured.
    pub fn described(
        &self,
        wsdl: &WsdlDocuments,
        upstream: &str,
        columns: Option<&[String]>,
    ) -> Result<Self, WsdlError> {
        if let Some(pinned) = self.wsdl_digest.as_ref().filter(|pinned| **pinned != wsdl.digest().to_string())
        {
            return Err(WsdlError::Pin { pinned: pinned.clone(), found: wsdl.digest() });
        }
        let definitions = Definitions::new(&wsdl.definitions)?;
        let types = Types::new(wsdl);
        let operation = definitions.operation(&self.operation, self.version)?;
        let input = types.element(&operation.input)?;
        let content = types.content(&input)?.unwrap_or_default();
        let record = self.record_of(&operation, &content)?;
        let mut spec =
            Self { wsdl: None, wsdl_digest: None, operation: operation.input.local.clone(), ..self.clone() };
        fill(&mut spec.path, "dialect.path", &below(&operation.address, upstream))?;
        fill(&mut spec.namespace, "dialect.namespace", &operation.input.namespace)?;
        fill(&mut spec.record, "dialect.record", &record.name.local)?;
        fill(&mut spec.action, "dialect.action", &operation.action)?;
        spec.unqualified = record.name.namespace.is_empty() && !operation.input.namespace.is_empty();
        if let Some(columns) = columns {
            row(columns, &record, &types)?;
        }
        if let Some(output) = &operation.output {
            let mut response = spec.response.take().unwrap_or_default();
            fill(&mut response, "dialect.response", &output.local)?;
            spec.response = Some(response);
            if let Some(results) = &spec.results {
                answer(results, &types.element(output)?, &types)?;
            }
        }
        if let Some(find) = &mut spec.find {
            let asked = definitions.operation(&find.operation, self.version)?;
            find.operation.clone_from(&asked.input.local);
            fill(&mut find.path, "dialect.find.path", &below(&asked.address, upstream))?;
            fill(&mut find.namespace, "dialect.find.namespace", &asked.input.namespace)?;
            fill(&mut find.action, "dialect.find.action", &asked.action)?;
            let missing =
                || WsdlError::Missing { kind: "answer of the operation", name: find.operation.clone() };
            let output = asked.output.as_ref().ok_or_else(missing)?;
            // Where anything may stand, a path that leads nowhere would say that no key is there.
            let walk = |from: &Declared, path: &str, key| {
                let open = || WsdlError::Path { key, step: path.to_owned() };
                types.walk(from, path, key)?.ok_or_else(open)
            };
            walk(&types.element(&asked.input)?, &find.key, "dialect.find.key")?;
            let found = walk(&types.element(output)?, &find.found, "dialect.find.found")?;
            walk(&found, &find.found_key, "dialect.find.found_key")?;
            let mut response = find.response.take().unwrap_or_default();
            fill(&mut response, "dialect.find.response", &output.local)?;
            find.response = Some(response);
        }
        if let Some(path) = &spec.fault_code {
            fault(path, &operation, &types)?;
        }
        Ok(spec)
    }

    fn record_of(&self, operation: &Operation, content: &Content) -> Result<Declared, WsdlError> {
        let repeated: Vec<&Declared> = content.elements.iter().filter(|element| element.many).collect();
        let named = repeated.iter().find(|element| element.name.local == self.record);
        match (named, repeated.as_slice(), self.record.is_empty()) {
            (Some(named), ..) => Ok((**named).clone()),
            (None, [one], true) => Ok((*one).clone()),
            (None, [one], false) => Err(WsdlError::Differs {
                key: "dialect.record",
                written: self.record.clone(),
                described: one.name.local.clone(),
            }),
            (None, several, _) => Err(WsdlError::Record {
                operation: operation.input.local.clone(),
                repeated: match several {
                    [] => "nothing".to_owned(),
                    several => {
                        several.iter().map(|one| one.name.local.as_str()).collect::<Vec<_>>().join(", ")
                    }
                },
            }),
        }
    }
}

/// Takes what is described where nothing is written, and holds the two against each other where something is.
fn fill(written: &mut String, key: &'static str, described: &str) -> Result<(), WsdlError> {
    if written.is_empty() {
        described.clone_into(written);
        return Ok(());
    }
    // A path may say more than an address: which batch, which chunk. A description may leave out where it is.
    let same = match key {
        _ if described.is_empty() => true,
        "dialect.path" | "dialect.find.path" => {
            written.split('?').next() == described.split('?').next() || written.contains('{')
        }
        _ => written == described,
    };
    if same {
        return Ok(());
    }
    Err(WsdlError::Differs { key, written: written.clone(), described: described.to_owned() })
}

/// The path of an address, below that of the upstream.
fn below(address: &str, upstream: &str) -> String {
    let path = |address: &str| {
        let uri = address.parse::<http::Uri>().ok();
        uri.and_then(|uri| uri.path_and_query().map(|path| path.as_str().to_owned())).unwrap_or_default()
    };
    let (path, base) = (path(address), path(upstream));
    match path.strip_prefix(base.trim_end_matches('/')) {
        Some(rest) if rest.starts_with('/') => rest.to_owned(),
        _ => path,
    }
}

/// A row's columns against the type of its element: known, in its order, and none of the required ones left out.
fn row(columns: &[String], record: &Declared, types: &Types<'_>) -> Result<(), WsdlError> {
    let wrong = |column: &str, reason| {
        let record = record.name.local.clone();
        Err(WsdlError::Column { column: column.to_owned(), reason, record })
    };
    let Some(content) = types.content(record)? else { return Ok(()) };
    let mut last = None;
    for column in columns {
        let at = content.elements.iter().position(|element| element.name.local == *column);
        match at {
            None if content.open => {}
            None => return wrong(column, "is not declared"),
            Some(at) if content.ordered && last.is_some_and(|last| at < last) => {
                return wrong(column, "stands before the one in front of it");
            }
            Some(at) => last = Some(at),
        }
    }
    let left_out =
        content.elements.iter().find(|element| !element.optional && !columns.contains(&element.name.local));
    left_out.map_or(Ok(()), |element| wrong(&element.name.local, "is required and missing"))
}

/// The paths to the results against the type of the answer.
fn answer(results: &ResultsSpec, output: &Declared, types: &Types<'_>) -> Result<(), WsdlError> {
    let Some(result) = types.walk(output, &results.result, "dialect.results.result")? else { return Ok(()) };
    let within = [
        ("dialect.results.success", Some(&results.success)),
        ("dialect.results.key", results.key.as_ref()),
        ("dialect.results.code", results.code.as_ref()),
        ("dialect.results.field", results.field.as_ref()),
    ];
    for (key, path) in within {
        if let Some(path) = path {
            types.walk(&result, path, key)?;
        }
    }
    Ok(())
}

/// The path to a fault's code against what the operation's faults hold.
fn fault(path: &str, operation: &Operation, types: &Types<'_>) -> Result<(), WsdlError> {
    let key = "dialect.fault_code";
    let (first, rest) = path.trim_matches('/').split_once('/').unwrap_or((path, ""));
    if operation.faults.is_empty() {
        return Ok(());
    }
    match operation.faults.iter().find(|fault| fault.local == first) {
        Some(fault) => types.walk(&types.element(fault)?, rest, key).map(|_| ()),
        None => Err(WsdlError::Path { key, step: first.to_owned() }),
    }
}

impl SoapVersion {
    fn name(self) -> &'static str {
        match self {
            SoapVersion::Soap11 => "1.1",
            SoapVersion::Soap12 => "1.2",
        }
    }
}

#[cfg(test)]
mod tests;
