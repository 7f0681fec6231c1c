//! The trial of the README: `config/trial.toml` with its schemas beside it, on ports that are free.

use std::path::Path;

use anyhow::ensure;

use super::{generate, receipt, until};
use crate::demo::Stage;
use crate::workspace::{Programs, root};

/// What stands in `config/trial.toml` and in the README for the three addresses.
const ADDRESSES: [&str; 3] = ["127.0.0.1:8080", "127.0.0.1:9600", "127.0.0.1:8090"];

/// Every hop comes up, by the address of the route and of the operator, and records arrive.
pub(super) fn goes_as_written(programs: &Programs, folder: &Path) -> anyhow::Result<()> {
    let folder = folder.join("trial");
    let config = folder.join("config");
    for part in ["config/examples", "schemas"] {
        copy(&root().join(part), &folder.join(part))?;
    }
    let trial = std::fs::read_to_string(root().join("config/trial.toml"))?;
    for address in ADDRESSES {
        ensure!(trial.contains(address), "config/trial.toml has another address than {address}");
    }
    let stage = Stage::plain(programs, &config, |cloud| {
        let [listener, admin, upstream] = ADDRESSES;
        let free = trial.replace(listener, "127.0.0.1:0").replace(admin, "127.0.0.1:0");
        free.replace(upstream, &cloud.to_string())
    })?;
    for address in [format!("http://{}/attributes", stage.gateway), format!("http://{}", stage.admin)] {
        until("every hop of the trial is up", || {
            let output = programs.command("sekisho").args(["heartbeat", &address]).output()?;
            Ok(output.status.code() == Some(0))
        })?;
    }
    let file = generate(programs, &folder.join("records.csv"), 1_000, &[])?;
    for door in ["swa", "soap-base64", "rest-csv"] {
        let (code, receipt) = receipt(programs, &stage, "attributes", &file, &["--door", door])?;
        ensure!(code == Some(0), "{door}: exit code {code:?}: {receipt}");
    }
    stage.strike()
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
