//! A body as it arrives over a socket: its sender's silence and slowness, measured.
//!
//! Only time in which the gateway waits for the sender counts. While the gateway itself holds back, because a disk or
//! an upstream is slow, nobody asks for the next bytes and no time passes here.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout};

use super::{BadDigest, BodyError, Promised, classify};

/// How slowly a body may come, on the average of a window of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeastRate {
    /// Bytes for each second.
    pub bytes_per_second: u64,
    /// How long is looked at; a body that is shorter is never too slow.
    pub window: Duration,
}

impl Default for LeastRate {
    /// 1 KiB/s over 30 s: a thousandth of a slow line, and a hundred times what a drip attack sends.
    fn default() -> Self {
        Self { bytes_per_second: 1024, window: Duration::from_secs(30) }
    }
}

impl LeastRate {
    /// Bytes that a window must bring.
    fn due(&self) -> u64 {
        let millis = u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX);
        self.bytes_per_second.saturating_mul(millis) / 1_000
    }
}

/// A body whose frames are waited for with patience, but not for ever.
pub(crate) struct Arrival<B> {
    body: B,
    idle: Duration,
    least: LeastRate,
    /// What is left of the window.
    left: Duration,
    /// Bytes in this window.
    came: u64,
    /// Bytes since its beginning.
    all: u64,
    /// What the trailers promise.
    trailing: Promised,
}

impl<B> Arrival<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    /// `idle` is how long nothing may come.
    pub(crate) fn new(body: B, idle: Duration, least: LeastRate) -> Self {
        Self { body, idle, least, left: least.window, came: 0, all: 0, trailing: Promised::default() }
    }

    /// The digests among the trailers, known at the body's end. All other trailers are passed over; how many there may be, the framing
    /// filter says.
    pub(crate) fn trailing(&mut self) -> Promised {
        std::mem::take(&mut self.trailing)
    }

    /// The next bytes; `None` at the body's end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        let mut patience = self.idle;
        loop {
            let (began, wait) = (Instant::now(), patience.min(self.left));
            let waited = timeout(wait, self.body.frame()).await;
            // A machine that stalls takes its own time, not the sender's.
            let took = if waited.is_err() { wait } else { began.elapsed().min(wait) };
            patience = patience.saturating_sub(took);
            self.left = self.left.saturating_sub(took);
            let data = match waited {
                Err(_) if patience.is_zero() => return Err(BodyError::Idle(self.idle)),
                Err(_) => None,
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => return Err(classify(&error, self.all)),
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => Some(data),
                    Err(frame) => {
                        if let Ok(trailers) = frame.into_trailers() {
                            let trailing = Promised::read(&trailers);
                            self.trailing = trailing.map_err(|BadDigest| BodyError::BadDigest)?;
                        }
                        None
                    }
                },
            };
            let fresh = data.as_ref().map_or(0, |data| data.len() as u64);
            self.came += fresh;
            self.all += fresh;
            if self.left.is_zero() {
                self.judge()?;
            }
            if data.is_some() {
                return Ok(data);
            }
        }
    }

    /// Ends a window and begins the next.
    fn judge(&mut self) -> Result<(), BodyError> {
        if self.came < self.least.due() {
            return Err(BodyError::TooSlow { least: self.least.bytes_per_second, window: self.least.window });
        }
        (self.left, self.came) = (self.least.window, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream::{self, StreamExt as _};
    use http_body::Frame;
    use http_body_util::StreamBody;
    use tokio::time::sleep;

    use super::*;

    const LEAST: LeastRate = LeastRate { bytes_per_second: 100, window: Duration::from_secs(10) };
    const IDLE: Duration = Duration::from_secs(60);

    /// A body of pieces of so many bytes, one after each pause.
    fn dripping(
        bytes: usize,
        pause: Duration,
        pieces: usize,
    ) -> impl http_body::Body<Data = Bytes, Error = Infallible> + Unpin {
        let pieces = stream::iter(0..pieces).then(move |_| async move {
            sleep(pause).await;
            Ok(Frame::data(Bytes::from(vec![b'x'; bytes])))
        });
        StreamBody::new(Box::pin(pieces))
    }

    async fn read(
        mut arrival: Arrival<impl http_body::Body<Data = Bytes, Error = Infallible> + Unpin>,
    ) -> Result<usize, BodyError> {
        let mut length = 0;
        while let Some(data) = arrival.next().await? {
            length += data.len();
        }
        Ok(length)
    }

    #[tokio::test(start_paused = true)]
    async fn who_drips_is_given_up_at_the_end_of_a_window() {
        let too_slow = BodyError::TooSlow { least: 100, window: LEAST.window };
        let second = Duration::from_secs(1);
        for (bytes, pause, pieces, found) in [
            (100, second, 100, Ok(10_000)),
            (99, second, 100, Err(too_slow)),
            (1, second, 9, Ok(9)),
            (1, second, 11, Err(too_slow)),
            (3_000, 25 * second, 5, Err(too_slow)),
            // What a window brings too much is not lent to the next.
            (100_000, 15 * second, 3, Err(too_slow)),
        ] {
            let began = Instant::now();
            let read = read(Arrival::new(dripping(bytes, pause, pieces), IDLE, LEAST)).await;
            assert_eq!(read, found, "{bytes} bytes every {pause:?}");
            let windows = began.elapsed().as_secs_f64() / LEAST.window.as_secs_f64();
            assert!(read.is_ok() || windows <= 3.0, "{bytes} bytes every {pause:?} took {windows} windows");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_told_from_slowness() {
        let patient = LeastRate { bytes_per_second: 1, window: Duration::from_secs(1_000) };
        let arrival = Arrival::new(dripping(1, Duration::from_secs(61), 1), IDLE, patient);
        assert_eq!(read(arrival).await, Err(BodyError::Idle(IDLE)));
        let arrival = Arrival::new(dripping(1, Duration::from_secs(59), 10), IDLE, patient);
        assert_eq!(read(arrival).await, Ok(10));
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_gateway_holds_back_no_time_passes() {
        let mut arrival = Arrival::new(dripping(200, Duration::from_secs(1), 100), IDLE, LEAST);
        let mut length = 0;
        while let Some(data) = arrival.next().await.unwrap() {
            length += data.len();
            // A hundred windows, none of them the sender's.
            sleep(LEAST.window * 100).await;
        }
        assert_eq!(length, 20_000);
    }
}
