//! A header block's own attributes: whom it is for, and whether it must be understood.

use sekisho_xml::Start;

use super::Version;

/// What the attributes of a header block say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Demands {
    pub(super) must_understand: bool,
    pub(super) role: Option<String>,
}

/// Reads the envelope's attributes of a header block; `None` if `mustUnderstand` has no value that it may have.
pub(super) fn demands(start: &Start<'_>, version: Version) -> Option<Demands> {
    let namespace = version.namespace();
    let must_understand = match start.attribute(namespace, "mustUnderstand") {
        None => false,
        Some(value) => match (version, value.trim_ascii()) {
            (_, "1") | (Version::Soap12, "true") => true,
            (_, "0") | (Version::Soap12, "false") => false,
            _ => return None,
        },
    };
    let role = match version {
        Version::Soap11 => start.attribute(namespace, "actor"),
        Version::Soap12 => start.attribute(namespace, "role"),
    };
    Some(Demands { must_understand, role: role.map(|role| role.trim_ascii().to_owned()) })
}

/// Whether a block with this actor or role is for us, who are the message's ultimate receiver: no role, `next`, the ultimate
/// receiver, or a role of our own (SOAP 1.1 section 4.2.2, SOAP 1.2 part 1 sections 2.2 and 5.2.2).
pub(super) fn is_for_us(version: Version, role: Option<&str>, ours: &[String]) -> bool {
    let Some(role) = role else { return true };
    let standard = match version {
        Version::Soap11 => role.is_empty() || role == "http://schemas.xmlsoap.org/soap/actor/next",
        Version::Soap12 => {
            role.is_empty()
                || role == "http://www.w3.org/2003/05/soap-envelope/role/next"
                || role == "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver"
        }
    };
    standard || ours.iter().any(|our| our == role)
}
