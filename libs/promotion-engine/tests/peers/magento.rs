//! Magento. `app/code/Magento/SalesRule/Test/Unit` of magento/magento2.
//!
//! Not matched: quantities that are not whole; a percent of what was left of another discount on one item (its rules hand each
//! other amounts per item in floating point).

use crate::case::{Case, PLAIN, agree, off_order, percent_off};

/// What rounding a part leaves is carried to the next; buy X get Y counts within a line, and the last time in part.
const MAGENTO: &str = r#"{"odd_cents":"carried"}"#;

#[test]
fn what_rounding_leaves_is_carried_on() {
    // Model/DeltaPriceRoundTest.php: 1.005 and 1.005 become 1.01 and 1.00; Model/Rule/Action/Discount/CartFixedTest.php
    agree(
        MAGENTO,
        &[
            Case {
                what: "2.01 of two equal lines",
                promotions: &[&off_order("fixed", 201, "")],
                lines: &[("a", 1, 1_000), ("b", 1, 1_000)],
                off: &[101, 100],
                ..PLAIN
            },
            Case {
                what: "3.01 of three: 1.0033 each, and the second reaches half a cent",
                promotions: &[&off_order("fixed", 301, "")],
                lines: &[("a", 1, 1_000), ("b", 1, 1_000), ("c", 1, 1_000)],
                off: &[100, 101, 100],
                ..PLAIN
            },
            Case {
                what: "10.00 of one item",
                promotions: &[&off_order("fixed", 1_000, "")],
                lines: &[("a", 1, 10_000)],
                off: &[1_000],
                ..PLAIN
            },
        ],
    );
}

#[test]
fn who_buys_x_gets_y_of_the_same_item() {
    // Model/Rule/Action/Discount/BuyXGetYTest.php
    for (buy, get, quantity, price, expected) in
        [(2, 1, 3, 1_000, 1_000), (1, 5, 6, 2_000, 10_000), (1, 5, 4, 2_000, 6_000), (1, 5, 1, 2_000, 0)]
    {
        let effect = format!(r#"{{"buy_x_get_y":{{"buy":{buy},"get":{get},"off":"free","per":"line","partly":true}}}}"#);
        let promotion = format!(r#"{{"id":"free","effect":{effect}}}"#);
        let case = Case { what: &effect, promotions: &[&promotion], lines: &[("a", quantity, price)], off: &[expected], ..PLAIN };
        agree(MAGENTO, &[case]);
    }
    agree(
        MAGENTO,
        &[Case {
            what: "two of one and one of another are not three of one",
            promotions: &[r#"{"id":"free","effect":{"buy_x_get_y":{"buy":2,"get":1,"off":"free","per":"line","partly":true}}}"#],
            lines: &[("a", 2, 1_000), ("b", 1, 1_000)],
            off: &[0, 0],
            ..PLAIN
        }],
    );
}

#[test]
fn a_step_makes_full_groups() {
    // Model/Rule/Action/Discount/ByPercentTest.php, testFixQuantity: of 23 by steps of 10 twenty count, of 33 by 20 twenty, ...
    for (step, quantity, counted) in [(1, 23, 23), (10, 23, 20), (20, 33, 20), (25, 23, 0)] {
        let promotion =
            format!(r#"{{"id":"step","effect":{{"quantity_groups":{{"units":{step},"off":{{"percent_bp":1000}}}}}}}}"#);
        let case = Case {
            what: "by steps",
            promotions: &[&promotion],
            lines: &[("a", quantity, 1_000)],
            off: &[counted * 100],
            ..PLAIN
        };
        agree(MAGENTO, &[case]);
    }
}

#[test]
fn rules_run_by_priority_and_one_may_stop_those_after_it() {
    // `stop_rules_processing` of a rule is `exclusive` where it comes first; prices made up
    let stacked = r#"[{"keep":"stack","units":[{"component":"percent_off","take":"stack"}]}]"#;
    let first = percent_off("first", 1_000, r#","priority":2,"exclusive":"order""#);
    let second = percent_off("second", 2_000, r#","priority":1"#);
    agree(
        MAGENTO,
        &[Case {
            what: "10 %, and no 20 % after it",
            pipeline: stacked,
            promotions: &[&second, &first],
            lines: &[("a", 1, 1_000)],
            off: &[100],
            ..PLAIN
        }],
    );
}
