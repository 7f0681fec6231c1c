//! What a fresh Debian machine lacks, installed by name. Something that cannot be had is an error that names it.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::workspace::check;

/// A program, and the Debian package that brings it.
pub(crate) struct Need {
    /// The program.
    pub(crate) program: &'static str,
    /// The package.
    pub(crate) package: &'static str,
}

/// What the gateway's allocator is built with.
pub(crate) const MAKE: Need = Need { program: "make", package: "make" };

/// What compares the cloud's rows with what was sent.
pub(crate) const PYTHON: Need = Need { program: "python3", package: "python3" };

/// What the tests need beyond the Rust toolchain.
pub(crate) const FOR_TESTS: [Need; 11] = [
    MAKE,
    PYTHON,
    Need { program: "git", package: "git" },
    Need { program: "xmllint", package: "libxml2-utils" },
    Need { program: "promtool", package: "prometheus" },
    Need { program: "curl", package: "curl" },
    Need { program: "openssl", package: "openssl" },
    // A terminal for a program that wants one.
    Need { program: "script", package: "bsdutils" },
    // Scanners, by where they lie: not on everybody's path, or no program.
    Need { program: "/usr/sbin/clamd", package: "clamav-daemon" },
    Need { program: "c-icap", package: "c-icap" },
    Need { program: "/etc/c-icap/virus_scan.conf", package: "libc-icap-mod-virus-scan" },
];

/// What the long tests need besides.
pub(crate) const FOR_LONG_TESTS: [Need; 3] = [
    Need { program: "buildah", package: "buildah" },
    Need { program: "debootstrap", package: "debootstrap" },
    Need { program: "runc", package: "runc" },
];

/// What attacks and examines a gateway.
pub(crate) const FOR_TOOLS: [Need; 4] = [
    Need { program: "slowhttptest", package: "slowhttptest" },
    Need { program: "testssl", package: "testssl.sh" },
    // testssl.sh does not start without a program that looks up names, though it is told to look none up.
    Need { program: "dig", package: "dnsutils" },
    Need { program: "prlimit", package: "util-linux" },
];

/// What libFuzzer is compiled with.
pub(crate) const FOR_FUZZING: [Need; 1] = [Need { program: "c++", package: "g++" }];

/// Whether a program can be started.
pub(crate) fn is_here(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// Installs what is missing.
pub(crate) fn install(needs: &[Need]) -> anyhow::Result<()> {
    let missing: Vec<_> = needs.iter().filter(|need| !is_here(need.program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    packages(&missing.iter().map(|need| need.package).collect::<Vec<_>>())?;
    for need in missing {
        if !is_here(need.program) {
            bail!("package {} did not bring {}", need.package, need.program);
        }
    }
    Ok(())
}

/// Installs Debian packages by name.
pub(crate) fn packages(names: &[&str]) -> anyhow::Result<()> {
    println!("installing {}", names.join(", "));
    if !is_here("apt-get") {
        bail!("{} missing, and there is no apt-get to install them with", names.join(", "));
    }
    check(privileged("apt-get").args(["update", "-q"]).stdout(Stdio::null()))?;
    let mut install = privileged("apt-get");
    install.args(["install", "-q", "-y", "--no-install-recommends"]).args(names);
    install.env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
    check(&mut install).with_context(|| format!("installing {}", names.join(", ")))
}

/// Whether this runs as root.
pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// The command itself for root, through sudo for others.
fn privileged(program: &str) -> Command {
    if is_root() || !is_here("sudo") {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-E", program]);
    command
}

/// Installs a cargo subcommand at a fixed version.
pub(crate) fn cargo_tool(program: &str, package: &str, version: &str) -> anyhow::Result<()> {
    let here = Command::new(program).arg("--version").output();
    if here.is_ok_and(|here| String::from_utf8_lossy(&here.stdout).trim_end().ends_with(version)) {
        return Ok(());
    }
    println!("installing {package} {version}");
    let spec = format!("{package}@{version}");
    check(crate::workspace::cargo().args(["install", "--locked", "--quiet", &spec]))
}
