//! Sockets and deadlines around a [`Talk`].

use std::io;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use crate::{Address, Said, ScanError, Talk, Verdict};

/// A connection of either kind.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A step of a content.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Some of its bytes.
    Data(Bytes),
    /// Its end. A channel that closes without it was given up.
    End,
}

/// How long a scanner may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For any progress: taking something of what is sent, or saying something where an answer is awaited.
    pub(crate) stall: Duration,
    /// For an answer, to its end.
    pub(crate) answer: Duration,
}

/// Connects to where the scanner is.
pub(crate) async fn connect(address: &Address, patience: Duration) -> Result<Box<dyn Stream>, ScanError> {
    let connecting = async {
        Ok::<Box<dyn Stream>, io::Error>(match address {
            Address::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
        })
    };
    match timeout(patience, connecting).await {
        Ok(connected) => connected.map_err(|error| ScanError::Unreachable(error.kind())),
        Err(_) => Err(ScanError::Unreachable(io::ErrorKind::TimedOut)),
    }
}

/// Has the talk, to its verdict. Time counts only while it is the scanner that is waited for; what it says in drops makes it no longer.
pub(crate) async fn converse(
    stream: impl Stream,
    talk: &mut Talk,
    pieces: &mut mpsc::Receiver<Piece>,
    patience: Patience,
) -> Result<Verdict, ScanError> {
    let (mut from, mut to) = split(stream);
    let (mut said, mut fresh) = (BytesMut::new(), Vec::new());
    let mut answer = vec![0; 16 * 1024];
    // Why nothing more can be sent: what the scanner said before that may still be read.
    let mut broken = None;
    // Until when it has to do something, and until when its answer, once it is awaited, has to be whole.
    let (mut idle, mut whole) = (Instant::now() + patience.stall, None);
    talk.begin(&mut fresh);
    loop {
        if !fresh.is_empty() {
            said.extend_from_slice(&fresh);
            fresh.clear();
        }
        if broken.is_some() {
            said.clear();
        }
        let (sending, its_turn) = (!said.is_empty(), talk.is_told() || broken.is_some());
        let answered = whole.filter(|whole| !sending && *whole < idle);
        tokio::select! {
            // What it has to say counts before what it is told.
            biased;
            came = from.read(&mut answer) => {
                let came = came.map_err(|error| ScanError::Broken(broken.unwrap_or(error.kind())))?;
                if came == 0 {
                    return Err(ScanError::Broken(broken.unwrap_or(io::ErrorKind::UnexpectedEof)));
                }
                if let Said::Verdict(verdict) = talk.read(&answer[..came], &mut fresh)? {
                    return Ok(verdict);
                }
                idle = Instant::now() + patience.stall;
            }
            sent = to.write(&said), if sending => match sent {
                Ok(sent) if sent > 0 => {
                    said.advance(sent);
                    idle = Instant::now() + patience.stall;
                    whole = said.is_empty().then(|| Instant::now() + patience.answer);
                }
                Ok(_) | Err(_) => {
                    broken = Some(sent.err().map_or(io::ErrorKind::WriteZero, |error| error.kind()));
                    (idle, whole) = (Instant::now() + patience.stall, None);
                }
            },
            () = sleep_until(answered.unwrap_or(idle)), if sending || its_turn => {
                return Err(match (broken, answered) {
                    (Some(kind), _) => ScanError::Broken(kind),
                    (None, None) => ScanError::Silent(patience.stall),
                    (None, Some(_)) => ScanError::Silent(patience.answer),
                });
            }
            piece = pieces.recv(), if !sending && !its_turn && talk.takes_more() => {
                match piece {
                    Some(Piece::Data(piece)) => talk.piece(&piece, &mut fresh),
                    Some(Piece::End) => talk.end(&mut fresh),
                    None => return Err(ScanError::GivenUp),
                }
                idle = Instant::now() + patience.stall;
            }
        }
    }
}
