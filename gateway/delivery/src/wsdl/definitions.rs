//! Services, bindings, port types and messages (WSDL 1.1 sections 2 and 3; WS-I Basic Profile 1.2 section 4).

use super::WsdlError;
use super::document::{Name, Node};
use crate::dialect::SoapVersion;

pub(super) const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";
const SOAP11: &str = "http://schemas.xmlsoap.org/wsdl/soap/";
const SOAP12: &str = "http://schemas.xmlsoap.org/wsdl/soap12/";
/// HTTP as the transport, in both bindings.
const OVER_HTTP: [&str; 2] =
    ["http://schemas.xmlsoap.org/soap/http", "http://www.w3.org/2003/05/soap/bindings/HTTP/"];

/// An operation over one binding.
#[derive(Debug)]
pub(super) struct Operation {
    /// Where it is.
    pub(super) address: String,
    /// SOAPAction.
    pub(super) action: String,
    /// The body's child of a request.
    pub(super) input: Name,
    /// The body's child of an answer; a one-way operation has none.
    pub(super) output: Option<Name>,
    /// The detail's children of faults.
    pub(super) faults: Vec<Name>,
}

pub(super) struct Definitions<'d> {
    roots: &'d [Node],
}

impl<'d> Definitions<'d> {
    pub(super) fn new(roots: &'d [Node]) -> Result<Self, WsdlError> {
        if let Some(root) = roots.iter().find(|root| !root.is(WSDL, "definitions")) {
            let reason = format!("its root is {}, not the definitions of WSDL 1.1", root.name);
            return Err(WsdlError::Unreadable { at: None, reason });
        }
        Ok(Self { roots })
    }

    /// The operation of this name, over HTTP in this version.
    pub(super) fn operation(&self, name: &str, version: SoapVersion) -> Result<Operation, WsdlError> {
        let soap = match version {
            SoapVersion::Soap11 => SOAP11,
            SoapVersion::Soap12 => SOAP12,
        };
        let mut known: Vec<&str> = Vec::new();
        let services = self.roots.iter().flat_map(|root| root.children(WSDL, "service"));
        for port in services.flat_map(|service| service.children(WSDL, "port")) {
            let Some(address) = port.child(soap, "address").and_then(|node| node.attribute("location"))
            else {
                continue;
            };
            let binding = self.named("binding", port.reference("binding"))?;
            let Some(style) = binding.child(soap, "binding") else { continue };
            if !style.attribute("transport").is_some_and(|transport| OVER_HTTP.contains(&transport)) {
                continue;
            }
            let mut operations = binding.children(WSDL, "operation");
            known.extend(binding.children(WSDL, "operation").filter_map(|one| one.attribute("name")));
            if let Some(found) = operations.find(|one| one.attribute("name") == Some(name)) {
                let style = style.attribute("style").unwrap_or("document");
                return self.bound(name, address, binding, found, (soap, style));
            }
        }
        known.sort_unstable();
        known.dedup();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Err(WsdlError::Operation { name: name.to_owned(), version: version.name(), known })
    }

    fn bound(
        &self,
        name: &str,
        address: &str,
        binding: &Node,
        bound: &Node,
        (soap, style): (&str, &str),
    ) -> Result<Operation, WsdlError> {
        let unspoken = |reason| WsdlError::Unspoken { name: name.to_owned(), reason };
        let http = bound.child(soap, "operation");
        if http.and_then(|node| node.attribute("style")).unwrap_or(style) != "document" {
            return Err(unspoken("its style is rpc, and only document/literal is spoken"));
        }
        let port_type = self.named("portType", binding.reference("type"))?;
        let mut operations = port_type.children(WSDL, "operation");
        let described = operations.find(|one| one.attribute("name") == Some(name)).ok_or_else(|| {
            WsdlError::Missing { kind: "operation of the port type", name: name.to_owned() }
        })?;
        let body = |direction: &str| -> Result<Option<Name>, WsdlError> {
            let Some(message) = described.child(WSDL, direction) else { return Ok(None) };
            let message = self.named("message", message.reference("message"))?;
            let how = bound.child(WSDL, direction).and_then(|node| node.child(soap, "body"));
            if how.and_then(|node| node.attribute("use")).unwrap_or("literal") != "literal" {
                return Err(unspoken("its use is encoded, and only document/literal is spoken"));
            }
            let wanted = how.and_then(|node| node.attribute("parts"));
            let parts: Vec<&Node> = message
                .children(WSDL, "part")
                .filter(|part| wanted.is_none_or(|wanted| part.attribute("name") == Some(wanted)))
                .collect();
            match parts.as_slice() {
                [one] => one
                    .reference("element")
                    .map(Some)
                    .ok_or_else(|| unspoken("its message's part names a type, not an element")),
                _ => Err(unspoken("its body has not exactly one part")),
            }
        };
        let input = body("input")?.ok_or_else(|| unspoken("it has no input"))?;
        let output = body("output")?;
        let mut faults = Vec::new();
        for fault in described.children(WSDL, "fault") {
            let message = self.named("message", fault.reference("message"))?;
            faults.extend(message.children(WSDL, "part").filter_map(|part| part.reference("element")));
        }
        let action = http.and_then(|node| node.attribute("soapAction")).unwrap_or_default();
        Ok(Operation { address: address.to_owned(), action: action.to_owned(), input, output, faults })
    }

    /// A top-level component by its qualified name.
    fn named(&self, kind: &'static str, name: Option<Name>) -> Result<&'d Node, WsdlError> {
        let name = name.unwrap_or_default();
        let of_namespace = self
            .roots
            .iter()
            .filter(|root| root.attribute("targetNamespace").unwrap_or_default() == name.namespace);
        let found = of_namespace
            .flat_map(|root| root.children(WSDL, kind))
            .find(|node| node.attribute("name") == Some(name.local.as_str()));
        found.ok_or_else(|| WsdlError::Missing { kind, name: name.to_string() })
    }
}
