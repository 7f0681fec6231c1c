//! `sekisho validate --route`: the verdict on a file is the gateway's on it as a batch.

#![allow(clippy::unwrap_used)] // a test that cannot go on must end

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const HEAD: &str = "order_id,customer,amount,note\n";

/// A configuration with one route, in a folder of its own.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    /// `more` stands in the route's own section, its tables last.
    fn new(more: &str) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let schema = root.join("schemas/orders.xsd").display().to_string();
        let text = format!(
            "[gateway]\nstate = \"state\"\n[admin]\nlisten = \"127.0.0.1:9600\"\n\
             [[listener]]\nname = \"inside\"\nlisten = \"127.0.0.1:8080\"\nroutes = [\"orders\"]\n\
             [[client]]\nname = \"city\"\nnetworks = [\"127.0.0.0/8\"]\n\
             [[schema]]\nname = \"orders\"\nfile = \"{schema}\"\ndigest = \"{}\"\nrecord = \"{{urn:example:bulk}}order\"\n\
             [[upstream]]\nname = \"cloud\"\n[upstream.endpoint]\nurl = \"http://127.0.0.1:8090\"\n\
             [[route]]\nname = \"orders\"\npath = \"/orders\"\nclients = [\"city\"]\ndoors = [\"rest\"]\nschema = \"orders\"\n\
             upstream = \"cloud\"\nidempotent = true\nmapping = {{ key = [\"order_id\"] }}\n{more}\n\
             [route.dialect]\nkind = \"rest\"\npath = \"/rows\"\nformat = \"json\"\n\
             results = {{ result = \"results\", key = \"key\", success = \"success\", code = \"code\", field = \"field\" }}\n",
            pin(&root)
        );
        std::fs::write(folder.path().join("sekisho.toml"), text).unwrap();
        Site { folder }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("sekisho.toml")
    }

    fn run(&self, format: &str, args: &[&str], input: &str) -> Output {
        let temporary = self.folder.path().join("temporary");
        std::fs::create_dir_all(&temporary).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_sekisho"))
            .env_remove("SEKISHO_LANGUAGE")
            .env("TMPDIR", &temporary)
            .args(["validate", "--route", "orders", "--format", format, "--config"])
            .arg(self.config())
            .args(args)
            .arg("-")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that does not read its input has closed it by now, perhaps.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "something is left behind");
        output
    }

    /// Exit code, and each violation's code and line.
    #[track_caller]
    fn found(&self, format: &str, input: &str) -> (Option<i32>, Vec<(String, u64)>) {
        let output = self.run(format, &["--output", "json"], input);
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(!out.contains("CANARY"), "{out}");
        let objects = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let violations = objects.filter(|object| object["type"] == "violation").map(|violation| {
            assert!(violation["message"].as_str().unwrap().is_ascii(), "{violation}");
            let japanese = violation["message_ja"].as_str().unwrap().chars().any(|c| c >= 'ぁ');
            assert!(japanese, "{violation}");
            (violation["code"].as_str().unwrap().to_owned(), violation["line"].as_u64().unwrap())
        });
        let violations = violations.collect();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        (output.status.code(), violations)
    }
}

fn pin(root: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_sekisho"))
        .arg("pin")
        .arg(root.join("schemas/orders.xsd"))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn csv(ids: &[u32]) -> String {
    ids.iter().fold(HEAD.to_owned(), |csv, id| csv + &format!("{id},CANARY,1.00,\n"))
}

fn ndjson(ids: &[u32]) -> String {
    ids.iter().fold(String::new(), |lines, id| {
        lines + &format!("{{\"order_id\":{id},\"customer\":\"CANARY\",\"amount\":1}}\n")
    })
}

fn xml(ids: &[u32]) -> String {
    let orders = ids.iter().fold(String::new(), |xml, id| {
        xml + &format!(
            "<order><order_id>{id}</order_id><customer>CANARY</customer><amount>1</amount></order>\n"
        )
    });
    format!("<orders xmlns='urn:example:bulk'>\n{orders}</orders>")
}

fn is(code: &str, line: u64) -> (String, u64) {
    (code.to_owned(), line)
}

#[test]
fn several_records_of_one_key_are_what_the_route_says() {
    let refuse = Site::new("");
    let ids = [1, 2, 3, 2, 1];
    for (format, input, first) in [("csv", csv(&ids), 2), ("ndjson", ndjson(&ids), 1), ("xml", xml(&ids), 2)]
    {
        let twice = "cvc-identity-constraint.4.2.2";
        let wanted = vec![is(twice, first + 3), is(twice, first + 4), is("duplicate-keys", first + 3)];
        assert_eq!(refuse.found(format, &input), (Some(1), wanted), "{format}");
    }
    assert_eq!(refuse.found("csv", &csv(&[1, 2, 3])), (Some(0), vec![]));
    for records in ["last-wins", "in-order"] {
        let other = Site::new(&format!("duplicates = {{ records = \"{records}\" }}"));
        assert_eq!(other.found("csv", &csv(&ids)), (Some(0), vec![]), "{records}");
    }
    // A bad record in front moves no other.
    let bad = csv(&[1, 2, 2]).replacen("1,CANARY,1.00", "x,CANARY,1.00", 1);
    let wanted =
        vec![is("cvc-datatype-valid", 2), is("cvc-identity-constraint.4.2.2", 4), is("duplicate-keys", 4)];
    assert_eq!(refuse.found("csv", &bad), (Some(1), wanted));
}

#[test]
fn the_limits_are_the_routes() {
    let site = Site::new("limits = { records = 3, field_bytes = 20, record_bytes = 120 }");
    assert_eq!(site.found("csv", &csv(&[1, 2, 3])), (Some(0), vec![]));
    for (format, four, first) in
        [("csv", csv(&[1, 2, 3, 4]), 2), ("ndjson", ndjson(&[1, 2, 3, 4]), 1), ("xml", xml(&[1, 2, 3, 4]), 2)]
    {
        assert_eq!(site.found(format, &four), (Some(1), vec![is("too-many-records", first + 3)]), "{format}");
    }
    for (format, one) in [("csv", csv(&[1])), ("ndjson", ndjson(&[1])), ("xml", xml(&[1]))] {
        let (code, found) = site.found(format, &one.replace("CANARY", &"CANARY".repeat(4)));
        assert_eq!((code, found[0].0.as_str(), found.len()), (Some(1), "field-too-long", 1), "{format}");
        let (code, found) = site.found(format, &one.replace("CANARY", &"CANARY".repeat(40)));
        assert_eq!((code, found[0].0.as_str(), found.len()), (Some(1), "payload-limit", 1), "{format}");
    }
}

#[test]
fn a_file_without_records_is_no_batch() {
    let site = Site::new("");
    for (format, input, line) in
        [("csv", HEAD, 2), ("json", "[\n\n]", 3), ("xml", "<orders xmlns='urn:example:bulk'>\n</orders>", 2)]
    {
        assert_eq!(site.found(format, input), (Some(1), vec![is("no-records", line)]), "{format}");
    }
    for (language, words) in [("en", "ends at line 2, column 1"), ("ja", "2行1文字目で終わって")] {
        let output = site.run("csv", &["--language", language], HEAD);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.starts_with("-:2:1: no-records: ") && said.contains(words), "{said}");
    }
}

#[test]
fn what_cannot_be_tried_is_not_said_to_be_valid() {
    let site = Site::new("");
    let file = site.folder.path().join("orders.csv");
    std::fs::write(&file, csv(&[1])).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_sekisho"))
        .env_remove("SEKISHO_LANGUAGE")
        .env("TMPDIR", site.folder.path().join("nowhere"))
        .args(["validate", "--route", "orders", "--format", "csv", "--config"])
        .arg(site.config())
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("orders.csv: the keys of its records cannot be held"), "{said}");
}
