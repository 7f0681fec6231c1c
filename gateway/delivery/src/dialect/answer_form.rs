//! How an answer looks in which the upstream says what became of each row. Where it says so in no XML, the answer is an element that
//! the route names, and its results say in elements what the upstream has said.

use sekisho_xml::QName;

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
    /// The upstream's answers are no XML: where a client awaits one, the route says what the element is.
    pub(crate) fn answers_without_xml(&self) -> bool {
        matches!(&self.spec, DialectSpec::Rest(_) | DialectSpec::Bulk2(_) | DialectSpec::Collections(_))
    }

    /// The element that each result becomes, of an answer that is no XML: named as the array is, if it has a name.
    pub(super) fn result_element(&self) -> &str {
        let path = self.json.as_ref().map_or("", |results| &results.result);
        path.rsplit('/').find(|step| !step.is_empty()).unwrap_or("result")
    }

    /// The form of this dialect's answers: `element` is what the route names where they are no XML. None where they say nothing
    /// of rows, or there is no such name.
    pub(crate) fn answer_form(&self, element: Option<&QName>) -> Option<AnswerForm> {
        let named = |results: ResultsSpec| {
            let element = element?;
            Some(AnswerForm {
                element: element.local.to_string(),
                namespace: element.namespace.to_string(),
                unqualified: false,
                results,
            })
        };
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
            DialectSpec::Rest(rest) => {
                let results = rest.results.clone()?;
                let result = match results.result.is_empty() {
                    true => "result".to_owned(),
                    false => results.result.clone(),
                };
                named(ResultsSpec { result, ..results })
            }
            DialectSpec::Collections(_) => named(in_order("result", "errors/statusCode", "errors/fields")),
            DialectSpec::Bulk2(bulk) => named(ResultsSpec {
                key: Some(bulk.external_id.clone()),
                ..in_order("result", "errors/statusCode", "errors/fields")
            }),
        }
    }
}
