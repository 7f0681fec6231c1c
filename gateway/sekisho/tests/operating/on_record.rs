//! Every exchange is on record: what an auditor can show of it, whatever is killed, full, or altered.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::asking::{batch, japanese};
use crate::running::{Gateway, Site, said, text};
use crate::wire::Connection;

fn folder(gateway: &Gateway) -> PathBuf {
    gateway.site.path("state/exchanges")
}

/// The lines of exchanges that began so far, as the log has them.
fn exported(gateway: &Gateway, more: &[&str]) -> Vec<Value> {
    let folder = folder(gateway);
    let args = [&["log", "export", text(&folder), "--form", "ndjson"], more].concat();
    let (code, out, err) = said(&args);
    assert_eq!(code, 0, "{err}");
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits until an exchange with the client that is looked for is on record, and gives all of them.
fn with_city(gateway: &Gateway, looked_for: impl Fn(&Value) -> bool) -> Vec<Value> {
    loop {
        let lines = exported(gateway, &["--client", "city"]);
        if lines.iter().any(&looked_for) {
            return lines;
        }
    }
}

#[test]
fn what_was_exchanged_is_on_record_and_whoever_alters_it_is_found() {
    let mut gateway = Gateway::start(Site::new());
    let id = batch(&gateway);
    let mut connection = gateway.connect();
    assert_eq!(connection.get(&format!("/rows/batches/{id}")).status, 200);
    assert_eq!(gateway.connect().post("/rows", "Code\r\nKanari7\r\n").status, 422);
    assert_eq!(gateway.connect().get("/elsewhere/Kanari7?Kanari7=1").status, 404);
    let lines = with_city(&gateway, |line| line["status"] == 422);
    let taken = lines.iter().find(|line| line["outcome"] == "accepted").unwrap();
    assert_eq!(
        (&taken["operation"], &taken["route"], &taken["door"]),
        (&"submit".into(), &"rows".into(), &"rest".into())
    );
    assert_eq!(
        (&taken["batch"], &taken["records"], &taken["schema"]),
        (&id.clone().into(), &2.into(), &"passed".into())
    );
    assert_eq!(taken["digest"].as_str().unwrap().len(), 64);
    let asked = lines.iter().find(|line| line["operation"] == "receipt").unwrap();
    assert_eq!((&asked["batch"], &asked["status"]), (&id.into(), &200.into()));
    let refused = lines.iter().find(|line| line["status"] == 422).unwrap();
    assert_eq!((&refused["schema"], &refused["outcome"]), (&"failed".into(), &"refused".into()));

    // It dies, and goes on.
    gateway.killed_and_restarted(|_| {});
    assert_eq!(gateway.connect().get("/rows/heartbeat").status, 200);
    with_city(&gateway, |line| line["operation"] == "heartbeat");
    let folder = folder(&gateway);
    let (code, out, err) = said(&["log", "verify", text(&folder)]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("went on behind a file that was not closed: 1"), "{out}");
    let japanese_out = said(&["log", "verify", text(&folder), "--language", "ja"]).1;
    assert!(japanese_out.lines().all(japanese), "{japanese_out}");

    // The key that it made is its owner's, and the public one is another thing than one's own.
    let (code, public, _) = said(&["log", "key", text(&gateway.site.path("state/log.key"))]);
    assert_eq!(code, 0);
    let public = gateway.site.write("log.pub", &public);
    let verify = |more: &[&str]| said(&[&["log", "verify", text(&folder)], more].concat());
    assert_eq!(verify(&["--public-key", text(&public)]).0, 0);
    let other = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
    let other = gateway.site.write("other.pub", other);
    let (code, out, _) = verify(&["--public-key", text(&other)]);
    assert!(code == 2 && out.contains("exchanges-0000000001.ndjson:1: signature-key"), "{out}");
    let (code, out, _) = verify(&["--closed"]);
    assert!(code == 1 && out.contains("log-not-closed"), "{out}");
    let nothing = format!("9999:{}", "0".repeat(64));
    assert!(verify(&["--head", &nothing]).1.contains("head-missing"));

    // Neither a value nor a path of a client is anywhere in it; and one byte more or less is found.
    let first = folder.join("exchanges-0000000001.ndjson");
    let mut written = fs::read_to_string(&first).unwrap();
    assert!(!written.contains("Kanari7"), "{written}");
    written = written.replacen("\"client\":\"city\"", "\"client\":\"town\"", 1);
    let place = written.lines().position(|line| line.contains("\"town\"")).unwrap() + 1;
    fs::write(&first, written).unwrap();
    let (code, out, _) = verify(&[]);
    assert!(
        code == 1 && out.contains(&format!("exchanges-0000000001.ndjson:{place}: line-altered")),
        "{out}"
    );
    assert_eq!(said(&["log", "verify", text(&gateway.site.path("nothing"))]).0, 3);
}

#[test]
fn a_route_that_passes_nothing_without_a_record_refuses_when_there_can_be_none() {
    let site = Site::new();
    let strict = site.plain().replace("path = \"/rows\"\n", "path = \"/rows\"\nno_record_no_relay = true\n");
    site.configure(&format!("[log.exchanges]\nrotate_bytes = 65536\n{strict}"));
    let gateway = Gateway::start(site);
    let heartbeat = || Connection::open(gateway.address("one")).get("/rows/heartbeat");
    assert_eq!(heartbeat().status, 200);
    let on_record = exported(&gateway, &["--route", "rows"]).len();
    assert_eq!(on_record, 1, "before the answer, its line is on the disk");
    // No further file can be begun.
    fs::remove_dir_all(folder(&gateway)).unwrap();
    let refused = (0..2_000).map(|_| heartbeat()).find(|answer| answer.status != 200).unwrap();
    assert!(refused.status == 503 && refused.body.contains("log-unavailable"), "{}", refused.body);
    assert_eq!(gateway.metric_that("sekisho_log_failing ", |value| value == "1"), "1");
    let admin = Connection::open(gateway.address("admin")).get("/heartbeat").body;
    let hops: Value = serde_json::from_str(&admin).unwrap();
    assert!(hops["hops"].as_array().is_some_and(|hops| !hops.is_empty()), "{admin}");
    let refused = gateway.connect().post("/rows", "Code\r\nA\r\n");
    assert!(refused.status == 503 && refused.body.contains("Nothing was taken"), "{}", refused.body);
}

#[test]
fn permitted_flows_are_listed_for_people_and_programs() {
    let site = Site::new();
    let config = site.path("sekisho.toml");
    let flows = |more: &[&str]| said(&[&["flows", "--config", text(&config)], more].concat());
    let (code, out, err) = flows(&["--form", "json"]);
    assert_eq!(code, 0, "{err}");
    let listed: Vec<Value> = serde_json::from_str(&out).unwrap();
    let taken = listed.iter().find(|flow| flow["operation"] == "rest: submit").unwrap();
    assert_eq!((&taken["from"], &taken["method"]), (&"127.0.0.0/8".into(), &"POST".into()));
    assert_eq!((&taken["path"], &taken["client"]), (&"/rows/batches".into(), &"city".into()));
    let sent = listed.iter().find(|flow| flow["direction"] == "out" && flow["route"] == "rows").unwrap();
    assert_eq!(
        (&sent["path"], &sent["operation"], &sent["upstream"]),
        (&"/in".into(), &"rest".into(), &"main".into())
    );
    let (_, csv, _) = flows(&["--form", "csv"]);
    assert_eq!(csv.lines().count(), listed.len() + 1);
    assert!(csv.starts_with(
        "direction,from,to,protocol,proof,method,path,operation,client,route,purpose,upstream\r\n"
    ));
    let (_, table, _) = flows(&["--language", "ja"]);
    assert!(table.lines().count() == listed.len() + 1 && table.starts_with("方向"), "{table}");

    // Where keys are asked for, rows leave, too.
    let plain = site.plain();
    let (before, _) = plain.split_once("[route.dialect]").unwrap();
    let wsdl = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/wsdl/intake.wsdl");
    site.configure(&format!(
        r#"{before}key = ["Code"]
mapping = {{ key = ["Code"] }}
[route.dialect]
kind = "soap"
wsdl = "{wsdl}"
path = "/services/{{batch}}"
operation = "addRecords"
[route.dialect.find]
keys = "used-once"
path = "/services/{{batch}}/found"
operation = "findRecords"
found = "found"
"#
    ));
    let (code, out, err) = flows(&["--form", "json"]);
    assert_eq!(code, 0, "{err}");
    let listed: Vec<Value> = serde_json::from_str(&out).unwrap();
    let sent = listed.iter().find(|flow| flow["direction"] == "out" && flow["route"] == "rows").unwrap();
    assert_eq!(sent["path"], "/services/{batch} /services/{batch}/found");
    site.configure("[gateway]\n");
    assert_eq!(flows(&[]).0, 1);
}
