//! What the reconciler does where events were lost: it is the way that needs none.

use std::time::Duration;

use pricestream_reconciler::{Findings, Reconciler};

use crate::shop::{CACHING, PRICING, Shop, change, now};

fn run(shop: &Shop, grace: Duration) -> Findings {
    let (records, clock) = (&shop.memory, &shop.memory);
    let reconciler =
        Reconciler { records, bus: &shop.memory, cache: &shop.memory, settings: &shop.settings, clock, metrics: &shop.metrics };
    now(reconciler.run(grace)).unwrap()
}

#[test]
fn r2_a_lost_event_is_made_good_also_while_the_cache_is_gone() {
    let shop = Shop::with(&["A", "B"]);
    for sku in ["A", "B"] {
        shop.take(&change(sku, 1, 50)).unwrap();
    }
    shop.settle();
    assert_eq!((shop.price("A"), shop.cached("A")), (Some(1_000), Some(1_000)));
    shop.take(&change("A", 2, 3)).unwrap();
    let lost: Vec<_> = shop.memory.receive(PRICING, 10);
    shop.memory.finish(PRICING, &lost, &pricestream_ports::BatchOutcome::default());
    assert_eq!(shop.waiting(PRICING), 0, "the event is lost");

    shop.down(Some("cache.put_if_newer"));
    let found = run(&shop, Duration::ZERO);
    assert_eq!((found.looked_at, found.records_behind, found.cache_behind, found.not_compared), (2, 1, 0, 2));
    shop.mend();
    shop.settle();
    assert_eq!((shop.price("A"), shop.cached("A")), (Some(1_050), Some(1_050)));
}

#[test]
fn r6_what_was_decided_within_the_grace_is_left_to_its_event() {
    let shop = Shop::with(&["A"]);
    shop.take(&change("A", 1, 50)).unwrap();
    shop.deliver(PRICING);
    assert_eq!((shop.waiting(CACHING), shop.cached("A")), (1, None), "its event is on its way");
    assert_eq!(run(&shop, Duration::from_secs(5)).cache_behind, 0);
    assert_eq!(shop.cached("A"), None);
    shop.memory.pass(Duration::from_secs(6));
    assert_eq!(run(&shop, Duration::from_secs(5)).cache_behind, 1, "it is late: the reconciler does not wait for it");
    assert_eq!(shop.cached("A"), Some(1_000));
}
