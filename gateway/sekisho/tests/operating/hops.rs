//! What becomes of the cloud's answers: the state of each hop behind the line, its class, and the heartbeat's exit code.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::running::{Gateway, Site, said};
use crate::wire::PATIENCE;

/// A cloud that answers each path as it is told to.
struct Cloud {
    address: SocketAddr,
    script: Arc<Mutex<HashMap<&'static str, String>>>,
}

const HEALTH: &str = "/health";
const TOKEN: &str = "/token";
const STATE: &str = "/state";

impl Cloud {
    /// One of which everything is up.
    fn start() -> Self {
        let script: Arc<Mutex<HashMap<&'static str, String>>> = Arc::default();
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let cloud = Self { address: socket.local_addr().unwrap(), script: Arc::clone(&script) };
        cloud.mend();
        std::thread::spawn(move || {
            for stream in socket.incoming().map_while(Result::ok) {
                let script = Arc::clone(&script);
                // Who only looks at the line sends nothing, and must not hold up the others.
                std::thread::spawn(move || answer(stream, &script));
            }
        });
        cloud
    }

    fn mend(&self) {
        self.says(HEALTH, &http("200 OK", "{\"state\":\"up\"}"));
        self.says(TOKEN, &http("200 OK", "{\"access_token\":\"t\",\"token_type\":\"Bearer\"}"));
        self.says(STATE, &http("200 OK", "{\"state\":\"up\"}"));
    }

    fn says(&self, path: &'static str, answer: &str) {
        self.script.lock().unwrap().insert(path, answer.to_owned());
    }
}

fn http(status: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn answer(mut stream: TcpStream, script: &Mutex<HashMap<&'static str, String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let at = head.len();
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
        let line = head[at..].to_ascii_lowercase();
        length = line.strip_prefix("content-length:").map_or(length, |text| text.trim().parse().unwrap());
    }
    // Read to its end, so that closing does not become a reset.
    if std::io::copy(&mut std::io::Read::take(&mut reader, length), &mut std::io::sink()).is_err() {
        return;
    }
    let path = head.split(' ').nth(1).unwrap();
    let said = script.lock().unwrap().get(path).cloned();
    let _ = stream.write_all(said.unwrap_or_else(|| http("404 Not Found", "")).as_bytes());
}

fn site(cloud: &Cloud) -> Site {
    let login = format!(
        "{{ kind = \"client-credentials\", token_url = \"http://{}{TOKEN}\", client_id = \"gateway\", \
         client_secret_file = \"secret\" }}",
        cloud.address
    );
    site_with(cloud, &login, &["line", "cloud", "login", "application"])
}

/// A site that logs in that way (the file `secret` is there), and looks at those hops often.
fn site_with(cloud: &Cloud, login: &str, hops: &[&str]) -> Site {
    let site = Site::new();
    site.write("secret", "s");
    let (plain, address) = (site.plain(), cloud.address);
    let url = plain.lines().find(|line| line.starts_with("url = ")).unwrap();
    let login = format!("login = {login}");
    // Two of them pass before a look is too old to count.
    let probes: String = hops.iter().map(|hop| format!("{hop}_interval_ms = 400\n")).collect();
    let state = if hops.contains(&"application") { STATE } else { "" };
    let application = format!("application = \"{state}\"\n");
    let probes = format!(
        "health = \"{HEALTH}\"\nhealthy = {{ pointer = \"/state\", value = \"up\" }}\n{}{probes}",
        if state.is_empty() { "" } else { &application }
    );
    site.configure(
        &plain
            .replace(url, &format!("url = \"http://{address}\"\n{login}"))
            .replace("line_interval_ms = 100\n", &probes),
    );
    site
}

/// Asks for one hop until the heartbeat says all that is wanted in one answer: state, class and exit code.
#[track_caller]
fn until(gateway: &Gateway, hop: &str, state: &str, class: Option<&str>, code: i32) {
    let limit = Instant::now() + PATIENCE;
    loop {
        let (found_code, out, err) =
            said(&["heartbeat", &gateway.route(), "--hop", hop, "--form", "json", "--timeout", "60"]);
        let value: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
        let found = &value["hops"][0];
        if found["state"] == state && found["class"].as_str() == class {
            return assert_eq!(found_code, code, "{hop}: {out}");
        }
        assert!(Instant::now() < limit, "{hop} is not {state}, {class:?}: {found}");
    }
}

#[test]
fn a_token_in_a_file_is_up_by_answers_down_by_refusals_and_otherwise_unknown() {
    let cloud = Cloud::start();
    let login = "{ kind = \"token-file\", path = \"secret\" }";
    // Idle, and nothing asks with the token: that its file has not changed is no fault.
    let idle = Gateway::start(site_with(&cloud, login, &["line", "cloud", "login"]));
    until(&idle, "cloud", "up", None, 0);
    let limit = Instant::now() + PATIENCE;
    while looks_at_login(&idle, &["unknown"]) < 3 {
        assert!(Instant::now() < limit, "the login is not looked at");
    }
    drop(idle);

    let gateway = Gateway::start(site_with(&cloud, login, &["line", "cloud", "login", "application"]));
    until(&gateway, "application", "up", None, 0);
    until(&gateway, "login", "up", None, 0);
    let refused = http("401 Unauthorized", "");
    cloud.says(STATE, &refused);
    until(&gateway, "login", "down", Some("authentication"), 2);
    until(&gateway, "application", "unknown", None, 3);
    until(&gateway, "cloud", "up", None, 0);
    // The same token, taken again.
    cloud.mend();
    until(&gateway, "login", "up", None, 0);
    cloud.says(STATE, &refused);
    until(&gateway, "login", "down", Some("authentication"), 2);
    // Another one.
    gateway.site.write("secret", "fresh");
    cloud.mend();
    until(&gateway, "login", "up", None, 0);
    // It cannot be read: known without asking anybody.
    std::fs::remove_file(gateway.site.path("secret")).unwrap();
    cloud.says(STATE, &http("503 Service Unavailable", ""));
    until(&gateway, "login", "down", Some("authentication"), 2);
}

/// How often the login has been looked at. It must be in one of the states.
#[track_caller]
fn looks_at_login(gateway: &Gateway, states: &[&str]) -> u64 {
    let (_, out, err) =
        said(&["heartbeat", &gateway.route(), "--hop", "login", "--form", "json", "--timeout", "60"]);
    let value: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    let hop = &value["hops"][0];
    assert!(hop["state"].as_str().is_some_and(|state| states.contains(&state)), "{hop}");
    let evidence = &hop["evidence"];
    evidence["checksPassed"].as_u64().unwrap() + evidence["checksFailed"].as_u64().unwrap()
}

#[test]
fn each_answer_of_the_cloud_has_its_state_class_and_exit_code() {
    let cloud = Cloud::start();
    let gateway = Gateway::start(site(&cloud));
    let good = ["cloud", "login", "application"];
    good.iter().for_each(|hop| until(&gateway, hop, "up", None, 0));

    let ok = |body: &str| http("200 OK", body);
    type Seen<'s> = (&'s str, &'s str, Option<&'s str>, i32);
    let unavailable = http("503 Service Unavailable", "");
    let table: Vec<(&'static str, String, Vec<Seen>)> = vec![
        // What lies behind a hop that is down is not known.
        (
            HEALTH,
            unavailable.clone(),
            vec![("cloud", "down", Some("infrastructure"), 2), ("application", "unknown", None, 3)],
        ),
        (HEALTH, http("404 Not Found", ""), vec![("cloud", "down", Some("infrastructure"), 2)]),
        // A page with a good status that says otherwise.
        (HEALTH, ok("<html>Sorry</html>"), vec![("cloud", "down", Some("infrastructure"), 2)]),
        (
            HEALTH,
            ok("{\"state\":\"down\"}"),
            vec![("cloud", "down", Some("infrastructure"), 2), ("application", "unknown", None, 3)],
        ),
        (HEALTH, "no HTTP at all\r\n\r\n".to_owned(), vec![("cloud", "down", Some("infrastructure"), 2)]),
        (HEALTH, String::new(), vec![("cloud", "down", Some("infrastructure"), 2)]),
        (
            TOKEN,
            http("401 Unauthorized", "{\"error\":\"invalid_client\"}"),
            vec![("cloud", "up", None, 0), ("login", "down", Some("authentication"), 2)],
        ),
        (
            TOKEN,
            http("400 Bad Request", "{\"error\":\"invalid_grant\"}"),
            vec![("login", "down", Some("authentication"), 2)],
        ),
        (TOKEN, String::new(), vec![("login", "down", Some("infrastructure"), 2)]),
        (
            STATE,
            ok("{\"state\":\"degraded\"}"),
            vec![("login", "up", None, 0), ("application", "degraded", Some("application"), 1)],
        ),
        (
            STATE,
            ok("{\"state\":\"down\"}"),
            vec![("login", "up", None, 0), ("application", "down", Some("application"), 2)],
        ),
        (STATE, ok("{\"state\":\"splendid\"}"), vec![("application", "unknown", None, 3)]),
        (STATE, ok("<html>up</html>"), vec![("application", "unknown", None, 3)]),
        (STATE, unavailable, vec![("application", "unknown", None, 3)]),
        // The login issues tokens, and the cloud takes none of them.
        (
            STATE,
            http("401 Unauthorized", ""),
            vec![
                ("login", "down", Some("authentication"), 2),
                ("application", "unknown", None, 3),
                ("cloud", "up", None, 0),
            ],
        ),
        (
            STATE,
            http("403 Forbidden", "[{\"errorCode\":\"INVALID_SESSION_ID\"}]"),
            vec![("login", "down", Some("authentication"), 2), ("application", "unknown", None, 3)],
        ),
    ];
    for (path, answer, seen) in table {
        cloud.says(path, &answer);
        for (hop, state, class, code) in seen {
            until(&gateway, hop, state, class, code);
        }
        // And it is seen that the fault is over.
        cloud.mend();
        good.iter().for_each(|hop| until(&gateway, hop, "up", None, 0));
    }
}
