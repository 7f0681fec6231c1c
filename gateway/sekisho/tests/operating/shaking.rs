//! TLS on a listener, as curl, OpenSSL and rustls find it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, NamedGroup, RootCertStore};

use crate::authority::{Authority, days};
use crate::peers::{curl, s_client, secure};
use crate::running::{Gateway, Site, said, text};
use crate::wire::{Connection, PATIENCE};

/// A configuration whose listener speaks TLS; `more` stands behind the key.
pub(crate) fn over_tls(site: &Site, more: &str) -> String {
    let tls = format!(
        "routes = [\"rows\"]\n[listener.tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\n{more}"
    );
    site.plain().replace("routes = [\"rows\"]", &tls)
}

/// A site with a certificate for `localhost`, and its authority.
pub(crate) fn site() -> (Site, Authority) {
    let (site, authority) = (Site::new(), Authority::new());
    let server = authority.issue(1, &["localhost", "127.0.0.1"]);
    site.write("root.pem", &authority.pem());
    site.write("server.pem", &server.certificate);
    site.write_secret("server.key", &server.key);
    (site, authority)
}

fn started(more: &str) -> Gateway {
    let (site, _) = site();
    site.configure(&over_tls(&site, more));
    Gateway::start(site)
}

#[test]
fn curl_sends_a_batch_and_reads_contracts_with_addresses_over_tls() {
    let gateway = started("");
    let sent =
        curl(&gateway, "/rows/batches", &["-H", "Content-Type: text/csv", "--data-binary", "Code\r\nA\r\n"]);
    assert_eq!((sent.status, sent.exit), (202, 0), "{sent:?}");
    let wsdl = curl(&gateway, "/rows?wsdl", &[]);
    assert!(wsdl.status == 200 && wsdl.body.contains(&format!("{}/rows", gateway.secure())), "{wsdl:?}");
    let head = curl(&gateway, "/rows/heartbeat", &["-D", "-"]).body;
    for field in ["strict-transport-security: max-age=", "x-content-type-options: nosniff"] {
        assert!(head.contains(field), "{head}");
    }
    // A target in absolute form is this listener's own with its scheme, and nobody's with the other.
    let own = format!("{}/rows/heartbeat", gateway.secure());
    let other = own.replace("https://", "http://");
    for (target, status) in [(own, 200), (other, 421)] {
        let asked = curl(&gateway, "/", &["--request-target", &target]);
        assert_eq!(asked.status, status, "{target}: {asked:?}");
    }
    // The gateway's own client, too.
    let root = gateway.site.path("root.pem");
    let url = format!("{}/rows", gateway.secure());
    let (_, out, err) = said(&["heartbeat", &url, "--roots", text(&root), "--timeout", "60"]);
    assert!(out.starts_with("HOP"), "{out}{err}");
}

#[test]
fn version_1_3_is_spoken_and_1_2_only_by_its_word() {
    let strict = started("");
    let (through, said) = s_client(&strict, &["-tls1_3", "-alpn", "http/1.1"]);
    assert!(through && said.contains("ALPN protocol: http/1.1"), "{said}");
    assert!(said.contains("TLSv1.3"), "{said}");
    let (through, said) = s_client(&strict, &["-tls1_2"]);
    assert!(!through && said.contains("alert"), "{said}");
    strict.metric("sekisho_handshakes_total{listener=\"one\",outcome=\"handshake-nothing-in-common\"}");

    let older = started("oldest_version = \"1.2-for-an-older-client\"\n");
    for (version, name) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let (through, said) = s_client(&older, &[version]);
        assert!(through && said.contains(name), "{said}");
    }
    for version in ["-tls1_1", "-tls1"] {
        let (through, said) = s_client(&older, &[version, "-cipher", "ALL:@SECLEVEL=0"]);
        assert!(!through, "{said}");
    }
    assert_eq!(older.metric("sekisho_weakened{name=\"one\",section=\"listener\",word=\"tls-1.2\"}"), "1");
}

#[test]
fn no_session_is_resumed_and_no_early_data_is_taken() {
    let gateway = started("oldest_version = \"1.2-for-an-older-client\"\n");
    let (through, said) = s_client(&gateway, &["-tls1_3"]);
    assert!(through && !said.contains("New Session Ticket arrived"), "{said}");
    let session = gateway.site.path("session.pem");
    for version in ["-tls1_2", "-tls1_3"] {
        let (_, said) = s_client(&gateway, &[version, "-sess_out", text(&session)]);
        assert!(said.contains("New, "), "{said}");
        if session.exists() {
            let (through, said) = s_client(&gateway, &[version, "-sess_in", text(&session)]);
            assert!(through && !said.contains("Reused, "), "{version}: {said}");
        }
    }
}

#[test]
fn a_protocol_that_is_not_spoken_ends_the_handshake() {
    let gateway = started("");
    let (through, said) = s_client(&gateway, &["-alpn", "h2"]);
    assert!(!through && said.contains("alert"), "{said}");
    gateway.metric("sekisho_handshakes_total{listener=\"one\",outcome=\"handshake-no-protocol\"}");
}

/// A client of rustls that knows one group for the exchange of keys.
#[test]
fn hybrid_post_quantum_keys_are_exchanged() {
    let gateway = started("");
    let pem = std::fs::read(gateway.site.path("root.pem")).unwrap();
    let root = <CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(&pem).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
    for (groups, agreed) in [
        (vec![aws_lc_rs::kx_group::X25519MLKEM768], NamedGroup::X25519MLKEM768),
        // Of several the gateway takes the hybrid one, whatever the client would rather have.
        (vec![aws_lc_rs::kx_group::X25519MLKEM768, aws_lc_rs::kx_group::X25519], NamedGroup::X25519MLKEM768),
        (vec![aws_lc_rs::kx_group::SECP256R1], NamedGroup::secp256r1),
    ] {
        let mut provider = aws_lc_rs::default_provider();
        provider.kx_groups = groups;
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = TcpStream::connect(gateway.address("one")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut tls = rustls::Stream::new(&mut session, &mut stream);
        tls.write_all(b"GET /rows/heartbeat HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        tls.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(session.negotiated_key_exchange_group().unwrap().name(), agreed);
    }
}

#[test]
fn who_does_not_shake_hands_is_let_go() {
    let (site, _) = site();
    let limits = "[limits]\nhandshake_timeout_ms = 300\n[admin]\n";
    site.configure(&over_tls(&site, "").replace("[admin]\n", limits));
    let gateway = Gateway::start(site);
    // Nothing at all, and half a record.
    for begun in [&b""[..], &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]] {
        let mut stream = TcpStream::connect(gateway.address("one")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(begun).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"");
    }
    let slow = "sekisho_handshakes_total{listener=\"one\",outcome=\"handshake-too-slow\"}";
    gateway.metric_that(slow, |number| number == "2");
    // HTTP is no handshake.
    let mut plain = Connection::open(gateway.address("one"));
    plain.write("GET /rows/heartbeat HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(!plain.rest().starts_with(b"HTTP"));
    gateway.metric("sekisho_handshakes_total{listener=\"one\",outcome=\"handshake-no-tls\"}");
    assert_eq!(curl(&gateway, "/rows/heartbeat", &[]).status, 200);
}

/// Of four handshakes at once, one address has one.
fn four_at_once(timeout_ms: u64) -> Gateway {
    let (site, _) = site();
    let limits = format!("[limits]\nhandshakes = 4\nhandshake_timeout_ms = {timeout_ms}\n[admin]\n");
    site.configure(&over_tls(&site, "").replace("[admin]\n", &limits));
    Gateway::start(site)
}

#[test]
fn handshakes_of_one_address_keep_only_itself_waiting() {
    let gateway = four_at_once(3_600_000);
    let begun = TcpStream::connect(gateway.address("one")).unwrap();
    gateway.metric_that("sekisho_connections", |open| open == "1");
    let mut second = secure(&gateway, None);
    let waiting = std::thread::spawn(move || second.get("/rows/heartbeat").status);
    gateway.metric_that("sekisho_connections", |open| open == "2");
    assert_eq!(curl(&gateway, "/rows/heartbeat", &["--interface", "127.0.0.2"]).status, 200);
    assert!(!waiting.is_finished(), "its address has its share");
    drop(begun);
    assert_eq!(waiting.join().unwrap(), 200);
}

#[test]
fn who_has_waited_too_long_for_a_handshake_is_let_go() {
    let gateway = four_at_once(300);
    let held: Vec<_> = (0..6).map(|_| TcpStream::connect(gateway.address("one")).unwrap()).collect();
    gateway.metric("sekisho_connections_turned_away_total{code=\"handshakes-full\",listener=\"one\"}");
    gateway.metric_that("sekisho_connections", |open| open == "0");
    drop(held);
}

#[test]
fn days_left_are_on_the_metrics_and_the_gateways_hop() {
    let (site, authority) = site();
    site.configure(&over_tls(&site, ""));
    let gateway = Gateway::start(site);
    let left = gateway.metric("sekisho_tls_left_seconds{listener=\"one\",what=\"certificate\"}");
    assert!((99.9..100.1).contains(&(left.parse::<f64>().unwrap() / 86_400.0)), "{left}");
    let hop = |gateway: &Gateway| {
        let heartbeat = Connection::open(gateway.address("admin")).get("/heartbeat").body;
        let heartbeat: serde_json::Value = serde_json::from_str(&heartbeat).unwrap();
        heartbeat["hops"][0].clone()
    };
    gateway.metric_that("sekisho_hop_state{hop=\"gateway\"}", |state| state == "1");
    assert!(hop(&gateway).to_string().contains("certificates last "), "{}", hop(&gateway));

    // One that ends soon, by a reload: the hop says so.
    let soon = authority.issue_edited(2, &["localhost"], days(-1, 5));
    gateway.site.write("server.pem", &soon.certificate);
    gateway.site.write_secret("server.key", &soon.key);
    assert!(!gateway.reload().contains("nothing was reloaded"));
    gateway.metric_that("sekisho_hop_state{hop=\"gateway\"}", |state| state == "2");
    assert!(hop(&gateway).to_string().contains("certificate of listener one ends in "), "{}", hop(&gateway));
}

#[test]
fn a_certificate_is_exchanged_by_a_reload_and_a_bad_one_leaves_the_old_one() {
    let (site, authority) = site();
    site.configure(&over_tls(&site, ""));
    let gateway = Gateway::start(site);
    let serial = |gateway: &Gateway| {
        let (_, said) = s_client(gateway, &["-showcerts"]);
        let pem = said.find("-----BEGIN CERTIFICATE").unwrap_or_else(|| panic!("{said}"));
        said[pem..said.find("-----END CERTIFICATE").unwrap()].to_owned()
    };
    let first = serial(&gateway);
    let other = authority.issue(7, &["localhost"]);
    let expired = authority.issue_edited(8, &["localhost"], days(-3, -1));
    for (certificate, key, said) in [
        ("junk", &other.key, "holds no certificate"),
        (&expired.certificate, &expired.key, "has expired"),
        (&other.certificate, &"junk".to_owned(), "holds no private key"),
        (&other.certificate, &expired.key, "is the key of another certificate"),
    ] {
        gateway.site.write("server.pem", certificate);
        gateway.site.write_secret("server.key", key);
        let logged = gateway.reload();
        assert!(logged.contains("nothing was reloaded") && logged.contains(said), "{said}: {logged}");
        assert!(!logged.contains("PRIVATE"), "no key is in the log");
        assert_eq!(serial(&gateway), first);
    }
    gateway.site.write("server.pem", &other.certificate);
    gateway.site.write_secret("server.key", &other.key);
    assert!(!gateway.reload().contains("nothing was reloaded"));
    assert_ne!(serial(&gateway), first);
}

#[test]
fn files_that_cannot_be_trusted_are_refused_at_start_with_their_line() {
    let (site, authority) = site();
    let good = authority.issue(1, &["localhost"]);
    let expired = authority.issue_edited(2, &["localhost"], days(-3, -1));
    let early = authority.issue_edited(3, &["localhost"], days(1, 3));
    let other = authority.issue(4, &["localhost"]);
    site.configure(&over_tls(&site, ""));
    let config = site.path("sekisho.toml");
    let check = |language: &str| said(&["check-config", "--config", text(&config), "--language", language]);
    let line = |key: &str| {
        let written = std::fs::read_to_string(&config).unwrap();
        1 + written.lines().position(|line| line.starts_with(key)).unwrap()
    };
    assert_eq!(check("en").0, 0);
    for (certificate, key, at, english, japanese) in [
        (&*expired.certificate, &*expired.key, "certificate", "has expired", "期限切れ"),
        (&early.certificate, &early.key, "certificate", "is not valid before", "まだ有効でない"),
        ("junk", &good.key, "certificate", "holds no certificate in PEM", "証明書がありません"),
        (&good.certificate, "junk", "key", "holds no private key in PEM", "秘密鍵がありません"),
        (&good.certificate, &other.key, "key", "is the key of another certificate", "別の証明書の秘密鍵"),
    ] {
        site.write("server.pem", certificate);
        site.write_secret("server.key", key);
        let (code, english_said, _) = check("en");
        let place = format!("sekisho.toml:{}:1: listener \"one\": tls.{at}: ", line(at));
        assert!(
            code == 1 && english_said.contains(&place) && english_said.contains(english),
            "{english_said}"
        );
        assert!(english_said.contains(": 1 mistake\n"), "{english_said}");
        let (_, japanese_said, _) = check("ja");
        assert!(japanese_said.contains(japanese), "{japanese_said}");
    }
    site.write("server.pem", &good.certificate);
    site.write("server.key", &good.key);
    let key = site.path("server.key");
    let allow = |mode: u32| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        check("en")
    };
    for mode in [0o644, 0o604, 0o602] {
        let (code, said, _) = allow(mode);
        assert!(
            code == 1 && said.contains("everybody on this machine may read or change it"),
            "{mode:o}: {said}"
        );
    }
    for mode in [0o640, 0o600, 0o400] {
        assert_eq!(allow(mode).0, 0, "{mode:o}");
    }
    std::fs::remove_file(&key).unwrap();
    assert!(check("en").1.contains("server.key cannot be read: it is not there"), "{}", check("en").1);
}

#[test]
fn what_a_listener_speaks_changes_only_with_a_restart_and_the_reload_says_so() {
    let first = started("");
    let (gateway, site) = (&first, &first.site);
    site.configure(&site.plain());
    assert!(gateway.reload().contains("TLS is turned on or off only with a restart"));
    assert_eq!(curl(gateway, "/rows/heartbeat", &[]).status, 200);
    let behind =
        over_tls(site, "").replace("[listener.tls]", "balancers = [\"192.0.2.1/32\"]\n[listener.tls]");
    site.configure(&behind);
    assert!(gateway.reload().contains("listener: balancers"));
    assert_eq!(curl(gateway, "/rows/heartbeat", &[]).status, 200);

    let plain = Site::new();
    let gateway = Gateway::start(plain);
    for name in ["root.pem", "server.pem", "server.key"] {
        gateway.site.write_secret(name, &std::fs::read_to_string(site.path(name)).unwrap());
    }
    gateway.site.configure(&over_tls(&gateway.site, ""));
    assert!(gateway.reload().contains("TLS is turned on or off only with a restart"));
    assert_eq!(gateway.connect().get("/rows/heartbeat").status, 200);
}
