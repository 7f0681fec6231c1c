//! The runtime of schemas beside another validator, from seeds that nobody has tried: the test of `xtask/fuzz` that is always the
//! same, with others.

use std::time::{Duration, Instant};

use crate::workspace::cargo;

/// Schemas of one run, each with a dozen documents.
const SCHEMAS: u32 = 500;
/// After this no other run begins; one takes about half a minute, where nothing else is done.
const BOUND: Duration = Duration::from_secs(300);

/// Runs the test until its time is over; false when the two disagree. The test prints seed, schema and document.
pub(super) fn tried() -> anyhow::Result<bool> {
    let started = Instant::now();
    let mut schemas = 0;
    while started.elapsed() < BOUND {
        let mut test = cargo();
        test.args([
            "test",
            "--package",
            "sekisho-fuzz",
            "--lib",
            "--locked",
            "--quiet",
            "--",
            "both_say_the_same",
        ]);
        if !test.env("SEKISHO_DIFFERENTIAL", SCHEMAS.to_string()).status()?.success() {
            return Ok(false);
        }
        schemas += SCHEMAS;
    }
    println!(
        "{schemas} schemas from random seeds, and no document on which the runtime and another validator disagree"
    );
    Ok(true)
}
