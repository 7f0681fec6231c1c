//! Bearer tokens: for clients that cannot show certificates.

use std::process::Command;

use crate::peers::curl;
use crate::running::{Gateway, Site, said, text};
use crate::shaking::{over_tls, site as site_over_tls};

const FIRST: &str = "first-token-of-the-city-0123456789abcdef";
const SECOND: &str = "second/token+of~the.city-0123456789abcdef==";
const TOWNS: &str = "token-of-the-town-0123456789abcdef-01234";

/// `city` and `town` at one network, each with tokens, over TLS.
fn configuration(site: &Site) -> String {
    over_tls(site, "")
        .replace(
            "networks = [\"127.0.0.0/8\"]",
            "networks = [\"127.0.0.0/8\"]\ntoken_files = [\"one.token\", \"two.token\"]\n\
             [[client]]\nname = \"town\"\nnetworks = [\"127.0.0.1/32\"]\ntoken_files = [\"town.token\"]",
        )
        .replace("clients = [\"city\"]", "clients = [\"city\", \"town\"]")
}

fn site() -> Site {
    let (site, _) = site_over_tls();
    site.write_secret("one.token", &format!("{FIRST}\n"));
    site.write_secret("two.token", SECOND);
    site.write_secret("town.token", TOWNS);
    site.configure(&configuration(&site));
    site
}

fn refused(body: &str) -> String {
    let problem: serde_json::Value = serde_json::from_str(body).unwrap();
    problem["code"].as_str().unwrap().to_owned()
}

#[test]
fn a_client_is_known_by_any_of_its_tokens_and_by_nothing_else() {
    let gateway = Gateway::start(site());
    let bearer = |token: &str| format!("Authorization: Bearer {token}");
    for token in [FIRST, SECOND, TOWNS] {
        assert_eq!(curl(&gateway, "/rows/heartbeat", &["-H", &bearer(token)]).status, 200, "{token}");
    }
    let nearly = FIRST.replace('9', "8");
    let longer = format!("{FIRST}x");
    for (fields, code) in [
        (vec![], "token-missing"),
        (vec![bearer(&nearly)], "token-unknown"),
        (vec![bearer(&longer)], "token-unknown"),
        (vec![bearer(&FIRST[1..])], "token-unknown"),
        (vec![bearer(&FIRST.to_uppercase())], "token-unknown"),
        (vec![bearer("short")], "token-unknown"),
        (vec![format!("Authorization: Basic {FIRST}")], "token-unknown"),
        (vec![bearer(FIRST), bearer(&nearly)], "token-unknown"),
        (vec![format!("X-Api-Key: {FIRST}")], "token-missing"),
    ] {
        let with: Vec<&str> = fields.iter().flat_map(|field| ["-H", field.as_str()]).collect();
        let asked = curl(&gateway, "/rows/heartbeat", &with);
        assert_eq!((asked.status, &*refused(&asked.body)), (401, code), "{fields:?}");
        assert!(!asked.body.contains("0123456789"), "nothing of a token is said: {}", asked.body);
        // By SOAP with a fault, before a body is read.
        let mut soap = with.clone();
        soap.extend(["-D", "-", "-H", "Content-Type: text/xml", "-H", "Expect: 100-continue", "-d", "<x/>"]);
        let asked = curl(&gateway, "/rows", &soap);
        assert!(
            asked.status == 401 && asked.body.contains("Fault") && asked.body.contains(code),
            "{asked:?}"
        );
        assert!(asked.body.contains("www-authenticate: Bearer"), "{asked:?}");
        assert!(!asked.body.contains("100 Continue"), "{asked:?}");
    }
    // In its own network only, and each sees its own.
    let elsewhere = curl(&gateway, "/rows/heartbeat", &["--interface", "127.0.0.2", "-H", &bearer(TOWNS)]);
    assert_eq!(refused(&elsewhere.body), "token-unknown");
    let sent = curl(
        &gateway,
        "/rows/batches",
        &["-H", &bearer(SECOND), "-H", "Content-Type: text/csv", "--data-binary", "Code\r\nA\r\n"],
    );
    assert_eq!(sent.status, 202, "{}", sent.body);
    let id =
        serde_json::from_str::<serde_json::Value>(&sent.body).unwrap()["id"].as_str().unwrap().to_owned();
    for (token, status) in [(FIRST, 200), (TOWNS, 404)] {
        assert_eq!(curl(&gateway, &format!("/rows/batches/{id}"), &["-H", &bearer(token)]).status, status);
    }
    // No token is in the log.
    let logged = gateway.reload();
    assert!(!logged.contains("0123456789"), "{logged}");
}

#[test]
fn tokens_are_exchanged_by_a_reload_and_the_gateways_own_client_shows_one() {
    let gateway = Gateway::start(site());
    let (root, url) = (gateway.site.path("root.pem"), format!("{}/rows", gateway.secure()));
    let heartbeat = |token: &str| {
        let file = gateway.site.path(token);
        said(&["heartbeat", &url, "--roots", text(&root), "--timeout", "60", "--token-file", text(&file)])
    };
    assert!(heartbeat("one.token").1.starts_with("HOP"));
    let new = FIRST.replace("first", "third");
    gateway.site.write_secret("one.token", &new);
    assert!(!gateway.reload().contains("nothing was reloaded"));
    assert!(heartbeat("one.token").1.starts_with("HOP"));
    let old = format!("Authorization: Bearer {FIRST}");
    assert_eq!(refused(&curl(&gateway, "/rows/heartbeat", &["-H", &old]).body), "token-unknown");
}

#[test]
fn a_token_file_that_is_no_secret_is_a_mistake() {
    let site = site();
    let config = site.path("sekisho.toml");
    let check = || said(&["check-config", "--config", text(&config)]);
    assert_eq!(check().0, 0, "{}", check().1);
    let allow = |mode: &str| {
        let path = site.path("one.token");
        assert!(Command::new("chmod").arg(mode).arg(path).status().unwrap().success());
    };
    for (content, mode, words) in [
        ("short", "600", "must hold one token, of 32 to 1024"),
        ("two tokens of a good length 0123456789", "600", "must hold one token"),
        (TOWNS, "600", "is a token of client \"city\" already"),
        (FIRST, "644", "everybody on this machine may read or change it"),
    ] {
        site.write_secret("one.token", content);
        allow(mode);
        let (code, said, _) = check();
        assert!(code == 1 && said.contains(words) && said.contains(": 1 mistake\n"), "{words}: {said}");
        assert!(!said.contains("0123456789"), "{said}");
    }
    std::fs::remove_file(site.path("one.token")).unwrap();
    assert!(check().1.contains("one.token cannot be read: it is not there"), "{}", check().1);
}
