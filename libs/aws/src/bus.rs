use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use pricestream_event_schema::Outgoing;
use pricestream_ports::{Bus, EntryFailure, PortError};

/// Entries of one call, at most.
const MOST_ENTRIES: usize = 10;

/// Bytes of one call, at most: the sum over its entries (EventBridge's `PutEvents`).
const MOST_BYTES: usize = 256 * 1024;

/// An EventBridge bus. What it answers with success may hold entries that it did not take; they are told one by one (R4).
#[derive(Clone, Debug)]
pub struct EventBridge {
    client: Client,
    bus: String,
}

impl EventBridge {
    /// The bus of that name.
    pub fn new(client: Client, bus: impl Into<String>) -> Self {
        Self { client, bus: bus.into() }
    }

    /// Opens the connection before the first event comes: by a call without entries, whatever is answered to it.
    pub async fn connect(&self) {
        let _refused = self.client.put_events().set_entries(Some(Vec::new())).send().await;
    }

    async fn put(&self, events: &[Outgoing], first: usize, failures: &mut Vec<EntryFailure>) -> Result<(), PortError> {
        let entry = |event: &Outgoing| {
            PutEventsRequestEntry::builder()
                .event_bus_name(&self.bus)
                .source(event.source())
                .detail_type(event.detail_type())
                .detail(event.detail())
                .resources(event.id())
                .build()
        };
        let call = self.client.put_events().set_entries(Some(events.iter().map(entry).collect()));
        let answer = call.send().await.map_err(|error| PortError::unavailable("bus", error.into_service_error()))?;
        if answer.failed_entry_count == 0 {
            return Ok(());
        }
        for (place, entry) in answer.entries().iter().enumerate() {
            if let Some(code) = entry.error_code() {
                failures.push(failure(first + place, code));
            }
        }
        Ok(())
    }
}

/// These pass; every other code is a defect of the entry (`PutEventsResultEntry` of the API reference).
fn failure(position: usize, code: &str) -> EntryFailure {
    let retryable = matches!(code, "InternalFailure" | "InternalException" | "ThrottlingException" | "ServiceUnavailable");
    EntryFailure { position, code: code.to_owned(), retryable }
}

/// Calls of at most [`MOST_ENTRIES`] and [`MOST_BYTES`], as ranges; an event that is larger by itself is in none.
fn calls(sizes: &[usize]) -> Vec<std::ops::Range<usize>> {
    let mut calls: Vec<std::ops::Range<usize>> = Vec::new();
    let mut bytes = 0;
    for (place, size) in sizes.iter().enumerate() {
        if *size > MOST_BYTES {
            continue;
        }
        match calls.last_mut() {
            Some(call) if call.end == place && call.len() < MOST_ENTRIES && bytes + size <= MOST_BYTES => {
                call.end += 1;
                bytes += size;
            }
            _ => {
                calls.push(place..place + 1);
                bytes = *size;
            }
        }
    }
    calls
}

/// What an entry counts: source, detail type, detail and resources.
fn size(event: &Outgoing) -> usize {
    event.source().len() + event.detail_type().len() + event.detail().len() + event.id().len()
}

impl Bus for EventBridge {
    async fn publish(&self, events: &[Outgoing]) -> Result<Vec<EntryFailure>, PortError> {
        let sizes: Vec<usize> = events.iter().map(size).collect();
        let too_large = |(position, size): (usize, &usize)| {
            (*size > MOST_BYTES).then(|| EntryFailure { position, code: "EntryTooLarge".to_owned(), retryable: false })
        };
        let mut failures: Vec<EntryFailure> = sizes.iter().enumerate().filter_map(too_large).collect();
        for call in calls(&sizes) {
            self.put(&events[call.clone()], call.start, &mut failures).await?;
        }
        Ok(failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_bounded_by_entries_and_bytes() {
        for (sizes, expected) in [
            (vec![], &[][..]),
            (vec![1; 10], &[(0, 10)]),
            (vec![1; 11], &[(0, 10), (10, 11)]),
            (vec![200_000, 62_144, 1], &[(0, 2), (2, 3)]),
            (vec![200_000, 62_145], &[(0, 1), (1, 2)]),
            (vec![1, MOST_BYTES + 1, 1], &[(0, 1), (2, 3)]),
        ] {
            let made: Vec<(usize, usize)> = calls(&sizes).into_iter().map(|call| (call.start, call.end)).collect();
            assert_eq!(made, expected, "{sizes:?}");
        }
    }

    #[test]
    fn throttled_entries_come_again_and_defects_do_not() {
        for (code, retryable) in [
            ("ThrottlingException", true),
            ("InternalFailure", true),
            ("MalformedDetail", false),
            ("NotAuthorizedForSourceException", false),
        ] {
            assert_eq!(failure(3, code), EntryFailure { position: 3, code: code.to_owned(), retryable });
        }
    }
}
