//! Spree. Calculators in `core/spec/models/spree/calculator`, actions in `spree/core/spec/models/spree/promotion/actions`, of
//! spree/spree.

use crate::case::{Case, PLAIN, agree, amount_off, eur, off_order, percent_off};

/// Largest remainder, as here; of a group the largest discount, so promotions stand in one node that keeps the best.
const SPREE: &str = "{}";

#[test]
fn the_first_unit_and_each_further_one_up_to_a_number() {
    // calculator/flexi_rate_spec.rb, ten units
    let off = |amount: i64| format!(r#"{{"amount":{}}}"#, eur(amount));
    let (one, five) = (off(100), off(500));
    for (fields, expected) in [
        (format!(r#""first":{one}"#), 100),
        (format!(r#""additional":{one}"#), 900),
        (format!(r#""first":{five},"additional":{one}"#), 1_400),
        (format!(r#""first":{five},"additional":{one},"max_units":3"#), 700),
    ] {
        let promotion = format!(r#"{{"id":"flexi","effect":{{"first_and_additional":{{{fields}}}}}}}"#);
        let case = Case { what: &fields, promotions: &[&promotion], lines: &[("a", 10, 1_000)], off: &[expected], ..PLAIN };
        agree(SPREE, &[case]);
    }
}

#[test]
fn amounts_are_for_each_line_or_for_the_order_and_stop_at_what_it_costs() {
    // actions/create_item_adjustments_spec.rb, actions/create_adjustment_spec.rb
    let two: &[(&str, u32, i64)] = &[("a", 1, 1_000), ("b", 1, 1_000)];
    agree(
        SPREE,
        &[
            Case {
                what: "3.00 off each line",
                promotions: &[&amount_off("line", 300, "line", "")],
                lines: two,
                off: &[300, 300],
                ..PLAIN
            },
            Case {
                what: "999.00 off each line",
                promotions: &[&amount_off("line", 99_900, "line", "")],
                lines: two,
                off: &[1_000, 1_000],
                ..PLAIN
            },
            Case {
                what: "4.00 off the order",
                promotions: &[&off_order("order", 400, "")],
                lines: two,
                off: &[200, 200],
                ..PLAIN
            },
            Case {
                what: "99999.00 off the order",
                promotions: &[&off_order("order", 9_999_900, "")],
                lines: two,
                off: &[1_000, 1_000],
                ..PLAIN
            },
        ],
    );
}

#[test]
fn an_order_below_every_tier_gets_the_base() {
    // actions/create_adjustment_spec.rb: 20.00, tiers from 100.00
    let tier = |from: i64, off: &str| format!(r#"{{"from":{},"off":{off}}}"#, eur(from));
    let amount = |minor: i64| format!(r#"{{"amount":{}}}"#, eur(minor));
    for (what, tiers) in [
        ("a flat percent", vec![tier(0, r#"{"percent_bp":1000}"#)]),
        ("a tiered percent", vec![tier(0, r#"{"percent_bp":1000}"#), tier(10_000, r#"{"percent_bp":5000}"#)]),
        ("a tiered flat rate", vec![tier(0, &amount(200)), tier(10_000, &amount(5_000))]),
    ] {
        let promotion =
            format!(r#"{{"id":"tiers","effect":{{"spend_and_save":{{"steps":{{"tiers":[{}]}}}}}}}}"#, tiers.join(","));
        let lines = [("a", 1, 1_000), ("b", 1, 1_000)];
        agree(SPREE, &[Case { what, promotions: &[&promotion], lines: &lines, off: &[100, 100], ..PLAIN }]);
    }
}

#[test]
fn of_a_group_the_largest_discount_is_taken() {
    // the group of line discounts: one wins; prices made up
    let best = r#"[[{"component":"percent_off"},{"component":"amount_off"}]]"#;
    let (tenth, three) = (percent_off("tenth", 1_000, ""), amount_off("three", 300, "line", ""));
    agree(
        SPREE,
        &[Case {
            what: "3.00 of 10.00, 10 % of 50.00",
            pipeline: best,
            promotions: &[&tenth, &three],
            lines: &[("a", 1, 1_000), ("b", 1, 5_000)],
            off: &[300, 500],
            ..PLAIN
        }],
    );
}
