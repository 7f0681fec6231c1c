//! The commands that ask a running gateway: heartbeat, batches, batch.

use std::time::Instant;

use crate::running::{Gateway, Site, said, text};
use crate::wire::{Connection, PATIENCE};

/// Sends two rows and returns the batch's id; the cloud never answers, so it stays open.
pub(crate) fn batch(gateway: &Gateway) -> String {
    let rows = gateway.site.write("rows.csv", "Code\r\nA\r\nA\r\n");
    let (code, out, err) =
        said(&["send", text(&rows), "--to", &gateway.route(), "--door", "rest-csv", "--wait", "0", "--json"]);
    assert_eq!(code, 5, "{err}");
    let receipt: serde_json::Value = serde_json::from_str(&out).unwrap();
    receipt["id"].as_str().unwrap().to_owned()
}

/// Whether a text has a character of Japanese.
pub(crate) fn japanese(text: &str) -> bool {
    text.chars().any(|c| c >= 'ぁ')
}

#[test]
fn a_hop_that_there_is_not_is_an_error_that_lists_those_that_there_are() {
    let gateway = Gateway::start(Site::new());
    for form in ["table", "nagios"] {
        let (code, out, _) = said(&["heartbeat", &gateway.route(), "--hop", "gatway", "--form", form]);
        assert_eq!(code, 3, "{out}");
        assert!(
            out.starts_with("UNKNOWN: ")
                && out.contains("there is no hop \"gatway\"; there are: gateway, main/line"),
            "{out}"
        );
    }
    let (code, out, _) = said(&["heartbeat", &gateway.route(), "--hop", "gatway", "--form", "json"]);
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(code == 3 && value["detail"].as_str().unwrap().contains("main/line"), "{out}");
    // By name or by identity, one or several; the others are not shown.
    for (hops, shown) in
        [(["gateway", "gateway"], 1), (["gateway", "main/line"], 2), (["line", "gateway"], 2)]
    {
        let (_, out, _) =
            said(&["heartbeat", &gateway.route(), "--hop", hops[0], "--hop", hops[1], "--form", "json"]);
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(value["hops"].as_array().unwrap().len(), shown, "{out}");
    }
}

#[test]
fn a_heartbeat_that_is_refused_says_why() {
    let gateway = Gateway::start(Site::new());
    let nowhere = format!("http://{}/nowhere", gateway.address("one"));
    for more in [["--form", "table"].as_slice(), &["--soap"]] {
        let (code, out, _) = said(&[&["heartbeat", &nowhere], more].concat());
        assert_eq!(code, 3, "{out}");
        assert!(out.contains("status 404") && out.contains(", id "), "{out}");
        let (_, out, _) = said(&[&["heartbeat", &nowhere, "--language", "ja"], more].concat());
        assert!(japanese(&out) && out.contains("ステータス404"), "{out}");
    }
}

#[test]
fn times_say_that_they_are_utc() {
    let gateway = Gateway::start(Site::new());
    let id = batch(&gateway);
    let admin = gateway.admin();
    let (_, out, _) = said(&["heartbeat", &gateway.route()]);
    assert!(out.ends_with("\n\nTimes are in UTC.\n"), "{out}");
    let (_, out, _) = said(&["heartbeat", &gateway.route(), "--language", "ja"]);
    assert!(out.contains("UTC") && out.starts_with("経路点"), "{out}");
    let (_, out, _) = said(&["batches", "--admin", &admin]);
    assert!(out.lines().next().unwrap().contains("RECEIVED (UTC)"), "{out}");
    let (_, out, _) = said(&["batch", &id, "--admin", &admin]);
    assert!(out.lines().any(|line| line.starts_with("received") && line.ends_with(" UTC")), "{out}");
}

#[test]
fn batches_show_what_is_in_doubt_and_what_was_set_aside() {
    let gateway = Gateway::start(Site::new());
    let id = batch(&gateway);
    let admin = gateway.admin();
    let (code, out, err) = said(&["batches", "--admin", &admin]);
    assert_eq!(code, 0, "{err}");
    let head = out.lines().next().unwrap();
    assert!(head.contains("IN DOUBT  SET ASIDE  STATE") && head.ends_with("  HELD"), "{head}");
    assert!(out.lines().nth(1).unwrap().starts_with(&id), "{out}");
    for args in [["batches"].as_slice(), &["batch", &id], &["batch", &id, "--chunks"]] {
        let (_, out, err) = said(&[args, &["--admin", &admin, "--language", "ja"]].concat());
        let head = out.lines().next().unwrap();
        assert!(japanese(head), "{args:?}: {out}{err}");
        for english in ["delivered", "pending", "BATCH", "STATE", "CHUNK", "delivering"] {
            assert!(!out.contains(english), "{args:?}: {out}");
        }
    }
}

#[test]
fn what_an_operator_asks_twice_is_refused_in_words() {
    let gateway = Gateway::start(Site::new());
    let id = batch(&gateway);
    let admin = gateway.admin();
    // Until a chunk is under way nothing is left to wait for when the batch is cancelled.
    let mut asked = Connection::open(gateway.address("admin"));
    let limit = Instant::now() + PATIENCE;
    loop {
        let view: serde_json::Value =
            serde_json::from_str(&asked.get(&format!("/batches/{id}")).body).unwrap();
        if view["sums"]["inFlight"] != 0 {
            break;
        }
        assert!(Instant::now() < limit, "no chunk is under way: {view}");
    }
    let (code, _, err) = said(&["batch", &id, "--cancel", "--cancel", "--admin", &admin]);
    assert_eq!(code, 0, "{err}");
    let (code, out, err) = said(&["batch", &id, "--cancel", "--admin", &admin]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("is cancelled or expired already") || err.contains("is finished"), "{err}");
    let (_, _, err) = said(&["batch", &id, "--cancel", "--admin", &admin, "--language", "ja"]);
    assert!(japanese(&err), "{err}");
    let unknown = "0197c0f2-6f3e-7c33-9d0a-3b1f6f0e8a55";
    for args in [
        ["batch", unknown].as_slice(),
        &["batch", unknown, "--errors"],
        &["batch", &id, "--chunk", "9", "--decide", "repeat"],
    ] {
        let (code, out, err) = said(&[args, &["--admin", &admin]].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        let (_, _, err) = said(&[args, &["--admin", &admin, "--language", "ja"]].concat());
        assert!(japanese(&err), "{args:?}: {err}");
    }
    // A client's listener is no admin listener.
    let (code, _, err) = said(&["batches", "--admin", &format!("http://{}", gateway.address("one"))]);
    assert_eq!(code, 2, "{err}");
}

#[test]
fn a_second_gateway_says_what_it_cannot_have() {
    let gateway = Gateway::start(Site::new());
    let config = gateway.site.path("sekisho.toml");
    let serve = ["serve", "--config", text(&config)];
    let (code, out, err) = said(&serve);
    assert_eq!((code, out.as_str()), (4, ""));
    assert!(err.contains("another gateway uses the state folder"), "{err}");
    let (code, _, err) = said(&[&serve[..], &["--language", "ja"]].concat());
    assert!(code == 4 && err.contains("別のゲートウェイが使用中です"), "{err}");

    let taken = gateway.address("one").to_string();
    let beside = gateway.site.plain().replace("state = \"state\"", "state = \"other\"");
    gateway.site.configure(
        &beside.replace(
            "name = \"one\"\nlisten = \"127.0.0.1:0\"",
            &format!("name = \"one\"\nlisten = {taken:?}"),
        ),
    );
    let (code, out, err) = said(&serve);
    assert_eq!((code, out.as_str()), (4, ""), "{err}");
    assert!(err.contains("cannot be listened on: another program uses it"), "{err}");
    let (code, _, err) = said(&[&serve[..], &["--language", "ja"]].concat());
    assert!(code == 4 && err.contains("別のプログラムが使用中です"), "{err}");
}

#[test]
fn a_configuration_can_be_checked_beside_the_gateway_that_runs_by_it() {
    let gateway = Gateway::start(Site::new());
    let mut plain = gateway.site.plain();
    for (section, listener) in [("[admin]", "admin"), ("name = \"one\"", "one")] {
        let address = gateway.address(listener).to_string();
        plain = plain.replace(
            &format!("{section}\nlisten = \"127.0.0.1:0\""),
            &format!("{section}\nlisten = {address:?}"),
        );
    }
    assert!(!plain.contains("127.0.0.1:0"), "the addresses are those that are taken: {plain}");
    gateway.site.configure(&plain);
    let config = gateway.site.path("sekisho.toml");
    // The addresses and the state folder are another's: whoever wanted to have them would have to say so.
    let (code, out, err) = said(&["check-config", "--config", text(&config)]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains(": no mistakes; "), "{out}");
}
