//! Shopify. The examples of `docs/apps/selling-strategies/discounts/discount-function-examples` and `help.shopify.com`, and the
//! allocator of Shopify/function-examples (`sample-apps/discounts/extensions/discounts-allocator-js`).
//!
//! Not matched: a cap over all discounts of a cart together (the allocator's 10.00); here a cap is a promotion's own.

use crate::case::{Case, PLAIN, agree, amount_off, eur, of, off_order, off_units, percent_off, percent_off_order};
use crate::shop::now;

/// Classes are nodes: products, then the order, then shipping. Of products one wins; of the order all count from the same
/// subtotal, which `stack_base` cannot say after product discounts, so those here have none before them.
const SHOPIFY: &str = "{}";
const CLASSES: &str = r#"[[{"component":"amount_off"},{"component":"percent_off"}],
    {"keep":"stack","units":[{"component":"spend_and_save","take":"stack"}]},[{"component":"postage"}]]"#;

const CART: &[(&str, u32, i64)] = &[("pants", 1, 10_000), ("shirts", 1, 5_000), ("boots", 1, 20_000)];

#[test]
fn classes_of_discounts_combine() {
    let pants = amount_off("20offPants", 2_000, "unit", &of("pants"));
    let shirts = amount_off("10offShirts", 1_000, "unit", &of("shirts"));
    let free = format!(
        r#"{{"id":"Freeship100","effect":{{"postage":{{"off":"free"}}}},"when":{{"spend":{{"over":"order","at_least":{}}}}}}}"#,
        eur(10_000)
    );
    agree(
        SHOPIFY,
        &[
            Case {
                what: "two products and shipping: 370.00 become 320.00",
                pipeline: CLASSES,
                promotions: &[&pants, &shirts, &free],
                lines: CART,
                postage: 2_000,
                off: &[2_000, 1_000, 0, 2_000],
            },
            Case {
                what: "a product, then 10 % of 330.00: 297.00 and shipping",
                pipeline: CLASSES,
                promotions: &[&pants, &percent_off_order("10offOrder", 1_000, "")],
                lines: CART,
                postage: 2_000,
                off: &[2_800, 500, 2_000, 0],
            },
        ],
    );
}

#[test]
fn of_product_discounts_the_best_is_taken() {
    // help.shopify.com/en/manual/discounts/combining-discounts: one discount for an item, the best; shares made up
    let (twenty, thirty) =
        (amount_off("20offPants", 2_000, "unit", &of("pants")), percent_off("30offPants", 3_000, &of("pants")));
    agree(
        SHOPIFY,
        &[Case {
            what: "30 % of 100.00",
            pipeline: CLASSES,
            promotions: &[&twenty, &thirty],
            lines: CART,
            off: &[3_000, 0, 0],
            ..PLAIN
        }],
    );
}

#[test]
fn percentages_of_the_order_are_taken_of_the_same_subtotal() {
    // liquidquestions.com/shopify-automatic-discount-rules, after the page above: 35.00 and 52.50 of 350.00
    let base = r#","stack_base":"original""#;
    agree(
        SHOPIFY,
        &[Case {
            what: "10 % and 15 %",
            pipeline: CLASSES,
            promotions: &[&percent_off_order("tenth", 1_000, base), &percent_off_order("more", 1_500, base)],
            lines: CART,
            off: &[2_500, 1_250, 5_000],
            ..PLAIN
        }],
    );
}

#[test]
fn amounts_are_for_each_item_or_across_them() {
    // discounts-allocator-js/src/run.test.js: five at 32.00, six at 20.00
    let lines: &[(&str, u32, i64)] = &[("caps", 5, 3_200), ("ties", 6, 2_000)];
    let ties = percent_off("TIES", 2_000, &of("ties"));
    agree(
        SHOPIFY,
        &[
            Case {
                what: "across, and a share",
                promotions: &[&off_order("CAPS", 1_000, &of("caps")), &ties],
                lines,
                off: &[1_000, 2_400],
                ..PLAIN
            },
            Case {
                what: "each, and across",
                pipeline: r#"[{"keep":"stack","units":[{"component":"amount_off","take":"stack"}]}]"#,
                promotions: &[&amount_off("CAPS", 500, "unit", &of("caps")), &amount_off("TIES", 1_000, "matching", &of("ties"))],
                lines,
                off: &[2_500, 1_000],
                ..PLAIN
            },
        ],
    );
}

#[test]
fn cents_of_a_line_that_do_not_divide_go_to_one_unit() {
    // shopify.dev, FinancialSummaryDiscountAllocation: four cents on three units are one, one and two
    let promotion = amount_off("four", 4, "line", "");
    let quote = Case { promotions: &[&promotion], lines: &[("a", 3, 1_000)], ..PLAIN }.quote(SHOPIFY, &now());
    assert_eq!(off_units(&quote, 0, 1_000), [1, 1, 2]);
}
