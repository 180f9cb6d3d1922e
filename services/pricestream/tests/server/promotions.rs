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
    let explained = server.done(&["explain", "--basket", &basket]);
    assert_eq!((payable(&explained), &explained["lines"]), (3_100, &quote["lines"]), "{explained}");
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

#[test]
fn what_is_left_of_limits_is_the_same_by_the_server_and_by_its_store() {
    let files = Files::with(&["A", "B", "C", "D"]);
    let half = |sku: &str, limit: &str| {
        format!(
            r#"{{"id":"half-{sku}","effect":{{"flash_sale":{{"off":{{"percent_bp":5000}}}}}},"items":{{"include":[{{"skus":["{sku}"]}}]}},"limit":{limit}}}"#
        )
    };
    let promotions = [
        half("A", r#"{"units":3,"units_per_customer":1}"#),
        half("B", r#"{"units":0}"#),
        half("C", r#"{"budget":{"minor":1200,"currency":"EUR"},"beyond_budget":"partial"}"#),
        half("D", r#"{"uses":9}"#),
        r#"{"id":"code","effect":{"coupon":{"off":{"amount":{"minor":100,"currency":"EUR"}}}},"when":{"coupons":["ONCE"]},"limit":{"uses_per_coupon":1}}"#.to_owned(),
    ];
    let rules = files.write("promotions.json", &format!(r#"{{"version":1,"promotions":[{}]}}"#, promotions.join(",")));
    let basket = |customer: &str| {
        let lines = json!([{ "sku": "A", "quantity": 2 }, { "sku": "B" }, { "sku": "C", "quantity": 2 }, { "sku": "D" }]);
        json!({ "lines": lines, "customer": { "id": customer }, "coupons": ["once"] }).to_string()
    };
    let files_of = ["c-1", "c-2"].map(|customer| files.write(&format!("{customer}.json"), &basket(customer)));
    let (from, until) = (Timestamp::now(), Timestamp::now() + SignedDuration::from_hours(1));
    let span = ["--from".to_owned(), from.to_string(), "--until".to_owned(), until.to_string()];
    let (span, catalogue) = (span.each_ref().map(String::as_str), files.text("catalogue.ndjson"));
    // The answers of `quote` and `timeline` for both customers, without the instant at which they were asked for.
    let answers = |ask: &dyn Fn(&[&str]) -> Value, with: &[&str]| -> Vec<Value> {
        let asked = files_of.iter().flat_map(|basket| {
            let quote = ask(&[&["quote", basket], with].concat());
            [quote, ask(&[&["timeline", basket], &span[..], with].concat())]
        });
        asked
            .map(|mut answer| {
                answer.as_object_mut().unwrap().remove("at");
                answer
            })
            .collect()
    };
    let alone = |arguments: &[&str]| -> Value {
        let output = crate::process::pricestream().args(arguments).arg("--json").output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let pays = |answers: &[Value]| [payable(&answers[0]), payable(&answers[2])];

    let server = with_rules(&files);
    let fresh = answers(&|arguments| server.done(arguments), &[]);
    assert_eq!(pays(&fresh), [3_900, 3_900], "15.00, 10.00, 10.00, 5.00, and a code for 1.00: {}", fresh[0]);
    assert_eq!(answers(&alone, &["--rules", &rules, "--catalogue", &catalogue]), fresh, "where nothing was taken yet");

    let signed = server.post("/v1/quotes?sign=true", basket("c-1")).body;
    let order = json!({ "order_id": "o-1", "quote": signed["signed"]["quote"] }).to_string();
    assert_eq!(server.post("/v1/orders", order).status, 200, "{signed}");
    let told = answers(&|arguments| server.done(arguments), &[]);
    assert_eq!(pays(&told), [5_300, 4_800], "c-1 had their unit of A; 2.00 are left of the budget, and nothing of the code");
    server.terminate();
    let store = files.text("store");
    assert_eq!(answers(&alone, &["--data", &store]), told, "by its store");

    let server = with_rules(&files);
    assert_eq!(server.done(&["promotions", "switch", "on", "--without", "flash_sale", "--by", "ann"])["changed"], true);
    let full = || payable(&server.done(&["quote", &files_of[0]]));
    within(SOON, || full() == 6_000, || format!("{}", full()));
    let without = answers(&|arguments| server.done(arguments), &[]);
    server.terminate();
    assert_eq!(answers(&alone, &["--data", &store]), without, "what is switched off is off for both");
    assert_eq!(answers(&alone, &["--data", &store, "--rules", &rules]), told, "a rule set that is named is taken whole");
}
