//! What the boundary costs: large batches taken with certificates on both sides, a disclosure policy, the exchange log and
//! encryption at rest, and without any of them, in turn.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::acceptance::{CORE, generate, send};
use super::figure::{Bound, Figure, each, median};
use super::gateway::Gateway;
use super::site::{self, Cloud, Settings};
use super::{Bench, pinned};
use crate::tools::authority::{Authority, For, Valid};

/// Nothing of it.
const WITHOUT: Settings = Settings {
    limits: "",
    pace: "",
    route: "",
    listener: "",
    client: "",
    sections: "[log.exchanges]\nkeep = \"i-know-that-nothing-is-on-record\"\n",
};

/// All of it. The exchange log is on by itself.
const WITH: Settings = Settings {
    limits: "",
    pace: "",
    route: "no_record_no_relay = true\n[route.policy]\nprofile = \"abstracted-attributes\"\n",
    listener: "[listener.tls]\ncertificate = \"authority/gateway.pem\"\nkey = \"authority/gateway.key\"\n\
               [listener.tls.clients]\nroots = [\"authority/root.pem\"]\ncrls = [\"authority/authority.crl\"]\n",
    client: "certificates = [\"dns:link.city.example\"]\n",
    sections: "[spool.encryption]\ndata_keys = \"data-keys\"\n[[spool.encryption.key]]\nid = \"one\"\nfile = \"one.key\"\n",
};

/// Measures rounds of both, each gateway on the same core, one at work at a time.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (records, rounds) = if bench.quick { (20_000, 2) } else { (400_000, 5) };
    let folder = bench.fresh("boundary")?;
    let file = generate(bench, &folder, records)?;
    let megabytes = std::fs::metadata(&file)?.len() as f64 / 1e6;
    let bare = Site::without(bench, &folder)?;
    let bounded = Site::with(bench, &folder)?;
    for site in [&bare, &bounded] {
        // The first batch opens files and fills caches.
        site.accepts(bench, &file)?;
        site.gateway.idle();
    }
    let (mut without, mut with) = (vec![], vec![]);
    for _ in 0..rounds {
        without.push(bare.accepts(bench, &file)?);
        with.push(bounded.accepts(bench, &file)?);
    }
    bare.gateway.stop()?;
    bounded.gateway.stop()?;
    std::fs::remove_dir_all(&folder)?;

    let lost: Vec<_> = with.iter().zip(&without).map(|(with, without)| 1.0 - without.0 / with.0).collect();
    let lost: Vec<_> = lost.iter().map(|share| share * 100.0).collect();
    let speeds =
        |of: &[(f64, f64)]| -> Vec<f64> { of.iter().map(|(seconds, _)| megabytes / seconds).collect() };
    let processor = |of: &[(f64, f64)]| -> Vec<f64> { of.iter().map(|(_, processor)| *processor).collect() };
    let shown = |name: &str, values: Vec<f64>, unit| {
        Figure::new(format!("  {name}"), median(&values), unit).note(each(&values))
    };
    Ok(vec![
        Figure::new("boundary, throughput of acceptance lost", median(&lost), "%").bound(Bound::AtMost(25.0)).note(
            format!(
                "{records} records, {megabytes:.0} MB by SwA; mutual TLS with a revocation list, the ready disclosure profile, \
                 every exchange on record before it is acknowledged, AES-256-GCM at rest; without all of them in turn; {}",
                each(&lost)
            ),
        ),
        shown("with all of it", speeds(&with), "MB/s"),
        shown("without", speeds(&without), "MB/s"),
        shown("with all of it, gateway's processor time", processor(&with), "s"),
        shown("without, gateway's processor time", processor(&without), "s"),
    ])
}

/// A gateway, where it is asked, and what its client shows.
struct Site {
    gateway: Gateway,
    to: String,
    shown: Vec<(&'static str, PathBuf)>,
}

impl Site {
    fn without(bench: &Bench, folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.join("without");
        std::fs::create_dir_all(&folder)?;
        // Without a cloud nothing is delivered, so that the core has nothing else to do.
        site::attributes(bench, &folder, &Cloud::none()?, WITHOUT)?;
        let gateway = Gateway::start(pinned(CORE, None, &bench.programs.path("sekisho")), &folder)?;
        let to = format!("http://{}/attributes", gateway.listener);
        Ok(Self { gateway, to, shown: Vec::new() })
    }

    fn with(bench: &Bench, folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.join("with");
        std::fs::create_dir_all(&folder)?;
        let authority = Authority::found(&folder, "authority")?;
        authority.issue("gateway", For::Server("IP:127.0.0.1"), Valid::Now)?;
        let [certificate, key] = authority.issue("client", For::Client("link.city.example"), Valid::Now)?;
        let [revoked, _] = authority.issue("revoked", For::Client("link.city.example"), Valid::Now)?;
        authority.revoke(&revoked)?;
        authority.publish()?;
        let mut wrapping = OpenOptions::new();
        wrapping.write(true).create_new(true).mode(0o600);
        wrapping.open(folder.join("one.key"))?.write_all("5e".repeat(32).as_bytes())?;
        site::attributes(bench, &folder, &Cloud::none()?, WITH)?;
        let gateway = Gateway::start(pinned(CORE, None, &bench.programs.path("sekisho")), &folder)?;
        let to = format!("https://{}/attributes", gateway.listener);
        let shown =
            vec![("--roots", authority.root()), ("--certificate", certificate), ("--certificate-key", key)];
        Ok(Self { gateway, to, shown })
    }

    /// Seconds until a batch has its receipt, and of the gateway's processor time.
    fn accepts(&self, bench: &Bench, file: &Path) -> anyhow::Result<(f64, f64)> {
        let more: Vec<&OsStr> =
            self.shown.iter().flat_map(|(name, path)| [OsStr::new(*name), path.as_os_str()]).collect();
        let before = self.gateway.cpu();
        let seconds = send(bench, &self.to, &more, file).with_context(|| self.to.clone())?;
        Ok((seconds, self.gateway.cpu() - before))
    }
}
