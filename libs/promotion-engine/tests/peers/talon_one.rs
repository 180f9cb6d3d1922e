//! Talon.One. `help.talon.one` and `docs.talon.one`: cascading and partial discounts, evaluation modes, sample campaigns; enums of
//! `docs/CampaignEvaluationGroup.md` of talon-one/talon_one.js.
//!
//! Not matched: the evaluation mode `lowestDiscount`, which keeps what takes least off.

use crate::case::{Case, PLAIN, agree, amount_off, eur, off, off_order, percent_off, percent_off_order, with_budget};
use crate::shop::now;

/// As here: codes in any case, budgets in part where the promotion says so.
const TALON_ONE: &str = "{}";

#[test]
fn discounts_cascade_or_count_from_the_session_total() {
    // Using-Cascading-Discounts: 10.00 off a session of 100.00, and the next campaign counts from 90.00
    let stacked =
        r#"[{"keep":"stack","units":[{"component":"amount_off"},{"component":"spend_and_save"},{"component":"percent_off"}]}]"#;
    let ten = off_order("ten", 1_000, "");
    let each = amount_off("shoes", 1_000, "unit", "");
    agree(
        TALON_ONE,
        &[
            Case {
                what: "a fifth of 90.00",
                pipeline: stacked,
                promotions: &[&ten, &percent_off_order("fifth", 2_000, "")],
                lines: &[("a", 1, 10_000)],
                off: &[2_800],
                ..PLAIN
            },
            Case {
                what: "a fifth of 100.00 where they do not cascade",
                pipeline: stacked,
                promotions: &[&ten, &percent_off_order("fifth", 2_000, r#","stack_base":"original""#)],
                lines: &[("a", 1, 10_000)],
                off: &[3_000],
                ..PLAIN
            },
            Case {
                what: "10.00 off each pair of shoes, then 15 % of what is left",
                pipeline: stacked,
                promotions: &[&each, &percent_off("coupon", 1_500, "")],
                lines: &[("shoes", 2, 6_000)],
                off: &[2_000 + 1_500],
                ..PLAIN
            },
        ],
    );
}

#[test]
fn a_session_costs_a_fixed_price() {
    // Discount total of a cart to a fixed price: 14.00 become 10.00
    let fixed = format!(r#"{{"id":"fixed","effect":{{"order_fixed_price":{{"price":{}}}}}}}"#, eur(1_000));
    for (total, off) in [(1_400, 400), (1_200, 200), (2_500, 1_500)] {
        let lines = [("a", 1, total)];
        agree(TALON_ONE, &[Case { what: "10.00", promotions: &[&fixed], lines: &lines, off: &[off], ..PLAIN }]);
    }
}

#[test]
fn sample_campaigns() {
    // tutorials/sample-campaigns: always 10 % off; 20 % off when the session is worth more than 200
    let over = format!(r#","when":{{"spend":{{"over":"order","at_least":{}}}}}"#, eur(20_001));
    for (promotion, total, off) in [
        (percent_off_order("always", 1_000, ""), 20_000, 2_000),
        (percent_off_order("over", 2_000, &over), 20_000, 0),
        (percent_off_order("over", 2_000, &over), 20_001, 4_000),
    ] {
        let lines = [("a", 1, total)];
        agree(TALON_ONE, &[Case { what: "a session", promotions: &[&promotion], lines: &lines, off: &[off], ..PLAIN }]);
    }
}

#[test]
fn a_partial_discount_gives_what_is_left_of_the_budget() {
    // docs/SetDiscountPerItemEffectProps.md: the value is what is given, the desired value what would have been
    let limited =
        |beyond: &str| off_order("ten", 1_000, &format!(r#","limit":{{"budget":{},"beyond_budget":"{beyond}"}}"#, eur(100_000)));
    for (beyond, left, expected) in [("partial", 400, [300, 100]), ("drop", 400, [0, 0]), ("partial", 1_000, [750, 250])] {
        let promotion = limited(beyond);
        let case = Case { promotions: &[&promotion], lines: &[("a", 1, 3_000), ("b", 1, 1_000)], ..PLAIN };
        assert_eq!(off(&case.quote(TALON_ONE, &with_budget("ten", left))), expected, "{beyond}, {left} left");
    }
}

#[test]
fn evaluation_modes_of_a_group() {
    // CampaignEvaluationGroup: stackable, listOrder, highestDiscount; prices made up
    let (tenth, two) = (percent_off("tenth", 1_000, ""), amount_off("two", 200, "unit", ""));
    let (first, second) = (r#"{"component":"percent_off""#, r#"{"component":"amount_off""#);
    for (mode, pipeline, price, expected) in [
        ("stackable", format!(r#"[{{"keep":"stack","units":[{first}}},{second}}}]}}]"#), 1_000, 300),
        ("listOrder", format!(r#"[[{first}}},{second},"priority":1}}]]"#), 3_000, 200),
        ("highestDiscount", format!("[[{first}}},{second}}}]]"), 1_000, 200),
        ("highestDiscount", format!("[[{first}}},{second}}}]]"), 3_000, 300),
    ] {
        let case = Case { what: mode, pipeline: &pipeline, promotions: &[&tenth, &two], lines: &[("a", 1, price)], ..PLAIN };
        assert_eq!(off(&case.quote(TALON_ONE, &now())), [expected], "{mode}");
    }
}
