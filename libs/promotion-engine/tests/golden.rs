//! Baskets of the example shop under its sales, each with its whole answer: `cargo insta review` shows what a change does to them.

mod example_shop;

use std::collections::BTreeSet;

use example_shop::{examples, quoted, read};
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
