//! The admin listener's own login: a token that is none of a client's.

use crate::running::{Gateway, Site, said, text};
use crate::wire::Connection;

const FIRST: &str = "first-token-of-operators-0123456789abcdef";
const SECOND: &str = "second-token-of-operators-0123456789abcdef";

fn configuration(site: &Site) -> String {
    let known = "networks = [\"127.0.0.0/8\"]\ntoken_files = [\"city.token\"]";
    site.plain()
        .replace("[admin]\n", "[admin]\ntoken_files = [\"one.token\", \"two.token\"]\n")
        .replace("networks = [\"127.0.0.0/8\"]", known)
}

fn site() -> Site {
    let site = Site::new();
    site.write_secret("one.token", &format!("{FIRST}\n"));
    site.write_secret("two.token", SECOND);
    site.write_secret("city.token", "token-of-the-city-0123456789abcdef-0123");
    site.configure(&configuration(&site));
    site
}

/// `/live` of the admin listener, asked with this token.
fn live(gateway: &Gateway, token: &str) -> u16 {
    let address = gateway.admin().trim_start_matches("http://").to_owned();
    let mut admin = Connection::over(std::net::TcpStream::connect(address).unwrap());
    admin.write(&format!("GET /live HTTP/1.1\r\nHost: admin\r\nAuthorization: Bearer {token}\r\n\r\n"));
    admin.answer().status
}

#[test]
fn operators_commands_show_a_token_and_get_nothing_without() {
    let gateway = Gateway::start(site());
    let (admin, file) = (gateway.admin(), |name: &str| gateway.site.path(name));
    for command in ["batches", "purge"] {
        let asked = |with: &[&str]| {
            let mut args = vec![command, "--admin", &admin];
            args.extend(if command == "purge" { &["--client", "city"][..] } else { &[] });
            args.extend(with);
            said(&args)
        };
        let (code, _, error) = asked(&[]);
        assert!(code == 2 && error.contains("--token-file"), "{code} {error}");
        let (code, _, error) = asked(&["--token-file", text(&file("city.token")), "--language", "ja"]);
        assert!(
            code == 2 && error.contains("admin.token_files") && error.contains("ではありません"),
            "{error}"
        );
        for token in ["one.token", "two.token"] {
            let (code, out, error) = asked(&["--token-file", text(&file(token))]);
            assert!(code == 0 && !out.is_empty(), "{out} {error}");
        }
    }
    let with = |token: &str| said(&["heartbeat", &admin, "--token-file", text(&file(token))]).1;
    assert!(with("one.token").starts_with("HOP"), "{}", with("one.token"));
    assert!(with("city.token").starts_with("UNKNOWN"), "{}", with("city.token"));
    // A health check whose words are fixed.
    let checked = |token: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sekisho"));
        command.args(["heartbeat", &admin]).env("SEKISHO_HEARTBEAT_TOKEN_FILE", file(token));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert!(checked("one.token").starts_with("HOP"), "{}", checked("one.token"));
    assert!(checked("city.token").starts_with("UNKNOWN"), "{}", checked("city.token"));

    // Exchanged by a reload; what was in force before is not any more.
    assert_eq!((live(&gateway, FIRST), live(&gateway, SECOND)), (200, 200));
    let third = FIRST.replace("first", "third");
    gateway.site.write_secret("one.token", &third);
    let logged = gateway.reload();
    assert!(!logged.contains("nothing was reloaded") && !logged.contains("a restart"), "{logged}");
    assert_eq!((live(&gateway, FIRST), live(&gateway, &third), live(&gateway, SECOND)), (401, 200, 200));
    assert!(!gateway.reload().contains("0123456789"), "no token is in the log");
}

#[test]
fn whoever_guesses_at_the_token_fills_no_log() {
    let gateway = Gateway::start(site());
    for guess in 0..200 {
        assert_eq!(live(&gateway, &format!("guess-{guess}")), 401);
    }
    let logged = gateway.reload();
    let lines = logged.lines().filter(|line| line.contains("without a token")).count();
    assert!((1..=10).contains(&lines), "{lines} of 200 refusals are in the log\n{logged}");
    let address = gateway.admin().trim_start_matches("http://").to_owned();
    let mut admin = Connection::over(std::net::TcpStream::connect(address).unwrap());
    admin.write(&format!("GET /metrics HTTP/1.1\r\nHost: admin\r\nAuthorization: Bearer {FIRST}\r\n\r\n"));
    let metrics = admin.answer().body;
    assert!(metrics.contains("sekisho_refusals_total{code=\"admin-token-unknown\"} 200"), "{metrics}");

    // Nor do they keep out of it that a page asks with a token.
    admin.write(&format!(
        "POST /clients/city/purge HTTP/1.1\r\nHost: admin\r\nOrigin: http://page.example\r\nAuthorization: Bearer {FIRST}\r\n\
         Content-Length: 0\r\n\r\n"
    ));
    let refused = admin.answer();
    assert!(refused.status == 403 && refused.body.contains("\"admin-origin-foreign\""), "{}", refused.body);
    let logged = gateway.reload();
    assert!(logged.contains("admin-origin-foreign"), "{logged}");
}

#[test]
fn beyond_loopback_it_takes_a_token_and_a_word_that_is_shown() {
    let site = site();
    let config = site.path("sekisho.toml");
    let check = |text_of: &str| {
        site.configure(text_of);
        said(&["check-config", "--config", text(&config)])
    };
    let good = configuration(&site);
    let word = "[admin]\nplain_http = \"i-know-that-this-network-is-protected\"\n";
    let wide = |text: &str| text.replacen("listen = \"127.0.0.1:0\"", "listen = \"0.0.0.0:0\"", 1);
    let tokens = "token_files = [\"one.token\", \"two.token\"]\n";
    for (text_of, words) in [
        (wide(&good), "admin: listen: must be a loopback address"),
        (
            wide(&good.replace("[admin]\n", word)).replace(tokens, ""),
            "admin: listen: must be a loopback address",
        ),
        (good.replace("[admin]\n", word), "admin: plain_http: is for an admin listener beyond loopback"),
        (good.replace("one.token", "city.token"), "is a token of the admin listener already"),
        (good.replace("two.token", "one.token"), "is a token of the admin listener already"),
    ] {
        let (code, said, _) = check(&text_of);
        assert!(code == 1 && said.contains(words) && said.contains(": 1 mistake\n"), "{words}: {said}");
    }
    let both = wide(&good.replace("[admin]\n", word));
    assert_eq!(check(&both).0, 0, "{}", check(&both).1);
    let gateway = Gateway::start(site);
    let file = gateway.site.path("two.token");
    let url = format!("http://127.0.0.1:{}", gateway.address("admin").port());
    assert!(said(&["heartbeat", &url, "--token-file", text(&file)]).1.starts_with("HOP"));
    let mut admin =
        Connection::over(std::net::TcpStream::connect(url.trim_start_matches("http://")).unwrap());
    admin.write(&format!("GET /metrics HTTP/1.1\r\nHost: admin\r\nAuthorization: Bearer {SECOND}\r\n\r\n"));
    let metrics = admin.answer().body;
    assert!(
        metrics.contains("sekisho_weakened{name=\"\",section=\"admin\",word=\"plain-http\"} 1"),
        "{metrics}"
    );

    // Back on loopback it would need no token; but until a restart it is bound as it was.
    gateway.site.configure(&good.replace(tokens, ""));
    let logged = gateway.reload();
    assert!(logged.contains("nothing was reloaded") && logged.contains("admin.token_files"), "{logged}");
    let address = url.trim_start_matches("http://");
    let asked = |token: &str| {
        let mut admin = Connection::over(std::net::TcpStream::connect(address).unwrap());
        admin
            .write(&format!("GET /metrics HTTP/1.1\r\nHost: admin\r\nAuthorization: Bearer {token}\r\n\r\n"));
        admin.answer()
    };
    assert_eq!((asked(SECOND).status, asked("nobody").status), (200, 401));
    gateway.site.configure(&good);
    let logged = gateway.reload();
    assert!(!logged.contains("nothing was reloaded"), "{logged}");
    assert!(asked(SECOND).body.contains("word=\"plain-http\"} 1"), "it still is what it was bound as");
}
