//! The files that operators take over from `config/`, held against the programs that will read them.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::needs::is_here;
use crate::workspace::{check, root, target};

/// Prometheus' own judgement of the rules, of their tests, and of what to add to its configuration.
pub(crate) fn prometheus() -> anyhow::Result<()> {
    let questions: [&[&str]; 3] = [
        &["check", "rules", "sekisho-alerts.yml", "sekisho-recording.yml"],
        &["test", "rules", "sekisho-alerts-test.yml"],
        &["check", "config", "--syntax-only", "scrape.yml"],
    ];
    for question in questions {
        check(promtool().current_dir(root().join("config/prometheus")).args(question))?;
    }
    Ok(())
}

/// Prometheus' judgement of what a gateway shows at `/metrics`: the format, and how names are made.
pub(crate) fn metrics(shown: &str) -> anyhow::Result<()> {
    let mut judge = promtool().args(["check", "metrics"]).stdin(Stdio::piped()).spawn()?;
    judge.stdin.take().context("promtool has no input")?.write_all(shown.as_bytes())?;
    ensure!(judge.wait()?.success(), "promtool finds fault with /metrics");
    Ok(())
}

fn promtool() -> Command {
    Command::new("promtool")
}

/// systemd's judgement of the unit, with the program that was built in the place of the installed one. Where there is no
/// systemd, as in a container, that is said.
pub(crate) fn unit(program: &Path) -> anyhow::Result<()> {
    if !is_here("systemd-analyze") {
        println!("there is no systemd here: config/systemd was not looked at");
        return Ok(());
    }
    let unit = std::fs::read_to_string(root().join("config/systemd/sekisho.service"))?;
    let program = std::path::absolute(program).with_context(|| program.display().to_string())?;
    let there = program.to_str().context("the path of the program is no text")?;
    let folder = target().join("unit");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("sekisho.service");
    std::fs::write(&file, unit.replace("/usr/local/bin/sekisho", there))?;
    // Without `--recursive-errors` a key that systemd does not know is no error.
    check(Command::new("systemd-analyze").args(["verify", "--man=no", "--recursive-errors=no"]).arg(&file))
}
