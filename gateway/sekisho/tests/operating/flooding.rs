//! A client that sends more than it may, and one beside it.

use crate::running::{Gateway, Site, connected};
use crate::wire::Connection;

const HEARTBEAT: &str = "GET /rows/heartbeat HTTP/1.1\r\nHost: localhost\r\n\r\n";
const MESSAGE: &str =
    "POST /rows HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: 0\r\n\r\n";

/// Asks again and again until that is too much: how often it was answered before, and the refusal.
fn flood(client: &mut Connection, request: &str) -> (usize, String) {
    for answered in 0..1_000 {
        client.write(request);
        let head = client.head();
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let body = client.bytes(length.unwrap_or(0));
        if head.starts_with("HTTP/1.1 429 ") {
            return (answered, format!("{head}{body}"));
        }
    }
    panic!("a thousand requests, and none of them too much");
}

#[test]
fn a_flood_is_refused_and_costs_nobody_else_anything() {
    let site = Site::new();
    let two = "networks = [\"127.0.0.1/32\"]\nrequests_per_second = 2\nrequests_at_once = 20\n[[client]]\nname = \"town\"\n\
               networks = [\"127.0.0.2/32\"]";
    let text = site.plain().replace("networks = [\"127.0.0.0/8\"]", two);
    site.configure(&text.replace("clients = [\"city\"]", "clients = [\"city\", \"town\"]"));
    let gateway = Gateway::start(site);
    let mut city = gateway.connect();
    let (answered, refused) = flood(&mut city, HEARTBEAT);
    assert!(answered >= 20, "{answered}");
    assert!(refused.contains("client-rate-exceeded") && refused.contains("requests_per_second"), "{refused}");
    assert!(refused.to_ascii_lowercase().contains("\r\nretry-after: 1\r\n"), "{refused}");
    // The other one has its own, and its connection was never counted.
    let mut town = Connection::over(connected([127, 0, 0, 2], &gateway));
    for _ in 0..100 {
        assert_eq!(town.get("/rows/heartbeat").status, 200);
    }
    assert_eq!(gateway.metric("sekisho_refusals_total{code=\"client-rate-exceeded\"}"), "1");

    // Before a body is read, and in the protocol that the client speaks.
    let mut city = gateway.connect();
    let (_, fault) = flood(&mut city, MESSAGE);
    assert!(fault.contains("Fault>") && fault.contains("client-rate-exceeded"), "{fault}");
}

/// Another connection would cost the gateway more than the little that came with the head.
#[test]
fn who_is_refused_for_its_rate_keeps_its_connection_where_the_body_is_little() {
    let site = Site::new();
    let slow = "networks = [\"127.0.0.0/8\"]\nrequests_per_second = 1\nrequests_at_once = 1";
    site.configure(&site.plain().replace("networks = [\"127.0.0.0/8\"]", slow));
    let gateway = Gateway::start(site);
    let post = |length| crate::wire::post_head("/rows", length);
    let mut city = gateway.connect();
    // Each comes long before the next one would be due, however slow the machine is: many are refused.
    let refusals = (0..50).filter(|_| city.post("/rows", "Code\r\nA\r\n").status == 429).count();
    assert!(refusals > 1, "{refusals}: all on one connection");
    // Of many in a second the log has one line, and the next line says how many it has not.
    let began = std::time::Instant::now();
    while began.elapsed() < std::time::Duration::from_secs(2) {
        city.post("/rows", "Code\r\nA\r\n");
    }
    gateway.logged("unlogged=");

    // What does not come at once, is long, or waits to be asked for, is not waited for.
    for (head, body) in [
        (post(100), "Code"),
        (post(1_000_000), "Code"),
        (post(4).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n"), ""),
    ] {
        // A machine that stands still for a second lets one pass: then again.
        let mut closed = std::iter::repeat_with(|| {
            let mut city = gateway.connect();
            while city.get("/rows/heartbeat").status != 429 {}
            city.write(&format!("{head}{body}"));
            (city.answer().status, city.rest())
        });
        let (_, rest) = closed.find(|(status, _)| *status == 429).unwrap();
        assert_eq!(rest, b"", "{head}");
    }
}

#[test]
fn requests_at_once_are_shared_out() {
    let site = Site::new();
    site.configure(
        &site.plain().replace("[admin]\n", "[limits]\nrequests = 2\nclient_requests = 1\n[admin]\n"),
    );
    let gateway = Gateway::start(site);
    let csv = "Code\r\nA\r\n";
    let mut slow = gateway.connect();
    slow.write(&crate::wire::post_head("/rows", csv.len()));
    gateway.metric_that("sekisho_uploads", |reading| reading == "1");
    let answer = gateway.connect().get("/rows/heartbeat");
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("client-requests-full"), "{}", answer.body);
    slow.write(csv);
    assert_eq!(slow.answer().status, 202);
    assert_eq!(gateway.connect().get("/rows/heartbeat").status, 200);
}

#[test]
fn a_clients_room_in_the_spool_is_its_own_and_outlasts_a_kill() {
    let site = Site::new();
    let two = "networks = [\"127.0.0.1/32\"]\nspool_batches = 1\n[[client]]\nname = \"town\"\nnetworks = [\"127.0.0.2/32\"]";
    let text = site.plain().replace("networks = [\"127.0.0.0/8\"]", two);
    let text = text.replace("clients = [\"city\"]", "clients = [\"city\", \"town\"]");
    site.configure(&text.replace("[admin]\n", "[limits]\nclient_spool_bytes = 1000\n[admin]\n"));
    let mut gateway = Gateway::start(site);
    let csv = "Code\r\nA\r\n";
    assert_eq!(gateway.connect().post("/rows", csv).status, 202);
    gateway.killed_and_restarted(|_| ());
    let refused = gateway.connect().post("/rows", csv);
    assert_eq!(refused.status, 507);
    assert!(refused.body.contains("client-spool-full"), "{}", refused.body);
    // Of the town it is bytes that there are few of.
    let rows = format!("Code\r\n{}", "A\r\n".repeat(300));
    for (csv, status) in [(csv, 202), (&rows, 507), (&format!("{rows}{rows}"), 413), (csv, 202)] {
        let mut town = Connection::over(connected([127, 0, 0, 2], &gateway));
        assert_eq!(town.post("/rows", csv).status, status);
    }
    assert_eq!(gateway.metric("sekisho_client_spool_batches{client=\"city\"}"), "1");
    assert_eq!(gateway.metric("sekisho_client_spool_quota_batches{client=\"city\"}"), "1");
    assert_eq!(gateway.metric("sekisho_client_spool_quota_bytes{client=\"town\"}"), "1000");

    // More is allowed, and is there at once.
    let text = std::fs::read_to_string(gateway.site.path("sekisho.toml")).unwrap();
    gateway.site.configure(&text.replace("spool_batches = 1", "spool_batches = 2"));
    let logged = gateway.reload();
    assert!(!logged.contains("a restart"), "{logged}");
    assert_eq!(gateway.metric("sekisho_client_spool_quota_batches{client=\"city\"}"), "2");
    assert_eq!(gateway.connect().post("/rows", csv).status, 202);
    assert_eq!(gateway.connect().post("/rows", csv).status, 507);
}
