//! Many who hand over lines, one who writes.

use std::collections::HashMap;

use sekisho_exchanges::{
    Direction, Entry, ExchangeLog, Kind, Limits, NotOnRecord, Options, RouteRule, SigningKey, Verifier,
    verify_folder,
};
use uuid::Uuid;

use crate::memory::Memory;

fn entry(route: &'static str) -> Entry<'static> {
    Entry { route: Some(route), ..Entry::new(Kind::Exchange, Direction::In, Uuid::now_v7(), 0) }
}

fn strict() -> HashMap<String, RouteRule> {
    let rule = RouteRule { no_record_no_relay: true, purpose: Some("statistics".to_owned()) };
    HashMap::from([("strict".to_owned(), rule)])
}

fn options(folder: &std::path::Path) -> Options {
    Options { folder: folder.join("log"), key: SigningKey::passing().unwrap(), limits: Limits::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_that_is_handed_over_is_on_the_disk_when_the_log_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let log = ExchangeLog::open(options(folder.path())).unwrap();
    log.arrange(strict());
    assert!(log.holds_back("strict") && !log.holds_back("usual"));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let log = log.clone();
        tasks.spawn(async move {
            for number in 0..500 {
                let route = if number % 100 == 0 { "strict" } else { "usual" };
                log.begin(&Entry { kind: Kind::Begun, ..entry(route) }).await.unwrap();
                log.record(&entry(route)).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    log.leave(&entry("usual"));
    log.close().await;
    assert_eq!(log.record(&entry("usual")).await, Err(NotOnRecord));
    let mut begun = 0;
    let report = verify_folder(
        &folder.path().join("log"),
        Verifier::new(Vec::new(), vec![log.head().unwrap()]),
        true,
        |line| {
            let line = String::from_utf8_lossy(line);
            begun += usize::from(line.contains("\"begun\""));
            assert_eq!(line.contains("\"purpose\":\"statistics\""), line.contains("\"strict\""));
            Ok(())
        },
    );
    let report = report.unwrap().unwrap();
    assert_eq!((report.exchanges, begun, report.lost), (4_001, 40, 0));
    assert_eq!(log.head(), report.head);
    assert_eq!(report.keys, [log.public_key().unwrap()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_comes_beside_the_close_is_on_the_disk_or_counted_as_lost() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let log = ExchangeLog::open(options(folder.path())).unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..3 {
            let log = log.clone();
            tasks.spawn(async move {
                for _ in 0..500 {
                    log.leave(&entry("usual"));
                    log.add(&entry("usual")).await;
                }
            });
        }
        log.close().await;
        tasks.join_all().await;
        // Behind it, too.
        log.leave(&entry("usual"));
        assert_eq!(log.record(&entry("usual")).await, Err(NotOnRecord));
        let verifier = Verifier::new(Vec::new(), vec![log.head().unwrap()]);
        let report = verify_folder(&folder.path().join("log"), verifier, true, |_| Ok(())).unwrap().unwrap();
        assert!(log.lost() >= 2, "the last two came behind the close");
        assert_eq!(report.exchanges + log.lost(), 3_002);
    }
}

#[tokio::test]
async fn one_folder_has_one_writer() {
    let folder = tempfile::tempdir().unwrap();
    let log = ExchangeLog::open(options(folder.path())).unwrap();
    let error = ExchangeLog::open(options(folder.path())).unwrap_err();
    assert!(error.to_string().contains("another gateway"), "{error}");
    log.close().await;
}

#[tokio::test]
async fn where_nothing_passes_without_a_record_a_full_disk_is_told() {
    let memory = Memory::default();
    let log = ExchangeLog::over(Box::new(memory.clone()), SigningKey::passing().unwrap(), Limits::default())
        .unwrap();
    log.arrange(strict());
    log.record(&entry("strict")).await.unwrap();
    memory.0.lock().unwrap().room = Some(10);
    assert_eq!(log.record(&entry("strict")).await, Err(NotOnRecord));
    assert!(log.is_failing());
    assert_eq!(log.record(&entry("usual")).await, Ok(()), "the others go on");
    memory.0.lock().unwrap().room = None;
    // The writer tries again by itself.
    while log.is_failing() {
        tokio::task::yield_now().await;
    }
    log.record(&entry("strict")).await.unwrap();
    log.close().await;
    let report = memory.verify(&[log.public_key().unwrap()]).unwrap();
    assert_eq!((report.exchanges, report.lost, log.lost()), (2, 2, 2));
}

#[tokio::test]
async fn without_a_log_everything_succeeds() {
    let log = ExchangeLog::default();
    log.arrange(strict());
    assert!(!log.is_on() && !log.holds_back("strict") && !log.is_failing());
    log.record(&entry("strict")).await.unwrap();
    assert_eq!((log.head(), log.lost()), (None, 0));
    log.close().await;
}
