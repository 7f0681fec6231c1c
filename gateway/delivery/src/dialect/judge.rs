//! What an answer means: for the rows of a chunk, and for the call.

use std::io::BufRead;

use http::{HeaderMap, StatusCode};
use sekisho_journal::RowAnswer;

use super::verdict::{RowResult, joined, problems};
use super::xml_answer::SoapAnswer;
use super::{
    AnswerForm, Codes, Dialect, DialectSpec, SoapSpec, Verdict, by_status, json_answer, json_copy, message,
};
use crate::encode::Measured;

/// What is to be known of a call to judge its answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked<'a> {
    /// The id that it went under, where it had one.
    pub(crate) message: Option<&'a str>,
    /// What the answer says of each row is kept.
    pub(crate) keep: bool,
}

impl Dialect {
    /// What an answer means for the chunk's rows. Not for `bulk2`, whose answers are several.
    #[cfg(test)]
    pub(crate) fn judge(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        chunk: &Measured,
    ) -> Verdict {
        self.heard(status, headers, body, chunk, Asked::default()).0
    }

    /// The same, with what the answer said of each row where that is kept.
    pub(crate) fn heard(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        chunk: &Measured,
        asked: Asked<'_>,
    ) -> (Verdict, Vec<RowAnswer>) {
        let error_code = match &self.spec {
            DialectSpec::Soap(_) | DialectSpec::Swa(_) | DialectSpec::PartnerSoap(_) => {
                return self.judge_soap(status, headers, body, chunk, asked);
            }
            DialectSpec::Rest(rest) => &rest.error_code,
            DialectSpec::Collections(_) | DialectSpec::Bulk2(_) => "errorCode",
        };
        self.judge_json(status, headers, body, chunk, (error_code, asked.keep))
    }

    fn judge_soap(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        chunk: &Measured,
        asked: Asked<'_>,
    ) -> (Verdict, Vec<RowAnswer>) {
        let form = self.answer_form(None).filter(|_| asked.keep);
        let copies = form.as_ref().map(AnswerForm::base);
        let read = |answer: &mut dyn BufRead| self.paths.read(answer, chunk.rows, &chunk.keys, copies);
        let heard = message::message(headers, body, read);
        let answers_another = heard.as_ref().is_some_and(|heard| {
            let relates_to = heard.relates_to.as_deref();
            let sent = asked.message.filter(|_| self.is_addressed());
            sent.is_some() && relates_to.is_some() && relates_to != sent
        });
        let (answer, beside) = heard.map(|heard| (heard.answer, heard.beside)).unzip();
        let verdict = match answer {
            _ if answers_another => Verdict::Unknown("answer-relates-to".to_owned()),
            Some(SoapAnswer::Fault(fault)) => {
                let code = fault.best_code();
                self.codes().verdict(code, headers).unwrap_or_else(|| {
                    if fault.is_sender() {
                        Verdict::Data { code: Codes::plain(code).to_owned(), certain: false }
                    } else if status.is_client_error() {
                        by_status(status, Some(code), headers)
                    } else {
                        Verdict::Unknown(Codes::plain(code).to_owned())
                    }
                })
            }
            Some(SoapAnswer::Response { name, results }) if status.is_success() => {
                let expected = self.response_name();
                if expected.is_some_and(|expected| expected != name) {
                    Verdict::Unknown("answer-operation".to_owned())
                } else if self.has_results() {
                    let (verdict, mut kept) = self.rows(results, self.paths.by_key(), chunk, asked.keep);
                    if !kept.is_empty() {
                        kept.extend(beside.unwrap_or_default().rows());
                    }
                    return (verdict, kept);
                } else {
                    Verdict::Rows(Vec::new())
                }
            }
            _ if status.is_success() => Verdict::Unknown("answer-unreadable".to_owned()),
            _ => by_status(status, None, headers),
        };
        (verdict, Vec::new())
    }

    fn rows(
        &self,
        mut results: Vec<RowResult>,
        by_key: bool,
        chunk: &Measured,
        keep: bool,
    ) -> (Verdict, Vec<RowAnswer>) {
        let of_row = match joined(&results, by_key, chunk.rows, &chunk.keys) {
            Ok(of_row) => of_row,
            Err(code) => return (Verdict::Unknown(code.to_owned()), Vec::new()),
        };
        let verdict =
            Verdict::Rows(problems(&results, &of_row, self.codes(), |column| self.is_column(column)));
        if !keep {
            return (verdict, Vec::new());
        }
        let kept = of_row.iter().enumerate().filter_map(|(number, result)| {
            let result = results.get_mut((*result)?)?;
            let (position, row) = chunk.record_of(number as u64);
            let text = std::mem::take(&mut result.text);
            Some(RowAnswer { position, row, taken: result.is_taken(), text })
        });
        (verdict, chunk.whole(kept.collect()))
    }

    fn judge_json(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        chunk: &Measured,
        (error_code, keep): (&str, bool),
    ) -> (Verdict, Vec<RowAnswer>) {
        let of_all = |verdict| (verdict, Vec::new());
        if !status.is_success() {
            let code = json_answer::error_code(body, error_code);
            let known = code.as_deref().and_then(|code| self.codes().verdict(code, headers));
            return of_all(known.unwrap_or_else(|| by_status(status, code.as_deref(), headers)));
        }
        let Some(spec) = &self.json else {
            let DialectSpec::Rest(rest) = &self.spec else { return of_all(Verdict::Rows(Vec::new())) };
            return of_all(match rest.taken.contains(&status.as_u16()) {
                true => Verdict::Rows(Vec::new()),
                // Taken in, and not yet done (RFC 9110 section 15.3.3), or done in part.
                false => Verdict::Unknown(format!("status-{}", status.as_u16())),
            });
        };
        let id = matches!(self.spec, DialectSpec::Collections(_)).then_some("id");
        let Some(mut results) = json_answer::results(body, spec, id, chunk.rows, &chunk.keys) else {
            return of_all(Verdict::Unknown("answer-unreadable".to_owned()));
        };
        if keep {
            let said = json_copy::items(body, &spec.result, self.result_element()).unwrap_or_default();
            for (result, text) in results.iter_mut().zip(said) {
                result.text = text;
            }
        }
        self.rows(results, spec.key.is_some(), chunk, keep)
    }

    /// What a code or a status means for one of the calls of a job.
    pub(crate) fn judge_error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Verdict {
        let code = json_answer::error_code(body, "errorCode");
        let known = code.as_deref().and_then(|code| self.codes().verdict(code, headers));
        known.unwrap_or_else(|| by_status(status, code.as_deref(), headers))
    }

    /// Calls say their ids.
    fn is_addressed(&self) -> bool {
        matches!(&self.spec, DialectSpec::Soap(SoapSpec { addressing: true, .. }))
    }

    fn has_results(&self) -> bool {
        match &self.spec {
            DialectSpec::Soap(spec) => spec.results.is_some(),
            DialectSpec::Swa(spec) => spec.results.is_some(),
            _ => true,
        }
    }

    /// Document/literal wrapped: the response is named after the operation. Where results are described, they are the
    /// proof; where not, the name is.
    fn response_name(&self) -> Option<String> {
        match &self.spec {
            DialectSpec::Soap(SoapSpec { response: Some(response), .. }) => Some(response.clone()),
            DialectSpec::Soap(spec) if spec.results.is_none() => Some(format!("{}Response", spec.operation)),
            DialectSpec::Swa(spec) if spec.results.is_none() => Some(format!("{}Response", spec.operation)),
            DialectSpec::PartnerSoap(_) => Some("upsertResponse".to_owned()),
            _ => None,
        }
    }
}
