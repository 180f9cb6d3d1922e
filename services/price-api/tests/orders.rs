//! Signed quotes over HTTP: held, redeemed once, charged as shown, cancelled.

mod support;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use jiff::SignedDuration;
use pricestream_domain::{Currency, Money};
use pricestream_ports::UsageReads;
use pricestream_price_api::{Hold, Problem, QuoteClaims, QuoteKey, SignedQuote, Token, Tokens, answer_digest, hold};
use pricestream_promotion_engine::{Basket, Context, Left, Line, Postage, Quote, RuleSet};
use serde_json::{Value, json};
use support::{Server, bare, kind, quote_key};

/// Half off A, for ten units and two orders of a customer; a code that is used once; `more` fields of the rule set.
fn rules(more: &str) -> RuleSet {
    let rules = r#"{"version":1,"promotions":[
        {"id":"flash","effect":{"flash_sale":{"off":{"percent_bp":5000}}},"items":{"include":[{"skus":["A"]}]},
         "limit":{"units":10,"uses_per_customer":2}},
        {"id":"code","effect":{"coupon":{"off":{"amount":{"minor":100,"currency":"USD"}}}},"when":{"coupons":["ONCE"]},
         "limit":{"uses_per_coupon":1}}]MORE}"#;
    RuleSet::from_json(&rules.replace("MORE", more)).unwrap()
}

fn line(sku: &str, quantity: u32) -> Line {
    let product = serde_json::from_value(support::line(sku, 1_000)).unwrap();
    Line {
        id: sku.into(),
        product: Arc::new(product),
        quantity,
        unit_price: Money::new(1_000, Currency::USD),
        stock_left: None,
        last_price: None,
        delivery: None,
    }
}

/// Who buys, with which codes, at the server's time.
fn context(server: &Server, customer: Option<&str>, coupons: &[&str]) -> Context {
    let mut context = Context { at: server.memory.tables().now, ..Context::default() };
    context.customer.id = customer.map(str::to_owned);
    context.coupons = coupons.iter().map(|code| (*code).to_owned()).collect();
    context
}

/// `units` of A, priced with what is left, and signed for ten minutes.
async fn signed(
    server: &Server,
    rules: &RuleSet,
    customer: Option<&str>,
    units: u32,
    coupons: &[&str],
) -> Result<SignedQuote, Problem> {
    let mut context = context(server, customer, coupons);
    let basket = Basket { currency: Currency::USD, lines: vec![line("A", units)], postage: None };
    let asked = rules.limits_asked(&basket, &context).unwrap();
    context.left = server.memory.left(&asked, &[], context.at).await.unwrap();
    let quote = rules.quote(&basket, &context).unwrap();
    hold(&server.api(), &quote, rules, &context, held(SignedDuration::from_mins(10))).await
}

fn held(ttl: SignedDuration) -> Hold {
    Hold { ttl, ..Hold::default() }
}

async fn units_left(server: &Server, rules: &RuleSet) -> Left {
    let basket = Basket { currency: Currency::USD, lines: vec![line("A", 1)], postage: None };
    let context = context(server, None, &["ONCE"]);
    let left = server.memory.left(&rules.limits_asked(&basket, &context).unwrap(), &[], context.at).await.unwrap();
    Left { units: left["flash"].units, coupons: left["code"].coupons, ..Left::default() }
}

fn left(units: u64, coupons: u64) -> Left {
    Left { units: Some(units), coupons: Some(coupons), ..Left::default() }
}

fn server() -> Server {
    bare(Tokens::default())
}

async fn place(server: &Server, quote: &str, order: &str) -> (StatusCode, Value) {
    server.post("/v1/orders", json!({ "quote": quote, "order_id": order }).to_string()).await
}

async fn cancel(server: &Server, order: &str) -> (StatusCode, Value) {
    server.json(Request::delete(format!("/v1/orders/{order}")).body(Body::empty()).unwrap()).await
}

fn pass(server: &Server, seconds: u64) {
    server.memory.pass(std::time::Duration::from_secs(seconds));
}

#[tokio::test]
async fn what_was_shown_is_charged_and_a_quote_is_redeemed_once() {
    let (server, rules) = (server(), rules(""));
    let quote = signed(&server, &rules, Some("c-1"), 4, &["once"]).await.unwrap();
    assert_eq!(quote.claims.payable, Money::new(1_900, Currency::USD), "4 at half price, and 100 off");
    assert_eq!(units_left(&server, &rules).await, left(6, 0), "held for it");
    let (status, order) = place(&server, &quote.token, "o-1").await;
    assert_eq!(status, StatusCode::OK, "{order}");
    let claims: QuoteClaims = serde_json::from_value(order["claims"].clone()).unwrap();
    assert_eq!(claims, quote.claims, "shown is charged");
    let expected = json!({
        "order_id": "o-1", "quote_id": quote.claims.id, "state": "placed", "payable": { "minor": 1_900, "currency": "USD" },
        "placed_at": "2026-11-22T08:00:00Z", "claims": order["claims"],
    });
    assert_eq!(order, expected);
    // Again, also long after the quote has expired: the same answer.
    pass(&server, 100_000);
    assert_eq!(place(&server, &quote.token, "o-1").await, (StatusCode::OK, expected.clone()));
    assert_eq!(server.get("/v1/orders/o-1").await, (StatusCode::OK, expected));
    assert_eq!(units_left(&server, &rules).await, left(6, 0), "used for good, and once");
    let (status, problem) = place(&server, &quote.token, "o-2").await;
    assert_eq!((status, kind(&problem), &problem["order_id"]), (StatusCode::CONFLICT, "quote-redeemed", &json!("o-1")));
    let other = signed(&server, &rules, None, 1, &[]).await.unwrap();
    let (status, problem) = place(&server, &other.token, "o-1").await;
    assert_eq!((status, kind(&problem)), (StatusCode::CONFLICT, "other-quote"));
    assert_eq!(problem["quote_id"], json!(quote.claims.id));
    assert_eq!(server.get("/v1/orders/o-2").await.0, StatusCode::NOT_FOUND, "nothing is kept of what was refused");
    let counts = &server.metrics.orders;
    assert_eq!((counts.placed.get(), counts.repeated.get(), counts.refused.get()), (1, 1, 2));
}

#[tokio::test]
async fn a_quote_that_was_not_redeemed_in_time_is_gone() {
    let (server, rules) = (server(), rules(""));
    let quote = signed(&server, &rules, None, 10, &[]).await.unwrap();
    let plain = signed(&server, &RuleSet::from_json(r#"{"version":1}"#).unwrap(), None, 10, &[]).await.unwrap();
    assert_eq!(plain.claims.uses, [], "it holds nothing, and expires all the same");
    pass(&server, 599);
    assert_eq!(units_left(&server, &rules).await, left(0, 1));
    pass(&server, 1);
    assert_eq!(units_left(&server, &rules).await, left(10, 1));
    for quote in [&quote, &plain] {
        let (status, problem) = place(&server, &quote.token, "o-1").await;
        assert_eq!((status, kind(&problem)), (StatusCode::GONE, "quote-expired"), "{problem}");
    }
    signed(&server, &rules, None, 1, &[]).await.unwrap();
    let counts = &server.metrics.reservations;
    assert_eq!((counts.granted.get(), counts.refused.get(), counts.expired.get()), (2, 0, 1));
}

#[tokio::test]
async fn a_hold_that_is_gone_is_never_charged() {
    let (server, rules) = (server(), rules(""));
    let quote = signed(&server, &rules, None, 2, &[]).await.unwrap();
    server.memory.tables().usage = pricestream_ports::memory::UsageTable::default();
    let (status, problem) = place(&server, &quote.token, "o-1").await;
    assert_eq!((status, kind(&problem)), (StatusCode::GONE, "quote-expired"), "{problem}");
    assert_eq!(server.get("/v1/orders/o-1").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn when_too_little_is_left_nothing_is_held_and_it_is_said_of_what() {
    let (server, rules) = (server(), rules(""));
    let basket = Basket { currency: Currency::USD, lines: vec![line("A", 8)], postage: None };
    let context = context(&server, Some("c-1"), &["ONCE"]);
    // Both were priced when all of it was left.
    let quote: Quote = rules.quote(&basket, &context).unwrap();
    let ttl = SignedDuration::from_mins(10);
    hold(&server.api(), &quote, &rules, &context, held(ttl)).await.unwrap();
    let problem = hold(&server.api(), &quote, &rules, &context, held(ttl)).await.unwrap_err();
    assert_eq!(problem.code(), pricestream_price_api::Code::LimitReached);
    assert!(
        problem.detail().contains("\"flash\"") && problem.detail().contains("price the basket again"),
        "{}",
        problem.detail()
    );
    assert_eq!(units_left(&server, &rules).await, left(2, 0));
    let again = signed(&server, &rules, Some("c-1"), 8, &["ONCE"]).await.unwrap();
    assert_eq!(again.claims.payable, Money::new(7_000, Currency::USD), "two are left at half price, and the code is used up");
    assert_eq!(server.metrics.reservations.refused.get(), 1);
}

#[tokio::test]
async fn a_cancelled_order_gives_back_what_it_used_or_keeps_it() {
    for (policies, expected) in [("", left(10, 1)), (r#","policies":{"on_cancel":"keep"}"#, left(6, 0))] {
        let (server, rules) = (server(), rules(policies));
        let quote = signed(&server, &rules, None, 4, &["ONCE"]).await.unwrap();
        assert_eq!(place(&server, &quote.token, "o-1").await.0, StatusCode::OK);
        assert_eq!(units_left(&server, &rules).await, left(6, 0));
        pass(&server, 5);
        let (status, order) = cancel(&server, "o-1").await;
        assert_eq!(
            (status, &order["state"], &order["cancelled_at"]),
            (StatusCode::OK, &json!("cancelled"), &json!("2026-11-22T08:00:05Z"))
        );
        assert_eq!(units_left(&server, &rules).await, expected);
        pass(&server, 5);
        assert_eq!(cancel(&server, "o-1").await, (StatusCode::OK, order.clone()), "the same answer");
        assert_eq!(server.get("/v1/orders/o-1").await, (StatusCode::OK, order.clone()));
        assert_eq!(place(&server, &quote.token, "o-1").await, (StatusCode::OK, order), "it stays cancelled");
        let (status, problem) = place(&server, &quote.token, "o-2").await;
        assert_eq!((status, kind(&problem)), (StatusCode::CONFLICT, "quote-redeemed"), "and the quote redeemed");
        assert_eq!(units_left(&server, &rules).await, expected, "once");
        assert_eq!(server.metrics.orders.cancelled.get(), 1);
    }
}

/// Places an order of three A for 25.00 and two B, with postage and taxes; gives what is charged.
async fn order_to_be_refunded(server: &Server, prices: &str) -> i64 {
    let rules = r#"{"version":1,"policies":{"tax":{"prices":"PRICES","default_rate":2100,"postage_rate":900}},"promotions":[
        {"id":"three","effect":{"n_for_price":{"units":3,"price":{"minor":2500,"currency":"USD"}}},"items":{"include":[{"skus":["A"]}]}}]}"#;
    let rules = RuleSet::from_json(&rules.replace("PRICES", prices)).unwrap();
    let context = context(server, None, &[]);
    let postage = Some(Postage { amount: Money::new(495, Currency::USD), method: None });
    let basket = Basket { currency: Currency::USD, lines: vec![line("A", 3), line("B", 2)], postage };
    let quote = rules.quote(&basket, &context).unwrap();
    let signed = hold(&server.api(), &quote, &rules, &context, held(SignedDuration::from_mins(10))).await.unwrap();
    assert_eq!(signed.claims.paid(), Some(quote.paid()), "what is signed is all that a refund needs");
    assert_eq!(place(server, &signed.token, "o-1").await.0, StatusCode::OK);
    signed.claims.payable.minor
}

async fn refund(server: &Server, order: &str, returned: Value, lines: Value) -> (StatusCode, Value) {
    server.post(&format!("/v1/orders/{order}/refunds"), json!({ "returned": returned, "lines": lines }).to_string()).await
}

#[tokio::test]
async fn all_refunds_of_an_order_add_up_to_what_was_charged() {
    for prices in ["inclusive", "exclusive"] {
        let server = server();
        let charged = order_to_be_refunded(&server, prices).await;
        pass(&server, 100_000);
        let mut total = 0;
        for (returned, lines, dearest) in [
            (json!({}), json!({ "A": 1 }), 834),
            (json!({ "A": 1 }), json!({ "A": 1, "B": 1 }), 833),
            (json!({ "A": 2, "B": 1 }), json!({ "A": 1, "B": 1 }), 833),
        ] {
            let (status, refunded) = refund(&server, "o-1", returned.clone(), lines.clone()).await;
            assert_eq!((status, &refunded["lines"][0]["payable"]["minor"]), (StatusCode::OK, &json!(dearest)), "{refunded}");
            assert_eq!(refunded.get("postage").is_some(), returned.get("B").is_some(), "with the last units: {refunded}");
            assert_eq!(refund(&server, "o-1", returned, lines).await.1, refunded, "nothing of it was kept");
            total += refunded["total"]["minor"].as_i64().unwrap();
        }
        assert_eq!(total, charged, "{prices}");
        let (_, before) = server.get("/v1/orders/o-1").await;
        assert_eq!(before["state"], "placed", "it stands as it stood");
        cancel(&server, "o-1").await;
        let all = refund(&server, "o-1", json!({}), json!({ "A": 3, "B": 2 })).await.1;
        assert_eq!(all["total"]["minor"], json!(charged), "whether it was cancelled is not asked");
    }
}

#[tokio::test]
async fn a_large_quote_is_not_too_long_to_be_ordered() {
    let (server, context) = (server(), context(&server(), None, &[]));
    let rules = r#"{"version":1,"promotions":[
        {"id":"a","effect":{"amount_off":{"amount":{"minor":1234567,"currency":"USD"},"per":"order"}}}]}"#;
    let rules = RuleSet::from_json(rules).unwrap();
    let lines = (0..1_000).map(|number| line(&format!("{number:064}"), 7)).collect();
    let basket = Basket { currency: Currency::USD, lines, postage: None };
    let quote = rules.quote(&basket, &context).unwrap();
    let signed = hold(&server.api(), &quote, &rules, &context, held(SignedDuration::from_mins(10))).await.unwrap();
    assert!(signed.claims.lines.iter().all(|line| line.units.len() == 2), "each has a unit of which more was taken off");
    assert_eq!(quote_key().read(&signed.token).unwrap(), signed.claims);
    assert!(signed.token.len() < 600_000, "{} bytes", signed.token.len());
}

#[tokio::test]
async fn what_cannot_be_refunded_is_told_why() {
    let server = server();
    order_to_be_refunded(&server, "inclusive").await;
    // As orders were kept that were placed before.
    let (_, order) = server.get("/v1/orders/o-1").await;
    let mut claims: QuoteClaims = serde_json::from_value(order["claims"].clone()).unwrap();
    claims.id = "before".to_owned();
    claims.lines.iter_mut().for_each(|line| line.units.clear());
    assert_eq!(place(&server, &quote_key().sign(&claims), "o-0").await.0, StatusCode::OK);
    for (order, returned, lines, status, expected, line) in [
        ("o-1", json!({}), json!({}), 400, "bad-body", Value::Null),
        ("o-1", json!({}), json!({ "A": 0 }), 400, "bad-body", Value::Null),
        ("o-1", json!({}), json!({ "C": 1 }), 422, "unknown-line", json!("C")),
        ("o-1", json!({ "C": 1 }), json!({ "A": 1 }), 422, "unknown-line", json!("C")),
        ("o-1", json!({}), json!({ "B": 3 }), 422, "too-many-units", json!("B")),
        ("o-1", json!({ "A": 3 }), json!({ "A": 1 }), 422, "too-many-units", json!("A")),
        ("o-1", json!({ "A": 4 }), json!({ "B": 1 }), 422, "too-many-units", json!("A")),
        ("o-2", json!({}), json!({ "A": 1 }), 404, "unknown-order", Value::Null),
        ("o-0", json!({}), json!({ "A": 1 }), 409, "no-unit-prices", Value::Null),
    ] {
        let (found, problem) = refund(&server, order, returned, lines).await;
        assert_eq!((found.as_u16(), kind(&problem), &problem["line"]), (status, expected, &line), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(':'), "{problem} says what to do");
    }
}

#[tokio::test]
async fn what_was_not_signed_here_is_refused() {
    let (server, rules) = (server(), rules(""));
    let quote = signed(&server, &rules, None, 1, &[]).await.unwrap();
    let [header, payload, signature] = quote.token.split('.').collect::<Vec<_>>()[..] else { panic!("it has three parts") };
    let other = QuoteKey::new(&[9; 32]).unwrap().sign(&quote.claims);
    let cheap = QuoteClaims { payable: Money::new(1, Currency::USD), ..quote.claims.clone() };
    let cheap = quote_key().sign(&cheap);
    let cheaper = cheap.split('.').nth(1).unwrap();
    for (token, status, expected) in [
        ("nonsense".to_owned(), 400, "bad-quote"),
        (String::new(), 400, "bad-quote"),
        (format!("{header}.{cheaper}.{signature}"), 422, "bad-signature"),
        (format!("{header}.{payload}."), 422, "bad-signature"),
        (other, 422, "other-key"),
    ] {
        let (found, problem) = place(&server, &token, "o-1").await;
        assert_eq!((found.as_u16(), kind(&problem)), (status, expected), "{problem}");
    }
    assert_eq!(units_left(&server, &rules).await, left(9, 1), "the quote still holds what it held");
    assert_eq!(place(&server, &quote.token, "o-1").await.0, StatusCode::OK);
    assert_eq!(server.metrics.orders.refused.get(), 5);
}

#[tokio::test]
async fn every_bad_request_is_told_what_is_wrong() {
    let server = server();
    for (method, path, body, status, expected) in [
        (Method::POST, "/v1/orders", r#"{"quote":"x"}"#, 400, "bad-body"),
        (Method::POST, "/v1/orders", r#"{"quote":"x","order_id":"a/b"}"#, 400, "bad-body"),
        (Method::POST, "/v1/orders", r#"{"quote":"x","order_id":""}"#, 400, "bad-body"),
        (Method::POST, "/v1/orders", r#"{"quote":"x","order_id":"o","more":1}"#, 400, "bad-body"),
        (Method::POST, "/v1/orders", "", 400, "bad-body"),
        (Method::GET, "/v1/orders/a%20b", "", 400, "bad-order-id"),
        (Method::DELETE, "/v1/orders/a%FFb", "", 400, "bad-order-id"),
        (Method::GET, "/v1/orders/o-1", "", 404, "unknown-order"),
        (Method::DELETE, "/v1/orders/o-1", "", 404, "unknown-order"),
        (Method::POST, "/v1/orders/a%20b/refunds", r#"{"lines":{"A":1}}"#, 400, "bad-order-id"),
        (Method::POST, "/v1/orders/o-1/refunds", r#"{"lines":{"A":1}}"#, 404, "unknown-order"),
        (Method::POST, "/v1/orders/o-1/refunds", r#"{"returned":{"A":1}}"#, 400, "bad-body"),
        (Method::POST, "/v1/orders/o-1/refunds", r#"{"lines":{"A":-1}}"#, 400, "bad-body"),
        (Method::POST, "/v1/orders/o-1/refunds", r#"{"lines":{"A":1},"more":1}"#, 400, "bad-body"),
        (Method::GET, "/v1/orders/o-1/refunds", "", 405, "bad-method"),
        (Method::PUT, "/v1/orders/o-1", "", 405, "bad-method"),
        (Method::GET, "/v1/orders", "", 405, "bad-method"),
    ] {
        let request = Request::builder().method(&method).uri(path).header(header::CONTENT_TYPE, "application/json");
        let (found, problem) = server.json(request.body(Body::from(body)).unwrap()).await;
        assert_eq!((found.as_u16(), kind(&problem)), (status, expected), "{method} {path} {body}: {problem}");
        assert!(problem["detail"].as_str().unwrap().len() > 10, "{problem}");
    }
    server.desk.busy.store(true, std::sync::atomic::Ordering::Relaxed);
    let (status, problem) = cancel(&server, "o-1").await;
    assert_eq!((status, kind(&problem)), (StatusCode::SERVICE_UNAVAILABLE, "busy"));
    let problem = signed(&server, &rules(""), None, 1, &[]).await.unwrap_err();
    assert_eq!(problem.code(), pricestream_price_api::Code::Busy);
}

#[tokio::test]
async fn orders_need_the_token_of_stock_changes() {
    let server = bare(Tokens { admin: Some(Token::new("admin")), ingest: Some(Token::new("ingest")) });
    let quote = signed(&server, &rules(""), None, 1, &[]).await.unwrap();
    let body = json!({ "quote": quote.token, "order_id": "o-1" }).to_string();
    for (token, expected) in [(None, 401), (Some("other"), 401), (Some("ingest"), 200), (Some("admin"), 200)] {
        for (method, path, body) in [
            (Method::POST, "/v1/orders", &*body),
            (Method::GET, "/v1/orders/o-1", ""),
            (Method::POST, "/v1/orders/o-1/refunds", r#"{"lines":{"A":1}}"#),
            (Method::DELETE, "/v1/orders/o-1", ""),
        ] {
            let mut request = Request::builder().method(&method).uri(path).header(header::CONTENT_TYPE, "application/json");
            if let Some(token) = token {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            let (status, answer) = server.json(request.body(Body::from(body.to_owned())).unwrap()).await;
            assert_eq!(status.as_u16(), expected, "{method} {path} {token:?}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_quote_is_signed_as_it_was_answered_and_for_now() {
    let (server, rules) = (server(), rules(""));
    let context = context(&server, Some("c-1"), &[]);
    let basket = Basket { currency: Currency::USD, lines: vec![line("A", 1), line("B", 2)], postage: None };
    let quote = rules.quote(&basket, &context).unwrap();
    for (ttl, expected) in [(0, 1), (-5, 1), (600, 600), (10_000_000, 86_400)] {
        let signed = hold(&server.api(), &quote, &rules, &context, held(SignedDuration::from_secs(ttl))).await.unwrap();
        let claims = signed.claims;
        assert_eq!(claims.expires_at.duration_since(claims.issued_at).as_secs(), expected, "{ttl}");
        assert_eq!(claims.digest, answer_digest(&quote.answer()));
        assert_eq!((claims.rule_set, claims.customer.as_deref()), (rules.hash(), Some("c-1")));
        let lines: Vec<_> = claims.lines.iter().map(|line| (&*line.id, line.quantity, line.payable.minor)).collect();
        assert_eq!(lines, [("A", 1, 500), ("B", 2, 2_000)]);
        assert_eq!(quote_key().read(&signed.token).unwrap().id, claims.id);
        server.memory.tables().usage = pricestream_ports::memory::UsageTable::default();
    }
    for (later, expected) in [(60, true), (61, false)] {
        let server = self::server();
        pass(&server, later);
        let signed = hold(&server.api(), &quote, &rules, &context, held(SignedDuration::from_mins(1))).await;
        assert_eq!(signed.is_ok(), expected, "{later} s after it was priced");
    }
}

/// A price lock: one SKU's price, from the moment it is put into the basket. No rule set is needed.
#[tokio::test]
async fn a_signed_quote_of_one_sku_holds_its_price_while_the_price_moves() {
    let server = support::server().await;
    let lock = |name: &'static str| {
        let basket = json!({ "lines": [{ "sku": "A", "quantity": 1 }] }).to_string();
        let request = Request::post("/v1/quotes?sign=true&hold_seconds=900").header(header::CONTENT_TYPE, "application/json");
        server.json(request.header("idempotency-key", name).body(Body::from(basket)).unwrap())
    };
    let token = |answer: &Value| answer["signed"]["quote"].as_str().unwrap_or_default().to_owned();
    let (status, first) = lock("shopper-1").await;
    assert_eq!(status, StatusCode::OK, "{first}");
    let (_, second) = lock("shopper-2").await;
    server.set_price("A", 1_300).await;
    assert_eq!(server.get("/v1/prices/A").await.1["price"]["minor"], 1_300, "the next shopper pays more");
    pass(&server, 899);
    let (status, order) = place(&server, &token(&first), "order-1").await;
    assert_eq!(status, StatusCode::OK, "{order}");
    assert_eq!(order["payable"]["minor"], 1_000, "who put it into the basket before does not: {order}");
    pass(&server, 1);
    let (status, late) = place(&server, &token(&second), "order-2").await;
    assert_eq!((status, kind(&late)), (StatusCode::GONE, "quote-expired"), "after fifteen minutes the shopper is told");
}
