//! What every call with rows has in common: the rows are looked at, worked on for as long as the model says, and
//! written, all or as many as were reached before the limit.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::{Arc, MutexGuard};

use tokio::time::Instant;

use super::Cloud;
use super::calls::CallRecord;
use super::faults::{Bad, Kind, Rule, Variant};
use super::locked;
use super::model::Ended;
use super::options::EffectsOnKill;
use super::refusal::Refusal;
use super::rows::{Rows, Value};
use super::store::{Mode, Table};

/// The longest text that a field takes, in characters.
const MAX_TEXT: usize = 32_000;

/// A call under way: the facts that faults and the log need.
pub(super) struct Call {
    /// The rule that this call meets.
    pub(super) fault: Option<Rule>,
    /// What the log will say.
    pub(super) record: CallRecord,
    /// When the last byte of the request was read.
    pub(super) began: Instant,
}

impl Call {
    /// Whether the call meets a fault of this kind.
    pub(super) fn meets(&self, kind: Kind) -> bool {
        self.fault.as_ref().is_some_and(|rule| rule.kind == kind)
    }

    fn wrong(&self) -> Option<Variant> {
        self.fault.as_ref().filter(|rule| rule.kind == Kind::WrongAnswer).map(|rule| rule.variant)
    }
}

/// What is to be done with the rows of a call.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) object: String,
    pub(super) key: String,
    pub(super) mode: Mode,
    /// The field that says `delete` for rows that are to be removed.
    pub(super) operation: Option<String>,
    /// Every row is to be removed.
    pub(super) delete: bool,
    /// All rows, or none.
    pub(super) all_or_none: bool,
}

impl Order {
    /// An upsert that replaces rows whole.
    pub(super) fn replace(object: &str, key: &str) -> Self {
        Order {
            object: object.to_owned(),
            key: key.to_owned(),
            mode: Mode::Replace,
            operation: None,
            delete: false,
            all_or_none: false,
        }
    }
}

/// What became of one row.
#[derive(Clone, Debug)]
pub(super) struct RowResult {
    pub(super) key: String,
    /// Whether the row is new; or why it was refused.
    pub(super) outcome: Result<bool, RowError>,
}

/// Why a row was refused.
#[derive(Clone, Debug)]
pub(super) struct RowError {
    pub(super) code: String,
    pub(super) field: Option<String>,
    pub(super) message: String,
}

impl RowError {
    fn new(code: &str, field: Option<&str>, message: &str) -> Self {
        RowError { code: code.to_owned(), field: field.map(str::to_owned), message: message.to_owned() }
    }
}

/// Does the call.
///
/// # Errors
/// The whole call is refused with nothing done, or was stopped at the limit with part of it done.
pub(super) async fn perform(
    cloud: &Arc<Cloud>,
    call: &mut Call,
    rows: Rows,
    order: Order,
) -> Result<Vec<RowResult>, Refusal> {
    let options = cloud.model.options();
    call.record.object = order.object.clone();
    call.record.rows = rows.len() as u64;
    if options.max_rows > 0 && rows.len() as u64 > options.max_rows {
        return Err(Refusal::TooManyRows(options.max_rows));
    }
    let mut results = judge(cloud, &rows, &order, call.meets(Kind::Lock))?;

    let seconds = cloud.model.cost(rows.len(), call.record.bytes as usize);
    call.record.work_seconds = seconds;
    call.record.in_flight = cloud.model.in_flight().0 + 1;
    let ended = if call.meets(Kind::TimeLimit) {
        Ended::Killed(0.5)
    } else {
        cloud.model.work(seconds, call.began, options.limit).await
    };
    let reached = match (ended, options.effects_on_kill) {
        (Ended::Done, _) | (Ended::Killed(_), EffectsOnKill::All) => rows.len(),
        (Ended::Killed(_), EffectsOnKill::None) => 0,
        (Ended::Killed(_), EffectsOnKill::Half) => rows.len() / 2,
        (Ended::Killed(part), EffectsOnKill::Progress) => (rows.len() as f64 * part) as usize,
    };
    let cloud_too = Arc::clone(cloud);
    let write = move || {
        let written = apply(&cloud_too, &rows, &order, &mut results, 0..reached);
        (results, written)
    };
    // Never panics and is never cancelled, but the runtime may be going down.
    let (mut results, written) =
        tokio::task::spawn_blocking(write).await.map_err(|_| Refusal::Unavailable)?;
    call.record.written = written;
    call.record.rejected = results.iter().filter(|result| result.outcome.is_err()).count() as u64;
    if let Ended::Killed(_) = ended {
        call.record.outcome = "killed";
        return Err(Refusal::Killed(options.limit.as_secs_f64().round() as u64));
    }
    spoil(&mut results, call.wrong());
    Ok(results)
}

/// What is wrong with each row before anything is done.
///
/// # Errors
/// A row makes the cloud refuse the call whole.
pub(super) fn judge(
    cloud: &Cloud,
    rows: &Rows,
    order: &Order,
    lock: bool,
) -> Result<Vec<RowResult>, Refusal> {
    let key_column = rows.find(&order.key);
    let mut results: Vec<RowResult> = Vec::with_capacity(rows.len());
    let mut seen: HashMap<&str, usize> = HashMap::with_capacity(rows.len());
    let mut twice: Vec<usize> = Vec::new();
    for at in 0..rows.len() {
        let key = match key_column.and_then(|column| rows.value(at, column)) {
            Some(Value::Text(key)) => key,
            _ => "",
        };
        let mut outcome = Ok(false);
        if key.is_empty() {
            let error =
                RowError::new("REQUIRED_FIELD_MISSING", Some(&order.key), "the external id is missing");
            outcome = Err(error);
        } else if let Some(first) = seen.insert(key, at) {
            twice.extend([first, at]);
        }
        for (column, value) in rows.row(at) {
            // Counting characters only where bytes alone do not settle it.
            if let Value::Text(text) = value
                && text.len() > MAX_TEXT
                && text.chars().count() > MAX_TEXT
            {
                let field = &rows.columns()[usize::from(column)];
                outcome = Err(RowError::new("STRING_TOO_LONG", Some(field), "data value too large"));
            }
        }
        if lock && at % 3 == 2 {
            outcome = Err(RowError::new(
                "UNABLE_TO_LOCK_ROW",
                None,
                "unable to obtain exclusive access to this record",
            ));
        }
        results.push(RowResult { key: key.to_owned(), outcome });
    }
    for at in twice {
        let error =
            RowError::new("DUPLICATE_VALUE", Some(&order.key), "the external id stands twice in this call");
        results[at].outcome = Err(error);
    }
    if !cloud.bad_records.is_empty() {
        for result in &mut results {
            match cloud.bad_records.meets(&result.key) {
                Some(Bad::Call) => return Err(Refusal::Poison),
                Some(Bad::Row(code)) if result.outcome.is_ok() => {
                    result.outcome =
                        Err(RowError::new(&code, None, "the record is refused by a rule of the cloud"));
                }
                Some(Bad::Row(_)) | None => {}
            }
        }
    }
    if order.all_or_none && results.iter().any(|result| result.outcome.is_err()) {
        for result in results.iter_mut().filter(|result| result.outcome.is_ok()) {
            let text = "record rolled back because not all records were valid";
            result.outcome = Err(RowError::new("ALL_OR_NONE_OPERATION_ROLLED_BACK", None, text));
        }
    }
    Ok(results)
}

/// Writes the good ones of the rows in `range`; says of each whether it is new. Returns how many were written.
pub(super) fn apply(
    cloud: &Cloud,
    rows: &Rows,
    order: &Order,
    results: &mut [RowResult],
    range: Range<usize>,
) -> u64 {
    let table = cloud.store.table(&order.object);
    let operation = order.operation.as_deref().and_then(|name| rows.find(name));
    let mut written = 0;
    let mut at = range.start;
    while at < range.end {
        // Whoever dumps the table gets it in between.
        let mut table: MutexGuard<'_, Table> = locked(&table);
        let columns = table.translate(rows);
        let until = range.end.min(at + 1000);
        for (at, result) in (at..).zip(&mut results[at..until]) {
            if result.outcome.is_err() {
                continue;
            }
            let said = operation.and_then(|column| rows.value(at, column));
            if order.delete || said == Some(Value::Text("delete")) {
                table.delete(&result.key);
            } else {
                result.outcome = Ok(table.write(rows, at, &columns, &result.key, order.mode, operation));
            }
            written += 1;
        }
        at = until;
    }
    written
}

/// Makes the results wrong on purpose.
fn spoil(results: &mut Vec<RowResult>, variant: Option<Variant>) {
    match variant {
        Some(Variant::MoreResults) => {
            results.push(RowResult { key: "one-too-many".to_owned(), outcome: Ok(true) });
        }
        Some(Variant::FewerResults) => {
            results.pop();
        }
        Some(Variant::WrongKeys) => {
            for result in results {
                result.key.insert_str(0, "not-");
            }
        }
        Some(Variant::Shuffled) => results.reverse(),
        _ => {}
    }
}

/// The id that the cloud gives a row: the same for the same object and key.
pub(super) fn row_id(object: &str, key: &str) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut hasher = DefaultHasher::new();
    (object, key).hash(&mut hasher);
    let mut number = hasher.finish();
    let mut id = "a00".to_owned();
    for _ in 0..12 {
        id.push(char::from(DIGITS[(number % 62) as usize]));
        number /= 62;
    }
    id.push_str("AAA");
    id
}
