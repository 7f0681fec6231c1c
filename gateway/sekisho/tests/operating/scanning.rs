//! Scanning with a real clamd, from within the sandbox: what passes, what does not, and what is shown of the scanner.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use serde_json::Value;

use crate::running::{Gateway, Site, said, text};
use crate::wire::PATIENCE;

/// What the one signature finds.
const CANARY: &str = "sekisho-scan-test-canary";

/// clamd (Debian's `clamav-daemon`), on a socket in the site's folder.
struct Clamd(Child);

impl Clamd {
    fn start(site: &Site) -> Self {
        fs::create_dir_all(site.path("db")).unwrap();
        let hex: String = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect();
        site.write("db/test.ndb", &format!("Sekisho.Test.Canary:0:*:{hex}\n"));
        let (database, socket) = (site.path("db"), site.path("clamd.sock"));
        let settings = format!(
            "DatabaseDirectory {}\nLocalSocket {}\nForeground yes\nStreamMaxLength 1M\nAlertExceedsMax yes\n",
            database.display(),
            socket.display()
        );
        let settings = site.write("clamd.conf", &settings);
        let mut command = Command::new("/usr/sbin/clamd");
        command.arg("-c").arg(settings).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("clamd is here: `cargo xtask test` installs it"))
    }
}

impl Drop for Clamd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks for the scanner's hop until it is in a state.
fn until_hop(gateway: &Gateway, state: &str) -> Value {
    loop {
        let answer = gateway.connect().get("/rows/heartbeat");
        let heartbeat: Value = serde_json::from_str(&answer.body).unwrap();
        let hops = heartbeat["hops"].as_array().unwrap();
        let hop = hops.iter().find(|hop| hop["name"] == "scanner/av").expect("the scanner is a hop");
        if hop["state"] == state {
            return hop.clone();
        }
    }
}

#[test]
fn what_clamd_finds_does_not_pass_and_without_it_nothing_does() {
    let site = Site::new();
    let scanner =
        "[[scanner]]\nname = \"av\"\nkind = \"clamd\"\nsocket = \"clamd.sock\"\nprobe_interval_ms = 100\n";
    site.configure(&format!("{}[route.scan]\nscanner = \"av\"\n{scanner}", site.plain()));
    let clamd = Clamd::start(&site);
    let gateway = Gateway::start(site);
    until_hop(&gateway, "up");

    let taken = gateway.connect().post("/rows", "Code\r\nA\r\n");
    assert_eq!(taken.status, 202, "{}", taken.body);
    let found = gateway.connect().post("/rows", &format!("Code\r\n{CANARY}\r\n"));
    assert_eq!(found.status, 422, "{}", found.body);
    assert!(found.body.contains("\"content-infected\"") && !found.body.contains("Canary"), "{}", found.body);
    let logged = gateway.logged("the scanner found something");
    assert!(logged.contains("Sekisho.Test.Canary"), "{logged}");
    let scanned = |outcome: &str| {
        gateway.metric(&format!("sekisho_scanned_messages_total{{outcome=\"{outcome}\",scanner=\"av\"}}"))
    };
    assert_eq!((scanned("passed").as_str(), scanned("infected").as_str()), ("1", "1"));

    drop(clamd);
    let hop = until_hop(&gateway, "down");
    assert!(
        hop["textJa"].as_str().or(hop["text_ja"].as_str()).is_none_or(|text| text.contains("利用できません"))
    );
    let refused = gateway.connect().post("/rows", "Code\r\nA\r\n");
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.body.contains("\"scanner-unavailable\""), "{}", refused.body);

    // On record, by what the scanner said.
    let folder = gateway.site.path("state/exchanges");
    loop {
        let (code, out, err) =
            said(&["log", "export", text(&folder), "--form", "ndjson", "--client", "city"]);
        assert_eq!(code, 0, "{err}");
        let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let with = |status: u64| lines.iter().find(|line| line["status"] == status);
        let (Some(taken), Some(found), Some(refused)) = (with(202), with(422), with(503)) else { continue };
        assert_eq!((&taken["scan"], &found["scan"]), (&"passed".into(), &"failed".into()));
        assert_eq!((&refused["code"], &refused["scan"]), (&"scanner-unavailable".into(), &Value::Null));
        break;
    }

    let (code, flows, _) =
        said(&["flows", "--config", text(&gateway.site.path("sekisho.toml")), "--form", "csv"]);
    assert_eq!(code, 0);
    assert!(
        flows.lines().any(|line| line.contains("unix:clamd.sock,clamd") && line.contains("scan: av")),
        "{flows}"
    );
}

/// A clamd that says that it is there whenever it is asked, and scans nothing as long as it hangs.
struct Hanging {
    address: SocketAddr,
    hangs: Arc<AtomicBool>,
    /// Each content that is left hanging.
    hung: mpsc::Receiver<()>,
}

impl Hanging {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let hangs = Arc::new(AtomicBool::new(true));
        let (tell, hung) = mpsc::channel();
        let shared = (Arc::clone(&hangs), tell);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (hangs, tell) = shared.clone();
                std::thread::spawn(move || serve(stream, &hangs, &tell));
            }
        });
        Self { address, hangs, hung }
    }
}

/// Until the connection ends, however it does.
fn serve(mut stream: TcpStream, hangs: &AtomicBool, hung: &mpsc::Sender<()>) -> Option<()> {
    let mut command = [0; 6];
    stream.read_exact(&mut command).ok()?;
    if &command == b"zPING\0" {
        return stream.write_all(b"PONG\0").ok();
    }
    stream.read_exact(&mut [0; 4]).ok()?;
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length).ok()?;
        let mut piece = vec![0; u32::from_be_bytes(length) as usize];
        if piece.is_empty() {
            break;
        }
        stream.read_exact(&mut piece).ok()?;
    }
    if hangs.load(Ordering::SeqCst) {
        hung.send(()).ok()?;
        // Given up by who waits.
        stream.read_exact(&mut [0]).ok()?;
    }
    stream.write_all(b"stream: OK\0").ok()
}

#[test]
fn a_clamd_that_says_that_it_is_there_and_hangs_is_down_until_it_scans() {
    let clamd = Hanging::start();
    let site = Site::new();
    let scanner = format!(
        "[[scanner]]\nname = \"av\"\nkind = \"clamd\"\naddress = \"{}\"\nprobe_interval_ms = 400\nstall_timeout_ms = 300\n",
        clamd.address
    );
    site.configure(&format!("{}[route.scan]\nscanner = \"av\"\n{scanner}", site.plain()));
    let gateway = Gateway::start(site);
    // 1 is up, 3 is down.
    let until_shown = |state: &str| {
        gateway.metric_that("sekisho_hop_state{hop=\"scanner/av\"}", |shown| shown == state);
    };
    until_shown("1");
    // A content that is refused before it has it hangs nowhere: a slow machine's look may have found it down meanwhile.
    let limit = std::time::Instant::now() + PATIENCE;
    loop {
        let refused = gateway.connect().post("/rows", "Code\r\nA\r\n");
        assert_eq!(refused.status, 503, "{}", refused.body);
        assert!(refused.body.contains("\"scanner-unavailable\""), "{}", refused.body);
        if clamd.hung.try_recv().is_ok() {
            break;
        }
        assert!(std::time::Instant::now() < limit, "it is given nothing");
    }
    // It answers every probe, and none of them finds that it scans.
    for _ in 0..4 {
        clamd.hung.recv_timeout(PATIENCE).expect("it is tried again and again");
        let refused = gateway.connect().post("/rows", "Code\r\nA\r\n");
        assert_eq!(refused.status, 503, "{}", refused.body);
    }
    until_shown("3");
    clamd.hangs.store(false, Ordering::SeqCst);
    until_shown("1");
    let taken = || gateway.connect().post("/rows", "Code\r\nA\r\n").status == 202;
    let limit = std::time::Instant::now() + PATIENCE;
    while !taken() {
        assert!(std::time::Instant::now() < limit, "it scans, and nothing is taken");
    }
}
