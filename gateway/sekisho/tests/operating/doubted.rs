//! What nobody can know yet: what an operator sees of it while it waits.

use serde_json::Value;

use crate::asking::{batch, japanese};
use crate::running::{Gateway, Site, said};
use crate::wire::Connection;

const WINDOW: u64 = 3_600;

#[test]
fn what_waits_for_a_window_is_shown_with_all_that_there_is_to_go_by_and_a_restart_does_not_begin_it_anew() {
    let site = Site::new();
    let window = format!("path = \"/rows\"\ndoubt_window_seconds = {WINDOW}");
    site.configure(&site.plain().replace("path = \"/rows\"", &window));
    let mut gateway = Gateway::start(site);
    let id = batch(&gateway);
    let chunk = |gateway: &Gateway, wanted: fn(&Value) -> bool| {
        let mut admin = Connection::open(gateway.address("admin"));
        loop {
            let seen: Value =
                serde_json::from_str(&admin.get(&format!("/batches/{id}/chunks")).body).unwrap();
            if let Some(chunk) = seen["chunks"].get(0).filter(|chunk| wanted(chunk)) {
                return chunk.clone();
            }
        }
    };
    // The cloud never answers, and the gateway dies.
    let sent = chunk(&gateway, |chunk| chunk["state"] != "in-doubt");
    assert!(sent["doubtedAt"].is_null() && sent["waitsUntil"].is_null(), "{sent}");
    let mut times = Vec::new();
    for _ in 0..2 {
        gateway.killed_and_restarted(|_| {});
        let doubted = chunk(&gateway, |chunk| chunk["state"] == "in-doubt");
        assert_eq!(
            (&doubted["held"], &doubted["code"]),
            (&false.into(), &"gateway-restarted".into()),
            "{doubted}"
        );
        let since = doubted["doubtedAt"].as_u64().unwrap();
        assert_eq!(doubted["waitsUntil"], since + WINDOW * 1_000, "{doubted}");
        assert_eq!((&doubted["sentAt"], &doubted["asked"]), (&sent["openedAt"], &0.into()), "{doubted}");
        times.push(since);
    }
    assert_eq!(times[0], times[1]);
    let admin = gateway.admin();
    let shown =
        |language: &str| said(&["batch", &id, "--chunks", "--admin", &admin, "--language", language]).1;
    let out = shown("en");
    let (head, row) = (out.lines().next().unwrap(), out.lines().nth(1).unwrap());
    for column in ["SENT (UTC)", "IN DOUBT SINCE (UTC)", "ASKED", "WAITS UNTIL (UTC)"] {
        assert!(head.contains(column), "{out}");
    }
    // Three times: sent, in doubt, until when.
    assert_eq!(row.matches(':').count(), 6, "{out}");
    assert!(japanese(shown("ja").lines().next().unwrap()));
}
