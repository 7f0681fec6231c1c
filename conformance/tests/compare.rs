//! The comparison of what was sent with what is held: it has to see everything that can be wrong.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // a test fails by panicking

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value as Json;

const SENT: &str = "F001,F002,F003\r\nU1,a,\r\nU2,\"b,\nc\",x\r\nU3,d,千葉\r\n";
const HELD: &str =
    "_key,_writes,_changes,F001,F002,F003\nU3,1,1,U3,d,千葉\nU1,1,1,U1,a,\nU2,1,1,U2,\"b,\nc\",x\n";

/// A folder of its own for a test's files.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sekisho-compare-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// Compares; the exit code and the counts.
    fn compare(&self, sent: &str, held: &str, more: &[&str]) -> (i32, Json) {
        self.compare_bytes(sent.as_bytes(), held, more)
    }

    fn compare_bytes(&self, sent: &[u8], held: &str, more: &[&str]) -> (i32, Json) {
        let (sent_path, held_path) = (self.0.join("sent.csv"), self.0.join("held.csv"));
        std::fs::write(&sent_path, sent).unwrap();
        std::fs::write(&held_path, held).unwrap();
        let output = Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/compare.py"))
            .arg("--json")
            .arg("--sent")
            .arg(&sent_path)
            .arg("--held")
            .arg(&held_path)
            .args(more)
            .output()
            .expect("python3 is needed");
        (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap_or(Json::Null))
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_same_is_the_same_in_any_order() {
    let folder = Folder::new("same");
    let (code, counts) = folder.compare(SENT, HELD, &[]);
    assert_eq!(
        (code, &counts["same"], &counts["sent"], &counts["held"]),
        (0, &true.into(), &3.into(), &3.into())
    );
    let ndjson = r#"{"key":"U1","writes":1,"changes":1,"row":{"F001":"U1","F002":"a"}}
{"key":"U2","writes":1,"changes":1,"row":{"F001":"U2","F002":"b,\nc","F003":"x"}}
{"key":"U3","writes":1,"changes":1,"row":{"F001":"U3","F002":"d","F003":"千葉"}}
"#;
    assert_eq!(folder.compare(SENT, ndjson, &[]).0, 0);
}

#[test]
fn everything_that_is_off_is_seen() {
    let folder = Folder::new("off");
    for (name, held) in [
        ("missing", HELD.replace("U1,1,1,U1,a,\n", "")),
        ("extra", format!("{HELD}U9,1,1,U9,z,\n")),
        ("different", HELD.replace("U1,a,", "U1,b,")),
        ("different", HELD.replace("千葉", "千叶")),
        ("different", HELD.replace("F003", "F004")),
        ("doubled", HELD.replace("U1,1,1", "U1,2,1")),
    ] {
        let (code, counts) = folder.compare(SENT, &held, &[]);
        assert_eq!(code, 1, "{name}: {counts}");
        assert!(counts[name].as_u64().unwrap() > 0, "{name}: {counts}");
    }
    let (code, counts) = folder.compare(&format!("{SENT}U1,a,\r\n"), HELD, &[]);
    assert_eq!((code, &counts["sent_twice"]), (1, &1.into()));
}

#[test]
fn a_rewrite_of_the_same_may_be_allowed_but_not_a_change() {
    let folder = Folder::new("rewrite");
    let rewritten = HELD.replace("U1,1,1", "U1,2,1");
    assert_eq!(folder.compare(SENT, &rewritten, &["--allow-rewrites"]).0, 0);
    let changed = HELD.replace("U1,1,1", "U1,2,2");
    assert_eq!(folder.compare(SENT, &changed, &["--allow-rewrites"]).0, 1);
}

#[test]
fn a_mapping_renames_drops_adds_and_nulls() {
    let folder = Folder::new("mapping");
    let mapping = folder.file(
        "mapping.json",
        r#"{"key":"F001","fields":{"F001":"C1","F003":"C3"},"constants":{"C9":"k"},"null":["C3"]}"#,
    );
    let held = "_key,_writes,_changes,C3,C1,C9\nU1,1,1,\\N,U1,k\nU2,1,1,x,U2,k\nU3,1,1,千葉,U3,k\n";
    assert_eq!(folder.compare(SENT, held, &["--mapping", &mapping]).0, 0);
    assert_eq!(folder.compare(SENT, &held.replace("\\N", ""), &["--mapping", &mapping]).0, 1);
    assert_eq!(folder.compare(SENT, &held.replace(",k", ",j"), &["--mapping", &mapping]).0, 1);
}

#[test]
fn deleted_and_rejected_records_must_not_be_held() {
    let folder = Folder::new("deleted");
    let sent = "F000,F001,F002\r\nupsert,U1,a\r\ndelete,U2,\r\nupsert,U3,c\r\n";
    let held = "_key,_writes,_changes,F001,F002\nU1,1,1,U1,a\n";
    let rejected = folder.file("rejected", "U3\n");
    let more = ["--key", "F001", "--operation", "F000", "--except-keys", &rejected];
    assert_eq!(folder.compare(sent, held, &more).0, 0);
    let (code, counts) = folder.compare(sent, &format!("{held}U2,1,1,U2,\n"), &more);
    assert_eq!((code, &counts["extra"]), (1, &1.into()));
}

#[test]
fn a_file_in_windows_31j_is_read() {
    let folder = Folder::new("cp932");
    let sent = b"F001,F002,F003\r\nU1,a,\r\nU2,\"b,\nc\",x\r\nU3,d,\x90\xe7\x97t\r\n";
    assert_eq!(folder.compare_bytes(sent, HELD, &["--encoding", "cp932"]).0, 0);
    assert_eq!(folder.compare_bytes(sent, HELD, &[]).0, 2, "no comparison without the right encoding");
}

#[test]
fn what_cannot_be_compared_is_no_success() {
    let folder = Folder::new("cannot");
    assert_eq!(folder.compare("", HELD, &[]).0, 2);
    assert_eq!(folder.compare(SENT, "something else", &[]).0, 2);
    assert_eq!(folder.compare("F001,F002\r\nU1\r\n", HELD, &[]).0, 2);
    assert_eq!(folder.compare(SENT, HELD, &["--key", "F999"]).0, 2);
}
