//! Calls of AWS that fail: some of a call, all of it, the caller in the middle of it.

use std::time::Instant;

use pricestream_e2e::Fault;

use crate::support::{Cloud, SCARCE};

#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn events_that_the_bus_refuses_are_offered_again_and_none_is_lost() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let skus = cloud.new_items("refused", 10);
    let prefix = skus[0].trim_end_matches("-0");
    // Announcements of stock carry their ids as resources: three of ten are left after two calls of which half is refused.
    let refusing = cloud.fault(&["PutEvents"], &format!("stock/{prefix}"), Some(2), Fault::RefuseEveryOtherEvent);
    let changes: Vec<(&str, u64, u64)> = skus.iter().map(|sku| (sku.as_str(), 2, 9)).collect();
    let (status, answer) = cloud.stock_lines(&changes);
    assert_eq!((status, answer["applied"].as_u64()), (200, Some(10)), "{answer}");
    for sku in &skus {
        cloud.until_priced(sku, SCARCE);
        assert_eq!(cloud.history(sku)[0]["cause"], "stock", "by its event, and not by the reconciler");
    }
    assert_eq!(refusing.met(), 2);
}

#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn what_a_throttled_table_refuses_is_done_later() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let sku = cloud.new_items("throttled", 1).remove(0);
    let _impatient = cloud.impatient("pricing-calculator");
    // More than the SDK attempts in one delivery: the queue has to bring it again.
    let throttling = cloud.fault(&["TransactWriteItems"], &sku, Some(5), Fault::Throttle);
    let begun = Instant::now();
    cloud.stock_applied(&sku, 2, 9);
    cloud.until_priced(&sku, SCARCE);
    println!("priced {:.1?} after the change, with five writes throttled", begun.elapsed());
    assert_eq!(throttling.met(), 5);
    cloud.until_quiet();
    assert_eq!(cloud.depth(&cloud.outputs().dead_letter_queues["pricing-calculator"]), 0);
}

#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn a_write_whose_answer_is_lost_is_done_once() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let sku = cloud.new_items("lost-answer", 1).remove(0);
    cloud.until_quiet();
    let decisions = cloud.history(&sku).len();
    let _impatient = cloud.impatient("pricing-calculator");
    let cutting = cloud.fault(&["TransactWriteItems"], &sku, Some(1), Fault::CutAfter);
    cloud.stock_applied(&sku, 2, 9);
    let price = cloud.until_priced(&sku, SCARCE);
    assert_eq!(cutting.met(), 1);
    cloud.until_quiet();
    assert_eq!((cloud.price(&sku), cloud.history(&sku).len()), (Some(price), decisions + 1));
}

#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn a_function_killed_in_the_middle_of_a_batch_loses_nothing() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let skus = cloud.new_items("killed", 5);
    let prefix = skus[0].trim_end_matches("-0");
    let _impatient = cloud.impatient("pricing-calculator");
    // The third of them is being written for longer than anybody waits.
    let slow = cloud.fault(&["TransactWriteItems"], &format!("{prefix}-2"), Some(1), Fault::Delay(10_000));
    let changes: Vec<(&str, u64, u64)> = skus.iter().map(|sku| (sku.as_str(), 2, 9)).collect();
    let (status, answer) = cloud.stock_lines(&changes);
    assert_eq!((status, answer["applied"].as_u64()), (200, Some(5)), "{answer}");
    slow.until_met(1);
    assert!(cloud.kill_processes_of("pricing-calculator") > 0, "a function in the middle of a call is a process");
    for sku in &skus {
        cloud.until_priced(sku, SCARCE);
    }
    cloud.until_quiet();
    for sku in &skus {
        let decided = cloud.history(sku).iter().filter(|row| row["price"]["minor"] == SCARCE).count();
        assert_eq!(decided, 1, "{sku} was decided once");
    }
}
