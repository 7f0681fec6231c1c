//! Scanners: where they are, and what is expected of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use sekisho_scan::{Address, Beyond, Kind, Scanner, Settings};

use super::gateway::no_limit_is_off;
use super::names;
use crate::config::key_path::KeyPath;
use crate::config::mistake::Mistakes;
use crate::config::raw::{BeyondPolicy, ScannerKind, ScannerSection};
use crate::language::text;

/// A scanner and how often it is looked at.
pub(crate) struct EffectiveScanner {
    pub(crate) scanner: Scanner,
    pub(crate) interval: Duration,
    /// It is beyond loopback, because the configuration says so: what is sent to it can be read along.
    pub(crate) is_plain: bool,
}

pub(super) fn build(
    sections: &[ScannerSection],
    folder: &Path,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, EffectiveScanner> {
    names::unique(mistakes, "scanner", sections.iter().map(|scanner| scanner.name.as_str()));
    let mut built = BTreeMap::new();
    for (index, section) in sections.iter().enumerate() {
        let path = KeyPath::item_of("scanner", index);
        let before = mistakes.count();
        numbers(section, &path, mistakes);
        let kind = kind(section, &path, mistakes);
        let Some(address) = address(section, folder, &path, mistakes).filter(|_| mistakes.count() == before)
        else {
            continue;
        };
        let settings = Settings {
            name: section.name.clone(),
            kind,
            address,
            connect: Duration::from_millis(section.connect_timeout_ms),
            at_once: section.max_scans,
            wait: Duration::from_millis(section.place_timeout_ms),
            stall: Duration::from_millis(section.stall_timeout_ms),
            answer: Duration::from_millis(section.answer_timeout_ms),
            most: section.max_bytes,
            beyond: match section.beyond {
                BeyondPolicy::Refuse => Beyond::Refuse,
                BeyondPolicy::IKnowThatOnlyTheBeginningIsScanned => Beyond::ScanBeginning,
            },
        };
        let interval = Duration::from_millis(section.probe_interval_ms);
        let is_plain = beyond_loopback(section);
        let scanner = Scanner::new(settings);
        built.insert(section.name.clone(), EffectiveScanner { scanner, interval, is_plain });
    }
    built
}

fn numbers(section: &ScannerSection, path: &KeyPath, mistakes: &mut Mistakes) {
    for (key, value) in [
        ("connect_timeout_ms", section.connect_timeout_ms),
        ("max_scans", section.max_scans as u64),
        ("place_timeout_ms", section.place_timeout_ms),
        ("stall_timeout_ms", section.stall_timeout_ms),
        ("answer_timeout_ms", section.answer_timeout_ms),
        ("max_bytes", section.max_bytes),
    ] {
        if value == 0 {
            mistakes.add(&path.key(key), no_limit_is_off());
        }
    }
    // A scan that stands still is over before one that goes on.
    if section.stall_timeout_ms >= section.answer_timeout_ms && section.answer_timeout_ms > 0 {
        let most = section.answer_timeout_ms;
        let mistake = text!(
            "must be less than answer_timeout_ms ({most})",
            "answer_timeout_ms（{most}）より小さくしてください"
        );
        mistakes.add(&path.key("stall_timeout_ms"), mistake);
    }
    if section.probe_interval_ms < 100 {
        mistakes.add(&path.key("probe_interval_ms"), text!("must be at least 100", "100以上にしてください"));
    }
}

fn kind(section: &ScannerSection, path: &KeyPath, mistakes: &mut Mistakes) -> Kind {
    let key = path.key("service");
    match (section.kind, &section.service) {
        (ScannerKind::Clamd, None) => Kind::Clamd,
        (ScannerKind::Clamd, Some(_)) => {
            mistakes.add(
                &key,
                text!("clamd has no services: leave it out", "clamdにserviceはありません。消してください"),
            );
            Kind::Clamd
        }
        (ScannerKind::Icap, service) => {
            let service = service.clone().unwrap_or_default();
            let good = service.starts_with('/') && service.bytes().all(|byte| byte.is_ascii_graphic());
            if !good {
                mistakes.add(
                    &key,
                    text!(
                        "must be the path of the ICAP service, such as \"/avscan\"",
                        "\"/avscan\"のように、ICAPサービスのパスを書いてください"
                    ),
                );
            }
            Kind::Icap { service }
        }
    }
}

/// What is sent to it goes over a network.
fn beyond_loopback(section: &ScannerSection) -> bool {
    section.address.is_some_and(|address| !address.ip().is_loopback())
}

fn address(
    section: &ScannerSection,
    folder: &Path,
    path: &KeyPath,
    mistakes: &mut Mistakes,
) -> Option<Address> {
    match (section.address, &section.socket) {
        (Some(address), None) if address.port() == 0 => {
            mistakes.add(&path.key("address"), text!("port 0 is no port", "ポート0は使えません"));
            None
        }
        (Some(_), None) if beyond_loopback(section) && !section.plain_tcp.anywhere() => {
            mistakes.add(
                &path.key("address"),
                text!(
                    "a scanner beyond loopback: whoever is on the way can read along, as neither protocol is encrypted. Run it on this \
                     machine, or, if the line is protected by other means, write plain_tcp = \"i-know-that-this-network-is-protected\"",
                    "ループバック以外のスキャナーです。どちらのプロトコルも暗号化されず、経路上の誰にでも読まれます。同じマシンで動かすか、\
                     回線が別の手段で保護されている場合は、plain_tcp = \"i-know-that-this-network-is-protected\" と書いてください"
                ),
            );
            None
        }
        (Some(address), None) => Some(Address::Tcp(address)),
        (None, Some(socket)) if section.kind == ScannerKind::Clamd => {
            Some(Address::Unix(folder.join(socket)))
        }
        (_, Some(_)) if section.kind == ScannerKind::Icap => {
            mistakes.add(
                &path.key("socket"),
                text!(
                    "an ICAP server is connected to by its address: leave the socket out",
                    "ICAPサーバーにはaddressで接続します。socketは消してください"
                ),
            );
            None
        }
        _ => {
            mistakes.add(
                path,
                text!(
                    "needs an address, or, for clamd, a socket instead of it",
                    "addressが必要です（clamdの場合は、代わりにsocketも使えます）"
                ),
            );
            None
        }
    }
}
