#![allow(clippy::unwrap_used)] // a test says so by failing

use std::net::TcpListener;
use std::time::Duration;

use sekisho_scan::{Address, Beyond, Kind, Settings};

use super::*;

/// A scanner that is not there.
fn gone() -> Scanner {
    let long = Duration::from_secs(60);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    Scanner::new(Settings {
        name: "av".to_owned(),
        kind: Kind::Clamd,
        address: Address::Tcp(nobody),
        connect: long,
        at_once: 2,
        wait: long,
        stall: long,
        answer: long,
        most: 1 << 20,
        beyond: Beyond::Refuse,
    })
}

#[test]
fn who_swallows_an_error_gets_it_again_and_never_a_verdict() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _entered = runtime.enter();
    let scanner = gone();
    let refused = |said: Result<(), Refusal>| said.unwrap_err().code;
    // One content, and whatever the message holds beside it.
    let scans = Scans::new(&scanner, "city");
    let mut scan = scans.begin();
    while scan.give(b"x").is_ok() {}
    assert!(scan.give(b"x").is_err() && scan.give(b"").is_err());
    assert_eq!(refused(scan.finish()), "scanner-unavailable");
    assert!(scans.begin().give(b"x").is_err());
    assert_eq!(refused(scans.begin().finish()), "scanner-unavailable");
    assert_eq!(refused(scans.begin_envelope().finish()), "scanner-unavailable");
    assert_eq!(scans.verdict().unwrap_err().code, "scanner-unavailable");
    // The envelope, as soon as it is longer than what is held of it.
    let scans = Scans::new(&scanner, "city");
    let mut scan = scans.begin_envelope();
    while scan.give(&[b'x'; 1_000]).is_ok() {}
    assert!(scan.give(b"x").is_err());
    assert_eq!(refused(scan.finish()), "scanner-unavailable");
}
