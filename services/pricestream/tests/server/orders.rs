//! Orders survive the process, and a key for quotes is the same at the next start.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use pricestream_documents::ContentHash;
use pricestream_domain::{Currency, Money};
use pricestream_embedded::{Access, Durability, Store, ready};
use pricestream_ports::{Reservation, ReservationKey, Reserved, Usage, UsageReads};
use pricestream_price_api::{QuoteClaims, QuoteKey};
use pricestream_promotion_engine::{Limit, LimitAsked, OnCancel, Use};
use serde_json::json;
use ureq::http::Method;

use crate::process::{Files, Server};

/// The key of these tests, in base64.
const KEY: &str = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";

fn limit() -> Limit {
    Limit { units: Some(10), ..Limit::default() }
}

/// A quote of four units of a limited promotion, and what it would hold.
fn quote(id: &str) -> (QuoteClaims, Reservation) {
    let now = Timestamp::now();
    let eur = |minor| Money::new(minor, Currency::EUR);
    let expires_at = Timestamp::from_second((now + SignedDuration::from_mins(10)).as_second()).unwrap();
    let uses = vec![Use { promotion: "flash".into(), units: 4, given: eur(400), coupons: Vec::new() }];
    let claims = QuoteClaims {
        id: id.to_owned(),
        issued_at: Timestamp::from_second(now.as_second()).unwrap(),
        expires_at,
        rule_set: ContentHash::of(b"rules"),
        customer: Some("c-1".to_owned()),
        payable: eur(3_600),
        lines: Vec::new(),
        postage: None,
        postage_tax: None,
        tax: eur(0),
        uses: uses.clone(),
        digest: String::new(),
    };
    let limits = BTreeMap::from([("flash".into(), limit())]);
    let key = ReservationKey::new(id).unwrap();
    let customer = claims.customer.clone();
    (claims, Reservation::new(key, customer, uses, limits, OnCancel::GiveBack, expires_at).unwrap())
}

fn units_left(store: &Path) -> Option<u64> {
    let store = Store::open(store, Access::Read).unwrap();
    let asked = LimitAsked { promotion: "flash".into(), limit: limit(), customer: None, coupons: Vec::new() };
    ready(store.left(&[asked], &[], Timestamp::now())).unwrap()["flash"].units
}

#[test]
fn an_order_is_placed_once_whatever_happens_to_the_process() {
    let files = Files::with(&["A"]);
    let store = files.path("store");
    let (claims, reservation) = quote("q-1");
    {
        let store = Store::open(&store, Access::Write(Durability::Power)).unwrap();
        let held = ready(store.reserve(&reservation, Timestamp::now())).unwrap();
        assert_eq!(held, Reserved::Granted { expires_at: claims.expires_at });
    }
    let token = QuoteKey::new(&[b'a'; 32]).unwrap().sign(&claims);
    let start = || {
        let mut command = files.up();
        command.env("PRICESTREAM_QUOTE_KEY", KEY);
        Server::start(command)
    };
    let place =
        |server: &Server, order: &str| server.post("/v1/orders", json!({ "quote": token, "order_id": order }).to_string());

    let server = start();
    let placed = place(&server, "o-1");
    assert_eq!((placed.status, &placed.body["payable"]["minor"]), (200, &json!(3_600)), "{}", placed.body);
    assert!((server.metric("pricestream_orders_total{result=\"placed\"}") - 1.0).abs() < 0.5);
    server.kill();

    let server = start();
    assert_eq!(server.get("/v1/orders/o-1").body, placed.body, "what was acknowledged is kept");
    assert_eq!(place(&server, "o-1").body, placed.body);
    place(&server, "o-2").assert_problem(409, "quote-redeemed", "another order");
    assert_eq!(units_left(&store), Some(6), "used once");
    let cancelled = server.try_ask(server.request(&Method::DELETE, "/v1/orders/o-1", "")).unwrap();
    assert_eq!((cancelled.status, &cancelled.body["state"]), (200, &json!("cancelled")), "{}", cancelled.body);
    server.kill();
    assert_eq!(units_left(&store), Some(10), "given back");

    let server = start();
    assert_eq!(server.get("/v1/orders/o-1").body, cancelled.body);
}

#[test]
fn a_key_that_nobody_gave_is_made_and_kept_beside_the_store() {
    let files = Files::with(&["A"]);
    let key = || std::fs::read_to_string(files.path("store").join("quote.key")).unwrap();
    files.start().terminate();
    let first = key();
    assert_eq!(first.trim().len(), 44, "32 bytes in base64");
    files.start().terminate();
    assert_eq!(key(), first);
    // Signed with that key, which only its owner can know.
    let mut command = files.up();
    command.env("PRICESTREAM_QUOTE_KEY", KEY).env("PRICESTREAM_QUOTE_KEY_PREVIOUS", first.trim());
    let server = Server::start(command);
    let (claims, _) = quote("q-1");
    for (secret, status, kind) in [(b'a', 410, "quote-expired"), (b'b', 422, "other-key")] {
        let token = QuoteKey::new(&[secret; 32]).unwrap().sign(&claims);
        let answer = server.post("/v1/orders", json!({ "quote": token, "order_id": "o-1" }).to_string());
        answer.assert_problem(status, kind, "nothing is held for it");
    }
}

#[test]
fn a_key_that_is_none_keeps_the_server_from_starting() {
    let files = Files::with(&["A"]);
    let mut command = files.up();
    let output = command.env("PRICESTREAM_QUOTE_KEY", "short").stderr(std::process::Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("openssl rand -base64 32"), "{said}");
}

#[test]
fn what_is_not_ordered_in_time_is_swept() {
    let files = Files::with(&["A"]);
    let (_, reservation) = quote("q-1");
    {
        let store = Store::open(&files.path("store"), Access::Write(Durability::Power)).unwrap();
        let long_ago = Timestamp::now() - SignedDuration::from_hours(1);
        let uses = reservation.uses().to_vec();
        let limits = BTreeMap::from([("flash".into(), limit())]);
        let key = reservation.key().clone();
        let expired =
            Reservation::new(key, None, uses, limits, OnCancel::GiveBack, long_ago + SignedDuration::from_mins(1)).unwrap();
        assert!(matches!(ready(store.reserve(&expired, long_ago)).unwrap(), Reserved::Granted { .. }));
    }
    let server = files.start();
    let swept = || server.metric("pricestream_reservations_total{result=\"expired\"}") > 0.5;
    crate::process::within(crate::process::PATIENCE, swept, || "it was not swept".to_owned());
}
