//! Disclosure rules: what of a record may leave, what must be coarse, and what must never be there.
//!
//! A [`PolicySpec`] is compiled against the layout of a route, once, into a [`Policy`]; what does not fit is refused then,
//! with its place. A [`Judge`] then looks at every record of a batch that its schema takes, before anything of it is kept:
//!
//! - at the LGWAN-ASP ([`Place::Asp`]) a record that breaks a rule is bad, as one that breaks its schema is;
//! - on the municipality's side ([`Place::Municipality`]) fields can be left out, cut to a coarse form, replaced by
//!   pseudonyms that only the key of that side undoes ([`pseudonym`]), and given concealed names; what leaves is then held
//!   to its own schema, and to the rules.
//!
//! The verdict is on the record's one canonical form, and so the same at every door. No value is ever told: rules, fields
//! and places are. What detectors find, and with which certainty, is in [`detect`].
#![forbid(unsafe_code)]

mod compile;
pub mod detect;
pub mod error;
mod form;
mod judge;
mod policy;
mod profile;
pub mod pseudonym;
pub mod spec;

pub use compile::Ground;
pub use error::{At, NamesFault, PolicyError, Problem};
pub use judge::{CODES, Judge};
pub use policy::{Place, Policy};
pub use profile::{Profile, Role};
pub use pseudonym::{PseudonymError, Pseudonyms};
pub use spec::PolicySpec;
