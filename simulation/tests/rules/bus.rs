//! R4: an answer of success may hold failures, and only what failed is offered again.

use pricestream_domain::{Cause, RecordRev, StockVersion};
use pricestream_event_schema::{RepriceRequestedV1, TraceContext, encode};
use pricestream_inventory_publisher::{PublishError, Published};
use pricestream_ports::{EntryFailure, Failure, publish_all};

use crate::shop::{CACHING, Choosy, PRICING, Shop, at, change, defective, now, sku, throttled};

/// Publishes requests about A, B and C over a bus that refuses by `script`; gives what it was offered.
fn publish_three(script: Vec<Vec<EntryFailure>>) -> (Result<(), Failure>, Vec<String>, Shop) {
    let shop = Shop::with(&[]);
    let bus = Choosy::new(&shop.memory, script);
    let events = ["A", "B", "C"].map(|name| {
        let requested_at = at("2026-11-27T08:00:00Z");
        let event = RepriceRequestedV1 { sku: sku(name), cause: Cause::Due, record_rev: RecordRev(1), requested_at };
        encode(&event, &TraceContext::root(name))
    });
    let published = now(publish_all(&bus, events.to_vec()));
    let subject = |id: &String| id.split('/').nth(1).unwrap().to_owned();
    let offers = bus.offered().iter().map(|ids| ids.iter().map(subject).collect()).collect();
    drop(bus);
    (published, offers, shop)
}

#[test]
fn r4_only_the_entries_that_failed_are_offered_again() {
    let middle = || vec![throttled(1)];
    for (script, offers, taken) in [
        (vec![], vec!["ABC"], 3),
        (vec![vec![throttled(0), throttled(2)]], vec!["ABC", "AC"], 3),
        (vec![vec![throttled(0), throttled(2)], vec![throttled(1)]], vec!["ABC", "AC", "C"], 3),
        (vec![vec![throttled(0), throttled(1), throttled(2)]], vec!["ABC", "ABC"], 3),
        (vec![middle(), vec![throttled(0)]], vec!["ABC", "B", "B"], 3),
    ] {
        let (published, offered, shop) = publish_three(script);
        assert!(published.is_ok(), "{offered:?}");
        assert_eq!((offered, shop.waiting(PRICING)), (offers.iter().map(ToString::to_string).collect(), taken));
        assert_eq!(shop.events(PRICING).len(), taken, "none of them twice");
    }
}

#[test]
fn r4_what_is_refused_three_times_fails_the_message_for_now() {
    let (published, offered, shop) = publish_three(vec![vec![throttled(1)], vec![throttled(0)], vec![throttled(0)]]);
    assert!(matches!(published, Err(Failure::Retryable(_))), "{published:?}");
    assert_eq!((offered, shop.waiting(PRICING)), (vec!["ABC".to_owned(), "B".into(), "B".into()], 2));
}

#[test]
fn r4_an_entry_that_can_never_be_taken_is_poison_and_is_not_offered_again() {
    let (published, offered, _) = publish_three(vec![vec![defective(1)]]);
    match published {
        Err(Failure::Poison(reason)) => assert!(reason.ends_with("MalformedDetail"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(offered, ["ABC"]);
}

#[test]
fn r4_success_with_failures_is_no_success_of_a_price() {
    let shop = Shop::with(&["A"]);
    shop.take(&change("A", 1, 9)).unwrap();
    let batch = shop.memory.receive(PRICING, 1);
    let never = Choosy::new(&shop.memory, std::iter::repeat_n(vec![throttled(0)], 3));
    let outcome = now(shop.calculator_through(&never).handle(&batch));
    shop.memory.finish(PRICING, &batch, &outcome);
    assert_eq!((outcome.retry.len(), shop.waiting(CACHING)), (1, 0));
    assert_eq!(shop.deliver(PRICING), <_>::default());
    assert_eq!(shop.waiting(CACHING), 1, "the next delivery announces what was written");

    let shop = Shop::with(&["A"]);
    shop.take(&change("A", 1, 9)).unwrap();
    let batch = shop.memory.receive(PRICING, 1);
    let outcome = now(shop.calculator_through(&Choosy::new(&shop.memory, [vec![defective(0)]])).handle(&batch));
    assert_eq!((outcome.retry.len(), outcome.quarantined.len()), (0, 1));
}

#[test]
fn r4_success_with_failures_is_no_success_of_a_stock_change() {
    let shop = Shop::with(&["A"]);
    let sale = change("A", 1, 9);
    let never = Choosy::new(&shop.memory, std::iter::repeat_n(vec![throttled(0)], 3));
    assert!(matches!(shop.take_through(&never, &sale), Err(PublishError::Failed(Failure::Retryable(_)))));
    assert_eq!((shop.waiting(PRICING), never.offered().len()), (0, 3));
    assert_eq!(shop.take(&sale).unwrap(), Published::Repeated(StockVersion(1)), "the source sends it again");
    assert_eq!(shop.ids(PRICING), ["stock/A/1"]);
}
