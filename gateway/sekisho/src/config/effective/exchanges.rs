//! The exchange log: where it is kept, what signs it, and what holds on each route.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sekisho_edge::route::Route;
use sekisho_exchanges::{KeyError, Limits, RouteRule, SigningKey};

use super::gateway::{between, no_limit_is_off};
use crate::config::key_path::KeyPath;
use crate::config::mistake::Mistakes;
use crate::config::raw::{KeepExchanges, Raw, RouteSection};
use crate::config::words;
use crate::language::{Text, text};

/// The exchange log of a gateway.
#[derive(Debug, Clone)]
pub(crate) struct EffectiveExchanges {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// The key's file.
    pub(crate) key_file: PathBuf,
    /// The key is made where its file is not there: none is configured.
    pub(crate) may_make_key: bool,
    /// How often files are ended and checkpoints made.
    pub(crate) limits: Limits,
}

/// What is configured; `None` where nothing is put on record.
pub(super) fn build(raw: &Raw, folder: &Path, mistakes: &mut Mistakes) -> Option<EffectiveExchanges> {
    let section = &raw.log.exchanges;
    let path = KeyPath::root().dotted("log.exchanges");
    for (key, value) in [
        ("rotate_seconds", section.rotate_seconds),
        ("checkpoint_lines", section.checkpoint_lines),
        ("checkpoint_seconds", section.checkpoint_seconds),
    ] {
        if value == 0 {
            mistakes.add(&path.key(key), no_limit_is_off());
        }
    }
    let least = 64 * 1024;
    if !(least..=1 << 40).contains(&section.rotate_bytes) {
        mistakes.add(&path.key("rotate_bytes"), between(least, 1 << 40));
    }
    let state = folder.join(&raw.gateway.state);
    let log = section.folder.as_ref().map_or_else(|| state.join("exchanges"), |log| folder.join(log));
    if section.folder.is_some() {
        self::folder(&log, &path.key("folder"), mistakes);
    }
    let configured = section.key_file.as_ref().map(|file| folder.join(file));
    if let Some(file) = &configured
        && let Err(error) = SigningKey::read(file)
    {
        mistakes.add(&path.key("key_file"), said(&error));
    }
    if section.keep == KeepExchanges::IKnowThatNothingIsOnRecord {
        for (index, route) in raw.route.iter().enumerate().filter(|(_, route)| route.no_record_no_relay) {
            let name = &route.name;
            mistakes.add(
                &KeyPath::item_of("route", index).key("no_record_no_relay"),
                text!(
                    "route {name:?} would pass nothing: log.exchanges.keep says that nothing is on record",
                    "log.exchanges.keepで記録しないことになっているため、route {name:?} は何も通せません"
                ),
            );
        }
        return None;
    }
    Some(EffectiveExchanges {
        folder: log,
        may_make_key: configured.is_none(),
        key_file: configured.unwrap_or_else(|| state.join("log.key")),
        limits: Limits {
            rotate_bytes: section.rotate_bytes,
            rotate_millis: section.rotate_seconds.saturating_mul(1_000),
            checkpoint_lines: section.checkpoint_lines,
            checkpoint_millis: section.checkpoint_seconds.saturating_mul(1_000),
        },
    })
}

/// What holds on each route.
pub(super) fn rules(raw: &Raw, routes: &BTreeMap<String, Arc<Route>>) -> HashMap<String, RouteRule> {
    let rule = |section: &RouteSection| RouteRule {
        no_record_no_relay: section.no_record_no_relay,
        purpose: routes.get(&section.name).and_then(|route| route.purpose.clone()),
    };
    raw.route.iter().map(|route| (route.name.clone(), rule(route))).collect()
}

/// The folder is there, or its parent is.
fn folder(log: &Path, path: &KeyPath, mistakes: &mut Mistakes) {
    let shown = words::on_a_line(log);
    let parent = log.parent().filter(|parent| !parent.as_os_str().is_empty());
    if log.exists() && !log.is_dir() {
        mistakes.add(
            path,
            text!(
                "{shown} is a file; a folder is needed",
                "{shown} はファイルです。フォルダーを指定してください"
            ),
        );
    } else if !log.exists() && parent.is_some_and(|parent| !parent.is_dir()) {
        mistakes.add(
            path,
            text!(
                "the folder above {shown} is not there: make it first",
                "{shown} の上のフォルダーがありません。先に作ってください"
            ),
        );
    }
}

/// What is wrong with a key of the log, for those who configure or use it.
pub(crate) fn said(error: &KeyError) -> Text {
    match error {
        KeyError::File { path, error } => words::file(path, error),
        KeyError::Mode(path) => {
            let file = words::on_a_line(path);
            text!(
                "{file} can be read by others than its owner: take their rights away (chmod 600)",
                "{file} は所有者以外も読み取れます。他人の権限を外してください（chmod 600）"
            )
        }
        KeyError::Public(path) => {
            let file = words::on_a_line(path);
            text!(
                "{file} holds no Ed25519 public key in PEM: `sekisho log key` prints one",
                "{file} にPEM形式のEd25519公開鍵がありません。`sekisho log key` で出力できます"
            )
        }
        KeyError::Content(path) => {
            let file = words::on_a_line(path);
            text!(
                "{file} holds no Ed25519 key in PEM: `openssl genpkey -algorithm ed25519` makes one",
                "{file} にPEM形式のEd25519秘密鍵がありません。`openssl genpkey -algorithm ed25519` で作成できます"
            )
        }
        KeyError::Random => text!("{error}", "乱数を取得できないため、鍵を作れません"),
    }
}
