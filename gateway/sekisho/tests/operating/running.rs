//! A gateway of the built binary, in a folder of its own, on ports that the system chooses.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};

use socket2::{Domain, Socket, Type};

use crate::wire::{Connection, PATIENCE};

/// A running gateway; it is killed when this is dropped.
pub(crate) struct Gateway {
    process: Child,
    addresses: HashMap<String, SocketAddr>,
    log: Receiver<String>,
    pub(crate) site: Site,
}

/// The folder with its files, and the cloud's socket.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    /// Takes connections and never answers: what is accepted stays in the gateway.
    pub(crate) cloud: TcpListener,
}

/// A schema whose records have one field, of which one value is allowed.
pub(crate) fn schema(allowed: &str) -> String {
    format!(
        r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:t" elementFormDefault="qualified">
  <xs:element name="Row"><xs:complexType><xs:sequence>
    <xs:element name="Code"><xs:simpleType><xs:restriction base="xs:string"><xs:enumeration value="{allowed}"/></xs:restriction></xs:simpleType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>"#
    )
}

impl Site {
    pub(crate) fn new() -> Self {
        let site =
            Self { folder: tempfile::tempdir().unwrap(), cloud: TcpListener::bind("127.0.0.1:0").unwrap() };
        site.write("rows.xsd", &schema("A"));
        site.configure(&site.plain());
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Writes a file that only its owner may read.
    pub(crate) fn write_secret(&self, name: &str, content: &str) -> PathBuf {
        let path = self.write(name, content);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    pub(crate) fn configure(&self, text: &str) {
        self.write("sekisho.toml", text);
    }

    /// The digest of the schema as it lies there.
    pub(crate) fn pin(&self) -> String {
        let output = sekisho(&["pin", self.path("rows.xsd").to_str().unwrap()]);
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A configuration with one listener and one route, and the schema as it lies there.
    pub(crate) fn plain(&self) -> String {
        let (pin, cloud) = (self.pin(), self.cloud.local_addr().unwrap());
        format!(
            r#"[gateway]
state = "state"
grace_ms = 100
[admin]
listen = "127.0.0.1:0"
[[listener]]
name = "one"
listen = "127.0.0.1:0"
routes = ["rows"]
[[client]]
name = "city"
networks = ["127.0.0.0/8"]
[[schema]]
name = "rows"
file = "rows.xsd"
digest = "{pin}"
record = "{{urn:t}}Row"
[[upstream]]
name = "main"
[upstream.endpoint]
url = "http://{cloud}"
[upstream.probe]
line_interval_ms = 100
[[route]]
name = "rows"
path = "/rows"
clients = ["city"]
doors = ["swa", "soap", "rest"]
schema = "rows"
upstream = "main"
[route.dialect]
kind = "rest"
path = "/in"
format = "json"
"#
        )
    }
}

impl Gateway {
    pub(crate) fn start(site: Site) -> Self {
        let (process, addresses, log) = Self::launch(&mut command(), &site);
        Self { process, addresses, log, site }
    }

    /// Started by a shell that has done something first, such as setting its limits.
    pub(crate) fn start_under(first: &str, site: Site) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{first} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_sekisho")]);
        shell.env_remove("SEKISHO_LANGUAGE").env_remove("SEKISHO_ADMIN");
        let (process, addresses, log) = Self::launch(&mut shell, &site);
        Self { process, addresses, log, site }
    }

    /// Kills it (SIGKILL), lets something be done to its folder, and starts it again.
    pub(crate) fn killed_and_restarted(&mut self, meanwhile: impl FnOnce(&Site)) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        meanwhile(&self.site);
        (self.process, self.addresses, self.log) = Self::launch(&mut command(), &self.site);
    }

    fn launch(command: &mut Command, site: &Site) -> (Child, HashMap<String, SocketAddr>, Receiver<String>) {
        let mut process = command
            .args(["serve", "--config"])
            .arg(site.path("sekisho.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = lines(process.stderr.take().unwrap());
        let said = lines(process.stdout.take().unwrap());
        let mut addresses = HashMap::new();
        loop {
            let line = said.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                panic!("not ready: {:?}", log.try_iter().collect::<Vec<_>>());
            });
            match line.split(' ').collect::<Vec<_>>().as_slice() {
                ["listening", name, address] => {
                    addresses.insert((*name).to_owned(), address.parse().unwrap());
                }
                ["ready"] => break,
                other => panic!("{other:?}"),
            }
        }
        (process, addresses, log)
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn address(&self, listener: &str) -> SocketAddr {
        self.addresses[listener]
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address("one"))
    }

    /// The address of the route for the client's commands.
    pub(crate) fn route(&self) -> String {
        format!("http://{}/rows", self.address("one"))
    }

    /// The address of the listener over TLS.
    pub(crate) fn secure(&self) -> String {
        format!("https://localhost:{}", self.address("one").port())
    }

    /// Waits until the metrics have a line that begins so, and returns what is behind it.
    #[track_caller]
    pub(crate) fn metric(&self, begins: &str) -> String {
        self.metric_that(begins, |_| true)
    }

    /// The same until the value is one that is wanted.
    #[track_caller]
    pub(crate) fn metric_that(&self, begins: &str, wanted: impl Fn(&str) -> bool) -> String {
        let limit = std::time::Instant::now() + PATIENCE;
        loop {
            let shown = Connection::open(self.address("admin")).get("/metrics").body;
            let line = shown.lines().find_map(|line| line.strip_prefix(begins)).map(str::trim);
            if let Some(value) = line.filter(|value| wanted(value)) {
                return value.to_owned();
            }
            assert!(std::time::Instant::now() < limit, "never shown: {begins}, but {line:?}\n{shown}");
        }
    }

    /// Waits for a line of the log with these words.
    #[track_caller]
    pub(crate) fn logged(&self, words: &str) -> String {
        loop {
            let line = self.log.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("never logged: {words}"));
            if line.contains(words) {
                return line;
            }
        }
    }

    pub(crate) fn admin(&self) -> String {
        format!("http://{}", self.address("admin"))
    }

    /// Sends SIGHUP and returns what is logged until the reload has ended, well or not.
    pub(crate) fn reload(&self) -> String {
        let id = self.process.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -HUP \"$0\"", &id]).status().unwrap();
        assert!(sent.success());
        let mut logged = String::new();
        loop {
            let line = self.log.recv_timeout(PATIENCE).expect("the reload says how it ended");
            logged.push_str(&line);
            logged.push('\n');
            if line.contains("reloaded") {
                return logged;
            }
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A connection to the listener from one of this machine's addresses.
pub(crate) fn connected(source: [u8; 4], gateway: &Gateway) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
    socket.connect(&gateway.address("one").into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The lines of a stream as they come.
fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            // Nobody listens any more: the stream is read to its end all the same, or the gateway would stall.
            let _ = sender.send(line);
        }
    });
    receiver
}

/// The program, whatever the environment of whoever runs the tests would have it say or ask.
fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho"));
    command.env_remove("SEKISHO_LANGUAGE").env_remove("SEKISHO_ADMIN");
    command
}

/// Runs a command to its end.
pub(crate) fn sekisho(args: &[&str]) -> Output {
    command().args(args).stdin(Stdio::null()).output().unwrap()
}

/// Exit code, standard output, standard error.
pub(crate) fn said(args: &[&str]) -> (i32, String, String) {
    let output = sekisho(args);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
