//! The documents say what the code does, and the two languages say the same.

#![forbid(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};

const DOCUMENTS: [&str; 5] = ["README.md", "README.ja.md", "ARCHITECTURE.md", "SECURITY.md", "CHANGELOG.md"];

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the workspace").to_path_buf()
}

fn text(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What stands between two marks, wherever both do on one line.
fn between<'t>(text: &'t str, open: &'t str, close: &'t str) -> impl Iterator<Item = &'t str> {
    text.lines().flat_map(move |line| {
        line.match_indices(open).filter_map(move |(at, _)| {
            let rest = &line[at + open.len()..];
            rest.find(close).map(|end| &rest[..end])
        })
    })
}

#[test]
fn every_link_into_the_repository_leads_somewhere() {
    let mut links = 0;
    for document in DOCUMENTS {
        let text = text(document);
        for link in between(&text, "](", ")").filter(|link| !link.contains("://") && !link.starts_with('#')) {
            links += 1;
            assert!(root().join(link).exists(), "{document} links to {link}, which is not there");
        }
    }
    assert!(links > 15, "only {links} links were found");
}

/// One row for each class of refusal: title, statuses, blame.
fn wire_rows(title: &str) -> Vec<String> {
    let source = text("gateway/edge/src/refusal.rs");
    let titles = &source[source.find(title).expect("the titles are a function")..];
    let titles = &titles[..titles.find("\n    }\n").expect("the function ends")];
    let title_of = |class: &str| {
        let start = format!("Self::{class} => \"");
        between(titles, &start, "\"")
            .next()
            .map(str::to_owned)
            .unwrap_or_else(|| panic!("{class} has no title"))
    };
    let table = source.lines().filter_map(|line| {
        let (class, wire) = line.trim().strip_prefix("Self::")?.split_once(" => (")?;
        let cells: Vec<&str> = wire.trim_end_matches("),").split(", ").collect();
        let [rest, soap11, soap12, blame] = cells.as_slice() else { return None };
        Some(format!("| {} | {rest} | {soap11} | {soap12} | {blame} |", title_of(class)))
    });
    table.collect()
}

#[test]
fn the_table_of_statuses_is_the_one_in_force() {
    for (document, title) in [("README.md", "pub fn title("), ("README.ja.md", "pub fn title_ja(")] {
        let text = text(document);
        let rows = wire_rows(title);
        assert!(rows.len() >= 15, "{rows:?}");
        for row in &rows {
            assert!(text.lines().any(|line| line == row), "{document} lacks this row:\n{row}");
        }
        let shown =
            text.lines().filter(|line| line.ends_with("Sender |") || line.ends_with("Receiver |")).count();
        let meant =
            rows.iter().filter(|row| row.ends_with("Sender |") || row.ends_with("Receiver |")).count();
        assert_eq!(shown, meant, "{document} has rows that are not in force");
    }
}

#[test]
fn both_languages_show_the_same_commands_and_the_same_names() {
    let shown = |document: &str| -> (Vec<String>, Vec<String>, usize) {
        let text = text(document);
        let commands = text.lines().filter_map(|line| line.trim().strip_prefix("$ "));
        let commands =
            commands.map(|line| line.split('#').next().unwrap_or_default().trim().to_owned()).collect();
        let mut names: Vec<String> = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with("```")) {
            names.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
        names.sort();
        names.dedup();
        (commands, names, text.lines().filter(|line| line.starts_with("## ")).count())
    };
    let (en, ja) = (shown("README.md"), shown("README.ja.md"));
    assert_eq!(en.0, ja.0, "commands");
    assert_eq!(en.1, ja.1, "names");
    assert_eq!(en.2, ja.2, "sections");
}

#[test]
fn the_architecture_names_every_room_in_order() {
    let architecture = text("ARCHITECTURE.md");
    let workspace: toml::Table = text("Cargo.toml").parse().expect("the manifest is TOML");
    let members = workspace["workspace"]["members"].as_array().expect("members are a list");
    let mut last = 0;
    for member in
        members.iter().filter_map(toml::Value::as_str).filter(|member| member.starts_with("gateway/"))
    {
        let heading = format!("\n### `{member}`\n");
        let at =
            architecture.find(&heading).unwrap_or_else(|| panic!("ARCHITECTURE.md says nothing of {member}"));
        assert!(at > last, "{member} stands before the room that is listed above it");
        last = at;
    }
}
