//! Medusa. `packages/modules/promotion/integration-tests/__tests__/services/promotion-module/compute-actions.spec.ts` and
//! `src/utils/compute-actions` of medusajs/medusa.
//!
//! Not matched: amounts across lines leave it unrounded (166.666…), here they are whole cents that add up; and which promotion goes
//! first follows the size of its `value` there, percent or money alike, here its priority.

use crate::case::{Case, PLAIN, agree, eur, of, off, off_order, percent_off, tagged, with_budget};
use crate::shop::now;

/// No unit counts for two promotions, as here. What is bought is the dearest, what is reduced the dearest of those left.
const MEDUSA: &str = r#"{"unit_reuse":"never"}"#;
const STACKED: &str = r#"[{"keep":"stack","units":[{"component":"buy_x_get_y","take":"stack"}]}]"#;

/// Buy-get: so many of `items`, get so many of `get_items` (the same when empty).
fn buy_get(id: &str, priority: i32, (buy, get): (u32, u32), off: &str, items: &str, get_items: &str) -> String {
    let get_items = if get_items.is_empty() { String::new() } else { format!(r#","get_items":{{"include":[{get_items}]}}"#) };
    format!(
        r#"{{"id":"{id}","priority":{priority},"effect":{{"buy_x_get_y":{{"buy":{buy},"get":{get},"off":{off},"pick":"dearest_left"{get_items}}}}}{items}}}"#
    )
}

const SHIRTS: &str = r#"{"tags":["shirt"]}"#;

#[test]
fn who_buys_gets_the_dearest_for_less() {
    let shirt_1 = r#"shirt1 ,"tags":["shirt"]"#;
    let shirt_2 = r#"shirt2 ,"tags":["shirt"]"#;
    let sweater = r#"sweater ,"tags":["sweater"]"#;
    let sweaters = tagged("sweater");
    let amount = |minor: i64| format!(r#"{{"amount":{}}}"#, eur(minor));
    agree(
        MEDUSA,
        &[
            Case {
                what: "a shirt for each sweater, the dearer one twice",
                promotions: &[&buy_get("free", 0, (1, 1), r#""free""#, &sweaters, SHIRTS)],
                lines: &[(shirt_1, 2, 500), (shirt_2, 2, 1_000), (sweater, 2, 1_000)],
                off: &[0, 2_000, 0],
                ..PLAIN
            },
            Case {
                what: "two sweaters are not four",
                promotions: &[&buy_get("free", 0, (4, 1), &amount(1_000), &sweaters, SHIRTS)],
                lines: &[(shirt_1, 2, 500), (shirt_2, 2, 1_000), (sweater, 2, 1_000)],
                off: &[0, 0, 0],
                ..PLAIN
            },
            Case {
                what: "2.00 off the shirt",
                promotions: &[&buy_get("two", 0, (1, 1), &amount(200), &sweaters, SHIRTS)],
                lines: &[(shirt_1, 1, 500), (sweater, 2, 500)],
                off: &[200, 0],
                ..PLAIN
            },
            Case {
                what: "10.00 off a shirt of 5.00",
                promotions: &[&buy_get("ten", 0, (1, 1), &amount(1_000), &sweaters, SHIRTS)],
                lines: &[(shirt_1, 1, 500), (sweater, 2, 500)],
                off: &[500, 0],
                ..PLAIN
            },
        ],
    );
}

#[test]
fn no_unit_counts_for_two_promotions() {
    let bogo = |id: &str| {
        let promotion = buy_get(id, 0, (1, 1), r#""free""#, "", "");
        promotion.replace(r#""pick""#, r#""max_times":1,"pick""#)
    };
    let (first, second) = (bogo("BOGO1"), bogo("BOGO2"));
    for (quantity, expected) in [(3, 5_000), (4, 10_000)] {
        let lines = [("a", quantity, 5_000)];
        let case = Case {
            what: "two of them",
            pipeline: STACKED,
            promotions: &[&first, &second],
            lines: &lines,
            off: &[expected],
            ..PLAIN
        };
        agree(MEDUSA, &[case]);
    }
}

#[test]
fn large_quantities_are_used_up_by_one_and_then_by_the_other() {
    let bulk = buy_get("BUY50GET1000", 2, (50, 1_000), r#""free""#, "", "");
    let fifth = buy_get("BUY10GET20", 1, (10, 20), r#"{"percent_bp":2000}"#, "", "");
    let promotions = [bulk.as_str(), fifth.as_str()];
    agree(
        MEDUSA,
        &[
            Case {
                what: "1080 at 2.50",
                pipeline: STACKED,
                promotions: &promotions,
                lines: &[("a", 1_080, 250)],
                off: &[250_000 + 1_000],
                ..PLAIN
            },
            Case {
                what: "540 and 540",
                pipeline: STACKED,
                promotions: &promotions,
                lines: &[("a", 540, 250), ("b", 540, 250)],
                off: &[122_500, 127_500 + 1_000],
                ..PLAIN
            },
        ],
    );
}

#[test]
fn it_repeats_until_units_run_out() {
    let shirts = r#"{"skus":["get"]}"#;
    let two = buy_get("TWO", 2, (2, 1), r#""free""#, &of("buy"), shirts);
    let one = buy_get("ONE", 1, (1, 1), r#""free""#, &of("buy"), shirts);
    agree(
        MEDUSA,
        &[Case {
            what: "five times of eleven, and one more with what is left",
            pipeline: STACKED,
            promotions: &[&two, &one],
            lines: &[("get", 11, 250), ("buy", 11, 250)],
            off: &[1_250 + 250, 0],
            ..PLAIN
        }],
    );
}

#[test]
fn a_cap_holds_for_all_items_together_and_a_budget_drops_the_whole() {
    // compute-actions/line-items.ts: max_amount; compute-actions/usage.ts: an action beyond the budget is left out
    let capped = r#"{"id":"capped","effect":{"percent_off":{"off_bp":1000,"cap":{"minor":5000,"currency":"EUR"}}}}"#;
    let case = Case { promotions: &[capped], lines: &[("a", 1, 100_000)], ..PLAIN };
    assert_eq!(off(&case.quote(MEDUSA, &now())), [5_000], "10 % off, at most 50.00");
    let limited = off_order("ten", 1_000, &format!(r#","limit":{{"budget":{}}}"#, eur(100_000)));
    let case = Case { promotions: &[&limited], lines: &[("a", 1, 3_000)], ..PLAIN };
    assert_eq!(off(&case.quote(MEDUSA, &with_budget("ten", 999))), [0]);
    assert_eq!(off(&case.quote(MEDUSA, &with_budget("ten", 1_000))), [1_000]);
}

#[test]
fn each_and_across() {
    // compute-actions/line-items.ts; prices made up
    let each = percent_off("each", 1_000, "");
    agree(
        MEDUSA,
        &[
            Case { what: "each", promotions: &[&each], lines: &[("a", 1, 1_000), ("b", 5, 1_500)], off: &[100, 750], ..PLAIN },
            Case {
                what: "across, where it divides",
                promotions: &[&off_order("across", 200, "")],
                lines: &[("a", 1, 1_000), ("b", 2, 1_500)],
                off: &[50, 150],
                ..PLAIN
            },
        ],
    );
}
