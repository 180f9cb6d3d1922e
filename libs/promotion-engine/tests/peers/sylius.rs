//! Sylius. Minimum prices, priorities, exclusive promotions: `features/shop/promotion` of Sylius/Sylius.

use crate::case::{Case, PLAIN, agree, amount_off, of, off, off_order, off_units, percent_off, percent_off_order, tagged};
use crate::shop::now;

/// Parts are rounded half down, what is missing goes to the first; exclusive promotions go first, by priority.
const SYLIUS: &str = r#"{"odd_cents":"first","exclusive_by":"first"}"#;

/// Promotions of both kinds one upon the other, those of the first unit first.
fn stacked(first: &str, second: &str) -> String {
    format!(
        r#"[{{"keep":"stack","units":[{{"component":"{first}","take":"stack"}},{{"component":"{second}","take":"stack"}}]}}]"#
    )
}

#[test]
fn catalogue_prices_are_rounded_half_up() {
    // applying_catalog_promotions/applying_catalog_promotions_price_calculation.feature
    let catalogue = r#"[{"stage":"catalogue","units":[{"component":"percent_off"}]}]"#;
    for (price, payable) in [(2_000, 1_700), (2_025, 1_721), (1_050, 893), (994, 845)] {
        agree(
            SYLIUS,
            &[Case {
                what: "15 % off a drink",
                pipeline: catalogue,
                promotions: &[&percent_off("drinks", 1_500, "")],
                lines: &[("drink", 1, price)],
                off: &[price - payable],
                ..PLAIN
            }],
        );
    }
}

#[test]
fn promotions_run_by_priority_and_an_exclusive_one_runs_alone() {
    // receiving_discount/receiving_discount_in_order_of_promotions_priority.feature
    let mug: &[(&str, u32, i64)] = &[("mug", 1, 10_000)];
    let exclusive = |priority: i32| format!(r#","exclusive":"order","priority":{priority}"#);
    agree(
        SYLIUS,
        &[
            Case {
                what: "20 % of 100.00, then 10.00",
                pipeline: &stacked("spend_and_save", "amount_off"),
                promotions: &[&off_order("cebula", 1_000, ""), &percent_off_order("santa", 2_000, "")],
                lines: mug,
                off: &[3_000],
                ..PLAIN
            },
            Case {
                what: "10.00, then 20 % of 90.00",
                pipeline: &stacked("amount_off", "spend_and_save"),
                promotions: &[&off_order("cebula", 1_000, ""), &percent_off_order("santa", 2_000, "")],
                lines: mug,
                off: &[2_800],
                ..PLAIN
            },
            Case {
                what: "the exclusive one, though its priority is lower",
                pipeline: &stacked("amount_off", "spend_and_save"),
                promotions: &[
                    &off_order("cebula", 1_000, r#","priority":5"#),
                    &percent_off_order("golden", 2_000, &exclusive(1)),
                ],
                lines: mug,
                off: &[2_000],
                ..PLAIN
            },
            Case {
                what: "of two exclusive ones the higher priority, though it is worth less",
                pipeline: &stacked("spend_and_save", "amount_off"),
                promotions: &[&percent_off_order("golden", 2_000, &exclusive(2)), &off_order("sloth", 1_000, &exclusive(5))],
                lines: mug,
                off: &[1_000],
                ..PLAIN
            },
        ],
    );
}

#[test]
fn an_exclusive_catalogue_promotion_is_the_only_one() {
    // applying_catalog_promotions/applying_only_exclusive_catalog_promotion.feature
    let catalogue = r#"[{"stage":"catalogue","units":[{"component":"percent_off","take":"stack"}]}]"#;
    let all = [
        percent_off("stuff", 5_000, r#","priority":100"#),
        percent_off("exclusive", 3_000, r#","priority":500,"exclusive":"line""#),
        percent_off("really", 7_000, r#","priority":1000,"exclusive":"line""#),
    ];
    for (promotions, off) in [(&all[..2], 3_000), (&all[..], 7_000)] {
        let promotions: Vec<&str> = promotions.iter().map(String::as_str).collect();
        let what = "the highest priority of the exclusive ones";
        let case =
            Case { what, pipeline: catalogue, promotions: &promotions, lines: &[("shirt", 1, 10_000)], off: &[off], ..PLAIN };
        agree(SYLIUS, &[case]);
    }
}

#[test]
fn no_price_goes_below_its_minimum_and_the_rest_is_shared_again() {
    // receiving_discount/receiving_discounts_with_product_minimum_price_specified.feature
    const SHIRT: &str = r#"shirt ,"promotion_floor":{"minor":4500,"currency":"EUR"}"#;
    const KEYS_15: &str = r#"keys ,"promotion_floor":{"minor":1500,"currency":"EUR"}"#;
    const KEYS_19: &str = r#"keys ,"promotion_floor":{"minor":1900,"currency":"EUR"}"#;
    const MOUSE_50: &str = r#"mouse ,"promotion_floor":{"minor":5000,"currency":"EUR"}"#;
    const PHONES_29: &str = r#"phones ,"promotion_floor":{"minor":2900,"currency":"EUR"}"#;
    const PHONES_26: &str = r#"phones ,"promotion_floor":{"minor":2600,"currency":"EUR"}"#;
    let of_four = |phones: &'static str| [("cup", 1, 1_000), (KEYS_19, 1, 2_000), (MOUSE_50, 1, 5_000), (phones, 1, 3_000)];
    agree(
        SYLIUS,
        &[
            Case {
                what: "half of 50.00 would pass 45.00",
                promotions: &[&percent_off("half", 5_000, "")],
                lines: &[(SHIRT, 1, 5_000)],
                off: &[500],
                ..PLAIN
            },
            Case {
                what: "10.00 off each",
                promotions: &[&amount_off("each", 1_000, "unit", "")],
                lines: &[(SHIRT, 1, 5_000), ("mug", 1, 2_000)],
                off: &[500, 1_000],
                ..PLAIN
            },
            Case {
                what: "20.00 off the order",
                promotions: &[&off_order("fixed", 2_000, "")],
                lines: &[(SHIRT, 1, 5_000), ("mug", 1, 2_000)],
                off: &[500, 1_500],
                ..PLAIN
            },
            Case {
                what: "20 % off the order",
                promotions: &[&percent_off_order("fifth", 2_000, "")],
                lines: &[(SHIRT, 1, 5_000), ("mug", 1, 2_000)],
                off: &[500, 900],
                ..PLAIN
            },
            Case {
                what: "50.00 off two shirts",
                promotions: &[&off_order("fixed", 5_000, "")],
                lines: &[(SHIRT, 2, 5_000)],
                off: &[1_000],
                ..PLAIN
            },
            Case {
                what: "27.00 over two, two and one",
                promotions: &[&off_order("fixed", 2_700, "")],
                lines: &[(SHIRT, 2, 5_000), ("mug", 2, 2_000), ("big", 1, 4_000)],
                off: &[1_000, 850, 850],
                ..PLAIN
            },
            Case {
                what: "36.00 with two minimum prices in the way",
                promotions: &[&off_order("fixed", 3_600, "")],
                lines: &[(SHIRT, 2, 5_000), (KEYS_15, 2, 2_000), ("mouse", 1, 3_000), ("cup", 1, 1_000)],
                off: &[1_000, 1_000, 1_200, 400],
                ..PLAIN
            },
            Case {
                what: "12.00, and room for it in the cup alone",
                promotions: &[&off_order("fixed", 1_200, "")],
                lines: &of_four(PHONES_29),
                off: &[1_000, 100, 0, 100],
                ..PLAIN
            },
            Case {
                what: "12.00, shared three times",
                promotions: &[&off_order("fixed", 1_200, "")],
                lines: &of_four(PHONES_26),
                off: &[700, 100, 0, 400],
                ..PLAIN
            },
            Case {
                what: "20.00, of which 5.00 have no room",
                promotions: &[&off_order("fixed", 2_000, "")],
                lines: &of_four(PHONES_26),
                off: &[1_000, 100, 0, 400],
                ..PLAIN
            },
        ],
    );
    for (amount, shirts, expected) in [(2_500, 1, [666, 667, 667]), (2_000, 2, [333, 333, 334])] {
        let promotion = off_order("fixed", amount, "");
        let case = Case { promotions: &[&promotion], lines: &[(SHIRT, shirts, 5_000), ("mug", 3, 2_000)], ..PLAIN };
        let quote = case.quote(SYLIUS, &now());
        assert_eq!(off(&quote)[0], 500 * i64::from(shirts));
        assert_eq!(off_units(&quote, 1, 2_000), expected, "each mug, when {amount} cents are shared");
    }
}

#[test]
fn an_amount_that_does_not_divide_is_made_up_by_the_first() {
    // src/Sylius/Component/Core/spec/Distributor/ProportionalIntegerDistributorSpec.php
    let shared = |amount: i64| off_order("fixed", amount, "");
    let lines: &[(&str, u32, i64)] = &[("a", 1, 4_300), ("b", 1, 1_400), ("c", 1, 2_300)];
    agree(
        SYLIUS,
        &[
            Case { what: "161.25, 52.50, 86.25", promotions: &[&shared(300)], lines, off: &[162, 52, 86], ..PLAIN },
            Case { what: "160.71, 52.33, 85.96", promotions: &[&shared(299)], lines, off: &[161, 52, 86], ..PLAIN },
            Case {
                what: "it divides",
                promotions: &[&shared(300)],
                lines: &[("a", 1, 4_000), ("b", 1, 2_000), ("c", 1, 2_000)],
                off: &[150, 75, 75],
                ..PLAIN
            },
        ],
    );
}

#[test]
fn amounts_stack_until_nothing_is_left() {
    // receiving_discount/receiving_fixed_discount_distributed_on_item_units.feature
    agree(
        SYLIUS,
        &[Case {
            what: "80.00 and 20.00 off 91.68",
            pipeline: r#"[{"keep":"stack","units":[{"component":"amount_off","take":"stack"}]}]"#,
            promotions: &[&off_order("small", 2_000, r#","priority":0"#), &off_order("large", 8_000, r#","priority":1"#)],
            lines: &[("shirt", 3, 1_056), ("mug", 1, 6_000)],
            postage: 126,
            off: &[3_168, 6_000, 0],
        }],
    );
}

#[test]
fn actions_of_one_promotion_are_worked_out_from_the_same_price() {
    // receiving_discount/receiving_discount_from_promotion_with_multiple_actions.feature, complex_promotions.feature
    let original = |more: &str| format!(r#","stack_base":"original"{more}"#);
    let take_both =
        r#"[{"keep":"stack","units":[{"component":"percent_off","take":"stack"},{"component":"amount_off","take":"stack"}]}]"#;
    agree(
        SYLIUS,
        &[
            Case {
                what: "20 % and 10 % of 100.00",
                pipeline: take_both,
                promotions: &[
                    &percent_off("action-1", 2_000, &original(&of("shirt"))),
                    &percent_off("action-2", 1_000, &original(&of("shirt"))),
                ],
                lines: &[("shirt", 1, 10_000), ("mug", 1, 2_000)],
                off: &[3_000, 0],
                ..PLAIN
            },
            Case {
                what: "10.00 and 5.00",
                pipeline: take_both,
                promotions: &[
                    &amount_off("action-1", 1_000, "unit", &of("shirt")),
                    &amount_off("action-2", 500, "unit", &of("shirt")),
                ],
                lines: &[("shirt", 1, 10_000), ("mug", 1, 2_000)],
                off: &[1_500, 0],
                ..PLAIN
            },
            Case {
                what: "20 % off seven jackets, and 50.00 off the order",
                pipeline: take_both,
                promotions: &[&percent_off("action-1", 2_000, &tagged("jacket")), &off_order("action-2", 5_000, "")],
                lines: &[(r#"jacket ,"tags":["jacket"]"#, 7, 10_000)],
                off: &[19_000],
                ..PLAIN
            },
        ],
    );
}

#[test]
fn shipping_is_free_by_what_the_goods_cost_after_their_discounts() {
    // receiving_discount/receiving_percentage_discount_on_shipping.feature; Core's item total rule counts the running total
    let free_over = |cents: i64| {
        format!(
            r#"{{"id":"free","effect":{{"postage":{{"off":"free"}}}},"when":{{"spend":{{"over":"order","at_least":{{"minor":{cents},"currency":"EUR"}}}}}}}}"#
        )
    };
    let fifth = r#"{"id":"fifth","effect":{"postage":{"off":{"percent_bp":2000}}}}"#;
    agree(
        SYLIUS,
        &[
            Case {
                what: "20 % of 10.00",
                promotions: &[fifth],
                lines: &[("shirt", 1, 10_000)],
                postage: 1_000,
                off: &[0, 200],
                ..PLAIN
            },
            Case {
                what: "80.00",
                promotions: &[&free_over(7_000)],
                lines: &[("mug", 4, 2_000)],
                postage: 1_000,
                off: &[0, 1_000],
                ..PLAIN
            },
            Case {
                what: "40.00",
                promotions: &[&free_over(7_000)],
                lines: &[("mug", 2, 2_000)],
                postage: 1_000,
                off: &[0, 0],
                ..PLAIN
            },
            Case {
                what: "80.00 less 15.00",
                promotions: &[&off_order("fixed", 1_500, ""), &free_over(7_000)],
                lines: &[("mug", 4, 2_000)],
                postage: 1_000,
                off: &[1_500, 0],
                ..PLAIN
            },
        ],
    );
}
