//! SIGHUP: what changes without a connection being dropped, and what does not change.

use crate::running::{Gateway, Site, schema};
use crate::wire::{Connection, post_head};

const A: &str = "Code\r\nA\r\n";
const B: &str = "Code\r\nB\r\n";

/// An upload whose first bytes have been read: the gateway has asked for the body, and waits for more of it.
fn begun(gateway: &Gateway, csv: &str, so_far: usize) -> Connection {
    let mut upload = gateway.connect();
    let head = post_head("/rows", csv.len()).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    upload.write(&head);
    let asked = upload.head();
    assert!(asked.starts_with("HTTP/1.1 100"), "{asked}");
    upload.write(&csv[..so_far]);
    upload
}

/// Replaces the schema by one that allows another value, and its pin.
fn swap_schema(site: &Site, allowed: &str) {
    site.write("rows.xsd", &schema(allowed));
    site.configure(&site.plain());
}

#[test]
fn a_new_schema_is_in_force_without_a_connection_being_dropped() {
    let gateway = Gateway::start(Site::new());
    let mut held = gateway.connect();
    assert_eq!(held.post("/rows", A).status, 202);
    assert_eq!(held.post("/rows", B).status, 422);
    let mut upload = begun(&gateway, A, 7);

    swap_schema(&gateway.site, "B");
    let logged = gateway.reload();
    assert!(!logged.contains("nothing was reloaded"), "{logged}");

    // The connection that was open goes on, by the new rules; so does a new one.
    for connection in [&mut held, &mut gateway.connect()] {
        assert_eq!(connection.post("/rows", A).status, 422);
        assert_eq!(connection.post("/rows", B).status, 202);
        assert!(connection.get("/rows?xsd=record").status < 500);
    }
    // The upload that had begun ends by the rules that it began with, on its own connection.
    upload.write(&A[7..]);
    let taken = upload.answer();
    assert_eq!(taken.status, 202, "{}", taken.body);
    assert_eq!(upload.post("/rows", A).status, 422, "what comes behind it goes by the new rules");
}

#[test]
fn a_broken_schema_leaves_everything_as_it_was_and_says_so() {
    let gateway = Gateway::start(Site::new());
    let mut held = gateway.connect();
    assert_eq!(held.post("/rows", A).status, 202);
    let mut upload = begun(&gateway, A, 7);

    // Changed on disk, but not pinned; not a schema at all; gone.
    gateway.site.write("rows.xsd", &schema("B"));
    let logged = gateway.reload();
    assert!(logged.contains("nothing was reloaded") && logged.contains("is pinned"), "{logged}");
    gateway.site.write(
        "rows.xsd",
        "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"><xs:nonsense/></xs:schema>",
    );
    assert!(gateway.reload().contains("nothing was reloaded"));
    std::fs::remove_file(gateway.site.path("rows.xsd")).unwrap();
    let logged = gateway.reload();
    assert!(logged.contains("schema \"rows\": file") && logged.contains("it is not there"), "{logged}");

    assert_eq!(held.post("/rows", A).status, 202);
    assert_eq!(held.post("/rows", B).status, 422);
    assert_eq!(gateway.connect().post("/rows", A).status, 202);
    upload.write(&A[7..]);
    assert_eq!(upload.answer().status, 202);
}

#[test]
fn what_changes_only_with_a_restart_is_said_and_stays() {
    let gateway = Gateway::start(Site::new());
    let mut held = gateway.connect();
    let moved = gateway
        .site
        .plain()
        .replace("state = \"state\"", "state = \"elsewhere\"")
        .replace("[admin]\nlisten = \"127.0.0.1:0\"", "[admin]\nlisten = \"127.0.0.2:0\"")
        .replace("name = \"one\"\nlisten = \"127.0.0.1:0\"", "name = \"one\"\nlisten = \"127.0.0.3:0\"")
        .replace(
            "[[client]]",
            "[[listener]]\nname = \"two\"\nlisten = \"127.0.0.1:0\"\nroutes = [\"rows\"]\n[[client]]",
        )
        .replace("path = \"/rows\"", "path = \"/moved\"");
    gateway.site.configure(&moved);
    let logged = gateway.reload();
    for said in [
        "its address changes only with a restart",
        "a new listener opens only with a restart",
        "\"gateway\"",
        "\"admin\"",
    ] {
        assert!(logged.contains(said), "{said}: {logged}");
    }
    assert!(!gateway.site.path("elsewhere").exists(), "the state folder stays where it is");
    // What can change has changed, on the connection that was open.
    assert_eq!(held.get("/rows/heartbeat").status, 404);
    assert_eq!(held.post("/moved", A).status, 202);

    gateway.site.configure(&gateway.site.plain().replace("name = \"one\"", "name = \"three\""));
    let logged = gateway.reload();
    assert!(logged.contains("its socket closes with a restart"), "{logged}");
    assert_eq!(held.get("/rows/heartbeat").status, 404, "a listener that is gone serves nothing");
}
