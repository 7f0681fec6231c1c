//! Files, ports and signals: Landlock.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, Scope, path_beneath_rules,
};

use super::{Missing, Part, Reach};

/// What is asked for: all that Linux 6.12 has.
const ASKED: ABI = ABI::V6;

/// What the C library reads to find names, and what random numbers fall back on.
const SYSTEM: [&str; 13] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/ld.so.cache",
    // Modules of the C library for names.
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/dev/urandom",
    "/dev/null",
];

/// Gives up everything that is not in `reach`.
pub(super) fn give_up(reach: &Reach) -> Vec<Missing> {
    match restrict(reach) {
        Ok(status) => missing(status),
        Err(error) => {
            let why = error.to_string();
            [Part::Files, Part::Ports, Part::Signals].map(|part| Missing { part, why: why.clone() }).into()
        }
    }
}

fn restrict(reach: &Reach) -> Result<LandlockStatus, RulesetError> {
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(ASKED))?
        .handle_access(AccessNet::from_all(ASKED))?
        .scope(Scope::from_all(ASKED))?
        .create()?
        .add_rules(path_beneath_rules(&reach.read, reading()))?
        .add_rules(path_beneath_rules(SYSTEM, reading()))?
        .add_rules(path_beneath_rules(resolver(), reading()))?
        .add_rules(path_beneath_rules(&reach.write, writing()))?
        .add_rules(ports(&reach.listen, AccessNet::BindTcp))?
        .add_rules(ports(reach.connect.iter().chain(&DOMAIN), AccessNet::ConnectTcp))?
        .restrict_self()?;
    Ok(status.landlock)
}

/// Names are asked for by TCP where an answer is long.
const DOMAIN: [u16; 1] = [53];

fn ports<'a>(
    ports: impl IntoIterator<Item = &'a u16>,
    access: AccessNet,
) -> impl Iterator<Item = Result<NetPort, RulesetError>> {
    ports.into_iter().map(move |port| Ok(NetPort::new(*port, access)))
}

fn reading() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir
}

/// Files and folders are made, written and removed there; no devices, sockets, links or programs.
fn writing() -> BitFlags<AccessFs> {
    reading()
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
}

/// The folder of what `resolv.conf` is a link to: it is exchanged there when the network changes.
fn resolver() -> Option<PathBuf> {
    let real = Path::new("/etc/resolv.conf").canonicalize().ok()?;
    real.parent().filter(|folder| !folder.starts_with("/etc")).map(Path::to_owned)
}

/// What the kernel does not know yet.
fn missing(status: LandlockStatus) -> Vec<Missing> {
    let (known, why) = match status {
        LandlockStatus::Available { effective_abi, .. } => {
            (effective_abi, format!("the kernel has version {} of Landlock", effective_abi as u8))
        }
        _ => (ABI::Unsupported, "the kernel has no Landlock, or has it switched off".to_owned()),
    };
    [(Part::Files, ABI::V3), (Part::Ports, ABI::V4), (Part::Signals, ABI::V6)]
        .into_iter()
        .filter(|(_, since)| known < *since)
        .map(|(part, _)| Missing { part, why: why.clone() })
        .collect()
}
