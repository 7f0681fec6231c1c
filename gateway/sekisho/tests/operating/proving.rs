//! Client certificates: who is let in by one, who is not and with which code, and what a revocation does.

use std::time::{Duration, SystemTime};

use rcgen::ExtendedKeyUsagePurpose;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject as _;

use crate::authority::{Authority, Issued, days, self_signed};
use crate::peers::{curl, s_client, secure, showing};
use crate::running::{Gateway, Site, said, text};
use crate::shaking::{over_tls, site as site_over_tls};
use crate::wire::{Connection, post_head};

const CSV: &str = "Code\r\nA\r\n";

/// A listener that asks for certificates of `clients.pem`, and looks at `clients.crl` ten times a second.
const ASKS: &str =
    "[listener.tls.clients]\nroots = [\"clients.pem\"]\ncrls = [\"clients.crl\"]\ncrl_interval_ms = 100\n";

/// Its folder, and the authority of the clients.
fn site() -> (Site, Authority) {
    let (site, _) = site_over_tls();
    let authority = Authority::called("Clients");
    site.write("clients.pem", &authority.pem());
    site.write("clients.crl", &authority.revoked(&[]));
    (site, authority)
}

/// With `city` known by these names.
fn known_by(site: &Site, asks: &str, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    let client = format!("networks = [\"127.0.0.0/8\"]\ncertificates = [{}]", names.join(", "));
    over_tls(site, asks).replace("networks = [\"127.0.0.0/8\"]", &client)
}

/// Lays a certificate down for curl and OpenSSL.
fn lay(site: &Site, name: &str, issued: &Issued) {
    site.write(&format!("{name}.pem"), &issued.certificate);
    site.write_secret(&format!("{name}.key"), &issued.key);
}

fn refusal(body: &str) -> String {
    serde_json::from_str::<serde_json::Value>(body).unwrap()["code"].as_str().unwrap().to_owned()
}

fn outcome(code: &str) -> String {
    format!("sekisho_handshakes_total{{listener=\"one\",outcome=\"{code}\"}}")
}

/// What must become of a certificate.
enum Fate {
    Passes,
    /// The handshake fails, with this code in log and metrics.
    Fails(&'static str),
    /// The request is refused, with this code.
    Refused(&'static str),
}

/// One value in DER.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u8::try_from(content.len()).unwrap();
    let long: &[u8] = if length < 128 { &[] } else { &[0x81] };
    [&[tag], long, &[length], &content].concat()
}

/// Makes the alternative name a directory name, as authorities of the public sector write them (X.509; RFC 5280 section 4.2.1.6).
fn directory(params: &mut rcgen::CertificateParams) {
    const UTF8: u8 = 0x0c;
    const PRINTABLE: u8 = 0x13;
    let part = |kind: u8, tag: u8, value: &str| {
        let pair = der(0x30, &[&der(0x06, &[&[0x55, 0x04, kind]]), &der(tag, &[value.as_bytes()])]);
        der(0x31, &[&pair])
    };
    let name = [part(6, PRINTABLE, "JP"), part(10, UTF8, "City, of A"), part(3, UTF8, "連携基盤")].concat();
    let names = der(0x30, &[&der(0xa4, &[&der(0x30, &[&name])])]);
    params.custom_extensions.push(rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 17], names));
}

#[test]
fn each_kind_of_certificate_passes_or_is_refused_with_its_code() {
    let (site, authority) = site();
    let pinned = authority.issue(2, &["nobody.example"]);
    let revoked = authority.issue(3, &["city.example"]);
    site.write("clients.crl", &authority.revoked(&[&revoked]));
    let names = [
        "dns:City.example",
        "uri:urn:x-city:a",
        "mail:link@city.example",
        "directory:CN=連携基盤,O=City\\, of A,C=JP",
        &pinned.fingerprint(),
    ];
    site.configure(&known_by(&site, ASKS, &names));
    let named = |names: &[&str]| authority.issue(9, names);
    let only_for_servers = |params: &mut rcgen::CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    let table = vec![
        ("host", named(&["city.example"]), Fate::Passes),
        ("host among others", named(&["other.example", "CITY.example"]), Fate::Passes),
        ("uri", named(&["uri:urn:x-city:a"]), Fate::Passes),
        ("mail", named(&["mail:link@CITY.example"]), Fate::Passes),
        ("directory", authority.issue_edited(9, &[], directory), Fate::Passes),
        ("fingerprint", pinned, Fate::Passes),
        ("other host", named(&["town.example"]), Fate::Refused("certificate-unknown")),
        ("host below", named(&["a.city.example"]), Fate::Refused("certificate-unknown")),
        ("any host", named(&["*.example"]), Fate::Refused("certificate-unknown")),
        ("other uri", named(&["uri:urn:x-city:A"]), Fate::Refused("certificate-unknown")),
        ("uri as host", named(&["uri:city.example"]), Fate::Refused("certificate-unknown")),
        ("other mail", named(&["mail:Link@city.example"]), Fate::Refused("certificate-unknown")),
        ("address", named(&["127.0.0.1"]), Fate::Refused("certificate-unknown")),
        ("revoked", revoked, Fate::Fails("certificate-revoked")),
        (
            "expired",
            authority.issue_edited(4, &["city.example"], days(-3, -1)),
            Fate::Fails("certificate-expired"),
        ),
        (
            "not yet valid",
            authority.issue_edited(5, &["city.example"], days(1, 3)),
            Fate::Fails("certificate-not-yet-valid"),
        ),
        (
            "for servers",
            authority.issue_edited(6, &["city.example"], only_for_servers),
            Fate::Fails("certificate-purpose"),
        ),
        (
            "other authority",
            Authority::called("Others").issue(9, &["city.example"]),
            Fate::Fails("certificate-issuer-unknown"),
        ),
        (
            "other authority of the same name",
            Authority::called("Clients").issue(9, &["city.example"]),
            Fate::Fails("certificate-signature"),
        ),
        ("self-signed", self_signed(&["city.example"]), Fate::Fails("certificate-issuer-unknown")),
    ];
    let gateway = Gateway::start(site);
    for (name, issued, fate) in &table {
        lay(&gateway.site, "shown", issued);
        let shown = showing(&gateway.site, "shown");
        let mut with: Vec<&str> = shown.iter().map(String::as_str).collect();
        let asked = curl(&gateway, "/rows/heartbeat", &with);
        let (through, openssl) = s_client(&gateway, &["-cert", &shown[1], "-key", &shown[3]]);
        // A body is offered and must not be asked for.
        with.extend(["-H", "Expect: 100-continue", "-H", "Content-Type: text/csv", "--data-binary", CSV]);
        let sent = curl(&gateway, "/rows/batches", &with);
        match fate {
            Fate::Passes => {
                assert_eq!((asked.status, through, sent.status), (200, true, 202), "{name}: {openssl}")
            }
            Fate::Refused(code) => {
                assert_eq!((asked.status, sent.status, through), (403, 403, false), "{name}: {openssl}");
                assert_eq!(
                    (refusal(&asked.body), refusal(&sent.body)),
                    (code.to_string(), code.to_string()),
                    "{name}"
                );
            }
            Fate::Fails(code) => {
                assert_eq!((asked.status, sent.status, through), (0, 0, false), "{name}: {openssl}");
                assert!(asked.exit != 0 && openssl.contains("alert"), "{name}: {asked:?} {openssl}");
                gateway.metric(&outcome(code));
            }
        }
    }
    let none = curl(&gateway, "/rows/heartbeat", &[]);
    assert_eq!((none.status, none.exit != 0), (0, true));
    gateway.metric(&outcome("certificate-missing"));
    let passed = table.iter().filter(|(.., fate)| matches!(fate, Fate::Passes)).count();
    let accepted = gateway.metric("sekisho_batches_accepted_total{door=\"rest\",route=\"rows\"}");
    assert_eq!(accepted, passed.to_string(), "what was refused left nothing behind");
}

#[test]
fn where_a_certificate_is_optional_networks_and_certificates_hold_beside_each_other() {
    let (site, authority) = site();
    lay(&site, "city", &authority.issue(2, &["city.example"]));
    lay(&site, "stranger", &authority.issue(3, &["stranger.example"]));
    let asks = format!("{ASKS}certificates = \"optional\"\n");
    let config = known_by(&site, &asks, &["dns:city.example"])
        .replace("networks = [\"127.0.0.0/8\"]", "networks = [\"127.0.0.1/32\"]")
        .replace("clients = [\"city\"]", "clients = [\"city\", \"town\"]")
        .replace("[[schema]]", "[[client]]\nname = \"town\"\nnetworks = [\"127.0.0.2/32\"]\n[[schema]]");
    site.configure(&config);
    let gateway = Gateway::start(site);
    for (from, shown, expected) in [
        ("127.0.0.1", Some("city"), Ok(())),
        ("127.0.0.1", None, Err("certificate-missing")),
        ("127.0.0.1", Some("stranger"), Err("certificate-unknown")),
        ("127.0.0.2", None, Ok(())),
        // Another's certificate is not a better address, nor is an address another's certificate.
        ("127.0.0.2", Some("city"), Err("certificate-unknown")),
        ("127.0.0.3", Some("city"), Err("client-unknown")),
        ("127.0.0.3", None, Err("client-unknown")),
    ] {
        let shown_arguments = shown.map(|name| showing(&gateway.site, name)).unwrap_or_default();
        let mut with = vec!["--interface", from];
        with.extend(shown_arguments.iter().map(String::as_str));
        let asked = curl(&gateway, "/rows/heartbeat", &with);
        match expected {
            Ok(()) => assert_eq!(asked.status, 200, "{from}, {shown:?}: {asked:?}"),
            Err(code) => assert_eq!((asked.status, &*refusal(&asked.body)), (403, code), "{from}, {shown:?}"),
        }
    }
    // What a header says of certificates counts for nothing.
    let claims = ["X-SSL-Client-Cert: city", "X-Forwarded-For: 127.0.0.2", "X-Client-DN: dns:city.example"];
    let mut with = vec!["--interface", "127.0.0.1"];
    with.extend(claims.iter().flat_map(|claim| ["-H", claim]));
    assert_eq!(refusal(&curl(&gateway, "/rows/heartbeat", &with).body), "certificate-missing");
}

#[test]
fn clients_of_one_network_are_told_apart_by_their_certificates() {
    let (site, authority) = site();
    let (city, town) = (authority.issue(2, &["city.example"]), authority.issue(3, &["town.example"]));
    let both = authority.issue(4, &["city.example", "town.example"]);
    let town_section = "[[client]]\nname = \"town\"\nnetworks = [\"127.0.0.1/32\"]\ncertificates = [\"dns:town.example\"]\n[[schema]]";
    let config = known_by(&site, ASKS, &["dns:city.example"])
        .replace("clients = [\"city\"]", "clients = [\"city\", \"town\"]")
        .replace("[[schema]]", town_section);
    site.configure(&config);
    let gateway = Gateway::start(site);
    let taken = secure(&gateway, Some(&city)).post("/rows", CSV);
    assert_eq!(taken.status, 202, "{}", taken.body);
    let id =
        serde_json::from_str::<serde_json::Value>(&taken.body).unwrap()["id"].as_str().unwrap().to_owned();
    let at = format!("/rows/batches/{id}");
    assert_eq!(secure(&gateway, Some(&city)).get(&at).status, 200);
    assert_eq!(secure(&gateway, Some(&town)).get(&at).status, 404, "another client's batch does not exist");
    let answer = secure(&gateway, Some(&both)).get("/rows/heartbeat");
    assert_eq!((answer.status, &*refusal(&answer.body)), (403, "client-ambiguous"));
}

/// Sends a head and a part of the body, and waits until the rest is asked for.
fn begun(mut upload: Connection) -> Connection {
    upload.write(&post_head("/rows", CSV.len()).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n"));
    assert!(upload.head().starts_with("HTTP/1.1 100"));
    upload.write(&CSV[..5]);
    upload
}

#[test]
fn a_revocation_is_seen_by_itself_and_ends_connections_after_their_exchange() {
    let (site, authority) = site();
    let (good, bad) = (authority.issue(2, &["city.example"]), authority.issue(3, &["city.example"]));
    site.configure(&known_by(&site, ASKS, &["dns:city.example"]));
    let gateway = Gateway::start(site);
    let mut kept = secure(&gateway, Some(&good));
    let mut idle = secure(&gateway, Some(&bad));
    for one in [&mut kept, &mut idle] {
        assert_eq!(one.get("/rows/heartbeat").status, 200);
    }
    let mut busy = begun(secure(&gateway, Some(&bad)));

    gateway.site.write("clients.crl", &authority.revoked(&[&bad]));
    gateway.logged("new revocation lists are in force");
    assert_eq!(idle.rest(), b"", "an idle connection is closed");
    // What was under way ends, and then the connection does.
    busy.write(&CSV[5..]);
    assert_eq!(busy.answer().status, 202);
    assert_eq!(busy.rest(), b"");
    assert_eq!(kept.get("/rows/heartbeat").status, 200, "others are left alone");
    lay(&gateway.site, "bad", &bad);
    let shown = showing(&gateway.site, "bad");
    assert_eq!(
        curl(&gateway, "/rows/heartbeat", &shown.iter().map(String::as_str).collect::<Vec<_>>()).status,
        0
    );
    gateway.metric(&outcome("certificate-revoked"));

    // What is broken, stale or older is not taken: the list in force stays.
    let day = Duration::from_secs(24 * 3600);
    let now = SystemTime::now();
    for (list, words) in [
        ("junk".to_owned(), "cannot be read"),
        (authority.revoked_until(&[], now - Duration::from_secs(10)), "has expired"),
        (authority.list(&[], now - day, now + day), "is older than the one in force"),
    ] {
        gateway.site.write("clients.crl", &list);
        let line = gateway.logged(words);
        assert!(line.contains("ERROR") && line.contains("one"), "{line}");
        let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
        assert_eq!(curl(&gateway, "/rows/heartbeat", &shown).status, 0);
        // Nor does a reload take it.
        assert!(gateway.reload().contains("nothing was reloaded"));
        assert_eq!(kept.get("/rows/heartbeat").status, 200);
    }
}

#[test]
fn a_list_that_is_stale_fails_closed() {
    let (site, authority) = site();
    let good = authority.issue(2, &["city.example"]);
    lay(&site, "good", &good);
    site.configure(&known_by(&site, ASKS, &["dns:city.example"]));
    let gateway = Gateway::start(site);
    let mut open = secure(&gateway, Some(&good));
    assert_eq!(open.get("/rows/heartbeat").status, 200);
    gateway
        .site
        .write("clients.crl", &authority.revoked_until(&[], SystemTime::now() + Duration::from_secs(3)));
    gateway.logged("new revocation lists are in force");
    let shown = showing(&gateway.site, "good");
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    let limit = std::time::Instant::now() + crate::wire::PATIENCE;
    while curl(&gateway, "/rows/heartbeat", &shown).status != 0 {
        assert!(std::time::Instant::now() < limit, "a stale list still lets clients in");
    }
    gateway.metric(&outcome("certificate-revocation-stale"));
    // The connection that was open is judged again at its next request.
    let answer = open.get("/rows/heartbeat");
    assert_eq!((answer.status, &*refusal(&answer.body)), (403, "certificate-revocation-stale"));
    gateway.metric_that("sekisho_hop_state{hop=\"gateway\"}", |state| state == "2");
    // A fresh one lets them in again.
    gateway.site.write("clients.crl", &authority.revoked(&[]));
    gateway.logged("new revocation lists are in force");
    assert_eq!(curl(&gateway, "/rows/heartbeat", &shown).status, 200);
}

#[test]
fn every_certificate_of_a_chain_is_looked_up() {
    let (site, root) = site();
    let below = root.below(50, "Below");
    let leaf = below.issue(2, &["city.example"]);
    let chained = Issued { certificate: format!("{}{}", leaf.certificate, below.pem()), ..leaf };
    lay(&site, "chained", &chained);
    site.configure(&known_by(&site, ASKS, &["dns:city.example"]));
    let gateway = Gateway::start(site);
    let shown = showing(&gateway.site, "chained");
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    let ask = || curl(&gateway, "/rows/heartbeat", &shown).status;
    // The authority below the root has no list: what it has issued may be revoked.
    assert_eq!(ask(), 0);
    gateway.metric(&outcome("certificate-revocation-unknown"));
    let lists = |of_root: String| {
        gateway.site.write("clients.crl", &format!("{of_root}{}", below.revoked(&[])));
        gateway.logged("new revocation lists are in force");
    };
    lists(root.revoked(&[]));
    assert_eq!(ask(), 200);
    lists(root.revoked(&[&below.as_issued(50)]));
    assert_eq!(ask(), 0, "its authority is revoked");
    gateway.metric(&outcome("certificate-revoked"));
}

#[test]
fn lists_may_be_in_der_as_authorities_publish_them() {
    let (site, authority) = site();
    let (good, bad) = (authority.issue(2, &["city.example"]), authority.issue(3, &["city.example"]));
    let pem = authority.revoked(&[&bad]);
    let der = CertificateRevocationListDer::from_pem_slice(pem.as_bytes()).unwrap();
    std::fs::write(site.path("clients.crl"), &der).unwrap();
    site.configure(&known_by(&site, ASKS, &["dns:city.example"]));
    let gateway = Gateway::start(site);
    assert_eq!(secure(&gateway, Some(&good)).get("/rows/heartbeat").status, 200);
    lay(&gateway.site, "bad", &bad);
    let shown = showing(&gateway.site, "bad");
    assert_eq!(
        curl(&gateway, "/rows/heartbeat", &shown.iter().map(String::as_str).collect::<Vec<_>>()).status,
        0
    );
    gateway.metric(&outcome("certificate-revoked"));
}

#[test]
fn the_gateways_own_client_shows_a_certificate() {
    let (site, authority) = site();
    lay(&site, "city", &authority.issue(2, &["city.example"]));
    site.write("records.csv", CSV);
    site.configure(&known_by(&site, ASKS, &["dns:city.example"]));
    let gateway = Gateway::start(site);
    let path = |name: &str| gateway.site.path(name).to_str().unwrap().to_owned();
    let (url, records) = (format!("{}/rows", gateway.secure()), path("records.csv"));
    let (root, certificate, key) = (path("root.pem"), path("city.pem"), path("city.key"));
    let send = ["send", &records, "--to", &url, "--roots", &root, "--wait", "0", "--json"];
    let (code, out, err) =
        said(&[&send[..], &["--certificate", &certificate, "--certificate-key", &key]].concat());
    assert!(out.contains("\"accepted\": 1") || out.contains("\"accepted\":1"), "{code}: {out}{err}");
    let (code, out, err) = said(&send);
    assert!(code == 3 || code == 2, "{code}: {out}{err}");
    // What a client is known by is printed as it is written in a configuration.
    let (code, out, err) = said(&["certificate", &certificate]);
    let printed = out.contains("\"dns:city.example\"\n") && out.contains("\"sha256:");
    assert!(code == 0 && printed, "{code}: {out}{err}");
    let (code, out, err) = said(&["certificate", &key]);
    assert!(code == 4 && out.is_empty() && err.contains("no certificate in PEM"), "{code}: {out}{err}");
}

#[test]
fn roots_are_exchanged_by_a_reload_and_connections_of_the_old_one_end() {
    let (site, old) = site();
    let new = Authority::called("New");
    let (before, after) = (old.issue(2, &["city.example"]), new.issue(2, &["city.example"]));
    site.configure(&known_by(&site, ASKS, &["dns:city.example"]));
    let gateway = Gateway::start(site);
    let mut first = secure(&gateway, Some(&before));
    assert_eq!(first.get("/rows/heartbeat").status, 200);

    // Roots without a list for them: every client of the new one would be refused, and those of the old one stay.
    gateway.site.write("clients.pem", &format!("{}{}", old.pem(), new.pem()));
    gateway.site.write("clients.crl", &format!("{}{}", old.revoked(&[]), new.revoked(&[])));
    assert!(!gateway.reload().contains("nothing was reloaded"));
    assert_eq!(first.get("/rows/heartbeat").status, 200);
    assert_eq!(secure(&gateway, Some(&after)).get("/rows/heartbeat").status, 200);

    gateway.site.write("clients.pem", "junk");
    let logged = gateway.reload();
    assert!(logged.contains("nothing was reloaded") && logged.contains("tls.clients.roots"), "{logged}");
    assert_eq!(first.get("/rows/heartbeat").status, 200);

    gateway.site.write("clients.pem", &new.pem());
    assert!(!gateway.reload().contains("nothing was reloaded"));
    assert_eq!(first.rest(), b"", "its root is gone");
    assert_eq!(secure(&gateway, Some(&after)).get("/rows/heartbeat").status, 200);
}

#[test]
fn what_would_let_anybody_in_needs_its_word() {
    let (site, authority) = site();
    let config = site.path("sekisho.toml");
    let expired = authority.revoked_until(&[], SystemTime::now() - Duration::from_secs(5));
    site.write("expired.crl", &expired);
    let check = |asks: &str, names: &[&str]| {
        site.configure(&known_by(&site, asks, names));
        let (code, english, _) = said(&["check-config", "--config", text(&config)]);
        let (_, japanese, _) = said(&["check-config", "--config", text(&config), "--language", "ja"]);
        let has_japanese = japanese.chars().any(|c| c >= 'ぁ');
        assert!(has_japanese, "{japanese}");
        (code, english)
    };
    let city: &[&str] = &["dns:city.example"];
    let plain = "[listener.tls.clients]\nroots = [\"clients.pem\"]\n";
    for (asks, names, words) in [
        (plain, city, "at least one revocation list is needed"),
        (
            "[listener.tls.clients]\nroots = []\ncrls = [\"clients.crl\"]\n",
            city,
            "at least one PEM file is needed",
        ),
        (&*ASKS.replace("clients.crl", "expired.crl"), city, "has expired"),
        (&ASKS.replace("clients.crl", "clients.pem"), city, "holds no certificate revocation list"),
        (&format!("{ASKS}revocation = \"i-take-revoked-certificates\"\n"), city, "leave one of them out"),
        (&ASKS.replace("= 100", "= 99"), city, "must be between 100 and"),
        (ASKS, &[], "could never pass"),
        ("", city, "no listener asks for certificates"),
        (ASKS, &["city.example"], "must be a kind and a name of the certificate"),
        (ASKS, &["dns:*.example"], "must be a kind and a name of the certificate"),
    ] {
        let (code, said) = check(asks, names);
        assert!(code == 1 && said.contains(words) && said.contains(": 1 mistake\n"), "{words}: {said}");
    }
    let (code, said) = check(&format!("{plain}revocation = \"i-take-revoked-certificates\"\n"), city);
    assert_eq!(code, 0, "{said}");
    let gateway = Gateway::start(site);
    assert_eq!(
        gateway.metric("sekisho_weakened{name=\"one\",section=\"listener\",word=\"revoked-certificates\"}"),
        "1"
    );
    gateway.logged("the configuration lets this be weaker than it could be");
}
