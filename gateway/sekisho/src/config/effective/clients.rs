//! Clients: who is known by which network, which certificate and which token.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use ipnet::IpNet;
use sekisho_edge::route::Client;
use sekisho_edge::tls::Name;
use sekisho_edge::{RequestRate, SpoolQuota, Token};

use super::gateway::no_limit_is_off;
use super::names;
use super::tokens::Tokens;
use crate::config::key_path::KeyPath;
use crate::config::mistake::Mistakes;
use crate::config::raw::{ClientSection, LimitsSection};
use crate::language::text;

pub(super) fn build(
    sections: &[ClientSection],
    limits: &LimitsSection,
    folder: &Path,
    all_tokens: &mut Tokens,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, Arc<Client>> {
    names::unique(mistakes, "client", sections.iter().map(|client| client.name.as_str()));
    let mut clients: BTreeMap<String, Arc<Client>> = BTreeMap::new();
    let mut taken = Vec::new();
    let mut certified = HashMap::new();
    for (index, section) in sections.iter().enumerate() {
        let path = KeyPath::item_of("client", index);
        networks(section, &path.key("networks"), &mut taken, mistakes);
        let certificates = certificates(section, &path.key("certificates"), &mut certified, mistakes);
        let tokens = tokens(section, &path.key("token_files"), folder, all_tokens, mistakes);
        let rate = rate(section, limits, &path, mistakes);
        let client = Client {
            name: section.name.clone(),
            networks: section.networks.clone(),
            certificates,
            tokens,
            rate,
            quota: quota(section, limits, &path, mistakes),
        };
        clients.insert(section.name.clone(), Arc::new(client));
    }
    clients
}

fn rate(
    section: &ClientSection,
    limits: &LimitsSection,
    path: &KeyPath,
    mistakes: &mut Mistakes,
) -> RequestRate {
    for (key, own) in
        [("requests_per_second", section.requests_per_second), ("requests_at_once", section.requests_at_once)]
    {
        if own == Some(0) {
            mistakes.add(&path.key(key), no_limit_is_off());
        }
    }
    RequestRate {
        per_second: section.requests_per_second.unwrap_or(limits.requests_per_second),
        at_once: section.requests_at_once.unwrap_or(limits.requests_at_once),
    }
}

fn quota(
    section: &ClientSection,
    limits: &LimitsSection,
    path: &KeyPath,
    mistakes: &mut Mistakes,
) -> SpoolQuota {
    for (key, own) in [("spool_bytes", section.spool_bytes), ("spool_batches", section.spool_batches)] {
        if own == Some(0) {
            mistakes.add(&path.key(key), no_limit_is_off());
        }
    }
    SpoolQuota {
        bytes: section.spool_bytes.unwrap_or(limits.client_spool_bytes),
        batches: section.spool_batches.unwrap_or(limits.client_spool_batches),
    }
}

/// A network of a client, and whether something else than the network tells its owner.
struct Taken<'s> {
    client: &'s str,
    network: IpNet,
    proven: bool,
}

fn networks<'s>(
    section: &'s ClientSection,
    path: &KeyPath,
    taken: &mut Vec<Taken<'s>>,
    mistakes: &mut Mistakes,
) {
    if section.networks.is_empty() {
        mistakes.add(
            path,
            text!(
                "at least one network is needed, such as \"10.1.2.0/24\"",
                "ネットワークが1つ以上必要です（例：\"10.1.2.0/24\"）"
            ),
        );
    }
    let proven = !section.certificates.is_empty() || !section.token_files.is_empty();
    let good: Vec<(usize, IpNet)> = (0..).zip(section.networks.iter().copied()).collect();
    for (item, network) in &good {
        // One address must not be two clients, or whose batches it may see would be a matter of order: unless each of
        // them is known by its certificate or its token.
        for Taken { client, network: their, .. } in taken.iter().filter(|other| !(proven && other.proven)) {
            if their.contains(network) || network.contains(their) {
                mistakes.add(
                    &path.item(*item),
                    text!(
                        "{network} overlaps a network of client {client:?}: clients may share one only if each has certificates or token_files",
                        "{network} は、client {client:?} のネットワークと重なっています。共有できるのは、どちらにもcertificatesかtoken_filesがある場合だけです"
                    ),
                );
            }
        }
    }
    let own = good.iter().filter(|(item, _)| !mistakes.is_told(&path.item(*item)));
    taken.extend(own.map(|(_, network)| Taken { client: &section.name, network: *network, proven }));
}

fn certificates<'s>(
    section: &'s ClientSection,
    path: &KeyPath,
    certified: &mut HashMap<Name, &'s str>,
    mistakes: &mut Mistakes,
) -> Vec<Name> {
    let mut names = Vec::new();
    for (item, written) in section.certificates.iter().enumerate() {
        let path = path.item(item);
        let Ok(name) = written.parse::<Name>() else {
            mistakes.add(
                &path,
                text!(
                    "must be a kind and a name of the certificate: \"dns:host.example\", \"uri:…\", \"mail:a@b.example\", \
                     \"directory:CN=…,O=…,C=JP\" (its subject alternative names), or \"sha256:\" and the 64 hexadecimal \
                     digits of its fingerprint",
                    "証明書の名前を種類付きで書いてください：\"dns:host.example\"、\"uri:…\"、\"mail:a@b.example\"、\
                     \"directory:CN=…,O=…,C=JP\"（サブジェクト別名）、または\"sha256:\"と64桁の16進数（フィンガープリント）"
                ),
            );
            continue;
        };
        match certified.get(&name) {
            Some(other) => mistakes.add(
                &path,
                text!(
                    "is a certificate of client {other:?} already",
                    "client {other:?} の証明書として既に書かれています"
                ),
            ),
            None => drop(certified.insert(name.clone(), &section.name)),
        }
        names.push(name);
    }
    names
}

fn tokens(
    section: &ClientSection,
    path: &KeyPath,
    folder: &Path,
    all: &mut Tokens,
    mistakes: &mut Mistakes,
) -> Vec<Token> {
    if !section.token_files.is_empty() && !section.certificates.is_empty() {
        mistakes.add(
            path,
            text!(
                "a client has certificates or tokens, not both: a certificate proves more",
                "certificatesとtoken_filesは、どちらか一方だけ書けます（証明書のほうが確実です）"
            ),
        );
    }
    all.read(&section.token_files, Some(&section.name), path, folder, mistakes)
}
