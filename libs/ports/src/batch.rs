use std::future::Future;

use pricestream_event_schema::{Body, DecodeError};

use crate::Failure;

/// Identifies a message within its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub u64);

/// One message as a queue hands it over: the body is read alone, so that a bad one harms no other (R8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// To acknowledge it by.
    pub id: MessageId,
    /// The whole event.
    pub body: Body,
    /// This delivery included.
    pub receive_count: u32,
}

/// A message that no retry helps, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Which message.
    pub id: MessageId,
    /// Why.
    pub reason: String,
}

/// How a batch ended: what is in neither list was handled, and may be acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchOutcome {
    /// To be delivered again (partial batch failure).
    pub retry: Vec<MessageId>,
    /// To be kept aside and acknowledged.
    pub quarantined: Vec<Quarantined>,
}

impl BatchOutcome {
    /// Notes how the handling of one message ended.
    pub fn note(&mut self, id: MessageId, failure: &Failure) {
        match failure {
            Failure::Retryable(_) => {
                tracing::warn!(error = failure as &dyn std::error::Error, "a message comes again");
                self.retry.push(id);
            }
            Failure::Poison(reason) => self.quarantined.push(Quarantined { id, reason: reason.clone() }),
        }
    }
}

/// Decodes and handles each message of a batch by itself: poison goes to quarantine, a failure stays alone (R8, R9).
pub async fn each_message<T, F: Future<Output = Result<(), Failure>>>(
    batch: &[Delivery],
    decode: impl Fn(&Body) -> Result<T, DecodeError>,
    mut handle: impl FnMut(T) -> F,
) -> BatchOutcome {
    let mut outcome = BatchOutcome::default();
    for delivery in batch {
        let result = match decode(&delivery.body) {
            Ok(message) => handle(message).await,
            Err(error) => Err(Failure::Poison(error.to_string())),
        };
        if let Err(failure) = result {
            outcome.note(delivery.id, &failure);
        }
    }
    outcome
}
