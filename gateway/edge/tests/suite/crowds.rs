//! Many connections: nobody waits behind another's.

use sekisho_edge::{ListenerLimits, Shares};

use crate::client::Client;
use crate::site::{Arrangement, CITY, DEADLINE, STRANGER, Site, TOWN, until};

/// Eight connections in all, five of one network, three of one address; a head may take longer than any test.
fn narrow() -> Site {
    let connections = Shares { all: 8, network: 5, address: 3 };
    let listener = ListenerLimits { connections, head_timeout: 10 * DEADLINE, ..ListenerLimits::default() };
    Site::with(Arrangement { listener, ..Arrangement::default() })
}

/// A connection that has begun a head and goes no further.
fn slow(site: &Site, source: [u8; 4]) -> Client {
    let mut client = site.client_from(source);
    client.send("GET /orders/heartbeat HTTP/1.1\r\nHost: h\r\n");
    client
}

fn until_open(site: &Site, number: i64) {
    until("so many are open", || site.gateway.metrics.connections.get() == number);
}

#[track_caller]
fn assert_turned_away(client: &mut Client, code: &str, limit: &str) {
    let answer = client.answer();
    assert_eq!((answer.status, answer.refused().code.as_str()), (503, code));
    assert_eq!(answer.header("retry-after"), Some("5"));
    let reason = answer.text();
    assert!(reason.contains(limit) && answer.closes() && client.is_closed(), "{reason}");
}

#[test]
fn slow_heads_from_one_address_keep_nobody_waiting() {
    let site = narrow();
    let mut held: Vec<Client> = (0..3).map(|_| slow(&site, CITY)).collect();
    until_open(&site, 3);
    assert_turned_away(&mut site.client(), "address-connections-full", "3 connections");
    // Whoever comes from elsewhere is served at once, and as often as it likes.
    for _ in 0..3 {
        let mut town = site.client_from(TOWN);
        assert!(town.is_alive());
        drop(town);
        until_open(&site, 3);
    }
    // A place that is given back is there for the next one.
    held.pop();
    until_open(&site, 2);
    assert!(site.client().is_alive());
}

#[test]
fn addresses_of_no_client_share_one_networks_places() {
    let site = narrow();
    let _held: Vec<Client> = (0..5).map(|at| slow(&site, [127, 0, 1, 1 + at / 2])).collect();
    until_open(&site, 5);
    assert_turned_away(&mut site.client_from(STRANGER), "network-connections-full", "5 connections");
    let mut clients: Vec<Client> = (0..2).map(|_| slow(&site, TOWN)).collect();
    until_open(&site, 7);
    let mut last = site.client();
    assert!(last.is_alive());
    assert_turned_away(&mut site.client(), "connections-full", "8 connections");
    // What is admitted goes on meanwhile.
    clients[0].send("\r\n");
    assert_eq!(clients[0].answer().status, 200);
    assert!(last.is_alive());
}

#[test]
fn a_flood_is_turned_away_while_another_is_served() {
    let site = narrow();
    let _held: Vec<Client> = (0..3).map(|_| slow(&site, CITY)).collect();
    until_open(&site, 3);
    let mut town = site.client_from(TOWN);
    for _ in 0..20 {
        // More than are told why; the others are just closed.
        let mut flood: Vec<Client> = (0..100).map(|_| site.client()).collect();
        assert!(town.is_alive());
        for one in &mut flood {
            one.ends();
        }
    }
    let shown = prometheus::TextEncoder::new().encode_to_string(&site.registry.gather()).unwrap();
    let turned_away =
        "sekisho_connections_turned_away_total{code=\"address-connections-full\",listener=\"listener\"} 2000";
    assert!(shown.contains(turned_away), "{shown}");
    until("nothing of it is left", || site.gateway.metrics.connections.get() == 4);
}

#[test]
fn who_is_turned_away_while_it_sends_can_read_why() {
    let site = narrow();
    let _held: Vec<Client> = (0..3).map(|_| slow(&site, CITY)).collect();
    until_open(&site, 3);
    let mut client = site.client();
    let mut sender = client.second_handle();
    let sending = std::thread::spawn(move || sender.try_send(&vec![b'x'; 1 << 20]));
    assert_turned_away(&mut client, "address-connections-full", "3 connections");
    drop(client);
    sending.join().unwrap();
}
