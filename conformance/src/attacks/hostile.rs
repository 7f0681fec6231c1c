//! The upstream of the relay, which says what an attack has it say; and a bait, where nobody may ever be seen.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::attack::Hostile;
use crate::cases::message::{Names, expand};

/// Longest time that it reads or writes without getting on. It has to be longer than any deadline of the gateway.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of what is endless, when a gateway reads on and on.
const ENDLESS: usize = 256 << 20;

/// An upstream and a bait, on addresses of their own.
pub(super) struct Upstream {
    /// Where the gateway sends to.
    pub(super) address: SocketAddr,
    /// Where nobody may be sent by a message.
    pub(super) bait: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    script: Mutex<Option<Hostile>>,
    requests: AtomicUsize,
    baited: AtomicUsize,
}

impl Upstream {
    /// Binds both and serves until the process ends.
    ///
    /// # Errors
    /// An address cannot be bound.
    pub(super) fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (listener, bait) = (TcpListener::bind(("127.0.0.1", 0))?, TcpListener::bind(("127.0.0.1", 0))?);
        let upstream =
            Self { address: listener.local_addr()?, bait: bait.local_addr()?, shared: Arc::clone(&shared) };
        let (seen, to) = (Arc::clone(&shared), upstream.bait);
        std::thread::spawn(move || {
            for _ in bait.incoming() {
                seen.baited.fetch_add(1, Ordering::SeqCst);
            }
        });
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A gateway that goes away in the middle is what is expected.
                std::thread::spawn(move || serve(stream, &shared, to).unwrap_or_default());
            }
        });
        Ok(upstream)
    }

    /// What it says from now on.
    pub(super) fn says(&self, script: Option<Hostile>) {
        *self.shared.script.lock().unwrap_or_else(PoisonError::into_inner) = script;
    }

    /// Requests that it has read so far.
    pub(super) fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Connections that the bait has seen.
    pub(super) fn baited(&self) -> usize {
        self.shared.baited.load(Ordering::SeqCst)
    }
}

fn serve(stream: TcpStream, shared: &Shared, bait: SocketAddr) -> anyhow::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    match read_request(&mut reader)? {
        Some(true) => {}
        Some(false) => {
            (&stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
            return Ok(());
        }
        None => return Ok(()),
    }
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let script = shared.script.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default();
    let mut names: Names = [("bait".to_owned(), bait.to_string())].into();
    for (name, fill) in &script.fill {
        let text = (1..=fill.times).map(|number| fill.text.replace("${n}", &number.to_string())).collect();
        names.insert(name.clone(), text);
    }
    let mut writer = &stream;
    let says: Vec<u8> =
        expand(&script.says, &names)?.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect();
    writer.write_all(&says)?;
    if !script.endless.is_empty() {
        let piece = script.endless.repeat(1 + 4096 / script.endless.len());
        for _ in 0..ENDLESS / piece.len() {
            writer.write_all(piece.as_bytes())?;
        }
    }
    if script.hold {
        reader.read_to_end(&mut Vec::new())?;
    } else {
        stream.shutdown(Shutdown::Write)?;
        reader.read_to_end(&mut Vec::new())?;
    }
    Ok(())
}

/// Reads one request to its end: whether it carries a message, or only looks whether somebody is there; `None` if the
/// connection ends before there is one.
fn read_request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<bool>> {
    let (mut length, mut chunked, mut line) = (0_u64, false, String::new());
    let mut carries = false;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        carries |= line.starts_with("POST ");
        let lower = line.trim_end().to_ascii_lowercase();
        if lower.is_empty() {
            break;
        }
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        chunked |= lower.starts_with("transfer-encoding:");
    }
    while chunked {
        line.clear();
        reader.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim(), 16).unwrap_or(0);
        std::io::copy(&mut reader.take(size + 2), &mut std::io::sink())?;
        chunked = size > 0;
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    Ok(Some(carries))
}
