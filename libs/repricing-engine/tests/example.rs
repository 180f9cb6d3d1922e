//! The example that people start from: a grocery shop that restocks at 06:00 and closes at 22:00.

use std::collections::BTreeSet;

use pricestream_domain::{FullLevel, Mode, Product, Stock, StockVersion};
use pricestream_repricing_engine::{Inputs, Outcome, Strategies, decide, document_schema};
use serde_json::{Value, json};

fn example() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/strategies.json");
    std::fs::read_to_string(path).expect("the example is there")
}

/// That of sales.
fn sales() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/sale-strategies.json");
    std::fs::read_to_string(path).expect("the example is there")
}

/// As in the supermarket's records; those that the example leaves out are priced by its default.
const CATEGORIES: [&str; 13] = [
    "GROCERY",
    "MEAT-PCKGD",
    "PRODUCE",
    "DRUG GM",
    "MEAT",
    "DELI",
    "PASTRY",
    "NUTRITION",
    "SEAFOOD-PCKGD",
    "SALAD BAR",
    "MISCELLANEOUS",
    "SEAFOOD",
    "FLORAL",
];

fn product(category: &str) -> Product {
    serde_json::from_value(json!({ "sku": "A", "category": category, "list_price": { "minor": 1_000, "currency": "USD" } }))
        .unwrap()
}

#[test]
fn they_load_and_show_every_kind_and_no_category_that_is_misspelt() {
    let [document, of_sales] = [example(), sales()].map(|text| -> Value {
        Strategies::from_json(&text).expect("the example has no problem");
        serde_json::from_str(&text).unwrap()
    });
    let shown: BTreeSet<&str> = [&document, &of_sales]
        .iter()
        .flat_map(|document| document["strategies"].as_object().unwrap().values())
        .map(|strategy| strategy["kind"].as_str().unwrap())
        .collect();
    let schema = document_schema();
    let kinds = schema["$defs"]["Strategy"]["oneOf"].as_array().unwrap();
    let kinds: BTreeSet<&str> = kinds.iter().map(|kind| kind["properties"]["kind"]["const"].as_str().unwrap()).collect();
    assert_eq!(shown, kinds);
    for category in document["categories"].as_object().unwrap().keys() {
        assert!(CATEGORIES.contains(&category.as_str()), "{category}");
    }
}

/// Little of the stock of 06:00 is left, or all of it; first prices, so that no step holds them back.
#[test]
fn every_category_of_the_supermarket_is_priced_as_one_would_expect() {
    let strategies = Strategies::from_json(&example()).unwrap();
    for (category, noon, evening) in [
        ("GROCERY", (1_000, 1_000), (1_000, 1_000)),
        ("MISCELLANEOUS", (1_000, 1_000), (1_000, 1_000)),
        ("NUTRITION", (1_150, 1_000), (1_150, 1_000)),
        ("DRUG GM", (1_149, 999), (1_149, 999)),
        ("PASTRY", (1_000, 1_000), (450, 450)),
        ("DELI", (1_000, 1_000), (700, 700)),
        ("SALAD BAR", (1_000, 1_000), (700, 700)),
        ("FLORAL", (1_000, 1_000), (750, 750)),
        ("PRODUCE", (1_100, 930), (930, 700)),
        ("MEAT", (1_100, 930), (930, 700)),
        ("MEAT-PCKGD", (1_100, 930), (930, 700)),
        ("SEAFOOD", (1_100, 930), (930, 700)),
        ("SEAFOOD-PCKGD", (1_100, 930), (930, 700)),
    ] {
        for (now, expected) in [("2026-05-04T12:00:00Z", noon), ("2026-05-04T21:45:00Z", evening)] {
            let price = |on_hand| {
                let full = FullLevel { on_hand: 1_000, at: "2026-05-04T06:00:00Z".parse().unwrap() };
                let product = product(category);
                let decision = decide(&Inputs {
                    now: now.parse().unwrap(),
                    product: &product,
                    policy: Ok(&strategies.policy_for(&product).unwrap().policy),
                    mode: Mode::Run,
                    override_: None,
                    stock: Some(&Stock { on_hand, version: StockVersion(1), full, sold: 0, changed_at: None }),
                    previous: None,
                    belief: None,
                    trial: None,
                });
                assert_eq!(decision.outcome, Outcome::Changed, "{category}");
                decision.standing.unwrap().price.minor
            };
            // A tenth at noon, a fiftieth at 21:45, when a sixty-fourth of the time is left.
            let scarce = if now.ends_with("21:45:00Z") { 20 } else { 100 };
            assert_eq!((price(scarce), price(1_000)), expected, "{category} at {now}");
        }
    }
}

/// Twenty of eighty left at half time of each sale, all of the stock at its begin: scarce is dear.
#[test]
fn what_is_scarce_is_dear_in_every_sale() {
    let strategies = Strategies::from_json(&sales()).unwrap();
    for category in ["sneakers", "tickets", "fresh", "fashion", "gadgets", "anything else"] {
        let product = product(category);
        let policy = strategies.policy_for(&product).unwrap();
        let full = FullLevel { on_hand: 80, at: "2026-11-27T20:00:00Z".parse().unwrap() };
        let price = |on_hand| {
            let stock = Stock { on_hand, version: StockVersion(1), full, sold: 80 - on_hand, changed_at: Some(full.at) };
            let decision = decide(&Inputs {
                now: "2026-11-27T20:30:00Z".parse().unwrap(),
                product: &product,
                policy: Ok(&policy.policy),
                mode: Mode::Run,
                override_: None,
                stock: Some(&stock),
                previous: None,
                belief: None,
                trial: None,
            });
            assert!(matches!(decision.outcome, Outcome::Changed), "{category}: {:?}", decision.outcome);
            decision.standing.unwrap().price.minor
        };
        let (scarce, plenty) = (price(2), price(80));
        // A draw may lie beyond the band either way.
        let drawn = category == "gadgets" && scarce == plenty;
        assert!(scarce > plenty || drawn, "{category}: {scarce} {plenty}");
    }
}
