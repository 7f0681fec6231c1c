//! The W3C XML Schema Test Suite, as far as it lies in the repository, asked of the gateway's own checker.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::needs::{self, Need, PYTHON};
use crate::workspace::{Programs, check, root, target};

/// What unpacks and runs the suite.
const NEEDS: [Need; 3] =
    [PYTHON, Need { program: "tar", package: "tar" }, Need { program: "xz", package: "xz-utils" }];

/// Runs the half of the suite that the archive holds. A disagreement that is not on the list is an error, a crash or a
/// time-out among them; so is one on the list that is none any more.
pub(crate) fn run(programs: &Programs) -> anyhow::Result<()> {
    needs::install(&NEEDS)?;
    let (here, suite) = (root().join("conformance/w3c"), target().join("xsts"));
    // Unpacked anew each time: the archive is what counts.
    if suite.exists() {
        std::fs::remove_dir_all(&suite)?;
    }
    std::fs::create_dir_all(target())?;
    check(
        Command::new("tar")
            .arg("--extract")
            .arg("--file")
            .arg(here.join("xsts.tar.xz"))
            .arg("--directory")
            .arg(target()),
    )?;
    let checker = programs.path("sekisho");
    let checker = checker.to_str().context("the path of the program is no text")?;
    let mut runner = Command::new("python3");
    runner.arg(here.join("xsts.py")).arg("--suite").arg(&suite).args(["--half", "0", "--max-list", "0"]);
    let found = suite.join("disagreements.tsv");
    runner.args(["--server", &format!("{checker} validate --server"), "--disagreements"]).arg(&found);
    check(&mut runner)?;
    let (found, listed) =
        (tests(&found)?, tests(&root().join("gateway/xsd/tests/data/w3c-disagreements.tsv"))?);
    let (new, gone): (Vec<_>, Vec<_>) =
        (found.difference(&listed).collect(), listed.difference(&found).collect());
    ensure!(
        new.is_empty() && gone.is_empty(),
        "not on the list: {new:?}; on the list, and none any more: {gone:?}"
    );
    println!("{} disagreements, each with its reason on the list", listed.len());
    Ok(())
}

/// The tests of a list of disagreements.
fn tests(list: &Path) -> anyhow::Result<BTreeSet<String>> {
    let text = std::fs::read_to_string(list).with_context(|| list.display().to_string())?;
    let entries = text.lines().filter(|line| !line.starts_with('#'));
    Ok(entries.filter_map(|line| line.split('\t').nth(2)).map(str::to_owned).collect())
}
