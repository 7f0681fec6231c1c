//! Jobs of an upstream that lies: the chunk is in doubt under a named error until the truth is told, and nothing is sent
//! again meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sekisho_delivery::{PaceSpec, Plan};
use sekisho_liveness::HopState;
use sekisho_upstream::LoginConfig;
use serde_json::json;

use crate::bulk2::{BASE, Fate, Jobs, bulk_plan};
use crate::support::{Call, Cloud, House, Reply};

const RECORDS: u64 = 20;

/// What the cloud answers instead.
type Lie = fn(&Jobs) -> Reply;

/// Nothing is repeated that was not proven undone; all records in one job.
fn careful() -> Plan {
    let mut plan = bulk_plan();
    plan.idempotent = false;
    plan.pace = PaceSpec { fixed_rows: Some(100), max_in_flight: 1, ..plan.pace };
    plan
}

fn step(call: &Call) -> &str {
    let below = call.path.strip_prefix(BASE).expect("the base path").matches('/').count();
    match (call.method.as_str(), below) {
        ("POST", _) => "create",
        ("PUT", _) => "upload",
        ("PATCH", _) => "close",
        ("GET", 1) => "poll",
        _ => call.path.rsplit('/').next().expect("a file"),
    }
}

/// A cloud that answers as it should, but for `lie` in place of `at` as long as it lies.
async fn liar(jobs: &Jobs, at: &'static str, lie: Lie) -> (Cloud, Arc<AtomicBool>) {
    let lying = Arc::new(AtomicBool::new(true));
    let (clouds, still) = (jobs.clone(), Arc::clone(&lying));
    let cloud = Cloud::start(move |call| {
        let truth = clouds.answer(call, |_| Fate::Good);
        if step(call) == at && still.load(Ordering::SeqCst) { lie(&clouds) } else { truth }
    })
    .await;
    (cloud, lying)
}

fn page(_: &Jobs) -> Reply {
    Reply::Answer(200, "text/html", "<html><body>please wait</body></html>".into())
}

/// The only job's upload.
fn upload(jobs: &Jobs) -> String {
    jobs.jobs.lock().expect("lock").values().next().expect("a job").csv.clone()
}

fn shows(house: &House, code: &str) -> bool {
    let hops = house.board.snapshot().hops;
    hops.iter()
        .any(|hop| hop.state == HopState::Down && hop.text_en.contains(code) && hop.text_ja.contains(code))
}

#[tokio::test]
async fn lies_about_a_job_that_was_closed_hold_it_in_doubt_until_the_truth_is_told() {
    let cases: [(&str, &'static str, Lie, &str); 12] = [
        ("a page for people", "successfulResults", page, "answer-unreadable"),
        (
            "what was sent, sent back",
            "successfulResults",
            |jobs| Reply::Answer(200, "text/csv", upload(jobs)),
            "answer-unreadable",
        ),
        (
            "a key that was not sent",
            "successfulResults",
            |_| Reply::Answer(200, "text/csv", "sf__Id,F001\na00,X1\n".into()),
            "answer-key",
        ),
        (
            "one row twice",
            "successfulResults",
            |_| Reply::Answer(200, "text/csv", "sf__Id,F001\na,U1\nb,U1\n".into()),
            "answer-key",
        ),
        (
            "good and bad at once",
            "failedResults",
            |_| Reply::Answer(200, "text/csv", "sf__Id,sf__Error,F001\n,X:y,U1\n".into()),
            "answer-key",
        ),
        (
            "far too long",
            "failedResults",
            |_| Reply::Answer(200, "text/csv", "x".repeat(1_000_000)),
            "upstream-answer-too-long",
        ),
        ("cut", "unprocessedrecords", |_| Reply::Cut, "upstream-cut"),
        (
            "not there",
            "unprocessedrecords",
            |_| Reply::Answer(404, "text/html", String::new()),
            "job-results",
        ),
        ("a page instead of a state", "poll", page, "answer-unreadable"),
        (
            "another job's state",
            "poll",
            |_| Reply::json(200, json!({"id": "750999", "state": "JobComplete"})),
            "answer-job-id",
        ),
        (
            "a state that is none",
            "poll",
            |_| Reply::json(200, json!({"id": "7500", "state": "Done"})),
            "answer-job-state",
        ),
        (
            "redirected for ever",
            "poll",
            |_| Reply::With(302, ("location", BASE.into()), String::new()),
            "job-unreachable",
        ),
    ];
    for (name, at, lie, code) in cases {
        let jobs = Jobs::default();
        let (cloud, lying) = liar(&jobs, at, lie).await;
        let mut house = House::new();
        let batch = house.accept(&careful(), RECORDS).await;
        let _delivery = house.start(&cloud.endpoint()).await;
        let view = house.until(batch, |view| view.sums.in_doubt == RECORDS).await;
        assert_eq!((view.sums.delivered, view.sums.rejected), (0, 0), "{name}");
        let chunks = house.chunks(batch).await;
        assert_eq!(chunks[0].code().map(|code| code.as_str()), Some(code), "{name}");
        assert!(shows(&house, code), "{name}: no hop shows {code}");
        lying.store(false, Ordering::SeqCst);
        assert_eq!(house.finished(batch).await.sums.delivered, RECORDS, "{name}");
        assert_eq!((jobs.table.most_writes(), jobs.jobs.lock().expect("lock").len()), (1, 1), "{name}");
    }
}

#[tokio::test]
async fn lies_about_a_job_that_nobody_closed_do_nothing() {
    let not_a_job: Lie = |_| Reply::json(200, json!({"id": "../../limits", "state": "Open"}));
    let cases: [(&str, Lie, &str); 2] = [
        ("a page for people", page, "answer-unreadable"),
        ("an id that is a path", not_a_job, "answer-job-id"),
    ];
    for (name, lie, code) in cases {
        let jobs = Jobs::default();
        let (cloud, lying) = liar(&jobs, "create", lie).await;
        let mut house = House::new();
        let batch = house.accept(&careful(), RECORDS).await;
        let _delivery = house.start(&cloud.endpoint()).await;
        house.hop_becomes(HopState::Down).await;
        assert!(shows(&house, code), "{name}");
        let view = house.until(batch, |view| view.sums.pending == RECORDS).await;
        assert_eq!(view.sums.in_doubt, 0, "{name}");
        lying.store(false, Ordering::SeqCst);
        assert_eq!(house.finished(batch).await.sums.delivered, RECORDS, "{name}");
        assert_eq!(jobs.table.most_writes(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_login_refused_when_the_results_are_fetched_undoes_nothing() {
    let jobs = Jobs::default();
    let (clouds, logins) = (jobs.clone(), Arc::new(AtomicU64::new(0)));
    let refused = Arc::new(AtomicBool::new(true));
    let still = Arc::clone(&refused);
    // The session ends when the results are asked for, and the next login is refused for a while.
    let cloud = Cloud::start(move |call| match call.path.as_str() {
        "/token" if logins.load(Ordering::SeqCst) > 0 && still.load(Ordering::SeqCst) => {
            Reply::json(401, json!({"error": "invalid_client"}))
        }
        "/token" => {
            let number = logins.fetch_add(1, Ordering::SeqCst);
            Reply::json(200, json!({"access_token": format!("token-{number}")}))
        }
        _ if step(call) == "successfulResults" && call.header("authorization") == "Bearer token-0" => {
            Reply::json(401, json!([{"errorCode": "INVALID_SESSION_ID", "message": "gone"}]))
        }
        _ => clouds.answer(call, |_| Fate::Good),
    })
    .await;
    let mut house = House::new();
    let client_secret_file = house.file("secret", "x");
    let batch = house.accept(&careful(), RECORDS).await;
    let mut endpoint = cloud.endpoint();
    endpoint.login = Some(LoginConfig::ClientCredentials {
        token_url: format!("{}/token", endpoint.url),
        client_id: "gateway".into(),
        client_secret_file,
        scope: None,
    });
    let _delivery = house.start(&endpoint).await;
    let view = house.until(batch, |view| view.sums.in_doubt == RECORDS).await;
    assert_eq!((view.sums.pending, view.sums.delivered), (0, 0));
    assert_eq!(house.chunks(batch).await[0].code().map(|code| code.as_str()), Some("login-refused"));
    refused.store(false, Ordering::SeqCst);
    assert_eq!(house.finished(batch).await.sums.delivered, RECORDS);
    assert_eq!((jobs.table.most_writes(), jobs.jobs.lock().expect("lock").len()), (1, 1));
}
