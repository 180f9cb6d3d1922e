//! Which strategies documents are refused, with every problem at its path; and what an accepted one says of a SKU.

use pricestream_domain::Product;
use pricestream_repricing_engine::{ContentHash, Policy, Resolved, Strategies, UnknownStrategy};
use serde_json::{Value, json};

fn problems(document: &str) -> Vec<String> {
    match Strategies::from_json(document) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

/// A document without a problem, with whatever `change` does to it.
fn document(change: impl FnOnce(&mut Value)) -> String {
    let mut document = json!({
        "version": 1,
        "time_zone": "Europe/Amsterdam",
        "strategies": {
            "fixed": { "kind": "fixed_list" },
            "plus-five": { "kind": "inventory_threshold", "below": 10, "change_bp": 500 },
            "scarce": { "kind": "stock_tiers", "tiers": [
                { "at_most_bp": 1000, "change_bp": 2000 }, { "at_most_bp": 2500, "change_bp": 1000 } ] },
            "curve": { "kind": "pace_tiers", "ends": { "daily_at": "22:00" },
                "below": [{ "ratio_bp": 5000, "change_bp": 1500 }, { "ratio_bp": 8000, "change_bp": 700 }],
                "above": [{ "ratio_bp": 12500, "change_bp": -700 }] },
            "evening": { "kind": "scheduled_markdown",
                "steps": [{ "at": "2026-05-04T10:00:00Z", "change_bp": -1000 }],
                "daily": [{ "from": "18:00", "change_bp": -2000 }, { "from": "20:00", "change_bp": -4000 }] },
        },
        "default": { "strategy": "fixed", "floor_percent_of_list": 60, "guardrails": {
            "max_step": { "change_bp": 1000, "per_minutes": 60 }, "cooldown_minutes": 5, "changes_per_day": 20,
            "band_bp": 3000, "ceiling_percent_of_list": 130, "ending": { "modulo": 100, "remainder": 99 } } },
        "categories": { "MEAT": { "strategy": "curve", "guardrails": { "band_bp": null } } },
        "skus": { "A-1": { "strategy": "plus-five" } },
    });
    change(&mut document);
    document.to_string()
}

#[test]
fn a_document_without_a_problem_is_read() {
    assert_eq!(problems(&document(|_| ())), [""; 0]);
    let least = r#"{ "version": 1, "strategies": { "s": { "kind": "fixed_list" } }, "default": { "strategy": "s" } }"#;
    assert_eq!(problems(least), [""; 0]);
}

#[test]
fn one_document_with_many_problems_has_all_of_them_told() {
    let document = r#"{
        "version": 2,
        "time_zone": "Europe/Amsterdan",
        "strategies": {
            "a": { "kind": "surge" },
            "b": { "below": 10 },
            "c": { "kind": "inventory_threshold", "below": "10", "change_bp": 5.5, "stock": 3 },
            "d": { "kind": "stock_tiers", "tiers": [
                { "at_most_bp": 10001, "change_bp": 500 },
                { "at_most_bp": 2000, "change_bp": 500 },
                { "at_most_bp": 3000, "changes_bp": 500 },
                { "at_most_bp": 4000, "change_bp": "500" } ] },
            "e": { "kind": "stock_tiers", "tiers": [
                { "at_most_bp": 2000, "change_bp": -10000 },
                { "at_most_bp": 1000, "change_bp": 100001 },
                { "at_most_bp": 1000, "change_bp": 0 } ] },
            "f": { "kind": "pace_tiers", "ends": { "at": "tomorrow" }, "above": [{ "ratio_bp": -1, "change_bp": 0 }], "x": 0 },
            "g": { "kind": "scheduled_markdown", "daily": [{ "from": "24:00", "change_bp": -1 }], "steps": [[0]] },
            "g": { "kind": "fixed_list" },
            "h": 7
        },
        "default": { "floor_percent_of_list": 101, "guardrails": {
            "max_step": { "change_bp": 0, "per_minutes": 0, "each": 1 },
            "ending": { "modulo": 10, "remainder": 10 }, "cool_down": 5 } },
        "categories": {
            "MEAT": { "strategy": "z", "floor": 1, "guardrails": { "changes_per_day": 0, "max_step": { "change_bp": 0, "per_minutes": 0 } } },
            "DELI": null
        },
        "skus": { "A 1": { "strategy": "y" } },
        "lanes": {}
    }"#;
    let expected = [
        "strategies.g: stands here twice: keep one",
        "version: must be 1",
        "time_zone: \"Europe/Amsterdan\" is no IANA time zone, such as \"Europe/Amsterdam\"",
        "strategies.a.kind: unknown variant `surge`, expected one of `fixed_list`, `inventory_threshold`, `stock_tiers`, \
         `pace_tiers`, `scheduled_markdown`",
        "strategies.b: missing field `kind`",
        "strategies.c.below: invalid type: string \"10\", expected u64",
        "strategies.c.change_bp: invalid type: floating point `5.5`, expected i32",
        "strategies.c.stock: unknown field `stock`, expected `below` or `change_bp`",
        "strategies.d.tiers[0].at_most_bp: 10001 basis points is outside 0..=10000 (500 is 5 %)",
        "strategies.d.tiers[2].changes_bp: unknown field `changes_bp`, expected `at_most_bp` or `change_bp`",
        "strategies.d.tiers[2]: missing field `change_bp`",
        "strategies.d.tiers[3].change_bp: invalid type: string \"500\", expected i32",
        "strategies.e.tiers[0].change_bp: -10000 is outside -9999..=100000 (500 is +5 %)",
        "strategies.e.tiers[1].change_bp: 100001 is outside -9999..=100000 (500 is +5 %)",
        "strategies.e.tiers[1]: tiers must ascend, each bound once",
        "strategies.e.tiers[2]: tiers must ascend, each bound once",
    ];
    assert_eq!(problems(document), expected);
}

#[test]
fn single_problems_are_told_at_their_place() {
    for (pointer, value, expected) in [
        ("/version", json!("1"), vec!["version: must be 1"]),
    ] {
        let told = problems(&document(|document| *document.pointer_mut(pointer).unwrap() = value.clone()));
        assert_eq!(told, expected, "{pointer} is {value}");
    }
}
