//! Which strategies documents are refused, with every problem at its path; and what an accepted one says of a SKU.

use pricestream_documents::ContentHash;
use pricestream_domain::Product;
use pricestream_repricing_engine::{Policy, Resolved, Strategies, UnknownStrategy};
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
            "flash": { "kind": "template_bayes", "sale": { "starts": "2026-05-04T10:00:00Z", "ends": { "at": "2026-05-04T11:00:00Z" },
                "reviews": 100, "leftover": { "percent_of_list": 30 } } },
            "menu": { "kind": "dp_finite_menu", "sale": { "ends": { "after_full_minutes": 60 } }, "menu_percent": [80, 100],
                "max_changes": 3, "max_step_percent": 20 },
            "clear": { "kind": "clearance_markdown", "sale": { "ends": { "after_full_minutes": 60 } }, "holding_bp_per_day": 10 },
        },
        "profiles": { "drop": [3, 1, 1] },
        "default": { "strategy": "fixed", "floor_percent_of_list": 60, "demand": {
            "per_hour": 10.0, "certainty": 2.0, "family": { "kind": "exponential", "sensitivity": 2.0 }, "sensitivity_sd": 1.0,
            "profile": "drop", "restart": { "ratio": 2.0, "threshold": 5.0 } }, "guardrails": {
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
         `pace_tiers`, `scheduled_markdown`, `fluid_resolve`, `gvr_optimal`, `dp_finite_menu`, `clearance_markdown`, `ce_bayes`, `template_bayes`, `parametric_thompson`",
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
        "strategies.f.above[0].ratio_bp: invalid value: integer `-1`, expected u32",
        "strategies.f.ends.at: failed to parse four digit integer as year: invalid digit, expected 0-9 but got t",
        "strategies.f.x: unknown field `x`, expected one of `ends`, `below`, `above`",
        "strategies.h: must be an object",
        "default.floor_percent_of_list: 101 is outside 0..=100",
        "default.guardrails.cool_down: unknown field `cool_down`, expected one of `max_step`, `cooldown_minutes`, \
         `changes_per_day`, `band_bp`, `ceiling_percent_of_list`, `ending`",
        "default.guardrails.ending: modulo must be above 0, and remainder at least 0 and below modulo",
        "default.guardrails.max_step.each: unknown field `each`, expected `change_bp` or `per_minutes`",
        "default: must name the strategy of every SKU that nothing else names one for",
        "categories.DELI: must be an object",
        "categories.MEAT.floor: is no field of an entry: strategy, floor_percent_of_list, guardrails, demand",
        "categories.MEAT.guardrails.changes_per_day: 0 is outside 1..=1000000",
        "categories.MEAT.guardrails.max_step.per_minutes: 0 is outside 1..=525600",
        "categories.MEAT.guardrails.max_step.change_bp: 0 is outside 1..=10000",
        "categories.MEAT.strategy: there is no strategy \"z\"",
        "skus.A 1.strategy: there is no strategy \"y\"",
        "skus.A 1: \"A 1\" is not a SKU: 1 to 64 characters of A-Z a-z 0-9 . _ -",
        "lanes: is no field of the document: version, time_zone, strategies, profiles, default, categories, skus",
    ];
    assert_eq!(problems(document), expected);
}

/// `null` takes the field away.
#[test]
fn single_problems_are_told_at_their_place() {
    for (pointer, value, expected) in [
        ("/version", json!(2), "version: must be 1"),
        ("/version", json!("1"), "version: must be 1"),
        ("/version", json!(null), "version: must be 1"),
        ("/time_zone", json!("CET+1"), "time_zone: \"CET+1\" is no IANA time zone, such as \"Europe/Amsterdam\""),
        ("/time_zone", json!("+02:00"), "time_zone: \"+02:00\" is no IANA time zone, such as \"Europe/Amsterdam\""),
        ("/time_zone", json!(1), "time_zone: invalid type: integer `1`, expected a string"),
        (
            "/currency",
            json!("EUR"),
            "currency: is no field of the document: version, time_zone, strategies, profiles, default, categories, skus",
        ),
        ("/default", json!(null), "default: must name the strategy of every SKU that nothing else names one for"),
        ("/default", json!([]), "default: must be an object"),
        ("/default/strategy", json!(null), "default: must name the strategy of every SKU that nothing else names one for"),
        ("/default/strategy", json!(5), "default.strategy: invalid type: integer `5`, expected a string"),
        ("/default/strategy", json!("Fixed"), "default.strategy: there is no strategy \"Fixed\""),
        (
            "/default/stratgy",
            json!("fixed"),
            "default.stratgy: is no field of an entry: strategy, floor_percent_of_list, guardrails, demand",
        ),
        ("/default/floor_percent_of_list", json!(101), "default.floor_percent_of_list: 101 is outside 0..=100"),
        ("/default/floor_percent_of_list", json!(-1), "default.floor_percent_of_list: invalid value: integer `-1`, expected u32"),
        (
            "/default/floor_percent_of_list",
            json!("60"),
            "default.floor_percent_of_list: invalid type: string \"60\", expected u32",
        ),
        ("/default/guardrails", json!([]), "default.guardrails: must be an object"),
        (
            "/default/guardrails/floor",
            json!(1),
            "default.guardrails.floor: unknown field `floor`, expected one of `max_step`, \
            `cooldown_minutes`, `changes_per_day`, `band_bp`, `ceiling_percent_of_list`, `ending`",
        ),
        (
            "/default/guardrails/band_bp",
            json!(10_001),
            "default.guardrails.band_bp: 10001 basis points is outside 0..=10000 (500 is 5 %)",
        ),
        (
            "/default/guardrails/ceiling_percent_of_list",
            json!(99),
            "default.guardrails.ceiling_percent_of_list: 99 is outside 100..=100000",
        ),
        ("/default/guardrails/changes_per_day", json!(0), "default.guardrails.changes_per_day: 0 is outside 1..=1000000"),
        (
            "/default/guardrails/cooldown_minutes",
            json!(525_601),
            "default.guardrails.cooldown_minutes: 525601 is outside 0..=525600",
        ),
        ("/default/guardrails/max_step", json!([1000, 60]), "default.guardrails.max_step: must be an object"),
        ("/default/guardrails/max_step/change_bp", json!(0), "default.guardrails.max_step.change_bp: 0 is outside 1..=10000"),
        (
            "/default/guardrails/max_step/per_minutes",
            json!(0),
            "default.guardrails.max_step.per_minutes: 0 is outside 1..=525600",
        ),
        ("/default/guardrails/max_step/per_minutes", json!(null), "default.guardrails.max_step: missing field `per_minutes`"),
        (
            "/default/guardrails/ending/remainder",
            json!(100),
            "default.guardrails.ending: modulo must be above 0, and remainder at least 0 and below modulo",
        ),
        (
            "/default/guardrails/ending/remainder",
            json!(-1),
            "default.guardrails.ending: modulo must be above 0, and remainder at least 0 and below modulo",
        ),
        (
            "/default/guardrails/ending/modulo",
            json!(0),
            "default.guardrails.ending: modulo must be above 0, and remainder at least 0 and below modulo",
        ),
        ("/categories/MEAT/strategy", json!("curved"), "categories.MEAT.strategy: there is no strategy \"curved\""),
        (
            "/categories/MEAT/guardrails/band_bp",
            json!("x"),
            "categories.MEAT.guardrails.band_bp: invalid type: string \"x\", expected u32",
        ),
        ("/categories", json!([]), "categories: must be an object"),
        ("/skus/A 1", json!({}), "skus.A 1: \"A 1\" is not a SKU: 1 to 64 characters of A-Z a-z 0-9 . _ -"),
        ("/skus/A-1/strategy", json!("x"), "skus.A-1.strategy: there is no strategy \"x\""),
        ("/strategies/x", json!([]), "strategies.x: must be an object"),
        ("/strategies/x", json!(["fixed_list"]), "strategies.x: must be an object"),
        ("/strategies/x", json!({}), "strategies.x: missing field `kind`"),
        ("/strategies/x", json!({ "kind": 1 }), "strategies.x.kind: invalid type: integer `1`, expected string or map"),
        ("/strategies/fixed/below", json!(1), "strategies.fixed.below: unknown field `below`, there are no fields"),
        ("/strategies/plus-five/below", json!(0), "strategies.plus-five.below: no stock is below 0"),
        ("/strategies/plus-five/below", json!(null), "strategies.plus-five: missing field `below`"),
        (
            "/strategies/plus-five/change_bp",
            json!(-10_000),
            "strategies.plus-five.change_bp: -10000 is outside -9999..=100000 (500 is +5 %)",
        ),
        (
            "/strategies/plus-five/change_bp",
            json!(100_001),
            "strategies.plus-five.change_bp: 100001 is outside -9999..=100000 (500 is +5 %)",
        ),
        (
            "/strategies/plus-five/change_bp",
            json!(5_000_000_000_i64),
            "strategies.plus-five.change_bp: invalid value: integer `5000000000`, expected i32",
        ),
        ("/strategies/scarce/tiers", json!([]), "strategies.scarce.tiers: at least one tier is needed"),
        ("/strategies/scarce/tiers", json!({}), "strategies.scarce.tiers: invalid type: map, expected a sequence"),
        ("/strategies/scarce/tiers/1", json!([2500, 1000]), "strategies.scarce.tiers[1]: must be an object"),
        ("/strategies/scarce/tiers/1/at_most_bp", json!(1_000), "strategies.scarce.tiers[1]: tiers must ascend, each bound once"),
        (
            "/strategies/scarce/tiers/1/x",
            json!(0),
            "strategies.scarce.tiers[1].x: unknown field `x`, expected `at_most_bp` or `change_bp`",
        ),
        ("/strategies/curve/below/0/ratio_bp", json!(9_000), "strategies.curve.below[1]: tiers must ascend, each bound once"),
        (
            "/strategies/curve/below/0/ratio_bp",
            json!(0),
            "strategies.curve.below[0].ratio_bp: 0 is outside 1..=10000000 (10000 is on pace)",
        ),
        (
            "/strategies/curve/above/0/ratio_bp",
            json!(7_999),
            "strategies.curve.above[0].ratio_bp: a ratio would be below one tier and above another",
        ),
        (
            "/strategies/curve/above/0/change_bp",
            json!(-12_000),
            "strategies.curve.above[0].change_bp: -12000 is outside -9999..=100000 (500 is +5 %)",
        ),
        (
            "/strategies/curve/ends",
            json!({ "after_full_minutes": 0 }),
            "strategies.curve.ends.after_full_minutes: the time to sell in must be above 0 minutes",
        ),
        (
            "/strategies/curve/ends",
            json!({ "weekly_at": 1 }),
            "strategies.curve.ends: unknown variant `weekly_at`, expected one of `at`, `after_full_minutes`, `daily_at`",
        ),
        (
            "/strategies/curve/ends",
            json!({ "at": 0, "daily_at": 1 }),
            "strategies.curve.ends: invalid value: map, expected map with a single key",
        ),
        ("/strategies/curve/ends", json!(null), "strategies.curve: missing field `ends`"),
        (
            "/strategies/x",
            json!({ "kind": "pace_tiers", "ends": { "daily_at": "22:00" } }),
            "strategies.x: at least one tier in below or above is needed",
        ),
        (
            "/strategies/evening/daily/0/change_bp",
            json!(1),
            "strategies.evening.daily[0].change_bp: 1 is a rise: a markdown only reduces",
        ),
        (
            "/strategies/evening/steps/0/change_bp",
            json!(1),
            "strategies.evening.steps[0].change_bp: 1 is a rise: a markdown only reduces",
        ),
        ("/strategies/evening/daily/1/from", json!("17:00"), "strategies.evening.daily[1]: tiers must ascend, each bound once"),
        (
            "/strategies/evening/daily/1/from",
            json!("25:00"),
            "strategies.evening.daily[1].from: failed to parse two digit integer as hour: \
            parameter 'hour' is not in the required range of 0..=23",
        ),
        (
            "/strategies/evening/steps/0/at",
            json!("2026-05-04"),
            "strategies.evening.steps[0].at: failed to find time component, which is required for parsing a timestamp",
        ),
        ("/strategies/x", json!({ "kind": "scheduled_markdown" }), "strategies.x: at least one step in steps or daily is needed"),
        ("/strategies/flash/sale/reviews", json!(0), "strategies.flash.sale.reviews: 0 is outside 1..=10000"),
        (
            "/strategies/flash/sale/starts",
            json!("2026-05-04T11:00:00Z"),
            "strategies.flash.sale.ends.at: the sale ends at 2026-05-04T11:00:00Z, before it begins at 2026-05-04T11:00:00Z",
        ),
        (
            "/strategies/flash/sale/leftover/percent_of_list",
            json!(101),
            "strategies.flash.sale.leftover.percent_of_list: 101 is outside 0..=100",
        ),
        (
            "/strategies/menu/sale/ends/after_full_minutes",
            json!(0),
            "strategies.menu.sale.ends.after_full_minutes: the sale must last longer than 0 minutes",
        ),
        (
            "/strategies/menu/menu_percent",
            json!([100, 80]),
            "strategies.menu.menu_percent: must be 1 to 64 prices in percent of list, ascending, each 1 to 1000",
        ),
        ("/strategies/menu/sale/reviews", json!(1_001), "strategies.menu.sale.reviews: 1001 is outside 1..=1000"),
        ("/strategies/menu/max_changes", json!(1_001), "strategies.menu.max_changes: must be at most 1000"),
        ("/strategies/menu/max_step_percent", json!(0), "strategies.menu.max_step_percent: must be above 0"),
        (
            "/strategies/clear/holding_bp_per_day",
            json!(10_001),
            "strategies.clear.holding_bp_per_day: 10001 is outside 0..=10000",
        ),
        ("/profiles/drop", json!([]), "profiles.drop: must be at least one number, none negative, not all zero"),
        ("/profiles/drop/1", json!(-1), "profiles.drop: must be at least one number, none negative, not all zero"),
        ("/profiles/x", json!(vec![1; 401]), "profiles.x: 401 parts are more than 400"),
        (
            "/default/demand",
            json!(null),
            "default: must say what is expected of demand (`demand`), which strategy \"clear\" needs",
        ),
        ("/default/demand/per_hour", json!(-1), "default.demand.per_hour: -1 is outside 0.000001 (excluded) to 1000000000"),
        ("/default/demand/per_hour", json!("10"), "default.demand.per_hour: invalid type: string \"10\", expected f64"),
        ("/default/demand/certainty", json!(0), "default.demand.certainty: 0 is outside 0.001 (excluded) to 1000000"),
        ("/default/demand/sensitivity_sd", json!(2.5), "default.demand.sensitivity_sd: 2.5 is outside 0 (excluded) to 2"),
        ("/default/demand/profile", json!("dorp"), "default.demand.profile: there is no profile \"dorp\""),
        ("/default/demand/restart/ratio", json!(1), "default.demand.restart.ratio: 1 is outside 1 (excluded) to 100"),
        (
            "/categories/MEAT/demand",
            json!({ "per_hour": 1, "family": { "kind": "exponential", "sensitivity": 0 } }),
            "categories.MEAT.demand.family.sensitivity: 0 is outside 0 (excluded) to 100",
        ),
        (
            "/categories/MEAT/demand",
            json!({ "per_hour": 1, "family": { "kind": "linear", "choke": 1 } }),
            "categories.MEAT.demand.family.choke: 1 is outside 1 (excluded) to 100",
        ),
        (
            "/categories/MEAT/demand",
            json!({ "per_hour": 1, "sensitivity_sd": 1, "family": { "kind": "linear", "choke": 2 } }),
            "categories.MEAT.demand.sensitivity_sd: only an exponential family has a sensitivity to learn",
        ),
    ] {
        let text = document(|document| {
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            match document.pointer_mut(parent).unwrap() {
                Value::Array(items) => items[field.parse::<usize>().unwrap()] = value.clone(),
                Value::Object(fields) if value.is_null() => drop(fields.remove(field)),
                Value::Object(fields) => drop(fields.insert(field.to_owned(), value.clone())),
                _ => panic!("{pointer}"),
            }
        });
        assert_eq!(problems(&text), [expected], "{pointer} is {value}");
    }
    let none = document(|document| document["strategies"] = json!({}));
    assert_eq!(problems(&none)[0], "strategies: must name at least one");
}

#[test]
fn a_bound_may_be_reached() {
    for (pointer, value) in [
        ("/default/floor_percent_of_list", json!(100)),
        ("/default/floor_percent_of_list", json!(0)),
        ("/default/guardrails/band_bp", json!(10_000)),
        ("/default/guardrails/ceiling_percent_of_list", json!(100)),
        ("/default/guardrails/ending", json!({ "modulo": 1, "remainder": 0 })),
        ("/default/guardrails/cooldown_minutes", json!(0)),
        ("/strategies/plus-five/change_bp", json!(-9_999)),
        ("/strategies/plus-five/change_bp", json!(100_000)),
        ("/strategies/curve/above/0/ratio_bp", json!(8_000)),
        ("/strategies/evening/daily/0/change_bp", json!(0)),
        ("/strategies/curve/ends", json!({ "at": "2026-05-04T22:00:00+02:00" })),
        ("/time_zone", json!("UTC")),
        ("/categories", json!({})),
    ] {
        let text = document(|document| *document.pointer_mut(pointer).unwrap() = value.clone());
        assert_eq!(problems(&text), [""; 0], "{pointer} is {value}");
    }
}

#[test]
fn what_is_no_json_object_is_refused_whatever_it_is() {
    let object = "the document must be a JSON object";
    for (text, expected) in [
        ("", vec!["is not JSON: EOF while parsing a value at line 1 column 0"]),
        ("{", vec!["is not JSON: EOF while parsing an object at line 1 column 1"]),
        ("{} x", vec!["is not JSON: trailing characters at line 1 column 4"]),
        ("{\"version\": 1,}", vec!["is not JSON: trailing comma at line 1 column 15"]),
        ("\u{feff}{}", vec!["is not JSON: expected value at line 1 column 1"]),
        ("{\"a\": 1e999}", vec!["is not JSON: number out of range at line 1 column 11"]),
        ("[]", vec![object]),
        ("null", vec![object]),
        ("\"{}\"", vec![object]),
        (
            "[{\"a\": 1, \"a\": [{\"b\": 2, \"b\": 2}]}]",
            vec!["[0].a: stands here twice: keep one", "[0].a[0].b: stands here twice: keep one", object],
        ),
        (
            "{\"a\": {\"b\": 1, \"b\": 2}, \"a\"",
            vec![
                "a.b: stands here twice: keep one",
                "a: stands here twice: keep one",
                "is not JSON: EOF while parsing an object at line 1 column 27",
            ],
        ),
    ] {
        assert_eq!(problems(text), expected, "{text}");
    }
}

/// Neither the parser nor what drops its value may recurse as deep as a stranger likes.
/// Each problem used to cost a copy of all that was left: 20 s for 8 000 of them in an optimised build.
#[test]
fn many_problems_are_told_in_little_time() {
    let tiers: Vec<Value> = (0..8_000).map(|_| json!({ "at_most_bp": "x", "change_bp": 1 })).collect();
    let document = document(|root| root["strategies"]["many"] = json!({ "kind": "stock_tiers", "tiers": tiers }));
    let began = std::time::Instant::now();
    assert_eq!(problems(&document).len(), 8_000);
    assert!(began.elapsed().as_secs() < 10, "took {:?}", began.elapsed());
}

#[test]
fn a_nesting_bomb_is_refused_and_no_stack_overflows() {
    for open in ["[", "{\"a\":", "[{\"a\":"] {
        let told = problems(&open.repeat(100_000));
        assert!(told.len() == 1 && told[0].starts_with("is not JSON: recursion limit exceeded"), "{told:?}");
    }
}

fn line(sku: &str, category: Option<&str>, strategy: Option<&str>) -> Product {
    let price = json!({ "minor": 1_999, "currency": "USD" });
    serde_json::from_value(json!({ "sku": sku, "category": category, "strategy": strategy, "list_price": price })).unwrap()
}

fn read(document: &str) -> Strategies {
    Strategies::from_json(document).unwrap()
}

/// Four strategies, told apart by name.
fn layered() -> Value {
    let fixed = json!({ "kind": "fixed_list" });
    json!({
        "version": 1,
        "strategies": { "of-default": fixed, "of-category": fixed, "of-line": fixed, "of-sku": fixed },
        "default": { "strategy": "of-default", "floor_percent_of_list": 60,
            "guardrails": { "band_bp": 3000, "cooldown_minutes": 5, "max_step": { "change_bp": 1000, "per_minutes": 60 } } },
        "categories": {
            "MEAT": { "strategy": "of-category", "floor_percent_of_list": 50,
                "guardrails": { "cooldown_minutes": 10, "max_step": null, "changes_per_day": 3 } },
            "DELI": { "guardrails": { "band_bp": null } },
        },
        "skus": {
            "full": { "strategy": "of-sku", "floor_percent_of_list": 40,
                "guardrails": { "band_bp": 1000, "changes_per_day": null, "max_step": { "change_bp": 500, "per_minutes": 30 } } },
            "partial": { "guardrails": { "cooldown_minutes": 0 } },
        },
    })
}

#[test]
fn the_skus_entry_wins_over_its_line_over_its_category_over_the_default() {
    let strategies = read(&layered().to_string());
    let (default, meat) = (json!({ "change_bp": 1000, "per_minutes": 60 }), Some("MEAT"));
    for (product, strategy, floor, guardrails, why) in [
        (line("x", None, None), "of-default", 60, json!({ "max_step": default, "cooldown_minutes": 5, "band_bp": 3000 }), ""),
        (
            line("x", Some("FISH"), None),
            "of-default",
            60,
            json!({ "max_step": default, "cooldown_minutes": 5, "band_bp": 3000 }),
            "unknown",
        ),
        (
            line("x", Some("DELI"), None),
            "of-default",
            60,
            json!({ "max_step": default, "cooldown_minutes": 5 }),
            "null takes the band away",
        ),
        (
            line("x", meat, None),
            "of-category",
            50,
            json!({ "cooldown_minutes": 10, "changes_per_day": 3, "band_bp": 3000 }),
            "one by one",
        ),
        (
            line("x", meat, Some("of-line")),
            "of-line",
            50,
            json!({ "cooldown_minutes": 10, "changes_per_day": 3, "band_bp": 3000 }),
            "the line",
        ),
        (
            line("x", None, Some("of-line")),
            "of-line",
            60,
            json!({ "max_step": default, "cooldown_minutes": 5, "band_bp": 3000 }),
            "the line",
        ),
        (
            line("full", meat, Some("of-line")),
            "of-sku",
            40,
            json!({ "max_step": { "change_bp": 500, "per_minutes": 30 }, "cooldown_minutes": 10, "band_bp": 1000 }),
            "the SKU's gives back what its category took away, and takes away what that added",
        ),
        (
            line("full", None, Some("no-such")),
            "of-sku",
            40,
            json!({ "max_step": { "change_bp": 500, "per_minutes": 30 }, "cooldown_minutes": 5, "band_bp": 1000 }),
            "the line is not asked",
        ),
        (
            line("partial", None, None),
            "of-default",
            60,
            json!({ "max_step": default, "cooldown_minutes": 0, "band_bp": 3000 }),
            "no strategy",
        ),
        (
            line("partial", meat, None),
            "of-category",
            50,
            json!({ "cooldown_minutes": 0, "changes_per_day": 3, "band_bp": 3000 }),
            "in MEAT",
        ),
        (
            line("partial", meat, Some("of-line")),
            "of-line",
            50,
            json!({ "cooldown_minutes": 0, "changes_per_day": 3, "band_bp": 3000 }),
            "",
        ),
    ] {
        // Twice: the second answer may be a remembered one.
        for _ in 0..2 {
            let policy = &strategies.policy_for(&product).unwrap().policy;
            let told = (&*policy.strategy_name, policy.floor_percent_of_list, serde_json::to_value(&policy.guardrails).unwrap());
            assert_eq!(told, (strategy, Some(floor), guardrails.clone()), "{product:?}: {why}");
        }
    }
    for sku in ["x", "partial"] {
        let unknown = strategies.policy_for(&line(sku, Some("MEAT"), Some("no-such")));
        assert_eq!(unknown, Err(UnknownStrategy("no-such".into())), "never silently another");
    }
    assert_eq!(strategies.names().collect::<Vec<_>>(), ["of-category", "of-default", "of-line", "of-sku"]);
}

#[test]
fn nobody_states_a_floor_and_days_are_in_utc_unless_they_are() {
    let strategies = read(r#"{ "version": 1, "strategies": { "s": { "kind": "fixed_list" } }, "default": { "strategy": "s" } }"#);
    let policy = &strategies.policy_for(&line("x", None, None)).unwrap().policy;
    assert_eq!((policy.floor_percent_of_list, policy.time_zone.name()), (None, "UTC"));
    let elsewhere = read(&document(|document| document["time_zone"] = json!("europe/amsterdam")));
    assert_eq!(elsewhere.policy_for(&line("x", None, None)).unwrap().policy.time_zone.name(), "Europe/Amsterdam");
}

/// The hash is what tells which SKUs a published document touches: equal policies, equal hashes, and no other.
#[test]
fn a_change_moves_the_hashes_of_those_whom_it_touches() {
    let products = [
        line("plain", None, None),
        line("meat", Some("MEAT"), None),
        line("deli", Some("DELI"), None),
        line("full", Some("DELI"), None),
        line("partial", Some("MEAT"), None),
        line("named", Some("MEAT"), Some("of-line")),
    ];
    let resolved = |document: &Value| {
        let strategies = read(&document.to_string());
        let each: Vec<Resolved> = products.iter().map(|product| (*strategies.policy_for(product).unwrap()).clone()).collect();
        (strategies.hash(), each)
    };
    let before = resolved(&layered());
    for (pointer, value, touched, why) in [
        ("/categories/MEAT/guardrails/cooldown_minutes", json!(11), &["meat", "named"][..], "partial has a cooldown of its own"),
        ("/categories/MEAT/floor_percent_of_list", json!(51), &["meat", "partial", "named"], "one category"),
        ("/categories/DELI/guardrails/ending", json!({ "modulo": 10, "remainder": 9 }), &["deli", "full"], "the other"),
        ("/categories/DELI/strategy", json!("of-default"), &[], "says what the default says"),
        ("/categories/FISH", json!({ "strategy": "of-sku" }), &[], "nobody's category"),
        ("/default/floor_percent_of_list", json!(61), &["plain", "deli"], "where nothing nearer states one"),
        (
            "/default/guardrails/ceiling_percent_of_list",
            json!(130),
            &["plain", "meat", "deli", "full", "partial", "named"],
            "all",
        ),
        (
            "/strategies/of-line",
            json!({ "kind": "inventory_threshold", "below": 1, "change_bp": 1 }),
            &["named"],
            "whom it prices",
        ),
        ("/strategies/unused", json!({ "kind": "fixed_list" }), &[], "nobody"),
        ("/skus/partial/guardrails/cooldown_minutes", json!(1), &["partial"], "one SKU"),
        ("/time_zone", json!("Asia/Tokyo"), &["plain", "meat", "deli", "full", "partial", "named"], "days are elsewhere"),
        ("/time_zone", json!("UTC"), &[], "where they were before it was said"),
    ] {
        let mut document = layered();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(parent).unwrap()[field] = value;
        let after = resolved(&document);
        assert_ne!(after.0, before.0, "the document is another: {pointer}");
        let mut moved = Vec::new();
        for ((before, after), product) in before.1.iter().zip(&after.1).zip(&products) {
            assert_eq!(before.hash == after.hash, before.policy == after.policy, "{pointer} {product:?}");
            if before.hash != after.hash {
                moved.push(product.sku.as_str());
            }
        }
        assert_eq!(moved, touched, "{pointer}: {why}");
    }
}

#[test]
fn order_and_white_space_make_no_other_document() {
    let one = r#"{"version":1,"strategies":{"s":{"kind":"fixed_list"}},"default":{"strategy":"s","floor_percent_of_list":5}}"#;
    let same = r#" { "default": { "floor_percent_of_list": 5, "strategy": "s" },
        "strategies": { "s": { "kind": "fixed_list" } }, "version": 1 } "#;
    assert_eq!(read(one).hash(), read(same).hash());
}

/// Policies are kept by hash for as long as history is: reading one back gives the same policy and the same hash.
#[test]
fn a_stored_policy_reads_back() {
    let strategies = read(&document(|_| ()));
    for name in ["fixed", "plus-five", "scarce", "curve", "evening"] {
        let resolved = strategies.policy_for(&line("x", None, Some(name))).unwrap();
        let stored = serde_json::to_string(&resolved.policy).unwrap();
        assert_eq!(ContentHash::of(stored.as_bytes()), resolved.hash, "{name}");
        assert_eq!(Resolved::new(serde_json::from_str::<Policy>(&stored).unwrap()), *resolved, "{name}");
    }
    let resolved = strategies.policy_for(&line("x", None, None)).unwrap();
    let golden = r#"{"strategy_name":"fixed","strategy":{"kind":"fixed_list"},"guardrails":{"max_step":{"change_bp":1000,"per_minutes":60},"cooldown_minutes":5,"changes_per_day":20,"band_bp":3000,"ceiling_percent_of_list":130,"ending":{"modulo":100,"remainder":99}},"floor_percent_of_list":60,"time_zone":"Europe/Amsterdam"}"#;
    assert_eq!(serde_json::to_string(&resolved.policy).unwrap(), golden, "another form would touch every SKU of every shop");
}

#[test]
fn a_document_longer_than_any_shops_is_refused_unread() {
    let text = format!("{{\"version\":1{}}}", " ".repeat(1 << 22));
    let problems = Strategies::from_json(&text).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("more than a document may have"), "{}", problems[0]);
}
