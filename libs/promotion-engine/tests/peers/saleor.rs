//! Saleor. `saleor/discount/tests/test_rounding_issue.py`, `saleor/order/base_calculations.py` and its tests, of saleor/saleor.
//!
//! Not matched: shares of an order are kept there with more than two places until they are charged, here never.

use crate::case::{Case, PLAIN, agree, eur, off_order, percent_off};

/// The price of each line is rounded half up, the last line takes the rest; a share off an order is rounded once.
const SALEOR: &str = r#"{"odd_cents":"last","basket_rounding":{"level":"order"}}"#;

#[test]
fn a_catalogue_promotion_is_rounded_for_each_unit() {
    // discount/tests/test_rounding_issue.py: 10 % of each, which is not 10 % of the sum
    let catalogue = r#"[{"stage":"catalogue","units":[{"component":"percent_off"}]}]"#;
    let tenth = percent_off("tenth", 1_000, "");
    agree(
        SALEOR,
        &[
            Case {
                what: "10.6, 20.6, 30.6 and 40.6 cents",
                pipeline: catalogue,
                promotions: &[&tenth],
                lines: &[("a", 1, 106), ("b", 1, 206), ("c", 1, 306), ("d", 1, 406)],
                off: &[11, 21, 31, 41],
                ..PLAIN
            },
            Case {
                what: "10.4, 20.4, 30.4 and 40.4 cents",
                pipeline: catalogue,
                promotions: &[&tenth],
                lines: &[("a", 1, 104), ("b", 1, 204), ("c", 1, 304), ("d", 1, 404)],
                off: &[10, 20, 30, 40],
                ..PLAIN
            },
        ],
    );
}

/// The order of its tests: three at 10.00 and two at 20.00, sent for 10.00.
const ORDER: &[(&str, u32, i64)] = &[("a", 3, 1_000), ("b", 2, 2_000)];

#[test]
fn a_discount_of_the_order_is_shared_and_the_last_line_takes_the_rest() {
    // order/tests/test_base_calculations.py, test_apply_subtotal_discount_to_order_lines
    let off = |amount: i64| off_order("voucher", amount, "");
    agree(
        SALEOR,
        &[
            Case { what: "10.00: 4.2857", promotions: &[&off(1_000)], lines: ORDER, off: &[429, 571], ..PLAIN },
            Case { what: "1.00: 0.42857", promotions: &[&off(100)], lines: ORDER, off: &[43, 57], ..PLAIN },
            Case { what: "17.30: 7.4143", promotions: &[&off(1_730)], lines: ORDER, off: &[741, 989], ..PLAIN },
            Case {
                what: "3.3333 of three equal lines, by order/base_calculations.py; prices made up",
                promotions: &[&off(1_000)],
                lines: &[("a", 1, 500), ("b", 1, 500), ("c", 1, 500)],
                off: &[333, 333, 334],
                ..PLAIN
            },
            Case { what: "more than it costs", promotions: &[&off(1_000_000)], lines: ORDER, off: &[3_000, 4_000], ..PLAIN },
        ],
    );
}

#[test]
fn vouchers_and_manual_discounts_compound() {
    // order/tests/test_base_calculations.py: 10.00 off goods and shipping, 8.75 of them off 70.00; then 50 %, 30.625
    let stacked = r#"[{"units":[{"component":"goods_and_postage"}]},{"units":[{"component":"coupon"}]}]"#;
    let manual = format!(r#"{{"id":"manual","effect":{{"goods_and_postage":{{"off":{{"amount":{}}}}}}}}}"#, eur(1_000));
    let half = r#"{"id":"half","effect":{"coupon":{"off":{"percent_bp":5000}}}}"#;
    let case = Case { pipeline: stacked, promotions: &[&manual, half], lines: ORDER, postage: 1_000, ..PLAIN };
    let quote = case.quote(SALEOR, &crate::shop::now());
    assert_eq!(crate::shop::taken(&quote), [("manual".to_owned(), 1_000), ("half".to_owned(), 3_063)]);
    assert_eq!(quote.totals.postage_off, 125);
}

#[test]
fn a_voucher_is_for_goods_or_for_shipping() {
    // order/tests/test_base_calculations.py, test_apply_order_discounts_voucher_*
    let shipping = format!(r#"{{"id":"voucher","effect":{{"postage":{{"off":{{"amount":{}}}}}}}}}"#, eur(500));
    let half = r#"{"id":"voucher","effect":{"coupon":{"off":{"percent_bp":5000}}}}"#;
    agree(
        SALEOR,
        &[
            Case {
                what: "5.00 off shipping",
                promotions: &[&shipping],
                lines: ORDER,
                postage: 1_000,
                off: &[0, 0, 500],
                ..PLAIN
            },
            Case {
                what: "half of the goods",
                promotions: &[half],
                lines: ORDER,
                postage: 1_000,
                off: &[1_500, 2_000, 0],
                ..PLAIN
            },
        ],
    );
}

#[test]
fn the_best_rule_counts_for_each_variant() {
    // discount/utils: of the rules that cover a variant the one that takes most off is kept; prices made up
    let best = r#"[{"stage":"catalogue","units":[{"component":"percent_off"},{"component":"amount_off"}]}]"#;
    let tenth = percent_off("tenth", 1_000, "");
    let two = crate::case::amount_off("two", 200, "unit", "");
    agree(
        SALEOR,
        &[Case {
            what: "10 % of 30.00, 2.00 of 10.00",
            pipeline: best,
            promotions: &[&tenth, &two],
            lines: &[("a", 1, 3_000), ("b", 1, 1_000)],
            off: &[300, 200],
            ..PLAIN
        }],
    );
}
