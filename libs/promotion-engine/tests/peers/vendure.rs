//! Vendure. `packages/core/src/service/helpers/order-calculator` of vendure-ecommerce/vendure.
//!
//! Not matched: where all weights are zero Vendure shares evenly, here nothing is taken off what costs nothing; taxes in prices are
//! taken out unit by unit there, line by line here, a cent or two apart; and its buy-X-get-Y counts a unit both as bought and as
//! free when it is on both lists, which no unit is here.

use crate::case::{Case, PLAIN, agree, eur, off, off_order, percent_off, percent_off_order, with_coupons};
use crate::shop::{line, now, rule_set, with_postage};

/// Largest remainder, as here; codes are compared letter by letter.
const VENDURE: &str = r#"{"coupon_case":"sensitive"}"#;

#[test]
fn what_does_not_divide_goes_to_the_largest_errors() {
    // prorate.spec.ts
    let lines =
        |weights: &'static [i64]| -> Vec<(&'static str, u32, i64)> { weights.iter().map(|price| ("a", 1, *price)).collect() };
    for (weights, amount, expected) in [
        (&[123][..], 100, &[100][..]),
        (&[4_000, 2_000, 2_000], 300, &[150, 75, 75]),
        (&[4_300, 1_400, 2_300], 299, &[161, 52, 86]),
        (&[1_000, 1_000, 1_000], 299, &[100, 100, 99]),
        (&[10, 20, 10, 30, 50, 20, 10, 40], 95, &[5, 10, 5, 15, 25, 10, 5, 20]),
        (&[10, 20, 10, 30, 50, 20, 10, 40], 93, &[5, 10, 5, 15, 24, 10, 5, 19]),
    ] {
        let promotion = off_order("fixed", amount, "");
        let case = Case { what: "prorated", promotions: &[&promotion], lines: &lines(weights), off: expected, ..PLAIN };
        agree(VENDURE, &[case]);
    }
}

/// order-calculator.spec.ts: half off from three units of a line; then a tenth from 10.00.
fn half_then_tenth() -> [String; 2] {
    let three = r#","priority":2,"when":{"quantity":{"over":"order","at_least":3}}"#;
    let ten = format!(r#","priority":1,"when":{{"spend":{{"over":"order","at_least":{}}}}}"#, eur(1_000));
    [percent_off_order("half", 5_000, three), percent_off_order("tenth", 1_000, &ten)]
}

#[test]
fn shares_compound_and_thresholds_count_what_is_left() {
    let [half, tenth] = half_then_tenth();
    let stacked = r#"[{"keep":"stack","units":[{"component":"spend_and_save","take":"stack"}]}]"#;
    for (what, quantity, price, payable) in [
        ("a tenth of 10.00", 2, 500, 900),
        ("half of 15.00 leaves too little for the tenth", 3, 500, 750),
        ("a tenth of 16.00", 2, 800, 1_440),
        ("half of 24.00, then a tenth of 12.00", 3, 800, 1_080),
    ] {
        let whole = i64::from(quantity) * price;
        let (promotions, lines) = ([half.as_str(), tenth.as_str()], [("a", quantity, price)]);
        agree(
            VENDURE,
            &[Case { what, pipeline: stacked, promotions: &promotions, lines: &lines, off: &[whole - payable], ..PLAIN }],
        );
    }
}

#[test]
fn item_and_order_discounts_with_taxes() {
    // order-calculator.spec.ts, with prices without tax: 20 % is the standard rate, 10 % the reduced one
    let policies = r#"{"tax":{"prices":"exclusive","default_rate":2000,"rates":{"reduced":1000}}}"#;
    let stacked =
        r#"[{"units":[{"component":"percent_off"}]},{"units":[{"component":"coupon"}]},{"units":[{"component":"amount_off"}]}]"#;
    let item = percent_off("item", 1_000, r#","when":{"coupons":["ITEM10"]}"#);
    let order = r#"{"id":"order","effect":{"coupon":{"off":{"percent_bp":1000}}},"when":{"coupons":["ORDER10"]}}"#;
    for (codes, net, gross) in [(&["ITEM10"][..], 140_292, 168_350), (&["ITEM10", "ORDER10"], 126_263, 151_516)] {
        let case = Case { pipeline: stacked, promotions: &[&item, order], lines: &[("a", 1, 155_880)], ..PLAIN };
        let quote = case.quote(policies, &with_coupons(codes));
        assert_eq!((quote.totals.goods - quote.totals.goods_off, quote.totals.payable), (net, gross), "{codes:?}");
    }
    let tens = percent_off("tens", 1_500, r#","items":{"include":[{"tags":["ten"]}]}"#);
    let mixed = Case {
        pipeline: stacked,
        promotions: &[&tens, &off_order("five", 500, "")],
        lines: &[
            (r#"a ,"tags":["ten"]"#, 2, 1_000),
            (r#"b ,"tax_class":"reduced""#, 1, 3_499),
            (r#"c ,"tax_class":"reduced""#, 4, 255),
        ],
        ..PLAIN
    };
    let quote = mixed.quote(policies, &now());
    assert_eq!((quote.totals.goods - quote.totals.goods_off, quote.totals.payable), (5_719, 6_448));
    assert_eq!(off(&quote), [437, 281, 82], "300 and 137; 281.31 and 82.01 round down");
}

#[test]
fn an_order_costs_a_fixed_price_and_taxes_are_in_it() {
    // order-calculator.spec.ts: 4.20 for orders from 10.00; 20 % tax
    let fixed = format!(
        r#"{{"id":"fixed","effect":{{"order_fixed_price":{{"price":{}}}}},"when":{{"spend":{{"over":"order","at_least":{}}}}}}}"#,
        eur(420),
        eur(1_000)
    );
    let case = Case { promotions: &[&fixed], lines: &[("a", 2, 500)], ..PLAIN };
    for (prices, net, gross) in [("exclusive", 420, 504), ("inclusive", 350, 420)] {
        let quote = case.quote(&format!(r#"{{"tax":{{"prices":"{prices}","default_rate":2000}}}}"#), &now());
        assert_eq!((quote.taxes[0].net, quote.totals.payable), (net, gross), "{prices}");
    }
}

#[test]
fn a_code_is_compared_letter_by_letter_and_makes_shipping_free() {
    let free = r#"{"id":"free","effect":{"postage":{"off":"free"}},"when":{"coupons":["FREE_SHIPPING"]}}"#;
    let json = format!(r#"{{"version":1,"policies":{VENDURE},"promotions":[{free}]}}"#);
    let basket = with_postage(vec![line("A", 1, 100, "")], 500);
    for (code, expected) in [("FREE_SHIPPING", 500), ("free_shipping", 0)] {
        let quote = rule_set(&json).quote(&basket, &with_coupons(&[code])).unwrap();
        assert_eq!(quote.totals.postage_off, expected, "{code}");
    }
}
