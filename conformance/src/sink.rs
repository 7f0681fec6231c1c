//! The smallest upstream: reads a request to its end, answers a small SOAP message, and does nothing else.
//!
//! For measuring what stands in front of it: it costs as little as a server can, and parses nothing. Bodies have a
//! `Content-Length` or none; other framings end the connection.

use std::net::SocketAddr;
use std::sync::Arc;

use memchr::memmem;
use tokio::io::{self, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The longest head that is taken, in bytes.
const HEAD: usize = 16 * 1024;

const ANSWER: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><e:Envelope \
    xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body><submitBatchResponse xmlns=\"urn:example:bulk\">\
    <accepted>3</accepted></submitBatchResponse></e:Body></e:Envelope>";

/// A bound sink, not yet served.
#[derive(Debug)]
pub struct Sink {
    listener: TcpListener,
}

impl Sink {
    /// Binds the address.
    ///
    /// # Errors
    /// When the address is taken or not this machine's.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await? })
    }

    /// The address that was bound, with its real port.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until it is dropped.
    pub async fn serve(self) {
        let answer: Arc<[u8]> = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: {}\r\n\r\n{ANSWER}",
            ANSWER.len()
        )
        .into_bytes()
        .into();
        loop {
            if let Ok((stream, _)) = self.listener.accept().await {
                let answer = Arc::clone(&answer);
                // A peer that goes away in the middle is nothing to report.
                tokio::spawn(async move { connection(stream, &answer).await.unwrap_or_default() });
            }
        }
    }
}

/// One connection: requests behind one another until the peer ends it.
async fn connection(mut stream: TcpStream, answer: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(HEAD);
    loop {
        let head = loop {
            if let Some(end) = memmem::find(&buffer, b"\r\n\r\n") {
                break end + 4;
            }
            if buffer.len() > HEAD || stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let Some(length) = content_length(&buffer[..head]) else { return Ok(()) };
        let mut have = buffer.len() - head;
        if have >= length {
            buffer.drain(..head + length);
        } else {
            buffer.clear();
            while have < length {
                match stream.read_buf(&mut buffer).await? {
                    0 => return Ok(()),
                    read => have += read,
                }
                buffer.drain(..buffer.len() - have.saturating_sub(length));
            }
        }
        stream.write_all(answer).await?;
    }
}

/// The length of the body that follows this head; `None` where it is not told in a way that the sink knows.
fn content_length(head: &[u8]) -> Option<usize> {
    let head = std::str::from_utf8(head).ok()?;
    let mut length = 0;
    for line in head.split("\r\n").skip(1) {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return None;
        }
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn started() -> SocketAddr {
        let sink = Sink::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = sink.address().unwrap();
        tokio::spawn(sink.serve());
        address
    }

    async fn answer(stream: &mut TcpStream) -> String {
        let mut bytes = Vec::new();
        while memmem::find(&bytes, b"</e:Envelope>").is_none() {
            assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "ended early");
        }
        String::from_utf8(bytes).unwrap()
    }

    #[tokio::test]
    async fn every_request_of_a_connection_is_answered_however_it_is_cut() {
        let mut stream = TcpStream::connect(started().await).await.unwrap();
        let body = "b".repeat(100_000);
        let request =
            format!("POST / HTTP/1.1\r\nHost: sink\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        for cut in [1, 20, 70, 71, request.len() - 1] {
            stream.write_all(&request.as_bytes()[..cut]).await.unwrap();
            stream.write_all(&request.as_bytes()[cut..]).await.unwrap();
            assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
        }
    }

    #[tokio::test]
    async fn what_comes_behind_a_request_is_the_next_one() {
        let mut stream = TcpStream::connect(started().await).await.unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcPOST / HTT").await.unwrap();
        answer(&mut stream).await;
        stream.write_all(b"P/1.1\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        answer(&mut stream).await;
    }

    #[tokio::test]
    async fn a_framing_that_it_does_not_know_ends_the_connection() {
        let mut stream = TcpStream::connect(started().await).await.unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").await.unwrap();
        assert_eq!(stream.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    }
}
