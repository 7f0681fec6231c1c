//! Keys that wrap the keys of batches, while the gateway runs: exchanged at a reload, and what is wrapped with old ones wrapped
//! anew.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;

use anyhow::Context;
use sekisho_journal::{Encryption, Spool};
use tokio::task::spawn_blocking;

use crate::config::words;
use crate::language::{Said, text};

/// The folder of the keys of batches, for its owner only, if it is not there.
pub(crate) fn make_folder(encryption: &Encryption) -> Result<(), Said> {
    let folder = encryption.folder.display();
    match DirBuilder::new().mode(0o700).create(&encryption.folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(Said(
            text!(
                "the folder of the keys of batches {folder} cannot be made: ",
                "バッチの鍵を置くフォルダー {folder} を作れません："
            )
            .and(&words::reason(&error)),
        )),
        _ => Ok(()),
    }
}

/// Puts the keys of a configuration into force, or leaves all as it is.
pub(crate) async fn replace(spool: &Spool, encryption: Option<Encryption>) -> anyhow::Result<()> {
    let Some(encryption) = encryption else { return Ok(()) };
    let spool = spool.clone();
    spawn_blocking(move || spool.replace_keys(encryption.keys))
        .await?
        .context("exchanging the key-encryption keys")?;
    Ok(())
}

/// Wraps anew, beside all other work, what is wrapped with a key that is not the first one.
pub(crate) fn rewrap(spool: &Spool) {
    let spool = spool.clone();
    spawn_blocking(move || match spool.rewrap() {
        Ok(done) if done.batches + done.retired > 0 => tracing::info!(
            batches = done.batches,
            retired = done.retired,
            "keys of batches are wrapped anew: nothing needs the other key-encryption keys any more"
        ),
        Ok(_) => {}
        Err(error) => tracing::error!(
            %error, code = error.code(),
            "keys of batches could not be wrapped anew: the other key-encryption keys are still needed"
        ),
    });
}
