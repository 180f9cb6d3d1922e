//! What a price is not trusted with: what each guard says, and that it changes no price.

mod shop;

use pricestream_domain::{Currency, Money};
use pricestream_promotion_engine::{Action, Basket, BasketError, Context, Guard, Line, Quote, RuleSet, Scenario};
use shop::{basket, eur, line, now, rule_set, with_postage};

const PROMOTIONS: &str = r#"
    {"id":"half","effect":{"percent_off":{"off_bp":5000}},"items":{"include":[{"categories":["toys"]}]}},
    {"id":"fifty","effect":{"amount_off":{"amount":{"minor":50,"currency":"EUR"},"per":"unit"}}},
    {"id":"second","effect":{"nth_unit":{"nth":2,"off":"free"}}},
    {"id":"sent-free","effect":{"postage":{"off":"free"}}}"#;

fn guarded(guards: &str) -> RuleSet {
    rule_set(&format!(r#"{{"version":1,"policies":{{"guards":{guards}}},"promotions":[{PROMOTIONS}]}}"#))
}

/// A toy at 10.00, which costs 4.50 after promotions, and two books at 8.00: 7.50 for the one, and nothing for the other.
fn lines() -> Vec<Line> {
    let cost = |minor: i64| format!(r#","cost":{{"minor":{minor},"currency":"EUR"}}"#);
    vec![line("TOY", 1, 1_000, &format!(r#","category":"toys"{}"#, cost(450))), line("BOOK", 2, 800, &cost(700))]
}

fn quoted(guards: &str, basket: &Basket) -> Quote {
    guarded(guards).quote(basket, &now()).unwrap()
}

/// What a quote risks: guard, line, actual, limit.
fn risks(quote: &Quote) -> Vec<(Guard, Option<&str>, i64, i64)> {
    quote.risks.iter().map(|risk| (risk.guard, risk.line.as_deref(), risk.actual, risk.limit)).collect()
}

#[test]
fn each_guard_tells_what_passes_it() {
    let basket = with_postage(lines(), 500);
    // Off the toy 5.00 and then 0.50, off each book 0.50; then a book is free, and the toy makes no second pair.
    let plain = quoted("{}", &basket);
    assert_eq!(plain.lines.iter().map(|line| line.payable).collect::<Vec<_>>(), [450, 750]);
    assert_eq!((plain.risks.len(), plain.totals.goods_off), (0, 1_400));
    for (guards, expected, why) in [
        (r#"{"below_cost":{"action":"flag"}}"#, vec![(Guard::BelowCost, Some("BOOK"), 0, 700)], "the toy is above its cost"),
        (r#"{"discount_share":{"most_bp":5384,"action":"flag"}}"#, vec![(Guard::DiscountShare, None, 5_385, 5_384)], "14 of 26"),
        (r#"{"discount_share":{"most_bp":5385,"action":"flag"}}"#, vec![], "53.846 % is less"),
        (
            r#"{"stack_depth":{"most":1,"action":"flag"}}"#,
            vec![(Guard::StackDepth, Some("TOY"), 2, 1), (Guard::StackDepth, Some("BOOK"), 2, 1)],
            "two each",
        ),
        (r#"{"stack_depth":{"most":2,"action":"flag"}}"#, vec![], "postage is no line"),
        (r#"{"price_jump":{"most_bp":0,"action":"flag"}}"#, vec![], "nothing was shown"),
    ] {
        let quote = quoted(guards, &basket);
        assert_eq!(risks(&quote), expected, "{why}: {guards}");
        assert_eq!((quote.totals, &quote.lines, quote.sellable), (plain.totals, &plain.lines, true), "it changes no price");
    }
}

#[test]
fn a_price_that_jumps_is_told() {
    for (last, most_bp, expected, why) in [
        (450, 0, None, "as it was"),
        (500, 999, Some(-1_000), "10 % less"),
        (500, 1_000, None, "which is in order"),
        (425, 588, Some(589), "5.882 % more"),
        (425, 589, None, "which is less than 5.89 %"),
        (100, 10_000, Some(35_000), "more than double"),
        (0, 400_000, Some(4_500_000), "from nothing: as from a cent"),
    ] {
        let mut lines = lines();
        lines[0].last_price = Some(eur(last));
        let quote = quoted(&format!(r#"{{"price_jump":{{"most_bp":{most_bp},"action":"alert"}}}}"#), &basket(lines));
        let expected: Vec<_> = expected.map(|actual| (Guard::PriceJump, Some("TOY"), actual, most_bp)).into_iter().collect();
        assert_eq!(risks(&quote), expected, "{why}");
    }
    let mut free = lines();
    free[1].last_price = Some(eur(375));
    let average = quoted(r#"{"price_jump":{"most_bp":0,"action":"flag"}}"#, &basket(free));
    assert_eq!(risks(&average), [], "two for 7.50 are 3.75 each");
}

#[test]
fn a_guard_may_block_and_says_why() {
    let quote = |action: &str, scenario| {
        let guards = format!(r#"{{"below_cost":{{"action":"{action}"}},"discount_share":{{"most_bp":1000,"action":"flag"}}}}"#);
        guarded(&guards).quote(&basket(lines()), &Context { scenario, ..now() }).unwrap()
    };
    for scenario in Scenario::ALL {
        for (action, sellable) in [("flag", true), ("alert", true), ("block", false)] {
            let quote = quote(action, scenario);
            assert_eq!((quote.sellable, quote.risks.len()), (sellable, 2), "{action}");
        }
    }
    let blocked = quote("block", Scenario::Order);
    assert_eq!(blocked.risks[0].action, Action::Block);
    let answer = serde_json::to_value(blocked.answer()).unwrap();
    assert_eq!(answer["risks"][0]["why"], "a unit is sold at 0.00 EUR, and it costs the shop 7.00 EUR");
    assert_eq!(answer["risks"][1]["why"], "53.85 % is taken off the goods, more than 10 %");
    assert_eq!((&answer["risks"][0]["guard"], &answer["sellable"]), (&"below_cost".into(), &false.into()));
}

#[test]
fn names_are_those_of_policies_and_answers() {
    for guard in Guard::ALL {
        assert_eq!(serde_json::to_value(guard).unwrap(), guard.name());
        let fields = match guard {
            Guard::BelowCost => "",
            Guard::DiscountShare | Guard::PriceJump => r#""most_bp":1,"#,
            Guard::StackDepth => r#""most":1,"#,
        };
        guarded(&format!(r#"{{"{}":{{{fields}"action":"flag"}}}}"#, guard.name()));
    }
    for action in [Action::Flag, Action::Alert, Action::Block] {
        assert_eq!(serde_json::to_value(action).unwrap(), action.name());
    }
}

#[test]
fn amounts_of_another_currency_are_refused() {
    let foreign = Some(Money::new(1, Currency::USD));
    let mut cost = lines();
    std::sync::Arc::make_mut(&mut cost[0].product).cost = foreign;
    let mut last = lines();
    last[0].last_price = foreign;
    for lines in [cost, last] {
        let refused = guarded("{}").quote(&basket(lines), &now()).unwrap_err();
        assert!(matches!(refused, BasketError::MixedCurrencies { found: Currency::USD, .. }), "{refused}");
    }
}

#[test]
fn a_guard_that_cannot_be_is_a_problem() {
    for (guards, path) in [
        (r#"{"below_cost":{"action":"shout"}}"#, "policies.guards.below_cost.action"),
        (r#"{"below_cost":{}}"#, "policies.guards.below_cost"),
        (r#"{"discount_share":{"most_bp":10001,"action":"flag"}}"#, "policies.guards.discount_share.most_bp"),
        (r#"{"stack_depth":{"most":-1,"action":"flag"}}"#, "policies.guards.stack_depth.most"),
        (r#"{"price_drop":{"action":"flag"}}"#, "policies.guards.price_drop"),
    ] {
        let problems = RuleSet::from_json(&format!(r#"{{"version":1,"policies":{{"guards":{guards}}}}}"#)).unwrap_err();
        assert_eq!(problems.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(), [path], "{guards}");
    }
}
