//! What holds for the gateway as a whole: its folder, its limits, its admin listener.

use std::path::Path;
use std::time::Duration;

use sekisho_edge::{Admission, LeastRate, Shares, Token};

use super::tokens::Tokens;
use crate::config::key_path::KeyPath;
use crate::config::mistake::Mistakes;
use crate::config::raw::{LimitsSection, Raw};
use crate::config::words;
use crate::language::{Text, text};

pub(super) fn check(raw: &Raw, folder: &Path, mistakes: &mut Mistakes) {
    let root = KeyPath::root();
    let limits = &raw.limits;
    for (key, value) in [
        ("limits.uploads", limits.uploads as u64),
        ("limits.connections", limits.connections as u64),
        ("limits.requests", limits.requests as u64),
        ("limits.requests_per_second", limits.requests_per_second.into()),
        ("limits.requests_at_once", limits.requests_at_once.into()),
        ("limits.handshakes", limits.handshakes as u64),
        ("limits.head_fields", limits.head_fields as u64),
        ("limits.head_timeout_ms", limits.head_timeout_ms),
        ("limits.write_stall_ms", limits.write_stall_ms),
        ("limits.handshake_timeout_ms", limits.handshake_timeout_ms),
        ("limits.body_rate", limits.body_rate),
        ("limits.body_rate_window_ms", limits.body_rate_window_ms),
        ("limits.relay_bytes", limits.relay_bytes as u64),
        ("limits.client_spool_bytes", limits.client_spool_bytes),
        ("limits.client_spool_batches", limits.client_spool_batches),
        ("gateway.grace_ms", raw.gateway.grace_ms),
    ] {
        if value == 0 {
            mistakes.add(&root.dotted(key), no_limit_is_off());
        }
    }
    if !(1_024..=32 * 1024).contains(&limits.head_bytes) {
        mistakes.add(&root.dotted("limits.head_bytes"), between(1_024, 32 * 1024));
    }
    for (key, share, whole) in [
        ("limits.client_requests", limits.client_requests, limits.requests),
        ("limits.client_uploads", limits.client_uploads, limits.uploads),
        ("limits.client_relay_bytes", limits.client_relay_bytes, limits.relay_bytes),
        ("limits.network_connections", limits.network_connections, limits.connections),
        ("limits.address_connections", limits.address_connections, limits.connections),
    ] {
        // A whole of nothing is told already.
        if whole > 0 && share.is_some_and(|share| !(1..=whole).contains(&share)) {
            mistakes.add(&root.dotted(key), between(1, whole as u64));
        }
    }
    admin(raw, mistakes);
    for (section, empty) in [
        ("listener", raw.listener.is_empty()),
        ("client", raw.client.is_empty()),
        ("schema", raw.schema.is_empty()),
        ("upstream", raw.upstream.is_empty()),
        ("route", raw.route.is_empty()),
    ] {
        if empty {
            mistakes.add(
                &root.key(section),
                text!("at least one [[{section}]] is needed", "[[{section}]]が1つ以上必要です"),
            );
        }
    }
    state(&folder.join(&raw.gateway.state), mistakes);
    for (index, extra) in raw.sandbox.read.iter().enumerate() {
        let folder = folder.join(extra);
        let shown = words::on_a_line(&folder);
        // With what a file would say, where it is one.
        if let Err(error) = std::fs::read_dir(&folder) {
            let text = text!("the folder {shown} cannot be read: ", "フォルダー {shown} を読み取れません：");
            mistakes.add(&root.dotted("sandbox.read").item(index), text.and(&words::reason(&error)));
        }
    }
}

/// Beyond loopback the admin listener asks for a token, and whoever can read along has it, too.
fn admin(raw: &Raw, mistakes: &mut Mistakes) {
    let (root, admin) = (KeyPath::root(), &raw.admin);
    let plain = admin.plain_http.anywhere();
    let loopback = admin.listen.ip().is_loopback();
    if plain && loopback {
        mistakes.add(
            &root.dotted("admin.plain_http"),
            text!(
                "is for an admin listener beyond loopback: take it away",
                "ループバック以外の管理用リスナーのためのものです。削除してください"
            ),
        );
    }
    if !loopback && (admin.token_files.is_empty() || !plain) {
        mistakes.add(
            &root.dotted("admin.listen"),
            text!(
                "must be a loopback address (127.0.0.1 or [::1]), unless it asks for a token (admin.token_files) and its network is \
                 protected by other means (admin.plain_http = \"i-know-that-this-network-is-protected\")",
                "ループバックアドレス（127.0.0.1か[::1]）にしてください。それ以外にするには、トークン（admin.token_files）と、ネットワークが別の手段で\
                 保護されていること（admin.plain_http = \"i-know-that-this-network-is-protected\"）が必要です"
            ),
        );
    }
}

/// The tokens that the admin listener asks for.
pub(super) fn operators(
    raw: &Raw,
    folder: &Path,
    tokens: &mut Tokens,
    mistakes: &mut Mistakes,
) -> Vec<Token> {
    let path = KeyPath::root().dotted("admin.token_files");
    tokens.read(&raw.admin.token_files, None, &path, folder, mistakes)
}

/// What is taken at once, and from one client.
pub(in crate::config::effective) fn admission(limits: &LimitsSection) -> Admission {
    let usual = Admission::from(limits.uploads);
    Admission {
        requests: limits.requests,
        client_requests: limits.client_requests.unwrap_or(limits.requests.div_ceil(2)),
        client_uploads: limits.client_uploads.unwrap_or(usual.client_uploads),
        least_rate: LeastRate {
            bytes_per_second: limits.body_rate,
            window: Duration::from_millis(limits.body_rate_window_ms),
        },
        relay_bytes: limits.relay_bytes,
        client_relay_bytes: limits.client_relay_bytes.unwrap_or(limits.relay_bytes.div_ceil(2)),
        ..usual
    }
}

/// How many connections one listener takes, and of these from one network and one address.
pub(super) fn connections(limits: &LimitsSection) -> Shares {
    let usual = Shares::from(limits.connections);
    Shares {
        network: limits.network_connections.unwrap_or(usual.network),
        address: limits.address_connections.unwrap_or(usual.address),
        ..usual
    }
}

/// A number below 1 where it is a limit.
pub(super) fn no_limit_is_off() -> Text {
    text!("must be at least 1: there is no limit that is off", "1以上にしてください。無制限にはできません")
}

/// A number outside its bounds.
pub(super) fn between(least: u64, most: u64) -> Text {
    text!("must be between {least} and {most}", "{least}から{most}までにしてください")
}

/// The folder is there, or can be made when the gateway starts.
fn state(folder: &Path, mistakes: &mut Mistakes) {
    let path = KeyPath::root().dotted("gateway.state");
    let shown = folder.display();
    match std::fs::metadata(folder) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => mistakes.add(
            &path,
            text!(
                "{shown} is a file; a folder is needed",
                "{shown} はファイルです。フォルダーを指定してください"
            ),
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
            if parent.is_some_and(|parent| !parent.is_dir()) {
                let parent = parent.unwrap_or(folder).display();
                mistakes.add(
                    &path,
                    text!(
                        "the folder {parent} is not there: make it first; only the last step of {shown} is made at the start",
                        "フォルダー {parent} がありません。先に作ってください（起動時に作られるのは {shown} の最後の段だけです）"
                    ),
                );
            }
        }
        Err(error) => mistakes.add(&path, words::file(folder, &error)),
    }
}
