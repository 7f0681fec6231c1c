//! Faults of WS-Addressing 1.0 (SOAP Binding section 6).

use crate::envelope::WSA;

/// `wsa:Action` of the faults that WS-Addressing defines (SOAP Binding section 6).
pub const ACTION: &str = "http://www.w3.org/2005/08/addressing/fault";
/// `wsa:Action` of the faults that SOAP defines, and of those that nothing else has an action for (SOAP Binding section 6).
pub const SOAP_ACTION: &str = "http://www.w3.org/2005/08/addressing/soap/fault";

/// A WS-Addressing header that is not valid here: `wsa:InvalidAddressingHeader` (SOAP Binding section 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidHeader {
    /// Local name of the header.
    pub header: &'static str,
    /// Local name of the code that says more, as `OnlyAnonymousAddressSupported` (section 6.4.1.7).
    pub code: Option<&'static str>,
}

/// The code of them all.
const INVALID: &str = "InvalidAddressingHeader";

impl InvalidHeader {
    /// Answers or faults are wanted elsewhere than on the connection.
    pub fn elsewhere(header: &'static str) -> Self {
        Self { header, code: Some("OnlyAnonymousAddressSupported") }
    }

    /// Whether the local name of a SOAP 1.1 fault code is one of these, which blame the sender.
    pub(super) fn is_code(local: &str) -> bool {
        local == INVALID || local == "OnlyAnonymousAddressSupported"
    }

    /// `faultcode`: SOAP 1.1 has room for the code that says most (section 6.2).
    pub(super) fn write_code_11(&self, out: &mut Vec<u8>) {
        let code = self.code.unwrap_or(INVALID);
        out.extend_from_slice(format!("<faultcode xmlns:wsa=\"{WSA}\">wsa:{code}</faultcode>").as_bytes());
    }

    /// `wsa:FaultDetail`: in SOAP 1.1 the detail of a fault about a header stands in the header (section 6.2).
    pub(super) fn write_header_11(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("<wsa:FaultDetail xmlns:wsa=\"{WSA}\">").as_bytes());
        self.write_problem(out);
        out.extend_from_slice(b"</wsa:FaultDetail>");
    }

    /// The subcodes of SOAP 1.2, one in the other (section 6.1).
    pub(super) fn write_subcodes_12(&self, out: &mut Vec<u8>) {
        let inner = self.code.map(|code| {
            format!("<env:Subcode><env:Value xmlns:wsa=\"{WSA}\">wsa:{code}</env:Value></env:Subcode>")
        });
        let inner = inner.unwrap_or_default();
        let subcodes = format!(
            "<env:Subcode><env:Value xmlns:wsa=\"{WSA}\">wsa:{INVALID}</env:Value>{inner}</env:Subcode>"
        );
        out.extend_from_slice(subcodes.as_bytes());
    }

    /// `wsa:ProblemHeaderQName` (section 6.3.1).
    pub(super) fn write_problem(&self, out: &mut Vec<u8>) {
        let problem = format!(
            "<wsa:ProblemHeaderQName xmlns:wsa=\"{WSA}\">wsa:{}</wsa:ProblemHeaderQName>",
            self.header
        );
        out.extend_from_slice(problem.as_bytes());
    }
}
