//! Descriptors that a gateway may have, and what its configuration admits.

use std::fs;
use std::process::{Command, Output};

use crate::running::{Gateway, Site};

/// `sekisho serve` by a shell that has set its limits like this first.
fn served_under(limits: &str, site: &Site) -> Output {
    Command::new("sh")
        .args([
            "-c",
            &format!("{limits} && exec \"$0\" serve --config \"$1\""),
            env!("CARGO_BIN_EXE_sekisho"),
        ])
        .arg(site.path("sekisho.toml"))
        .env_remove("SEKISHO_LANGUAGE")
        .output()
        .unwrap()
}

/// What the system says of a process's limit: the usual and the highest.
fn limits(id: u32) -> (String, String) {
    let limits = fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let mut numbers = line.split_whitespace().skip(3);
    (numbers.next().unwrap().to_owned(), numbers.next().unwrap().to_owned())
}

#[test]
fn a_gateway_takes_as_many_as_the_system_grants() {
    // Fewer than the configuration admits, but it may have more.
    let gateway = Gateway::start_under("ulimit -Sn 256", Site::new());
    let (usual, highest) = limits(gateway.id());
    assert_eq!(usual, highest);
    assert_ne!(usual, "256");
    assert_eq!(gateway.connect().post("/rows", "Code\r\nA\r\n").status, 202);
}

#[test]
fn what_a_configuration_admits_has_to_fit() {
    let site = Site::new();
    let ended = served_under("ulimit -n 4000", &site);
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(4), "{said}");
    for words in [
        "lets the process have 4000",
        "4161 for listeners",
        "limits.connections (4096 for each of 1 listeners)",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!site.path("state").exists(), "it was not even begun");

    // What is admitted is what counts.
    site.configure(&format!("{}\n[limits]\nconnections = 2000\n", site.plain()));
    let gateway = Gateway::start_under("ulimit -n 4000", site);
    assert_eq!(limits(gateway.id()), ("4000".to_owned(), "4000".to_owned()));

    // More calls at once are more, too.
    let before = fs::read_to_string(gateway.site.path("sekisho.toml")).unwrap();
    let after = before.replace("[upstream.probe]", "max_connections = 1000\n[upstream.probe]");
    gateway.site.configure(&after);
    let logged = gateway.reload();
    assert!(logged.contains("nothing was reloaded") && logged.contains("4005 for upstreams"), "{logged}");
}
