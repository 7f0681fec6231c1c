//! Clients: who is known by which network.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use sekisho_edge::route::Client;

use super::names;
use crate::config::key_path::KeyPath;
use crate::config::mistake::Mistakes;
use crate::config::raw::ClientSection;
use crate::language::text;

pub(super) fn build(sections: &[ClientSection], mistakes: &mut Mistakes) -> BTreeMap<String, Arc<Client>> {
    names::unique(mistakes, "client", sections.iter().map(|client| client.name.as_str()));
    let mut clients: BTreeMap<String, Arc<Client>> = BTreeMap::new();
    let mut taken: Vec<(&str, IpNet)> = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let path = KeyPath::item_of("client", index).key("networks");
        if section.networks.is_empty() {
            mistakes.add(
                &path,
                text!(
                    "at least one network is needed, such as \"10.1.2.0/24\"",
                    "ネットワークが1つ以上必要です（例：\"10.1.2.0/24\"）"
                ),
            );
        }
        let good: Vec<(usize, IpNet)> = (0..).zip(section.networks.iter().copied()).collect();
        for (item, network) in &good {
            // One address must not be two clients, or whose batches it may see would be a matter of order.
            for (other, their) in &taken {
                if their.contains(network) || network.contains(their) {
                    mistakes.add(
                        &path.item(*item),
                        text!(
                            "{network} overlaps a network of client {other:?}",
                            "{network} は、client {other:?} のネットワークと重なっています"
                        ),
                    );
                }
            }
        }
        let own = good.iter().filter(|(item, _)| !mistakes.is_told(&path.item(*item)));
        taken.extend(own.map(|(_, network)| (section.name.as_str(), *network)));
        let client = Client { name: section.name.clone(), networks: section.networks.clone() };
        clients.insert(section.name.clone(), Arc::new(client));
    }
    clients
}
