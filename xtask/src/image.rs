//! The container image: built by the Dockerfile on bases made here, and run as it is meant to run.
//!
//! No registry of images is at hand, so both bases are made by debootstrap from the machine's own Debian mirror, and the
//! toolchain and the crates are those of this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::ground::cleared;
use crate::needs;
use crate::workspace::{cargo, check, root};

const RUN_BASE: &str = "localhost/sekisho-run-base";
const BUILD_BASE: &str = "localhost/sekisho-build-base";
const IMAGE: &str = "localhost/sekisho";

/// Builds the image and runs it without rights on a read-only root file system, until it says that it is healthy.
pub(crate) fn run() -> anyhow::Result<()> {
    needs::install(&needs::FOR_LONG_TESTS)?;
    let folder = root().join("target/image");
    cleared(&folder)?;
    bases(&folder)?;
    println!("building the image");
    check(
        buildah()
            .args(["bud", "--quiet", "--isolation", "chroot", "--format", "docker", "--tag", IMAGE])
            .args(["--build-arg", &format!("BUILD_IMAGE={BUILD_BASE}")])
            .args(["--build-arg", &format!("RUN_IMAGE={RUN_BASE}")])
            .args(["--build-arg", "CARGO_FLAGS=--locked --offline"])
            .arg(root())
            .stdout(Stdio::null()),
    )?;
    let container = line(buildah().args(["from", IMAGE]))?;
    let outcome = live(&folder, &container);
    check(buildah().args(["rm", &container]).stdout(Stdio::null()))?;
    outcome
}

fn buildah() -> Command {
    let mut command = Command::new("buildah");
    // The plain storage driver works on every file system; it only costs space.
    command.args(["--storage-driver", "vfs"]);
    command
}

/// What a command prints, without the line end.
fn line(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{command:?} failed: {}", output.status);
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}

fn bases(folder: &Path) -> anyhow::Result<()> {
    let mirror = line(Command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(REPO_URI)",
        "Created-By: Packages",
    ]))?;
    let mirror = mirror.lines().next().context("apt-get names no mirror")?.to_owned();
    println!("making the base images");
    base(&folder.join("run"), &mirror, None, RUN_BASE, |_| Ok(()))?;
    let tools = "ca-certificates,gcc,libc6-dev,make";
    base(&folder.join("build"), &mirror, Some(tools), BUILD_BASE, toolchain)
}

fn base(
    folder: &Path,
    mirror: &str,
    packages: Option<&str>,
    name: &str,
    furnish: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut strap = Command::new("debootstrap");
    strap.arg("--variant=minbase");
    if let Some(packages) = packages {
        strap.arg(format!("--include={packages}"));
    }
    let log = fs::File::create(folder.with_extension("log"))?;
    let made = strap.arg("bookworm").arg(folder).arg(mirror).stdout(log).status()?;
    ensure!(made.success(), "debootstrap failed: see {}", folder.with_extension("log").display());
    furnish(folder)?;
    let container = line(buildah().args(["from", "scratch"]))?;
    check(buildah().args(["add", "--quiet", &container]).arg(folder).arg("/").stdout(Stdio::null()))?;
    check(buildah().args(["commit", "--quiet", "--rm", &container, name]).stdout(Stdio::null()))?;
    fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))
}

/// Puts this machine's toolchain and the crates of the lock file into the build image.
fn toolchain(folder: &Path) -> anyhow::Result<()> {
    check(cargo().args(["fetch", "--locked", "--quiet"]))?;
    let sysroot = PathBuf::from(line(Command::new("rustc").args(["--print", "sysroot"]))?);
    for part in ["bin", "lib"] {
        check(Command::new("cp").arg("-a").arg(sysroot.join(part)).arg(folder.join("usr/local/")))?;
    }
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let registry = home.context("no cargo home")?.join("registry");
    let there = folder.join("root/.cargo/registry");
    fs::create_dir_all(&there)?;
    for part in ["index", "cache"] {
        check(Command::new("cp").arg("-a").arg(registry.join(part)).arg(&there))?;
    }
    Ok(())
}

/// Runs the image as a deployment would: no rights, read-only root, only its volume to write to.
fn live(folder: &Path, container: &str) -> anyhow::Result<()> {
    let mounted = line(buildah().args(["mount", container]))?;
    let inspected: Value =
        serde_json::from_str(&line(buildah().args(["inspect", "--type", "image", IMAGE]))?)?;
    let config = &inspected["Docker"]["config"];
    let user = config["User"].as_str().context("the image names no user")?;
    let (user, group) = user.split_once(':').context("the image's user has no group")?;
    let (user, group): (u32, u32) = (user.parse()?, group.parse()?);
    ensure!(user != 0, "the image runs as root");

    let (etc, state) = (folder.join("etc"), folder.join("state"));
    fs::create_dir_all(&etc)?;
    fs::create_dir_all(&state)?;
    std::os::unix::fs::chown(&state, Some(user), Some(group))?;
    fs::write(etc.join("sekisho.toml"), configuration(&root())?)?;
    fs::create_dir_all(folder.join("bundle"))?;
    let bundle = bundle(config, &mounted, (user, group), &etc, &state)?;
    fs::write(folder.join("bundle/config.json"), serde_json::to_vec_pretty(&bundle)?)?;

    let name = format!("sekisho-{}", std::process::id());
    let log = fs::File::create(folder.join("container.log"))?;
    let mut running = Command::new("runc")
        .args(["run", "--bundle"])
        .arg(folder.join("bundle"))
        .arg(&name)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    let outcome = healthy(&name, config, &mut running, folder);
    let stopped = Command::new("runc").args(["kill", &name, "TERM"]).status();
    let ended = running.wait()?;
    outcome?;
    ensure!(stopped?.success() && ended.success(), "the container did not end well: {ended}");
    println!("the image runs as {user}:{group} on a read-only root, is healthy, and stops when asked");
    Ok(())
}

/// A configuration with nothing but loopback: whether the cloud answers is not this test's matter.
fn configuration(root: &Path) -> anyhow::Result<String> {
    let example = fs::read_to_string(root.join("config/municipality.toml"))?;
    Ok(example.replace("../schemas/", "/usr/local/share/sekisho/schemas/"))
}

fn bundle(
    config: &Value,
    mounted: &str,
    (user, group): (u32, u32),
    etc: &Path,
    state: &Path,
) -> anyhow::Result<Value> {
    let words = |name: &str| config[name].as_array().cloned().unwrap_or_default();
    let args: Vec<Value> = words("Entrypoint").into_iter().chain(words("Cmd")).collect();
    let mut env = words("Env");
    env.push(json!("PATH=/usr/local/bin:/usr/bin:/bin"));
    Ok(json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": { "uid": user, "gid": group },
            "args": args, "env": env, "cwd": config["WorkingDir"],
            "capabilities": { "bounding": [], "effective": [], "permitted": [], "ambient": [] },
            "noNewPrivileges": true
        },
        "root": { "path": mounted, "readonly": true },
        "hostname": "sekisho",
        "mounts": [
            { "destination": "/proc", "type": "proc", "source": "proc" },
            { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"] },
            { "destination": "/etc/sekisho", "type": "bind", "source": etc, "options": ["bind", "ro"] },
            { "destination": "/var/lib/sekisho", "type": "bind", "source": state, "options": ["bind", "rw"] }
        ],
        // A network of its own, with nothing in it but loopback.
        "linux": { "namespaces": [
            { "type": "pid" }, { "type": "network" }, { "type": "ipc" }, { "type": "uts" }, { "type": "mount" }
        ] }
    }))
}

fn healthy(
    name: &str,
    config: &Value,
    running: &mut std::process::Child,
    folder: &Path,
) -> anyhow::Result<()> {
    let test = config["Healthcheck"]["Test"].as_array().context("the image has no health check")?;
    let test: Vec<&str> = test.iter().filter_map(Value::as_str).skip_while(|word| *word == "CMD").collect();
    let exec = |words: &[&str]| -> anyhow::Result<bool> {
        let mut command = Command::new("runc");
        command.args(["exec", name]).args(words).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command.status()?.success())
    };
    let until = Instant::now() + Duration::from_secs(30);
    while !exec(&test)? {
        if let Some(status) = running.try_wait()? {
            bail!("the container ended: {status}; see {}", folder.join("container.log").display());
        }
        ensure!(
            Instant::now() < until,
            "the container is not healthy; see {}",
            folder.join("container.log").display()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    ensure!(!exec(&["touch", "/usr/local/bin/anything"])?, "the root file system can be written");
    ensure!(exec(&["touch", "/var/lib/sekisho/anything"])?, "the volume cannot be written");
    Ok(())
}
