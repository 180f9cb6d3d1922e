//! Baskets of the example shop under its sales, each with its whole answer: `cargo insta review` shows what a change does to them.

mod example_shop;

use std::collections::BTreeSet;

use example_shop::{examples, money, quoted, read, resolved};
use jiff::Timestamp;
use pricestream_promotion_engine::{Effect, Outcome, RuleSet};

#[test]
fn the_example_sale_prices_these_baskets_so() {
    let rules = RuleSet::from_json(&read(&examples().join("promotions/sale.json"))).unwrap();
    insta::glob!("golden/*.json", |path| {
        insta::assert_json_snapshot!(quoted(&rules, &read(path)).answer(), { ".rule_set" => "[hash]" });
    });
}

#[test]
fn the_sale_of_every_kind_prices_these_baskets_so() {
    let rules = RuleSet::from_json(&read(&examples().join("promotions/double-eleven.json"))).unwrap();
    let mut applied = BTreeSet::new();
    insta::glob!("../../../examples/promotions/double-eleven", "*.json", |path| {
        let quote = quoted(&rules, &read(path));
        let of_it = quote.decisions.iter().filter(|decision| matches!(decision.outcome, Outcome::Applied { .. }));
        applied.extend(of_it.map(|decision| decision.promotion.to_string()));
        insta::assert_json_snapshot!(quote.answer(), { ".rule_set" => "[hash]" });
    });
    let all: BTreeSet<String> = rules.promotions().map(|promotion| promotion.id.clone()).collect();
    assert_eq!(all.difference(&applied).collect::<Vec<_>>(), Vec::<&String>::new(), "no basket shows these");
    let kinds: BTreeSet<&str> = rules.promotions().map(|promotion| promotion.effect.component()).collect();
    assert_eq!(kinds, Effect::NAMES.iter().copied().collect(), "every kind takes part");
}

#[test]
fn the_lanes_of_the_sale_of_every_kind_have_the_price_of_each_quote() {
    let rules = RuleSet::from_json(&read(&examples().join("promotions/double-eleven.json"))).unwrap();
    let instant = |text: &str| text.parse::<Timestamp>().unwrap();
    let (from, until) = (instant("2026-11-10T19:00:00Z"), instant("2026-11-12T12:00:00Z"));
    let mut lanes = Vec::new();
    for name in ["presale", "opening-hour", "happy-hour"] {
        let (basket, context) = resolved(&read(&examples().join(format!("promotions/double-eleven/{name}.json"))));
        let lane = rules.timeline(&basket, &context, from, until, 1_000).unwrap();
        for slice in &lane.slices {
            let mut then = context.clone();
            then.at = slice.from;
            let quote = rules.quote(&basket, &then).unwrap();
            assert_eq!(slice.payable(), quote.totals.payable, "{name} at {}", slice.from);
        }
        let told = lane.slices.iter().map(|slice| format!("{name} from {}: {}", slice.from, money(slice.payable())));
        lanes.extend(told);
    }
    insta::assert_snapshot!(lanes.join("\n"));
}
