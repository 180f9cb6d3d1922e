use std::future::Future;

use pricestream_event_schema::Outgoing;

use crate::{Failure, PortError};

/// One entry that the bus did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryFailure {
    /// Its position in what was published.
    pub position: usize,
    /// The bus's own code, such as `ThrottlingException`.
    pub code: String,
    /// The bus may take it later; otherwise it is a defect of the entry.
    pub retryable: bool,
}

/// Routes events to the queues of whoever subscribes.
pub trait Bus: Send + Sync {
    /// Offers `events`. `Ok` lists the entries that were not taken: an answer of success may hold failures (R4).
    fn publish(&self, events: &[Outgoing]) -> impl Future<Output = Result<Vec<EntryFailure>, PortError>> + Send;
}

/// Attempts at what the bus refused for now, before the message that caused it is left to its queue's redelivery.
const ATTEMPTS: usize = 3;

/// Publishes every event, offering again only the entries that were not taken (R4).
///
/// Errors: retryable when the bus still refuses for now; poison when an entry can never be taken.
pub async fn publish_all(bus: &impl Bus, mut events: Vec<Outgoing>) -> Result<(), Failure> {
    for attempt in 1..=ATTEMPTS {
        let failed = bus.publish(&events).await?;
        if failed.is_empty() {
            return Ok(());
        }
        if let Some(defect) = failed.iter().find(|entry| !entry.retryable) {
            return Err(Failure::Poison(format!("the bus refuses an entry for good: {}", defect.code)));
        }
        if attempt == ATTEMPTS {
            let codes: Vec<&str> = failed.iter().map(|entry| entry.code.as_str()).collect();
            return Err(PortError::unavailable("bus", format!("{} entries refused: {}", codes.len(), codes.join(", "))).into());
        }
        let mut position = 0;
        events.retain(|_| {
            position += 1;
            failed.iter().any(|entry| entry.position == position - 1)
        });
    }
    Ok(())
}
