//! R1: the version orders, never the time.

use pricestream_domain::{PriceVersion, StockVersion};
use pricestream_inventory_publisher::Published;
use pricestream_ports::{Cache, CacheWrite, IfAbsent};

use crate::shop::{ALERTING, PRICING, Shop, at, change, now, sku};

#[test]
fn r1_a_change_that_occurred_earlier_wins_by_its_higher_number() {
    let shop = Shop::with(&["A"]);
    let mut sale = change("A", 1, 50);
    sale.occurred_at = at("2026-11-27T07:59:59Z");
    assert_eq!(shop.take(&sale).unwrap(), Published::Applied(StockVersion(1)));
    // The source's clock was put back by a day between the two.
    let mut next = change("A", 2, 9);
    next.occurred_at = at("2026-11-26T08:00:00Z");
    assert_eq!(shop.take(&next).unwrap(), Published::Applied(StockVersion(2)));
    // One that occurred later than both, under an older number.
    let late = change("A", 1, 50);
    assert_eq!(shop.take(&late).unwrap(), Published::Stale(StockVersion(2)));
    shop.settle();
    assert_eq!((shop.price("A"), shop.cached("A")), (Some(1_050), Some(1_050)));
}

#[test]
fn r1_a_clock_that_goes_back_holds_no_price_back() {
    let shop = Shop::with(&["A"]);
    for (seq, on_hand, time, expected) in [
        (1, 50, "2026-11-27T08:00:00Z", 1_000),
        (2, 9, "2026-11-27T07:55:00Z", 1_050), // the machine's clock was corrected by five minutes
        (3, 50, "2026-11-27T07:50:00Z", 1_000),
    ] {
        shop.set_time(time);
        let mut change = change("A", seq, on_hand);
        change.occurred_at = at(time);
        shop.take(&change).unwrap();
        shop.settle();
        let record = shop.record("A");
        assert_eq!((record.price_version, record.seen.stock_version), (PriceVersion(seq), StockVersion(seq)));
        assert_eq!((shop.price("A"), shop.cached("A")), (Some(expected), Some(expected)), "change {seq}");
        assert_eq!(record.decided_at, at(time));
    }
}

#[test]
fn r1_the_cache_looks_at_the_version_and_not_at_since() {
    let shop = Shop::with(&["A"]);
    shop.take(&change("A", 1, 50)).unwrap();
    shop.settle();
    let first = shop.memory.tables().cache[&sku("A")].as_ref().clone();
    let mut newer = first.clone();
    (newer.price_version, newer.since) = (PriceVersion(2), at("2020-01-01T00:00:00Z"));
    assert_eq!(now(shop.memory.put_if_newer(&newer, IfAbsent::Report)).unwrap(), CacheWrite::Applied);
    assert_eq!(now(shop.memory.put_if_newer(&first, IfAbsent::Report)).unwrap(), CacheWrite::Stale);
}

#[test]
fn r1_stock_events_in_any_order_end_in_the_same_price_and_tell_the_same_alert() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let shop = Shop::with(&["A"]);
        for (seq, on_hand) in [(1, 50), (2, 4), (3, 9)] {
            shop.take(&change("A", seq, on_hand)).unwrap();
        }
        for queue in [PRICING, ALERTING] {
            let batch = shop.memory.receive(queue, 10);
            for position in order {
                let outcome = shop.handle(queue, &batch[position..=position]);
                shop.memory.finish(queue, &batch[position..=position], &outcome);
            }
        }
        shop.settle();
        assert_eq!((shop.price("A"), shop.cached("A")), (Some(1_050), Some(1_050)), "{order:?}");
        let record = shop.record("A");
        assert_eq!((record.seen.stock_version, record.price_version), (StockVersion(3), PriceVersion(1)), "{order:?}");
    }
}

#[test]
fn r1_a_price_decided_on_what_was_there_is_written_only_if_nobody_was_faster() {
    let shop = Shop::with(&["A"]);
    shop.take(&change("A", 1, 50)).unwrap();
    shop.settle();
    shop.take(&change("A", 2, 9)).unwrap();
    // Once, another writer of the record comes between the reading and the writing.
    let first = std::sync::atomic::AtomicBool::new(true);
    shop.rival("records.put_price", move |tables| {
        if first.swap(false, std::sync::atomic::Ordering::Relaxed) {
            let record = tables.prices.get_mut(&sku("A")).unwrap();
            record.record_rev = record.record_rev.next();
            record.price_version = record.price_version.next();
        }
    });
    assert_eq!(shop.deliver(PRICING).retry, []);
    let record = shop.record("A");
    assert_eq!((record.record_rev.0, record.price_version.0), (3, 3), "decided again on top of what was there");
    assert_eq!(shop.price("A"), Some(1_050));
}
