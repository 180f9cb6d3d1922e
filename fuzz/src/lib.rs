//! What the fuzz targets share: the example shop, and what must hold of every quote.

#[path = "../../libs/promotion-engine/tests/shop/mod.rs"]
#[allow(unreachable_pub)]
mod shop;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use pricestream_domain::{Product, Sku};
use pricestream_promotion_engine::{Basket, Context, Found, QuoteRequest, RuleSet};

/// The example shop at its list prices, with stock for every other product.
pub static SHOP: LazyLock<HashMap<Sku, Found>> = LazyLock::new(|| {
    let lines = include_str!("../../examples/catalogue.ndjson").lines();
    let found = |(place, line): (u64, &str)| {
        let product: Product = serde_json::from_str(line).expect("the example catalogue is read");
        let unit_price = product.list_price;
        let stock_left = place.is_multiple_of(2).then_some(place);
        (product.sku.clone(), Found { product: Arc::new(product), unit_price, stock_left, last_price: None })
    };
    (0..).zip(lines).map(found).collect()
});

/// Baskets of the example shop, one of everything in one of them.
pub static BASKETS: LazyLock<Vec<(Basket, Context)>> = LazyLock::new(|| {
    let everything: Vec<String> = SHOP.keys().map(|sku| format!(r#"{{"sku":"{sku}","quantity":3}}"#)).collect();
    let everything = format!(
        r#"{{"lines":[{}],"postage":{{"amount":{{"minor":495,"currency":"EUR"}},"method":"parcel"}},
        "customer":{{"id":"c-1","groups":["members"]}},"coupons":["SAVE10","WELCOME"],"points":650,
        "red_packets":[{{"id":"p","amount":{{"minor":300,"currency":"EUR"}}}}]}}"#,
        everything.join(",")
    );
    let small = include_str!("../../examples/promotions/basket.json");
    [everything.as_str(), small].iter().filter_map(|request| resolved(request)).collect()
});

/// A request of the example shop, when it can be priced.
pub fn resolved(request: &str) -> Option<(Basket, Context)> {
    let now = Timestamp::from_second(1_794_398_400).expect("in 2026");
    QuoteRequest::from_json(request).ok()?.resolve(now, |sku| SHOP.get(sku).cloned()).ok()
}

/// Prices a basket in every way: each sum agrees with each other, and the ways agree.
pub fn price(rules: &RuleSet, basket: &Basket, context: &Context) {
    let Ok(quote) = rules.quote(basket, context) else { return };
    shop::assert_conserved(&quote);
    let explained = rules.explain(basket, context).expect("what is quoted is explained");
    assert_eq!(quote.totals, explained.totals);
    let answer = serde_json::to_string(&quote.answer()).expect("an answer is JSON");
    assert!(!answer.is_empty());
    let until = context.at.saturating_add(jiff::SignedDuration::from_hours(36)).expect("hours are no days");
    if until <= context.at {
        return;
    }
    let timeline = rules.timeline(basket, context, context.at, until, 50).expect("what is quoted has a lane");
    let first = timeline.slices.first().expect("a lane has a slice");
    assert_eq!(first.payable(), quote.totals.goods - quote.totals.goods_off + quote.postage.map_or(0, |postage| postage.payable));
}
