//! What the cloud does to calls when it is told to.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{SOAP_11, Site, envelope, put_records, rows};

#[test]
fn a_call_over_the_limit_is_killed_with_half_of_its_effects_done() {
    let site = Site::with(|options| {
        options.model.per_row = Duration::from_millis(100);
        options.model.limit = Duration::from_millis(200);
    });
    let reply = site.put_records(&rows(10));
    assert_eq!(reply.status, 500);
    assert!(reply.text().contains("<code>REQUEST_RUNNING_TOO_LONG</code>"), "{}", reply.text());
    let stats = site.stats();
    assert_eq!(stats["time_limit_hits"], 1);
    assert_eq!(stats["objects"]["people"]["rows"], 5);

    site.admin(
        "/admin/model",
        r#"{"effects_on_kill":"progress","kill_answer":"gateway-timeout","limit":"350ms"}"#,
    );
    // A minute of work: however late the look at the clock comes, some of it is done and not all.
    let reply = site.send("POST", "/services/intake/others/F001", &SOAP_11, envelope(&rows(600)).as_bytes());
    assert_eq!(reply.status, 504);
    let reached = site.stats()["objects"]["others"]["rows"].as_u64().unwrap();
    assert!((2..600).contains(&reached), "{reached} rows in 350 ms of 100 ms each");
}

#[test]
fn work_takes_its_time_and_calls_are_at_work_together() {
    let site = Site::with(|options| {
        options.model.fixed = Duration::from_millis(300);
        options.model.limit = Duration::from_secs(3_600);
    });
    site.put_records(&rows(1));
    let log = site.send("GET", "/admin/calls", &[], b"").text();
    let call: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert!(call["seconds"].as_f64().unwrap() >= 0.3, "{call}");
    assert_eq!(site.stats()["peak_in_flight"], 1);

    // Two that would work for ten minutes; how they slow each other is the model's own test.
    site.admin("/admin/model", r#"{"fixed":"600s"}"#);
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut site = site;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let peer = site.peer();
            // Cut off at the end, before an answer or with an error.
            scope.spawn(move || drop(put_records(&peer, &rows(1))));
        }
        while site.stats()["peak_in_flight"] != 2 {
            assert!(Instant::now() < deadline, "two calls are never at work together");
            std::thread::yield_now();
        }
        site.stop();
    });
}

#[test]
fn resets_come_before_and_after_the_effect() {
    let site = Site::quick();
    for (kind, held) in [("reset-before", 0), ("reset-after", 3)] {
        site.admin("/admin/faults", &json!({"kind": kind, "on": "soap"}).to_string());
        let reply = site.put_records(&rows(3));
        assert!(reply.cut && reply.status == 0, "{kind}: {reply:?}");
        let rows = site.stats()["objects"]["people"]["rows"].as_u64().unwrap_or(0);
        assert_eq!(rows, held, "{kind}");
    }
    assert_eq!(site.put_records(&rows(3)).status, 200);
    assert_eq!(site.stats()["resets"], 2);
}

#[test]
fn an_answer_is_cut_in_the_middle() {
    let site = Site::quick();
    site.admin("/admin/faults", r#"{"kind":"cut-answer"}"#);
    let reply = site.put_records(&rows(50));
    assert!(reply.cut && reply.status == 200 && !reply.body.is_empty(), "{} bytes", reply.body.len());
    assert_eq!(site.stats()["objects"]["people"]["rows"], 50);
}

#[test]
fn a_hanging_answer_ends_in_a_cut() {
    let site = Site::quick();
    site.admin("/admin/faults", r#"{"kind":"hang","seconds":0.2}"#);
    let began = Instant::now();
    let reply = site.put_records(&rows(1));
    assert!(reply.cut && began.elapsed() >= Duration::from_millis(200));
}

#[test]
fn statuses_and_sessions_and_quotas_on_demand() {
    let site = Site::quick();
    for (rule, status, held) in [
        (json!({"kind": "status", "status": 502}), 502, 0),
        (json!({"kind": "status-after", "status": 504}), 504, 1),
        (json!({"kind": "unavailable"}), 503, 1),
        (json!({"kind": "expire-session"}), 401, 1),
        (json!({"kind": "quota"}), 500, 1),
        (json!({"kind": "time-limit"}), 500, 1),
    ] {
        site.admin("/admin/faults", &rule.to_string());
        assert_eq!(site.put_records(&rows(1)).status, status, "{rule}");
        assert_eq!(site.stats()["objects"]["people"]["rows"].as_u64().unwrap_or(0), held, "{rule}");
    }
    assert_eq!(site.json("GET", "/admin/faults", &[], "").1[0]["count"], 0);
}

#[test]
fn locked_and_bad_rows_do_not_sink_their_neighbours_but_poison_does() {
    let site = Site::quick();
    site.admin("/admin/faults", r#"{"kind":"lock"}"#);
    let text = site.put_records(&rows(6)).text();
    assert_eq!(text.matches("UNABLE_TO_LOCK_ROW").count(), 2);
    site.admin("/admin/bad-records", r#"{"pattern":"U?","code":"STRING_TOO_LONG","temporary":1}"#);
    assert_eq!(site.put_records(&rows(6)).text().matches("STRING_TOO_LONG").count(), 1);
    site.admin("/admin/bad-records", r#"{"pattern":"U4","whole_call":true}"#);
    let reply = site.put_records(&rows(6));
    assert_eq!(reply.status, 500);
    assert!(reply.text().contains("INVALID_BATCH"));
    assert_eq!(site.put_records(&rows(4)).status, 200);
}

#[test]
fn answers_are_wrong_on_demand() {
    let site = Site::quick();
    for (variant, check) in [
        ("garbage", (|body: &str| !body.contains("Envelope")) as fn(&str) -> bool),
        ("html", |body| body.contains("<html>")),
        ("empty", |body| body.is_empty()),
        ("truncated-xml", |body| body.contains("Envelope") && !body.contains("</s:Envelope>")),
        ("more-results", |body| body.matches("<result>").count() == 3),
        ("fewer-results", |body| body.matches("<result>").count() == 1),
        ("wrong-keys", |body| body.contains("<key>not-U0</key>")),
        ("shuffled", |body| body.find("U1") < body.find("U0")),
        ("huge", |body| body.len() > 80_000_000),
    ] {
        site.admin("/admin/faults", &json!({"kind": "wrong-answer", "variant": variant}).to_string());
        let reply = site.put_records(&rows(2));
        assert!(reply.status == 200 && check(&reply.text()), "{variant}");
    }
}

#[test]
fn bodies_are_read_slowly_and_answers_sent_slowly() {
    let site = Site::quick();
    for kind in ["slow-read", "slow-answer"] {
        site.admin("/admin/faults", &json!({"kind": kind, "bytes_per_second": 1500}).to_string());
        let began = Instant::now();
        assert_eq!(site.put_records(&rows(5)).status, 200);
        assert!(began.elapsed() > Duration::from_millis(200), "{kind}");
    }
}

#[test]
fn a_cloud_that_is_down_says_so_everywhere() {
    let site = Site::quick();
    assert_eq!(site.json("GET", "/health", &[], "").0, 200);
    site.admin("/admin/down", r#"{"down":true}"#);
    assert_eq!(site.json("GET", "/health", &[], ""), (503, json!({"state": "down"})));
    let reply = site.put_records(&rows(1));
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("5")));
    site.admin("/admin/reset", "");
    assert_eq!(site.json("GET", "/health", &[], "").0, 200);
}

#[test]
fn the_log_has_every_call() {
    let site = Site::quick();
    site.put_records(&rows(3));
    site.put_records("<broken");
    let log = site.send("GET", "/admin/calls", &[], b"").text();
    let calls: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(calls.len(), 2);
    assert_eq!(
        (&calls[0]["rows"], &calls[0]["written"], &calls[0]["outcome"]),
        (&3.into(), &3.into(), &"ok".into())
    );
    assert_eq!(calls[1]["outcome"], "refused");
    assert_eq!(site.send("GET", "/admin/calls?after=1", &[], b"").text().lines().count(), 1);
}

#[test]
fn five_thousand_rows_of_168_fields_are_taken() {
    let site = Site::quick();
    let mut row = String::new();
    for field in 2..=168 {
        row.push_str(&format!("<F{field:03}>{}</F{field:03}>", field % 2));
    }
    let body: String = (0..5000).map(|n| format!("<row><F001>U{n:09}</F001>{row}</row>")).collect();
    assert!(body.len() > 11_000_000, "{} bytes", body.len());
    let reply = site.put_records(&body);
    assert_eq!(reply.status, 200);
    assert_eq!(site.stats()["objects"]["people"]["rows"], 5000);
}
