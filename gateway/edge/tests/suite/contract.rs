//! What describes the service, and how its hops are.

use std::time::Duration;

use sekisho_liveness::{ErrorClass, Observation, Station};
use sekisho_soap::message::{Answer as Said, HopState};

use crate::site::Site;
use crate::ways::{Message, question};

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: gateway.example:8443\r\n\r\n")
}

#[test]
fn the_contract_is_served_with_the_address_that_the_client_uses() {
    let site = Site::new();
    let mut client = site.client();
    for query in ["wsdl", "WSDL"] {
        let answer = client.ask(get(&format!("/orders?{query}")));
        assert_eq!(answer.status, 200);
        assert!(answer.header("content-type").unwrap().starts_with("text/xml"));
        assert!(answer.text().contains("location=\"http://gateway.example:8443/orders\""));
        assert!(!answer.text().contains(".invalid"));
    }
    let xsd = client.ask(get("/orders?xsd"));
    assert!(xsd.text().contains("targetNamespace=\"urn:sekisho:gateway:1\""));
    assert!(xsd.text().contains("schemaLocation=\"?xsd=swaref\""));
    let other = client.ask(get("/orders?xsd=swaref"));
    assert!(other.text().contains("targetNamespace=\"http://ws-i.org/profiles/basic/1.1/xsd\""));
    let openapi = client.ask(get("/orders/openapi.json"));
    assert_eq!(openapi.header("content-type"), Some("application/json"));
    assert_eq!(openapi.json()["servers"][0]["url"], "http://gateway.example:8443/orders");
    // What a client cannot have sent in good faith is not echoed.
    let odd = client.ask("GET /orders?wsdl HTTP/1.1\r\nHost: a\"><evil\r\n\r\n");
    assert!(odd.status == 400 && !odd.text().contains("evil"), "{odd:?}");
}

#[test]
fn a_heartbeat_shows_the_hops_of_the_route_by_both_doors() {
    let site = Site::new();
    let board = &site.gateway.board;
    board.report("gateway", Observation::up(Duration::from_millis(1)));
    board.report(&Station::Line.hop_of("main"), Observation::down(ErrorClass::Line));
    board.report(&Station::Line.hop_of("secret"), Observation::up(Duration::from_millis(1)));
    let mut client = site.client();
    let by_rest = client.ask(get("/orders/heartbeat"));
    assert_eq!(by_rest.status, 200);
    assert!(!by_rest.text().contains("secret"), "another upstream's hops are nobody's business");
    let rest = by_rest.json();
    assert_eq!(rest["state"], "down");
    let line = rest["hops"].as_array().unwrap().iter().find(|hop| hop["name"] == "line").unwrap();
    assert_eq!((line["state"].as_str(), line["class"].as_str()), (Some("down"), Some("line")));
    for message in [
        question("heartbeat", ""),
        Message::soap12(&String::from_utf8(question("heartbeat", "").body).unwrap()),
    ] {
        let by_soap = client.ask(message.to("/orders"));
        assert!(!by_soap.text().contains("secret"));
        match by_soap.soap() {
            Said::Heartbeat(heartbeat) => {
                assert_eq!(heartbeat.state, HopState::Down);
                assert_eq!(heartbeat.hops.len(), rest["hops"].as_array().unwrap().len());
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(client.is_alive());
    assert_eq!(site.spooled(), Vec::<String>::new());
}

#[test]
fn methods_that_a_path_does_not_take_are_405_with_those_it_takes() {
    let site = Site::new();
    let mut client = site.client();
    let id = "018f0000-0000-7000-8000-000000000000";
    for (method, path, allow) in [
        ("PUT", "/orders".to_owned(), "POST"),
        ("GET", "/orders".to_owned(), "POST"),
        ("GET", "/orders?what".to_owned(), "POST"),
        ("DELETE", "/orders?wsdl".to_owned(), "GET, POST"),
        ("PUT", "/orders?XSD=swaref".to_owned(), "GET, POST"),
        ("GET", "/relay".to_owned(), "POST"),
        ("PATCH", "/orders/batches".to_owned(), "GET, POST"),
        ("POST", "/orders/heartbeat".to_owned(), "GET"),
        ("DELETE", "/orders/openapi.json".to_owned(), "GET"),
        ("PUT", format!("/orders/batches/{id}"), "GET, DELETE"),
        ("POST", format!("/orders/batches/{id}/errors"), "GET"),
        ("PUT", format!("/orders/batches/{id}/chunks"), "GET"),
    ] {
        let answer =
            client.ask(format!("{method} {path} HTTP/1.1\r\nHost: h\r\nContent-Type: text/xml\r\n\r\n"));
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{method} {path}: {answer}");
        assert_eq!(answer.refused().code, "method-not-allowed");
        let below = !matches!(path.split('?').next(), Some("/orders" | "/relay"));
        let problem = answer.header("content-type") == Some("application/problem+json");
        assert_eq!(problem, below, "REST resources speak REST: {method} {path}");
    }
    assert!(client.is_alive());
}

#[test]
fn what_no_method_can_have_is_not_allowed_to_another() {
    let site = Site::edited(|route| match route.name.as_str() {
        "orders" => route.doors.swa = false,
        "lenient" => (route.doors.swa, route.doors.soap) = (false, false),
        "relay" => route.doors.rest = true,
        _ => {}
    });
    let mut client = site.client();
    for (method, path, status, allow) in [
        ("PUT", "/orders", 405, Some("POST")),
        // A route without a SOAP door has its contract, and nothing else, at its own path.
        ("PUT", "/lenient", 404, None),
        ("GET", "/lenient", 404, None),
        ("PUT", "/lenient?wsdl", 405, Some("GET")),
        // A relay takes no batches.
        ("PUT", "/relay/batches", 405, Some("GET")),
    ] {
        let answer = client.ask(format!("{method} {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
        assert_eq!((answer.status, answer.header("allow")), (status, allow), "{method} {path}: {answer}");
        let codes = ["method-not-allowed", "door-closed"];
        assert!(codes.contains(&answer.refused().code.as_str()), "{answer}");
        if let Some(allow) = allow {
            assert!(answer.json()["detail"].as_str().unwrap().contains(allow), "{answer}");
        }
    }
}

#[test]
fn the_longest_path_wins_and_nothing_else_is_served() {
    let site = Site::new();
    let mut client = site.client();
    assert_eq!(client.ask(get("/orders/deep/heartbeat")).status, 200);
    for path in [
        "/",
        "/order",
        "/ordersx",
        "/orders/deeper",
        "/orders//batches",
        "/orders/../relay",
        "/orders/batches/a/b/c",
    ] {
        let answer = client.ask(get(path));
        assert_eq!(
            (answer.status, answer.refused().code.as_str()),
            (404, "path-unknown"),
            "{path}: {answer}"
        );
    }
    assert!(client.is_alive());
}
