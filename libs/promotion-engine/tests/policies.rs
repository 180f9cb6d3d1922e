//! The market's choices: the same promotions and basket, priced under each value of a policy.

mod shop;

use pricestream_promotion_engine::{Quote, Reason};
use shop::{assert_conserved, basket, declined, line, now, rule_set, taken};

fn quote(policies: &str, pipeline: &str, promotions: &[&str], prices: &[i64]) -> Quote {
    let json = format!(r#"{{"version":1,"policies":{policies},"pipeline":{pipeline},"promotions":[{}]}}"#, promotions.join(","));
    let line = |(number, price): (usize, &i64)| line(&format!("L{number}"), 1, *price, "");
    let quote = rule_set(&json).quote(&basket(prices.iter().enumerate().map(line).collect()), &now()).unwrap();
    assert_conserved(&quote);
    quote
}

#[test]
fn odd_cents_go_where_the_policy_says() {
    let ten_off = r#"{"id":"ten","effect":{"amount_off":{"amount":{"minor":1000,"currency":"EUR"},"per":"order"}}}"#;
    for (odd, expected) in [
        ("largest_remainder", [334, 333, 333]),
        ("first", [334, 333, 333]),
        ("last", [333, 333, 334]),
        ("last_rounded_down", [333, 333, 334]),
        ("carried", [333, 334, 333]),
        ("carried_from_last", [334, 333, 333]),
    ] {
        let quote = quote(
            &format!(r#"{{"odd_cents":"{odd}"}}"#),
            r#"[[{"component":"amount_off"}]]"#,
            &[ten_off],
            &[5_000, 5_000, 5_000],
        );
        let off: Vec<i64> = quote.lines.iter().map(|line| line.original - line.payable).collect();
        assert_eq!(off, expected, "{odd}");
    }
}

const STACK: &str = r#"[{"keep":"stack","units":[{"component":"amount_off"},{"component":"percent_off"}]}]"#;
const TEN: &str = r#"{"id":"ten","priority":5,"effect":{"amount_off":{"amount":{"minor":1000,"currency":"EUR"},"per":"order"}}}"#;

fn exclusive(id: &str, off_bp: u32, priority: i32) -> String {
    format!(r#"{{"id":"{id}","priority":{priority},"exclusive":"order","effect":{{"percent_off":{{"off_bp":{off_bp}}}}}}}"#)
}

#[test]
fn an_exclusive_promotion_stands_in_its_turn_before_all_others_or_if_it_is_worth_more() {
    let (fifth, twentieth, third) = (exclusive("fifth", 2_000, 1), exclusive("twentieth", 500, 9), exclusive("third", 3_000, 0));
    for (by, promotions, expected) in [
        ("turn", vec![TEN, &fifth], ("ten", 1_000)),
        ("priority", vec![TEN, &fifth], ("fifth", 2_000)),
        ("value", vec![TEN, &fifth], ("fifth", 2_000)),
        ("turn", vec![TEN, &twentieth], ("ten", 1_000)),
        ("priority", vec![TEN, &twentieth], ("twentieth", 500)),
        ("value", vec![TEN, &twentieth], ("ten", 1_000)),
        ("priority", vec![&fifth, &twentieth, &third], ("twentieth", 500)),
        ("value", vec![&fifth, &twentieth, &third], ("third", 3_000)),
    ] {
        let quote = quote(&format!(r#"{{"exclusive_by":"{by}"}}"#), STACK, &promotions, &[10_000]);
        assert_eq!(taken(&quote), [(expected.0.to_owned(), expected.1)], "{by}: {promotions:?}");
        assert_eq!(quote.decisions.len(), promotions.len(), "each is in the record once");
    }
}

#[test]
fn what_an_exclusive_promotion_loses_by_is_told() {
    let twentieth = exclusive("twentieth", 500, 9);
    let tenth = r#"{"id":"tenth","effect":{"percent_off":{"off_bp":1000}}}"#;
    let by_value = quote(r#"{"exclusive_by":"value"}"#, STACK, &[TEN, tenth, &twentieth], &[10_000]);
    // 10.00 and then a tenth of 90.00 are 19.00; a twentieth of 100.00 is 5.00.
    assert_eq!(*declined(&by_value, "twentieth"), Reason::Beaten { by: "ten".into(), by_amount: 1_400 });
    let first = quote(r#"{"exclusive_by":"priority"}"#, STACK, &[TEN, tenth, &twentieth], &[10_000]);
    assert_eq!(*declined(&first, "ten"), Reason::Excluded { by: "twentieth".into() });
}

#[test]
fn an_exclusive_promotion_that_does_not_apply_stands_in_nobodys_way() {
    let for_staff = r#"{"id":"staff","exclusive":"order","effect":{"percent_off":{"off_bp":9000}},"when":{"groups":["staff"]}}"#;
    for by in ["turn", "priority", "value"] {
        let quote = quote(&format!(r#"{{"exclusive_by":"{by}"}}"#), STACK, &[TEN, for_staff], &[10_000]);
        assert_eq!(taken(&quote), [("ten".to_owned(), 1_000)], "{by}");
    }
}

#[test]
fn on_a_line_an_exclusive_promotion_goes_first_by_priority() {
    let on_a_line =
        r#"{"id":"line","exclusive":"line","effect":{"percent_off":{"off_bp":500}},"items":{"include":[{"skus":["L0"]}]}}"#;
    let each = r#"{"id":"each","effect":{"amount_off":{"amount":{"minor":100,"currency":"EUR"},"per":"unit"}}}"#;
    for (by, expected) in [("turn", [100, 100]), ("priority", [500, 100]), ("value", [100, 100])] {
        let quote = quote(&format!(r#"{{"exclusive_by":"{by}"}}"#), STACK, &[each, on_a_line], &[10_000, 10_000]);
        let off: Vec<i64> = quote.lines.iter().map(|line| line.original - line.payable).collect();
        assert_eq!(off, expected, "{by}");
    }
}
