//! Programs of others that attack, examine and question a gateway, each with exactly what must come of it: slowhttptest,
//! testssl.sh, OpenSSL as the authority and as the client, curl.

pub(crate) mod authority;
mod certificates;
mod examined;
mod gateway;
mod slow;

use std::path::PathBuf;

use clap::Args;

use crate::ground::cleared;
use crate::needs;
use crate::workspace::{Programs, target};

/// With which programs.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// With a debug build, which is made sooner.
    #[arg(long)]
    dev: bool,
}

/// Builds what is needed and runs all of it.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    needs::install(&needs::FOR_TESTS)?;
    let programs = if options.dev { Programs::build_dev()? } else { Programs::build()? };
    certified(&programs)?;
    long(&programs)
}

/// What takes seconds: certificates of every fate, made and shown by OpenSSL.
pub(crate) fn certified(programs: &Programs) -> anyhow::Result<()> {
    certificates::each_has_its_fate(programs, &fresh("certificates")?)
}

/// What takes a minute or two: slow attacks, and the examination of TLS.
pub(crate) fn long(programs: &Programs) -> anyhow::Result<()> {
    needs::install(&needs::FOR_TOOLS)?;
    slow::attacked(programs, &fresh("slow")?)?;
    examined::over_tls(programs, &fresh("examined")?)
}

/// An empty folder.
fn fresh(name: &str) -> anyhow::Result<PathBuf> {
    let folder = std::path::absolute(target().join("tools").join(name))?;
    cleared(&folder)?;
    Ok(folder)
}
