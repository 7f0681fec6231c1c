//! The exchange log: opened when the gateway starts, held against its signatures and exported by commands.

pub(crate) mod commands;

use std::path::Path;

use anyhow::bail;
use sekisho_exchanges::{ExchangeLog, Options, SigningKey};

use crate::config::Effective;
use crate::config::effective::EffectiveExchanges;
use crate::config::effective::exchanges::said as log_key;
use crate::language::{Said, text};

/// Makes the log's folder, if it is configured and its parent is there: before the process gives up what it does not need.
pub(crate) fn make_folder(exchanges: &EffectiveExchanges) -> Result<(), Said> {
    match sekisho_exchanges::make_folder(&exchanges.folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(Said(crate::config::words::file(&exchanges.folder, &error)))
        }
        _ => Ok(()),
    }
}

/// Opens the log, with a key that is made where none is configured and none is there.
pub(crate) fn open(effective: &Effective) -> anyhow::Result<ExchangeLog> {
    let Some(exchanges) = &effective.exchanges else { return Ok(ExchangeLog::default()) };
    let key = key(exchanges).map_err(|error| Said(log_key(&error)))?;
    let options = Options { folder: exchanges.folder.clone(), key, limits: exchanges.limits };
    match ExchangeLog::open(options) {
        Ok(log) => {
            log.arrange(effective.on_record.clone());
            Ok(log)
        }
        Err(error) => bail!(Said(text!("{error}", "交換記録を開けません（{error}）"))),
    }
}

fn key(exchanges: &EffectiveExchanges) -> Result<SigningKey, sekisho_exchanges::KeyError> {
    if !exchanges.may_make_key {
        return SigningKey::read(&exchanges.key_file);
    }
    let (key, made) = SigningKey::read_or_make(&exchanges.key_file)?;
    if made {
        tracing::info!(
            file = shown(&exchanges.key_file),
            public = %key.public(),
            "a key for the exchange log was made: keep what `sekisho log key` prints of it where this machine cannot change it"
        );
    }
    Ok(key)
}

fn shown(path: &Path) -> String {
    crate::config::words::on_a_line(path)
}
