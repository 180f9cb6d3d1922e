//! commercetools. `docs.commercetools.com`: cart discounts, discount groups, best deal, multi-buy. Where a page gives a rule without
//! numbers, the prices are made up and the rule is applied to them.

use crate::case::{Case, PLAIN, agree, amount_off, eur, percent_off, percent_off_order};

/// As here, with codes compared letter by letter; ranks are priorities.
const COMMERCETOOLS: &str = r#"{"coupon_case":"sensitive"}"#;

/// certifications/composable-commerce-functional-refresher-2026/pricing-and-discounts: a table at 259.99, 30 % off the product, and
/// 10 % off the cart from 100.00.
fn table() -> [String; 2] {
    let from = format!(r#","when":{{"spend":{{"over":"order","at_least":{}}}}}"#, eur(10_000));
    [percent_off("product", 3_000, ""), percent_off_order("cart", 1_000, &from)]
}

#[test]
fn product_and_cart_discounts_stack_or_the_best_deal_is_taken() {
    let [product, cart] = table();
    let promotions = [product.as_str(), cart.as_str()];
    let stacking = r#"[{"stage":"catalogue","units":[{"component":"percent_off"}]},[{"component":"spend_and_save"}]]"#;
    let best_deal = r#"[[{"component":"percent_off"},{"component":"spend_and_save"}]]"#;
    agree(
        COMMERCETOOLS,
        &[
            Case {
                what: "181.99, then 10 % of that",
                pipeline: stacking,
                promotions: &promotions,
                lines: &[("table", 1, 25_999)],
                off: &[7_800 + 1_820],
                ..PLAIN
            },
            Case {
                what: "181.99",
                pipeline: best_deal,
                promotions: &promotions,
                lines: &[("table", 1, 25_999)],
                off: &[7_800],
                ..PLAIN
            },
        ],
    );
}

#[test]
fn of_a_discount_group_the_best_is_taken() {
    // api/releases/2025-06-23: only the most beneficial discount of a group applies
    let group = r#"[[{"component":"percent_off"},{"component":"amount_off"}]]"#;
    let (tenth, twelve) = (percent_off("tenth", 1_000, ""), amount_off("twelve", 1_200, "unit", ""));
    agree(
        COMMERCETOOLS,
        &[Case {
            what: "12.00 of 100.00, 15.00 of 150.00",
            pipeline: group,
            promotions: &[&tenth, &twelve],
            lines: &[("a", 1, 10_000), ("b", 1, 15_000)],
            off: &[1_200, 1_500],
            ..PLAIN
        }],
    );
}

#[test]
fn discounts_apply_in_the_order_of_their_ranks_and_one_may_be_the_last() {
    // http-api-projects-cartDiscounts: a relative discount counts from the price that is left; StopAfterThisDiscount
    let stacked = r#"[{"keep":"stack","units":[{"component":"percent_off","take":"stack"}]}]"#;
    let fifth = |more: &str| percent_off("fifth", 2_000, &format!(r#","priority":9{more}"#));
    let tenth = percent_off("tenth", 1_000, r#","priority":1"#);
    agree(
        COMMERCETOOLS,
        &[
            Case {
                what: "20 % of 100.00, 10 % of 80.00",
                pipeline: stacked,
                promotions: &[&tenth, &fifth("")],
                lines: &[("a", 1, 10_000)],
                off: &[2_800],
                ..PLAIN
            },
            Case {
                what: "20 % and no more",
                pipeline: stacked,
                promotions: &[&tenth, &fifth(r#","exclusive":"order""#)],
                lines: &[("a", 1, 10_000)],
                off: &[2_000],
                ..PLAIN
            },
        ],
    );
}

#[test]
fn multi_buy_takes_the_cheapest_or_the_dearest() {
    // api/releases/2017-09-15: who buys four tyres gets two of them for half the price; selectionMode
    let tyres = |pick: &str| {
        format!(
            r#"{{"id":"tyres","effect":{{"buy_x_get_y":{{"buy":2,"get":2,"off":{{"percent_bp":5000}},"pick":"{pick}","max_times":1}}}}}}"#
        )
    };
    let lines: &[(&str, u32, i64)] = &[("winter", 2, 9_000), ("summer", 2, 6_000)];
    agree(
        COMMERCETOOLS,
        &[
            Case { what: "Cheapest", promotions: &[&tyres("cheapest")], lines, off: &[0, 6_000], ..PLAIN },
            Case { what: "MostExpensive", promotions: &[&tyres("dearest")], lines, off: &[9_000, 0], ..PLAIN },
            Case {
                what: "three are too few",
                promotions: &[&tyres("cheapest")],
                lines: &[("winter", 3, 9_000)],
                off: &[0],
                ..PLAIN
            },
        ],
    );
}

#[test]
fn three_melons_cost_five() {
    // learning-price-and-discount-your-products/cart-discounts: a fixed price discount
    let melons = r#"{"id":"melons","effect":{"n_for_price":{"units":3,"price":{"minor":500,"currency":"EUR"}}}}"#;
    agree(
        COMMERCETOOLS,
        &[
            Case { what: "three at 2.00", promotions: &[melons], lines: &[("melon", 3, 200)], off: &[100], ..PLAIN },
            Case { what: "seven: twice", promotions: &[melons], lines: &[("melon", 7, 200)], off: &[200], ..PLAIN },
        ],
    );
}

#[test]
fn an_absolute_discount_is_spread_or_given_to_each() {
    // api/releases/2024-08-22: ProportionateDistribution and IndividualApplication. EvenDistribution, the same amount for each line
    // whatever it costs, is not matched: what is shared here is shared by what lines cost.
    let lines: &[(&str, u32, i64)] = &[("a", 1, 3_000), ("b", 1, 1_000)];
    agree(
        COMMERCETOOLS,
        &[
            Case {
                what: "ProportionateDistribution",
                promotions: &[&amount_off("ten", 1_000, "matching", "")],
                lines,
                off: &[750, 250],
                ..PLAIN
            },
            Case {
                what: "IndividualApplication",
                promotions: &[&amount_off("ten", 1_000, "line", "")],
                lines,
                off: &[1_000, 1_000],
                ..PLAIN
            },
        ],
    );
}
