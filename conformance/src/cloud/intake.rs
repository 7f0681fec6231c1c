//! The described SOAP operation: rows as elements in the body, and its two neighbours `addRecords` and `findRecords`.

use std::sync::Arc;

use http::StatusCode;

use super::Cloud;
use super::answer::Answer;
use super::locked;
use super::perform::{Call, Order, RowResult, perform};
use super::refusal::Refusal;
use super::route::Request;
use super::rows::Rows;
use super::soap::{self, INTAKE, Ns, Version, Xml, element, name, text};
use super::store::Mode;
use super::xml_rows::read_row;

const WSDL: &str = include_str!("../../wsdl/intake.wsdl");

/// What a request of the described service asks.
struct Asked {
    operation: Operation,
    rows: Rows,
    keys: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Put,
    Add,
    Find,
}

impl Operation {
    fn response(self) -> &'static str {
        match self {
            Operation::Put => "putRecordsResponse",
            Operation::Add => "addRecordsResponse",
            Operation::Find => "findRecordsResponse",
        }
    }
}

/// The description of the service at its own address.
pub(super) fn wsdl(request: &Request) -> Answer {
    let address = format!("{}{}", request.base, request.path);
    Answer::new(StatusCode::OK, "text/xml; charset=utf-8", WSDL.replace("{address}", &address))
}

/// `POST /services/intake/{object}/{key}`.
///
/// # Errors
/// The whole call is refused or was stopped.
pub(super) async fn serve(
    cloud: &Arc<Cloud>,
    request: &Request,
    call: &mut Call,
    object: &str,
    key: &str,
) -> Result<Answer, Refusal> {
    let version = soap::version_of(&request.headers);
    let body = request.body.clone();
    let asked = tokio::task::spawn_blocking(move || read(&body, version))
        .await
        .map_err(|_| Refusal::Unavailable)??;
    call.record.step = match asked.operation {
        Operation::Put => "put",
        Operation::Add => "add",
        Operation::Find => "find",
    };
    if asked.operation == Operation::Find {
        return Ok(find(cloud, version, object, &asked.keys));
    }
    let mut order = Order::replace(object, key);
    order.operation = request.query("operation").map(str::to_owned);
    if asked.operation == Operation::Add {
        order.mode = Mode::Add;
    }
    let results = perform(cloud, call, asked.rows, order).await?;
    Ok(answer(version, asked.operation.response(), &results))
}

/// The answer with one result a row.
pub(super) fn answer(version: Version, wrapper: &str, results: &[RowResult]) -> Answer {
    version.answer(StatusCode::OK, |out| {
        let rejected = results.iter().filter(|result| result.outcome.is_err()).count();
        text(out, "<");
        text(out, wrapper);
        text(out, " xmlns=\"");
        text(out, INTAKE);
        text(out, "\">");
        element(out, "accepted", &(results.len() - rejected).to_string());
        element(out, "rejected", &rejected.to_string());
        for result in results {
            text(out, "<result>");
            element(out, "key", &result.key);
            element(out, "success", if result.outcome.is_ok() { "true" } else { "false" });
            element(out, "created", if matches!(result.outcome, Ok(true)) { "true" } else { "false" });
            if let Err(error) = &result.outcome {
                text(out, "<error>");
                element(out, "code", &error.code);
                if let Some(field) = &error.field {
                    element(out, "field", field);
                }
                element(out, "message", &error.message);
                text(out, "</error>");
            }
            text(out, "</result>");
        }
        text(out, "</");
        text(out, wrapper);
        text(out, ">");
    })
}

fn find(cloud: &Cloud, version: Version, object: &str, keys: &[String]) -> Answer {
    let table = cloud.store.table(object);
    let table = locked(&table);
    version.answer(StatusCode::OK, |out| {
        text(out, "<findRecordsResponse xmlns=\"");
        text(out, INTAKE);
        text(out, "\">");
        for key in keys.iter().filter(|key| table.contains(key)) {
            text(out, "<found>");
            element(out, "key", key);
            text(out, "</found>");
        }
        text(out, "</findRecordsResponse>");
    })
}

/// The rows of a request of `putRecords`, in an envelope of either version.
///
/// # Errors
/// Says what is wrong with it.
pub fn read_rows(body: &[u8]) -> Result<Rows, String> {
    match read_either(body)? {
        Asked { operation: Operation::Put, rows, .. } => Ok(rows),
        _ => Err("another operation".to_owned()),
    }
}

/// The keys of a request of `findRecords`, in an envelope of either version.
///
/// # Errors
/// Says what is wrong with it.
pub fn read_keys(body: &[u8]) -> Result<Vec<String>, String> {
    match read_either(body)? {
        Asked { operation: Operation::Find, keys, .. } => Ok(keys),
        _ => Err("another operation".to_owned()),
    }
}

fn read_either(body: &[u8]) -> Result<Asked, String> {
    let found = Xml::new(body).and_then(|mut xml| soap::open(&mut xml));
    read(body, found?.0).map_err(|refusal| refusal.message())
}

fn read(body: &[u8], version: Version) -> Result<Asked, Refusal> {
    let mut xml = Xml::new(body).map_err(Refusal::Input)?;
    let (found, _, ns, wrapper) = soap::open(&mut xml).map_err(Refusal::Input)?;
    if found != version {
        return Err(Refusal::Input("the envelope's version is not that of the media type".to_owned()));
    }
    let operation = match (ns, wrapper.as_str()) {
        (Ns::Intake, "putRecords") => Operation::Put,
        (Ns::Intake, "addRecords") => Operation::Add,
        (Ns::Intake, "findRecords") => Operation::Find,
        _ => return Err(Refusal::Operation(format!("no operation {wrapper} here"))),
    };
    let mut asked = Asked { operation, rows: Rows::default(), keys: Vec::new() };
    read_children(&mut xml, &mut asked).and_then(|()| soap::finish(&mut xml)).map_err(Refusal::Input)?;
    Ok(asked)
}

fn read_children(xml: &mut Xml<'_>, asked: &mut Asked) -> Result<(), String> {
    let mut scratch = String::new();
    while let Some((ns, child)) = xml.child()? {
        let expected: &[u8] = if asked.operation == Operation::Find { b"key" } else { b"row" };
        if ns != Ns::Intake || child.local_name().as_ref() != expected {
            return Err(format!("element {} is not expected in this operation", name(&child)));
        }
        if asked.operation == Operation::Find {
            let mut key = String::new();
            xml.text(&mut key)?;
            asked.keys.push(key);
        } else {
            read_row(xml, Some(Ns::Intake), &mut asked.rows, &mut scratch)?;
        }
    }
    Ok(())
}
