//! The contract suite over DynamoDB, EventBridge, SQS and Valkey: on an emulator that `make test-cloud` brings up. Without one the
//! tests say that they were skipped.

mod support;

use std::future::Future;
use std::sync::Arc;

use pricestream_domain::Sku;
use pricestream_ports::{Cache, CacheEntry, CacheWrite, IfAbsent, Usage, contract, contract_suite};
use support::{CloudWorld, block_on, cloud, runtime};

fn on_the_cloud<F: Future<Output = ()>>(case: impl FnOnce(CloudWorld) -> F) {
    let Some((endpoint, cache)) = cloud() else {
        eprintln!("SKIPPED: no cloud to test on; `make test-cloud` brings one up");
        return;
    };
    block_on(async { case(CloudWorld::new(&endpoint, &cache).await).await });
}

contract_suite!(on_the_cloud);

#[test]
fn many_entries_are_written_by_one_call() {
    on_the_cloud(async |world| {
        let entry = |name: &str, version: u64| CacheEntry {
            price_version: pricestream_domain::PriceVersion(version),
            ..contract::priced(name, 1).0.cache_entry().expect("it has a price")
        };
        let entries: Vec<CacheEntry> = (1..=250).map(|number| entry(&format!("S{number}"), number)).collect();
        let reported = world.cache.put_all_if_newer(&entries, IfAbsent::Report).await.unwrap();
        assert_eq!(reported, vec![CacheWrite::Absent; 250]);
        let written = world.cache.put_all_if_newer(&entries, IfAbsent::Write).await.unwrap();
        assert_eq!(written, vec![CacheWrite::Applied; 250]);
        let again = [entry("S1", 1), entry("S2", 1), entry("S3", 9)];
        let results = world.cache.put_all_if_newer(&again, IfAbsent::Report).await.unwrap();
        assert_eq!(results, [CacheWrite::Equal, CacheWrite::Stale, CacheWrite::Applied]);
        let held = world.cache.get(&Sku::new("S3").unwrap()).await.unwrap().unwrap();
        assert_eq!(held.price_version.0, 9);
        let seconds = world.cache.seconds_left(&held.sku).await.unwrap();
        assert!((77_000..=96_000).contains(&seconds), "a day, a tenth more or less: {seconds}");
    });
}

/// Sixty-four customers at one moment, and seventeen units.
#[test]
fn nothing_is_oversold_by_customers_at_the_same_moment() {
    on_the_cloud(async |world| {
        let world = Arc::new(world);
        let limit: pricestream_promotion_engine::Limit = serde_json::from_str(r#"{"units":17}"#).unwrap();
        let now = jiff::Timestamp::from_second(1_795_000_000).unwrap();
        let customers: Vec<_> = (0..64)
            .map(|customer| {
                let (world, limit) = (Arc::clone(&world), limit.clone());
                runtime().spawn(async move {
                    let used = pricestream_promotion_engine::Use {
                        promotion: "flash".into(),
                        units: 1,
                        given: pricestream_domain::Money::new(100, pricestream_domain::Currency::EUR),
                        coupons: Vec::new(),
                    };
                    let key = pricestream_ports::ReservationKey::new(&format!("r{customer}")).unwrap();
                    let limits = [("flash".into(), limit)].into();
                    let until = now + std::time::Duration::from_mins(1);
                    let reservation = pricestream_ports::Reservation::new(
                        key,
                        None,
                        vec![used],
                        limits,
                        pricestream_promotion_engine::OnCancel::GiveBack,
                        until,
                    );
                    // One that meets too many others is asked for again, as a shop does.
                    for _ in 0..20 {
                        match world.store.reserve(reservation.as_ref().unwrap(), now).await {
                            Ok(pricestream_ports::Reserved::Granted { .. }) => return true,
                            Ok(pricestream_ports::Reserved::Refused(_)) => return false,
                            Ok(other) => panic!("{other:?}"),
                            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
                        }
                    }
                    panic!("twenty times too many others")
                })
            })
            .collect();
        let mut granted = 0;
        for customer in customers {
            granted += usize::from(customer.await.unwrap());
        }
        assert_eq!(granted, 17);
    });
}
