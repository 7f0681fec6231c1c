//! Every target over what lies in its corpus, and over edited copies of it.
#![allow(clippy::unwrap_used)] // All of it is a test: a panic is its failure.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sekisho_fuzz::{TARGETS, Target};

/// Edited copies that a target is given, unless `FUZZ_RUNS` says how many.
const RUNS: u64 = 1_500;

/// Bytes that break things more often than others do.
const PIECES: [&[u8]; 24] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"--",
    b"\r\n--b",
    b"\r\n--b--",
    b"=",
    b"==",
    b"=\r\n",
    b"\0",
    b"\xff",
    b"<",
    b"</",
    b"/>",
    b"<![CDATA[",
    b"]]>",
    b"&",
    b"&#0;",
    b"<!--",
    b"<?x?>",
    b"\"",
    b",",
    b":",
    b"null",
];

fn corpus(target: &Target) -> Vec<(String, Vec<u8>)> {
    let mut inputs = Vec::new();
    for folder in target.seeds() {
        for entry in
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        {
            let path = entry.unwrap().path();
            inputs.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    inputs.sort();
    assert!(!inputs.is_empty(), "{} has no inputs: put one into its folder", target.name);
    inputs
}

/// A copy with bytes put in, taken out, exchanged and doubled.
fn edited(random: &mut fastrand::Rng, corpus: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = corpus[random.usize(..corpus.len())].1.clone();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(..=bytes.len());
        let end = random.usize(at..=bytes.len().min(at + 64));
        match random.u8(..6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..at, PIECES[random.usize(..PIECES.len())].iter().copied())),
            3 => drop(bytes.splice(at..end, PIECES[random.usize(..PIECES.len())].iter().copied())),
            4 => {
                let copy = bytes[at..end].to_vec();
                let to = random.usize(..=bytes.len());
                drop(bytes.splice(to..to, copy));
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random.u8(..);
                }
            }
        }
    }
    bytes
}

/// Runs one target over its corpus and over edited copies: `FUZZ_RUNS` of them, from `FUZZ_SEED` on.
fn run(target: &Target) -> Result<(), String> {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
    };
    let corpus = corpus(target);
    let holds = |bytes: &[u8], what: &str| {
        catch_unwind(AssertUnwindSafe(|| (target.run)(bytes)))
            .map_err(|_| format!("{}: broken: {}\nby {what}", target.name, target.promise))
    };
    for (path, bytes) in &corpus {
        holds(bytes, path)?;
    }
    let mut random = fastrand::Rng::with_seed(number("FUZZ_SEED", 1));
    for _ in 0..number("FUZZ_RUNS", RUNS) {
        let bytes = edited(&mut random, &corpus);
        holds(&bytes, &bytes.escape_ascii().to_string())?;
    }
    Ok(())
}

#[test]
fn every_promise_holds() {
    let failures: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = TARGETS.iter().map(|target| scope.spawn(|| run(target))).collect();
        running.into_iter().filter_map(|running| running.join().unwrap().err()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn every_target_has_a_name_of_its_own_and_its_words() {
    let names: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(names.len(), TARGETS.len());
    for file in TARGETS.iter().filter_map(Target::dictionary) {
        assert!(file.is_file(), "{}", file.display());
    }
}
