//! Independent clients of the real cloud, unchanged, against the reference cloud over TLS: they show that it is a fair
//! stand-in.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::needs::{self, Need, PYTHON};
use crate::processes::Program;
use crate::workspace::{Programs, check, root, target};

/// What the clients run on, and what makes their certificates.
const NEEDS: [Need; 4] = [
    PYTHON,
    Need { program: "node", package: "nodejs" },
    Need { program: "npm", package: "npm" },
    Need { program: "openssl", package: "openssl" },
];

/// The one client that the cloud knows, and its secret.
const CLIENT: [&str; 2] = ["gateway", "reference-secret"];

/// Where a client that knows only the real cloud asks its token to be for.
const AUDIENCE: &str = "https://login.salesforce.com";

/// The names by which clients reach the cloud: its own, and those that are built into a client.
const NAMES: &str = "DNS:localhost,IP:127.0.0.1,DNS:login.salesforce.com,DNS:city.my.salesforce.com";

/// What would lead a client elsewhere, or let it trust somebody else.
const FOREIGN: [&str; 10] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "NODE_OPTIONS",
];

/// Installs the clients at their locked versions, where they are not yet, and lets each do its own upserts.
pub(crate) fn run(programs: &Programs) -> anyhow::Result<()> {
    needs::install(&NEEDS)?;
    let folder = target().join("clients");
    std::fs::create_dir_all(&folder)?;
    let folder = std::path::absolute(&folder)?;
    let (python, modules) = (folder.join("python"), folder.join("node"));
    once(&python, &scripts().join("requirements.lock"), &["python3", "--version"], install_python)?;
    once(&modules, &scripts().join("package-lock.json"), &["node", "--version"], install_node)?;

    let keys = Keys::make(folder.join("keys"))?;
    let mut cloud = Program::start(
        "the reference cloud",
        programs
            .command("sekisho-cloud")
            .args(["--proxy", "127.0.0.1:0", "--fixed", "1ms", "--per-row", "0", "--jwt-audience", AUDIENCE])
            .args([Path::new("--tls-cert"), &keys.certificate, Path::new("--tls-key"), &keys.key])
            .args([Path::new("--jwt-key"), &keys.login_public])
            .stderr(File::create(folder.join("cloud.log"))?),
    )?;
    let line: Value = serde_json::from_str(&cloud.line()?).context("the cloud's first line")?;
    let said = |name: &str| line[name].as_str().with_context(|| format!("the cloud's {name}"));
    let port = said("address")?.rsplit(':').next().unwrap_or_default();
    let (url, proxy) = (format!("https://localhost:{port}"), format!("http://{}", said("proxy")?));

    let interpreter = python.join("bin/python");
    let client = |program: &Path, script: &str| {
        let mut command = Command::new(program);
        for name in FOREIGN {
            command.env_remove(name);
        }
        command.arg(scripts().join(script));
        command
    };
    check(
        client(&interpreter, "simple_salesforce_upserts.py")
            .env("REQUESTS_CA_BUNDLE", &keys.root)
            .arg(&proxy)
            .args(CLIENT)
            .arg(&keys.login),
    )?;
    check(
        client(Path::new("node"), "jsforce_upserts.mjs")
            .env("NODE_EXTRA_CA_CERTS", &keys.root)
            .current_dir(&modules)
            .arg(&url)
            .args(CLIENT)
            .arg(&keys.login)
            .arg(AUDIENCE),
    )?;
    check(client(&interpreter, "zeep_upserts.py").arg(&url).args(CLIENT).arg(&keys.root))
}

fn scripts() -> PathBuf {
    root().join("conformance/clients")
}

/// Makes a folder anew unless it was made from this lock file and for this interpreter.
fn once(
    folder: &Path,
    lock: &Path,
    interpreter: &[&str; 2],
    make: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let version = Command::new(interpreter[0]).arg(interpreter[1]).output()?.stdout;
    let locked = std::fs::read(lock).with_context(|| lock.display().to_string())?;
    let (stamp, wanted) = (folder.join("stamp"), [version, locked].concat());
    if std::fs::read(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    make(folder).with_context(|| format!("installing what {} names", lock.display()))?;
    Ok(std::fs::write(stamp, wanted)?)
}

fn install_python(folder: &Path) -> anyhow::Result<()> {
    let whole =
        Command::new("python3").args(["-c", "import ensurepip, venv"]).stderr(Stdio::null()).status()?;
    if !whole.success() {
        needs::packages(&["python3-venv"])?;
    }
    println!("installing simple-salesforce and zeep");
    check(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    check(
        Command::new(folder.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"])
            .arg("--requirement")
            .arg(scripts().join("requirements.lock")),
    )
}

fn install_node(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(scripts().join(file), folder.join(file))?;
    }
    println!("installing jsforce");
    // What comes from outside runs nothing while it is installed.
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
    check(Command::new("npm").args(arguments).current_dir(folder).stdout(Stdio::null()))?;
    ensure!(folder.join("node_modules/jsforce").is_dir(), "npm did not bring jsforce");
    Ok(())
}

/// Certificates and keys of one run.
struct Keys {
    root: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    login: PathBuf,
    login_public: PathBuf,
}

impl Keys {
    /// A root of trust of its own, the cloud's certificate under it, and the key of JWT logins.
    fn make(folder: PathBuf) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        let extensions = format!(
            "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n\
             subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\nsubjectAltName={NAMES}\n"
        );
        std::fs::write(folder.join("server.ext"), extensions)?;
        for line in [
            "req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -subj /CN=Test -days 2 \
             -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign",
            "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=cloud",
            "x509 -req -in server.csr -CA root.pem -CAkey root.key -CAcreateserial -days 2 -extfile server.ext \
             -out server.pem",
            "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out login.key",
            "pkey -in login.key -pubout -out login.pub",
        ] {
            let mut openssl = Command::new("openssl");
            check(openssl.args(line.split_whitespace()).current_dir(&folder).stderr(Stdio::null()))?;
        }
        let at = |name: &str| folder.join(name);
        Ok(Self {
            root: at("root.pem"),
            certificate: at("server.pem"),
            key: at("server.key"),
            login: at("login.key"),
            login_public: at("login.pub"),
        })
    }
}
