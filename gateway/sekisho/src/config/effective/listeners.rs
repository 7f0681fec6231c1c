//! Listeners and the routes that they serve.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sekisho_edge::ListenerLimits;
use sekisho_edge::framing::HeadLimits;
use sekisho_edge::route::Route;
use sekisho_scan::{Beyond, Scanner};

use super::{EffectiveListener, names, tls};
use crate::config::key_path::KeyPath;
use crate::config::mistake::Mistakes;
use crate::config::raw::{ClientSection, Door, ListenerSection, Raw, RouteSection};
use crate::language::text;

pub(super) fn build(
    raw: &Raw,
    folder: &Path,
    routes: &BTreeMap<String, Arc<Route>>,
    mistakes: &mut Mistakes,
) -> Vec<EffectiveListener> {
    names::unique(mistakes, "listener", raw.listener.iter().map(|listener| listener.name.as_str()));
    let mut addresses = HashSet::from([raw.admin.listen]);
    let known: Vec<&str> = raw.route.iter().map(|route| route.name.as_str()).collect();
    let mut served = HashSet::new();
    let mut listeners = Vec::new();
    for (index, section) in raw.listener.iter().enumerate() {
        let path = KeyPath::item_of("listener", index);
        check(section, &path, &mut addresses, mistakes);
        let mut paths = HashSet::new();
        for (item, name) in section.routes.iter().enumerate() {
            let path = path.key("routes").item(item);
            served.insert(name.as_str());
            let Some(at) = known.iter().position(|known| known == name) else {
                names::unknown(mistakes, &path, "route", name, &known);
                // Which route was meant is not clear: it may be the one that nobody serves.
                mistakes.say_no_more(&path);
                continue;
            };
            let its_path = KeyPath::item_of("route", at).key("path");
            if !mistakes.is_told(&its_path) && !paths.insert(raw.route[at].path.as_str()) {
                mistakes.add(
                    &path,
                    text!(
                        "route {name:?} has the same path as another of this listener",
                        "route {name:?} のパスが、このlistenerの別のrouteと同じです"
                    ),
                );
            }
        }
        listeners.push(EffectiveListener {
            name: section.name.clone(),
            address: section.listen,
            limits: ListenerLimits {
                connections: super::gateway::connections(&raw.limits),
                handshakes: raw.limits.handshakes.into(),
                head: HeadLimits { bytes: raw.limits.head_bytes, fields: raw.limits.head_fields },
                head_timeout: Duration::from_millis(raw.limits.head_timeout_ms),
                write_stall: Duration::from_millis(raw.limits.write_stall_ms),
                handshake_timeout: Duration::from_millis(raw.limits.handshake_timeout_ms),
            },
            public_url: section.public_url.as_deref().map(Arc::from),
            // A route with mistakes is in no map; its own mistakes are listed.
            routes: section.routes.iter().filter_map(|name| routes.get(name).cloned()).collect(),
            balancers: section.balancers.clone(),
            tls: section.tls.as_ref().and_then(|tls| tls::build(tls, &path.key("tls"), folder, mistakes)),
            weakened: weakened(section, routes),
        });
    }
    shadowed(raw, mistakes);
    unserved(raw, &served, mistakes);
    tls::passable(raw, mistakes);
    balancers(raw, mistakes);
    listeners
}

/// What the REST door of a route answers below the route's path.
const RESOURCES: [&str; 3] = ["batches", "heartbeat", "openapi.json"];

/// The longest path wins: a route that lies where another one's REST door answers would take that door's requests.
fn shadowed(raw: &Raw, mistakes: &mut Mistakes) {
    let known = |name: &String| raw.route.iter().position(|route| route.name == *name);
    for listener in &raw.listener {
        let served: Vec<usize> = listener.routes.iter().filter_map(known).collect();
        for &at in &served {
            let path = KeyPath::item_of("route", at).key("path");
            let over = |&&other: &&usize| other != at && lies_in(&raw.route[at], &raw.route[other]);
            let Some(&other) = served.iter().find(over) else { continue };
            if mistakes.is_told(&path) || mistakes.is_told(&KeyPath::item_of("route", other).key("path")) {
                continue;
            }
            let (own, its, name) = (&raw.route[at].path, &raw.route[other].path, &raw.route[other].name);
            mistakes.add(
                &path,
                text!(
                    "{own} is where the REST door of route {name:?} ({its}) answers: this route would take that door's \
                     requests; give it another path, or serve it by another listener",
                    "{own} は、route {name:?}（{its}）のREST受付口が使うパスです。このままではその受付口への要求がこのrouteに\
                     届きます。別のパスにするか、別のlistenerで提供してください"
                ),
            );
        }
    }
}

fn lies_in(route: &RouteSection, other: &RouteSection) -> bool {
    let below = route.path.strip_prefix(other.path.as_str()).and_then(|rest| rest.strip_prefix('/'));
    let first = below.and_then(|below| below.split('/').next());
    other.doors.contains(&Door::Rest) && first.is_some_and(|first| RESOURCES.contains(&first))
}

/// A balancer is nobody's client: what it does itself must not count as a client's.
fn balancers(raw: &Raw, mistakes: &mut Mistakes) {
    for (index, listener) in raw.listener.iter().enumerate() {
        for (item, network) in listener.balancers.iter().enumerate() {
            let path = KeyPath::item_of("listener", index).key("balancers").item(item);
            let theirs = |client: &&ClientSection| {
                client.networks.iter().any(|their| their.contains(network) || network.contains(their))
            };
            if let Some(ClientSection { name, .. }) = raw.client.iter().find(theirs) {
                mistakes.add(
                    &path,
                    text!(
                        "{network} overlaps a network of client {name:?}: a balancer is no client",
                        "{network} は、client {name:?} のネットワークと重なっています。負荷分散装置は団体とは別のネットワークにしてください"
                    ),
                );
            }
        }
    }
}

fn unserved(raw: &Raw, served: &HashSet<&str>, mistakes: &mut Mistakes) {
    // Where a list of routes could not be read, nobody knows what it served.
    let told = |index| mistakes.is_told(&KeyPath::item_of("listener", index).key("routes"));
    let told_item =
        |index, item| mistakes.is_told(&KeyPath::item_of("listener", index).key("routes").item(item));
    let unclear = raw.listener.is_empty()
        || raw.listener.iter().enumerate().any(|(index, listener)| {
            told(index) || (0..listener.routes.len()).any(|item| told_item(index, item))
        });
    let names_unclear = |index| mistakes.is_told(&KeyPath::item_of("route", index).key("name"));
    let lonely: Vec<usize> = (0..raw.route.len())
        .filter(|index| {
            !unclear && !names_unclear(*index) && !served.contains(raw.route[*index].name.as_str())
        })
        .collect();
    for index in lonely {
        mistakes.add(
            &KeyPath::item_of("route", index),
            text!(
                "no listener serves it: name it in a listener's routes",
                "どのlistenerからも使われていません。listenerのroutesに名前を書いてください"
            ),
        );
    }
}

fn check(
    section: &ListenerSection,
    path: &KeyPath,
    addresses: &mut HashSet<SocketAddr>,
    mistakes: &mut Mistakes,
) {
    let address = path.key("listen");
    let plain = section.plain_http.anywhere();
    if section.tls.is_some() && plain {
        mistakes.add(
            &path.key("plain_http"),
            text!(
                "says that plain HTTP is spoken, and [listener.tls] that TLS is: leave one of them out",
                "平文HTTPの指定と[listener.tls]が両方あります。どちらかを消してください"
            ),
        );
    }
    if section.tls.is_none() && !section.listen.ip().is_loopback() && !plain {
        mistakes.add(
            &path.key("plain_http"),
            text!(
                "plain HTTP beyond loopback: whoever is on the network can read along. Write [listener.tls], or, if the \
                 line is protected by other means, plain_http = \"i-know-that-this-network-is-protected\"",
                "ループバック以外での平文HTTPは、同じネットワークの誰にでも読まれます。[listener.tls]を書くか、回線が別の手段で\
                 保護されている場合は、plain_http = \"i-know-that-this-network-is-protected\" と書いてください"
            ),
        );
    }
    if section.listen.port() != 0 && !mistakes.is_told(&address) && !addresses.insert(section.listen) {
        mistakes.add(
            &address,
            text!("another listener has this address", "別のlistenerが同じアドレスを使っています"),
        );
    }
    if let Some(url) = &section.public_url {
        let path = path.key("public_url");
        let secure = url.starts_with("https://");
        if !(secure || url.starts_with("http://")) {
            mistakes.add(
                &path,
                text!("must begin with http:// or https://", "http://かhttps://で始めてください"),
            );
        } else if section.tls.is_some() && !secure {
            mistakes.add(
                &path,
                text!(
                    "must begin with https://, as the listener speaks TLS",
                    "このlistenerはTLSで応答するので、https://で始めてください"
                ),
            );
        }
    }
}

/// What makes a listener weaker than it could be, by the words that let it.
fn weakened(section: &ListenerSection, routes: &BTreeMap<String, Arc<Route>>) -> Vec<&'static str> {
    let plain = section.plain_http.anywhere();
    let plain = plain.then_some("plain-http");
    let in_part = |scanner: &Scanner| scanner.settings().beyond == Beyond::ScanBeginning;
    let mut scanners = section.routes.iter().filter_map(|name| routes.get(name)?.scan.as_ref());
    let in_part = scanners.any(in_part).then_some("scanned-in-part");
    plain.into_iter().chain(in_part).chain(section.tls.iter().flat_map(tls::weakened)).collect()
}
