//! What delivery must know about a batch beyond its records.

use std::time::Duration;

use schemars::JsonSchema;
use sekisho_records::{LayoutNames, Mapper, MappingError, MappingSpec};
use sekisho_xml::QName;
use serde::{Deserialize, Serialize};

use crate::dialect::{Dialect, DialectSpec};
use crate::pace::PaceSpec;

/// A delivery plan: pure data, kept in the ledger as JSON under its digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The route's name: batches of one route share a pace.
    pub route: String,
    /// Name of the upstream that the records go to.
    pub upstream: String,
    /// The layout of the canonical records in the spool.
    pub layout: LayoutNames,
    /// How records become rows.
    pub mapping: MappingSpec,
    /// How the upstream wants to be spoken to.
    pub dialect: DialectSpec,
    /// How large chunks may be and how many may be under way.
    #[serde(default)]
    pub pace: PaceSpec,
    /// When something is tried again.
    #[serde(default)]
    pub retry: RetrySpec,
    /// Sending a row twice has the effect of sending it once (an upsert by a unique key): only then is a chunk whose
    /// outcome is unknown repeated; else it is asked for where the upstream can be asked, or held for an operator.
    #[serde(default)]
    pub idempotent: bool,
    /// How long a chunk whose outcome nobody can know, and that may not be repeated, waits before an operator is asked to decide,
    /// in seconds from when it came to be in doubt: as long as that nothing of it is issued again, nor any record with one of its
    /// keys, and the upstream is asked once more at its end where it can be. None: the operator is asked at once.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub doubt_window_seconds: u64,
    /// The whole batch goes in one request, whatever the pace says. For showing the upstream's limit; never in service.
    #[serde(default)]
    pub no_split: bool,
    /// A client awaits the answer to its batch: what the upstream says of each row is kept, and made into one answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerSpec>,
}

/// The one answer that is made of what the upstream says of each row: the response of its own operation, with every row's
/// result in the client's order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerSpec {
    /// Elements before the results, each with a number, in this order.
    pub counts: Vec<CountSpec>,
    /// What the answer is where the upstream answers in no XML (`rest`, `bulk2`, `collections`): an element of this name, which
    /// holds a `result` (`rest`: named as the array is) for each row.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub element: Option<QName>,
}

/// An element of the answer that counts results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountSpec {
    /// Local name of the element.
    pub element: String,
    /// What it counts.
    pub of: Counted,
}

/// What an element of the answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Counted {
    /// All results.
    Results,
    /// Results of rows that were taken.
    Taken,
    /// Results of rows that were not.
    Refused,
}

/// When something is tried again: exponential backoff with full jitter, and a budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetrySpec {
    /// Longest wait before the first repetition, in milliseconds; the wait is drawn evenly between 0 and this.
    pub initial_ms: u64,
    /// Longest wait before any repetition, in milliseconds.
    pub max_ms: u64,
    /// How often a record that the upstream refuses for the moment (a locked row) is tried, before it is rejected.
    pub record_attempts: u32,
    /// How often a record alone in its chunk may run into the time limit, before it is held for an operator.
    pub alone_attempts: u32,
    /// Repetitions per new chunk that an upstream gets over time, as a fraction: 0.2 allows one repetition for five
    /// new chunks beyond a burst of ten. What exceeds it waits for the longest wait.
    pub budget: f64,
}

impl Default for RetrySpec {
    fn default() -> Self {
        Self { initial_ms: 500, max_ms: 60_000, record_attempts: 8, alone_attempts: 3, budget: 0.2 }
    }
}

/// Why a plan cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The stored text is not a plan of this version.
    #[error("the stored plan cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// The mapping does not fit the layout.
    #[error("mapping: {0}")]
    Mapping(#[from] MappingError),
    /// A setting of the dialect, the pace or the retries is wrong.
    #[error("{key}: {reason}")]
    Setting {
        /// Which.
        key: &'static str,
        /// What is wrong and what is allowed.
        reason: String,
    },
}

impl PlanError {
    /// Stable, kebab-case code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(_) => "plan-unreadable",
            Self::Mapping(_) => "plan-mapping",
            Self::Setting { .. } => "plan-setting",
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Plan {
    /// How long nothing is decided about what nobody can know.
    pub fn doubt_window(&self) -> Duration {
        Duration::from_secs(self.doubt_window_seconds)
    }

    /// The JSON that is kept in the ledger; the same plan has the same text.
    pub fn to_json(&self) -> Result<String, PlanError> {
        Ok(serde_json::to_string(self)?)
    }

    /// A plan from the ledger.
    pub fn from_json(text: &str) -> Result<Self, PlanError> {
        Ok(serde_json::from_str(text)?)
    }

    /// Whether the plan can be carried out: mapping, dialect and numbers fit together. To be called when a route is
    /// loaded.
    pub fn check(&self) -> Result<(), PlanError> {
        CompiledPlan::new(self.clone()).map(|_| ())
    }
}

impl AnswerSpec {
    fn check(&self, dialect: &Dialect) -> Result<(), PlanError> {
        let wrong = |key, reason: &str| Err(PlanError::Setting { key, reason: reason.to_owned() });
        match (dialect.answers_without_xml(), &self.element) {
            (true, None) => {
                return wrong(
                    "answer.element",
                    "is missing: this dialect answers in no XML; name the element that a SOAP client gets the results in",
                );
            }
            (false, Some(_)) => {
                return wrong(
                    "answer.element",
                    "is for dialects that answer in no XML: this one's own is taken",
                );
            }
            _ => {}
        }
        let Some(form) = dialect.answer_form(self.element.as_ref()) else {
            return wrong(
                "answer",
                "needs a dialect that says what became of each row: without results this one does not (`answer = \"receipt\"` \
                 needs none)",
            );
        };
        let results = &form.results;
        let paths =
            [Some(&results.result), results.key.as_ref(), Some(&results.success), results.code.as_ref()];
        let mut steps = paths.into_iter().flatten().chain(&results.field).flat_map(|path| path.split('/'));
        if !sekisho_xml::is_ncname(&form.element)
            || !steps.all(|step| step.is_empty() || sekisho_xml::is_ncname(step))
        {
            return wrong("answer", "a name in the results cannot be an element's, and the answer is XML");
        }
        if self.counts.iter().any(|count| !sekisho_xml::is_ncname(&count.element)) {
            let reason = "is not the name of an XML element".to_owned();
            return Err(PlanError::Setting { key: "answer.counts", reason });
        }
        Ok(())
    }
}

impl RetrySpec {
    fn check(&self) -> Result<(), PlanError> {
        let wrong = |key, reason: &str| Err(PlanError::Setting { key, reason: reason.to_owned() });
        if self.initial_ms == 0 || self.max_ms < self.initial_ms {
            return wrong("retry.max_ms", "initial_ms must be at least 1 and max_ms not below it");
        }
        if self.record_attempts == 0 || self.alone_attempts == 0 {
            return wrong("retry.record_attempts", "attempts must be at least 1");
        }
        if !(0.0..=10.0).contains(&self.budget) {
            return wrong("retry.budget", "must be between 0 and 10");
        }
        Ok(())
    }

    /// Longest wait before the first repetition.
    pub fn initial(&self) -> Duration {
        Duration::from_millis(self.initial_ms)
    }

    /// Longest wait before any repetition.
    pub fn max(&self) -> Duration {
        Duration::from_millis(self.max_ms)
    }
}

/// A plan with its mapping and dialect compiled.
pub(crate) struct CompiledPlan {
    pub(crate) plan: Plan,
    pub(crate) mapper: Mapper,
    pub(crate) dialect: Dialect,
}

impl CompiledPlan {
    pub(crate) fn new(plan: Plan) -> Result<Self, PlanError> {
        if let Some((key, reason)) = plan.pace.fault() {
            return Err(PlanError::Setting { key, reason: reason.to_owned() });
        }
        plan.retry.check()?;
        let mapper = Mapper::new(&plan.mapping, &plan.layout)?;
        let dialect = Dialect::new(&plan.dialect, &mapper)?;
        if plan.idempotent && dialect.bulk2().is_some_and(|bulk| bulk.operation == "insert") {
            let reason = "an insert does more each time that it is done: it may not be repeated".to_owned();
            return Err(PlanError::Setting { key: "idempotent", reason });
        }
        if plan.idempotent && dialect.finder().is_some() {
            let reason =
                "is for calls that may not be repeated; this route is idempotent, and a repeat costs less"
                    .to_owned();
            return Err(PlanError::Setting { key: "dialect.find", reason });
        }
        if let Some(answer) = &plan.answer {
            answer.check(&dialect)?;
        }
        Ok(Self { plan, mapper, dialect })
    }
}
