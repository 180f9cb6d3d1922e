//! The kill switch, and documents that are none.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

use crate::support::{Cloud, LIST, SCARCE, until};

/// Functions look at the settings every five seconds.
const SETTLED: Duration = Duration::from_secs(6);

#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn the_kill_switch_keeps_every_price_until_it_is_turned_back() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let sku = cloud.new_items("freeze", 1).remove(0);
    cloud.set_mode("freeze");
    std::thread::sleep(SETTLED);
    let (before, decisions) = (cloud.price(&sku), cloud.history(&sku).len());
    cloud.stock_applied(&sku, 2, 9);
    // Stock goes on, and the decision to keep the price is in the history.
    until("the change is decided about", || (cloud.history(&sku).len() > decisions).then_some(()));
    cloud.until_quiet();
    assert_eq!(cloud.price(&sku), before);
    let (_, mode) = cloud.ask("GET", "/v1/admin/mode", "");
    assert_eq!((mode["mode"].as_str(), mode["by"].as_str()), (Some("freeze"), Some("e2e")), "{mode}");
    // Turned back, nobody has to post anything for prices to move.
    cloud.set_mode("run");
    cloud.until_priced(&sku, SCARCE);
}

#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn a_document_with_problems_is_refused_whole_and_the_old_one_stays() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let sku = cloud.new_items("document", 1).remove(0);
    let (_, before) = cloud.ask("GET", "/v1/admin/strategies", "");
    let bad = json!({
        "version": 1, "time_zone": "Mars/Olympus",
        "strategies": { "last-ones": { "kind": "inventory_threshold", "below": 10, "change_bp": 500 } },
        "default": { "strategy": "no-such", "floor_percent_of_list": 60 },
    });
    let (status, answer) = cloud.ask("PUT", "/v1/admin/strategies?by=e2e", &bad.to_string());
    assert_eq!(status, 422, "{answer}");
    for problem in ["time_zone", "no-such"] {
        assert!(answer.to_string().contains(problem), "{problem} is not told: {answer}");
    }
    assert_eq!(cloud.ask("GET", "/v1/admin/strategies", ""), (200, before));
    cloud.stock_applied(&sku, 2, 9);
    cloud.until_priced(&sku, SCARCE);
}

/// Not even somebody who writes into the table itself gets a price moved by something that cannot be read.
#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn settings_that_become_unreadable_leave_the_last_good_ones_in_force() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let sku = cloud.new_items("unreadable", 1).remove(0);
    let dynamodb = aws_sdk_dynamodb::Client::new(cloud.config());
    let table = &cloud.outputs().tables["documents"];
    let (name, part) = (AttributeValue::S("settings".to_owned()), AttributeValue::N("0".to_owned()));
    let read = dynamodb.get_item().table_name(table).key("name", name).key("part", part).consistent_read(true);
    let good = cloud.wait(read.send()).expect("the table can be read").item.expect("there are settings");
    let mut bad = good.clone();
    bad.insert("strategies".to_owned(), AttributeValue::S("0".repeat(32)));
    let write = |item| {
        let call = dynamodb.put_item().table_name(table).set_item(Some(item));
        cloud.wait(call.send()).expect("the table can be written");
    };
    write(bad);
    std::thread::sleep(SETTLED);
    let moved = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        cloud.stock_applied(&sku, 2, 9);
        cloud.until_priced(&sku, SCARCE);
        cloud.stock_applied(&sku, 3, 100);
        cloud.until_priced(&sku, LIST);
    }));
    write(good);
    std::thread::sleep(SETTLED);
    if let Err(failure) = moved {
        std::panic::resume_unwind(failure);
    }
}
