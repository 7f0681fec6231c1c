//! The long run: an hour and some minutes, two targets at a time, with more of it for those that judge what clients send.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::bail;

use super::{Outcome, Target, table};
use super::{build, find, folder, fuzz, seeds, targets};
use crate::needs;

/// The XML guard, the schema runtime and the readers and checkers of records: what judges all that clients send.
const JUDGES: [&str; 8] =
    ["runtime", "xml", "expectation", "csv", "json", "xml-records", "doors", "datatypes"];
/// Minutes for each of them.
const MINUTES: f64 = 10.0;
/// Minutes for each of the others.
const SHARE: f64 = 5.0;
/// Targets at the same time. Each takes a core.
const AT_ONCE: usize = 2;
/// Where the table is written, in the folder of all that fuzzing makes.
const TABLE: &str = "long.txt";

/// Tries seeds for five minutes, then runs all targets; false when one of them broke its promise. The table of what was run is written after each.
pub(crate) fn long() -> anyhow::Result<bool> {
    needs::install(&needs::FOR_FUZZING)?;
    let agreed = seeds::tried()?;
    let program = build()?;
    let known = targets(&program)?;
    let file = folder().join(TABLE);
    let outcomes = at_once(
        shares(&known)?,
        &|target, minutes| {
            println!("{}, {minutes} minutes: {}", target.name, target.promise);
            fuzz(&program, target, minutes)
        },
        &|outcomes| Ok(std::fs::write(&file, table(outcomes))?),
    )?;
    print!("\n{}", table(&outcomes));
    let executions: u64 = outcomes.iter().map(|(_, outcome)| outcome.executions).sum();
    println!("{executions} executions; the table is in {}", shown(&file));
    Ok(agreed && outcomes.iter().all(|(_, outcome)| outcome.good))
}

/// The file as it is seen from the repository's root.
fn shown(file: &Path) -> String {
    file.strip_prefix(crate::workspace::root()).unwrap_or(file).display().to_string()
}

/// Every target with its minutes: those that take longest first, so that no core is left with a long one at the end.
fn shares(known: &[Target]) -> anyhow::Result<VecDeque<(&Target, f64)>> {
    let judges = JUDGES.iter().map(|name| find(known, name)).collect::<anyhow::Result<Vec<_>>>()?;
    let others = known.iter().filter(|target| !JUDGES.contains(&target.name.as_str()));
    Ok(judges
        .into_iter()
        .map(|target| (target, MINUTES))
        .chain(others.map(|target| (target, SHARE)))
        .collect())
}

/// Runs what waits, [`AT_ONCE`] at the same time, and tells of all that has ended whenever one has.
fn at_once<'t>(
    waiting: VecDeque<(&'t Target, f64)>,
    run: &(impl Fn(&Target, f64) -> anyhow::Result<Outcome> + Sync),
    tell: &(impl Fn(&[(&Target, Outcome)]) -> anyhow::Result<()> + Sync),
) -> anyhow::Result<Vec<(&'t Target, Outcome)>> {
    let waiting = Mutex::new(waiting);
    let ended = Mutex::new(Vec::new());
    let in_turn = || -> anyhow::Result<()> {
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some((target, minutes)) = next else { return Ok(()) };
            let outcome = run(target, minutes)?;
            let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.push((target, outcome));
            tell(&ended)?;
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(in_turn)).collect();
        for worker in workers {
            match worker.join() {
                Ok(worked) => worked?,
                Err(_) => bail!("a run panicked"),
            }
        }
        Ok(())
    })?;
    Ok(ended.into_inner().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use std::sync::Barrier;

    use super::*;
    use crate::workspace::root;

    /// The targets, by their folders.
    fn known() -> Vec<Target> {
        let folders = std::fs::read_dir(root().join("xtask/fuzz/corpus")).unwrap();
        folders
            .map(|folder| Target {
                name: folder.unwrap().file_name().into_string().unwrap(),
                promise: String::new(),
                words: None,
                seeds: Vec::new(),
            })
            .collect()
    }

    #[test]
    fn every_target_has_its_share_of_an_hour_and_those_that_judge_no_less_than_ten_minutes() {
        let known = known();
        let shares = shares(&known).unwrap();
        assert_eq!(shares.len(), known.len());
        for name in JUDGES {
            let minutes = shares.iter().find(|(target, _)| target.name == name).unwrap().1;
            assert!(minutes >= 10.0, "{name}: {minutes}");
        }
        let mut cores = [0.0_f64; AT_ONCE];
        for (_, minutes) in shares {
            cores.sort_by(f64::total_cmp);
            cores[0] += minutes;
        }
        let longest = cores.into_iter().fold(0.0, f64::max);
        assert!((60.0..=75.0).contains(&longest), "{longest} minutes altogether");
    }

    #[test]
    fn two_run_at_once_and_the_table_tells_minutes_and_executions_of_what_has_ended() {
        let known = known();
        let both = Barrier::new(AT_ONCE);
        let waiting = known.iter().take(4).map(|target| (target, 1.0)).collect();
        let told = Mutex::new(Vec::new());
        let outcomes = at_once(
            waiting,
            &|target, minutes| {
                // Nobody gets past this alone.
                both.wait();
                let good = target.name != known[3].name;
                Ok(Outcome { good, executions: 4711, seconds: minutes * 60.0, ..Outcome::default() })
            },
            &|outcomes| {
                told.lock().unwrap().push(table(outcomes));
                Ok(())
            },
        );
        let outcomes = outcomes.unwrap();
        assert_eq!(outcomes.len(), 4);
        let told = told.into_inner().unwrap();
        assert_eq!(told.iter().map(|table| table.lines().count()).collect::<Vec<_>>(), [2, 3, 4, 5]);
        let head: Vec<&str> = told[3].lines().next().unwrap().split_whitespace().collect();
        assert_eq!(head[..3], ["target", "minutes", "executions"]);
        for line in told[3].lines().skip(1) {
            let cells: Vec<&str> = line.split_whitespace().collect();
            assert_eq!(cells[1..3], ["1.0", "4711"], "{line}");
            assert_eq!(cells.last() == Some(&"YES"), cells[0] == known[3].name, "{line}");
        }
    }

    #[test]
    fn a_target_that_cannot_be_run_is_an_error() {
        let known = known();
        let waiting = known.iter().map(|target| (target, 1.0)).collect();
        assert!(at_once(waiting, &|_, _| bail!("no such program"), &|_| Ok(())).is_err());
    }
}
