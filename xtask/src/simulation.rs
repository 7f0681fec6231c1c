//! Delivery on a virtual clock, as `xtask/simulation` has it: the planted bugs, and very many seeds.

use std::process::Command;

use crate::workspace::{cargo, check, target};

/// Seeds of the long part: about half an hour of one core.
const SEEDS: &str = "1000000";

/// Finds every planted bug. They are compiled for this alone: nothing else that is built has them.
pub(crate) fn find_planted() -> anyhow::Result<()> {
    let test = ["test", "--package", "sekisho-simulation", "--features", "planted", "--test", "planted"];
    check(cargo().args(test).args(["--locked", "--", "--nocapture"]))
}

/// Runs a million seeds; the first that breaks a promise ends it, by name.
pub(crate) fn run() -> anyhow::Result<()> {
    check(cargo().args(["build", "--release", "--locked", "--package", "sekisho-simulation"]))?;
    check(Command::new(target().join("release/sekisho-simulation")).args(["--seeds", SEEDS]))
}
