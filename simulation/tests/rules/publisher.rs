//! R15: the publisher takes each number of a source once. (What it decides is tabled beside `accept`.)

use pricestream_domain::StockVersion;
use pricestream_inventory_publisher::{PublishError, Published, Refused};

use crate::shop::{PRICING, Shop, change, sku};

#[test]
fn r15_sent_ten_times_a_change_is_taken_once_and_announced_each_time() {
    let shop = Shop::with(&["A"]);
    let sale = change("A", 7, 9);
    assert_eq!(shop.take(&sale).unwrap(), Published::Applied(StockVersion(1)));
    let taken = shop.memory.tables().inventory[&sku("A")].clone();
    for _ in 0..9 {
        shop.memory.pass(std::time::Duration::from_secs(1));
        assert_eq!(shop.take(&sale).unwrap(), Published::Repeated(StockVersion(1)));
    }
    let calls = shop.calls();
    assert_eq!(calls.iter().filter(|call| **call == "records.put_inventory").count(), 1);
    assert_eq!(calls.iter().filter(|call| **call == "bus.publish").count(), 10);
    assert_eq!(shop.memory.tables().inventory[&sku("A")], taken, "freshness still counts from the first");
    assert_eq!((shop.ids(PRICING).len(), shop.events(PRICING).len()), (10, 1));
    assert_eq!((shop.metrics.stock.applied.get(), shop.metrics.stock.repeated.get()), (1, 9));
}

#[test]
fn r15_two_deliveries_at_once_are_one_change() {
    let shop = Shop::with(&["A"]);
    let sale = change("A", 1, 9);
    let other = Shop::with(&["A"]);
    other.take(&sale).unwrap();
    let taken = other.memory.tables().inventory[&sku("A")].clone();
    // The same change arrives elsewhere, and is stored between our reading and our writing.
    shop.rival("records.put_inventory", move |tables| {
        tables.inventory.entry(sku("A")).or_insert_with(|| taken.clone());
    });
    assert_eq!(shop.take(&sale).unwrap(), Published::Repeated(StockVersion(1)));
    assert_eq!(shop.ids(PRICING), ["stock/A/1"]);
}

#[test]
fn r15_what_is_refused_changes_and_announces_nothing() {
    let shop = Shop::with(&["A"]);
    shop.take(&change("A", 5, 9)).unwrap();
    shop.settle();
    let state = shop.state();
    let mut elsewhere = change("A", 6, 1);
    elsewhere.origin = Some("other".to_owned());
    let mut long_ago = change("A", 6, 1);
    long_ago.occurred_at = "2019-01-01T00:00:00Z".parse().unwrap();
    for refused in [elsewhere, change("A", 5, 8), change("NONE", 1, 1), long_ago] {
        let answer = shop.take(&refused);
        assert!(matches!(answer, Err(PublishError::Refused(_))), "{answer:?}");
        assert_eq!(shop.state(), state, "{answer:?}");
    }
    assert!(matches!(shop.take(&change("NONE", 1, 1)), Err(PublishError::Refused(Refused::UnknownSku(_)))));
    assert_eq!(shop.take(&change("A", 4, 1)).unwrap(), Published::Stale(StockVersion(1)));
    assert_eq!(shop.state(), state);
}
