//! Conformance cases: what is sent to a gateway, byte by byte, and what has to come back and be left behind.
//!
//! Cases are data (`cases/*.toml`); [`case`] says what may stand in them. A run takes them one after another, each on
//! a connection of its own, and needs nothing of the gateway but its listener; with the reference cloud behind it,
//! deliveries are waited for through the gateway's own receipts. Every answer of its REST resources is held to the
//! description that it serves of them as well.

pub mod canaries;
pub mod case;
mod check;
mod contract;
mod document;
pub(crate) mod message;
mod report;
mod run;
mod schema;
pub mod written;

pub use report::{Outcome, junit, summary};
pub use run::{Runner, Target};

use std::path::Path;

use crate::exchange::Reply;
use anyhow::{Context, bail, ensure};

use case::CaseFile;

/// The routes that cases know, by name, each with its path in `conformance/gateway.toml`.
pub const ROUTES: [(&str, &str); 16] = [
    ("orders", "/bulk"),
    ("lenient", "/lenient"),
    ("legacy", "/legacy"),
    ("unreached", "/unreached"),
    ("attributes", "/attributes"),
    ("differential", "/differential"),
    ("lookup", "/lookup"),
    ("awaited", "/awaited"),
    ("household", "/household"),
    ("keyed", "/keyed"),
    ("contents", "/contents"),
    ("last-wins", "/last-wins"),
    ("in-order", "/in-order"),
    ("disclosed", "/disclosed"),
    ("disclosed-in-part", "/disclosed-in-part"),
    ("disclosed-relay", "/disclosed-relay"),
];

/// Reads every case file of a folder, by name.
///
/// # Errors
/// A file cannot be read, is no case file, or two cases of an area have one name.
pub fn load(folder: &Path) -> anyhow::Result<Vec<CaseFile>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut files = Vec::new();
    for path in &paths {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file: CaseFile =
            toml::from_str(&text).with_context(|| format!("{} is no case file", path.display()))?;
        let mut names = std::collections::HashSet::new();
        for case in &file.case {
            ensure!(names.insert(&case.name), "{}: two cases named {:?}", path.display(), case.name);
            case.sound()
                .map_err(anyhow::Error::msg)
                .with_context(|| format!("{}: {}", path.display(), case.name))?;
        }
        files.push(file);
    }
    if files.is_empty() {
        bail!("no case files in {}", folder.display());
    }
    Ok(files)
}

/// Everything in an answer that is not as expected.
pub(crate) fn verdict(expect: &case::Expect, reply: &Reply) -> Vec<String> {
    check::reply(expect, reply, &mut message::Names::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cases_of_the_repository_are_sound_and_no_fewer_than_promised() {
        let files = load(Path::new(env!("CARGO_MANIFEST_DIR")).join("cases").as_path()).unwrap();
        let count: usize = files.iter().map(|file| file.case.len()).sum();
        assert!(count >= 100, "{count} cases");
        for area in
            ["swa", "soap", "rest", "charset", "differential", "hostile", "heartbeat", "clients", "relay"]
        {
            assert!(files.iter().any(|file| file.area == area), "{area}");
        }
    }

    #[test]
    fn every_request_of_the_cases_can_be_made() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for file in load(&root.join("cases")).unwrap() {
            for case in &file.case {
                let mut names: message::Names = file.text.clone();
                for name in ROUTES.map(|(name, _)| name).into_iter().chain(["path", "below", "host"]) {
                    names.insert(name.to_owned(), "/x".to_owned());
                }
                for (send, expect) in case.exchanges() {
                    message::bytes(send, &names, &root.join("fixtures")).unwrap_or_else(|error| {
                        panic!("{}: {}: {error:#}", file.area, case.name);
                    });
                    names.extend(expect.capture.keys().map(|name| (name.clone(), "captured".to_owned())));
                }
            }
        }
    }
}
