//! What the strategies are held to, measured by the engine's own decisions. Few runs: `make bench-pricing` has the figures.

use fastrand::Rng;
use jiff::SignedDuration;
use pricestream_pricing_lab::{Document, Present, Scenario, Shop, Truth, measure, outlook, play};
use pricestream_repricing_engine::market::{Family, Shape};
use serde_json::{Value, json};

const ONE: Family = Family::Exponential { sensitivity: 1.0 };

fn sale() -> Value {
    json!({ "ends": { "after_full_minutes": 60 } })
}

fn document(strategy: &Value, buyers: f64) -> Document {
    Document::free(strategy, &json!({ "per_hour": buyers, "family": { "kind": "exponential", "sensitivity": 1.0 } }), 30)
}

fn level(buyers: f64) -> Truth {
    Truth { family: ONE, buyers, shape: Shape::flat() }
}

#[test]
fn known_demand_is_priced_at_the_optimum() {
    let found = measure(&document(&json!({ "kind": "gvr_optimal", "sale": sale() }), 30.0), &level(30.0), 12, 2, 1).unwrap();
    assert!(found.sold.is_none(), "worked out, not played");
    assert!(found.fraction.mean > 0.999, "{found:?}");
}

#[test]
fn what_learns_beats_what_does_not_when_demand_surprises() {
    for (scenario, least) in [("x4", 0.93), ("x0.3@30", 0.95), ("burst8@40-50", 0.86)] {
        let (times, shape) = scenario.parse::<Scenario>().unwrap().demand();
        let truth = Truth { family: ONE, buyers: 100.0 * times, shape };
        let of = |strategy: Value| measure(&document(&strategy, 100.0), &truth, 100, 60, 7).unwrap().fraction.mean;
        let (learns, list) = (of(json!({ "kind": "template_bayes", "sale": sale() })), of(json!({ "kind": "fixed_list" })));
        assert!(learns > least, "{scenario}: {learns}");
        assert!(learns > list - 0.02, "{scenario}: {learns}, list price {list}");
    }
}

/// The rules of a menu hold in each sale, whatever is bought.
#[test]
fn a_menu_keeps_its_rules() {
    for (direction, allowed) in [("markdown_only", -1.0), ("markup_only", 1.0)] {
        let strategy = json!({ "kind": "dp_finite_menu", "sale": { "ends": { "after_full_minutes": 60 }, "reviews": 12 },
            "menu_percent": [60, 80, 100, 130, 170, 220], "direction": direction, "max_changes": 2 });
        let document = document(&strategy, 30.0);
        for seed in 0..20 {
            let truth = level(if seed % 2 == 0 { 10.0 } else { 90.0 });
            let arrivals = truth.arrivals(0.3, &mut Rng::with_seed(seed));
            let mut shop = Shop::open(&document, 15);
            let mut prices = Vec::new();
            play(&truth, &arrivals, 15, &mut shop, |_, price, _| prices.push(price));
            prices.dedup();
            assert!(prices.windows(2).all(|pair| (pair[1] - pair[0]) * allowed > 0.0), "{direction}: {prices:?}");
            assert!(prices.len() <= 3, "{direction}: {prices:?}");
        }
    }
}

/// The same sale, to the last bit: a Thompson draw comes from the decision's inputs.
#[test]
fn a_sale_played_again_has_the_same_prices() {
    for kind in ["template_bayes", "ce_bayes", "parametric_thompson"] {
        let document = document(&json!({ "kind": kind, "sale": sale() }), 40.0);
        let truth = level(60.0);
        let arrivals = truth.arrivals(0.3, &mut Rng::with_seed(5));
        let prices = || {
            let mut prices = Vec::new();
            play(&truth, &arrivals, 30, &mut Shop::open(&document, 30), |at, price, left| {
                prices.push((at.to_bits(), price.to_bits(), left));
            });
            prices
        };
        assert_eq!(prices(), prices(), "{kind}");
    }
}

#[test]
fn an_outlook_says_what_guardrails_cost() {
    let with = |guardrails: Value| {
        let document = json!({ "version": 1, "strategies": { "s": { "kind": "gvr_optimal", "sale": sale() } },
            "default": { "strategy": "s", "floor_percent_of_list": 1, "guardrails": guardrails,
                "demand": { "per_hour": 120.0, "family": { "kind": "exponential", "sensitivity": 1.0 } } } });
        let document = Document::new(&document, SignedDuration::from_hours(1)).unwrap();
        let mut shop = Shop::open(&document, 20);
        shop.decide(0.0);
        let (stock, product) = (shop.stock(), document.product());
        let decision = shop.last().unwrap();
        let present = Present {
            now: decision.reason.decided_at,
            product,
            policy: document.policy(),
            stock,
            standing: decision.standing.as_ref(),
            belief: decision.belief.as_ref(),
        };
        outlook(&present, 200, 3).unwrap()
    };
    let (free, bound) = (with(json!({})), with(json!({ "band_bp": 3000 })));
    assert!((free.efficiency.mean - 1.0).abs() < 0.01 + free.efficiency.half, "{free:?}");
    assert!(bound.efficiency.mean < 0.7, "a market of six buyers a unit within 30 % of list: {bound:?}");
    assert!((free.buyers - 120.0).abs() < 1e-9 && free.units > 18.0, "{free:?}");
}
