//! Bad input at every door that can carry it: a fault or problem that says what and where, nothing kept, nothing
//! leaked, and a connection in a defined state.

use std::io;
use std::sync::{Arc, Mutex, Once, OnceLock};

use sekisho_soap::fault::Location;

use crate::site::Site;
use crate::ways::Way;

mod bodies;
mod packages;
mod payloads;
mod places;
mod texts;

/// A value that must never come back in an answer, nor stand in a log.
const CANARY: &str = "K4NARY";

/// What the gateway logged, at every level.
fn log() -> &'static Arc<Mutex<Vec<u8>>> {
    static LOG: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();
    static SET: Once = Once::new();
    let log = LOG.get_or_init(Arc::default);
    SET.call_once(|| {
        let writer = Arc::clone(log);
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || Sink(Arc::clone(&writer)))
            .init();
    });
    log
}

struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where, in words: `part 2, line 3, column 5, record 2, field customer`.
fn place(location: &Location) -> String {
    let number = |name: &str, value: Option<u64>| value.map(|value| format!("{name} {value}"));
    let parts = [
        number("part", location.part),
        number("line", location.line),
        number("column", location.column),
        number("record", location.record),
        location.field.as_ref().map(|field| format!("field {field}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Sends one bad request and holds the answer to what is promised.
#[track_caller]
pub(super) fn refused(site: &Site, name: &str, request: &[u8], path_is_soap: bool) -> (u16, String, String) {
    let log = log();
    let mut client = site.client();
    let mut sender = client.second_handle();
    let request = request.to_vec();
    let sending = std::thread::spawn(move || sender.try_send(&request));
    let answer = client.answer();
    sending.join().unwrap();
    assert!((400..=507).contains(&answer.status), "{name}: {answer}");
    let media_type = answer.header("content-type").unwrap().to_owned();
    assert_eq!(media_type.contains("xml"), path_is_soap, "{name}: {answer}");
    assert!(!answer.to_string().contains(CANARY), "{name} leaks: {answer}");
    let refused = answer.refused();
    assert_ne!(refused.code, "internal", "{name}: {answer}");
    for error in &refused.errors {
        assert!(!error.message.is_empty() && !error.message_ja.is_empty(), "{name}");
    }
    site.assert_nothing_kept();
    if answer.closes() {
        assert!(client.is_closed(), "{name}");
    } else {
        assert!(client.is_alive(), "{name}");
    }
    let mut logged = log.lock().unwrap();
    assert!(crate::client::find(&logged, CANARY.as_bytes()).is_none(), "{name} is in the log");
    logged.clear();
    drop(logged);
    let mut place = place(&refused.location);
    if let Some(error) = refused.errors.first() {
        let line = error.line.map(|line| format!(", line {line}")).unwrap_or_default();
        let field = error.field.as_ref().map(|field| format!(", field {field}")).unwrap_or_default();
        place = format!("error: record {}{line}{field}, {}", error.record, error.code);
    }
    (answer.status, refused.code, place)
}

/// The status of a message that cannot be read, by door.
pub(super) fn unreadable(way: Way) -> u16 {
    if way.is_soap() { 500 } else { 400 }
}
