//! The documents that describe the gateway's own messages, as they are served.

/// The schema of the gateway's own messages.
pub const XSD: &str = "";

/// The WSDL 1.1 with this address in every port, and the schema embedded.
pub fn wsdl(address: &str) -> String {
    let _ = address;
    todo!()
}

/// The OpenAPI 3.1 document with this server address.
pub fn openapi(address: &str) -> String {
    let _ = address;
    todo!()
}
