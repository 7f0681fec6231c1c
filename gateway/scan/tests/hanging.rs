//! A scanner that is there and hangs, and one that is asked for more at once than it is given.
#![allow(clippy::unwrap_used)] // a test says so by failing

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sekisho_scan::{Address, Beyond, Content, Kind, ScanError, Scanner, Settings, Verdict};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Longer than any machine stalls.
const LONG: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_millis(50);

/// A clamd that always says that it is there, and hangs with a content of that many bytes for as long as `hangs`.
#[derive(Clone)]
struct Clamd {
    hangs: Arc<AtomicBool>,
    of: Option<usize>,
    /// Verdicts that may be said.
    gate: Arc<Semaphore>,
    /// Contents that are with it, and the most that were at once.
    with: Arc<(AtomicUsize, AtomicUsize)>,
}

impl Clamd {
    fn new() -> Self {
        let gate = Arc::new(Semaphore::new(1_000));
        Self { hangs: Arc::new(AtomicBool::new(true)), of: None, gate, with: Arc::default() }
    }

    async fn scanner(&self, edit: impl FnOnce(&mut Settings)) -> Scanner {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut settings = Settings {
            name: "av".to_owned(),
            kind: Kind::Clamd,
            address: Address::Tcp(listener.local_addr().unwrap()),
            connect: LONG,
            at_once: 10,
            wait: LONG,
            stall: LONG,
            answer: LONG,
            most: 1 << 30,
            beyond: Beyond::Refuse,
        };
        edit(&mut settings);
        let clamd = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(clamd.clone().serve(stream));
            }
        });
        Scanner::new(settings)
    }

    async fn serve(self, mut stream: TcpStream) -> Option<()> {
        let mut command = [0; 6];
        stream.read_exact(&mut command).await.ok()?;
        if &command == b"zPING\0" {
            return stream.write_all(b"PONG\0").await.ok();
        }
        let (now, most) = &*self.with;
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let said = self.scan(&mut stream).await;
        now.fetch_sub(1, Ordering::SeqCst);
        said
    }

    async fn scan(&self, stream: &mut TcpStream) -> Option<()> {
        stream.read_exact(&mut [0; 4]).await.ok()?;
        let mut whole = 0;
        loop {
            let length = stream.read_u32().await.ok()? as usize;
            if length == 0 {
                break;
            }
            stream.read_exact(&mut vec![0; length]).await.ok()?;
            whole += length;
        }
        if self.hangs.load(Ordering::SeqCst) && self.of.is_none_or(|length| length == whole) {
            // Until it is given up.
            stream.read_u8().await.ok()?;
        }
        self.gate.acquire().await.ok()?.forget();
        stream.write_all(b"stream: OK\0").await.ok()
    }
}

/// A content of somebody's, and what is said of it.
fn scanned(
    scanner: &Scanner,
    owner: &'static str,
    length: usize,
) -> tokio::task::JoinHandle<Result<Verdict, ScanError>> {
    let scanner = scanner.clone();
    tokio::task::spawn_blocking(move || {
        let mut content: Content = scanner.begin(owner);
        let said = content.give(&vec![b'x'; length]);
        said.unwrap_or_else(|| content.finish())
    })
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let looking = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, looking).await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_answers_its_look_and_hangs_is_down_by_the_content_that_hangs() {
    let clamd = Clamd::new();
    let scanner = clamd.scanner(|settings| settings.stall = SOON).await;
    // It says that it is there, if not always as soon as that.
    let there = async { while scanner.check().await.is_err() {} };
    tokio::time::timeout(LONG, there).await.unwrap();
    // Not after a minute, which its whole answer may take.
    let hung = Err(ScanError::Silent(SOON));
    assert_eq!(scanned(&scanner, "city", 10).await.unwrap(), hung);
    assert_eq!(scanner.take_evidence(), Some(ScanError::Silent(SOON)));
    assert_eq!(scanner.take_evidence(), None, "it is told once");
    // Nobody waits for it again, however often it says that it is there.
    assert!(scanner.check().await.is_err());
    assert_eq!(scanned(&scanner, "city", 10).await.unwrap(), Err(ScanError::Down));
    assert_eq!(scanned(&scanner, "town", 0).await.unwrap(), Err(ScanError::Down));
    // It scans again, and that shows.
    clamd.hangs.store(false, Ordering::SeqCst);
    let scanning = async {
        // Looked at before each, as a slow machine may take too long for one.
        while scanner.check().await.is_err()
            || scanned(&scanner, "city", 10).await.unwrap() != Ok(Verdict::Clean)
        {}
    };
    tokio::time::timeout(LONG, scanning).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_content_that_hangs_alone_stops_nobody_for_long() {
    let clamd = Clamd { of: Some(99), ..Clamd::new() };
    let stall = Duration::from_secs(3);
    let scanner = clamd.scanner(|settings| settings.stall = stall).await;
    assert_eq!(scanned(&scanner, "city", 99).await.unwrap(), Err(ScanError::Silent(stall)));
    // Nobody looks at it but itself.
    let again = async { while scanned(&scanner, "town", 10).await.unwrap() != Ok(Verdict::Clean) {} };
    tokio::time::timeout(LONG, again).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_given_no_more_at_once_than_its_places_and_nobody_has_more_than_half() {
    let clamd = Clamd { gate: Arc::new(Semaphore::new(0)), ..Clamd::new() };
    clamd.hangs.store(false, Ordering::SeqCst);
    let scanner = clamd
        .scanner(|settings| {
            settings.at_once = 3;
            settings.wait = SOON;
        })
        .await;
    let (with, most) = &*clamd.with;
    let going = Mutex::new(Vec::new());
    let begin = async |owner, number| {
        going.lock().unwrap().push(scanned(&scanner, owner, 10));
        until("it has the content", || with.load(Ordering::SeqCst) == number).await;
    };
    begin("city", 1).await;
    begin("city", 2).await;
    let full = Err(ScanError::Full { most: 3 });
    assert_eq!(scanned(&scanner, "city", 10).await.unwrap(), full, "half of three, rounded up");
    begin("town", 3).await;
    assert_eq!(scanned(&scanner, "village", 10).await.unwrap(), full, "all of them");
    assert_eq!(scanner.check().await, Ok(()), "who is asked for much is not down");
    assert_eq!(scanner.take_evidence(), None);
    clamd.gate.add_permits(4);
    let going = going.into_inner().unwrap();
    for one in going {
        assert_eq!(one.await.unwrap(), Ok(Verdict::Clean));
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert_eq!(scanned(&scanner, "village", 10).await.unwrap(), Ok(Verdict::Clean));
}
