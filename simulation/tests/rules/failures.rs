//! R3: a message is acknowledged after every effect of it. R9: failures are told apart. R10: one layer of retries.

use std::sync::Arc;

use pricestream_domain::StockVersion;
use pricestream_event_schema::{Incoming, ProductChangedV1};
use pricestream_inventory_publisher::{PublishError, Published};
use pricestream_ports::{BatchOutcome, Failure, PortError};

use crate::shop::{ALERTING, CACHING, Choosy, Fault, PRICING, Shop, change, sku, throttled};

/// A shop in which one message of A waits in `queue`, with what comes before it done.
fn with_one_message_in(queue: &str, cache_is_empty: bool) -> Shop {
    let shop = Shop::with(&["A"]);
    shop.take(&change("A", 1, 50)).unwrap();
    shop.settle();
    shop.take(&change("A", 2, 4)).unwrap();
    if queue == CACHING {
        shop.deliver(PRICING);
    }
    if cache_is_empty {
        shop.memory.tables().cache.clear();
    }
    shop.calls();
    shop
}

#[test]
fn r3_a_failure_at_any_call_leaves_the_message_and_the_next_delivery_makes_it_good() {
    for (queue, cache_is_empty, expected) in [
        (PRICING, false, &["records.price", "records.inputs", "records.put_price", "bus.publish"][..]),
        (CACHING, false, &["cache.put_if_newer"]),
        (CACHING, true, &["cache.put_if_newer", "records.price", "cache.put_if_newer"]),
        (
            ALERTING,
            false,
            &[
                "records.product",
                "records.alert_state",
                "records.inventory",
                "records.put_alert_state",
                "alerts.notify",
                "records.put_alert_state",
            ],
        ),
    ] {
        let undisturbed = with_one_message_in(queue, cache_is_empty);
        assert_eq!(undisturbed.deliver(queue), BatchOutcome::default());
        assert_eq!(undisturbed.calls(), expected, "every call of {queue} is in the table");
        let state = undisturbed.state();
        for (number, call) in expected.iter().enumerate() {
            for fault in [Fault::Refused, Fault::AnswerLost] {
                let shop = with_one_message_in(queue, cache_is_empty);
                shop.fail(number, fault);
                let outcome = shop.deliver(queue);
                assert_eq!((outcome.retry.len(), outcome.quarantined.len()), (1, 0), "{queue}: {call} {fault:?}");
                assert_eq!(shop.waiting(queue), 1, "{queue}: {call} {fault:?} is not acknowledged");
                shop.mend();
                assert_eq!(shop.deliver(queue), BatchOutcome::default(), "{queue}: {call} {fault:?}");
                assert_eq!(shop.state(), state, "{queue}: {call} {fault:?}");
            }
        }
    }
}

#[test]
fn r3_a_source_that_is_told_of_a_failure_sends_again_and_nothing_is_taken_twice() {
    let (before, sale) = (change("A", 1, 50), change("A", 2, 9));
    let undisturbed = Shop::with(&["A"]);
    undisturbed.take(&before).unwrap();
    undisturbed.calls();
    assert_eq!(undisturbed.take(&sale).unwrap(), Published::Applied(StockVersion(2)));
    let calls = undisturbed.calls();
    assert_eq!(calls, ["records.inventory", "records.put_inventory", "bus.publish"]);
    let state = undisturbed.state();
    for number in 0..calls.len() {
        for fault in [Fault::Refused, Fault::AnswerLost] {
            let shop = Shop::with(&["A"]);
            shop.take(&before).unwrap();
            shop.fail(number, fault);
            let answer = shop.take(&sale);
            assert!(matches!(answer, Err(PublishError::Failed(Failure::Retryable(_)))), "{number} {fault:?}: {answer:?}");
            shop.mend();
            let again = shop.take(&sale).unwrap();
            let taken = number > 1 || (number, fault) == (1, Fault::AnswerLost);
            let expected = if taken { Published::Repeated } else { Published::Applied };
            assert_eq!(again, expected(StockVersion(2)), "{number} {fault:?}");
            assert_eq!(shop.state(), state, "{number} {fault:?}");
        }
    }
}

#[test]
fn r9_poison_is_kept_aside_with_a_reason_and_holds_nobody_up() {
    let shop = Shop::with(&["A"]);
    shop.take(&change("A", 1, 50)).unwrap();
    // An event of the right form about a SKU that no catalogue line is of.
    shop.announce(&ProductChangedV1 { sku: sku("GONE"), product_rev: 3, retired: false });
    let outcome = shop.deliver(PRICING);
    assert_eq!((outcome.retry.len(), outcome.quarantined.len()), (0, 1));
    assert_eq!(outcome.quarantined[0].reason, "GONE is not in the catalogue: import it, then redrive this message");
    assert_eq!((shop.waiting(PRICING), shop.price("A")), (0, Some(1_000)));
    let tables = shop.memory.tables();
    assert_eq!(Incoming::decode(&tables.quarantine[PRICING][0].0.body).unwrap().id(), "product/GONE/3", "as it came");
}

#[test]
fn r9_an_event_that_asks_for_nothing_is_poison() {
    let shop = Shop::with(&["A"]);
    shop.take(&change("A", 1, 50)).unwrap();
    shop.deliver(PRICING);
    let body: Arc<str> = shop.events(CACHING).first().unwrap().as_str().into();
    for queue in [PRICING, ALERTING] {
        shop.memory.tables().send(queue, Arc::clone(&body));
        let outcome = shop.deliver(queue);
        assert_eq!((outcome.retry.len(), outcome.quarantined.len()), (0, 1), "{queue}");
    }
}

#[test]
fn r9_what_may_work_later_is_never_kept_aside() {
    let shop = with_one_message_in(PRICING, false);
    for call in ["records.price", "records.inputs", "records.put_price", "bus.publish"] {
        shop.down(Some(call));
        let outcome = shop.deliver(PRICING);
        assert_eq!((outcome.retry.len(), outcome.quarantined.len()), (1, 0), "{call}");
    }
    shop.mend();
    assert_eq!(shop.deliver(PRICING), BatchOutcome::default());
    assert!(shop.memory.tables().quarantine.is_empty());
}

#[test]
fn r9_what_can_never_be_read_is_poison_and_what_may_be_read_later_is_not() {
    let corrupt: Failure = PortError::corrupt("store", "column 3 holds no instant").into();
    match corrupt {
        Failure::Poison(reason) => assert_eq!(reason, "store holds what cannot be read: column 3 holds no instant"),
        Failure::Retryable(_) => panic!("no retry helps"),
    }
    assert!(matches!(PortError::unavailable("store", "throttled").into(), Failure::Retryable(_)));
}

#[test]
fn r9_what_is_stale_is_acknowledged_and_counted() {
    let shop = Shop::with(&["A"]);
    shop.take(&change("A", 1, 50)).unwrap();
    shop.deliver(PRICING);
    let old: Arc<str> = shop.events(CACHING).first().unwrap().as_str().into();
    shop.settle();
    shop.take(&change("A", 2, 4)).unwrap();
    shop.settle();
    assert_eq!(shop.cached("A"), Some(1_050));
    shop.memory.tables().send(CACHING, old);
    assert_eq!(shop.deliver(CACHING), BatchOutcome::default());
    assert_eq!((shop.waiting(CACHING), shop.cached("A")), (0, Some(1_050)));
    let stale = r#"pricestream_cache_writes_total{path="event",result="stale"} 1"#;
    assert!(shop.metrics.render().contains(stale), "{}", shop.metrics.render());
    assert_eq!(shop.take(&change("A", 1, 50)).unwrap(), Published::Stale(StockVersion(2)));
    assert_eq!(shop.metrics.stock.stale.get(), 1);
}

/// Somebody else writes the record before each of our writes.
fn permanent_conflict(shop: &Shop, call: &'static str) {
    shop.rival(call, |tables| {
        let inventory = tables.inventory.get_mut(&sku("A")).unwrap();
        inventory.stock_version = inventory.stock_version.next();
        if let Some(record) = tables.prices.get_mut(&sku("A")) {
            record.record_rev = record.record_rev.next();
        }
        if let Some(state) = tables.alert_states.get_mut(&sku("A")) {
            state.rev += 1;
        }
    });
}

#[test]
fn r10_under_permanent_conflict_a_handler_gives_up_after_five_attempts() {
    const ATTEMPTS: usize = 5;
    for (queue, call, reads) in [(PRICING, "records.put_price", 2), (ALERTING, "records.put_alert_state", 2)] {
        let shop = with_one_message_in(queue, false);
        permanent_conflict(&shop, call);
        let outcome = shop.deliver(queue);
        assert_eq!((outcome.retry.len(), outcome.quarantined.len()), (1, 0), "{queue}");
        let calls = shop.calls();
        let writes = calls.iter().filter(|name| **name == call).count();
        let once = usize::from(queue == ALERTING); // the catalogue line is read once
        assert_eq!((writes, calls.len()), (ATTEMPTS, once + ATTEMPTS * (reads + 1)), "{queue}: {calls:?}");
    }
    let shop = with_one_message_in(PRICING, false);
    permanent_conflict(&shop, "records.put_inventory");
    assert!(matches!(shop.take(&change("A", 3, 1)), Err(PublishError::Failed(Failure::Retryable(_)))));
    let calls = shop.calls();
    assert_eq!(calls.iter().filter(|name| **name == "records.put_inventory").count(), ATTEMPTS);
    assert_eq!(calls.len(), 2 * ATTEMPTS, "{calls:?}");
}

#[test]
fn r10_a_bus_that_refuses_for_ever_costs_three_offers_a_delivery_and_five_deliveries() {
    let shop = with_one_message_in(PRICING, false);
    let bus = Choosy::new(&shop.memory, std::iter::repeat_n(vec![throttled(0)], 1_000));
    let mut deliveries = 0;
    loop {
        let batch = shop.memory.receive(PRICING, 10);
        if batch.is_empty() {
            break;
        }
        deliveries += 1;
        let outcome = crate::shop::now(shop.calculator_through(&bus).handle(&batch));
        assert_eq!(outcome.retry.len(), 1);
        shop.memory.finish(PRICING, &batch, &outcome);
    }
    assert_eq!((deliveries, bus.offered().len()), (5, 15));
    assert_eq!(shop.memory.tables().dead(PRICING).len(), 1, "for a person to look at");
    let writes = shop.calls().iter().filter(|call| **call == "records.put_price").count();
    assert_eq!((writes, shop.price("A")), (1, Some(1_050)), "the record was written once");
}
