#![allow(clippy::unwrap_used)] // a test may panic

use sekisho_journal::{BatchId, Idempotency, RepeatedBy, RepetitionName};

use super::*;

const QUOTA: SpoolQuota = SpoolQuota { bytes: 3 * STEP, batches: 2 };

struct Site {
    coming: Arc<Coming>,
    ledger: Ledger,
    spool: Spool,
    _folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, _) = Ledger::open(&folder.path().join("ledger"), "test", 1).unwrap();
        let spool = Spool::open(&folder.path().join("spool"), &folder.path().join("spool.key")).unwrap();
        Self { coming: Arc::default(), ledger, spool, _folder: folder }
    }

    fn room(&self, client: &str, declared: u64) -> Room {
        Room {
            coming: Arc::clone(&self.coming),
            ledger: self.ledger.clone(),
            spool: self.spool.clone(),
            client: client.to_owned(),
            route: "r".to_owned(),
            quota: QUOTA,
            declared,
            sizes: Mutex::default(),
        }
    }

    fn accept(&self, client: &str, stored: u64) {
        self.accept_named(client, stored, None);
    }

    fn accept_named(&self, client: &str, stored: u64, key: Option<&str>) {
        let hash = |key: &str| self.spool.keyed_hash("key", key.as_bytes());
        let names =
            key.map(|key| vec![RepetitionName { by: RepeatedBy::Key, hash: hash(key), decides: true }]);
        let until = now_millis() + 1_000_000;
        let digest = sekisho_journal::Digest::of(b"x");
        let batch = sekisho_journal::NewBatch {
            id: BatchId::new(1),
            client: client.to_owned(),
            route: "r".to_owned(),
            door: "rest".to_owned(),
            reference: None,
            plan: self.ledger.define_blocking("{}".to_owned()).unwrap(),
            schema: digest,
            mapping: digest,
            policy: None,
            records: 1,
            set_aside: Vec::new(),
            replaced: 0,
            bytes: 1,
            payload_digest: digest,
            records_digest: digest,
            received_at: 1,
            accepted_at: 1,
            expires_at: None,
            ordered: false,
            stored,
            idempotency: names.map(|names| Idempotency { names, fingerprint: digest, until }),
        };
        self.ledger.accept_blocking(batch).unwrap();
    }

    fn coming(&self, client: &str) -> Option<Stored> {
        self.coming.0.lock().unwrap().get(client).copied()
    }
}

#[test]
fn what_is_on_its_way_counts_until_it_is_there_or_gone() {
    let site = Site::new();
    let first = site.room("city", STEP);
    assert_eq!(site.coming("city"), None, "nothing is taken before its batch begins");
    assert!(first.take(0));
    assert_eq!(site.coming("city"), None, "its message has not been read as far as its name");
    assert!(first.take(STEP));
    assert_eq!(site.coming("city"), Some(Stored { batches: 1, bytes: STEP }));
    // A second one may go on to the last byte of the quota, and no further.
    let second = site.room("city", 0);
    assert!(second.take(0) && second.take(2 * STEP - 1) && second.take(1));
    assert!(!second.take(1));
    // Nor may there be a third.
    let third = site.room("city", 0);
    assert!(!third.take(1));
    drop(third);
    // Others have their own.
    assert!(site.room("town", 3 * STEP).take(1));
    drop((first, second));
    assert_eq!((site.coming("city"), site.coming("town")), (None, None));
}

#[test]
fn what_the_ledger_has_counts_from_the_moment_on_in_which_it_has_it() {
    let site = Site::new();
    let growing = site.room("city", 0);
    assert!(growing.take(0) && growing.take(STEP));
    // Another batch comes into the ledger meanwhile.
    site.accept("city", 2 * STEP);
    assert!(!growing.take(1));
    drop(growing);
    let last = site.room("city", STEP);
    assert!(last.take(0) && last.take(STEP));
    assert!(!last.take(1));
    drop(last);
    site.accept("city", 1);
    assert!(!site.room("city", 0).take(1), "two batches are all that it may have");
}

#[test]
fn together_they_never_take_more_than_there_is() {
    let site = Site::new();
    let taken: u64 = std::thread::scope(|scope| {
        let batches: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let room = site.room("city", 0);
                    let mut taken = 0;
                    while room.take(10_000) {
                        taken += 10_000;
                    }
                    (taken, room)
                })
            })
            .collect();
        // Both rooms are held until both have ended.
        let ended: Vec<_> = batches.into_iter().map(|batch| batch.join().unwrap()).collect();
        ended.iter().map(|(taken, _)| taken).sum()
    });
    assert!(taken <= QUOTA.bytes && taken > QUOTA.bytes - 3 * STEP, "{taken}");
    assert_eq!(site.coming("city"), None);
}

fn key(key: &str) -> Names {
    Names { key: Some(key.to_owned()), message_id: None }
}

#[test]
fn a_repetition_may_take_what_the_first_one_took_and_no_more() {
    let site = Site::new();
    site.accept_named("city", 2 * STEP, Some("k"));
    site.accept("city", STEP);
    for declared in [0, 2 * STEP, 9 * STEP] {
        let again = site.room("city", declared);
        again.named(&key("k"));
        again.begin().unwrap();
        assert!(again.take(0) && again.take(STEP) && again.take(STEP), "{declared}");
        assert!(!again.take(1), "{declared}: it is another one");
    }
    assert_eq!(site.coming("city"), None);
    // Another name, none, and another client's or route's.
    let (other, none, mut elsewhere) = (site.room("city", 0), site.room("city", 0), site.room("city", 0));
    other.named(&key("l"));
    elsewhere.route = "s".to_owned();
    elsewhere.named(&key("k"));
    for room in [other, none, elsewhere] {
        assert!(matches!(room.begin(), Err(Refused::Full)));
    }
    assert!(matches!(site.room("city", 3 * STEP + 1).begin(), Err(Refused::Never)));
}
