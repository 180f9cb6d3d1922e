//! R14: guardrails come before any write.

use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{Currency, Mode};
use serde_json::json;

use crate::shop::{Shop, change, sku};

/// One wild strategy of each kind: each would leave the bounds by far.
const WILD: [(&str, &str); 5] = [
    ("fixed_list", r#"{"kind":"fixed_list"}"#),
    ("inventory_threshold", r#"{"kind":"inventory_threshold","below":40,"change_bp":90000}"#),
    (
        "stock_tiers",
        r#"{"kind":"stock_tiers","tiers":[{"at_most_bp":2000,"change_bp":-9900},{"at_most_bp":6000,"change_bp":100000}]}"#,
    ),
    (
        "pace_tiers",
        r#"{"kind":"pace_tiers","ends":{"after_full_minutes":600},"below":[{"ratio_bp":9000,"change_bp":80000}],
            "above":[{"ratio_bp":11000,"change_bp":-9999}]}"#,
    ),
    (
        "scheduled_markdown",
        r#"{"kind":"scheduled_markdown","daily":[{"from":"09:00","change_bp":-5000},{"from":"10:00","change_bp":-9999}]}"#,
    ),
];

/// Floor and ceiling, and what they leave of the band, which is 800 to 1200: each bound is once the nearest.
const BOUNDS: [((i64, i64), (i64, i64)); 2] = [((700, 1_150), (800, 1_150)), ((900, 1_450), (900, 1_200))];

/// A tenth either way in ten minutes, and a fifth of the list price in all.
fn document(strategy: &str) -> String {
    let guardrails = r#"{"max_step":{"change_bp":1000,"per_minutes":10},"band_bp":2000,"ending":{"modulo":10,"remainder":9}}"#;
    format!(r#"{{"version":1,"strategies":{{"wild":{strategy}}},"default":{{"strategy":"wild","guardrails":{guardrails}}}}}"#)
}

/// What was ever written of A, by when.
fn written(shop: &Shop) -> Vec<(Timestamp, i64)> {
    let tables = shop.memory.tables();
    let rows = tables.history[&sku("A")].iter();
    rows.filter_map(|row| Some((row.inputs.decided_at, row.standing?.price.minor))).collect()
}

#[test]
fn r14_no_strategy_writes_a_price_outside_the_guardrails() {
    for ((kind, strategy), ((floor, ceiling), (low, high))) in
        WILD.into_iter().flat_map(|wild| BOUNDS.map(|bounds| (wild, bounds)))
    {
        let shop = Shop::with(&["A"]);
        let usd = |minor: i64| json!({ "minor": minor, "currency": "USD" });
        shop.put_line(2, json!({ "sku": "A", "list_price": usd(1_000), "floor": usd(floor), "ceiling": usd(ceiling) }));
        shop.put_settings(2, Mode::Run, &document(strategy));
        let mut random = fastrand::Rng::with_seed(14);
        for seq in 1..=200 {
            let mut change = change("A", seq, random.u64(0..100));
            change.cause = random.bool().then(|| "restock".to_owned());
            change.occurred_at = shop.time();
            shop.take(&change).unwrap();
            shop.settle();
            shop.memory.pass(std::time::Duration::from_secs(random.u64(1..120)));
        }
        let written = written(&shop);
        assert_eq!(written.len(), 200, "{kind}: a decision for each change");
        for (at, price) in &written {
            assert!((low..=high).contains(price), "{kind}: {price} at {at}");
        }
        let tables = shop.memory.tables();
        for row in &tables.history[&sku("A")] {
            let (standing, now) = (row.standing.expect("it has a price"), row.inputs.decided_at);
            let (price, from) = (standing.price.minor, standing.step_from.minor);
            assert!((price - from).abs() <= from / 10, "{kind}: {from} to {price} at {now}");
            if let Some(before) = row.inputs.previous.filter(|before| *before != standing) {
                // The next interval begins once the one before is over, and where the price stands then.
                let over = now.duration_since(before.step_since) >= SignedDuration::from_mins(10);
                let begins = if over { (now, before.price) } else { (before.step_since, before.step_from) };
                assert_eq!((standing.step_since, standing.step_from), begins, "{kind} at {now}");
            }
            assert_eq!(row.disagreement(), None, "{kind}");
        }
        // Neither record nor cache nor image ever held anything else.
        let shown = tables.cache_writes.iter().map(|entry| entry.price);
        let images = tables.stream.iter().map(|image| image.standing.map(|standing| standing.price));
        for price in shown.chain(images) {
            let price = price.expect("it is never withdrawn");
            assert!((low..=high).contains(&price.minor) && price.currency == Currency::USD, "{kind}: {price}");
        }
        let moved = written.windows(2).any(|pair| pair[0].1 != pair[1].1);
        assert!(moved || kind == "fixed_list", "{kind}: a strategy that never moves proves nothing");
    }
}

#[test]
fn r14_where_no_legal_price_exists_none_is_written_and_the_last_one_stands() {
    let usd = |minor: i64| json!({ "minor": minor, "currency": "USD" });
    for (line, refusal) in [
        (json!({ "sku": "A", "list_price": usd(1_000), "floor": usd(900), "ceiling": usd(800) }), "floor-above-ceiling"),
        (json!({ "sku": "A", "list_price": usd(1_000), "floor": { "minor": 500, "currency": "EUR" } }), "mixed-currencies"),
        (json!({ "sku": "A", "list_price": usd(0), "floor": usd(1) }), "no-list-price"),
        (json!({ "sku": "A", "list_price": usd(1_000) }), "no-floor"),
    ] {
        let shop = Shop::with(&["A"]);
        shop.take(&change("A", 1, 9)).unwrap();
        shop.settle();
        let stood = shop.price("A");
        shop.put_line(2, line);
        shop.put_settings(2, Mode::Run, &document(WILD[1].1));
        shop.take(&change("A", 2, 8)).unwrap();
        shop.settle();
        assert_eq!(shop.record("A").refusal.as_deref(), Some(refusal));
        assert_eq!((shop.price("A"), shop.cached("A")), (stood, stood), "{refusal}");
    }
}

#[test]
fn r14_amounts_at_the_edge_of_64_bits_overflow_nothing() {
    let edge = i64::MAX - 1;
    for (kind, strategy) in WILD {
        let shop = Shop::with(&["A"]);
        let usd = |minor: i64| json!({ "minor": minor, "currency": "USD" });
        shop.put_line(2, json!({ "sku": "A", "list_price": usd(edge), "floor": usd(1) }));
        shop.put_settings(2, Mode::Run, &document(strategy));
        for seq in 1..=20 {
            shop.take(&change("A", seq, 100 - 5 * seq)).unwrap();
            shop.settle();
        }
        for (_, price) in written(&shop) {
            assert!(price > 0, "{kind}: {price}");
        }
    }
}
