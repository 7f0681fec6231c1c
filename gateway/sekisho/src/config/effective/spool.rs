//! How payloads lie on the disk: the keys, read and looked at.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use sekisho_journal::{Encryption, KeptIn, SpoolError, WrappingKey};

use crate::config::key_path::KeyPath;
use crate::config::mistake::Mistakes;
use crate::config::raw::{Raw, WrappingKeySection};
use crate::config::words;
use crate::language::text;

/// Where the service manager puts credentials (systemd.exec(5), `LoadCredential`).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// How payloads are encrypted, if they are; whether it can be used, the mistakes say.
pub(super) fn encryption(raw: &Raw, folder: &Path, mistakes: &mut Mistakes) -> Option<Encryption> {
    let section = raw.spool.encryption.as_ref()?;
    let path = KeyPath::root().dotted("spool.encryption");
    let store = folder.join(&section.data_keys);
    let spool = folder.join(&raw.gateway.state).join("spool");
    let data_keys = path.key("data_keys");
    if apart(&store).starts_with(apart(&spool)) || apart(&spool).starts_with(apart(&store)) {
        let shown = words::on_a_line(&store);
        mistakes.add(
            &data_keys,
            text!(
                "{shown}: must be apart from the spool: who backs that up must not back up the keys",
                "{shown}：保管領域（spool）とは別のフォルダーにしてください。鍵を保管領域と一緒にバックアップしないためです"
            ),
        );
    } else if store
        .parent()
        .is_some_and(|parent| !parent.as_os_str().is_empty() && !made(parent, raw, folder))
    {
        let shown = words::on_a_line(&store);
        mistakes.add(
            &data_keys,
            text!(
                "the folder above {shown} is not there: make it first; only the last step is made at the start",
                "{shown} の上のフォルダーがありません。先に作ってください（起動時に作られるのは最後の段だけです）"
            ),
        );
    }
    if section.key.is_empty() {
        mistakes.add(
            &path.key("key"),
            text!(
                "at least one [[spool.encryption.key]] is needed",
                "[[spool.encryption.key]]が1つ以上必要です"
            ),
        );
    }
    let mut ids = HashSet::new();
    let mut keys = Vec::new();
    for (index, section) in section.key.iter().enumerate() {
        let path = path.key("key").item(index);
        if !WrappingKey::is_id(&section.id) {
            mistakes.add(
                &path.key("id"),
                text!(
                    "must be 1 to 32 lower-case letters, digits and hyphens, and must not begin with a hyphen",
                    "英小文字・数字・ハイフンの1～32文字にしてください（先頭はハイフン以外）"
                ),
            );
        } else if !ids.insert(section.id.as_str()) {
            mistakes.add(
                &path.key("id"),
                text!("is the id of another key already", "別の鍵のidとして既に書かれています"),
            );
        } else {
            keys.extend(key(section, &path, folder, mistakes));
        }
    }
    Some(Encryption { folder: store, keys })
}

/// A path without links as far as it is there, and without steps back.
fn apart(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if !parent.as_os_str().is_empty() => apart(parent).join(name),
        _ => path.to_owned(),
    }
}

/// The folder is there, or is made at the start.
fn made(parent: &Path, raw: &Raw, folder: &Path) -> bool {
    parent.is_dir() || apart(parent) == apart(&folder.join(&raw.gateway.state))
}

fn key(
    section: &WrappingKeySection,
    path: &KeyPath,
    folder: &Path,
    mistakes: &mut Mistakes,
) -> Option<WrappingKey> {
    let (path, file, kept) = match (&section.file, &section.credential) {
        (Some(file), None) => (path.key("file"), folder.join(file), KeptIn::File),
        (None, Some(name)) => {
            let path = path.key("credential");
            (path.clone(), credential(name, &path, mistakes)?, KeptIn::Credentials)
        }
        _ => {
            mistakes.add(
                path,
                text!(
                    "a key has either a file or a credential",
                    "鍵には、fileとcredentialのどちらか一方を書いてください"
                ),
            );
            return None;
        }
    };
    match WrappingKey::read(&section.id, &file, kept) {
        Ok(key) => Some(key),
        Err(SpoolError::Io { source, .. }) => {
            mistakes.add(&path, words::file(&file, &source));
            None
        }
        Err(error) => {
            let shown = words::on_a_line(&file);
            mistakes.add(
                &path,
                text!(
                    "{error}",
                    "{shown}：所有者以外に権限があるか、鍵（32バイト、または16進数64桁）ではありません"
                ),
            );
            None
        }
    }
}

/// The file of a credential.
fn credential(name: &str, path: &KeyPath, mistakes: &mut Mistakes) -> Option<PathBuf> {
    let plain = !name.is_empty() && !name.starts_with('.') && !name.contains('/');
    if !plain {
        mistakes.add(
            path,
            text!(
                "must be the name of a credential, as LoadCredential= has it",
                "LoadCredential=に書いたクレデンシャルの名前にしてください"
            ),
        );
        return None;
    }
    match credentials() {
        Some(folder) => Some(folder.join(name)),
        None => {
            mistakes.add(
                path,
                text!(
                    "there are no credentials: {CREDENTIALS} is not set, so that no service manager has started this",
                    "クレデンシャルがありません（{CREDENTIALS}が未設定）。サービスマネージャーから起動してください"
                ),
            );
            None
        }
    }
}

/// The service manager's folder of credentials, if there is one.
pub(crate) fn credentials() -> Option<PathBuf> {
    std::env::var_os(CREDENTIALS).filter(|folder| !folder.is_empty()).map(PathBuf::from)
}
