//! A batch whose payload is damaged on the disk, and what an operator sees and does.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::asking::{batch, japanese};
use crate::running::{Gateway, Site, said};
use crate::wire::Connection;

/// Asks the admin listener until what it says is as wanted.
fn until(gateway: &Gateway, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut admin = Connection::open(gateway.address("admin"));
    loop {
        let seen: Value = serde_json::from_str(&admin.get(path).body).unwrap();
        if wanted(&seen) {
            return seen;
        }
    }
}

fn hop(heartbeat: &Value) -> &Value {
    heartbeat["hops"].as_array().unwrap().iter().find(|hop| hop["name"] == "gateway").unwrap()
}

/// Where a cell begins on the screen, in columns of one character.
fn place(line: &str, cell: &str) -> usize {
    line[..line.rfind(cell).unwrap_or_else(|| panic!("{cell} is not in {line}"))].width()
}

/// A gateway with a batch of two records whose segment is damaged, the batch's id, and the segment as it was.
fn damaged() -> (Gateway, String, (PathBuf, Vec<u8>)) {
    let site = Site::new();
    site.configure(&site.plain().replace("path = \"/rows\"", "path = \"/rows\"\nidempotent = true"));
    let mut gateway = Gateway::start(site);
    let id = batch(&gateway);
    let segment = gateway.site.path("state").join("spool").join(&id).join("00000000.seg");
    let whole = fs::read(&segment).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    gateway.killed_and_restarted(|_| {
        fs::remove_file(&segment).unwrap();
        fs::write(&segment, &damaged).unwrap();
    });
    until(&gateway, &format!("/batches/{id}"), |view| view["state"] == "held");
    (gateway, id, (segment, whole))
}

#[test]
fn a_damaged_batch_is_shown_by_every_command_in_both_languages() {
    let (gateway, id, _) = damaged();
    let admin = gateway.admin();
    let ask = |args: &[&str], language: &str| {
        let (code, out, err) = said(&[args, &["--admin", &admin, "--language", language]].concat());
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}: {out}");
        out
    };
    for (language, head, state) in [("en", "HELD", "held"), ("ja", "判断待ち", "判断待ち")] {
        let list = ask(&["batches"], language);
        let lines: Vec<&str> = list.lines().collect();
        assert!(lines[0].ends_with(head) && lines[1].ends_with("  2 spool-damaged"), "{list}");
        assert_eq!(place(lines[0], head), place(lines[1], "2 spool-damaged"), "{list}");
        assert!(lines[1].contains(&format!(" {state} ")), "{list}");

        let shown = ask(&["batch", &id], language);
        let line = shown.lines().last().unwrap();
        assert!(
            line.starts_with(head.to_lowercase().as_str()) && line.contains("2 spool-damaged"),
            "{shown}"
        );
        assert_eq!(japanese(line), language == "ja", "{shown}");

        let errors = ask(&["batch", &id, "--errors"], language);
        let lines: Vec<&str> = errors.lines().collect();
        assert_eq!(
            (lines.len(), lines[0]),
            (2, "record,outcome,field,code,message,last_record,rows,line,column")
        );
        assert!(
            lines[1].starts_with("1,inDoubt,,spool-damaged,\"") && lines[1].ends_with("\",2,,,"),
            "{errors}"
        );
        assert_eq!(japanese(lines[1]), language == "ja", "{errors}");
    }
}

#[test]
fn the_gateways_hop_stays_degraded_until_the_payload_is_restored_and_given_back() {
    let (gateway, id, (segment, whole)) = damaged();
    let admin = gateway.admin();
    // Not what delivery says once: what the probe says at every look.
    let said_by_probe = |seen: &Value| {
        hop(seen)["text"].as_str().unwrap().starts_with("records of 1 batch cannot be read from the spool")
    };
    let seen = until(&gateway, "/heartbeat", said_by_probe);
    let first = hop(&seen)["checkedAt"].clone();
    let later = until(&gateway, "/heartbeat", |seen| hop(seen)["checkedAt"] != first);
    assert_eq!(
        (&hop(&later)["state"], &hop(&later)["class"]),
        (&"degraded".into(), &"infrastructure".into())
    );
    assert!(hop(&later)["textJa"].as_str().unwrap().starts_with("1件のバッチ"), "{later}");
    let (code, out, _) = said(&["heartbeat", &gateway.route(), "--hop", "gateway"]);
    assert!(code == 1 && out.contains("degraded") && out.contains("records of 1 batch"), "{out}");

    fs::write(&segment, &whole).unwrap();
    let (code, out, err) =
        said(&["batch", &id, "--chunk", "1", "--decide", "not-delivered", "--admin", &admin]);
    assert_eq!(code, 0, "{out}{err}");
    until(&gateway, "/heartbeat", |seen| hop(seen)["state"] == "up");
    let view = until(&gateway, &format!("/batches/{id}"), |view| view["sums"]["inFlight"] == 2);
    assert!(view.get("held").is_none(), "{view}");
}
