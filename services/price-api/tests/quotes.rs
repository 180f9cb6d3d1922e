//! Promotions over HTTP: rule sets in force, quotes, lanes, timelines.

mod support;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use support::{Server, kind, server};

/// A tenth off A in the afternoon of the 22nd, 2.00 off any three, and a code.
const RULES: &str = r#"{"version":1,"promotions":[
    {"id":"afternoon","effect":{"percent_off":{"off_bp":1000}},"items":{"include":[{"skus":["A"]}]},
     "window":{"from":"2026-11-22T12:00:00Z","until":"2026-11-22T18:00:00Z"}},
    {"id":"three","effect":{"n_for_price":{"units":3,"price":{"minor":2800,"currency":"USD"}}},"items":{"include":[{"skus":["B"]}]}},
    {"id":"code","effect":{"coupon":{"off":{"percent_bp":500}}},"when":{"coupons":["FIVE"]}}]}"#;

async fn publish(server: &Server, rules: &str) -> (StatusCode, Value) {
    server.admin(Method::PUT, "/v1/admin/promotions?by=test", rules).await
}

async fn with_rules() -> Server {
    let server = server().await;
    let (status, answer) = publish(&server, RULES).await;
    assert_eq!((status, &answer["changed"]), (StatusCode::OK, &json!(true)), "{answer}");
    server
}

fn basket(lines: &[(&str, u32)]) -> Value {
    let lines: Vec<Value> = lines.iter().map(|(sku, quantity)| json!({ "sku": sku, "quantity": quantity })).collect();
    json!({ "lines": lines })
}

async fn payable(server: &Server, request: &Value) -> i64 {
    let (status, answer) = server.post("/v1/quotes", request.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["payable"]["minor"].as_i64().unwrap()
}

#[tokio::test]
async fn a_basket_is_quoted_at_current_prices_with_its_decision_record() {
    let server = with_rules().await;
    let mut request = basket(&[("A", 1), ("B", 4)]);
    assert_eq!(payable(&server, &request).await, 1_000 + 2_800 + 1_000);
    request["at"] = json!("2026-11-22T12:00:00Z");
    request["coupons"] = json!(["five"]);
    let (_, answer) = server.post("/v1/quotes", request.to_string()).await;
    assert_eq!(answer["payable"]["minor"], json!(4_465), "900 + 3800, less 5 %: {answer}");
    let promotions: Vec<&str> =
        answer["promotions"].as_array().unwrap().iter().filter_map(|it| it["promotion"].as_str()).collect();
    assert_eq!(promotions, ["afternoon", "three", "code"]);
    server.set_price("A", 2_000).await;
    request["coupons"] = json!([]);
    assert_eq!(payable(&server, &request).await, 1_800 + 3_800, "a price that moved is not the remembered one");
}

#[tokio::test]
async fn without_a_rule_set_or_switched_off_what_is_paid_is_the_current_price() {
    let server = server().await;
    let three = basket(&[("B", 3)]);
    assert_eq!(payable(&server, &three).await, 3_000);
    let (status, answer) = server.admin(Method::GET, "/v1/admin/promotions", "").await;
    assert_eq!((status, kind(&answer)), (StatusCode::NOT_FOUND, "no-rule-set"));
    publish(&server, RULES).await;
    assert_eq!(payable(&server, &three).await, 2_800);
    for (on, expected) in [(false, 3_000), (true, 2_800)] {
        let asked = json!({ "on": on, "by": "ada", "note": "a try" }).to_string();
        assert_eq!(server.admin(Method::PUT, "/v1/admin/promotions/switch", &asked).await.0, StatusCode::OK);
        assert_eq!(payable(&server, &three).await, expected);
        let (_, switch) = server.admin(Method::GET, "/v1/admin/promotions/switch", "").await;
        assert_eq!((&switch["on"], &switch["by"]), (&json!(on), &json!("ada")), "{switch}");
    }
    let (_, mode) = server.admin(Method::GET, "/v1/admin/mode", "").await;
    assert_eq!(mode["mode"], "run", "the switch of repricing is another one");
}

#[tokio::test]
async fn a_bad_rule_set_is_refused_with_every_problem_and_the_old_one_keeps_serving() {
    let server = with_rules().await;
    let bad = r#"{"version":1,"promotions":[{"id":"a","effect":{"percent_off":{"off_bp":10001}}},
        {"id":"a","effect":{"unheard_of":{}}},{"id":"c","effect":{"points":{"points":0,"worth":{"minor":1,"currency":"USD"}}}}]}"#;
    let (status, answer) = publish(&server, bad).await;
    assert_eq!((status, kind(&answer)), (StatusCode::UNPROCESSABLE_ENTITY, "bad-rule-set"), "{answer}");
    let paths: Vec<&str> = answer["errors"].as_array().unwrap().iter().filter_map(|error| error["path"].as_str()).collect();
    assert_eq!(paths.len(), 3, "{answer}");
    assert!(paths.iter().all(|path| path.starts_with("promotions[")), "{paths:?}");
    assert_eq!(payable(&server, &basket(&[("B", 3)])).await, 2_800);
    let (_, text) = server.admin(Method::GET, "/v1/admin/promotions", "").await;
    assert_eq!(text, serde_json::from_str::<Value>(RULES).unwrap(), "as it was published");
}

#[tokio::test]
async fn a_cached_price_carries_its_own_next_change_and_its_tag_moves_with_it() {
    let server = with_rules().await;
    let (_, a) = server.get("/v1/prices/A").await;
    assert_eq!((&a["payable"]["minor"], &a["payable_until"]), (&json!(1_000), &json!("2026-11-22T12:00:00Z")), "{a}");
    let (_, b) = server.get("/v1/prices/B").await;
    assert_eq!((&b["payable"]["minor"], b.get("payable_until")), (&json!(1_000), None), "one alone costs its price");
    let lane = server.memory.tables().cache.values().find_map(|entry| entry.lane.clone()).unwrap();
    assert_eq!(lane.slices().len(), 3, "whoever reads the cache has all of it: {lane:?}");
    let read = async |tag: &str| {
        let request = Request::get("/v1/prices/A").header(header::IF_NONE_MATCH, tag).body(Body::empty()).unwrap();
        let response = server.send(request).await;
        (response.status().as_u16(), response.headers()[header::ETAG].to_str().unwrap().to_owned())
    };
    let (_, before) = read("\"0\"").await;
    assert_eq!(read(&before).await.0, 304);
    // The sale begins by the reader's clock alone: no event, no decision, no write to the cache.
    let writes = server.memory.tables().cache_writes.len();
    server.memory.tables().now = "2026-11-22T12:00:00Z".parse().unwrap();
    let (status, after) = read(&before).await;
    assert!(status == 200 && after != before, "{status} {after}");
    assert_eq!(server.get("/v1/prices/A").await.1["payable"]["minor"], 900);
    assert_eq!(payable(&server, &basket(&[("A", 1)])).await, 900, "what is shown is what is quoted");
    assert_eq!(server.memory.tables().cache_writes.len(), writes);
}

#[tokio::test]
async fn publishing_a_rule_set_prices_the_skus_that_it_touches_and_no_others() {
    let server = with_rules().await;
    let before: Vec<u64> = revisions(&server);
    let other = RULES.replace("\"off_bp\":1000", "\"off_bp\":2000");
    publish(&server, &other).await;
    let after = revisions(&server);
    let moved: Vec<bool> = before.iter().zip(&after).map(|(before, after)| before != after).collect();
    assert_eq!(moved, [true, false, false, false], "A alone is in the changed promotion");
    server.memory.tables().now = "2026-11-22T12:00:00Z".parse().unwrap();
    assert_eq!(server.get("/v1/prices/A").await.1["payable"]["minor"], 800);
    assert_eq!(
        server.memory.tables().history.values().flatten().filter_map(pricestream_ports::HistoryRow::disagreement).count(),
        0
    );
}

fn revisions(server: &Server) -> Vec<u64> {
    let tables = server.memory.tables();
    tables.prices.values().filter(|record| record.standing.is_some()).map(|record| record.record_rev.0).collect()
}

#[tokio::test]
async fn a_timeline_gives_every_change_and_the_lowest_price() {
    let server = with_rules().await;
    let (status, of_sku) = server.get("/v1/prices/A/timeline?until=2026-11-23T00:00:00Z").await;
    assert_eq!(status, StatusCode::OK, "{of_sku}");
    let slices: Vec<(&str, i64)> = of_sku["slices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|slice| (slice["from"].as_str().unwrap(), slice["payable"]["minor"].as_i64().unwrap()))
        .collect();
    let expected = [("2026-11-22T08:00:00Z", 1_000), ("2026-11-22T12:00:00Z", 900), ("2026-11-22T18:00:00Z", 1_000)];
    assert_eq!(slices, expected);
    assert_eq!((&of_sku["lowest"]["from"], &of_sku["cut"]), (&json!("2026-11-22T12:00:00Z"), &json!(false)));
    let (_, with_code) = server.get("/v1/prices/A/timeline?until=2026-11-23T00:00:00Z&coupons=FIVE&quantity=2").await;
    assert_eq!(with_code["lowest"]["payable"]["minor"], json!(1_710), "{with_code}");
    let path = "/v1/quotes:timeline?until=2026-11-23T00:00:00Z";
    let (_, of_basket) = server.post(path, basket(&[("A", 1)]).to_string()).await;
    assert_eq!(of_basket, of_sku);
    for (slice, at) in
        of_sku["slices"].as_array().unwrap().iter().zip(["2026-11-22T09:00:00Z", "2026-11-22T12:00:00Z", "2026-11-22T23:00:00Z"])
    {
        let mut request = basket(&[("A", 1)]);
        request["at"] = json!(at);
        assert_eq!(payable(&server, &request).await, slice["payable"]["minor"].as_i64().unwrap(), "{at}");
    }
}

#[tokio::test]
async fn a_timeline_of_one_sku_is_asked_with_all_that_a_price_may_depend_on() {
    let server = server().await;
    let off = |id: &str, minor: i64, more: &str| {
        format!(
            r#"{{"id":"{id}","effect":{{"amount_off":{{"amount":{{"minor":{minor},"currency":"USD"}},"per":"order"}}}},"when":{more}}}"#
        )
    };
    let rules = [
        off("first", 1, r#"{"order_number":{"at_least":1,"at_most":1}}"#),
        off("card", 2, r#"{"payment_methods":["card"]}"#),
        off("app", 4, r#"{"channels":["app"]}"#),
        off("north", 8, r#"{"regions":["north"]}"#),
        off("vip", 16, r#"{"groups":["vip"]}"#),
        off("code", 32, r#"{"coupons":["FIVE"]}"#),
        off("slow", 64, r#"{"postage_methods":["slow"]}"#),
        r#"{"id":"sent","effect":{"postage":{"off":"free"}},"when":{"quantity":{"at_least":2}}}"#.to_owned(),
        r#"{"id":"points","effect":{"points":{"points":1,"worth":{"minor":128,"currency":"USD"}}}}"#.to_owned(),
    ];
    let (status, answer) = publish(&server, &format!(r#"{{"version":1,"promotions":[{}]}}"#, rules.join(","))).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    for (query, expected) in [
        ("orders_placed=3", 1_000),
        ("", 1_000 - 1),
        ("orders_placed=1&payment_method=card", 1_000 - 2),
        ("orders_placed=1&channel=app&region=north", 1_000 - 4 - 8),
        ("orders_placed=1&customer=c&groups=new,vip&coupons=X,FIVE", 1_000 - 16 - 32),
        ("orders_placed=1&postage_method=slow", 1_000 - 64),
        ("orders_placed=1&postage=500&postage_method=fast", 1_500),
        ("orders_placed=1&postage=500&postage_method=slow&quantity=2", 2_000 - 64),
        ("orders_placed=1&points=2", 1_000 - 256),
    ] {
        let (_, answer) = server.get(&format!("/v1/prices/A/timeline?{query}")).await;
        assert_eq!(answer["slices"][0]["payable"]["minor"], json!(expected), "{query}: {answer}");
    }
    assert_eq!(kind(&server.get("/v1/prices/A/timeline?postage=-1").await.1), "bad-basket");
}

#[tokio::test]
async fn why_a_guest_pays_what_they_do_is_told_for_now_and_for_the_next_change() {
    let server = with_rules().await;
    let told = async |sku: &str| server.get(&format!("/v1/prices/{sku}/explanation")).await.1["guest"].clone();
    let row = |slice: &Value| {
        let promotions = slice["promotions"].as_array().unwrap().iter();
        let promotions: Vec<(String, String)> =
            promotions.map(|of| (of["promotion"].as_str().unwrap().to_owned(), of["why"].as_str().unwrap().to_owned())).collect();
        (slice["from"].clone(), slice["until"].clone(), slice["payable"]["minor"].as_i64().unwrap(), promotions)
    };
    let of = |promotion: &str, why: &str| (promotion.to_owned(), why.to_owned());
    let [start, noon, evening] = ["2026-11-22T08:00:00Z", "2026-11-22T12:00:00Z", "2026-11-22T18:00:00Z"].map(|at| json!(at));
    let a = told("A").await;
    let slices: Vec<_> = a.as_array().unwrap().iter().map(row).collect();
    let closed = of("afternoon", "is not on now: it is from 2026-11-22T12:00:00Z");
    let open = of("afternoon", "takes 1.00 USD off");
    let expected = [(start, noon.clone(), 1_000, vec![closed]), (noon, evening.clone(), 900, vec![open.clone()])];
    assert_eq!(slices, expected, "{a}");
    server.memory.tables().now = "2026-11-22T13:00:00Z".parse().unwrap();
    let a = told("A").await;
    assert_eq!(row(&a[0]), expected[1], "the slice in force began before now");
    assert_eq!((&a[1]["from"], a[1].get("until"), &a[1]["payable"]["minor"]), (&evening, None, &json!(1_000)), "{a}");
    assert_eq!(row(&told("B").await[0]).3, [of("three", "needs 3 units, and there are 1")]);
    assert_eq!(told("C").await, Value::Null, "no promotion concerns it");
}

#[tokio::test]
async fn a_list_costs_what_each_of_it_is_quoted_alone_and_says_what_it_goes_from() {
    let server = with_rules().await;
    let asked =
        json!({ "skus": ["A", "B", "nobody", "C"], "with_from": true, "coupons": ["FIVE"], "at": "2026-11-22T12:00:00Z" });
    let (status, answer) = server.post("/v1/prices:browse", asked.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let items = answer["items"].as_array().unwrap();
    let skus: Vec<&str> = items.iter().filter_map(|item| item["sku"].as_str()).collect();
    assert_eq!(skus, ["A", "B", "C"]);
    for item in items {
        let mut alone = basket(&[(item["sku"].as_str().unwrap(), 1)]);
        alone["coupons"] = json!(["FIVE"]);
        alone["at"] = json!("2026-11-22T12:00:00Z");
        assert_eq!(item["payable"]["minor"], payable(&server, &alone).await, "{item}");
    }
    assert_eq!(items[0]["promotions"], json!(["afternoon", "code"]));
    assert_eq!((&items[0]["until"], items[1].get("until")), (&json!("2026-11-22T18:00:00Z"), None), "{answer}");
    let from = &items[1]["from"];
    assert_eq!((&from["quantity"], &from["payable"]["minor"], &from["each"]["minor"]), (&json!(3), &json!(2_660), &json!(887)));
    assert_eq!((&answer["missing"][0]["sku"], kind(&answer["missing"][0])), (&json!("nobody"), "unknown-sku"), "{answer}");
    let many: Vec<String> = (0..1_001).map(|number| format!("S{number}")).collect();
    let (status, answer) = server.post("/v1/prices:browse", json!({ "skus": many }).to_string()).await;
    assert_eq!((status, kind(&answer)), (StatusCode::UNPROCESSABLE_ENTITY, "too-many-skus"), "{answer}");
}

#[tokio::test]
async fn a_component_that_is_switched_off_is_left_out_of_quotes_and_lanes_and_says_so() {
    let server = with_rules().await;
    server.memory.tables().now = "2026-11-22T12:00:00Z".parse().unwrap();
    let switch = |off: &[&str]| json!({ "on": true, "components_off": off, "by": "ada" }).to_string();
    let (status, answer) = server.admin(Method::PUT, "/v1/admin/promotions/switch", &switch(&["percent"])).await;
    assert_eq!((status, kind(&answer)), (StatusCode::UNPROCESSABLE_ENTITY, "bad-switch"), "{answer}");
    for (off, expected, degraded) in [(&["percent_off"][..], 1_000, 1), (&[], 900, 0)] {
        assert_eq!(server.admin(Method::PUT, "/v1/admin/promotions/switch", &switch(off)).await.0, StatusCode::OK);
        let (_, answer) = server.post("/v1/quotes", basket(&[("A", 1)]).to_string()).await;
        assert_eq!(answer["payable"]["minor"], json!(expected), "{answer}");
        assert_eq!(answer["degraded"].as_array().unwrap().len(), degraded, "{answer}");
        assert_eq!(server.get("/v1/prices/A").await.1["payable"]["minor"], json!(expected), "the lane says the same");
    }
}

#[tokio::test]
async fn a_guard_that_is_passed_is_told_and_counted_and_blocks_if_the_policy_says_so() {
    let server = server().await;
    let rules = r#"{"version":1,"policies":{"guards":{"discount_share":{"most_bp":2000,"action":"alert"},"stack_depth":{"most":1,"action":"block"}}},
        "promotions":[{"id":"third","effect":{"percent_off":{"off_bp":3000}},"items":{"include":[{"skus":["A"]}]}},
        {"id":"five","effect":{"amount_off":{"amount":{"minor":500,"currency":"USD"},"per":"unit"}},"items":{"include":[{"skus":["A"]}]},"when":{"coupons":["FIVE"]}}]}"#;
    publish(&server, rules).await;
    for (sku, coupons, risks, sellable) in
        [("B", json!([]), 0, true), ("A", json!([]), 1, true), ("A", json!(["FIVE"]), 2, false)]
    {
        let mut request = basket(&[(sku, 1)]);
        request["coupons"] = coupons;
        let (_, answer) = server.post("/v1/quotes", request.to_string()).await;
        assert_eq!((answer["risks"].as_array().unwrap().len(), &answer["sellable"]), (risks, &json!(sellable)), "{answer}");
    }
    let (_, metrics) = server.get("/metrics").await;
    let metrics = metrics.as_str().unwrap();
    for line in [
        "pricestream_quote_risks_total{guard=\"discount_share\",action=\"alert\"} 2",
        "pricestream_quote_risks_total{guard=\"stack_depth\",action=\"block\"} 1",
        "pricestream_quotes_total{scenario=\"basket\",result=\"sellable\"} 2",
        "pricestream_quotes_total{scenario=\"basket\",result=\"blocked\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}");
    }
}

#[tokio::test]
async fn a_code_is_told_unknown_from_expired_and_a_gift_is_named() {
    let server = server().await;
    let rules = r#"{"version":1,"promotions":[
        {"id":"old","effect":{"coupon":{"off":{"percent_bp":500}}},"when":{"coupons":["OLD"]},"window":{"until":"2026-01-01T00:00:00Z"}},
        {"id":"mug","effect":{"gift":{"gifts":[{"sku":"C"}]}},"when":{"quantity":{"at_least":2}}}]}"#;
    publish(&server, rules).await;
    let mut request = basket(&[("A", 2)]);
    request["coupons"] = json!(["old", "what"]);
    let (_, answer) = server.post("/v1/quotes", request.to_string()).await;
    let statuses: Vec<&str> = answer["coupons"].as_array().unwrap().iter().filter_map(|code| code["status"].as_str()).collect();
    assert_eq!(statuses, ["expired", "unknown"], "{answer}");
    assert_eq!((&answer["gifts"][0]["sku"], &answer["gifts"][0]["worth"]["minor"]), (&json!("C"), &json!(1_000)), "{answer}");
    assert_eq!(answer["payable"]["minor"], json!(2_000));
}

/// Half off, for two orders in all.
const LIMITED: &str = r#"{"version":1,"promotions":[
    {"id":"flash","effect":{"flash_sale":{"off":{"percent_bp":5000}}},"items":{"include":[{"skus":["A"]}]},"limit":{"units":3}}]}"#;

#[tokio::test]
async fn what_a_signed_quote_shows_is_what_its_order_charges_and_what_it_holds_nobody_else_gets() {
    let server = server().await;
    publish(&server, LIMITED).await;
    let two = basket(&[("A", 2)]).to_string();
    let (status, first) = server.post("/v1/quotes?sign=true", two.clone()).await;
    assert_eq!((status, &first["payable"]["minor"]), (StatusCode::OK, &json!(1_000)), "{first}");
    assert_eq!(first["scenario"], "order");
    // One unit is left: the dearest get it, and a quote says what is so now.
    assert_eq!(payable(&server, &basket(&[("A", 2)])).await, 500 + 1_000);
    // The rule set changes, the price moves: what was signed is charged.
    publish(&server, RULES).await;
    server.set_price("A", 5_000).await;
    let order = json!({ "order_id": "o-1", "quote": first["signed"]["quote"] }).to_string();
    let (status, placed) = server.post("/v1/orders", order).await;
    assert_eq!((status, &placed["payable"]["minor"]), (StatusCode::OK, &json!(1_000)), "{placed}");
    // In the past or the future nothing can be ordered.
    let mut later = basket(&[("A", 1)]);
    later["at"] = json!("2026-12-24T00:00:00Z");
    let (status, answer) = server.post("/v1/quotes?sign=true", later.to_string()).await;
    assert_eq!((status, kind(&answer)), (StatusCode::BAD_REQUEST, "bad-body"), "{answer}");
}

/// Signs a basket of so many units of A.
async fn sign(server: &Server, units: u32, key: Option<&str>, more: &str) -> (StatusCode, Value) {
    let request = Request::post(format!("/v1/quotes?sign=true{more}")).header(header::CONTENT_TYPE, "application/json");
    let request = key.into_iter().fold(request, |request, key| request.header("Idempotency-Key", key));
    server.json(request.body(basket(&[("A", units)]).to_string().into()).unwrap()).await
}

async fn release(server: &Server, quote: &str) -> (StatusCode, Value) {
    server.json(Request::delete(format!("/v1/quotes/{quote}")).body(Body::empty()).unwrap()).await
}

async fn order(server: &Server, order: &str, signed: &Value) -> (StatusCode, Value) {
    server.post("/v1/orders", json!({ "order_id": order, "quote": signed["signed"]["quote"] }).to_string()).await
}

fn quote_id(signed: &Value) -> &str {
    signed["signed"]["quote_id"].as_str().unwrap_or_else(|| panic!("it is not signed: {signed}"))
}

/// Of three units at half price.
async fn left_at_half_price(server: &Server) -> i64 {
    (3 * 1_000 - payable(server, &basket(&[("A", 3)])).await) / 500
}

#[tokio::test]
async fn a_quote_that_is_asked_for_again_under_its_key_is_the_same_and_takes_nothing_twice() {
    let server = server().await;
    publish(&server, LIMITED).await;
    let (status, first) = sign(&server, 2, Some("\"k-1\""), "").await;
    assert_eq!(status, StatusCode::OK, "{first}");
    server.memory.pass(std::time::Duration::from_mins(1));
    let (status, again) = sign(&server, 2, Some("\"k-1\""), "&hold_seconds=5000").await;
    assert_eq!((status, &again["payable"]["minor"]), (StatusCode::OK, &json!(1_000)), "its own hold is not against it: {again}");
    assert_eq!((quote_id(&again), &again["signed"]["expires_at"]), (quote_id(&first), &first["signed"]["expires_at"]));
    assert_eq!(left_at_half_price(&server).await, 1, "held once");
    let (status, other) = sign(&server, 1, Some("\"k-1\""), "").await;
    assert_eq!((status, kind(&other)), (StatusCode::CONFLICT, "idempotency-key-taken"), "{other}");
    assert_eq!(other["quote_id"], quote_id(&first), "so that it can be given back");
    let (status, one) = sign(&server, 1, Some("k-2"), "").await;
    assert!(status == StatusCode::OK && quote_id(&one) != quote_id(&first), "{one}");
    assert_eq!(order(&server, "o-1", &again).await.0, StatusCode::OK);
    let (status, answer) = order(&server, "o-2", &first).await;
    assert_eq!((status, kind(&answer)), (StatusCode::CONFLICT, "quote-redeemed"), "they are one quote");
    let (status, answer) = sign(&server, 3, Some("k-1"), "").await;
    assert_eq!((status, kind(&answer), &answer["order_id"]), (StatusCode::CONFLICT, "quote-redeemed", &json!("o-1")));
    assert_eq!(release(&server, quote_id(&one)).await.0, StatusCode::NO_CONTENT);
    let (status, answer) = sign(&server, 1, Some("k-2"), "").await;
    assert_eq!((status, kind(&answer)), (StatusCode::GONE, "quote-expired"), "{answer}");
    let (status, answer) = sign(&server, 1, Some("\"k"), "").await;
    assert_eq!((status, kind(&answer)), (StatusCode::BAD_REQUEST, "bad-idempotency-key"), "{answer}");
}

#[tokio::test]
async fn a_key_names_what_holds_nothing_too() {
    let server = server().await;
    let (_, first) = sign(&server, 2, Some("k-1"), "").await;
    let (_, again) = sign(&server, 2, Some("k-1"), "").await;
    assert_eq!(quote_id(&first), quote_id(&again));
    assert_eq!(kind(&sign(&server, 1, Some("k-1"), "").await.1), "idempotency-key-taken");
    server.set_price("A", 900).await;
    assert_eq!(kind(&sign(&server, 2, Some("k-1"), "").await.1), "idempotency-key-taken", "it would be charged otherwise");
    let (_, two) = sign(&server, 2, Some("k-2"), "").await;
    assert_eq!(release(&server, quote_id(&two)).await.0, StatusCode::NO_CONTENT);
    let (status, answer) = order(&server, "o-2", &two).await;
    assert_eq!((status, kind(&answer)), (StatusCode::GONE, "quote-expired"), "it was given back");
    assert_eq!(order(&server, "o-1", &first).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_signed_quote_is_given_back_or_replaced_by_another() {
    let server = server().await;
    publish(&server, LIMITED).await;
    let (_, first) = sign(&server, 3, None, "").await;
    let (_, without) = sign(&server, 1, None, "").await;
    assert_eq!(without["payable"]["minor"], 1_000, "all three are held by the first: {without}");
    let replaces = format!("&replaces={}", quote_id(&first));
    let preview = server.post(&format!("/v1/quotes?{}", &replaces[1..]), basket(&[("A", 2)]).to_string()).await.1;
    assert_eq!(preview["payable"]["minor"], 1_000, "what it will cost, before it is signed: {preview}");
    assert_eq!(left_at_half_price(&server).await, 0, "that gives nothing back");
    for attempt in 1..=2 {
        let (status, second) = sign(&server, 2, Some("k-2"), &replaces).await;
        assert_eq!((status, &second["payable"]["minor"]), (StatusCode::OK, &json!(1_000)), "attempt {attempt}: {second}");
        assert_eq!(left_at_half_price(&server).await, 1);
    }
    assert_eq!(kind(&order(&server, "o-1", &first).await.1), "quote-expired", "it was replaced");
    let (_, second) = sign(&server, 2, Some("k-2"), &replaces).await;
    for _ in 0..2 {
        assert_eq!(release(&server, quote_id(&second)).await.0, StatusCode::NO_CONTENT, "again: the same answer");
        assert_eq!(left_at_half_price(&server).await, 3);
    }
    assert_eq!(kind(&order(&server, "o-1", &second).await.1), "quote-expired");
    assert_eq!(release(&server, "nobody").await.0, StatusCode::NO_CONTENT, "it holds nothing");
    assert_eq!(kind(&release(&server, &"q".repeat(65)).await.1), "bad-quote-id");
    let (_, third) = sign(&server, 1, None, "").await;
    order(&server, "o-3", &third).await;
    let (status, answer) = release(&server, quote_id(&third)).await;
    assert_eq!((status, kind(&answer), &answer["order_id"]), (StatusCode::CONFLICT, "quote-redeemed", &json!("o-3")), "{answer}");
    let (status, answer) = sign(&server, 2, None, &format!("&replaces={}", quote_id(&third))).await;
    assert_eq!((status, kind(&answer)), (StatusCode::CONFLICT, "quote-redeemed"), "{answer}");
    assert_eq!(left_at_half_price(&server).await, 2, "an order's is given back with the order");
    server.json(Request::delete("/v1/orders/o-3").body(Body::empty()).unwrap()).await;
    assert_eq!(release(&server, quote_id(&third)).await.0, StatusCode::NO_CONTENT);
    assert_eq!(left_at_half_price(&server).await, 3);
}

#[tokio::test]
async fn what_takes_from_others_or_looks_at_what_they_hold_needs_the_token_of_the_shop() {
    let server = support::bare(pricestream_price_api::Tokens {
        admin: None,
        ingest: Some(pricestream_price_api::Token::new("the-ingest-token")),
    });
    assert_eq!(sign(&server, 1, Some("k"), "").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(release(&server, "q").await.0, StatusCode::UNAUTHORIZED);
    let (status, _) = server.post("/v1/quotes?replaces=q", basket(&[("A", 2)]).to_string()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_quote_that_a_guard_blocks_is_not_signed() {
    let server = server().await;
    let rules = LIMITED.replacen('{', r#"{"policies":{"guards":{"discount_share":{"most_bp":2000,"action":"block"}}},"#, 1);
    publish(&server, &rules).await;
    let (status, answer) = server.post("/v1/quotes?sign=true", basket(&[("A", 1)]).to_string()).await;
    assert_eq!((status, kind(&answer)), (StatusCode::CONFLICT, "not-sellable"), "{answer}");
    assert_eq!(answer["risks"][0]["guard"], "discount_share", "{answer}");
    assert_eq!(payable(&server, &basket(&[("A", 1)])).await, 500, "shown all the same");
}

#[tokio::test]
async fn a_rule_set_is_checked_over_the_catalogue_without_being_published() {
    let server = with_rules().await;
    let check = async |rules: &str| server.admin(Method::POST, "/v1/admin/promotions:check", rules).await;
    let (status, answer) = check(r#"{"version":1,"promotions":[{"id":"gone","effect":{"percent_off":{"off_bp":500}},"items":{"include":[{"skus":["Z"]}]}}]}"#).await;
    assert_eq!((status, &answer["problems"]), (StatusCode::OK, &json!([])), "{answer}");
    let codes: Vec<&str> =
        answer["findings"]["findings"].as_array().unwrap().iter().filter_map(|it| it["code"].as_str()).collect();
    assert!(codes.contains(&"unknown_item"), "{answer}");
    let (_, answer) = check(r#"{"version":1,"promotions":[{"id":"gone"}]}"#).await;
    assert_eq!((answer["problems"][0]["path"].as_str().is_some(), answer.get("findings")), (true, None), "{answer}");
    assert_eq!(payable(&server, &basket(&[("B", 3)])).await, 2_800, "the old one keeps serving");
}

#[tokio::test]
async fn a_basket_that_cannot_be_priced_is_told_why() {
    let server = with_rules().await;
    let many: Vec<Value> = (0..10_000).map(|id| json!({ "id": id.to_string(), "sku": "A" })).collect();
    let packet = json!({ "id": "p", "amount": { "minor": 300, "currency": "USD" } });
    for (body, status, expected) in [
        (basket(&[]).to_string(), 422, "bad-basket"),
        (basket(&[("A", 0)]).to_string(), 422, "bad-basket"),
        (basket(&[("A", 1_000_000_000)]).to_string(), 422, "bad-basket"),
        (json!({ "lines": many }).to_string(), 422, "bad-basket"),
        (basket(&[("A", 1), ("A", 2)]).to_string(), 422, "bad-basket"),
        (json!({ "lines": [{ "sku": "A" }], "red_packets": [packet, packet] }).to_string(), 422, "bad-basket"),
        (basket(&[("Z", 1)]).to_string(), 404, "unknown-sku"),
        (basket(&[("N", 1)]).to_string(), 409, "no-price"),
        (json!({ "lines": [{ "sku": "A" }], "coupon": "X" }).to_string(), 400, "bad-body"),
        (
            json!({ "lines": [{ "sku": "A" }], "postage": { "amount": { "minor": 1, "currency": "EUR" } } }).to_string(),
            422,
            "bad-basket",
        ),
        ("{".to_owned(), 400, "bad-body"),
    ] {
        let (got, answer) = server.post("/v1/quotes", body.clone()).await;
        let short: String = body.chars().take(80).collect();
        assert_eq!((got.as_u16(), kind(&answer)), (status, expected), "{short}: {answer}");
    }
    // Everything at once, each with its path: two that nobody knows, and what is wrong besides.
    let body = json!({
        "lines": [{ "sku": "Y" }, { "sku": "A", "quantity": 0 }, { "sku": "N" }, { "sku": "Z" }],
        "red_packets": [{ "id": "p", "amount": { "minor": -1, "currency": "USD" } }], "coupons": ["x".repeat(65)],
    });
    let (status, answer) = server.post("/v1/quotes", body.to_string()).await;
    assert_eq!((status.as_u16(), kind(&answer), &answer["sku"]), (404, "unknown-sku", &json!("Y")), "{answer}");
    let errors = answer["errors"].as_array().unwrap();
    let paths: Vec<&str> = errors.iter().filter_map(|error| error["path"].as_str()).collect();
    let expected = ["lines[0].sku", "lines[2].sku", "lines[3].sku", "lines[1].quantity", "red_packets[0].amount", "coupons[0]"];
    assert_eq!(paths, expected, "{answer}");
    assert!(errors.iter().all(|error| error["message"].as_str().is_some_and(|message| message.len() > 10)), "{answer}");
    let (_, answer) = server.post("/v1/quotes", basket(&[("B", 1), ("A", 0)]).to_string()).await;
    assert_eq!(answer["errors"][0]["path"], "lines[1].quantity");
    assert_eq!(answer["errors"][0]["message"], answer["detail"], "one problem is told in words: {answer}");
    for path in
        ["/v1/prices/A/timeline?until=2020-01-01T00:00:00Z", "/v1/prices/A/timeline?from=now", "/v1/prices/A/timeline?hours=1"]
    {
        assert_eq!(kind(&server.get(path).await.1), "bad-query", "{path}");
    }
}
