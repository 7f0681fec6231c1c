#![allow(clippy::unwrap_used)] // a test that cannot go on must end

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;

use super::*;

/// What becomes of each attempt inside; on a thread of its own, which takes what it gave up with it.
fn inside<T: Send + 'static>(reach: Reach, attempts: impl FnOnce() -> T + Send + 'static) -> T {
    let tried = thread::spawn(move || {
        let entered = Sandbox::enter(reach, MissingParts::Refused).map(|_| ());
        entered.map(|()| attempts())
    });
    tried.join().unwrap().unwrap()
}

fn kind<T>(outcome: io::Result<T>) -> Result<(), ErrorKind> {
    outcome.map(|_| ()).map_err(|error| error.kind())
}

const REFUSED: Result<(), ErrorKind> = Err(ErrorKind::PermissionDenied);

#[test]
fn files_are_read_and_written_where_the_configuration_says_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["read", "write", "other"] {
        fs::create_dir(path(name)).unwrap();
        fs::write(path(name).join("file"), "text").unwrap();
    }
    let reach = Reach { read: [path("read")].into(), write: [path("write")].into(), ..Reach::default() };
    let (read, write, other) = (path("read"), path("write"), path("other"));
    let outcomes = inside(reach, move || {
        let replace = |at: &Path| kind(fs::write(at.join("file"), "else"));
        vec![
            ("read what is named", kind(fs::read(read.join("file"))), Ok(())),
            ("write what is only read", replace(&read), REFUSED),
            ("make a file there", kind(fs::write(read.join("new"), "")), REFUSED),
            ("write in the state folder", replace(&write), Ok(())),
            ("make a folder there", kind(fs::create_dir(write.join("new"))), Ok(())),
            ("link within it", kind(fs::hard_link(write.join("file"), write.join("same"))), Ok(())),
            ("remove from it", kind(fs::remove_file(write.join("file"))), Ok(())),
            ("read anything else", kind(fs::read(other.join("file"))), REFUSED),
            ("list anything else", kind(fs::read_dir(&other)), REFUSED),
            ("remove anything else", kind(fs::remove_file(other.join("file"))), REFUSED),
            (
                "bring something in from outside",
                kind(fs::rename(other.join("file"), write.join("in"))),
                REFUSED,
            ),
            ("read users", kind(fs::read("/etc/passwd")), REFUSED),
        ]
    });
    for (attempt, outcome, expected) in outcomes {
        assert_eq!(outcome, expected, "{attempt}");
    }
}

#[test]
fn ports_are_those_of_the_configuration() {
    let [named, other] = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let [named_at, other_at] = [&named, &other].map(|listener| listener.local_addr().unwrap());
    let reach = Reach { connect: [named_at.port()].into(), listen: [0].into(), ..Reach::default() };
    let outcomes = inside(reach, move || {
        vec![
            ("connect where it may", kind(TcpStream::connect(named_at)), Ok(())),
            ("connect elsewhere", kind(TcpStream::connect(other_at)), REFUSED),
            ("listen on any port", kind(TcpListener::bind("127.0.0.1:0")), Ok(())),
            ("listen on a certain one", kind(TcpListener::bind("127.0.0.1:1")), REFUSED),
            ("ask for names", kind(UdpSocket::bind("127.0.0.1:0")), Ok(())),
        ]
    });
    for (attempt, outcome, expected) in outcomes {
        assert_eq!(outcome, expected, "{attempt}");
    }
}

#[test]
fn no_program_is_started_and_threads_are() {
    let (program, thread) = inside(Reach::default(), || {
        (kind(Command::new("/bin/true").status()), thread::spawn(|| 7).join().unwrap())
    });
    assert_eq!((program, thread), (REFUSED, 7));
}

#[test]
fn nothing_is_left_that_could_be_had_again() {
    let (told, inside) = channel();
    let (go_on, looked) = channel::<()>();
    let waiting = thread::spawn(move || {
        Sandbox::enter(Reach::default(), MissingParts::Refused).unwrap();
        told.send(rustix::thread::gettid().as_raw_nonzero()).unwrap();
        // Ends when it was looked at.
        let _ = looked.recv();
    });
    let status = fs::read_to_string(format!("/proc/self/task/{}/status", inside.recv().unwrap())).unwrap();
    drop(go_on);
    waiting.join().unwrap();
    let line = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap().trim().to_owned()
    };
    assert_eq!((line("NoNewPrivs"), line("Seccomp")), ("1".to_owned(), "2".to_owned()));
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(line(set), "0".repeat(16), "{set}");
    }
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).collect::<Vec<_>>(), ["0", "0", "bytes"]);
}

#[test]
fn what_is_missing_is_refused_in_both_languages_and_can_be_accepted() {
    let missing =
        || vec![Missing { part: Part::Ports, why: "the kernel has version 2 of Landlock".to_owned() }];
    let sandbox = Sandbox { reach: Reach::default(), missing: missing() };
    let Said(text) = sandbox.refused();
    use crate::language::Language;
    for (language, needed) in [(Language::English, "Linux 6.7"), (Language::Japanese, "Linux 6.7のLandlock")]
    {
        let text = text.in_language(language);
        assert!(text.contains("ports") && text.contains(needed) && text.contains("missing_parts"), "{text}");
    }
    let registry = Registry::new();
    sandbox.show(&registry).unwrap();
    let shown = registry.gather();
    let of = |part: &str| {
        let metric = shown[0].get_metric().iter().find(|metric| metric.get_label()[0].value() == part);
        metric.unwrap().get_gauge().get_value()
    };
    assert_eq!((of("ports"), of("files")), (0.0, 1.0));
}

#[test]
fn a_later_configuration_is_held_to_what_is_left() {
    let reach = |read: &[&str], connect: &[u16]| Reach {
        read: read.iter().map(Into::into).collect(),
        write: ["/var/lib/sekisho".into()].into(),
        connect: connect.iter().copied().collect(),
        ..Reach::default()
    };
    let before = Sandbox { reach: reach(&["/etc/sekisho"], &[443]), missing: Vec::new() };
    assert_eq!(before.outside(&reach(&["/etc/sekisho/schemas", "/var/lib/sekisho/x"], &[443])), []);
    assert_eq!(before.outside(&reach(&["/etc/sekisho2", "/etc/sekisho"], &[443, 8443])).len(), 2);
}
