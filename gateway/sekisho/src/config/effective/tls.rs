//! TLS of listeners: every file read and judged, so that what is wrong is known before anything is bound.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sekisho_edge::tls::{ClientFiles, Files, Problem, Role, Terms, TlsError};

use crate::config::key_path::KeyPath;
use crate::config::mistake::Mistakes;
use crate::config::raw::{Certificates, ListenerSection, OldestVersion, Raw, Revocation, TlsSection};
use crate::config::words;
use crate::language::{Text, text};

/// TLS of one listener, ready to be put into force.
pub(crate) struct EffectiveTls {
    /// The files.
    pub(crate) files: Files,
    /// What has become of them.
    pub(crate) terms: Terms,
    /// How often the files of revocation lists are looked at.
    pub(crate) interval: Duration,
}

/// What weakens a listener, by the word that lets it.
pub(super) fn weakened(tls: &TlsSection) -> Vec<&'static str> {
    let mut words = Vec::new();
    if tls.oldest_version == OldestVersion::Tls12 {
        words.push("tls-1.2");
    }
    if tls.clients.as_ref().is_some_and(|clients| clients.revocation == Revocation::ITakeRevokedCertificates)
    {
        words.push("revoked-certificates");
    }
    words
}

/// Reads and judges the files. `None` when there are mistakes.
pub(super) fn build(
    section: &TlsSection,
    path: &KeyPath,
    folder: &Path,
    mistakes: &mut Mistakes,
) -> Option<EffectiveTls> {
    let before = mistakes.count();
    if let Some(clients) = &section.clients {
        let path = path.key("clients");
        if clients.roots.is_empty() {
            mistakes.add(
                &path.key("roots"),
                text!(
                    "at least one PEM file is needed with the certificates that clients' chains may end in",
                    "団体の証明書の検証に使うルート証明書のPEMファイルが1つ以上必要です"
                ),
            );
        }
        match (clients.crls.is_empty(), clients.revocation) {
            (true, Revocation::ByCrls) => mistakes.add(
                &path.key("crls"),
                text!(
                    "at least one revocation list is needed. If the authority issues none, write revocation = \
                     \"i-take-revoked-certificates\"",
                    "失効リスト（CRL）が1つ以上必要です。認証局がCRLを発行していない場合は、\
                     revocation = \"i-take-revoked-certificates\" と書いてください"
                ),
            ),
            (false, Revocation::ITakeRevokedCertificates) => mistakes.add(
                &path.key("revocation"),
                text!(
                    "takes revoked certificates, and crls says which they are: leave one of them out",
                    "失効した証明書を認める指定と、失効を調べるcrlsが両方あります。どちらかを消してください"
                ),
            ),
            _ => {}
        }
        if !(100..=86_400_000).contains(&clients.crl_interval_ms) {
            mistakes.add(&path.key("crl_interval_ms"), super::gateway::between(100, 86_400_000));
        }
    }
    let files = files(section, folder);
    // A file that lacks altogether was told as a missing key.
    let judged = Terms::load(&files, now());
    for error in judged.as_ref().err().into_iter().flatten() {
        mistakes.add(&key(path, error.role), said(error));
    }
    let terms = judged.ok().filter(|_| mistakes.count() == before && !mistakes.is_told(path))?;
    let interval = section.clients.as_ref().map_or(60_000, |clients| clients.crl_interval_ms);
    Some(EffectiveTls { files, terms, interval: Duration::from_millis(interval) })
}

/// Lists clients that could never pass: known by certificates that nobody asks for, or by none where one is required.
pub(super) fn passable(raw: &Raw, mistakes: &mut Mistakes) {
    let asks = |listener: &ListenerSection| listener.tls.as_ref().is_some_and(|tls| tls.clients.is_some());
    if !raw.listener.iter().any(asks) {
        for (index, _) in raw.client.iter().enumerate().filter(|(_, client)| !client.certificates.is_empty())
        {
            mistakes.add(
                &KeyPath::item_of("client", index).key("certificates"),
                text!(
                    "no listener asks for certificates: write [listener.tls.clients]",
                    "証明書を求めるlistenerがありません。[listener.tls.clients]を書いてください"
                ),
            );
        }
    }
    for (index, listener) in raw.listener.iter().enumerate() {
        let clients = listener.tls.as_ref().and_then(|tls| tls.clients.as_ref());
        if clients.is_none_or(|clients| clients.certificates != Certificates::Required) {
            continue;
        }
        for (item, name) in listener.routes.iter().enumerate() {
            let of_route =
                raw.route.iter().filter(|route| route.name == *name).flat_map(|route| &route.clients);
            let bare = |name: &&String| {
                raw.client.iter().any(|client| client.name == **name && client.certificates.is_empty())
            };
            for client in of_route.filter(bare) {
                mistakes.add(
                    &KeyPath::item_of("listener", index).key("routes").item(item),
                    text!(
                        "client {client:?} of route {name:?} has no certificates, and this listener requires one: it could never \
                         pass",
                        "route {name:?} のclient {client:?} にはcertificatesがありませんが、このlistenerは証明書を必須としているため、通れません"
                    ),
                );
            }
        }
    }
}

/// The present in unix seconds.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn files(section: &TlsSection, folder: &Path) -> Files {
    let absolute = |paths: &[std::path::PathBuf]| paths.iter().map(|path| folder.join(path)).collect();
    Files {
        certificate: folder.join(&section.certificate),
        key: folder.join(&section.key),
        older: section.oldest_version == OldestVersion::Tls12,
        clients: section.clients.as_ref().map(|clients| ClientFiles {
            roots: absolute(&clients.roots),
            crls: absolute(&clients.crls),
            required: clients.certificates == Certificates::Required,
        }),
    }
}

fn key(path: &KeyPath, role: Role) -> KeyPath {
    match role {
        Role::Certificate => path.key("certificate"),
        Role::Key => path.key("key"),
        Role::Roots(at) => path.key("clients").key("roots").item(at),
        Role::Crls(at) => path.key("clients").key("crls").item(at),
    }
}

/// What is wrong with a file, in the words of those who write configurations.
fn said(error: &TlsError) -> Text {
    if let Problem::Read(cause) = &error.problem {
        return words::file(&error.file, cause);
    }
    let file = words::on_a_line(&error.file);
    let (english, japanese) = (&error.problem, error.problem_ja());
    text!("{file}: {english}", "{file}：{japanese}")
}
