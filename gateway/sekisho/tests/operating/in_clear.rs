//! What goes out in clear beyond loopback needs a word, which everybody can see.

use crate::running::{Gateway, Site, said, text};

const WORD: &str = "\"i-know-that-this-network-is-protected\"";

/// An upstream and a scanner at an address that is not loopback's, and leads to no other machine. `http` stands under the upstream and
/// `tcp` under the scanner.
fn configuration(site: &Site, http: &str, tcp: &str) -> String {
    let port = site.cloud.local_addr().unwrap().port();
    let scanner =
        format!("[[scanner]]\nname = \"av\"\nkind = \"clamd\"\naddress = \"0.0.0.0:{port}\"\n{tcp}\n");
    let plain = site.plain().replace(
        &format!("name = \"main\"\n[upstream.endpoint]\nurl = \"http://127.0.0.1:{port}\""),
        &format!("name = \"main\"\n{http}\n[upstream.endpoint]\nurl = \"http://0.0.0.0:{port}\""),
    );
    plain.replace("[[route]]", &format!("{scanner}[[route]]"))
}

#[test]
fn beyond_loopback_upstreams_and_scanners_take_a_word_that_is_shown() {
    let site = Site::new();
    let config = site.path("sekisho.toml");
    let (http, tcp) = (format!("plain_http = {WORD}"), format!("plain_tcp = {WORD}"));
    for (with_http, with_tcp, words) in [
        ("", tcp.as_str(), "upstream \"main\": endpoint.url: plain HTTP beyond loopback"),
        (http.as_str(), "", "scanner \"av\": address: a scanner beyond loopback"),
    ] {
        site.configure(&configuration(&site, with_http, with_tcp));
        for (command, exit) in [("check-config", 1), ("serve", 4)] {
            let (code, out, err) = said(&[command, "--config", text(&config)]);
            let listed = format!("{out}{err}");
            assert!(code == exit && listed.contains(words), "{command}: {code}: {listed}");
            assert!(listed.contains(WORD), "{command} does not say what to write: {listed}");
        }
    }
    site.configure(&configuration(&site, &http, &tcp));
    assert_eq!(said(&["check-config", "--config", text(&config)]).0, 0);
    let gateway = Gateway::start(site);
    let shown = |section: &str, name: &str, word: &str| {
        format!("sekisho_weakened{{name=\"{name}\",section=\"{section}\",word=\"{word}\"}}")
    };
    assert_eq!(gateway.metric(&shown("upstream", "main", "plain-http")), "1");
    assert_eq!(gateway.metric(&shown("scanner", "av", "plain-tcp")), "1");
    assert!(gateway.logged("plain-http").contains("main"));
    assert!(gateway.logged("plain-tcp").contains("av"));

    // Back on loopback there is nothing to show, whatever is allowed.
    let loopback = configuration(&gateway.site, &http, &tcp).replace("0.0.0.0", "127.0.0.1");
    gateway.site.configure(&loopback);
    let logged = gateway.reload();
    assert!(!logged.contains("nothing was reloaded") && !logged.contains("plain-"), "{logged}");
}
