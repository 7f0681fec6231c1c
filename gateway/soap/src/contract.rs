//! The documents that describe the gateway's own messages, as they are served: complete, with no reference to another place.

use crate::message::NAMESPACE;

#[cfg(test)]
mod tests;

/// Schema of the gateway's own messages; it imports [`SWAREF_XSD`].
pub const XSD: &str = include_str!("../../../schemas/gateway.xsd");

/// The one type of WS-I Attachments Profile 1.0.
pub const SWAREF_XSD: &str = include_str!("../../../schemas/swaref.xsd");

/// The schema as it is served at `?xsd`: what it imports is at `?xsd=swaref` beside it ([`SWAREF_XSD`]).
pub fn xsd() -> String {
    XSD.replace("\"swaref.xsd\"", "\"?xsd=swaref\"")
}

const WSDL: &str = include_str!("../../../schemas/gateway.wsdl");
const OPENAPI: &str = include_str!("../../../schemas/openapi.json");

/// The address that stands in the files, of a name that can never be (RFC 2606).
const PLACEHOLDER: &str = "https://gateway.invalid/";

/// The WSDL 1.1 with this address in every port and all schemas inside, so that nothing has to be fetched.
///
/// A character of the address that XML cannot hold leaves the place empty; an address is a URL and has none.
pub fn wsdl(address: &str) -> String {
    let mut escaped = Vec::new();
    let _ = sekisho_xml::write::escape_attribute(address, &mut escaped);
    let import = WSDL.find("    <xs:schema>").zip(WSDL.find("  </wsdl:types>"));
    let (before, after) = match import {
        Some((start, end)) => (&WSDL[..start], &WSDL[end..]),
        None => (WSDL, ""),
    };
    let after = after.replace(PLACEHOLDER, &String::from_utf8_lossy(&escaped));
    let schemas = [SWAREF_XSD, XSD].map(inlined).concat();
    [before, &schemas, &after].concat()
}

/// Name of the WSDL's port type.
pub const PORT_TYPE: &str = "Gateway";

/// Its operations.
pub const OPERATIONS: [&str; 6] =
    ["submitBatch", "batchState", "batchErrors", "batchChunks", "cancelBatch", "heartbeat"];

/// The `SOAPAction` of an operation, without quotes.
pub fn soap_action(operation: &str) -> String {
    format!("{NAMESPACE}#{operation}")
}

/// The `wsa:Action` of the fault that the contract declares for an operation, which has none of its own there (WS-Addressing 1.0
/// Metadata section 4.4.4).
pub fn fault_action(operation: &str) -> String {
    format!("{NAMESPACE}:{PORT_TYPE}:{operation}:Fault:problem")
}

/// The OpenAPI 3.1 document with this server address.
pub fn openapi(address: &str) -> String {
    let quoted = serde_json::Value::from(address).to_string();
    OPENAPI.replace(&format!("\"{PLACEHOLDER}\""), &quoted)
}

/// A schema without its XML declaration and without the place of the other one, which stands beside it.
fn inlined(schema: &str) -> String {
    let body = schema.split_once("?>").map_or(schema, |(_, body)| body);
    body.replace(" schemaLocation=\"swaref.xsd\"", "")
}
