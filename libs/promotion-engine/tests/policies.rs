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
    let tenth = exclusive("tenth", 1_000, 5);
    for (by, promotions, expected) in [
        ("turn", vec![TEN, &fifth], ("ten", 1_000)),
        ("first", vec![TEN, &fifth], ("fifth", 2_000)),
        ("priority", vec![TEN, &fifth], ("ten", 1_000)), // 5 is above 1
        ("value", vec![TEN, &fifth], ("fifth", 2_000)),
        ("turn", vec![TEN, &twentieth], ("ten", 1_000)),
        ("first", vec![TEN, &twentieth], ("twentieth", 500)),
        ("priority", vec![TEN, &twentieth], ("twentieth", 500)),
        ("value", vec![TEN, &twentieth], ("ten", 1_000)),
        ("first", vec![&fifth, &twentieth, &third], ("twentieth", 500)),
        ("priority", vec![&fifth, &twentieth, &third], ("twentieth", 500)),
        ("value", vec![&fifth, &twentieth, &third], ("third", 3_000)),
        ("priority", vec![TEN, &tenth], ("ten", 1_000)), // both take the same off
        ("priority", vec![TEN, &exclusive("eleventh", 1_100, 5)], ("eleventh", 1_100)),
        ("priority", vec![&exclusive("less", 900, 5), &tenth], ("tenth", 1_000)),
        ("first", vec![&exclusive("less", 900, 5), &tenth], ("less", 900)),
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
    for by in ["first", "priority"] {
        let quote = quote(&format!(r#"{{"exclusive_by":"{by}"}}"#), STACK, &[TEN, tenth, &twentieth], &[10_000]);
        assert_eq!(*declined(&quote, "ten"), Reason::Excluded { by: "twentieth".into() }, "{by}");
    }
    let lower = quote("{}", STACK, &[TEN, &exclusive("lower", 9_000, 4)], &[10_000]);
    assert_eq!(*declined(&lower, "lower"), Reason::Beaten { by: "ten".into(), by_amount: -8_000 });
    let why = &lower.answer().promotions[1].why;
    assert_eq!(why, "loses to ten, which has the higher priority, though it takes 80.00 EUR less off");
}

#[test]
fn an_exclusive_promotion_that_does_not_apply_stands_in_nobodys_way() {
    let for_staff = r#"{"id":"staff","exclusive":"order","effect":{"percent_off":{"off_bp":9000}},"when":{"groups":["staff"]}}"#;
    for by in ["turn", "first", "priority", "value"] {
        let quote = quote(&format!(r#"{{"exclusive_by":"{by}"}}"#), STACK, &[TEN, for_staff], &[10_000]);
        assert_eq!(taken(&quote), [("ten".to_owned(), 1_000)], "{by}");
    }
}

#[test]
fn on_a_line_an_exclusive_promotion_goes_first_or_in_its_turn() {
    let on_a_line = |priority: i32| {
        format!(
            r#"{{"id":"line","priority":{priority},"exclusive":"line","effect":{{"percent_off":{{"off_bp":500}}}},"items":{{"include":[{{"skus":["L0"]}}]}}}}"#
        )
    };
    let each = r#"{"id":"each","effect":{"amount_off":{"amount":{"minor":100,"currency":"EUR"},"per":"unit"}}}"#;
    for (by, priority, expected) in
        [("turn", 1, [100, 100]), ("first", 0, [500, 100]), ("priority", 1, [100, 100]), ("value", 1, [100, 100])]
    {
        let policy = format!(r#"{{"exclusive_by":"{by}"}}"#);
        let quote = quote(&policy, STACK, &[each, &on_a_line(priority)], &[10_000, 10_000]);
        let off: Vec<i64> = quote.lines.iter().map(|line| line.original - line.payable).collect();
        assert_eq!(off, expected, "{by}, {priority}");
    }
}

#[test]
fn on_a_unit_an_exclusive_promotion_is_the_only_one() {
    let once = r#"{"id":"once","exclusive":"unit","priority":1,"effect":{"nth_unit":{"nth":2,"off":{"percent_bp":5000}}}}"#;
    let each = r#"{"id":"each","effect":{"percent_off":{"off_bp":1000}}}"#;
    let all = r#"{"id":"all","exclusive":"unit","effect":{"percent_off":{"off_bp":1000}}}"#;
    let tenth = r#"{"id":"tenth","effect":{"amount_off":{"amount":{"minor":100,"currency":"EUR"},"per":"unit"}}}"#;
    let pipeline =
        r#"[{"keep":"stack","units":[{"component":"nth_unit"},{"component":"percent_off"},{"component":"amount_off"}]}]"#;
    let second_half = quote("{}", pipeline, &[once, each], &[1_000, 1_000]);
    assert_eq!(taken(&second_half), [("once".to_owned(), 500), ("each".to_owned(), 100)], "the other unit alone");
    let alone = quote("{}", pipeline, &[all, tenth], &[1_000]);
    assert_eq!(taken(&alone), [("all".to_owned(), 100)]);
    assert_eq!(*declined(&alone, "tenth"), Reason::Excluded { by: "all".into() });
}
