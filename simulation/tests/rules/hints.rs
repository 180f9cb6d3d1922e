//! R2: an event is a hint, the price comes from the records. R7: the same thing has the same id, whoever says it.

use pricestream_domain::{Cause, Mode, RecordRev, StockVersion};
use pricestream_event_schema::{Event, PriceChangedV1, RepriceRequestedV1, StockChangedV1, decode};
use pricestream_inventory_publisher::Published;
use pricestream_ports::PriceRecord;

use crate::shop::{ALERTING, CACHING, PLUS_TWENTY, PRICING, Shop, at, change, sku};

fn reprice(name: &str, cause: Cause) -> RepriceRequestedV1 {
    RepriceRequestedV1 { sku: sku(name), cause, record_rev: RecordRev(1), requested_at: at("2026-11-27T08:00:00Z") }
}

/// An event that tells a lie about the stock of A.
fn lie(version: u64, on_hand: u64) -> StockChangedV1 {
    let change = change("A", version, on_hand);
    StockChangedV1 {
        sku: change.sku,
        stock_version: StockVersion(version),
        on_hand,
        quantity: None,
        cause: None,
        origin: "default".to_owned(),
        source_seq: change.source_seq,
        unit_price: None,
        occurred_at: change.occurred_at,
        committed_at: change.occurred_at,
    }
}

/// The price announcements that wait, whatever trace they are part of.
fn said(shop: &Shop) -> Vec<(String, PriceChangedV1)> {
    let events = shop.events(CACHING);
    let events = events.iter().map(|body| decode::<PriceChangedV1>(body).unwrap());
    events.map(|event| (event.id, event.data)).collect()
}

#[test]
fn r2_the_price_is_made_of_the_records_whatever_the_event_says() {
    let shop = Shop::with(&["A"]);
    shop.take(&change("A", 1, 9)).unwrap();
    shop.settle();
    let record = shop.record("A");
    for event in [lie(1, 500), lie(99, 500), lie(0, 0)] {
        shop.announce(&event);
        assert_eq!(shop.deliver(PRICING), <_>::default());
        assert_eq!(shop.record("A"), record, "{event:?}");
    }
}

#[test]
fn r2_what_was_applied_already_is_announced_again_and_not_written() {
    let shop = Shop::with(&["A"]);
    shop.take(&change("A", 1, 9)).unwrap();
    shop.deliver(PRICING);
    let (record, first) = (shop.record("A"), said(&shop));
    shop.settle();
    for event in [lie(1, 9), lie(0, 50)] {
        shop.calls();
        shop.announce(&event);
        assert_eq!(shop.deliver(PRICING), <_>::default());
        assert!(!shop.calls().contains(&"records.put_price"), "nothing is written");
        assert_eq!(said(&shop), first);
        shop.settle();
    }
    assert_eq!((shop.record("A"), shop.memory.tables().history[&sku("A")].len()), (record, 1));
    assert_eq!(shop.metrics.decisions.skipped.get(), 2);
}

#[test]
fn r2_a_rule_change_reprices_at_the_same_stock_version() {
    // Both a request that says why, and the old stock event that comes once more, find the new rule.
    for (event_is_old, cause) in [(false, Cause::Strategies), (true, Cause::Stock)] {
        let shop = Shop::with(&["A"]);
        shop.take(&change("A", 1, 9)).unwrap();
        shop.settle();
        assert_eq!((shop.price("A"), shop.cached("A")), (Some(1_050), Some(1_050)));
        shop.put_settings(2, Mode::Run, PLUS_TWENTY);
        if event_is_old {
            shop.announce(&lie(1, 9));
        } else {
            shop.announce(&reprice("A", Cause::Strategies));
        }
        shop.settle();
        let record = shop.record("A");
        assert_eq!((shop.price("A"), shop.cached("A")), (Some(1_200), Some(1_200)));
        assert_eq!((record.seen.stock_version, record.price_version.0, record.cause), (StockVersion(1), 2, cause));
    }
}

#[test]
fn r7_every_retry_and_both_paths_say_the_same_id() {
    let shop = Shop::with(&["A"]);
    let sale = change("A", 1, 4);
    shop.take(&sale).unwrap();
    assert_eq!(shop.take(&sale).unwrap(), Published::Repeated(StockVersion(1)));
    assert_eq!(shop.ids(PRICING), ["stock/A/1", "stock/A/1"]);
    assert_eq!(shop.events(PRICING).len(), 1, "to the last byte");
    shop.deliver(PRICING);
    shop.announce(&reprice("A", Cause::Reconcile)); // finds nothing to do, and announces again
    assert_eq!(shop.ids(PRICING), ["reprice/A/1/reconcile"]);
    shop.deliver(PRICING);
    assert_eq!(shop.ids(CACHING), ["price/A/1", "price/A/1"]);
    let images = std::mem::take(&mut shop.memory.tables().stream);
    let on_the_other_path: Vec<PriceChangedV1> = images.iter().filter_map(PriceRecord::announcement).collect();
    assert_eq!(on_the_other_path.iter().map(Event::id).collect::<Vec<_>>(), ["price/A/1"]);
    shop.deliver(ALERTING);
    assert_eq!(shop.memory.tables().alerts.keys().collect::<Vec<_>>(), ["low-stock/A/1"]);
}

#[test]
fn r7_a_shop_that_starts_anew_gives_the_same_ids_and_bytes() {
    let run = || {
        let shop = Shop::with(&["A", "B"]);
        for (name, seq, on_hand) in [("A", 1, 50), ("B", 3, 4), ("A", 2, 9), ("A", 7, 2)] {
            shop.take(&change(name, seq, on_hand)).unwrap();
            shop.deliver(PRICING);
        }
        shop.state()
    };
    assert_eq!(run(), run());
}
