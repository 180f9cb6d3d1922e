//! What happens when all is well.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Cloud, LIST, SCARCE, stock_line, until};

#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn a_stock_change_comes_in_and_its_price_goes_out() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let sku = cloud.new_items("flow", 1).remove(0);
    let before = cloud.price(&sku).expect("it has a price");
    let change = stock_line(&sku, 2, 9);
    let (status, answer) = cloud.ask("POST", "/v1/stock-changes", &change);
    assert_eq!((status, answer["result"].as_str()), (200, Some("applied")), "{answer}");
    let after = cloud.until_priced(&sku, SCARCE);
    assert!(after.version > before.version, "{before:?} {after:?}");
    // The same again, and an older one, change nothing.
    for (line, expected) in [(change, "repeated"), (stock_line(&sku, 1, 100), "stale")] {
        let (status, answer) = cloud.ask("POST", "/v1/stock-changes", &line);
        assert_eq!((status, answer["result"].as_str()), (200, Some(expected)), "{answer}");
    }
    cloud.until_quiet();
    assert_eq!(cloud.price(&sku), Some(after));
    let newest = cloud.history(&sku).remove(0);
    assert_eq!((&newest["price"]["minor"], newest["cause"].as_str()), (&json!(SCARCE), Some("stock")), "{newest}");
    // What shoppers see is what the cache holds.
    assert_eq!(cloud.valkey().price(&sku), Some((after.minor, after.version)));
}

/// From the moment at which the shop's system sends a change until the price API shows its price.
#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn prices_are_fresh_within_moments() {
    const ITEMS: usize = 10;
    const ROUNDS: u64 = 10;
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let skus = cloud.new_items("fresh", ITEMS);
    let (mut from_sending, mut from_answer) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (on_hand, expected) = if round % 2 == 0 { (9, SCARCE) } else { (100, LIST) };
        for sku in &skus {
            let sent = Instant::now();
            cloud.stock_applied(sku, round + 2, on_hand);
            let answered = Instant::now();
            cloud.until_priced(sku, expected);
            from_sending.push(sent.elapsed());
            from_answer.push(answered.elapsed());
        }
    }
    for (what, times) in [("sent", &mut from_sending), ("answered", &mut from_answer)] {
        times.sort_unstable();
        let at = |share: usize| times[(times.len() - 1) * share / 100];
        println!(
            "freshness of {} changes, from the change {what} to its price read over HTTP: p50 {:.0?}, p99 {:.0?}, max {:.0?}",
            times.len(),
            at(50),
            at(99),
            at(100)
        );
    }
    // Generous: it is no benchmark. An emulator that delays each answer by an acknowledgement would show here.
    assert!(from_sending[from_sending.len() / 2] < Duration::from_secs(3), "{from_sending:?}");
}

#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn a_shortage_is_told_once_to_whoever_subscribed() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let sqs = cloud.sqs();
    let name = Cloud::new_sku("alerts");
    let made = cloud.wait(sqs.create_queue().queue_name(&name).send()).expect("a queue can be made");
    let url = made.queue_url.expect("it has a URL");
    let sns = aws_sdk_sns::Client::new(cloud.config());
    let arn = cloud.outputs().alert_topic_arn.replace(":sns:", ":sqs:");
    let arn = format!("{}:{name}", arn.rsplit_once(':').expect("an ARN has parts").0);
    let subscription = sns.subscribe().topic_arn(&cloud.outputs().alert_topic_arn).protocol("sqs").endpoint(arn);
    let subscribed = cloud.wait(subscription.return_subscription_arn(true).send()).expect("a queue can subscribe");

    let sku = cloud.new_items("alert", 1).remove(0);
    cloud.stock_applied(&sku, 2, 4);
    let mut told = Vec::new();
    let mut receive = || {
        let call = sqs.receive_message().queue_url(&url).max_number_of_messages(10);
        let found = cloud.wait(call.send()).expect("the queue can be read").messages.unwrap_or_default();
        for message in found {
            // On a slow machine one that was received is visible again by now.
            let handle = message.receipt_handle.unwrap_or_default();
            cloud.wait(sqs.delete_message().queue_url(&url).receipt_handle(handle).send()).expect("a message can be deleted");
            told.extend(message.body);
        }
        told.clone()
    };
    let first = until("somebody is told", || receive().into_iter().next());
    // From SNS without raw delivery it comes in an envelope.
    let envelope: Value = serde_json::from_str(&first).expect("a notification is JSON");
    let alert: Value = serde_json::from_str(envelope["Message"].as_str().unwrap_or(&first)).expect("an alert is JSON");
    assert_eq!((alert["sku"].as_str(), alert["on_hand"].as_u64()), (Some(sku.as_str()), Some(4)), "{alert}");
    // One alert for one shortage: falling further is the same one.
    cloud.stock_applied(&sku, 3, 2);
    cloud.stock_applied(&sku, 4, 0);
    cloud.until_quiet();
    assert_eq!(receive().len(), 1);
    // Enough of it, and short again: another.
    cloud.stock_applied(&sku, 5, 50);
    cloud.until_quiet();
    cloud.stock_applied(&sku, 6, 3);
    until("somebody is told of the next shortage", || (receive().len() == 2).then_some(()));
    let (status, alerts) = cloud.ask("GET", "/v1/admin/alerts", "");
    assert_eq!(status, 200, "{alerts}");
    assert!(alerts.to_string().contains(&sku), "{alerts}");

    cloud.wait(sns.unsubscribe().set_subscription_arn(subscribed.subscription_arn).send()).expect("it can unsubscribe");
    cloud.wait(sqs.delete_queue().queue_url(&url).send()).expect("a queue can be deleted");
}
