//! What would apply with a little more: what is missing, what it costs, in which order, in words.

mod shop;

use pricestream_promotion_engine::{Context, Left, Line, NearMiss, RuleSet};
use shop::{basket, line, now, of_category, rule_set};

fn rules(promotions: &[&str]) -> RuleSet {
    rule_set(&format!(r#"{{"version":1,"promotions":[{}]}}"#, promotions.join(",")))
}

fn misses(rules: &RuleSet, lines: Vec<Line>, context: &Context) -> Vec<NearMiss> {
    rules.quote(&basket(lines), context).unwrap().answer().near_misses
}

fn hints(promotions: &[&str], lines: Vec<Line>) -> Vec<String> {
    misses(&rules(promotions), lines, &now()).into_iter().map(|miss| miss.hint).collect()
}

const RICH: &str =
    r#"{"id":"rich","effect":{"percent_off":{"off_bp":1000}},"when":{"spend":{"at_least":{"minor":5000,"currency":"EUR"}}}}"#;
const THREE: &str = r#"{"id":"three","effect":{"n_for_price":{"units":3,"price":{"minor":1000,"currency":"EUR"}}}}"#;
const DINNER: &str = r#"{"id":"dinner","effect":{"bundle":{"slots":[
    {"name":"main dish","items":{"include":[{"categories":["mains"]}]}},
    {"name":"side","items":{"include":[{"categories":["sides"]}]},"quantity":2},
    {"name":"dessert","items":{"include":[{"categories":["desserts"]}]}}],"off":{"percent_bp":1000}}}}"#;
const TOYS: &str = r#"{"id":"toys","effect":{"buy_x_get_y":{"buy":2,"get":1,"off":"free",
    "get_items":{"include":[{"categories":["toys"]}]}}},"items":{"include":[{"categories":["books"]}]}}"#;

#[test]
fn what_costs_least_comes_first_and_what_has_no_price_last() {
    let lines = || vec![of_category("M", 1, 1_500, "mains"), of_category("S", 1, 400, "sides")];
    let found = misses(&rules(&[RICH, THREE, DINNER]), lines(), &now());
    let told: Vec<_> =
        found.iter().map(|miss| (miss.promotion.as_str(), miss.spend.map(|spend| spend.minor), miss.units)).collect();
    assert_eq!(told, [("three", Some(400), Some(1)), ("rich", Some(3_100), None), ("dinner", None, Some(2))]);
    let parts: Vec<(&str, u64)> = found[2].parts.iter().map(|part| (part.part.as_str(), part.units)).collect();
    assert_eq!(parts, [("side", 1), ("dessert", 1)]);
    assert_eq!(
        found.iter().map(|miss| miss.hint.as_str()).collect::<Vec<_>>(),
        [
            "add 1 more unit (about 4.00 EUR) for three",
            "add 31.00 EUR for rich",
            "add 1 more 'side' and 1 more 'dessert' for dinner",
        ]
    );
    // Of a part that is there already the price is known.
    let two_sides =
        vec![of_category("M", 1, 1_500, "mains"), of_category("S", 1, 400, "sides"), of_category("D", 1, 300, "desserts")];
    assert_eq!(hints(&[DINNER, RICH], two_sides), ["add 1 more 'side' (about 4.00 EUR) for dinner", "add 28.00 EUR for rich"]);
}

#[test]
fn every_kind_says_what_it_lacks() {
    let dear = || vec![of_category("B", 1, 2_000, "books"), of_category("A", 1, 900, "books")];
    for (promotion, lines, expected) in [
        (TOYS, dear(), "add 1 more of what is reduced for toys"),
        (
            TOYS,
            vec![of_category("B", 1, 2_000, "books"), of_category("T", 1, 500, "toys")],
            "add 1 more of what is bought (about 20.00 EUR) for toys",
        ),
        (TOYS, vec![of_category("B", 1, 2_000, "books")], "add 1 more of what is bought and 1 more of what is reduced for toys"),
        (
            r#"{"id":"a","effect":{"buy_x_get_y":{"buy":2,"get":2,"off":"free"}}}"#,
            dear(),
            "add 2 more units (about 18.00 EUR) for a",
        ),
        (
            r#"{"id":"a","effect":{"quantity_tiers":{"tiers":[{"from":5,"off":"free"}]}}}"#,
            dear(),
            "add 3 more units (about 27.00 EUR) for a",
        ),
        (r#"{"id":"a","effect":{"nth_unit":{"nth":3,"off":"free"}}}"#, dear(), "add 1 more unit (about 9.00 EUR) for a"),
        (r#"{"id":"a","effect":{"cheapest_free_in_group":{"units":3}}}"#, dear(), "add 1 more unit (about 9.00 EUR) for a"),
        (
            r#"{"id":"a","effect":{"gift":{"gifts":[{"sku":"mug"}],"every":{"units":3}}}}"#,
            dear(),
            "add 1 more unit (about 9.00 EUR) for a",
        ),
        (
            r#"{"id":"a","effect":{"gift":{"gifts":[{"sku":"mug"}],"every":{"spend":{"minor":5000,"currency":"EUR"}}}}}"#,
            dear(),
            "add 21.00 EUR for a",
        ),
        (
            r#"{"id":"a","effect":{"percent_off":{"off_bp":1}},"when":{"quantity":{"at_least":4}}}"#,
            dear(),
            "add 2 more units (about 18.00 EUR) for a",
        ),
    ] {
        assert_eq!(hints(&[promotion], lines), [expected], "{promotion}");
    }
}

#[test]
fn a_condition_of_several_parts_says_all_that_is_missing() {
    let spend = |minor: i64| format!(r#"{{"spend":{{"at_least":{{"minor":{minor},"currency":"EUR"}}}}}}"#);
    let quantity = |units: u32| format!(r#"{{"quantity":{{"at_least":{units}}}}}"#);
    let (vip, guest) = (r#"{"groups":["vip"]}"#, r#"{"not":{"groups":["vip"]}}"#);
    let lines = || vec![line("A", 1, 900, ""), line("B", 1, 2_000, "")];
    for (when, expected) in [
        (format!(r#"{{"all":[{},{}]}}"#, spend(5_000), quantity(4)), &["add 2 more units, 21.00 EUR in all, for a"][..]),
        (format!(r#"{{"all":[{},{}]}}"#, spend(3_000), quantity(4)), &["add 2 more units (about 18.00 EUR) for a"]),
        (format!(r#"{{"all":[{},{}]}}"#, spend(2_000), quantity(4)), &["add 2 more units (about 18.00 EUR) for a"]),
        // More goods would not make a guest a member.
        (format!(r#"{{"all":[{},{vip}]}}"#, spend(5_000)), &[]),
        (format!(r#"{{"all":[{vip},{}]}}"#, spend(5_000)), &[]),
        (format!(r#"{{"all":[{guest},{}]}}"#, spend(5_000)), &["add 21.00 EUR for a"]),
        (format!(r#"{{"any":[{vip},{},{}]}}"#, spend(5_000), quantity(3)), &["add 1 more unit (about 9.00 EUR) for a"]),
        (format!(r#"{{"any":[{},{}]}}"#, spend(3_000), quantity(4)), &["add 1.00 EUR for a"]),
        (format!(r#"{{"not":{}}}"#, spend(100)), &[]),
        (r#"{"spend":{"at_least":{"minor":100,"currency":"EUR"},"below":{"minor":200,"currency":"EUR"}}}"#.to_owned(), &[]),
    ] {
        let promotion = format!(r#"{{"id":"a","effect":{{"percent_off":{{"off_bp":1}}}},"when":{when}}}"#);
        assert_eq!(hints(&[&promotion], lines()), expected, "{when}");
    }
}

#[test]
fn what_more_goods_would_not_help_is_no_near_miss() {
    let limited = r#"{"id":"a","effect":{"percent_off":{"off_bp":1}},"when":{"quantity":{"at_least":4}}}"#;
    let three = rules(&[limited, THREE]);
    let lines = || vec![line("A", 2, 900, "")];
    assert_eq!(misses(&three, lines(), &now()).len(), 2);
    for left in [Left { uses: Some(0), ..Left::default() }, Left { units: Some(0), ..Left::default() }] {
        let context = Context { left: [("a".to_owned(), left)].into(), ..now() };
        assert_eq!(misses(&three, lines(), &context).len(), 1, "it is used up: {left:?}");
    }
    let two_left = Context { left: [("three".to_owned(), Left { units: Some(2), ..Left::default() })].into(), ..now() };
    assert_eq!(misses(&three, lines(), &two_left).len(), 1, "two units are left, and three would be needed");
    let mut out = rule_set(&format!(
        r#"{{"version":1,"promotions":[{limited},{{"id":"first","effect":{{"special_price":{{"price":{{"minor":1,"currency":"EUR"}}}}}},"exclusive":"order"}}]}}"#
    ));
    assert_eq!(misses(&out, lines(), &now()), [], "what is excluded");
    out = rules(&[limited]);
    assert_eq!(misses(&out, vec![line("A", 4, 900, "")], &now()), [], "what applies");
}
