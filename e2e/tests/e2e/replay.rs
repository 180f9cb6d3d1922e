//! A recording plays into the cloud by the command line, and every price is what its records make it.

use std::fmt::Write;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Cloud, LIST, SCARCE, repository, until};

const ITEMS: u64 = 40;
const CHANGES: u64 = 25;

/// The command line, as a user of the repository runs it: what it says in JSON.
fn pricestream(cloud: &Cloud, arguments: &[&str]) -> Result<Value, String> {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(repository()).args(["run", "--quiet", "--locked", "--package", "pricestream", "--", "--json"]);
    command.args(["--target", cloud.api()]).args(arguments).env("PRICESTREAM_ADMIN_TOKEN", cloud.admin_token());
    let output = command.output().expect("cargo can be run");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = said.lines().last().and_then(|line| serde_json::from_str(line).ok());
    last.ok_or_else(|| format!("{said} {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn a_recording_replays_by_the_command_line_and_every_price_verifies() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let skus = cloud.new_items("replay", usize::try_from(ITEMS).expect("it is small"));
    // Stock that falls to 9 and below, and is filled up again, at last to what is expected below.
    let mut recording = String::new();
    for place in 0..CHANGES {
        for (number, sku) in (0..ITEMS).zip(&skus) {
            let on_hand = if place + 1 == CHANGES { 5 + 10 * (number % 2) } else { (number * 7 + place * 5) % 30 };
            let change =
                json!({ "sku": sku, "on_hand": on_hand, "source_seq": place + 2, "occurred_at": "2026-11-26T08:00:00Z" });
            writeln!(recording, "{change}").expect("text grows");
        }
    }
    let file = cloud.folder("replay").join("recording.ndjson");
    std::fs::write(&file, recording).expect("the folder can be written");
    let told = pricestream(&cloud, &["replay", &file.display().to_string()]).unwrap();
    assert_eq!(told["applied"], json!(ITEMS * CHANGES), "{told}");
    for (number, sku) in (0..ITEMS).zip(&skus) {
        cloud.until_priced(sku, if number % 2 == 0 { SCARCE } else { LIST });
    }
    cloud.until_quiet();
    // What tests before this one took from the cache comes back within a minute.
    let verified = until("every price verifies", || {
        let told = pricestream(&cloud, &["verify"]).unwrap();
        println!("{told}");
        (told["findings"] == 0).then_some(told)
    });
    assert!(verified["skus"].as_u64() >= Some(ITEMS) && verified["decisions"].as_u64() > Some(3 * ITEMS), "{verified}");
    assert_eq!(verified["cached"], verified["skus"], "{verified}");
}
