//! Solidus. Calculators and benefits of `promotions/spec/models/solidus_promotions` of solidusio/solidus.
//!
//! Not matched: its lanes choose the best promotion line by line even where a promotion is an amount for the whole order; here a
//! promotion for the order stands or falls as a whole.

use crate::case::{Case, PLAIN, agree, eur, off_order};

/// From the last line to the first, each takes its part of what is left, rounded down (lib/money/money/allocation.rb of
/// RubyMoney/money).
const SOLIDUS: &str = r#"{"odd_cents":"carried_from_last"}"#;

#[test]
fn an_amount_is_distributed_by_what_lines_cost() {
    // distributed_amounts_handler_spec.rb
    let fifteen = off_order("fifteen", 1_500, "");
    agree(
        SOLIDUS,
        &[
            Case { what: "one line", promotions: &[&fifteen], lines: &[("a", 1, 10_000)], off: &[1_500], ..PLAIN },
            Case {
                what: "it divides",
                promotions: &[&fifteen],
                lines: &[("a", 1, 5_000), ("b", 1, 5_000), ("c", 1, 5_000)],
                off: &[500, 500, 500],
                ..PLAIN
            },
            Case {
                what: "10.00 by three",
                promotions: &[&off_order("ten", 1_000, "")],
                lines: &[("a", 1, 5_000), ("b", 1, 5_000), ("c", 1, 5_000)],
                off: &[334, 333, 333],
                ..PLAIN
            },
            Case {
                what: "by three units, one and two",
                promotions: &[&fifteen],
                lines: &[("a", 3, 5_000), ("b", 1, 5_000), ("c", 2, 5_000)],
                off: &[750, 250, 500],
                ..PLAIN
            },
        ],
    );
}

#[test]
fn a_share_stops_at_its_cap() {
    // calculators/percent_with_cap_spec.rb
    let capped = r#"{"id":"capped","effect":{"percent_off":{"off_bp":1500,"cap":{"minor":5000,"currency":"EUR"}}}}"#;
    agree(
        SOLIDUS,
        &[
            Case {
                what: "97.50 become 50.00",
                promotions: &[capped],
                lines: &[("a", 1, 12_000), ("b", 1, 23_000), ("c", 1, 30_000)],
                off: &[924, 1_769, 2_307],
                ..PLAIN
            },
            Case {
                what: "6.75 are below it",
                promotions: &[capped],
                lines: &[("a", 1, 1_200), ("b", 1, 2_300), ("c", 1, 1_000)],
                off: &[180, 345, 150],
                ..PLAIN
            },
        ],
    );
}

#[test]
fn full_groups_are_filled_line_by_line() {
    // benefits/adjust_line_item_quantity_groups_spec.rb
    let groups = |units: u32, off: &str| {
        format!(r#"{{"id":"groups","effect":{{"quantity_groups":{{"units":{units},"off":{off},"filled":"by_line"}}}}}}"#)
    };
    let five_of_two = groups(2, &format!(r#"{{"amount":{}}}"#, eur(500)));
    let five_of_three = groups(3, &format!(r#"{{"amount":{}}}"#, eur(500)));
    let tenth_of_three = groups(3, r#"{"percent_bp":1000}"#);
    for (quantity, off) in [(1, 0), (2, 1_000), (3, 1_000), (4, 2_000)] {
        let lines = [("a", quantity, 1_000)];
        agree(SOLIDUS, &[Case { what: "groups of two", promotions: &[&five_of_two], lines: &lines, off: &[off], ..PLAIN }]);
    }
    agree(
        SOLIDUS,
        &[
            Case {
                what: "two, one and one",
                promotions: &[&five_of_three],
                lines: &[("a", 2, 1_000), ("b", 1, 1_000), ("c", 1, 1_000)],
                off: &[1_000, 500, 0],
                ..PLAIN
            },
            Case {
                what: "the first line fills the group, though the second is dearer",
                promotions: &[&tenth_of_three],
                lines: &[("a", 3, 1_000), ("b", 1, 2_000)],
                off: &[300, 0],
                ..PLAIN
            },
        ],
    );
}

#[test]
fn tiers_go_by_what_the_order_costs() {
    // calculators/tiered_percent_spec.rb: 10 %, from 20.00 15 %, from 30.00 20 %
    let tier = |from: i64, off_bp: u32| format!(r#"{{"from":{},"off":{{"percent_bp":{off_bp}}}}}"#, eur(from));
    let tiers = [tier(0, 1_000), tier(2_000, 1_500), tier(3_000, 2_000)].join(",");
    let promotion = format!(r#"{{"id":"tiers","effect":{{"spend_and_save":{{"steps":{{"tiers":[{tiers}]}}}}}}}}"#);
    for (lines, off) in [
        (&[("a", 1, 1_000)][..], &[100][..]),
        (&[("a", 1, 1_000), ("b", 1, 1_000)], &[150, 150]),
        (&[("a", 1, 1_000), ("b", 1, 1_000), ("c", 1, 1_000)], &[200, 200, 200]),
        (&[("a", 1, 2_000)], &[300]),
        (&[("a", 1, 3_000)], &[600]),
        (&[("a", 1, 15)], &[2]), // 1.5 of a currency without cents
    ] {
        agree(SOLIDUS, &[Case { what: "tiers", promotions: &[&promotion], lines, off, ..PLAIN }]);
    }
}

#[test]
fn the_first_unit_and_each_further_one() {
    // calculators/flexi_rate_spec.rb
    let flexi = |first: i64, additional: i64, more: &str| {
        let off = |amount: i64| format!(r#"{{"amount":{}}}"#, eur(amount));
        let (first, additional) = (off(first), off(additional));
        format!(r#"{{"id":"flexi","effect":{{"first_and_additional":{{"first":{first},"additional":{additional}{more}}}}}}}"#)
    };
    for (promotion, quantity, off) in [
        (flexi(113, 211, ""), 1, 113),
        (flexi(113, 211, ""), 2, 324),
        (flexi(113, 211, ""), 10, 2_012),
        (flexi(113, 211, r#","max_units":5"#), 2, 324),
        (flexi(113, 211, r#","max_units":5"#), 5, 957),
        (flexi(113, 211, r#","max_units":5"#), 10, 957),
    ] {
        let lines = [("a", quantity, 1_000)];
        agree(SOLIDUS, &[Case { what: "flexi rate", promotions: &[&promotion], lines: &lines, off: &[off], ..PLAIN }]);
    }
}
