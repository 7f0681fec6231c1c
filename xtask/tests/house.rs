//! Rules of the house that no compiler holds.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The longest file of the gateway, in lines.
const LONGEST: usize = 700;

/// Files that are longer, each with the reason why it has no seam. One that has become shorter must leave the list.
const LONGER: &[(&str, &str)] = &[];

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the workspace").to_path_buf()
}

/// Every file of the repository, by its path from the root: what git tracks, or would track if it were added now.
fn files() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the files");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).expect("names of files are UTF-8");
    let files: BTreeSet<String> =
        names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let files: Vec<String> = files.into_iter().filter(|name| root().join(name).is_file()).collect();
    assert!(files.len() > 50, "git lists no more than {} files", files.len());
    files
}

/// The text of a file; nothing for one that holds no text.
fn text(name: &str) -> Option<String> {
    let bytes = fs::read(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

fn sources() -> impl Iterator<Item = (String, String)> {
    files().into_iter().filter(|name| name.ends_with(".rs")).filter_map(|name| {
        let text = text(&name)?;
        Some((name, text))
    })
}

/// A phrase that this file must not hold itself.
fn phrase(parts: &[&str]) -> String {
    parts.concat()
}

#[test]
fn no_file_of_the_gateway_is_too_long_to_read() {
    let mut wrong = Vec::new();
    let mut long = BTreeSet::new();
    for (name, text) in sources().filter(|(name, _)| name.starts_with("gateway/")) {
        let lines = text.lines().count();
        if lines > LONGEST {
            long.insert(name.clone());
            if !LONGER.iter().any(|(listed, _)| *listed == name) {
                wrong
                    .push(format!("{name} has {lines} lines: look for the seam, or list it with its reason"));
            }
        }
    }
    for (listed, reason) in LONGER {
        assert!(!reason.is_empty());
        if !long.contains(*listed) {
            wrong.push(format!("{listed} is listed as longer than {LONGEST} lines, and is not"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_crate_forbids_unsafe_code_and_takes_the_shared_lints() {
    let mut wrong = Vec::new();
    let mut roots = 0;
    for (name, text) in sources() {
        let is_root =
            name.ends_with("src/lib.rs") || name.ends_with("src/main.rs") || name.contains("/src/bin/");
        if is_root && name.split('/').count() <= 5 {
            roots += 1;
            if !text.contains("#![forbid(unsafe_code)]") {
                wrong.push(format!("{name} does not forbid unsafe code"));
            }
        }
    }
    assert!(roots >= 12, "only {roots} crate roots were found");
    for name in files().into_iter().filter(|name| name.ends_with("/Cargo.toml")) {
        let manifest: toml::Table = text(&name).unwrap_or_default().parse().expect("a manifest is TOML");
        let shared =
            manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
        if shared != Some(true) {
            wrong.push(format!("{name} does not take the workspace's lints"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is not done is not there: no test is switched off, nothing is left for later behind a macro or an allowance.
#[test]
fn nothing_is_switched_off_or_stubbed() {
    let phrases = [
        phrase(&["#[ig", "nore"]),
        phrase(&["to", "do!("]),
        phrase(&["unimpl", "emented!("]),
        phrase(&["allow(dead", "_code)"]),
    ];
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            if phrases.iter().any(|phrase| line.contains(phrase.as_str())) {
                wrong.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The repository builds anywhere: no path of a machine that somebody worked on, and no host of a registry beyond what the
/// tools know by themselves.
#[test]
fn no_text_names_a_machine_or_a_registry() {
    let phrases = [
        phrase(&["/wo", "rk/"]),
        phrase(&["/ro", "ot/"]),
        phrase(&["/home", "/"]),
        phrase(&["/tm", "p/"]),
        phrase(&["index.crates", ".io"]),
        phrase(&["static.crates", ".io"]),
        phrase(&["://crates", ".io"]),
        phrase(&["registry.npm", "js.org"]),
        phrase(&["pypi", ".org"]),
        phrase(&["python", "hosted.org"]),
        phrase(&["proxy.go", "lang.org"]),
        phrase(&["deb.deb", "ian.org"]),
        phrase(&["docker", ".io"]),
        phrase(&["ghcr", ".io"]),
        phrase(&["quay", ".io"]),
    ];
    let mut wrong = Vec::new();
    for name in files().into_iter().filter(|name| name != "Cargo.lock") {
        let Some(text) = text(&name) else { continue };
        for (number, line) in text.lines().enumerate() {
            if let Some(phrase) = phrases.iter().find(|phrase| line.contains(phrase.as_str())) {
                wrong.push(format!("{name}:{}: `{phrase}`", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every crate comes from the one public index that cargo knows by itself, with a checksum, or lies in the repository.
#[test]
fn the_lock_file_names_one_index() {
    let lock: toml::Table = text("Cargo.lock").unwrap_or_default().parse().expect("the lock file is TOML");
    let packages = lock["package"].as_array().expect("packages are a list");
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(source) = package.get("source").and_then(toml::Value::as_str) else {
            assert!(name.starts_with("sekisho") || name == "xtask", "{name} has no source");
            continue;
        };
        assert!(
            source.starts_with("registry+") && source.ends_with("/rust-lang/crates.io-index"),
            "{name}: {source}"
        );
        assert!(package.get("checksum").is_some(), "{name} has no checksum");
    }
}
