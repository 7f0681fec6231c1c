//! The runner against a small gateway of its own: it has to see what is not as a case says.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // a test fails by panicking

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sekisho_conformance::cases::case::CaseFile;
use sekisho_conformance::cases::{Outcome, Runner, Target};
use sekisho_conformance::exchange::Peer;

/// Takes batches on `/bulk`; `keeps_bad` makes it keep what it refuses, `leaks` makes it say what was in it.
fn gateway(keeps_bad: bool, leaks: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let batches = Arc::new(AtomicUsize::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), &batches, keeps_bad, leaks);
        }
    });
    address
}

fn answer(stream: TcpStream, batches: &AtomicUsize, keeps_bad: bool, leaks: bool) {
    let mut reader = BufReader::new(&stream);
    let mut head = String::new();
    while reader.read_line(&mut head).unwrap_or(0) > 0 && !head.ends_with("\r\n\r\n") {}
    let length =
        head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let body = String::from_utf8_lossy(&body);
    let (status, text) = if head.starts_with("GET /bulk/batches?") {
        let count = batches.load(Ordering::SeqCst);
        let list: Vec<String> = (0..count).rev().map(|n| format!("{{\"id\":\"b{n}\"}}")).collect();
        (200, format!("{{\"batches\":[{}]}}", list.join(",")))
    } else if head.starts_with("GET /bulk/batches/") {
        (200, r#"{"id":"b0","state":"finished","sums":{"delivered":1}}"#.to_owned())
    } else if body.contains("bad") {
        batches.fetch_add(usize::from(keeps_bad), Ordering::SeqCst);
        (422, format!("{{\"code\":\"bad-records\",\"detail\":\"{}\"}}", if leaks { body.trim() } else { "" }))
    } else if head.starts_with("POST") {
        let number = batches.fetch_add(1, Ordering::SeqCst);
        (202, format!("{{\"id\":\"b{number}\",\"records\":1}}"))
    } else {
        (404, r#"{"code":"path-unknown"}"#.to_owned())
    };
    let answer = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    let _ = (&stream).write_all(answer.as_bytes());
}

const CASES: &str = r#"
area = "trial"
[text]
post = "POST ${path}/batches\nContent-Type: text/csv"

[[case]]
name = "taken"
send = { head = "${post}", body = "a" }
expect = { status = [202], kept = 1, delivered = 1, capture = { id = "json:/id" } }
[[case.then]]
send = { head = "GET ${path}/batches/${id}" }
expect = { status = [200], json = { "/state" = "finished" } }

[[case]]
name = "refused"
send = { head = "${post}", body = "bad secret" }
expect = { status = [422], problem = "bad-records", never = ["secret"] }
"#;

fn run(address: SocketAddr, cases: &str) -> Vec<Outcome> {
    let runner = Runner {
        canaries: Default::default(),
        target: Target {
            peer: Peer::new(&format!("http://{address}"), None, None).unwrap(),
            routes: BTreeMap::from([("orders".to_owned(), "/bulk".to_owned())]),
        },
        fixtures: PathBuf::new(),
        deliveries: true,
        whole: false,
    };
    runner.reach().unwrap();
    let file: CaseFile = toml::from_str(cases).unwrap();
    runner.run(&[file], |_| {})
}

#[test]
fn a_gateway_that_is_as_it_should_be_passes() {
    for outcome in run(gateway(false, false), CASES) {
        assert!(outcome.passed(), "{}", outcome.lines());
    }
}

#[test]
fn what_is_kept_or_leaked_in_spite_of_a_refusal_fails() {
    let kept = run(gateway(true, false), CASES);
    assert!(kept[0].passed());
    assert!(kept[1].wrong[0].contains("1 batches were kept in place of 0"), "{:?}", kept[1].wrong);
    let leaked = run(gateway(false, true), CASES);
    assert!(leaked[1].wrong[0].contains("must never be"), "{:?}", leaked[1].wrong);
    assert!(!leaked[1].lines().contains("secret"), "the report does not repeat it");
}

#[test]
fn a_wrong_status_delivery_or_step_fails() {
    for (from, to) in [
        ("status = [202]", "status = [200]"),
        ("delivered = 1", "delivered = 2"),
        ("\"finished\"", "\"held\""),
        ("json:/id", "json:/none"),
        ("kept = 1", "kept = 2"),
    ] {
        let outcomes = run(gateway(false, false), &CASES.replace(from, to));
        assert!(!outcomes[0].passed() && outcomes[1].passed(), "{to}");
    }
}

#[test]
fn exit_codes_tell_passed_failed_and_not_run_apart() {
    let folder = std::env::temp_dir().join(format!("sekisho-runner-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("trial.toml"), CASES).unwrap();
    let report = folder.join("junit.xml");
    let run = |address: &str, more: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_sekisho-conformance"))
            .args(["run", "--target", address, "--cases"])
            .arg(&folder)
            .arg("--junit")
            .arg(&report)
            .args(more)
            .output()
            .unwrap()
            .status
            .code()
    };
    let address = |bad, leaks| format!("http://{}", gateway(bad, leaks));
    assert_eq!(run(&address(false, false), &[]), Some(0));
    assert_eq!(run(&address(false, true), &["--only", "trial"]), Some(1));
    assert!(std::fs::read_to_string(&report).unwrap().contains("failures=\"1\""));
    assert_eq!(run(&address(false, false), &["--only", "nothing"]), Some(2));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(run(&format!("http://{free}"), &[]), Some(2));
    std::fs::remove_dir_all(&folder).unwrap();
}
