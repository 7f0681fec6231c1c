//! Attacks: raw exchanges that are meant to hurt, each with the exact refusal that it has to get and the state that the
//! gateway has to be in after it.
//!
//! Attacks are data (`conformance/attacks/*.toml`); [`attack`] says what may stand in them. A run starts a gateway of its own
//! (`conformance/attacks/gateway.toml`, with short deadlines and low limits) between the reference cloud and an upstream
//! that says what an attack has it say, and may repeat all of them against that one process.

pub mod attack;
mod certificates;
mod figures;
mod gateway;
mod hostile;
mod metrics;
mod run;
mod state;
mod wire;

pub use run::{Options, run};

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, anyhow, ensure};

use attack::AttackFile;

/// Variants that a rule may have at the most.
const VARIANTS: usize = 5;

/// Reads every file of attacks of a folder, by name; `gateway.toml` is none.
///
/// # Errors
/// A file cannot be read, is none of attacks, an id comes twice, a rule has too many variants, or an attack makes no sense.
pub fn load(folder: &Path) -> anyhow::Result<Vec<AttackFile>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let is_data = path.extension().is_some_and(|extension| extension == "toml");
        if is_data && path.file_name().is_some_and(|name| name != "gateway.toml") {
            paths.push(path);
        }
    }
    paths.sort();
    let (mut ids, mut rules, mut files) = (HashSet::new(), HashSet::new(), Vec::new());
    for path in &paths {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file: AttackFile =
            toml::from_str(&text).with_context(|| format!("{} is no file of attacks", path.display()))?;
        for rule in &file.rule {
            ensure!(rules.insert(rule.name.clone()), "{}: two rules named {:?}", path.display(), rule.name);
            let variants = rule.attack.len();
            ensure!(variants <= VARIANTS, "{}: {:?} has {variants} variants", path.display(), rule.name);
            for attack in &rule.attack {
                ensure!(ids.insert(attack.id.clone()), "{}: two attacks {}", path.display(), attack.id);
                attack.sound(rule).map_err(|wrong| anyhow!("{}: {}: {wrong}", path.display(), attack.id))?;
            }
        }
        files.push(file);
    }
    ensure!(!files.is_empty(), "no attacks in {}", folder.display());
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::message;

    fn all() -> Vec<AttackFile> {
        load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("attacks")).unwrap()
    }

    #[test]
    fn there_are_as_many_attacks_as_promised_and_each_can_be_made() {
        let files = all();
        let mut count = 0;
        for file in &files {
            let mut names = file.text.clone();
            for name in run::NAMES {
                names.insert((*name).to_owned(), "/x".to_owned());
            }
            for attack in file.rule.iter().flat_map(|rule| &rule.attack) {
                for send in attack.before.iter().chain([&attack.send]) {
                    if !send.raw.is_empty() || !send.head.is_empty() {
                        message::bytes(send, &names, Path::new("")).unwrap_or_else(|error| {
                            panic!("{}: {error:#}", attack.id);
                        });
                    }
                }
                count += 1;
            }
        }
        assert!(count >= 250, "{count} attacks");
    }

    #[test]
    fn what_makes_no_sense_is_no_attack() {
        let read = |text: &str| {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("a.toml"), text).unwrap();
            load(folder.path()).map(|files| files.len())
        };
        let rule = |attacks: &str, expect: &str| {
            format!("kind = 'a'\n[[rule]]\nname = 'r'\nexpect = {{ {expect} }}\nattack = [{attacks}]\n")
        };
        let one = "{ id = 'x', send = { raw = 'a' } }";
        let refusal = "status = 400, code = 'c', closed = true";
        assert_eq!(read(&rule(one, refusal)).unwrap(), 1);
        let wrong = [
            rule(&format!("{one}, {one}"), refusal),
            rule(one, "status = 400, closed = true"),
            rule(one, "code = 'c'"),
            rule(one, ""),
            rule("{ id = 'x', send = {} }", refusal),
            rule(&(0..6).map(|n| one.replace('x', &n.to_string())).collect::<Vec<_>>().join(","), refusal),
            String::new(),
        ];
        for text in wrong {
            assert!(read(&text).is_err(), "{text}");
        }
    }
}
