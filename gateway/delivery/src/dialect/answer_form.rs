//! How an answer looks in which the upstream says what became of each row.

use super::{Dialect, DialectSpec, PARTNER, ResultsSpec, in_order};

/// An answer of results, row by row, in XML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AnswerForm {
    /// Local name of the body's child.
    pub(crate) element: String,
    /// Its namespace.
    pub(crate) namespace: String,
    /// What is below it is in no namespace.
    pub(crate) unqualified: bool,
    /// Where its results stand, and what in them.
    pub(crate) results: ResultsSpec,
}

impl AnswerForm {
    /// The default namespace where results stand.
    pub(crate) fn base(&self) -> &str {
        if self.unqualified { "" } else { &self.namespace }
    }
}

impl Dialect {
    /// The form of this dialect's answers; none where they are no XML, or say nothing of rows.
    pub(crate) fn answer_form(&self) -> Option<AnswerForm> {
        match &self.spec {
            DialectSpec::Soap(soap) => Some(AnswerForm {
                element: soap.response.clone().unwrap_or_else(|| format!("{}Response", soap.operation)),
                namespace: soap.namespace.clone(),
                unqualified: soap.unqualified,
                results: soap.results.clone()?,
            }),
            DialectSpec::Swa(swa) => Some(AnswerForm {
                element: format!("{}Response", swa.operation),
                namespace: swa.namespace.clone(),
                unqualified: false,
                results: swa.results.clone()?,
            }),
            DialectSpec::PartnerSoap(_) => Some(AnswerForm {
                element: "upsertResponse".to_owned(),
                namespace: PARTNER.to_owned(),
                unqualified: false,
                results: in_order("result", "errors/statusCode", "errors/fields"),
            }),
            DialectSpec::Rest(_) | DialectSpec::Bulk2(_) | DialectSpec::Collections(_) => None,
        }
    }
}
