//! Payloads that lie encrypted on the disk: what stands there, whose keys are needed, and how all of a client's goes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::asking::batch;
use crate::running::{Gateway, Site, said};
use crate::wire::{Connection, PATIENCE};

/// A key as `openssl rand -hex 32` prints it.
fn digits(pair: &str) -> String {
    format!("{}\n", pair.repeat(32))
}

fn section(ids: &[&str]) -> String {
    let keys = ids.iter().map(|id| format!("[[spool.encryption.key]]\nid = \"{id}\"\nfile = \"{id}.key\"\n"));
    format!("[spool.encryption]\ndata_keys = \"data-keys\"\n{}", keys.collect::<String>())
}

/// A gateway whose payloads are encrypted, before a cloud that takes no connection: what it accepts is pending.
fn site() -> Site {
    let site = Site::new();
    site.write_secret("one.key", &digits("a5"));
    site.write_secret("two.key", &digits("5a"));
    configure(&site, &["one"]);
    site
}

fn configure(site: &Site, ids: &[&str]) {
    let plain = site.plain();
    let url = plain.lines().find(|line| line.starts_with("url = ")).unwrap();
    site.configure(
        &plain
            .replace(url, "url = \"http://127.0.0.1:9\"")
            .replace("[admin]", &format!("{}[admin]", section(ids))),
    );
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != "lock");
    names.sort();
    names
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

/// What a gateway says that does not start.
fn refused(site: &Site) -> String {
    let (code, out, err) = said(&["serve", "--config", site.path("sekisho.toml").to_str().unwrap()]);
    assert!(code != 0 && out.is_empty(), "it has started: {out}");
    err
}

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let limit = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < limit, "never: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn no_value_is_on_the_disk_and_all_of_a_client_goes_at_a_word() {
    let canary = "CANARY-7391";
    let site = site();
    site.write("rows.xsd", &crate::running::schema(canary));
    configure(&site, &["one"]);
    let gateway = Gateway::start(site);
    for _ in 0..3 {
        assert_eq!(gateway.connect().post("/rows", &format!("Code\r\n{canary}\r\n")).status, 202);
    }
    let (spool, keys) = (gateway.site.path("state/spool"), gateway.site.path("data-keys"));
    assert_eq!((names(&spool).len(), names(&keys).len()), (3, 3));
    let everything = [files(&gateway.site.path("state")), files(&keys)].concat();
    assert!(everything.len() > 8, "{everything:?}");
    for file in everything {
        let bytes = fs::read(&file).unwrap();
        let there = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
        assert!(!there, "{}", file.display());
    }

    // Batches that are not finished stay without a word of their own.
    let admin = gateway.admin();
    let purge = |args: &[&str]| said(&[&["purge", "--admin", &admin, "--client", "city"], args].concat());
    let (code, out, err) = purge(&[]);
    assert_eq!((code, err.as_str()), (2, ""), "{out}");
    assert_eq!(out.lines().count(), 4, "{out}");
    assert!(
        out.contains("payloads of 0 batches are destroyed") && out.contains("see --also-unfinished"),
        "{out}"
    );
    let (code, out, _) = purge(&["--language", "ja"]);
    assert!(code == 2 && out.contains("未完了のため残しました"), "{out}");
    assert_eq!(names(&keys).len(), 3);
    // A chunk may be on its way to where nobody listens: then it is asked for again.
    let mut all = String::new();
    until("all of it is gone", || {
        let (code, out, err) = purge(&["--also-unfinished"]);
        assert_eq!(err, "");
        all.push_str(&out);
        code == 0
    });
    assert!(all.contains("records cancelled: "), "{all}");
    assert_eq!((names(&spool), names(&keys)), (Vec::new(), Vec::new()));
    let seen = Connection::open(gateway.address("admin")).get("/batches").body;
    assert_eq!(seen.matches("\"finished\"").count(), 3, "receipts stay: {seen}");
    let (code, out, _) = purge(&["--json"]);
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &value["payloads"], &value["keys"]), (0, &serde_json::json!([]), &true.into()));
}

#[test]
fn a_reload_exchanges_the_wrapping_key_and_wraps_anew() {
    let mut gateway = Gateway::start(site());
    let id = batch(&gateway);
    let keys = gateway.site.path("data-keys");
    assert_eq!(names(&keys), [format!("{id}.one")]);
    // Without the key that still wraps, nothing is reloaded.
    configure(&gateway.site, &["two"]);
    let logged = gateway.reload();
    assert!(logged.contains("nothing was reloaded") && logged.contains("\"one\""), "{logged}");
    configure(&gateway.site, &["two", "one"]);
    assert!(!gateway.reload().contains("nothing was reloaded"));
    until("it is wrapped anew", || names(&keys) == [format!("{id}.two")]);
    configure(&gateway.site, &["two"]);
    assert!(!gateway.reload().contains("nothing was reloaded"));
    // The old key is of no use any more, and the new one is all that a start needs.
    fs::remove_file(gateway.site.path("one.key")).unwrap();
    gateway.killed_and_restarted(|_| {});
    let shown = Connection::open(gateway.address("admin")).get(&format!("/batches/{id}")).body;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["sums"]["accepted"], 2, "{shown}");
    gateway.metric_that("sekisho_hop_state{hop=\"gateway\"}", |state| state == "1");
}

#[test]
fn a_start_with_a_wrong_key_or_without_one_is_refused_by_name() {
    let mut gateway = Gateway::start(site());
    batch(&gateway);
    gateway.killed_and_restarted(|site| {
        site.write_secret("one.key", &digits("00"));
        let wrong = refused(site);
        assert!(wrong.contains("the key-encryption key \"one\" is not the one"), "{wrong}");
        configure(site, &["two"]);
        let missing = refused(site);
        assert!(missing.contains("\"one\", which is not configured"), "{missing}");
        site.configure(&site.plain());
        let plain = refused(site);
        assert!(plain.contains("is encrypted, and no [spool.encryption] is configured"), "{plain}");
        configure(site, &["one"]);
        site.write("one.key", &digits("a5"));
        fs::set_permissions(site.path("one.key"), std::os::unix::fs::PermissionsExt::from_mode(0o640))
            .unwrap();
        let open = refused(site);
        assert!(
            open.contains("encryption.key 1: file: ") && open.contains("can be read or written by others"),
            "{open}"
        );
        site.write_secret("one.key", &digits("a5"));
    });
    gateway.metric_that("sekisho_hop_state{hop=\"gateway\"}", |state| state == "1");
}
