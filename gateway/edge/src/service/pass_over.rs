//! The little body of a refused request, taken off the connection so that it can carry the next one.
//!
//! Who floods is told to come again, and comes: by a new connection if the old one is closed, which costs the gateway more
//! than the body did, and everybody else with it.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::EXPECT;
use http_body::Body;
use http_body_util::BodyExt as _;

/// The largest body that is taken: what comes in one read with its head.
const MOST: u64 = 16 * 1024;
/// How long it may take. What has not come by then is not worth the waiting.
const BRIEF: Duration = Duration::from_millis(50);

/// Whether the body is at its end, and the connection free for another request. A body of unknown length, a longer one, and one
/// that its sender holds back until he is told to go on (RFC 9110 §10.1.1) are left where they are.
pub(super) async fn pass_over<B>(mut body: B, headers: &HeaderMap) -> bool
where
    B: Body<Data = Bytes> + Unpin,
{
    let little = body.size_hint().exact().is_some_and(|bytes| bytes <= MOST);
    if !little || headers.contains_key(EXPECT) {
        return body.is_end_stream();
    }
    let passed = async {
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(BRIEF, passed).await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::HeaderValue;
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    use super::*;

    fn of(bytes: u64) -> Full<Bytes> {
        Full::new(Bytes::from(vec![b'x'; usize::try_from(bytes).unwrap()]))
    }

    #[tokio::test(start_paused = true)]
    async fn a_little_body_is_passed_over_and_no_other() {
        let none = HeaderMap::new();
        assert!(pass_over(of(0), &none).await);
        assert!(pass_over(of(MOST), &none).await);
        assert!(!pass_over(of(MOST + 1), &none).await, "too long");
        let expects = HeaderMap::from_iter([(EXPECT, HeaderValue::from_static("100-continue"))]);
        assert!(!pass_over(of(1), &expects).await, "it would be asked for");
        let unknown =
            StreamBody::new(futures_util::stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::new()))]));
        assert!(!pass_over(unknown, &none).await, "of unknown length");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_long() {
        struct Never;
        impl Body for Never {
            type Data = Bytes;
            type Error = Infallible;
            fn poll_frame(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
                std::task::Poll::Pending
            }
            fn size_hint(&self) -> http_body::SizeHint {
                http_body::SizeHint::with_exact(4)
            }
        }
        let began = tokio::time::Instant::now();
        assert!(!pass_over(Never, &HeaderMap::new()).await);
        assert_eq!(began.elapsed(), BRIEF);
    }
}
