//! Real scanners: clamd with two signatures of our own, and c-icap with its echo service and with its antivirus service before that
//! clamd. Debian's packages `clamav-daemon`, `c-icap` and `libc-icap-mod-virus-scan`; no service of the system is touched.
#![allow(clippy::unwrap_used)] // a test says so by failing

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sekisho_scan::{Address, Beyond, Kind, ScanError, Scanner, Settings, Verdict};

/// What one of the signatures finds; the other one is the digest of EICAR's test file.
const CANARY: &[u8] = b"sekisho-scan-test-canary";
const SIGNATURE: &str = "Sekisho.Test.Canary";
/// clamd's StreamMaxLength here.
const MOST: usize = 1 << 20;
const DEADLINE: Duration = Duration::from_secs(60);

/// A program that runs as long as this is there.
struct Daemon(Child);

impl Daemon {
    fn start(program: &str, folder: &Path, arguments: &[&str]) -> Self {
        let log = fs::File::create(folder.join(format!("{program}.out"))).unwrap();
        let found = std::env::var_os("PATH").into_iter().flat_map(|path| {
            let usual = [PathBuf::from("/usr/sbin"), PathBuf::from("/usr/bin")];
            std::env::split_paths(&path).chain(usual).collect::<Vec<_>>()
        });
        let found = found.map(|folder| folder.join(program)).find(|file| file.is_file());
        let found = found.unwrap_or_else(|| {
            panic!("{program} is not here: `cargo xtask test` installs it, or `apt-get install clamav-daemon c-icap libc-icap-mod-virus-scan`")
        });
        let mut command = Command::new(found);
        command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self(command.spawn().unwrap())
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Daemon {
    /// c-icap has processes of its own, which it ends when it is asked to end.
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let until = Instant::now() + DEADLINE;
        while matches!(self.0.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn settings(kind: Kind, address: Address) -> Settings {
    Settings {
        name: "av".to_owned(),
        kind,
        address,
        connect: DEADLINE,
        at_once: 10,
        wait: DEADLINE,
        stall: DEADLINE,
        answer: DEADLINE,
        most: 1 << 30,
        beyond: Beyond::Refuse,
    }
}

/// clamd in a folder, and a scanner that asks it.
fn clamd(folder: &Path) -> (Daemon, Scanner) {
    let path = |name: &str| folder.join(name).display().to_string();
    fs::create_dir(path("db")).unwrap();
    let hex: String = CANARY.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(path("db/test.ndb"), format!("{SIGNATURE}:0:*:{hex}\n")).unwrap();
    fs::write(path("db/test.hdb"), "44d88612fea8a8f36de82e1278abb02f:68:Sekisho.Test.Eicar\n").unwrap();
    let configuration = format!(
        "DatabaseDirectory {}\nLocalSocket {}\nForeground yes\nStreamMaxLength {MOST}\nAlertExceedsMax yes\n",
        path("db"),
        path("clamd.sock")
    );
    fs::write(path("clamd.conf"), configuration).unwrap();
    let daemon = Daemon::start("clamd", folder, &["-c", &path("clamd.conf"), "-F"]);
    (daemon, Scanner::new(settings(Kind::Clamd, Address::Unix(folder.join("clamd.sock")))))
}

/// c-icap in a folder; the address where it listens.
async fn c_icap(folder: &Path) -> (Daemon, SocketAddr) {
    let path = |name: &str| folder.join(name).display().to_string();
    let modules = fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path().join("c_icap"));
    let modules = modules.into_iter().find(|folder| folder.join("virus_scan.so").is_file());
    let modules = modules.expect("libc-icap-mod-virus-scan is not here").display().to_string();
    for _ in 0..10 {
        // It cannot choose a port itself; somebody else may be faster.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let configuration = format!(
            "PidFile {pid}\nCommandsSocket {ctl}\nPort {address}\nTmpDir {tmp}\nStartServers 1\nMaxServers 1\n\
             ThreadsPerChild 4\nMinSpareThreads 1\nMaxSpareThreads 4\nModulesDir {modules}\nServicesDir {modules}\n\
             LoadMagicFile /etc/c-icap/c-icap.magic\nServerLog {log}\nAccessLog {access}\nService echo srv_echo.so\n\
             Service antivirus_module virus_scan.so\n\
             ServiceAlias avscan virus_scan?allow204=on&sizelimit=off&mode=simple\n\
             virus_scan.ScanFileTypes TEXT DATA EXECUTABLE ARCHIVE GIF JPEG MSOFFICE\nvirus_scan.MaxObjectSize 5M\n\
             virus_scan.DefaultEngine clamd\nModule common clamd_mod.so\nclamd_mod.ClamdSocket {clamd}\n",
            pid = path("c-icap.pid"),
            ctl = path("c-icap.ctl"),
            tmp = folder.display(),
            log = path("server.log"),
            access = path("access.log"),
            clamd = path("clamd.sock"),
        );
        fs::write(path("c-icap.conf"), configuration).unwrap();
        let mut daemon = Daemon::start("c-icap", folder, &["-N", "-f", &path("c-icap.conf")]);
        if answers(&icap(address, "/echo"), || daemon.has_ended()).await {
            return (daemon, address);
        }
    }
    panic!("c-icap does not start: {}", fs::read_to_string(path("c-icap.out")).unwrap());
}

fn icap(address: SocketAddr, service: &str) -> Scanner {
    Scanner::new(settings(Kind::Icap { service: service.to_owned() }, Address::Tcp(address)))
}

/// Waits until a scanner says that it is there.
async fn answers(scanner: &Scanner, mut has_ended: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + DEADLINE;
    while Instant::now() < until && !has_ended() {
        if scanner.check().await.is_ok() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

async fn scanned(scanner: &Scanner, content: &[u8]) -> Result<Verdict, ScanError> {
    let (scanner, content) = (scanner.clone(), content.to_vec());
    let scanning = tokio::task::spawn_blocking(move || {
        let mut going = scanner.begin("city");
        for piece in content.chunks(10_000) {
            if let Some(last_word) = going.give(piece) {
                return last_word;
            }
        }
        going.finish()
    });
    scanning.await.unwrap()
}

/// Content of so many bytes, with the canary at its end or without.
fn content(length: usize, infected: bool) -> Vec<u8> {
    let mut content: Vec<u8> = b"order,customer\n1,a\n".iter().cycle().take(length).copied().collect();
    if infected {
        content.truncate(length - CANARY.len());
        content.extend_from_slice(CANARY);
    }
    content
}

/// EICAR's test string, which is never in a file whole.
fn eicar() -> Vec<u8> {
    [&br"X5O!P%@AP[4\PZX54(P^)7CC)7}$"[..], b"EICAR-STANDARD-", b"ANTIVIRUS-TEST-FILE!$H+H*"].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scanners_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (mut daemon, clamd) = clamd(folder.path());
    assert!(answers(&clamd, || daemon.has_ended()).await, "clamd does not start");
    for length in [0, 1, 100, 200_000, MOST - 1] {
        assert_eq!(scanned(&clamd, &content(length, false)).await, Ok(Verdict::Clean), "{length} bytes");
    }
    for length in [CANARY.len(), 100, 200_000] {
        let verdict = scanned(&clamd, &content(length, true)).await;
        assert!(
            matches!(&verdict, Ok(Verdict::Found(name)) if name.as_str().starts_with(SIGNATURE)),
            "{length} bytes: {verdict:?}"
        );
    }
    let verdict = scanned(&clamd, &eicar()).await;
    assert!(
        matches!(&verdict, Ok(Verdict::Found(name)) if name.as_str().starts_with("Sekisho.Test.Eicar")),
        "{verdict:?}"
    );
    let too_much = scanned(&clamd, &content(3 * MOST, true)).await;
    assert!(matches!(too_much, Err(ScanError::BeyondItsLimits)), "{too_much:?}");

    let (_c_icap, address) = c_icap(folder.path()).await;
    // It gives back what it got, or says 204: whatever is in it.
    let echo = icap(address, "/echo");
    for length in [0, 1, 1_023, 1_024, 1_025, 300_000] {
        let verdict = scanned(&echo, &content(length, false)).await;
        // It may say so by the preview, which is of 1,024 bytes.
        let by_its_beginning = length > 1_024 && verdict == Ok(Verdict::CleanInPart);
        assert!(by_its_beginning || verdict == Ok(Verdict::Clean), "{length} bytes: {verdict:?}");
    }
    let antivirus = icap(address, "/avscan");
    assert_eq!(antivirus.check().await, Ok(()));
    for length in [100, 1_024, 200_000] {
        assert_eq!(scanned(&antivirus, &content(length, false)).await, Ok(Verdict::Clean), "{length} bytes");
        let verdict = scanned(&antivirus, &content(length, true)).await;
        assert!(
            matches!(&verdict, Ok(Verdict::Found(name)) if name.as_str().starts_with(SIGNATURE)),
            "{length} bytes: {verdict:?}"
        );
    }
    let nothing = icap(address, "/nothing");
    assert!(matches!(scanned(&nothing, b"x").await, Err(ScanError::Refused(404))));
    assert!(matches!(nothing.check().await, Err(ScanError::Refused(404))));
    assert!(matches!(scanned(&nothing, b"x").await, Err(ScanError::Down)));

    // Its scanner gone, c-icap does not say that content is clean; nor does clamd.
    drop(daemon);
    assert!(matches!(scanned(&clamd, b"x").await, Err(ScanError::Unreachable(_))));
    let verdict = scanned(&antivirus, &content(200_000, true)).await;
    assert!(!matches!(verdict, Ok(Verdict::Clean)), "{verdict:?}");
}
