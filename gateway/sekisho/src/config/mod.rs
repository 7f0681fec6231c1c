//! Configuration: what an operator writes ([`raw`]), and what it means ([`effective`]). Two types, so that nothing
//! unchecked is ever used, and nothing derived is ever written down.

pub(crate) mod effective;
mod key_path;
mod mistake;
pub(crate) mod raw;
mod read;
mod shape;
mod syntax;
pub(crate) mod words;

pub(crate) use effective::Effective;
pub(crate) use mistake::{Mistake, Mistakes};
pub(crate) use raw::Raw;

#[cfg(test)]
mod tests;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

/// Loads and checks a configuration.
pub(crate) fn load(path: &Path) -> Result<(Raw, Effective), Vec<Mistake>> {
    let mut mistakes = Mistakes::new(path);
    let raw = read::file(path, &mut mistakes);
    // What could be read is judged whatever else is wrong: an operator mends a file once.
    let effective = raw.as_ref().and_then(|raw| Effective::build(raw, &mut mistakes));
    match (raw, effective) {
        (Some(raw), Some(effective)) if mistakes.is_empty() => Ok((raw, effective)),
        _ => Err(mistakes.into_list()),
    }
}

/// What is written in a configuration, whatever is wrong with what it names. `None` where that cannot be read.
pub(crate) fn written(path: &Path) -> Option<Raw> {
    read::file(path, &mut Mistakes::new(path))
}

/// The JSON Schema of a configuration.
pub(crate) fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Raw)).unwrap_or_default();
    text.push('\n');
    text
}

/// Prints the JSON Schema of a configuration.
pub(crate) fn print_schema() -> anyhow::Result<ExitCode> {
    std::io::stdout().write_all(schema().as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
