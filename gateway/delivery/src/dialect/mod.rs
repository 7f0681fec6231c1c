//! The six dialects: rows into requests, answers into outcomes.

mod spec;

use crate::plan::PlanError;
use sekisho_records::Mapper;
pub use spec::{
    Bulk2Spec, Codes, CollectionsSpec, DialectSpec, HeaderElement, PartnerSoapSpec, RestFormat, RestSpec,
    ResultsSpec, SoapSpec, SoapVersion, SwaSpec,
};

pub(crate) struct Dialect;
impl Dialect {
    pub(crate) fn new(spec: &DialectSpec, mapper: &Mapper) -> Result<Self, PlanError> {
        let _ = (spec, mapper);
        todo!()
    }
}
