//! Baskets of the example shop under its sale, each with its whole answer: `cargo insta review` shows what a change does to them.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::{Product, Sku};
use pricestream_promotion_engine::{Found, QuoteRequest, RuleSet};

const CATALOGUE: &str = include_str!("../../../examples/catalogue.ndjson");
const SALE: &str = include_str!("../../../examples/promotions/sale.json");

#[test]
fn the_example_sale_prices_these_baskets_so() {
    let products = CATALOGUE.lines().map(|line| serde_json::from_str::<Product>(line).unwrap());
    let found: HashMap<Sku, Found> = products
        .map(|product| {
            let unit_price = product.list_price;
            (product.sku.clone(), Found { product: Arc::new(product), unit_price, stock_left: None, last_price: None })
        })
        .collect();
    let rules = RuleSet::from_json(SALE).unwrap();
    insta::glob!("golden/*.json", |path| {
        let request: QuoteRequest = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let (basket, context) = request.resolve(Timestamp::UNIX_EPOCH, |sku| found.get(sku).cloned()).unwrap();
        insta::assert_json_snapshot!(rules.quote(&basket, &context).unwrap().answer(), { ".rule_set" => "[hash]" });
    });
}
