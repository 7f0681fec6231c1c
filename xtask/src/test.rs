//! `cargo xtask test`: everything that must hold, from a clean clone.

use std::time::Instant;

use clap::Args;

use crate::bench::pacing;
use crate::clients;
use crate::conformance;
use crate::demo::{self, Dialect, Door};
use crate::examples;
use crate::kills;
use crate::long;
use crate::needs;
use crate::operations;
use crate::simulation;
use crate::tools;
use crate::w3c;
use crate::workspace::{Programs, cargo, check};

/// The version of cargo-deny that the repository's deny.toml is written for.
const DENY: &str = "0.20.2";

/// The cloud's limit, as the gateway is told it.
const LIMIT: &str = "10s";
/// A limit that a machine which stalls does not reach: where doors and dialects are looked at, and not the pace.
const PATIENT: &str = "60s";

/// What is run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Also what takes long: the main job in full size, with and without splitting, and the container image.
    #[arg(long, long_help = long::help())]
    long: bool,
    /// Only this one of the long parts.
    #[arg(long, value_name = "PART", conflicts_with = "long")]
    part: Option<long::Part>,
}

/// Runs it all; a step that cannot be made ends it.
pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    if let Some(part) = options.part {
        return long::run(part);
    }
    let started = Instant::now();
    let step = |name: &str| println!("\n== {name} ({} s)", started.elapsed().as_secs());
    step("what the tests need");
    needs::install(&needs::FOR_TESTS)?;
    needs::cargo_tool("cargo-deny", "cargo-deny", DENY)?;
    step("formatting");
    check(cargo().args(["fmt", "--all", "--check"]))?;
    step("bans, licences, sources");
    // What a fresh machine has not built yet it has not fetched either, and the check itself may not go out.
    check(cargo().args(["fetch", "--locked", "--quiet"]))?;
    check(cargo().args(["deny", "--offline", "--locked", "check", "bans", "licenses", "sources"]))?;
    step("lints");
    let lints = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    check(cargo().args(lints))?;
    step("tests");
    check(cargo().args(["test", "--workspace", "--locked"]))?;
    step("planted bugs");
    simulation::find_planted()?;
    step("the pace beside an oracle");
    let mut good = pacing::show(&pacing::Options::default())?;
    step("the release build");
    let programs = Programs::build()?;
    step("the operator's examples");
    examples::prometheus()?;
    examples::unit(&programs.path("sekisho"))?;
    step("the W3C's schema test suite");
    w3c::run(&programs)?;
    step("the conformance cases");
    good &= conformance::all(&programs)?;
    step("the clients of the real cloud");
    clients::run(&programs)?;
    step("the main job at every door, in every dialect");
    for (door, dialect) in combinations() {
        println!("\n-- {} to {dialect:?}", door.name());
        good &= demo::play(&demonstration(door, dialect, 3_000, PATIENT), &programs)?;
    }
    step("the main job without splitting, which must fail");
    good &= fails_without_splitting(&programs, 20_000)?;
    step("what an operator does");
    operations::all(&programs)?;
    step("certificates that OpenSSL makes and shows");
    tools::certified(&programs)?;
    step("killed under load, and other troubles");
    kills::tested(&programs)?;
    if options.long {
        step("what takes long");
        good &= long::all()?;
    }
    println!("\n{} after {} s", if good { "all passed" } else { "FAILED" }, started.elapsed().as_secs());
    Ok(good)
}

/// The main job of the pilot: by one door into the described SOAP operation, with the cloud's own limit.
pub(crate) fn main_job(door: Door, records: u64) -> demo::Options {
    demonstration(door, Dialect::Soap, records, LIMIT)
}

/// Sends a batch in one request, as the pilot did. `true` when the cloud's time limit stopped it, as it must.
pub(crate) fn fails_without_splitting(programs: &Programs, records: u64) -> anyhow::Result<bool> {
    let unsplit = demo::Options { no_split: true, ..main_job(Door::Swa, records) };
    let outcome = demo::act(&unsplit, programs)?;
    let failed = !outcome.print();
    Ok(failed && outcome.hits().is_some_and(|hits| hits > 0))
}

/// Every door into one dialect, and one door into every dialect.
fn combinations() -> Vec<(Door, Dialect)> {
    let doors = [
        Door::Swa,
        Door::SoapXml,
        Door::SoapBase64,
        Door::RestCsv,
        Door::RestJson,
        Door::RestNdjson,
        Door::RestXml,
    ];
    let dialects = [Dialect::Swa, Dialect::Rest, Dialect::Bulk2, Dialect::Collections, Dialect::PartnerSoap];
    let doors = doors.into_iter().map(|door| (door, Dialect::Soap));
    doors.chain(dialects.into_iter().map(|dialect| (Door::Swa, dialect))).collect()
}

fn demonstration(door: Door, dialect: Dialect, records: u64, limit: &str) -> demo::Options {
    demo::Options {
        door,
        dialect,
        records,
        no_split: false,
        fixed_rows: None,
        fixed_in_flight: 8,
        seed: 1,
        per_row: "1ms".to_owned(),
        limit: limit.to_owned(),
    }
}
