//! Certificates of every fate: made by OpenSSL as the authority, shown by OpenSSL and by curl as clients.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use super::authority::{Authority, For, Valid};
use super::gateway::Gateway;
use crate::operations::until;
use crate::workspace::Programs;

/// The name by which the client is known.
const KNOWN: For = For::Client("link.city.example");

/// How a certificate fares: what it is called, its files, the outcome that its handshake is counted under, and the answer to
/// what is asked on the connection, if there is one.
struct Fate {
    name: &'static str,
    shown: Option<[PathBuf; 2]>,
    handshake: &'static str,
    status: Option<u16>,
}

/// A good certificate is answered; an expired, a revoked, one that is not valid yet, one of another authority, and none at all
/// end in the handshake; one of nobody is refused before a body is read.
pub(super) fn each_has_its_fate(programs: &Programs, folder: &Path) -> anyhow::Result<()> {
    let authority = Authority::found(folder, "clients")?;
    let stranger = Authority::found(folder, "strangers")?;
    let servers = Authority::found(folder, "servers")?;
    let [certificate, key] =
        servers.issue("gateway", For::Server("DNS:localhost,IP:127.0.0.1"), Valid::Now)?;
    let revoked = authority.issue("revoked", KNOWN, Valid::Now)?;
    authority.revoke(&revoked[0])?;
    let crl = authority.publish()?;
    let fates = [
        ("good", Some(authority.issue("good", KNOWN, Valid::Now)?), "ok", Some(200)),
        (
            "of nobody",
            Some(authority.issue("nobody", For::Client("x.example"), Valid::Now)?),
            "ok",
            Some(403),
        ),
        ("expired", Some(authority.issue("expired", KNOWN, Valid::Past)?), "certificate-expired", None),
        (
            "not yet valid",
            Some(authority.issue("early", KNOWN, Valid::Future)?),
            "certificate-not-yet-valid",
            None,
        ),
        ("revoked", Some(revoked), "certificate-revoked", None),
        (
            "of another authority",
            Some(stranger.issue("other", KNOWN, Valid::Now)?),
            "certificate-issuer-unknown",
            None,
        ),
        (
            "for servers",
            Some(authority.issue("server", For::Server("DNS:link.city.example"), Valid::Now)?),
            "certificate-purpose",
            None,
        ),
        ("none", None, "certificate-missing", None),
    ]
    .map(|(name, shown, handshake, status)| Fate { name, shown, handshake, status });

    let head = format!(
        "[[listener]]\nname = \"tls\"\nlisten = \"127.0.0.1:0\"\nroutes = [\"attributes\"]\n[listener.tls]\n\
         certificate = {certificate:?}\nkey = {key:?}\n[listener.tls.clients]\nroots = [{:?}]\ncrls = [{crl:?}]\n\
         crl_interval_ms = 100\n",
        authority.root()
    );
    let gateway = Gateway::start(programs, folder, &head, Some("dns:link.city.example"))?;
    let descriptors = gateway.descriptors()?;
    for fate in &fates {
        for client in [curl, s_client] {
            fate.befalls(&gateway, &servers.root(), client).with_context(|| fate.name)?;
        }
    }
    // What is good until it is revoked: the list is looked at by itself.
    let [good, _] = fates[0].shown.as_ref().context("a good certificate")?;
    authority.revoke(good)?;
    authority.publish()?;
    until("a certificate that was revoked is let in no more", || {
        Ok(curl(&gateway, &servers.root(), fates[0].shown.as_ref())?.is_none())
    })?;
    gateway.until_at_rest(descriptors)?;
    gateway.stop()?;
    println!("{} certificates made by OpenSSL, shown by it and by curl: each had its fate", fates.len());
    Ok(())
}

/// Asks for a heartbeat with a certificate, or none, trusting these roots: the status, where there was an answer.
type Client = fn(&Gateway, &Path, Option<&[PathBuf; 2]>) -> anyhow::Result<Option<u16>>;

impl Fate {
    fn befalls(&self, gateway: &Gateway, roots: &Path, client: Client) -> anyhow::Result<()> {
        let series = format!("sekisho_handshakes_total{{listener=\"tls\",outcome=\"{}\"}}", self.handshake);
        let before = gateway.counts()?.sum(&series);
        let status = client(gateway, roots, self.shown.as_ref())?;
        ensure!(status == self.status, "answered {status:?} instead of {:?}", self.status);
        until("its handshake is counted", || Ok(gateway.counts()?.sum(&series) > before))?;
        let counted = gateway.counts()?.sum(&series) - before;
        ensure!(counted == 1.0, "{} handshakes are counted as {}", counted, self.handshake);
        Ok(())
    }
}

fn curl(gateway: &Gateway, roots: &Path, shown: Option<&[PathBuf; 2]>) -> anyhow::Result<Option<u16>> {
    let mut command = Command::new("curl");
    command
        .args(["-q", "-4", "-s", "--max-time", "60", "-o", "/dev/null", "-w", "%{http_code}", "--cacert"])
        .arg(roots);
    if let Some([certificate, key]) = shown {
        command.arg("--cert").arg(certificate).arg("--key").arg(key);
    }
    command.arg(format!("https://localhost:{}/attributes/heartbeat", gateway.listener("tls")?.port()));
    let output = command.env_remove("https_proxy").stdin(Stdio::null()).output()?;
    let status: u16 = String::from_utf8_lossy(&output.stdout).trim().parse().context("what curl says")?;
    Ok((status != 0).then_some(status))
}

fn s_client(gateway: &Gateway, roots: &Path, shown: Option<&[PathBuf; 2]>) -> anyhow::Result<Option<u16>> {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &gateway.listener("tls")?.to_string()]);
    command
        .args(["-servername", "localhost", "-verify_return_error", "-ign_eof", "-quiet", "-CAfile"])
        .arg(roots);
    if let Some([certificate, key]) = shown {
        command.arg("-cert").arg(certificate).arg("-key").arg(key);
    }
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let request = b"GET /attributes/heartbeat HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    // Where the handshake fails nobody reads it.
    let _ = process.stdin.take().context("s_client has no input")?.write_all(request);
    let output = process.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let status = said.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    Ok(status)
}
