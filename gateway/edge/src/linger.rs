//! The bounded lingering close.
//!
//! A refusal is often sent while the client is still sending its body. Closing at once would make the kernel answer
//! the rest with a reset, which may destroy the refusal before the client has read it. So the write side is closed,
//! and what still comes is read and thrown away, for a while.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes that are read and thrown away at the most.
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// How long it may take at the most.
const MAX_TIME: Duration = Duration::from_secs(5);

/// Closes the write side; where `more_may_come`, then reads until the peer closes or a bound is reached.
pub(crate) async fn close<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, more_may_come: bool) {
    let drain = async {
        if stream.shutdown().await.is_err() || !more_may_come {
            return;
        }
        let mut scratch = vec![0u8; 16 * 1024];
        let mut read = 0;
        while read < MAX_BYTES {
            match stream.read(&mut scratch).await {
                Ok(0) | Err(_) => return,
                Ok(n) => read += n,
            }
        }
    };
    let _ = tokio::time::timeout(MAX_TIME, drain).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_still_sent_is_taken_before_the_stream_is_let_go() {
        let (server, mut client) = tokio::io::duplex(1024);
        let closing = tokio::spawn(close(server, true));
        // A thousand times what the pipe holds: it goes through only if somebody takes it.
        client.write_all(&vec![b'x'; 1 << 20]).await.unwrap();
        let mut end = [0u8; 1];
        assert_eq!(client.read(&mut end).await.unwrap(), 0, "the write side is closed at once");
        drop(client);
        closing.await.unwrap();
    }

    #[tokio::test]
    async fn nobody_is_waited_for_where_nothing_may_come() {
        let (server, client) = tokio::io::duplex(1024);
        close(server, false).await;
        drop(client);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_neither_sends_nor_closes_is_left_in_time() {
        let (server, client) = tokio::io::duplex(1024);
        let began = tokio::time::Instant::now();
        close(server, true).await;
        assert_eq!(began.elapsed(), MAX_TIME);
        drop(client);
    }

    #[tokio::test]
    async fn a_peer_that_never_ends_is_left_after_so_many_bytes() {
        let (server, mut client) = tokio::io::duplex(1 << 20);
        let closing = tokio::spawn(close(server, true));
        let block = vec![b'x'; 1 << 20];
        let mut sent = 0;
        while client.write_all(&block).await.is_ok() {
            sent += block.len();
            assert!(sent <= MAX_BYTES + (4 << 20), "it takes what is sent for ever");
        }
        closing.await.unwrap();
    }
}
