//! Batches of a table's stream: new images of price records, in the order of their writing.

use lambda_runtime::Error;
use pricestream_ports::{BatchOutcome, Delivery, Failure, PriceRecord};
use serde::Deserialize;
use serde_json::Value;

use super::Function;
use super::batch::{Answer, Aside, handle_batch, records};

/// Where the records of a stream come from (`eventSource`).
const STREAM: &str = "aws:dynamodb";

/// Runs a function that a queue and the stream of price records feed; they are told apart by where a record says it comes from.
pub async fn run_batches_and_images(
    function: Function,
    aside: Aside,
    handle: impl AsyncFn(Vec<Delivery>) -> BatchOutcome + 'static,
    images: impl AsyncFn(Vec<PriceRecord>) -> Vec<(usize, Failure)> + 'static,
) -> Result<(), Error> {
    let service = function.service;
    let one = async move |event: Value| {
        let records = records(event)?;
        let source = records.first().and_then(|record| record.get("eventSource")).and_then(Value::as_str);
        let answer = match source {
            Some(STREAM) => handle_images(&format!("{service}/stream"), &aside, &records, &images).await?,
            _ => handle_batch(service, &aside, records, &handle).await?,
        };
        Ok(answer.json())
    };
    function.run(one).await
}

/// The image of a record; `None`: it was removed, which no price record is.
fn image(record: &Value) -> Option<Result<PriceRecord, String>> {
    let image = record.pointer("/dynamodb/NewImage")?;
    let read = serde_dynamo::Item::deserialize(image).map_err(|error| error.to_string());
    Some(read.and_then(|item| serde_dynamo::from_item(item).map_err(|error| error.to_string())))
}

/// What can be read is handled; the stream goes on at the first that failed. What cannot be read is kept aside: it would hold
/// up its whole shard.
async fn handle_images(
    queue: &str,
    aside: &Aside,
    records: &[Value],
    handle: &impl AsyncFn(Vec<PriceRecord>) -> Vec<(usize, Failure)>,
) -> Result<Answer, Error> {
    let number = |record: &Value| record.pointer("/dynamodb/SequenceNumber").and_then(Value::as_str).map(str::to_owned);
    let (mut places, mut images, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (place, record) in records.iter().enumerate() {
        match image(record) {
            Some(Ok(image)) => {
                places.push(place);
                images.push(image);
            }
            Some(Err(why)) => {
                failed.extend(aside.keep(queue, &record.to_string(), &why, 1).await.err().map(|_| place));
            }
            None => {}
        }
    }
    let failures = if images.is_empty() { Vec::new() } else { handle(images).await };
    for (image, failure) in failures {
        let place = places[image];
        match failure {
            Failure::Poison(why) => {
                if aside.keep(queue, &records[place].to_string(), &why, 1).await.is_err() {
                    failed.push(place);
                }
            }
            failure @ Failure::Retryable(_) => {
                tracing::error!(error = &failure as &dyn std::error::Error, "an image comes again");
                failed.push(place);
            }
        }
    }
    let Some(first) = failed.into_iter().min() else { return Ok(Answer::default()) };
    let number = number(&records[first]).ok_or("a record of the stream has no number: all of the batch comes again")?;
    Ok(Answer(vec![number]))
}

#[cfg(test)]
mod tests {
    use pricestream_ports::PortError;
    use serde_json::json;

    use super::*;
    use crate::lambda::nowhere;

    fn record(number: &str, image: &Value) -> Value {
        json!({ "eventSource": STREAM, "dynamodb": { "SequenceNumber": number, "NewImage": image } })
    }

    #[test]
    fn an_image_is_read_from_the_events_own_form() {
        let image = super::image(&record("1", &written())).unwrap().unwrap();
        assert_eq!((image.sku.as_str(), image.price_version.0), ("A-1", 18_446_744_073_709_551_615));
        assert!(super::image(&json!({ "dynamodb": { "Keys": {} } })).is_none());
        for unreadable in [json!({ "sku": { "S": "A-1" } }), json!({ "sku": "A-1" }), json!([])] {
            assert!(super::image(&record("1", &unreadable)).unwrap().is_err());
        }
    }

    #[tokio::test]
    async fn the_stream_goes_on_at_the_first_that_failed() {
        let aside = Aside::new(nowhere(), "http://127.0.0.1:1/none");
        let records: Vec<Value> = ["1", "2", "3"].iter().map(|number| record(number, &written())).collect();
        let fail_after_first = async |images: Vec<PriceRecord>| {
            (1..images.len()).map(|place| (place, PortError::unavailable("cache", "gone").into())).collect()
        };
        let answer = handle_images("queue", &aside, &records, &fail_after_first).await.unwrap();
        assert_eq!(answer, Answer(vec!["2".to_owned()]));
        let fine = async |_: Vec<PriceRecord>| Vec::new();
        assert_eq!(handle_images("queue", &aside, &records, &fine).await.unwrap(), Answer::default());
    }

    /// A record as the stream tells it.
    fn written() -> Value {
        let record = json!({
            "sku": "A-1", "record_rev": 3, "price_version": u64::MAX, "standing": null, "list_price": null,
            "seen": {
                "stock_version": 1, "policy": null, "mode": "run", "override_": null,
                "product": pricestream_documents::ContentHash::of(b"x").to_string(),
            },
            "settings_rev": 1, "decided_at": "2026-11-22T08:00:00Z", "cause": "stock", "shadow_price": null, "refusal": null,
            "next_due": null, "stock_committed_at": null,
        });
        let record: PriceRecord = serde_json::from_value(record).unwrap();
        let item: serde_dynamo::Item = serde_dynamo::to_item(record).unwrap();
        serde_json::to_value(item).unwrap()
    }
}
