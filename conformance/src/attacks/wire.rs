//! One attack on the wire: bytes in whatever manner, and what is seen of the answer.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;
use socket2::{Domain, Socket, Type};

use super::attack::{Drip, Manner};
use crate::exchange::{Reply, read_reply};

/// How long an answer, or the end of a connection, may take: longer is a hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where to, from where, and by which certificate.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) to: SocketAddr,
    pub(super) from: IpAddr,
    pub(super) tls: Option<Arc<ClientConfig>>,
}

/// What was seen on a connection.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) reply: Reply,
    /// Bytes that came behind the answer, before the end.
    pub(super) more: usize,
    /// The status of the next request on the same connection, where that has to be served.
    pub(super) next: Option<u16>,
}

/// What is looked for behind the answer.
#[derive(Clone, Copy)]
pub(super) enum Then<'a> {
    /// The end of the connection.
    End,
    /// The answer to a further request.
    Serves(&'a [u8]),
    /// Nothing.
    Whatever,
}

impl Line {
    fn connect(&self) -> io::Result<TcpStream> {
        let domain = if self.to.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        let socket = Socket::new(domain, Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(self.from, 0).into())?;
        socket.connect_timeout(&self.to.into(), PATIENCE)?;
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Sends the bytes in that manner and reads the answer.
    ///
    /// # Errors
    /// No connection, or nothing comes in time: a hang.
    pub(super) fn attack(&self, bytes: &[u8], manner: &Manner, then: Then<'_>) -> io::Result<Seen> {
        let stream = self.connect()?;
        if let Some(config) = &self.tls {
            let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
            let connection = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
            let mut stream = StreamOwned::new(connection, stream);
            let _ = stream.write_all(bytes).and_then(|()| stream.flush());
            return look(&mut BufReader::new(stream), bytes, then);
        }
        let writer = stream.try_clone()?;
        let answered = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // The gateway may answer, and end the connection, before everything is sent: what it said is still there.
            scope.spawn(|| {
                let _ = write(&writer, bytes, manner.drip, &answered);
                if manner.half_close {
                    let _ = writer.shutdown(Shutdown::Write);
                }
            });
            let seen = if manner.vanish {
                Ok(Seen::default())
            } else {
                look(&mut BufReader::new(Both(&stream)), bytes, then)
            };
            answered.store(true, Ordering::Relaxed);
            seen
        })
    }

    /// The same on so many connections that are all open at once; what each has got.
    ///
    /// # Errors
    /// As [`Line::attack`].
    pub(super) fn crowd(&self, bytes: &[u8], connections: usize) -> io::Result<Vec<Reply>> {
        let mut open = Vec::with_capacity(connections);
        for _ in 0..connections {
            open.push(self.connect()?);
        }
        for stream in &open {
            // One that was turned away is closed.
            let _ = (&mut &*stream).write_all(bytes);
        }
        open.iter().map(|stream| read_reply(&mut BufReader::new(stream), false)).collect()
    }

    /// The same so many times on one connection, each after the answer to the one before; what each has got.
    ///
    /// # Errors
    /// As [`Line::attack`].
    pub(super) fn again(&self, bytes: &[u8], times: usize) -> io::Result<Vec<Reply>> {
        let stream = self.connect()?;
        let mut reader = BufReader::new(&stream);
        let mut replies = Vec::with_capacity(times);
        for _ in 0..times {
            let _ = (&mut &stream).write_all(bytes);
            let reply = read_reply(&mut reader, false)?;
            let ended = reply.cut;
            replies.push(reply);
            if ended {
                break;
            }
        }
        Ok(replies)
    }
}

/// A stream that is read here while it is written to elsewhere, or here once that is done.
struct Both<'s>(&'s TcpStream);

impl Read for Both<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        Read::read(&mut &*self.0, into)
    }
}

impl Write for Both<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(&mut &*self.0, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Write::flush(&mut &*self.0)
    }
}

fn write(mut stream: &TcpStream, bytes: &[u8], drip: Option<Drip>, answered: &AtomicBool) -> io::Result<()> {
    let Some(drip) = drip else { return stream.write_all(bytes) };
    let head = if drip.behind_head { memchr::memmem::find(bytes, b"\r\n\r\n") } else { None };
    let (head, bytes) = bytes.split_at(head.map_or(0, |end| end + 4));
    stream.write_all(head)?;
    for piece in bytes.chunks(drip.bytes.max(1)) {
        if answered.load(Ordering::Relaxed) {
            break;
        }
        stream.write_all(piece)?;
        // What a slow client does, and not a guess at how long anything takes.
        std::thread::sleep(Duration::from_millis(drip.every_ms));
    }
    Ok(())
}

/// The answer, and what comes behind it.
fn look<S: Read + Write>(stream: &mut BufReader<S>, sent: &[u8], then: Then<'_>) -> io::Result<Seen> {
    let reply = read_reply(stream, sent.starts_with(b"HEAD "))?;
    let mut seen = Seen { reply, more: 0, next: None };
    if seen.reply.cut {
        return Ok(seen);
    }
    match then {
        Then::Whatever => {}
        Then::End => {
            seen.more = rest(stream)?;
            seen.reply.closed = true;
        }
        Then::Serves(request) => {
            // Where the connection has been ended, the answer says so: there is none.
            let _ = stream.get_mut().write_all(request).and_then(|()| stream.get_mut().flush());
            seen.next = Some(read_reply(stream, false)?.status);
        }
    }
    Ok(seen)
}

/// How much comes until the end; a reset is one, and silence is none.
fn rest(stream: &mut impl BufRead) -> io::Result<usize> {
    let mut total = 0;
    loop {
        match stream.read(&mut [0; 4096]) {
            Ok(0) => return Ok(total),
            Ok(read) => total += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Err(io::Error::new(ErrorKind::TimedOut, "the connection is left open"));
            }
            Err(_) => return Ok(total),
        }
    }
}
