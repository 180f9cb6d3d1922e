//! The example shop: its catalogue, and baskets priced in it.

#![allow(dead_code, reason = "no test needs all of it")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::{Product, Sku};
use pricestream_promotion_engine::{Basket, Context, Found, Quote, QuoteRequest, RuleSet};

/// The folder of the examples.
pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

pub(crate) fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Products at their list prices, from catalogue lines.
pub(crate) fn found(catalogue: &str) -> HashMap<Sku, Found> {
    let products =
        catalogue.lines().map(|line| serde_json::from_str::<Product>(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    let found = |product: Product| {
        let unit_price = product.list_price;
        (product.sku.clone(), Found { product: Arc::new(product), unit_price, stock_left: None, last_price: None })
    };
    products.map(found).collect()
}

/// A basket of the example shop, written as JSON.
pub(crate) fn resolved(request: &str) -> (Basket, Context) {
    let found = found(&read(&examples().join("catalogue.ndjson")));
    let request: QuoteRequest = serde_json::from_str(request).unwrap_or_else(|error| panic!("{error}: {request}"));
    request.resolve(Timestamp::UNIX_EPOCH, |sku| found.get(sku).cloned()).unwrap()
}

pub(crate) fn quoted(rules: &RuleSet, request: &str) -> Quote {
    let (basket, context) = resolved(request);
    rules.quote(&basket, &context).unwrap()
}

/// `1.49` of 149 cents.
pub(crate) fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
