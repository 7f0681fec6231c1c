//! What clients sent is looked for in everything that a gateway has written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::canaries::values;
use anyhow::Context;

/// Canaries that stand in what was written, each with where; those that also stand in the texts of `known` say nothing.
/// # Errors
/// A file cannot be read.
pub fn found(canaries: &[String], written: &[PathBuf], known: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    let mut known_texts = Vec::new();
    for path in all(known)? {
        known_texts.push(text(&path)?);
    }
    let known: BTreeSet<&str> = known_texts.iter().flat_map(|text| values(text)).collect();
    let looked_for: Vec<&String> =
        canaries.iter().filter(|canary| !known.contains(canary.as_str())).collect();
    let mut found = BTreeMap::new();
    for path in all(written)? {
        let text = text(&path)?;
        // Most stand alone, as values do; those that cases name are looked for in whatever they may be a part of.
        let held: BTreeSet<&str> = values(&text).collect();
        for canary in &looked_for {
            let named = canary.chars().all(|c| c.is_alphabetic() || c == '-');
            if held.contains(canary.as_str()) || (named && text.contains(canary.as_str())) {
                found.entry(canary.to_string()).or_insert_with(|| path.display().to_string());
            }
        }
    }
    Ok(found
        .into_iter()
        .map(|(canary, path)| format!("{canary:?} was sent by a case, and stands in {path}"))
        .collect())
}

/// The files, and those of the folders.
fn all(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            for entry in path.read_dir().with_context(|| path.display().to_string())? {
                files.extend(all(&[entry?.path()])?);
            }
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn text(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_found_wherever_it_was_written() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let (written, known) = (folder.path().join("written"), folder.path().join("known"));
        std::fs::create_dir(&written)?;
        std::fs::write(written.join("log"), "{\"code\":\"x\",\"name\":\"Kanari\"}\nT0001 quoted=K0002x")?;
        std::fs::write(&known, "T0001")?;
        let canaries = ["Kanari", "T0001", "K0002", "Other1"].map(str::to_owned);
        let found = found(&canaries, &[written], &[known])?;
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("\"Kanari\" was sent"), "{found:?}");
        Ok(())
    }
}
