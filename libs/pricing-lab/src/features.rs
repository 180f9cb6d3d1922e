//! What a model may know of a SKU, and what it is to learn from: the same numbers when it is trained and when it is asked.

use std::collections::BTreeMap;

use pricestream_domain::Product;

use crate::recorded::Recorded;

/// Numbers by name. Of what is not named here a SKU has 0, so that a model may ask for categories and tags that it has not.
///
/// `log_list_price` (in major units), `cost_known`, `cost_share` (of the list price), `past_known`, `log_past_per_hour` (units sold in an
/// hour in stock, in earlier sales of up to `minutes` each, half a unit and half an hour added), and 1 for each `category=…`, `tag=…` and
/// `attribute:…=…` that the SKU has.
pub fn features(product: &Product, past: &[&Recorded], minutes: u32) -> BTreeMap<String, f64> {
    let mut features = BTreeMap::new();
    let list = product.list_price.minor.max(1) as f64;
    let decimals = i32::try_from(product.list_price.currency.decimals()).unwrap_or(0);
    features.insert("log_list_price".to_owned(), (list / 10.0_f64.powi(decimals)).ln());
    if let Some(cost) = product.cost.filter(|cost| cost.currency == product.list_price.currency) {
        features.insert("cost_known".to_owned(), 1.0);
        features.insert("cost_share".to_owned(), cost.minor as f64 / list);
    }
    if !past.is_empty() {
        let seen = past.iter().flat_map(|sale| observations(sale, product.list_price.minor, minutes));
        let (units, hours) = seen.fold((0.0, 0.0), |(units, hours), seen| (units + seen.units, hours + seen.hours));
        features.insert("past_known".to_owned(), 1.0);
        features.insert("log_past_per_hour".to_owned(), ((units + 0.5) / (hours + 0.5)).ln());
    }
    let category = product.category.iter().map(|category| format!("category={category}"));
    let tags = product.tags.iter().map(|tag| format!("tag={tag}"));
    let attributes = product.attributes.iter().map(|(name, value)| format!("attribute:{name}={value}"));
    features.extend(category.chain(tags).chain(attributes).map(|name| (name, 1.0)));
    features
}

/// How long goods could be bought at a price, and how many were.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// The price, as a ratio to list.
    pub price: f64,
    /// In stock.
    pub hours: f64,
    /// Units sold.
    pub units: f64,
}

/// A sale by its prices, in rising order: until a unit was sold the price is taken to have been what it sold for, and after the last one
/// what that sold for. Without a recorded price, and where it is beyond a third or three times list, as if at list.
pub fn observations(sale: &Recorded, list: i64, minutes: u32) -> Vec<Observation> {
    let until = sale.known_until(minutes);
    let ratio = |price: Option<i64>| {
        let ratio = price.map_or(1.0, |price| price as f64 / list.max(1) as f64);
        if (1.0 / 3.0..=3.0).contains(&ratio) { ratio } else { 1.0 }
    };
    // Prices that differ by less than half a percent are one.
    let mut by_price: BTreeMap<i64, Observation> = BTreeMap::new();
    let mut add = |price: f64, hours: f64, units: f64| {
        let seen = by_price.entry((price * 200.0).round() as i64).or_insert(Observation { price, hours: 0.0, units: 0.0 });
        seen.hours += hours.max(0.0);
        seen.units += units;
    };
    let hours = |from: jiff::Timestamp, to: jiff::Timestamp| to.duration_since(from).as_secs_f64() / 3600.0;
    let (mut from, mut last) = (sale.begin, 1.0);
    for sold in sale.sold.iter().filter(|sold| sold.at <= until) {
        last = ratio(sold.unit_price);
        add(last, hours(from, sold.at), sold.units as f64);
        from = sold.at;
    }
    add(last, hours(from, until), 0.0);
    by_price.into_values().collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use pricestream_domain::Sku;

    use super::*;
    use crate::recorded::Sold;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap()
    }

    fn sale(sold: &[(i64, u64, i64)], sold_out: Option<i64>) -> Recorded {
        let sold = sold.iter().map(|(minute, units, price)| Sold { at: at(*minute), units: *units, unit_price: Some(*price) });
        Recorded {
            sku: Sku::new("A").unwrap(),
            begin: at(0),
            units: 10,
            sold: sold.collect(),
            sold_out: sold_out.map(at),
            ended: None,
        }
    }

    #[test]
    fn time_and_units_are_shared_out_among_the_prices() {
        let seen = observations(&sale(&[(60, 2, 100), (90, 1, 80), (120, 1, 80)], None), 100, 240);
        let told: Vec<_> = seen.iter().map(|seen| (seen.price, seen.hours, seen.units)).collect();
        assert_eq!(told, [(0.8, 3.0, 2.0), (1.0, 1.0, 2.0)]);
        // What is sold out is not to be had, and a price of another list price says nothing.
        let seen = observations(&sale(&[(60, 10, 900)], Some(60)), 100, 240);
        assert_eq!(seen, [Observation { price: 1.0, hours: 1.0, units: 10.0 }]);
        assert_eq!(observations(&sale(&[], None), 100, 60), [Observation { price: 1.0, hours: 1.0, units: 0.0 }]);
    }

    #[test]
    fn a_sku_is_told_by_its_line_and_its_past() {
        let line = r#"{"sku":"A","category":"TEA","tags":["new"],"list_price":{"minor":1000,"currency":"USD"},"cost":{"minor":400,"currency":"USD"}}"#;
        let product: Product = serde_json::from_str(line).unwrap();
        let past = sale(&[(60, 2, 1_000)], None);
        let told = features(&product, &[&past], 120);
        let near = |name: &str, value: f64| assert!((told[name] - value).abs() < 1e-12, "{name}: {}", told[name]);
        near("log_list_price", 10.0_f64.ln());
        near("cost_share", 0.4);
        near("log_past_per_hour", (2.5_f64 / 2.5).ln());
        near("category=TEA", 1.0);
        near("tag=new", 1.0);
        assert!(!features(&product, &[], 120).contains_key("past_known"));
    }
}
