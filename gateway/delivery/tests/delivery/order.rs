//! No record overtakes one with the same key; others may.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use sekisho_delivery::dialect::Verdict;
use sekisho_delivery::dispatch::{Answer, Command, Dispatcher, Moment, Sending};
use sekisho_delivery::{DailySpec, DialectSpec, End, PaceSpec, Plan, RetrySpec};
use sekisho_journal::{BatchId, Digest, NewBatch, delivered_digest};

use crate::support::cloud::{Call, key_of, xml_rows};
use crate::support::intake::{NAMESPACE, dialect, envelope};
use crate::support::{Cloud, House, Reply, flat, plan};

/// What has been written, in its order: key and text.
type Written = Arc<Mutex<Vec<(String, String)>>>;

/// A plan under which a record that is refused for the moment is tried again without end.
fn patient(pace: PaceSpec) -> Plan {
    let retry = RetrySpec {
        record_attempts: u32::MAX,
        initial_ms: 2,
        max_ms: 10,
        budget: 1.0,
        ..RetrySpec::default()
    };
    Plan { retry, pace: PaceSpec { limit_ms: 60_000, ..pace }, ..plan(DialectSpec::Soap(dialect())) }
}

/// Accepts a batch of records with these keys, all with one text.
pub(crate) async fn accept(
    house: &House,
    plan: &Plan,
    ordered: bool,
    records: &[(u64, &str)],
    keyed: bool,
) -> BatchId {
    let mut writer = house.spool.create(BatchId::new(1)).expect("a batch");
    for (key, text) in records {
        let mut canonical = Vec::new();
        flat(*key, text).canonical(&mut canonical);
        writer
            .push(&canonical, keyed.then_some(key.to_be_bytes()).as_ref().map(|key| &key[..]))
            .expect("pushed");
    }
    let sealed = writer.seal().expect("sealed");
    let digest = Digest::of(b"x");
    let batch = NewBatch {
        id: sealed.batch,
        client: "city".into(),
        route: plan.route.clone(),
        door: "swa".into(),
        reference: None,
        plan: house.ledger.define(plan.to_json().expect("json")).await.expect("defined"),
        schema: digest,
        mapping: digest,
        policy: None,
        records: sealed.records,
        set_aside: Vec::new(),
        replaced: 0,
        bytes: sealed.bytes,
        stored: sealed.stored,
        payload_digest: digest,
        records_digest: sealed.records_digest,
        received_at: 1,
        // All at one time, or earlier than the one before: the clock says nothing about the order.
        accepted_at: 1_000_000 - sealed.records,
        expires_at: None,
        ordered,
        idempotency: None,
    };
    house.ledger.accept(batch).await.expect("accepted");
    sealed.batch
}

pub(crate) fn all(keys: std::ops::Range<u64>, text: &'static str) -> Vec<(u64, &'static str)> {
    keys.map(|key| (key, text)).collect()
}

/// Takes every row, but those that `waits` says may not come yet.
fn take(written: &Written, call: &Call, waits: impl Fn(&str, &str, &[(String, String)]) -> bool) -> Reply {
    let mut results = String::new();
    let mut written = written.lock().expect("lock");
    let mut in_this_call = BTreeSet::new();
    for row in xml_rows(call.text(), "row") {
        let key = key_of(&row);
        let text = row["F002"].clone().expect("a text");
        assert!(in_this_call.insert(key.clone()), "{key} is in one call twice");
        if waits(&key, &text, &written) {
            results.push_str(&format!(
                "<result><key>{key}</key><success>false</success><error><code>UNABLE_TO_LOCK_ROW</code></error></result>"
            ));
        } else {
            written.push((key.clone(), text));
            results.push_str(&format!("<result><key>{key}</key><success>true</success></result>"));
        }
    }
    Reply::xml(envelope(&format!("<putRecordsResponse xmlns=\"{NAMESPACE}\">{results}</putRecordsResponse>")))
}

fn texts_by_key(written: &Written) -> BTreeMap<String, Vec<String>> {
    let mut by_key: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, text) in written.lock().expect("lock").iter() {
        by_key.entry(key.clone()).or_default().push(text.clone());
    }
    by_key
}

#[tokio::test]
async fn on_an_ordered_route_only_records_with_the_same_key_wait() {
    let written = Written::default();
    let seen = Arc::clone(&written);
    // The first batch's last record is not taken before all of the second one's that it does not share are there.
    let cloud = Cloud::start(move |call| {
        take(&seen, call, |key, text, written| {
            let of_two = written.iter().filter(|(_, text)| text == "two").count();
            key == "U9" && text == "one" && of_two < 5
        })
    })
    .await;
    let house = House::new();
    let plan = patient(PaceSpec::default());
    let one = accept(&house, &plan, true, &all(0..10, "one"), true).await;
    let two = accept(&house, &plan, true, &all(9..15, "two"), true).await;
    let three = accept(&house, &plan, true, &all(14..16, "three"), true).await;
    // What waits for U9 is U9 alone: without it five records of the others are there in any case.
    let _delivery = house.start(&cloud.endpoint()).await;
    for batch in [two, three] {
        house.until(batch, |view| view.sums.delivered > 0).await;
    }
    for batch in [one, two, three] {
        let done = house.finished(batch).await;
        assert_eq!(done.sums.delivered, done.sums.accepted);
    }
    let by_key = texts_by_key(&written);
    assert_eq!(by_key["U9"], ["one", "two"]);
    assert_eq!(by_key["U14"], ["two", "three"]);
    assert_eq!((by_key.len(), by_key["U0"].as_slice()), (16, ["one".to_owned()].as_slice()));
}

#[tokio::test]
async fn many_batches_of_the_same_keys_arrive_in_the_order_of_acceptance() {
    let written = Written::default();
    let seen = Arc::clone(&written);
    let cloud = Cloud::start(move |call| take(&seen, call, |_, _, _| false)).await;
    let house = House::new();
    let plan = patient(PaceSpec { start_rows: 2, max_rows: 3, max_in_flight: 8, ..PaceSpec::default() });
    let texts = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n"];
    for (number, text) in texts.into_iter().enumerate() {
        // Each later batch is accepted earlier by the clock.
        accept(&house, &plan, true, &all(0..5 + number as u64, text), true).await;
    }
    let _delivery = house.start(&cloud.endpoint()).await;
    house.until_none_is_open().await;
    let by_key = texts_by_key(&written);
    for key in 0..5 {
        assert_eq!(by_key[&format!("U{key}")], texts, "U{key}");
    }
    assert_eq!(by_key["U17"], ["n"]);
}

#[tokio::test]
async fn records_of_one_key_in_one_batch_go_one_after_the_other() {
    for ordered in [false, true] {
        let written = Written::default();
        let seen = Arc::clone(&written);
        let cloud = Cloud::start(move |call| {
            // The second of three is locked until three others have come.
            take(&seen, call, |key, text, written| key == "U1" && text == "two" && written.len() < 12)
        })
        .await;
        let house = House::new();
        let records = [all(0..6, "one"), all(0..6, "two"), all(0..3, "three")].concat();
        let batch = accept(&house, &patient(PaceSpec::default()), ordered, &records, true).await;
        let _delivery = house.start(&cloud.endpoint()).await;
        let done = house.finished(batch).await;
        assert_eq!((done.sums.delivered, done.delivered_digest), (15, Some(done.records_digest)));
        let by_key = texts_by_key(&written);
        assert_eq!(by_key["U1"], ["one", "two", "three"]);
        assert_eq!(by_key["U5"], ["one", "two"]);
    }
}

#[tokio::test]
async fn without_keys_one_batch_goes_after_the_other() {
    let written = Written::default();
    let seen = Arc::clone(&written);
    let tries = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let tried = Arc::clone(&tries);
    let cloud = Cloud::start(move |call| {
        take(&seen, call, |key, _, _| {
            key == "U0" && tried.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 20
        })
    })
    .await;
    let house = House::new();
    let plan = patient(PaceSpec::default());
    let one = accept(&house, &plan, true, &all(0..4, "one"), false).await;
    let two = accept(&house, &plan, true, &all(10..14, "two"), false).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    house.finished(one).await;
    house.finished(two).await;
    let written = written.lock().expect("lock");
    let texts: Vec<&str> = written.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["one", "one", "one", "one", "two", "two", "two", "two"]);
}

/// Carries out what a dispatcher asks for on the real stores, but sends nothing.
struct Shell<'h> {
    house: &'h House,
    dispatcher: Dispatcher,
    sent: Vec<Sending>,
    clock: std::time::Duration,
    /// What is asked of the cloud cannot be counted.
    uncounted: bool,
}

impl<'h> Shell<'h> {
    fn new(house: &'h House) -> Self {
        let dispatcher = Dispatcher::new("cloud", house.ledger.epoch(), 7);
        let clock = std::time::Duration::from_secs(1);
        Self { house, dispatcher, sent: Vec::new(), clock, uncounted: false }
    }

    fn now(&self) -> Moment {
        Moment { clock: self.clock, wall: 2_000_000 }
    }

    /// Until there is nothing to do but to wait. `then` happens after each look at records.
    async fn until_it_sleeps(&mut self, mut then: impl FnMut(&mut Self, BatchId)) {
        let (ledger, spool) = (self.house.ledger.clone(), self.house.spool.clone());
        loop {
            let answer = match self.dispatcher.next(self.now()) {
                Command::Sleep(_) => return,
                Command::Keep { .. } => continue,
                Command::Count { .. } if self.uncounted => Answer::Failed,
                Command::Count { .. } => Answer::Written,
                Command::Send(sending) => {
                    self.sent.push(sending);
                    continue;
                }
                Command::List => Answer::Batches(ledger.open_batches().await.expect("read")),
                Command::Plan(digest) => Answer::Plan(ledger.plan(digest).await.expect("read")),
                Command::Recall(name) => Answer::Memory(ledger.pace(&name).await.expect("read")),
                Command::Load(batch) => Answer::State(ledger.state(batch).await.expect("read")),
                Command::Write { batch, at, events } => {
                    ledger.apply(batch, ledger.epoch(), at, events).await.expect("legal");
                    Answer::Written
                }
                Command::Order { batch, after } => {
                    Answer::order(spool.reader(batch), after.map(|earlier| spool.reader(earlier)))
                }
                Command::GivenBack(batch) => Answer::GivenBack(ledger.given_back(batch).await.expect("read")),
                Command::Digest(batch) => {
                    Answer::Digest(delivered_digest(&spool, &ledger, batch).await.expect("read"))
                }
                Command::Measure(reading) => {
                    let batch = reading.batch();
                    let answer = reading.measure(&spool.reader(batch).expect("sealed"));
                    self.dispatcher.answer(self.now(), answer);
                    then(self, batch);
                    continue;
                }
                Command::Probe { .. } => unreachable!("every payload can be read"),
            };
            self.dispatcher.answer(self.now(), answer);
        }
    }
}

/// An end that comes while later batches are looked at lets earlier ones go on, and nobody sleeps over it.
#[tokio::test]
async fn what_waited_goes_as_soon_as_the_outcome_is_there() {
    let house = House::new();
    let plan = patient(PaceSpec::default());
    let other = Plan { route: "others".into(), ..plan.clone() };
    let one = accept(&house, &plan, true, &all(0..2, "one"), true).await;
    let two = accept(&house, &plan, true, &all(1..3, "two"), true).await;
    let mut shell = Shell::new(&house);
    shell.until_it_sleeps(|_, _| {}).await;
    let first = |sent: &[Sending]| {
        sent.iter().any(|sending| sending.batch() == two && sending.records().contains(&0))
    };
    assert!(!first(&shell.sent), "its key is under way: {:?}", shell.sent);

    let three = accept(&house, &other, false, &all(50..52, "three"), true).await;
    shell.dispatcher.wake();
    shell
        .until_it_sleeps(|shell, batch| {
            if batch == three {
                let task = shell.sent.iter().find(|sending| sending.batch() == one).expect("sent").task();
                shell.dispatcher.ended(shell.now(), task, &End::Answered(Verdict::Rows(Vec::new())));
            }
        })
        .await;
    assert!(first(&shell.sent), "{:?}", shell.sent);
}

/// Nothing is sent that could not be counted before: a gateway that is started again would not know of it.
#[tokio::test]
async fn what_cannot_be_counted_is_not_sent() {
    let house = House::new();
    let daily = DailySpec { calls: Some(100), ..DailySpec::default() };
    let plan = patient(PaceSpec { daily, ..PaceSpec::default() });
    let batch = accept(&house, &plan, false, &all(0..5, "one"), true).await;
    let mut shell = Shell { uncounted: true, ..Shell::new(&house) };
    shell.until_it_sleeps(|_, _| {}).await;
    shell.clock *= 10;
    shell.until_it_sleeps(|_, _| {}).await;
    assert!(shell.sent.is_empty(), "{:?}", shell.sent);
    let view = house.ledger.batch(batch).await.expect("read").expect("there");
    assert!(view.sums.in_doubt == 0 && view.sums.accepted == 5, "{view:?}");

    shell.uncounted = false;
    shell.clock *= 10;
    shell.until_it_sleeps(|_, _| {}).await;
    assert!(!shell.sent.is_empty(), "{:?}", house.chunks(batch).await);
}

/// What an earlier process has sent may be at work yet, and would overwrite what a later record of its key has written.
#[tokio::test]
async fn what_an_earlier_process_sent_is_waited_for_where_records_of_one_key_follow() {
    for (again, waits) in [(0..2, true), (2..4, false)] {
        let house = House::new();
        let plan = patient(PaceSpec { start_rows: 8, max_rows: 8, ..PaceSpec::default() });
        let deadline = plan.pace.deadline();
        let records = [all(0..2, "one"), all(again, "two")].concat();
        let batch = accept(&house, &plan, false, &records, true).await;
        Shell::new(&house).until_it_sleeps(|_, _| {}).await;

        let house = house.reopened();
        let mut shell = Shell::new(&house);
        shell.until_it_sleeps(|_, _| {}).await;
        let repeated = |shell: &Shell<'_>| shell.sent.iter().any(|sending| sending.records().contains(&0));
        assert_eq!(repeated(&shell), !waits, "{:?}", house.chunks(batch).await);
        shell.clock += deadline;
        shell.until_it_sleeps(|_, _| {}).await;
        assert!(repeated(&shell), "{:?}", house.chunks(batch).await);
    }
}

/// A call that was cut may have left long after it was begun, behind a login: it can be at work for a whole deadline from the cut on,
/// and would overwrite what comes after its repetition. Who was waited for to the end has had that time.
#[tokio::test]
async fn what_was_cut_is_waited_for_from_the_cut_on_where_the_order_counts() {
    let cases = [
        ("cut, on an ordered route", true, false, false, false),
        ("cut, with a later record of its key in the batch", false, true, false, false),
        ("cut, and nothing follows", false, false, false, true),
        ("never answered, on an ordered route", true, false, true, true),
    ];
    for (name, ordered, again, timeout, is_soon) in cases {
        let house = House::new();
        let plan = patient(PaceSpec { fixed_rows: Some(8), ..PaceSpec::default() });
        let deadline = plan.pace.deadline();
        let records = [all(0..2, "one"), all(if again { 0..2 } else { 2..4 }, "two")].concat();
        let batch = accept(&house, &plan, ordered, &records, true).await;
        let mut shell = Shell::new(&house);
        shell.until_it_sleeps(|_, _| {}).await;
        let tries =
            |shell: &Shell<'_>| shell.sent.iter().filter(|sending| sending.records().contains(&0)).count();
        assert_eq!(tries(&shell), 1, "{name}");

        // Nearly as long as an answer is waited for.
        let (task, moment) = (shell.sent[0].task(), std::time::Duration::from_secs(1));
        shell.clock += deadline - moment;
        shell.dispatcher.ended(shell.now(), task, &End::Lost { code: "upstream-cut".into(), timeout });
        shell.until_it_sleeps(|_, _| {}).await;
        // A deadline after it was begun, and more than any backoff.
        shell.clock += 2 * moment;
        shell.until_it_sleeps(|_, _| {}).await;
        assert_eq!(tries(&shell), 1 + usize::from(is_soon), "{name}: {:?}", house.chunks(batch).await);
        shell.clock += deadline - moment;
        shell.until_it_sleeps(|_, _| {}).await;
        assert_eq!(tries(&shell), 2, "{name}: {:?}", house.chunks(batch).await);
    }
}
