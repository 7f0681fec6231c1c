//! The sandbox of a gateway that runs, seen from outside.

use std::fs;

use crate::running::{Gateway, Site};

#[test]
fn a_gateway_that_runs_has_given_up_what_it_does_not_need() {
    let gateway = Gateway::start(Site::new());
    for part in ["privileges", "capabilities", "core-dumps", "files", "ports", "signals", "calls"] {
        assert_eq!(gateway.metric(&format!("sekisho_sandbox{{part=\"{part}\"}}")), "1", "{part}");
    }
    // What was opened before is read on.
    for name in ["process_resident_memory_bytes ", "process_threads ", "process_start_time_seconds "] {
        gateway.metric_that(name, |value| value.parse::<u64>().is_ok_and(|value| value > 0));
    }
    // And the room on the disk is asked for.
    gateway.metric_that("sekisho_state_free_bytes ", |value| value.parse::<u64>().is_ok());
    assert_eq!(gateway.metric("sekisho_oldest_open_batch_seconds "), "0");
    gateway.metric_that("process_cpu_seconds_total ", |value| {
        value.parse::<f64>().is_ok_and(|value| value > 0.0)
    });
    // Every thread, not only the first.
    let mut threads = 0;
    for thread in fs::read_dir(format!("/proc/{}/task", gateway.id())).unwrap() {
        // One that has ended meanwhile is none.
        let Ok(status) = fs::read_to_string(thread.unwrap().path().join("status")) else { continue };
        for line in
            ["NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000"]
        {
            assert!(status.contains(line), "{line}\n{status}");
        }
        threads += 1;
    }
    assert!(threads > 1);
    let exchanged = gateway.connect().post("/rows", "Code\r\nA\r\n");
    assert_eq!(exchanged.status, 202, "{}", exchanged.body);
}

#[test]
fn what_lies_outside_needs_a_restart_and_the_reload_says_so() {
    let elsewhere = tempfile::tempdir().unwrap();
    let schema = elsewhere.path().join("rows.xsd");
    let mut gateway = Gateway::start(Site::new());
    fs::copy(gateway.site.path("rows.xsd"), &schema).unwrap();
    let before = gateway.site.plain();
    let after = before.replace("file = \"rows.xsd\"", &format!("file = {schema:?}"));
    gateway.site.configure(&after);
    let logged = gateway.reload();
    let folder = elsewhere.path().canonicalize().unwrap();
    let needed = format!("needs a restart: the folder {} is to be read", folder.display());
    assert!(logged.contains(&needed) && logged.contains("what was in force stays so"), "{logged}");
    gateway.killed_and_restarted(|_| {});
    assert!(!gateway.reload().contains("needs a restart"));

    // Or it was named before.
    gateway.site.configure(&format!("{before}[sandbox]\nread = [{:?}]\n", elsewhere.path()));
    gateway.killed_and_restarted(|_| {});
    gateway.site.configure(&format!("{after}[sandbox]\nread = [{:?}]\n", elsewhere.path()));
    assert!(!gateway.reload().contains("needs a restart"));

    let port = before.split("url = \"http://127.0.0.1:").nth(1).unwrap().split('"').next().unwrap();
    let other = if port == "9" { "10" } else { "9" };
    gateway.site.configure(&before.replace(&format!("127.0.0.1:{port}\""), &format!("127.0.0.1:{other}\"")));
    let logged = gateway.reload();
    assert!(logged.contains(&format!("needs a restart: port {other} is to be connected to")), "{logged}");
}
