//! One target under libFuzzer: `cargo xtask fuzz` builds and runs this. The environment says which target.
//!
//! The macro writes the entry points that libFuzzer calls; the code that it stands for is its crate's, so that unsafe code
//! stays forbidden here.
#![no_main]
#![forbid(unsafe_code)]
// Its standard output is what `cargo xtask fuzz` reads.
#![allow(clippy::print_stdout)]

use std::sync::OnceLock;

use sekisho_fuzz::{TARGETS, Target};

/// The variable that names the target.
const NAME: &str = "SEKISHO_FUZZ_TARGET";

static CHOSEN: OnceLock<&'static Target> = OnceLock::new();

fn chosen() -> &'static Target {
    CHOSEN.get_or_init(|| {
        let name = std::env::var(NAME).unwrap_or_default();
        let known = TARGETS.iter().find(|target| target.name == name);
        known.unwrap_or_else(|| {
            TARGETS.iter().for_each(tell);
            std::process::exit(1);
        })
    })
}

/// One line for each target, for whoever runs them: name, promise, dictionary, folders with inputs.
fn tell(target: &Target) {
    let words = target.dictionary().map(|file| file.display().to_string()).unwrap_or_default();
    let seeds: Vec<String> = target.seeds().iter().map(|folder| folder.display().to_string()).collect();
    println!("{}\t{}\t{words}\t{}", target.name, target.promise, seeds.join("\t"));
}

libfuzzer_sys::fuzz_target!(init: chosen(), |bytes: &[u8]| (chosen().run)(bytes));
