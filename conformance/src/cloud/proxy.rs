//! An HTTP proxy whose every tunnel leads to this cloud, whatever host is asked for: the way in for clients that know
//! the cloud by its public name only.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest head of a request for a tunnel, in bytes.
const LONGEST_HEAD: usize = 8 * 1024;

/// Reads a request for a tunnel (RFC 9110 section 9.3.6) and grants it: what follows is for the cloud itself.
///
/// # Errors
/// It was no CONNECT, too long, or broke off.
pub(super) async fn open_tunnel(stream: &mut TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    // Byte by byte: nothing behind the head may be taken away from the cloud.
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
        if head.len() > LONGEST_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    if !head.starts_with(b"CONNECT ") {
        stream
            .write_all(b"HTTP/1.1 405 Method Not Allowed\r\nAllow: CONNECT\r\nContent-Length: 0\r\n\r\n")
            .await?;
        return Err(io::ErrorKind::Unsupported.into());
    }
    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await
}
