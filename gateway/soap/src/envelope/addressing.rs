//! WS-Addressing 1.0 headers, as far as a receiver that never calls back needs them.

use std::io::BufRead;

use sekisho_xml::{Event, Reader};

use super::{SoapError, WSA};

/// The address that means "on this connection".
pub const ANONYMOUS: &str = "http://www.w3.org/2005/08/addressing/anonymous";
/// The address that means "nowhere".
pub const NONE: &str = "http://www.w3.org/2005/08/addressing/none";

/// WS-Addressing 1.0 headers aimed at us, white space around their values left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addressing {
    /// `wsa:MessageID`.
    pub message_id: Option<String>,
    /// `wsa:Action`.
    pub action: Option<String>,
    /// `wsa:To`.
    pub to: Option<String>,
    /// Address of `wsa:ReplyTo`.
    pub reply_to: Option<String>,
    /// Address of `wsa:FaultTo`.
    pub fault_to: Option<String>,
    /// Address of `wsa:From`.
    pub from: Option<String>,
    /// `wsa:RelatesTo`, whatever the relationship.
    pub relates_to: Vec<String>,
}

impl Addressing {
    /// Whether any WS-Addressing header came.
    pub fn is_present(&self) -> bool {
        *self != Self::default()
    }

    /// The header that wants answers or faults at an address other than this connection: `ReplyTo` or `FaultTo`. Such an address
    /// is never followed, since it would let the sender choose whom we call. [`NONE`] names no address: nobody is called.
    pub fn elsewhere(&self) -> Option<&'static str> {
        [("ReplyTo", &self.reply_to), ("FaultTo", &self.fault_to)].into_iter().find_map(
            |(header, address)| {
                let address = address.as_deref()?;
                (address != ANONYMOUS && address != NONE).then_some(header)
            },
        )
    }

    /// Reads the block whose start tag came last, up to its end; `false` if it is none of these and was not touched.
    pub(super) fn read<R: BufRead>(
        &mut self,
        xml: &mut Reader<R>,
        local: &str,
        max: usize,
    ) -> Result<bool, SoapError> {
        let at = xml.position();
        let (header, slot) = match local {
            "MessageID" => ("wsa:MessageID", &mut self.message_id),
            "Action" => ("wsa:Action", &mut self.action),
            "To" => ("wsa:To", &mut self.to),
            "ReplyTo" => ("wsa:ReplyTo", &mut self.reply_to),
            "FaultTo" => ("wsa:FaultTo", &mut self.fault_to),
            "From" => ("wsa:From", &mut self.from),
            "RelatesTo" => {
                let value = text(xml, "wsa:RelatesTo", max)?;
                if self.relates_to.len() == 16 {
                    return Err(SoapError::Limit { which: "wsa:RelatesTo headers", max: 16, at });
                }
                self.relates_to.push(value);
                return Ok(true);
            }
            _ => return Ok(false),
        };
        let value = match header {
            "wsa:ReplyTo" | "wsa:FaultTo" | "wsa:From" => endpoint(xml, header, max)?,
            _ => text(xml, header, max)?,
        };
        // WS-Addressing 1.0 SOAP Binding section 6.4.1: a second one is an invalid header.
        if slot.replace(value).is_some() {
            return Err(SoapError::Addressing { header, at });
        }
        Ok(true)
    }
}

/// `wsa:Address` of an endpoint reference; parameters and metadata are passed over.
fn endpoint<R: BufRead>(xml: &mut Reader<R>, header: &'static str, max: usize) -> Result<String, SoapError> {
    let mut address = None;
    loop {
        let is_address = match xml.next()? {
            Event::Start(start) => start.is(WSA, "Address"),
            Event::Text(piece) if piece.is_white_space() => continue,
            Event::End(_) => break,
            Event::Text(_) | Event::Eof => {
                return Err(SoapError::Addressing { header, at: xml.position() });
            }
        };
        if !is_address {
            xml.skip_element()?;
        } else {
            let at = xml.position();
            if address.replace(text(xml, header, max)?).is_some() {
                return Err(SoapError::Addressing { header, at });
            }
        }
    }
    address.ok_or_else(|| SoapError::Addressing { header, at: xml.position() })
}

/// The text of the element whose start tag came last, up to its end; it may not be empty.
fn text<R: BufRead>(xml: &mut Reader<R>, header: &'static str, max: usize) -> Result<String, SoapError> {
    let at = xml.position();
    let value = value(xml, header, max)?;
    if value.is_empty() { Err(SoapError::Addressing { header, at }) } else { Ok(value) }
}

/// The text of the element whose start tag came last, up to its end, without white space around it.
pub(super) fn value<R: BufRead>(
    xml: &mut Reader<R>,
    header: &'static str,
    max: usize,
) -> Result<String, SoapError> {
    let at = xml.position();
    let mut value = String::new();
    loop {
        match xml.next()? {
            Event::Text(piece) if value.len() + piece.as_str().len() <= max => value.push_str(piece.as_str()),
            Event::Text(_) => {
                return Err(SoapError::Limit {
                    which: "bytes of a WS-Addressing value",
                    max: max as u64,
                    at,
                });
            }
            Event::End(_) => break,
            Event::Start(_) | Event::Eof => return Err(SoapError::Addressing { header, at }),
        }
    }
    Ok(value.trim_ascii().to_owned())
}
