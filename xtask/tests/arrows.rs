//! The direction of the arrows between crates: each room of the house knows only those below it, and the conformance
//! suite and the repository's own commands know none of them.

#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Every room of the gateway with those that it may know, lowest first. A new room gets its line here, beside its place in
/// `ARCHITECTURE.md`.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("sekisho-charset", &[]),
    ("sekisho-xml", &["sekisho-charset"]),
    ("sekisho-datatypes", &[]),
    ("sekisho-xsd", &["sekisho-charset", "sekisho-xml", "sekisho-datatypes"]),
    ("sekisho-records", &["sekisho-charset", "sekisho-xml", "sekisho-datatypes", "sekisho-xsd"]),
    (
        "sekisho-policy",
        &["sekisho-charset", "sekisho-xml", "sekisho-datatypes", "sekisho-xsd", "sekisho-records"],
    ),
    (
        "sekisho-soap",
        &["sekisho-charset", "sekisho-xml", "sekisho-datatypes", "sekisho-xsd", "sekisho-records"],
    ),
    (
        "sekisho-journal",
        &["sekisho-charset", "sekisho-xml", "sekisho-datatypes", "sekisho-xsd", "sekisho-records"],
    ),
    // Below the way out, which writes to it: so it is no part of the journal.
    ("sekisho-exchanges", &[]),
    ("sekisho-upstream", &["sekisho-exchanges"]),
    ("sekisho-scan", &[]),
    ("sekisho-liveness", &[]),
    (
        "sekisho-delivery",
        &[
            "sekisho-charset",
            "sekisho-xml",
            "sekisho-datatypes",
            "sekisho-xsd",
            "sekisho-records",
            "sekisho-soap",
            "sekisho-journal",
            "sekisho-exchanges",
            "sekisho-upstream",
            "sekisho-liveness",
        ],
    ),
    (
        "sekisho-edge",
        &[
            "sekisho-charset",
            "sekisho-xml",
            "sekisho-datatypes",
            "sekisho-xsd",
            "sekisho-records",
            "sekisho-policy",
            "sekisho-soap",
            "sekisho-journal",
            "sekisho-exchanges",
            "sekisho-upstream",
            "sekisho-scan",
            "sekisho-liveness",
            "sekisho-delivery",
        ],
    ),
    (
        "sekisho",
        &[
            "sekisho-charset",
            "sekisho-xml",
            "sekisho-datatypes",
            "sekisho-xsd",
            "sekisho-records",
            "sekisho-policy",
            "sekisho-soap",
            "sekisho-journal",
            "sekisho-exchanges",
            "sekisho-upstream",
            "sekisho-scan",
            "sekisho-liveness",
            "sekisho-delivery",
            "sekisho-edge",
        ],
    ),
    // Talks to the gateway over the wire only: what judges the gateway must not be made of it.
    ("sekisho-conformance", &[]),
    // Starts programs and reads what they print.
    ("xtask", &["sekisho-conformance"]),
    // Gives bytes to the rooms that read bytes; nothing is built on it.
    (
        "sekisho-fuzz",
        &[
            "sekisho-charset",
            "sekisho-xml",
            "sekisho-datatypes",
            "sekisho-xsd",
            "sekisho-records",
            "sekisho-policy",
            "sekisho-soap",
            "sekisho-exchanges",
            "sekisho-scan",
            "sekisho-edge",
        ],
    ),
    // Lets the gateway's decisions and the reference cloud's readers meet on a virtual clock.
    (
        WHERE_BOTH_MEET,
        &[
            "sekisho-charset",
            "sekisho-xml",
            "sekisho-datatypes",
            "sekisho-xsd",
            "sekisho-records",
            "sekisho-soap",
            "sekisho-journal",
            "sekisho-exchanges",
            "sekisho-upstream",
            "sekisho-liveness",
            "sekisho-delivery",
            "sekisho-conformance",
        ],
    ),
];

/// The one place where the gateway's code and the suite's may meet. Nothing is built on it, and none of the two knows it.
const WHERE_BOTH_MEET: &str = "sekisho-simulation";

/// Crates from outside that one room stands for, so that the others meet its types and its rules instead.
const STANDS_FOR: &[(&str, &[&str])] = &[
    // `fuzz`: as the oracle of a target.
    ("encoding_rs", &["sekisho-charset", "sekisho-fuzz"]),
    // `xsd`: schemas from the disk, and the way into xsd-schema.
    ("quick-xml", &["sekisho-xml", "sekisho-datatypes", "sekisho-xsd", "sekisho-conformance"]),
    // `datatypes`: as the oracle of its tests; `fuzz`: of targets.
    ("xsd-schema", &["sekisho-xsd", "sekisho-datatypes", "sekisho-fuzz"]),
    ("rusqlite", &["sekisho-journal"]),
    ("multer", &["sekisho-edge"]),
    // `edge`: what certificates and revocation lists say.
    ("x509-parser", &["sekisho-edge"]),
];

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the workspace").to_path_buf()
}

fn manifest(path: &Path) -> Table {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The members of the workspace: package name, folder, manifest.
fn members() -> Vec<(String, String, Table)> {
    let workspace = manifest(&root().join("Cargo.toml"));
    let members = workspace["workspace"]["members"].as_array().expect("members are a list");
    let folders = members.iter().map(|member| member.as_str().expect("a member is a folder").to_owned());
    folders
        .map(|folder| {
            let manifest = manifest(&root().join(&folder).join("Cargo.toml"));
            let name = manifest["package"]["name"].as_str().expect("a package has a name").to_owned();
            (name, folder, manifest)
        })
        .collect()
}

/// Every dependency of a manifest, of whatever kind and for whatever target: section, key, value.
fn dependencies(manifest: &Table) -> Vec<(String, String, Value)> {
    fn collect(table: &Table, place: &str, found: &mut Vec<(String, String, Value)>) {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(entries) = table.get(kind).and_then(Value::as_table) else { continue };
            let entries =
                entries.iter().map(|(key, value)| (format!("{place}{kind}"), key.clone(), value.clone()));
            found.extend(entries);
        }
    }
    let mut found = Vec::new();
    collect(manifest, "", &mut found);
    for (target, table) in manifest.get("target").and_then(Value::as_table).into_iter().flatten() {
        if let Some(table) = table.as_table() {
            collect(table, &format!("target.{target}."), &mut found);
        }
    }
    found
}

/// The package that a dependency really is: renamed, or a path in disguise.
fn package(
    key: &str,
    value: &Value,
    shared: &Table,
    rooms: &BTreeMap<PathBuf, String>,
    base: &Path,
) -> String {
    let named = |value: &Value| value.get("package").and_then(Value::as_str).map(str::to_owned);
    let shared_value = shared.get(key).filter(|_| value.get("workspace").is_some());
    let (value, base) = shared_value.map_or((value, base.to_path_buf()), |value| (value, root()));
    let by_path = value.get("path").and_then(Value::as_str).map(|path| base.join(path));
    let by_path = by_path.and_then(|path| rooms.get(&path.canonicalize().ok()?).cloned());
    by_path.or_else(|| named(value)).unwrap_or_else(|| key.to_owned())
}

#[test]
fn no_room_knows_one_above_it() {
    let workspace = manifest(&root().join("Cargo.toml"));
    let shared = workspace["workspace"]["dependencies"].as_table().expect("shared versions are a table");
    let members = members();
    let rooms: BTreeMap<PathBuf, String> = members
        .iter()
        .map(|(name, folder, _)| (root().join(folder).canonicalize().expect("a member exists"), name.clone()))
        .collect();
    let names: BTreeSet<&str> = members.iter().map(|(name, ..)| name.as_str()).collect();
    let mut wrong = Vec::new();
    for (name, folder, manifest) in &members {
        let Some((_, may_know)) = MAY_KNOW.iter().find(|(room, _)| room == name) else {
            wrong.push(format!("{name} has no line in MAY_KNOW: say which rooms lie below it"));
            continue;
        };
        for (section, key, value) in dependencies(manifest) {
            let known = package(&key, &value, shared, &rooms, &root().join(folder));
            if names.contains(known.as_str()) && !may_know.contains(&known.as_str()) {
                wrong.push(format!(
                    "{name} knows {known} ({folder}/Cargo.toml, [{section}]), which is not below it"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What only some rooms may name, no other names.
#[test]
fn crates_that_a_room_stands_for_are_named_there_only() {
    for (name, _, manifest) in members() {
        for (section, key, _) in dependencies(&manifest) {
            if let Some((_, rooms)) = STANDS_FOR.iter().find(|(outside, _)| *outside == key) {
                assert!(
                    rooms.contains(&name.as_str()),
                    "{name} [{section}] names {key}, for which {} stands",
                    rooms[0]
                );
            }
        }
    }
}

/// Bugs planted on purpose are behind a feature that no crate turns on, and only the simulation passes on: what is built
/// without asking for it by name has none.
#[test]
fn nothing_turns_on_the_planted_bugs() {
    for (name, folder, manifest) in members() {
        let text = manifest.to_string();
        let passes_on = ["sekisho-journal", "sekisho-delivery", WHERE_BOTH_MEET].contains(&name.as_str());
        assert!(passes_on || !text.contains("planted"), "{folder}/Cargo.toml names the planted bugs");
        for (section, key, value) in dependencies(&manifest) {
            assert!(!value.to_string().contains("planted"), "{name} [{section}] turns them on in {key}");
        }
        let features = manifest.get("features").and_then(Value::as_table);
        let default = features.and_then(|features| features.get("default"));
        assert!(default.is_none_or(|default| !default.to_string().contains("planted")), "{name} has them");
    }
}

/// Fail points are behind a feature that no crate turns on by itself: rooms pass it on to those below them, and the binary is
/// built with it by `cargo xtask kills` alone. A release build with it does not compile (`gateway/journal/src/failpoints.rs`).
#[test]
fn nothing_turns_on_the_fail_points() {
    for (name, folder, manifest) in members() {
        for (section, key, value) in dependencies(&manifest) {
            assert!(!value.to_string().contains("failpoints"), "{name} [{section}] turns them on in {key}");
        }
        let features = manifest.get("features").and_then(Value::as_table);
        for (feature, turns_on) in features.into_iter().flatten().filter(|(name, _)| *name != "failpoints") {
            assert!(!turns_on.to_string().contains("failpoints"), "{folder}/Cargo.toml: {feature} has them");
        }
    }
    let source = root().join("gateway/journal/src/failpoints.rs");
    let source = fs::read_to_string(source).expect("the fail points can be read");
    let refused = "#[cfg(not(debug_assertions))]\ncompile_error!";
    assert!(source.contains(refused), "a release build must not have fail points");
}

/// The table of rooms is itself without cycles: whatever a room may know stands before it.
#[test]
fn arrows_point_one_way() {
    let order: Vec<&str> = MAY_KNOW.iter().map(|(room, _)| *room).collect();
    for (at, (room, may_know)) in MAY_KNOW.iter().enumerate() {
        for known in *may_know {
            let stands = order.iter().position(|other| other == known);
            assert!(
                stands.is_some_and(|stands| stands < at),
                "{room} may know {known}, which is not listed before it"
            );
        }
    }
}

#[test]
fn every_room_is_a_member_under_its_own_name() {
    let members = members();
    for (name, folder, _) in &members {
        let own = match folder.as_str() {
            "xtask" => "xtask".to_owned(),
            _ => match folder.rsplit('/').next() {
                Some("sekisho") => "sekisho".to_owned(),
                last => format!("sekisho-{}", last.unwrap_or_default()),
            },
        };
        assert_eq!(*name, own, "{folder} holds a package of another name");
    }
    let listed: BTreeSet<&str> = members.iter().map(|(_, folder, _)| folder.as_str()).collect();
    for room in fs::read_dir(root().join("gateway")).expect("the gateway has rooms") {
        let room = room.expect("a room can be read").path();
        if room.join("Cargo.toml").exists() {
            let folder = format!("gateway/{}", room.file_name().unwrap_or_default().to_string_lossy());
            assert!(listed.contains(folder.as_str()), "{folder} is not a member of the workspace");
        }
    }
}

/// One version of a crate for the whole house: a manifest names crates, the workspace their versions.
#[test]
fn versions_are_shared() {
    let mut own = Vec::new();
    for (_, folder, manifest) in members() {
        for (section, key, value) in dependencies(&manifest) {
            if value.get("workspace").and_then(Value::as_bool) != Some(true) {
                own.push(format!("{folder}/Cargo.toml [{section}] {key}"));
            }
        }
    }
    assert!(own.is_empty(), "versions outside [workspace.dependencies]:\n{}", own.join("\n"));
}

/// No source takes in another room's files behind cargo's back.
#[test]
fn the_suite_and_the_commands_include_no_source_of_the_gateway() {
    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    sources(&root().join("conformance"), &mut found);
    sources(&root().join("xtask"), &mut found);
    assert!(!found.is_empty());
    for path in found {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            let includes = line.contains("include!(") || line.starts_with("#[path");
            assert!(!(includes && line.contains("gateway")), "{}:{}: {line}", path.display(), number + 1);
        }
    }
}
