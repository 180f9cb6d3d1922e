//! Valkey gone, back and empty, behind a changed password, behind TLS. The records are the truth: shoppers are served throughout.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::support::{Cloud, LIST, SCARCE, until};

/// Asks for the price of each, which must be there, and right or about to be.
fn all_are_served(cloud: &Cloud, skus: &[String]) {
    for sku in skus {
        let price = cloud.price(sku).unwrap_or_else(|| panic!("{sku} has no price"));
        assert!([LIST, SCARCE].contains(&price.minor), "{sku}: {price:?}");
    }
}

/// Waits until the cache holds of each what the record says, and shoppers see that.
fn until_nothing_is_stale(cloud: &Cloud, skus: &[String], minor: i64) {
    let mut valkey = cloud.valkey();
    for sku in skus {
        let price = cloud.until_priced(sku, minor);
        until(&format!("the cache has the price of {sku}"), || (valkey.price(sku) == Some((minor, price.version))).then_some(()));
    }
}

#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn valkey_killed_and_restarted_in_a_burst_leaves_nothing_stale() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let skus = cloud.new_items("burst", 20);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Whatever happens to the burst, the reader ends.
        struct Ends<'a>(&'a AtomicBool);
        impl Drop for Ends<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let _ends = Ends(&done);
        let reading = scope.spawn(|| {
            let mut slowest = std::time::Duration::ZERO;
            let mut count = 0;
            while !done.load(Ordering::SeqCst) {
                let begun = Instant::now();
                let price = cloud.price(&skus[count % skus.len()]);
                assert!(price.is_some(), "a shopper was not served");
                slowest = slowest.max(begun.elapsed());
                count += 1;
            }
            (count, slowest)
        });
        for (round, on_hand) in [(2, 9), (3, 100), (4, 9)] {
            for (place, sku) in skus.iter().enumerate() {
                cloud.stock_applied(sku, round, on_hand);
                match (round, place) {
                    (2, 10) => Cloud::command("kill-valkey"),
                    (3, 15) => Cloud::command("restart-valkey"),
                    _ => (),
                }
            }
        }
        done.store(true, Ordering::SeqCst);
        let (count, slowest) = reading.join().expect("every shopper is served");
        println!("{count} reads in the burst, the slowest {slowest:.0?}, none without a price");
    });
    until_nothing_is_stale(&cloud, &skus, SCARCE);
}

#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn shoppers_are_served_from_the_records_while_valkey_cannot_be_reached() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let skus = cloud.new_items("unplugged", 3);
    cloud.plug_cable(false);
    all_are_served(&cloud, &skus);
    // Whoever starts now has never seen it. What was sent to a process that is killed is not answered, and that is nobody's fault.
    cloud.kill_processes_of("price-api");
    until("a process that is killed is asked no more", || {
        let (status, _) = cloud.ask("GET", &format!("/v1/prices/{}", skus[0]), "");
        (status != 502).then_some(())
    });
    all_are_served(&cloud, &skus);
    for sku in &skus {
        cloud.stock_applied(sku, 2, 9);
        cloud.until_priced(sku, SCARCE);
    }
    cloud.plug_cable(true);
    until_nothing_is_stale(&cloud, &skus, SCARCE);
}

/// Stands for the IAM token that runs out after a quarter of an hour, and for the twelve hours after which such connections end.
#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn a_changed_password_that_cuts_connections_costs_no_price() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let skus = cloud.new_items("password", 3);
    let mut valkey = cloud.valkey();
    let password = valkey.password.clone();
    valkey.ask(&["CONFIG", "SET", "requirepass", "another-one"]);
    // Their connections end, this one does not.
    valkey.ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    cloud.cut_cable();
    all_are_served(&cloud, &skus);
    for sku in &skus {
        cloud.stock_applied(sku, 2, 9);
        cloud.until_priced(sku, SCARCE);
    }
    valkey.ask(&["CONFIG", "SET", "requirepass", &password]);
    until_nothing_is_stale(&cloud, &skus, SCARCE);
}

#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn the_reconciler_fills_an_emptied_cache_by_itself() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let skus = cloud.new_items("emptied", 5);
    cloud.until_quiet();
    let mut valkey = cloud.valkey();
    valkey.ask(&["FLUSHALL"]);
    all_are_served(&cloud, &skus);
    // Nobody posts anything; it looks each minute.
    let begun = Instant::now();
    until_nothing_is_stale(&cloud, &skus, LIST);
    println!("the cache was full again {:.0?} after it was emptied", begun.elapsed());
}
