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
