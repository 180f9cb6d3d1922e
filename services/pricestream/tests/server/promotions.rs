//! Promotions of a running server: rule sets from files, quotes and timelines by the command line, lanes that outlive a crash.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use ureq::http::Method;

use crate::process::{Files, Server, assert_clean, change, pricestream, within};

const SOON: Duration = Duration::from_secs(5);

/// `off_bp` off A from now for an hour, and a third unit of B for 1.00.
fn rules(off_bp: u32, from: Timestamp) -> String {
    let until = from.checked_add(SignedDuration::from_hours(1)).unwrap();
    format!(
        r#"{{"version":1,"promotions":[
        {{"id":"hour","effect":{{"percent_off":{{"off_bp":{off_bp}}}}},"items":{{"include":[{{"skus":["A"]}}]}},
         "window":{{"from":"{from}","until":"{until}"}}}},
        {{"id":"three","effect":{{"n_for_price":{{"units":3,"price":{{"minor":2100,"currency":"EUR"}}}}}},"items":{{"include":[{{"skus":["B"]}}]}}}}]}}"#
    )
}

fn with_rules(files: &Files) -> Server {
    let mut command = files.up();
    command.arg("--promotions").arg(files.path("promotions.json"));
    Server::start(command)
}

fn pays(server: &Server, sku: &str) -> Option<i64> {
    server.get(&format!("/v1/prices/{sku}")).body["payable"]["minor"].as_i64()
}

fn payable(answer: &Value) -> i64 {
    answer["payable"]["minor"].as_i64().unwrap_or_else(|| panic!("{answer}"))
}

#[test]
fn a_rule_set_file_is_in_force_from_the_start_again_when_it_is_saved_and_never_when_it_is_spoilt() {
    let files = Files::with(&["A", "B"]);
    let begun = Timestamp::now().checked_sub(SignedDuration::from_mins(5)).unwrap();
    files.write("promotions.json", &rules(1_000, begun));
    let server = with_rules(&files);
    assert_eq!((pays(&server, "A"), pays(&server, "B")), (Some(900), Some(1_000)));
    files.write("promotions.json", r#"{"version":1,"promotions":[{"id":"hour"}]}"#);
    within(SOON, || files.log().contains("missing field"), || files.log());
    assert_eq!(pays(&server, "A"), Some(900), "the old one keeps serving");
    files.write("promotions.json", &rules(2_000, begun));
    within(SOON, || pays(&server, "A") == Some(800), || format!("{:?}", pays(&server, "A")));
    assert_eq!(server.done(&["promotions", "switch", "off", "--by", "ann"])["changed"], true);
    within(SOON, || pays(&server, "A") == Some(1_000), || format!("{:?}", pays(&server, "A")));
    let switch = server.done(&["promotions", "switch"]);
    assert_eq!((&switch["on"], &switch["by"]), (&json!(false), &json!("ann")));
}

#[test]
fn a_server_is_asked_for_quotes_and_timelines_from_the_command_line() {
    let files = Files::with(&["A", "B"]);
    let begins = Timestamp::now().checked_add(SignedDuration::from_mins(30)).unwrap();
    let server = files.start();
    let file = files.write("rules.json", &rules(1_000, begins));
    assert_eq!(server.done(&["promotions", "publish", &file])["changed"], true);
    assert_eq!(server.done(&["promotions", "show"])["version"], 1);
    let basket = files.write("basket.json", r#"{"lines":[{"sku":"A"},{"sku":"B","quantity":3}]}"#);
    let quote = server.done(&["quote", &basket]);
    assert_eq!(payable(&quote), 3_100, "{quote}");
    let until = begins.checked_add(SignedDuration::from_hours(2)).unwrap().to_string();
    let from = Timestamp::now().to_string();
    let timeline = server.done(&["timeline", &basket, "--from", &from, "--until", &until]);
    let slices: Vec<i64> = timeline["slices"].as_array().unwrap().iter().map(payable).collect();
    assert_eq!(slices, [3_100, 3_000, 3_100], "{timeline}");
    assert_eq!(timeline["lowest"]["from"], json!(begins));
    // The last ones cost 5 % more; promotions take it from there.
    assert_eq!(server.change(&change("B", 1, 9)).body["result"], "applied");
    server.shows("B", 1_050, SOON);
    let mut told = server.post("/v1/quotes", r#"{"lines":[{"sku":"B","quantity":4}]}"#).body;
    assert_eq!(payable(&told), 2_100 + 1_050, "{told}");
    // With --rules and a --catalogue of one's own nobody is asked.
    let output = server.cli(&["quote", &basket, "--rules", &file]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    told = server.done(&["explain", "A"]);
    assert_eq!(told["explanation"]["decision"]["lane"]["slices"].as_array().unwrap().len(), 3, "{told}");
    let guest = told["explanation"]["guest"].clone();
    assert_eq!(guest.as_array().unwrap().len(), 2, "{told}");
    // The store says the same as its server, as JSON and in words.
    server.terminate();
    let explain = |json: &[&str]| {
        let output = pricestream().args(["explain", "A", "--data"]).arg(files.path("store")).args(json).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let of_store: serde_json::Value = serde_json::from_str(&explain(&["--json"])).unwrap();
    assert_eq!(of_store["explanation"]["guest"], guest);
    let words = explain(&[]);
    assert!(words.contains("a guest pays 9.00 EUR from") && words.contains("takes 1.00 EUR off"), "{words}");
}

#[test]
fn lanes_outlive_a_crash_and_every_one_is_what_its_records_make_it() {
    let files = Files::with(&["A", "B", "C"]);
    let begins = Timestamp::now().checked_add(SignedDuration::from_mins(30)).unwrap();
    files.write("promotions.json", &rules(1_000, begins));
    let server = with_rules(&files);
    for (seq, on_hand) in [(1, 30), (2, 8), (3, 40)] {
        assert_eq!(server.change(&change("A", seq, on_hand)).body["result"], "applied");
    }
    let before = server.get("/v1/prices/A").body;
    assert_eq!(before["payable_until"], json!(begins), "{before}");
    assert_eq!(server.admin(&Method::POST, "/v1/admin/verify", "").body["findings"], 0);
    server.kill();
    assert_clean(&files.path("store"));
    let server = with_rules(&files);
    assert_eq!(server.get("/v1/prices/A").body, before, "as it was, version and lane");
    assert_eq!(server.admin(&Method::POST, "/v1/admin/verify", "").body["findings"], 0);
    server.terminate();
    let report = assert_clean(&files.path("store"));
    assert_eq!(report["skus"], 3, "{report}");
}

#[test]
fn a_flash_sale_that_is_used_up_leaves_the_lane_and_comes_back_when_an_order_is_cancelled() {
    let files = Files::with(&["A", "B"]);
    files.write(
        "promotions.json",
        r#"{"version":1,"promotions":[{"id":"flash","effect":{"flash_sale":{"off":{"percent_bp":5000}}},
            "items":{"include":[{"skus":["A"]}]},"limit":{"units":2}}]}"#,
    );
    let server = with_rules(&files);
    assert_eq!(pays(&server, "A"), Some(500));
    let signed = server.post("/v1/quotes?sign=true", r#"{"lines":[{"sku":"A","quantity":2}]}"#).body;
    assert_eq!(payable(&signed), 1_000, "{signed}");
    let order = json!({ "order_id": "o-1", "quote": signed["signed"]["quote"] }).to_string();
    assert_eq!(server.post("/v1/orders", order).status, 200);
    within(SOON, || pays(&server, "A") == Some(1_000), || format!("{:?}", pays(&server, "A")));
    assert_eq!(payable(&server.post("/v1/quotes", r#"{"lines":[{"sku":"A"}]}"#).body), 1_000, "shown is what is quoted");
    assert_eq!(server.done(&["promotions", "switch"])["used_up"], json!(["flash"]));
    assert_eq!(server.admin(&Method::DELETE, "/v1/orders/o-1", "").status, 200);
    within(SOON, || pays(&server, "A") == Some(500), || format!("{:?}", pays(&server, "A")));
    assert_eq!(server.admin(&Method::POST, "/v1/admin/verify", "").body["findings"], 0);
}
