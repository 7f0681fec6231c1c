//! The partner SOAP calls: `upsert`, and the `login` of older clients.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::StatusCode;

use super::Cloud;
use super::answer::Answer;
use super::collections;
use super::perform::{Call, Order, RowResult, perform, row_id};
use super::refusal::Refusal;
use super::route::Request;
use super::rows::{Rows, Value};
use super::soap::{self, Header, Ns, PARTNER, Version, Xml, element, name, text};
use super::store::Mode;

/// sObjects of one call.
const MOST: usize = 200;
const FAULTS: &str = "urn:fault.partner.soap.sforce.com";
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// Whom everybody works for here, and as whom.
pub(super) const ORGANIZATION: &str = "00D000000000001EAA";
pub(super) const USER: &str = "005000000000001AAA";
const WSDL: &str = include_str!("../../wsdl/partner.wsdl");

enum Asked {
    Upsert { key: String, objects: BTreeSet<String>, rows: Rows },
    Login { user: String, password: String },
}

/// The description of the service at its own address.
pub(super) fn wsdl(request: &Request) -> Answer {
    let address = format!("{}{}", request.base, request.path);
    Answer::new(StatusCode::OK, "text/xml; charset=utf-8", WSDL.replace("{address}", &address))
}

/// `POST /services/Soap/u/NN.N`, with the organization behind it or not: as the login says it.
///
/// # Errors
/// The whole call is refused or was stopped.
pub(super) async fn serve(cloud: &Arc<Cloud>, request: &Request, call: &mut Call) -> Result<Answer, Refusal> {
    let body = request.body.clone();
    let (header, asked) =
        tokio::task::spawn_blocking(move || read(&body)).await.map_err(|_| Refusal::Unavailable)??;
    let (key, objects, rows) = match asked {
        Asked::Login { user, password } => {
            call.record.step = "login";
            return login(cloud, request, &user, &password);
        }
        Asked::Upsert { key, objects, rows } => (key, objects, rows),
    };
    call.record.step = "upsert";
    let session = header.session.unwrap_or_default();
    if !cloud.sessions.is_open(&session) {
        return Err(Refusal::Session);
    }
    if rows.len() > MOST {
        let text = format!("record limit reached. cannot submit more than {MOST} records into this call");
        return Err(Refusal::Own("EXCEEDED_ID_LIMIT", text));
    }
    let mut objects = objects.into_iter();
    let (Some(object), None) = (objects.next(), objects.next()) else {
        return Err(Refusal::Own("INVALID_TYPE", "one type of sObject a call is taken here".to_owned()));
    };
    let mut order = Order::replace(&object, &key);
    order.mode = Mode::Merge;
    order.all_or_none = header.all_or_none;
    let results = perform(cloud, call, rows, order).await?;
    Ok(answer(&object, &results, collections::usage(cloud)))
}

/// The session of a request, for whoever wants to end it.
pub(super) fn session(body: &[u8]) -> Option<String> {
    let mut xml = Xml::new(body).ok()?;
    soap::open(&mut xml).ok()?.1.session
}

/// The fault of a whole call.
pub(super) fn refuse(refusal: &Refusal) -> Answer {
    let code = match refusal {
        Refusal::Input(_) => "XML_PARSER_ERROR",
        Refusal::Operation(_) => "INVALID_OPERATION",
        other => other.code(),
    };
    let message = refusal.message();
    let status = match refusal {
        Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Version::Soap11.answer(status, |out| {
        text(out, "<s:Fault xmlns:sf=\"");
        text(out, FAULTS);
        text(out, "\">");
        element(out, "faultcode", &format!("sf:{code}"));
        element(out, "faultstring", &format!("{code}: {message}"));
        let kind = if code == "INVALID_LOGIN" { "sf:LoginFault" } else { "sf:UnexpectedErrorFault" };
        text(out, &format!("<detail><{kind} xmlns:xsi=\"{XSI}\" xsi:type=\"{kind}\">"));
        element(out, "sf:exceptionCode", code);
        element(out, "sf:exceptionMessage", &message);
        text(out, &format!("</{kind}></detail></s:Fault>"));
    })
}

fn login(cloud: &Cloud, request: &Request, user: &str, password: &str) -> Result<Answer, Refusal> {
    if user != cloud.options.client_id || password != cloud.options.client_secret {
        return Err(Refusal::Own(
            "INVALID_LOGIN",
            "Invalid username, password, security token; or user locked out.".to_owned(),
        ));
    }
    cloud.calls.logged_in();
    let token = cloud.sessions.begin();
    let version = request.path.split('/').find(|segment| segment.contains('.')).unwrap_or("60.0");
    let address =
        |service: &str| format!("{}/services/Soap/{service}/{version}/{ORGANIZATION}", request.base);
    Ok(Version::Soap11.answer(StatusCode::OK, |out| {
        text(out, &format!("<loginResponse xmlns=\"{PARTNER}\"><result>"));
        element(out, "metadataServerUrl", &address("m"));
        element(out, "passwordExpired", "false");
        element(out, "sandbox", "false");
        element(out, "serverUrl", &address("u"));
        element(out, "sessionId", &token);
        element(out, "userId", USER);
        text(out, "<userInfo>");
        for (name, value) in [
            ("organizationId", ORGANIZATION),
            ("organizationName", "City"),
            ("userId", USER),
            ("userName", user),
        ] {
            element(out, name, value);
        }
        text(out, "</userInfo></result></loginResponse>");
    }))
}

fn answer(object: &str, results: &[RowResult], (total, used): (u64, u64)) -> Answer {
    let header = |out: &mut Vec<u8>| {
        text(out, &format!("<LimitInfoHeader xmlns=\"{PARTNER}\"><limitInfo>"));
        element(out, "current", &used.to_string());
        element(out, "limit", &total.to_string());
        element(out, "type", "API REQUESTS");
        text(out, "</limitInfo></LimitInfoHeader>");
    };
    Version::Soap11.answer_with(StatusCode::OK, header, |out| {
        text(out, &format!("<upsertResponse xmlns=\"{PARTNER}\" xmlns:xsi=\"{XSI}\">"));
        for result in results {
            text(out, "<result>");
            match &result.outcome {
                Ok(created) => {
                    element(out, "created", if *created { "true" } else { "false" });
                    element(out, "id", &row_id(object, &result.key));
                    element(out, "success", "true");
                }
                Err(error) => {
                    element(out, "created", "false");
                    text(out, "<errors>");
                    if let Some(field) = &error.field {
                        element(out, "fields", field);
                    }
                    element(out, "message", &error.message);
                    element(out, "statusCode", &error.code);
                    text(out, "</errors><id xsi:nil=\"true\"/>");
                    element(out, "success", "false");
                }
            }
            text(out, "</result>");
        }
        text(out, "</upsertResponse>");
    })
}

fn read(body: &[u8]) -> Result<(Header, Asked), Refusal> {
    let mut xml = Xml::new(body).map_err(Refusal::Input)?;
    let (version, header, ns, operation) = soap::open(&mut xml).map_err(Refusal::Input)?;
    if version != Version::Soap11 {
        return Err(Refusal::Input("SOAP 1.1 only".to_owned()));
    }
    let asked = match (ns, operation.as_str()) {
        (Ns::Partner, "upsert") => read_upsert(&mut xml),
        (Ns::Partner, "login") => read_login(&mut xml),
        _ => return Err(Refusal::Operation(format!("No operation available for request {operation}"))),
    };
    let asked = asked.and_then(|asked| soap::finish(&mut xml).map(|()| asked)).map_err(Refusal::Input)?;
    Ok((header, asked))
}

fn read_login(xml: &mut Xml<'_>) -> Result<Asked, String> {
    let (mut user, mut password) = (String::new(), String::new());
    while let Some((_, field)) = xml.child()? {
        match field.local_name().as_ref() {
            b"username" => xml.text(&mut user)?,
            b"password" => xml.text(&mut password)?,
            _ => return Err(format!("element {} in login", name(&field))),
        }
    }
    Ok(Asked::Login { user, password })
}

fn read_upsert(xml: &mut Xml<'_>) -> Result<Asked, String> {
    let mut key = String::new();
    let mut objects = BTreeSet::new();
    let mut rows = Rows::default();
    while let Some((ns, child)) = xml.child()? {
        match (ns, child.local_name().as_ref()) {
            (Ns::Partner, b"externalIDFieldName") => xml.text(&mut key)?,
            (Ns::Partner, b"sObjects") => {
                objects.insert(read_object(xml, &mut rows)?);
            }
            _ => return Err(format!("element {} in upsert", name(&child))),
        }
    }
    if key.is_empty() {
        return Err("externalIDFieldName is missing".to_owned());
    }
    Ok(Asked::Upsert { key, objects, rows })
}

/// Reads one sObject as a row; returns its type.
fn read_object(xml: &mut Xml<'_>, rows: &mut Rows) -> Result<String, String> {
    let mut object = String::new();
    let mut scratch = String::new();
    while let Some((_, field)) = xml.child()? {
        let nil = xml.is_nil(&field);
        let local = name(&field);
        scratch.clear();
        xml.text(&mut scratch)?;
        match local.as_str() {
            "type" => object.push_str(scratch.trim()),
            "Id" => {}
            "fieldsToNull" => {
                let column = rows.column(scratch.trim())?;
                rows.push(column, Value::Null);
            }
            // An empty element says nothing about the field.
            _ if scratch.is_empty() && !nil => {}
            _ => {
                let column = rows.column(&local)?;
                rows.push(column, if nil { Value::Null } else { Value::Text(&scratch) });
            }
        }
    }
    rows.end_row()?;
    Ok(object)
}
