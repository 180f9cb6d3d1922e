use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep, sleep_until};

use super::hub::Subscription;

/// A connection that had nothing to say for so long gets a comment, so that nobody on the way closes it.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(15);

/// Least time between two frames of changes: the first of a burst goes out at once, the rest together.
pub(super) const PACE: Duration = Duration::from_millis(5);

/// The body of a stream: what it opens with, then changes as they come, all that came together in one frame.
pub(super) struct StreamBody {
    subscription: Subscription,
    opening: Option<Vec<u8>>,
    sent_at: Instant,
    timer: Pin<Box<Sleep>>,
}

impl StreamBody {
    /// `opening` goes out first, in one frame with the snapshot.
    pub(super) fn new(subscription: Subscription, opening: Vec<u8>) -> Self {
        let now = Instant::now();
        Self { subscription, opening: Some(opening), sent_at: now, timer: Box::pin(sleep_until(now)) }
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(mut frame) = self.opening.take() {
            self.subscription.fetch(&mut frame);
            self.sent_at = Instant::now();
            return Poll::Ready(Some(Ok(Frame::data(frame.into()))));
        }
        loop {
            let rung = self.subscription.bell().has_rung(context.waker());
            if rung && self.subscription.is_closed() {
                return Poll::Ready(None);
            }
            let due = self.sent_at + if rung { PACE } else { HEARTBEAT };
            if Instant::now() >= due {
                let mut frame = Vec::new();
                if rung {
                    self.subscription.fetch(&mut frame);
                    if frame.is_empty() {
                        continue;
                    }
                } else {
                    frame.extend_from_slice(b":\n\n");
                }
                self.sent_at = Instant::now();
                return Poll::Ready(Some(Ok(Frame::data(frame.into()))));
            }
            self.timer.as_mut().reset(due);
            if self.timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

/// When a client that lost its connection shall come back: one to five seconds, so that not all come at once.
pub(super) fn retry_ms() -> u64 {
    1_000 + RandomState::new().hash_one(()) % 4_000
}
