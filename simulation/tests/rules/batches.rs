//! R8: each message of a batch stands for itself. R11: what waits loses nothing by it. R12: one SKU, one write.

use std::time::Duration;

use pricestream_ports::BatchOutcome;

use crate::shop::{ALERTING, CACHING, PRICING, Shop, change, sku};

const TEN: [&str; 10] = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"];

/// Ten messages in `queue`, one for each SKU.
fn ten_messages_in(queue: &str) -> Shop {
    let shop = Shop::with(&TEN);
    for name in TEN {
        shop.take(&change(name, 1, 4)).unwrap();
    }
    if queue == CACHING {
        shop.deliver(PRICING);
    }
    assert_eq!(shop.waiting(queue), TEN.len());
    shop
}

/// How many SKUs `queue`'s subscriber is done with.
fn done(shop: &Shop, queue: &str) -> usize {
    let tables = shop.memory.tables();
    match queue {
        PRICING => tables.prices.len(),
        CACHING => tables.cache_writes.len(),
        _ => tables.alerts.len(),
    }
}

#[test]
fn r8_one_bad_body_among_nine_good_costs_only_itself() {
    for queue in [PRICING, CACHING, ALERTING] {
        for position in [0, 4, 9] {
            for spoil in SPOILT {
                let shop = ten_messages_in(queue);
                let mut batch = shop.memory.receive(queue, 10);
                let spoilt = spoil(batch[position].body.text());
                batch[position].body = spoilt.as_str().into();
                let outcome = shop.handle(queue, &batch);
                shop.memory.finish(queue, &batch, &outcome);
                assert_eq!(outcome.retry, [], "{queue}: {spoilt:.60}");
                let [aside] = &outcome.quarantined[..] else { panic!("{queue}: {spoilt:.60}: {outcome:?}") };
                assert_eq!(aside.id, batch[position].id, "{queue}: {spoilt:.60}");
                assert!(aside.reason.len() > 10 && aside.reason.len() < 500, "{}", aside.reason);
                assert_eq!((done(&shop, queue), shop.waiting(queue)), (9, 0), "{queue}: {spoilt:.60}");
            }
        }
    }
}

/// Ways in which a body goes bad.
const SPOILT: [fn(&str) -> String; 8] = [
    |_| String::new(),
    |_| "not JSON".to_owned(),
    |_| "null".to_owned(),
    |good| good[..good.len() / 2].to_owned(),
    |good| good.replacen("\"sku\"", "\"ski\"", 1),
    |good| good.replacen(".v1", ".v9", 1),
    |good| good.replace("_version\":1", "_version\":\"one\""),
    |_| "[".repeat(100_000),
];

#[test]
fn r8_a_failure_of_one_sku_leaves_only_its_message() {
    for queue in [PRICING, CACHING, ALERTING] {
        let calls = {
            let shop = ten_messages_in(queue);
            shop.calls();
            shop.deliver(queue);
            shop.calls().len()
        };
        for number in 0..calls {
            let shop = ten_messages_in(queue);
            // The cache is asked for all at once, then for each: only what fails both times is about one SKU.
            let again = if queue == CACHING && number < 10 { vec![number, 2 * number + 1] } else { vec![number] };
            shop.fail_each(&again, crate::shop::Fault::Refused);
            let outcome = shop.deliver(queue);
            assert_eq!(
                (outcome.retry.len(), outcome.quarantined.len(), shop.waiting(queue)),
                (1, 0, 1),
                "{queue}: call {number}"
            );
            shop.mend();
            assert_eq!(shop.deliver(queue), BatchOutcome::default());
            assert_eq!(done(&shop, queue), 10, "{queue}: call {number}");
        }
    }
}

#[test]
fn r8_a_failure_of_the_one_call_for_all_costs_nothing_when_each_alone_succeeds() {
    for number in 0..10 {
        let shop = ten_messages_in(CACHING);
        shop.fail(number, crate::shop::Fault::Refused);
        assert_eq!(shop.deliver(CACHING), BatchOutcome::default(), "call {number}");
        assert_eq!(done(&shop, CACHING), 10);
    }
}

#[test]
fn r11_what_waits_for_a_busy_subscriber_is_not_counted_as_delivered() {
    let shop = Shop::with(&["A"]);
    for seq in 1..=200 {
        shop.take(&change("A", seq, 1_000 - seq)).unwrap();
    }
    // Two at a time, each pair for longer than the visibility timeout of anything that was handed out.
    let mut handled = 0;
    while shop.waiting(PRICING) > 0 {
        let batch = shop.memory.receive(PRICING, 2);
        assert!(batch.iter().all(|delivery| delivery.receive_count == 1), "{batch:?}");
        handled += batch.len();
        let outcome = shop.handle(PRICING, &batch);
        shop.memory.finish(PRICING, &batch, &outcome);
        shop.memory.pass(Duration::from_mins(10));
    }
    assert_eq!((handled, shop.memory.tables().dead(PRICING).len()), (200, 0));
}

#[test]
fn r12_fifty_messages_of_one_sku_are_one_write_and_one_announcement() {
    let shop = Shop::with(&["A", "B"]);
    for seq in 1..=50 {
        shop.take(&change("A", seq, 60 - seq)).unwrap();
    }
    shop.take(&change("B", 1, 5)).unwrap();
    shop.calls();
    assert_eq!(shop.deliver(PRICING), BatchOutcome::default());
    let each = ["records.price", "records.inputs", "records.put_price", "bus.publish"];
    assert_eq!(shop.calls(), [each, each].concat(), "for A, then for B");
    assert_eq!(shop.ids(CACHING), ["price/A/1", "price/B/1"]);
    let record = shop.record("A");
    assert_eq!((record.seen.stock_version.0, record.record_rev.0, shop.price("A")), (50, 1, Some(1_000)));
    assert_eq!(shop.waiting(PRICING), 0, "all fifty are acknowledged");
}

#[test]
fn r12_a_failure_leaves_every_message_that_it_speaks_for() {
    let shop = Shop::with(&["A", "B"]);
    for seq in 1..=50 {
        shop.take(&change("A", seq, 60 - seq)).unwrap();
    }
    shop.take(&change("B", 1, 5)).unwrap();
    shop.fail(2, crate::shop::Fault::Refused); // the write of A
    let outcome = shop.deliver(PRICING);
    assert_eq!((outcome.retry.len(), outcome.quarantined.len(), shop.waiting(PRICING)), (50, 0, 50));
    assert_eq!(shop.price("B"), Some(1_050));
    assert!(!shop.memory.tables().prices.contains_key(&sku("A")));
    shop.mend();
    assert_eq!(shop.deliver(PRICING), BatchOutcome::default());
    assert_eq!(shop.price("A"), Some(1_000));
}
