//! Several listeners: each serves its own routes and no other's.

use crate::running::{Gateway, Site};
use crate::wire::Connection;

const ROWS: &str = "Code\r\nA\r\n";

/// A configuration with the listeners `one` and `two`, which have those routes, and the routes `rows` and `more`.
fn configuration(site: &Site, one: &str, two: &str) -> String {
    let plain = site.plain();
    let (head, route) = plain.split_at(plain.find("[[route]]").unwrap());
    let more = route.replace("\"rows\"\npath = \"/rows\"", "\"more\"\npath = \"/more\"");
    let second =
        format!("[[listener]]\nname = \"two\"\nlisten = \"127.0.0.1:0\"\nroutes = [{two}]\n[[client]]");
    let head =
        head.replace("routes = [\"rows\"]", &format!("routes = [{one}]")).replace("[[client]]", &second);
    format!("{head}{route}{more}")
}

/// What a listener serves below `path`, or does not: documents, the heartbeat and batches on that connection, and an
/// upload, whose refusal ends the connection that it came on.
#[track_caller]
fn assert_served(gateway: &Gateway, listener: &str, connection: &mut Connection, path: &str, served: bool) {
    let found = [
        connection.get(&format!("{path}/heartbeat")).status,
        connection.get(&format!("{path}/openapi.json")).status,
        connection.get(&format!("{path}?wsdl")).status,
        connection.get(&format!("{path}/batches")).status,
        Connection::open(gateway.address(listener)).post(path, ROWS).status,
    ];
    let wanted = if served { [200, 200, 200, 200, 202] } else { [404; 5] };
    assert_eq!(found, wanted, "{path} on {listener}");
}

#[test]
fn each_listener_serves_its_own_routes_before_and_after_a_reload() {
    let site = Site::new();
    site.configure(&configuration(&site, "\"rows\"", "\"more\""));
    let gateway = Gateway::start(site);
    let mut held = [gateway.address("one"), gateway.address("two")].map(Connection::open);
    let mut check = |routes: [[bool; 2]; 2]| {
        for ((name, routes), held) in ["one", "two"].into_iter().zip(routes).zip(&mut held) {
            // The connection that is open goes by what holds now, as a new one does.
            for connection in [held, &mut Connection::open(gateway.address(name))] {
                assert_served(&gateway, name, connection, "/rows", routes[0]);
                assert_served(&gateway, name, connection, "/more", routes[1]);
            }
        }
    };
    check([[true, false], [false, true]]);

    assert!(!gateway.reload().contains("nothing was reloaded"));
    check([[true, false], [false, true]]);

    // The routes change places.
    gateway.site.configure(&configuration(&gateway.site, "\"more\"", "\"rows\""));
    assert!(!gateway.reload().contains("nothing was reloaded"));
    check([[false, true], [true, false]]);

    // One has both, the other one of them.
    gateway.site.configure(&configuration(&gateway.site, "\"more\", \"rows\"", "\"rows\""));
    assert!(!gateway.reload().contains("nothing was reloaded"));
    check([[true, true], [true, false]]);
}
