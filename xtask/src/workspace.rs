//! Where things are, and how they are built.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The cargo that runs this.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a command; an error names it when it fails.
pub(crate) fn check(command: &mut Command) -> anyhow::Result<()> {
    let shown = format!("{command:?}");
    let status = command.status().with_context(|| format!("running {shown}"))?;
    if !status.success() {
        bail!("{shown} failed: {status}");
    }
    Ok(())
}

/// The programs of one build.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Builds the gateway, the reference cloud and the generator, as they are released.
    pub(crate) fn build() -> anyhow::Result<Self> {
        Self::build_with(&["--release"], "release")
    }

    /// Builds them for development: sooner, and slower in use.
    pub(crate) fn build_dev() -> anyhow::Result<Self> {
        Self::build_with(&[], "debug")
    }

    fn build_with(profile: &[&str], folder: &str) -> anyhow::Result<Self> {
        let packages = ["-p", "sekisho", "-p", "sekisho-conformance"];
        check(cargo().args(["build", "--bins", "--locked"]).args(profile).args(packages))?;
        Ok(Self { folder: target().join(folder) })
    }

    /// Those of an earlier build, in the folder of its profile.
    pub(crate) fn built(profile: &str) -> Self {
        Self { folder: target().join(profile) }
    }

    /// The path of one program.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A command that runs one program.
    pub(crate) fn command(&self, name: &str) -> Command {
        Command::new(self.path(name))
    }
}
