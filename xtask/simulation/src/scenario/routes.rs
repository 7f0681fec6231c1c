//! Routes: what becomes of records, how the cloud is spoken to, what it may be asked for.

use sekisho_delivery::{
    AnswerSpec, Bulk2Spec, DailySpec, DialectSpec, FindSpec, HeaderElement, KeysAre, PaceSpec, Plan,
    RestFormat, RestSpec, ResultsSpec, RetrySpec, SoapSpec, SoapVersion,
};
use sekisho_journal::Keep;
use sekisho_records::mapping::WithoutInstance;
use sekisho_records::{LayoutNames, MappingSpec, NamedField};
use sekisho_xml::QName;

use super::{Duplicates, Route};

/// The namespace of the reference cloud's described operation.
pub(crate) const NAMESPACE: &str = "urn:example:city-cloud:intake:1";

/// What the cloud may be asked for in a day; mostly as much as one likes.
pub(super) fn budget(random: &mut fastrand::Rng) -> Option<DailySpec> {
    let (calls, rows) = (random.u64(8..40), random.u64(4..120));
    let daily = match random.u8(..24) {
        0 => DailySpec { calls: Some(calls), spread: random.bool(), ..DailySpec::default() },
        1 => DailySpec { rows: Some(rows), ..DailySpec::default() },
        2 => DailySpec { calls: Some(calls), rows: Some(rows), ..DailySpec::default() },
        _ => return None,
    };
    Some(daily)
}

pub(super) fn route(number: usize, budget: Option<DailySpec>, random: &mut fastrand::Rng) -> Route {
    let idempotent = random.u8(..3) > 0;
    let members = random.u8(..4) == 0;
    let field = |name: &str| NamedField { name: name.into(), group: None };
    let mut fields = vec![field("K"), field("V")];
    let mut mapping = MappingSpec { key: vec!["K".into()], ..MappingSpec::default() };
    if members {
        // A member's own name is the row's key.
        fields.push(NamedField { name: "Member".into(), group: Some(vec![field("Name")]) });
        mapping.rows = Some("Member".into());
        mapping.without_instance = WithoutInstance::NoRow;
        mapping.drop = vec!["K".into()];
        mapping.rename = [("Member/Name".into(), "K".into())].into();
    }
    let mut dialect = match random.u8(..4) {
        0 => DialectSpec::Bulk2(bulk2(idempotent, random)),
        1 | 2 => DialectSpec::Soap(soap(random)),
        _ => DialectSpec::Rest(rest(random)),
    };
    let start_rows = random.u64(2..20);
    let answer = awaited(&dialect, start_rows);
    let max_rows = random.u64(4..40);
    if let DialectSpec::Soap(soap) = &mut dialect {
        soap.find = find(idempotent, max_rows).map(Box::new);
    }
    let plan = Plan {
        route: format!("route-{number}"),
        upstream: "cloud".into(),
        layout: LayoutNames { element: QName::new("urn:simulation", "record"), fields },
        mapping,
        dialect,
        pace: PaceSpec {
            limit_ms: 10_000,
            grace_ms: 2_000,
            start_rows,
            max_rows,
            max_in_flight: random.u32(1..4),
            daily: budget.unwrap_or_default(),
            ..PaceSpec::default()
        },
        retry: RetrySpec {
            initial_ms: 100,
            max_ms: 5_000,
            record_attempts: random.u32(2..6),
            alone_attempts: 3,
            budget: 0.5,
        },
        idempotent,
        doubt_window_seconds: window(idempotent, start_rows),
        // All at once is no way to keep to a budget, nor to an order.
        no_split: random.u8(..16) == 0 && budget.is_none(),
        answer,
    };
    let ordered = idempotent && random.u8(..4) > 0;
    let duplicates = match random.u8(..3) {
        // As the configuration demands it of a route that asks by key.
        _ if finds(&plan.dialect) => Duplicates::Refuse,
        0 => Duplicates::Refuse,
        1 => Duplicates::LastWins,
        _ => Duplicates::InOrder,
    };
    let whole = matches!(&plan.dialect, DialectSpec::Soap(soap) if soap.results.is_none());
    Route { plan, ordered, duplicates, members, whole, keep: keep(random) }
}

/// The clients of every other route where the cloud says what became of each row await the answer to their batches.
fn awaited(dialect: &DialectSpec, start_rows: u64) -> Option<AnswerSpec> {
    let element = match dialect {
        DialectSpec::Soap(soap) => soap.results.as_ref().map(|_| None),
        DialectSpec::Rest(rest) => {
            rest.results.as_ref().map(|_| Some(QName::new("urn:simulation", "answer")))
        }
        _ => None,
    };
    element.filter(|_| start_rows.is_multiple_of(2)).map(|element| AnswerSpec { counts: Vec::new(), element })
}

/// Every other route of a described operation that may not repeat can be asked by key, for a few keys at a time: as the route's other
/// numbers say.
fn find(idempotent: bool, max_rows: u64) -> Option<FindSpec> {
    let is_asked = !idempotent && max_rows.is_multiple_of(2);
    is_asked.then(|| FindSpec {
        keys: KeysAre::UsedOnce,
        path: String::new(),
        namespace: String::new(),
        operation: "findRecords".into(),
        action: "findRecords".into(),
        key: "key".into(),
        found: "found".into(),
        found_key: "key".into(),
        response: None,
        most_keys: 1 + (max_rows / 2 % 4) as u32,
    })
}

/// What became of its rows can be asked by key.
pub(crate) fn finds(dialect: &DialectSpec) -> bool {
    matches!(dialect, DialectSpec::Soap(soap) if soap.find.is_some())
}

/// How long nothing is decided about what nobody can know, in seconds: as the route's other numbers say, so that there is one in
/// two of three routes that may not repeat.
fn window(idempotent: bool, start_rows: u64) -> u64 {
    match start_rows % 3 {
        1 if !idempotent => 30,
        2 if !idempotent => 600,
        _ => 0,
    }
}

fn keep(random: &mut fastrand::Rng) -> Keep {
    let receipt = random.bool().then(|| random.u64(0..90_000));
    Keep { payload: random.u64(0..60_000), receipt }
}

fn results(random: &mut fastrand::Rng, result: &str, code: &str) -> ResultsSpec {
    ResultsSpec {
        result: result.into(),
        key: random.bool().then(|| "key".into()),
        success: "success".into(),
        true_values: vec!["true".into()],
        code: Some(code.into()),
        field: None,
    }
}

fn rest(random: &mut fastrand::Rng) -> RestSpec {
    RestSpec {
        method: "POST".into(),
        path: "/rows".into(),
        format: RestFormat::Json,
        envelope: None,
        record: "row".into(),
        namespace: None,
        headers: Default::default(),
        results: Some(results(random, "results", "code")),
        taken: vec![200, 201, 204],
        error_code: "code".into(),
        codes: Default::default(),
    }
}

fn soap(random: &mut fastrand::Rng) -> SoapSpec {
    let header = HeaderElement {
        namespace: "urn:simulation".into(),
        name: "Chunk".into(),
        text: "{batch}/{chunk}".into(),
    };
    SoapSpec {
        wsdl: None,
        wsdl_digest: None,
        path: "/services/intake".into(),
        namespace: NAMESPACE.into(),
        operation: "putRecords".into(),
        record: "row".into(),
        unqualified: false,
        response: None,
        action: "putRecords".into(),
        version: if random.bool() { SoapVersion::Soap11 } else { SoapVersion::Soap12 },
        headers: if random.bool() { vec![header] } else { Vec::new() },
        addressing: false,
        results: (random.u8(..4) > 0).then(|| results(random, "result", "error/code")),
        fault_code: Some("intakeFault/code".into()),
        find: None,
        codes: Default::default(),
    }
}

fn bulk2(idempotent: bool, random: &mut fastrand::Rng) -> Bulk2Spec {
    Bulk2Spec {
        version: "60.0".into(),
        object: "rows".into(),
        external_id: "K".into(),
        operation: if idempotent { "upsert" } else { "insert" }.into(),
        max_upload_bytes: 1_000_000,
        poll_initial_ms: random.u64(300..3_000),
        poll_max_ms: 8_000,
        job_seconds: random.u64(4..60),
        codes: Default::default(),
    }
}
