//! What operators of the municipality's side do with a policy: try files against it, and undo the pseudonyms of a route.

#![allow(clippy::unwrap_used)] // a test that cannot go on must end

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sekisho_policy::Pseudonyms;
use sekisho_policy::pseudonym::PseudonymKey;
use sekisho_policy::spec::Alphabet;

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A municipality's configuration with a key, in a folder of its own.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let text = std::fs::read_to_string(root.join("config/municipality.toml")).unwrap();
        let schemas = root.join("schemas").display().to_string();
        let text = text
            .replace("/var/lib/sekisho", "state")
            .replace("../schemas", &schemas)
            .replace("# key = \"pseudonym.key\"", "key = \"pseudonym.key\"");
        assert!(text.contains("\nkey = \"pseudonym.key\""));
        std::fs::write(folder.path().join("sekisho.toml"), text).unwrap();
        let site = Site { folder };
        site.key(KEY, 0o600);
        site
    }

    fn key(&self, text: &str, mode: u32) {
        let file = self.folder.path().join("pseudonym.key");
        std::fs::write(&file, format!("{text}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("sekisho.toml")
    }

    fn run(&self, args: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sekisho"))
            .env_remove("SEKISHO_LANGUAGE")
            .args(args)
            .arg("--config")
            .arg(self.config())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that does not read its input has closed it by now, perhaps.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The pseudonym of an id.
fn pseudonym(id: &str) -> String {
    let key = PseudonymKey::parse(KEY).unwrap();
    let mut made = String::new();
    Pseudonyms::new(&key, "user-id", Alphabet::Alphanumeric, 20).unwrap().make(id, &mut made).unwrap();
    made
}

#[test]
fn pseudonyms_are_undone_in_the_columns_that_have_them() {
    let site = Site::new();
    let (one, two) = (pseudonym("0001"), pseudonym("U2"));
    let undo = ["undo-pseudonyms", "--route", "attributes"];
    let done = site.run(&undo, &format!("\u{feff}name,F001\n\"a, \"\"b\"\"\",{one}\r\nc,\nd,{two}"));
    assert_eq!(text(&done.stderr), "");
    assert_eq!(text(&done.stdout), "name,F001\r\n\"a, \"\"b\"\"\",0001\r\nc,\r\nd,U2\r\n");
    assert_eq!(done.status.code(), Some(0));
    // Where a column has another name than the field.
    let named = [&undo[..], &["--column", "id=F001"]].concat();
    let done = site.run(&named, &format!("id,F001\n{one},x\n"));
    assert_eq!((text(&done.stdout), done.status.code()), ("id,F001\r\n0001,x\r\n", Some(0)));
}

#[test]
fn what_is_no_pseudonym_ends_the_command_and_is_not_shown() {
    let site = Site::new();
    let undo = ["undo-pseudonyms", "--route", "attributes"];
    let one = pseudonym("0001");
    for (input, said) in [
        (format!("F001\n{one}\nCANARY0000000000CANA\n"), "line 3: F001: is no pseudonym"),
        (format!("F001,x\n{one}\n"), "line 2: 1 cells, 2 are expected"),
        ("id\nCANARY\n".to_owned(), "line 1: no column is called as a field that has pseudonyms"),
    ] {
        let done = site.run(&undo, &input);
        let stderr = text(&done.stderr);
        assert!(stderr.contains(said) && !stderr.contains("CANARY"), "{stderr}");
        assert_eq!(done.status.code(), Some(1));
    }
    let japanese = site.run(&["--language", "ja", undo[0], undo[1], undo[2]], "F001\nx\n");
    assert!(text(&japanese.stderr).contains("2行目：F001：この鍵"), "{}", text(&japanese.stderr));
    // Another key is told as such: nothing is undone to something else.
    site.key(&KEY.replace('0', "1"), 0o600);
    let done = site.run(&undo, &format!("F001\n{one}\n"));
    assert_eq!((text(&done.stdout), done.status.code()), ("F001\r\n", Some(1)));
}

#[test]
fn a_key_that_everybody_may_read_is_refused() {
    let site = Site::new();
    site.key(KEY, 0o644);
    let checked = site.run(&["check-config"], "");
    let said = text(&checked.stdout);
    assert!(said.contains("policy.key: ") && said.contains("everybody on this machine"), "{said}");
    assert!(!said.contains(&KEY[..8]), "{said}");
    site.key("1234", 0o600);
    let checked = site.run(&["check-config"], "");
    assert!(text(&checked.stdout).contains("must hold 64 hexadecimal digits"), "{}", text(&checked.stdout));
}

#[test]
fn files_are_tried_as_the_route_would_take_them() {
    let site = Site::new();
    let flags = "0,".repeat(109) + "0";
    let record = |id: &str, note: &str| {
        let reserve = ",".repeat(45);
        format!("{id},20161001,1,1980,1,12101,00123,,{flags},,,,{note}{reserve},")
    };
    let header: Vec<String> = (1..=168).map(|n| format!("F{n:03}")).collect();
    let header = header.join(",").replacen("F001", "利用者ID", 1).replacen("F002", "年齢基準日", 1);
    let file = |records: &[String]| format!("{header}\n{}\n", records.join("\n"));
    let validate = ["validate", "--route", "attributes", "--format", "csv", "--charset", "utf-8", "-"];
    let done = site.run(&validate, &file(&[record("0001", "x"), record("0002", "CANARY 123456789018")]));
    let said = text(&done.stdout);
    assert!(
        said.starts_with("-:3:") && said.contains(": policy-my-number: record 2, F122: rule nobody-is-named"),
        "{said}"
    );
    assert!(!said.contains("CANARY") && !said.contains("123456789018"), "{said}");
    assert_eq!(done.status.code(), Some(1), "{said}");
    let done = site.run(&validate, &file(&[record("0001", "x")]));
    assert_eq!((text(&done.stdout), done.status.code()), ("", Some(0)));
    let done = site.run(&["validate", "--route", "nowhere", "--format", "csv", "-"], "");
    assert_eq!(done.status.code(), Some(64), "{}", text(&done.stderr));
}

const CONCEALED: &str = r#"
[gateway]
state = "state"
place = "municipality"

[[listener]]
name = "core"
listen = "127.0.0.1:8080"
routes = ["residents"]

[[client]]
name = "integration-database"
networks = ["127.0.0.0/8"]

[[schema]]
name = "residents"
file = "SCHEMA"
digest = "PIN"
record = "{urn:example:residents}Resident"

[[schema]]
name = "leaving"
file = "SCHEMA"
digest = "PIN"
record = "{urn:example:residents}Leaving"

[[upstream]]
name = "asp"
plain_http = "i-know-that-this-network-is-protected"
endpoint = { url = "http://10.20.0.10:8080" }

[[route]]
name = "residents"
path = "/residents"
clients = ["integration-database"]
doors = ["rest"]
schema = "residents"
upstream = "asp"
idempotent = true
key = ["X01"]
mapping = { key = ["X01"], drop = ["X06"] }

[route.dialect]
kind = "rest"
path = "/rows"
format = "csv"
results = { result = "results", key = "key", success = "success", code = "errors/code", field = "errors/field" }

[route.policy]
outgoing = "leaving"
names = "names.csv"
key = "pseudonym.key"

[[route.policy.rule]]
name = "gone"
fields = ["Name", "Base", "Phone", "Child/Name"]
absent = "absent"
action = "drop"

[[route.policy.rule]]
name = "ids"
fields = ["Id"]
pseudonym = { domain = "user-id" }

[[route.policy.rule]]
name = "births"
fields = ["Birth", "Child/Born"]
form = "year-month"
action = "generalise"
"#;

#[test]
fn mapping_and_key_are_those_of_what_leaves() {
    let site = Site::new();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy/tests/data/residents.xsd");
    let pin = Command::new(env!("CARGO_BIN_EXE_sekisho")).arg("pin").arg(&schema).output().unwrap();
    let config =
        CONCEALED.replace("SCHEMA", &schema.display().to_string()).replace("PIN", text(&pin.stdout).trim());
    let names = site.folder.path().join("names.csv");
    let table = "Id,X01\nBirth,X02\nTown,X03\nHouse,X04\nNote,X05\nChild/Born,X06/X07\n";
    let write = |config: &str, table: &str, mode| {
        std::fs::write(site.config(), config).unwrap();
        std::fs::write(&names, table).unwrap();
        std::fs::set_permissions(&names, std::fs::Permissions::from_mode(mode)).unwrap();
        let checked = site.run(&["check-config"], "");
        text(&checked.stdout).to_owned()
    };
    let said = write(&config, table, 0o640);
    assert!(said.contains("no mistakes"), "{said}");

    // Names as they come are none of what leaves.
    let said = write(&config.replace("key = [\"X01\"]\nmapping", "key = [\"Id\"]\nmapping"), table, 0o640);
    assert!(said.contains("key: ") && said.contains("Id"), "{said}");
    let said = write(
        &config.replace("drop = [\"X06\"]", "drop = [\"X06\"], rename = { Birth = \"B\" }"),
        table,
        0o640,
    );
    assert!(said.contains("mapping.rename.Birth: Birth is no field of the layout"), "{said}");
    // The table is secret: it is for nobody else to read, and none of its names is told.
    let said = write(&config, table, 0o644);
    assert!(said.contains("policy.names: ") && said.contains("everybody on this machine"), "{said}");
    let said = write(&config, &table.replace("X05", "SECRET"), 0o600);
    assert!(
        said.contains("policy.names: line 5 of the table of names") && !said.contains("SECRET"),
        "{said}"
    );

    // What leaves is judged: a file can be tried, and pseudonyms are undone under the concealed name.
    write(&config, table, 0o600);
    let validate = ["validate", "--route", "residents", "--format", "ndjson", "-"];
    let done =
        site.run(&validate, "{\"Id\":\"0001\",\"Birth\":\"S55.1.2\"}\n{\"Id\":\"2\",\"Birth\":\"CANARY\"}\n");
    let said = text(&done.stdout);
    assert!(said.contains("policy-form: record 2, Birth: rule births") && !said.contains("CANARY"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    let done =
        site.run(&["undo-pseudonyms", "--route", "residents"], &format!("X01\n{}\n", pseudonym("0001")));
    assert_eq!(text(&done.stdout), "X01\r\n0001\r\n", "{}", text(&done.stderr));
}
