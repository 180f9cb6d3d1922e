//! One stock change, from the source to the shopper.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::{Files, change, pricestream};

#[test]
fn a_stock_change_is_durable_when_answered_and_its_price_is_everywhere_within_a_second() {
    let files = Files::with(&["A", "B"]);
    let server = files.start();
    assert_eq!((server.get("/healthz").status, server.get("/readyz").status), (200, 200));
    assert_eq!(server.price("A"), Some(1_000), "before stock is known, the list price");
    let stream = server.stream("/v1/stream?skus=A");
    let event = |after: &str| -> (String, Value) {
        let mut id = String::new();
        loop {
            let line = stream.recv_timeout(Duration::from_secs(5)).unwrap_or_else(|_| panic!("no event after {after}"));
            if let Some(text) = line.strip_prefix("id: ") {
                text.clone_into(&mut id);
            } else if let Some(data) = line.strip_prefix("data: ") {
                return (id, serde_json::from_str(data).unwrap());
            }
        }
    };
    assert_eq!(event("opening").0, "A:1", "a stream begins with what there is");

    let began = Instant::now();
    let answer = server.change(&change("A", 1, 9));
    assert_eq!((answer.status, &answer.body), (200, &json!({ "result": "applied", "sku": "A", "stock_version": 1 })));
    // From the file, by another process: what was answered is there.
    let told = pricestream().args(["explain", "A", "--json", "--data"]).arg(files.path("store")).output().unwrap();
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(
        (&told["explanation"]["decision"]["on_hand"], &told["history"]["decisions"][0]["cause"]),
        (&json!(9), &json!("stock"))
    );
    server.shows("A", 1_050, Duration::from_secs(1));
    let (id, data) = event("the change");
    assert_eq!((id.as_str(), &data["price"]), ("A:2", &json!({ "minor": 1_050, "currency": "EUR" })));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(server.price("B"), Some(1_000), "nothing else moved");

    let decisions = server.decisions("A");
    let (newest, first) = (&decisions[0], &decisions[1]);
    assert_eq!((&newest["price"]["minor"], &newest["previous_price"]["minor"]), (&json!(1_050), &json!(1_000)));
    assert_eq!((&newest["on_hand"], &newest["stock_version"], &first["cause"]), (&json!(9), &json!(1), &json!("product")));
    let explanation = server.get("/v1/prices/A/explanation").body;
    let sentence = explanation["sentence"].as_str().unwrap();
    assert!(sentence.contains("plus-five") && sentence.contains("10.50 EUR"), "{sentence}");
    assert_eq!((&explanation["decision"], &explanation["disagreement"]), (newest, &Value::Null));
    let lowest = server.get("/v1/prices/A/lowest");
    assert_eq!(lowest.status, 200, "{}", lowest.body);
    assert_eq!(lowest.body["sku"], "A");

    for (metric, expected) in [
        (r#"pricestream_stock_changes_total{result="applied"}"#, 1.0),
        ("pricestream_freshness_seconds_count", 1.0),
        (r#"pricestream_freshness_seconds_bucket{le="+Inf"}"#, 1.0),
        (r#"pricestream_freshness_seconds_bucket{le="10.0"}"#, 1.0),
        ("pricestream_stream_connections", 1.0),
    ] {
        assert!((server.metric(metric) - expected).abs() < f64::EPSILON, "{metric}: {}", server.metric(metric));
    }
    let described = server.get("/openapi.json").body;
    for path in
        ["/v1/stock-changes", "/v1/prices/{sku}", "/v1/prices/{sku}/lowest", "/v1/stream", "/v1/admin/strategies", "/metrics"]
    {
        assert!(described["paths"][path].is_object(), "{path} is described");
    }
    let status = server.admin_get("/v1/admin/status");
    assert_eq!((&status["products"], &status["inventory"], &status["dead_letters"]), (&json!(2), &json!(1), &json!(0)));
    assert!(status["queues"].as_object().unwrap().values().all(|waiting| *waiting == 0), "{status}");
    assert_eq!(server.done(&["verify"])["findings"], 0);
    assert_eq!(files.log(), "", "nobody is alarmed");
}

#[test]
fn the_price_follows_the_strategy_up_and_down_and_keeps_where_nothing_changes() {
    let files = Files::with(&["A"]);
    let server = files.start();
    for (seq, on_hand, expected, version) in
        [(1, 50, 1_000, 1), (2, 10, 1_000, 1), (3, 9, 1_050, 2), (4, 0, 1_050, 2), (5, 10, 1_000, 3), (6, 3, 1_050, 4)]
    {
        assert_eq!(server.change(&change("A", seq, on_hand)).status, 200);
        server.shows("A", expected, Duration::from_secs(1));
        let price = server.get("/v1/prices/A");
        assert_eq!(price.body["price_version"], version, "change {seq}");
        assert_eq!(price.headers["etag"], format!("\"{version}\""), "change {seq}");
    }
    assert_eq!(server.decisions("A").len(), 7, "a kept price is a decision too");
}
