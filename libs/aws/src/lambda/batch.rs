//! Batches of a queue: each message is read alone, and fails alone.

use aws_sdk_sqs::Client;
use lambda_runtime::Error;
use pricestream_ports::{BatchOutcome, Delivery, MessageId, PortError};
use serde_json::{Value, json};

use super::Function;
use crate::{connect_queue, quarantine};

/// What a batch may be answered with: the identifiers of the messages that are to come again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer(pub(super) Vec<String>);

impl Answer {
    pub(super) fn json(&self) -> Value {
        let failures: Vec<Value> = self.0.iter().map(|id| json!({ "itemIdentifier": id })).collect();
        json!({ "batchItemFailures": failures })
    }
}

/// Where what no retry helps is kept.
#[derive(Clone, Debug)]
pub struct Aside {
    client: Client,
    url: String,
}

impl Aside {
    /// In the queue of that URL.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// Opens the connection before the first event comes.
    pub async fn connect(&self) {
        connect_queue(&self.client, &self.url).await;
    }

    pub(super) async fn keep(&self, queue: &str, body: &str, reason: &str, receive_count: u32) -> Result<(), PortError> {
        tracing::warn!(queue, reason, "a message is kept aside: no retry helps it");
        quarantine(&self.client, &self.url, queue, body, reason, receive_count).await
    }
}

/// A batch as it came.
#[derive(Debug, Default)]
pub(super) struct Messages {
    pub(super) deliveries: Vec<Delivery>,
    /// By the places of the deliveries.
    pub(super) ids: Vec<String>,
    /// What is no message at all: nobody could name it in an answer.
    pub(super) unreadable: Vec<String>,
}

/// The records of an event. Errors: it is no batch.
pub(super) fn records(event: Value) -> Result<Vec<Value>, Error> {
    match event {
        Value::Object(mut event) => match event.remove("Records") {
            Some(Value::Array(records)) => Ok(records),
            _ => Err("the event has no `Records`: this function takes batches".into()),
        },
        _ => Err("the event is no object: this function takes batches".into()),
    }
}

/// Reads each record alone.
pub(super) fn messages(records: Vec<Value>) -> Messages {
    let mut read = Messages::default();
    for record in records {
        let text = |name: &str| record.get(name).and_then(Value::as_str);
        let Some(id) = text("messageId").filter(|id| !id.is_empty()).map(str::to_owned) else {
            read.unreadable.push(record.to_string());
            continue;
        };
        let count = record.pointer("/attributes/ApproximateReceiveCount").and_then(Value::as_str);
        // A message without a body is poison like any other that cannot be read.
        let body = text("body").unwrap_or_default();
        let place = read.ids.len() as u64;
        read.deliveries.push(Delivery {
            id: MessageId(place),
            body: body.to_owned().into(),
            receive_count: count.and_then(|count| count.parse().ok()).unwrap_or(1),
        });
        read.ids.push(id);
    }
    read
}

/// Keeps aside what no retry helps, and names what is to come again; what cannot be kept aside now does too.
async fn settle(queue: &str, aside: &Aside, messages: &Messages, outcome: BatchOutcome) -> Answer {
    let place = |id: MessageId| usize::try_from(id.0).unwrap_or(usize::MAX);
    let mut retry: Vec<MessageId> = outcome.retry;
    for poison in outcome.quarantined {
        let Some(delivery) = messages.deliveries.get(place(poison.id)) else { continue };
        let kept = aside.keep(queue, delivery.body.text(), &poison.reason, delivery.receive_count).await;
        if let Err(error) = kept {
            tracing::error!(error = &error as &dyn std::error::Error, "it could not be kept aside, and comes again");
            retry.push(poison.id);
        }
    }
    retry.sort_unstable();
    retry.dedup();
    Answer(retry.into_iter().filter_map(|id| messages.ids.get(place(id)).cloned()).collect())
}

/// One batch of a queue.
pub(super) async fn handle_batch(
    queue: &str,
    aside: &Aside,
    records: Vec<Value>,
    handle: &impl AsyncFn(Vec<Delivery>) -> BatchOutcome,
) -> Result<Answer, Error> {
    let messages = messages(records);
    for record in &messages.unreadable {
        aside.keep(queue, record, "it is no message", 1).await?;
    }
    let outcome =
        if messages.deliveries.is_empty() { BatchOutcome::default() } else { handle(messages.deliveries.clone()).await };
    Ok(settle(queue, aside, &messages, outcome).await)
}

/// Runs a function that a queue feeds.
pub async fn run_batches(
    function: Function,
    aside: Aside,
    handle: impl AsyncFn(Vec<Delivery>) -> BatchOutcome + 'static,
) -> Result<(), Error> {
    let service = function.service;
    function.run(async move |event| Ok(handle_batch(service, &aside, records(event)?, &handle).await?.json())).await
}

#[cfg(test)]
mod tests {
    use pricestream_ports::Quarantined;

    use super::*;
    use crate::lambda::nowhere;

    #[test]
    fn each_record_is_read_alone() {
        let read = messages(vec![
            json!({ "messageId": "a", "body": "{}", "attributes": { "ApproximateReceiveCount": "3" } }),
            json!({ "messageId": "b" }),
            json!({ "messageId": "", "body": "x" }),
            json!(7),
        ]);
        let told: Vec<(u64, &str, u32)> =
            read.deliveries.iter().map(|delivery| (delivery.id.0, delivery.body.text(), delivery.receive_count)).collect();
        assert_eq!(told, [(0, "{}", 3), (1, "", 1)]);
        assert_eq!(read.ids, ["a", "b"]);
        assert_eq!(read.unreadable, [r#"{"body":"x","messageId":""}"#, "7"]);
    }

    #[test]
    fn what_is_no_batch_is_an_error_and_no_panic() {
        for event in [json!(null), json!([]), json!({}), json!({ "Records": null }), json!("x")] {
            assert!(records(event).is_err());
        }
        assert!(records(json!({ "Records": [] })).unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_failed_and_what_cannot_be_kept_aside_come_again() {
        let aside = Aside::new(nowhere(), "http://127.0.0.1:1/none");
        let record = |id: &str| json!({ "messageId": id, "body": id });
        let answer = handle_batch("queue", &aside, vec![record("a"), record("b"), record("c")], &async |batch: Vec<Delivery>| {
            let poison = Quarantined { id: batch[2].id, reason: "unreadable".to_owned() };
            BatchOutcome { retry: vec![batch[0].id], quarantined: vec![poison] }
        });
        let answer = answer.await.unwrap();
        assert_eq!(answer.json(), json!({ "batchItemFailures": [{ "itemIdentifier": "a" }, { "itemIdentifier": "c" }] }));
    }
}
