//! What queues do to messages: they bring bad ones, the same one twice, and an older one after a newer.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sqs::types::{Message, SendMessageBatchRequestEntry};
use jiff::Timestamp;
use pricestream_domain::{Cause, Money, PriceVersion, RecordRev, Sku, SourceSeq, StockVersion};
use pricestream_e2e::Fault;
use pricestream_event_schema::{Event, Outgoing, PriceChangedV1, StockChangedV1, TraceContext, encode};
use serde_json::json;

use crate::support::{Cloud, LIST, SCARCE, until};

fn outgoing(event: &impl Event) -> Outgoing {
    encode(event, &TraceContext::root(&event.id()))
}

fn stock_changed(sku: &str, version: u64, on_hand: u64) -> Outgoing {
    let now = Timestamp::now();
    outgoing(&StockChangedV1 {
        sku: Sku::new(sku).expect("it is a SKU"),
        stock_version: StockVersion(version),
        on_hand,
        quantity: None,
        cause: None,
        origin: "default".to_owned(),
        source_seq: SourceSeq(version),
        unit_price: None,
        occurred_at: now,
        committed_at: now,
    })
}

fn price_changed(sku: &str, version: u64, minor: i64) -> Outgoing {
    let now = Timestamp::now();
    let price = Some(Money { minor, currency: "EUR".parse().expect("it is a currency") });
    outgoing(&PriceChangedV1 {
        sku: Sku::new(sku).expect("it is a SKU"),
        price,
        list_price: price,
        price_version: PriceVersion(version),
        record_rev: RecordRev(version),
        stock_version: StockVersion(1),
        since: now,
        lane: None,
        decided_at: now,
        cause: Cause::Stock,
        next_due: None,
        stock_committed_at: None,
    })
}

/// What is sent to the bus, as whoever wants to harm would send it.
fn publish(cloud: &Cloud, events: &[Outgoing]) {
    let entry = |event: &Outgoing| {
        PutEventsRequestEntry::builder()
            .event_bus_name(&cloud.outputs().bus_name)
            .source(event.source())
            .detail_type(event.detail_type())
            .detail(event.detail())
            .build()
    };
    let bus = aws_sdk_eventbridge::Client::new(cloud.config());
    let call = bus.put_events().set_entries(Some(events.iter().map(entry).collect()));
    assert_eq!(cloud.wait(call.send()).expect("the bus takes events").failed_entry_count, 0);
}

/// Takes the message with this text out of a queue, whatever else is there.
fn take(cloud: &Cloud, url: &str, text: &str) -> Option<Message> {
    let sqs = cloud.sqs();
    let call =
        sqs.receive_message().queue_url(url).max_number_of_messages(10).visibility_timeout(1).message_attribute_names("All");
    let found = cloud.wait(call.send()).expect("the queue can be read").messages.unwrap_or_default();
    let found = found.into_iter().find(|message| message.body().is_some_and(|body| body.contains(text)))?;
    let handle = found.receipt_handle().unwrap_or_default();
    cloud.wait(sqs.delete_message().queue_url(url).receipt_handle(handle).send()).expect("a message can be deleted");
    Some(found)
}

#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn a_poison_message_among_nine_good_ones_is_set_aside_with_its_reason_and_the_nine_are_priced() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let skus = cloud.new_items("poison", 9);
    let prefix = skus[0].trim_end_matches("-0");
    // The records move, and nobody hears of it: the bus turns every announcement away.
    {
        let _deaf = cloud.fault(&["PutEvents"], prefix, None, Fault::Throttle);
        for sku in &skus {
            let (status, answer) = cloud.stock(sku, 2, 9);
            assert_ne!(status, 200, "a change that could not be announced is not acknowledged: {answer}");
        }
    }
    let poison = format!("{{\"detail-type\":\"StockChanged.v1\",\"detail\":\"{prefix}\"");
    let mut bodies: Vec<String> = skus.iter().map(|sku| stock_changed(sku, 2, 9).body().to_owned()).collect();
    bodies.insert(4, poison.clone());
    let entry = |(place, body): (usize, String)| {
        SendMessageBatchRequestEntry::builder().id(place.to_string()).message_body(body).build().expect("it is whole")
    };
    let queue = cloud.queue("pricing-calculator");
    let call = cloud.sqs().send_message_batch().queue_url(queue);
    let sent = cloud.wait(call.set_entries(Some(bodies.into_iter().enumerate().map(entry).collect())).send());
    assert_eq!(sent.expect("the queue takes messages").failed(), []);

    for sku in &skus {
        cloud.until_priced(sku, SCARCE);
        assert_eq!(cloud.history(sku)[0]["cause"], "stock", "by its message, and not by the reconciler");
    }
    let quarantine = &cloud.outputs().dead_letter_queues["quarantine"];
    let found = until("the poison is in quarantine", || take(&cloud, quarantine, prefix));
    assert_eq!(found.body(), Some(poison.as_str()));
    let attributes = found.message_attributes.unwrap_or_default();
    let attribute = |name: &str| attributes[name].string_value().unwrap_or_default();
    assert_eq!(attribute("queue"), "pricing-calculator");
    assert!(attribute("reason").len() > 10, "{:?}", attribute("reason"));
    cloud.until_quiet();
    assert_eq!(cloud.depth(&cloud.outputs().dead_letter_queues["pricing-calculator"]), 0);
}

#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn a_message_that_keeps_failing_becomes_a_dead_letter_and_is_redriven_when_the_fault_is_mended() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let sku = cloud.new_items("redrive", 1).remove(0);
    let dead = &cloud.outputs().dead_letter_queues["pricing-calculator"];
    let before = cloud.depth(dead);
    {
        let _impatient = cloud.impatient("pricing-calculator");
        let _broken = cloud.fault(&["TransactWriteItems"], &sku, None, Fault::Throttle);
        cloud.stock_applied(&sku, 2, 9);
        until("the message is a dead letter", || (cloud.depth(dead) > before).then_some(()));
    }
    assert_eq!(cloud.price(&sku).map(|price| price.minor), Some(LIST));
    // An administrator looks at what is there, and puts it back.
    let letter = until("the dead letter is listed", || {
        let (status, answer) = cloud.ask("GET", "/v1/admin/dead-letters?limit=500", "");
        assert_eq!(status, 200, "{answer}");
        let letters = answer["dead_letters"].as_array()?.clone();
        letters.into_iter().find(|letter| letter["body"].as_str().is_some_and(|body| body.contains(&sku)))
    });
    assert_eq!(letter["queue"], json!("pricing-calculator"), "{letter}");
    let (status, answer) = cloud.ask("POST", &format!("/v1/admin/dead-letters/{}/redrive", letter["id"]), "{}");
    assert_eq!(status, 200, "{answer}");
    cloud.until_priced(&sku, SCARCE);
    until("the dead letter is gone", || (cloud.depth(dead) == before).then_some(()));
}

#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn duplicate_and_reordered_events_change_nothing() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let sku = cloud.new_items("reorder", 1).remove(0);
    cloud.stock_applied(&sku, 2, 9);
    let price = cloud.until_priced(&sku, SCARCE);
    cloud.until_quiet();
    let decisions = cloud.history(&sku).len();

    // The newest twice in one call, the oldest after it, and all of it again.
    let (newer, older) = (stock_changed(&sku, 2, 9), stock_changed(&sku, 1, 100));
    publish(&cloud, &[newer.clone(), newer.clone(), older.clone()]);
    publish(&cloud, &[older, newer]);
    // The price that was before, after the one that is: straight to the cache's writer.
    publish(&cloud, &[price_changed(&sku, price.version - 1, LIST), price_changed(&sku, price.version, SCARCE)]);
    cloud.until_quiet();
    assert_eq!(cloud.price(&sku), Some(price));
    assert_eq!(cloud.valkey().price(&sku), Some((price.minor, price.version)));
    assert_eq!(cloud.history(&sku).len(), decisions, "an event that says what is known makes no decision");
}
