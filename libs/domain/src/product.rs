use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Attributes, Money, Prior, Sku};

/// One line of the catalogue: what the merchant says of a SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Its key.
    pub sku: Sku,
    /// For people; empty when the shop's catalogue has none.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub name: String,
    /// For strategies by category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// What the merchant set; above zero.
    pub list_price: Money,
    /// What a unit costs the shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// The current price never goes below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<Money>,
    /// The current price never goes above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<Money>,
    /// Promotions never take a unit below it; zero when absent, so that gifts work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion_floor: Option<Money>,
    /// For sets in promotions.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// For sets in promotions: brand, colour ...
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// Who sells it, on a marketplace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<String>,
    /// Where it ships from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warehouse: Option<String>,
    /// Which tax rates apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_class: Option<String>,
    /// Name of a strategy in the strategies document; wins over the category's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// What a model expects of its demand; what the strategies document says of its category when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<Prior>,
    /// Why a model that was asked gave none: the category's counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_prior: Option<String>,
    /// When to warn that stock runs low.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_stock: Option<LowStock>,
    /// No longer sold: its price is withdrawn.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
}

/// The band that makes one alert of one shortage: it fires when stock falls to `at`, and may fire again once stock has
/// risen to `rearm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LowStock {
    /// In sellable units: at or below it stock is low.
    pub at: u64,
    /// In sellable units, above `at`.
    pub rearm: u64,
}

/// What is wrong with a catalogue line that is well-formed JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProductProblem {
    /// A price of zero is never meant; see the glitches that empty minimum fields caused.
    #[error("list_price must be above zero, not {0}")]
    ListPrice(Money),
    /// An amount that cannot be negative is.
    #[error("{field} must not be negative, not {amount}")]
    Negative {
        /// Which field.
        field: &'static str,
        /// What it said.
        amount: Money,
    },
    /// An amount is in another currency than the list price.
    #[error("{field} is in {}, list_price in {}", .amount.currency, .list_price.currency)]
    Currency {
        /// Which field.
        field: &'static str,
        /// What it said.
        amount: Money,
        /// What it stands against.
        list_price: Money,
    },
    /// No price fits between the two.
    #[error("floor {floor} is above ceiling {ceiling}")]
    FloorAboveCeiling {
        /// Lower bound.
        floor: Money,
        /// Upper bound.
        ceiling: Money,
    },
    /// The alert could never be armed again, or would flap.
    #[error("low_stock.rearm {rearm} must be above low_stock.at {at}")]
    Rearm {
        /// Where it fires.
        at: u64,
        /// Where it is armed again.
        rearm: u64,
    },
    /// What a model is said to expect cannot be.
    #[error("prior.{field}: {value} is outside {range}")]
    Prior {
        /// Which field.
        field: &'static str,
        /// What it said.
        value: String,
        /// What it may be.
        range: &'static str,
    },
    /// It has a prior, and has none.
    #[error("no_prior says why there is no prior, and there is one: give one of them")]
    PriorAndNone,
    /// A text is longer than any shop's.
    #[error("{field} is longer than {max} characters")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// The limit.
        max: usize,
    },
}

/// Longest name, category, tag or attribute that a catalogue line may hold, in characters.
const MAX_TEXT: usize = 256;

impl Product {
    /// Everything that is wrong with it; empty when it may be stored.
    pub fn problems(&self) -> Vec<ProductProblem> {
        let mut problems = Vec::new();
        if self.list_price.minor <= 0 {
            problems.push(ProductProblem::ListPrice(self.list_price));
        }
        let amounts =
            [("cost", self.cost), ("floor", self.floor), ("ceiling", self.ceiling), ("promotion_floor", self.promotion_floor)];
        for (field, amount) in amounts.into_iter().filter_map(|(field, amount)| Some((field, amount?))) {
            if amount.currency != self.list_price.currency {
                problems.push(ProductProblem::Currency { field, amount, list_price: self.list_price });
            }
            if amount.minor < 0 {
                problems.push(ProductProblem::Negative { field, amount });
            }
        }
        if let (Some(floor), Some(ceiling)) = (self.floor, self.ceiling)
            && floor.minor > ceiling.minor
        {
            problems.push(ProductProblem::FloorAboveCeiling { floor, ceiling });
        }
        if let Some(LowStock { at, rearm }) = self.low_stock
            && rearm <= at
        {
            problems.push(ProductProblem::Rearm { at, rearm });
        }
        if let Some((field, value, range)) = self.prior.as_ref().and_then(Prior::out_of_range) {
            problems.push(ProductProblem::Prior { field, value: value.to_string(), range });
        }
        if self.prior.is_some() && self.no_prior.is_some() {
            problems.push(ProductProblem::PriorAndNone);
        }
        let texts = [
            ("name", Some(&self.name)),
            ("prior.model", self.prior.as_ref().map(|prior| &prior.model)),
            ("no_prior", self.no_prior.as_ref()),
            ("category", self.category.as_ref()),
            ("seller", self.seller.as_ref()),
            ("warehouse", self.warehouse.as_ref()),
            ("tax_class", self.tax_class.as_ref()),
            ("strategy", self.strategy.as_ref()),
        ];
        let long = |text: &str| text.chars().nth(MAX_TEXT).is_some();
        for (field, _) in texts.iter().filter(|(_, text)| text.is_some_and(|text| long(text))) {
            problems.push(ProductProblem::TooLong { field, max: MAX_TEXT });
        }
        if self.tags.iter().any(|tag| long(tag)) {
            problems.push(ProductProblem::TooLong { field: "tags", max: MAX_TEXT });
        }
        if self.attributes.iter().any(|(key, value)| long(key) || long(value)) {
            problems.push(ProductProblem::TooLong { field: "attributes", max: MAX_TEXT });
        }
        problems
    }
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(json: &str) -> Product {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_line_with_key_and_list_price_is_enough() {
        let line = r#"{"sku":"A","name":null,"category":null,"list_price":{"minor":100,"currency":"USD"}}"#;
        assert_eq!(product(line).problems(), []);
        assert_eq!(product(line).name, "");
    }

    #[test]
    fn every_problem_is_listed() {
        let line = r#"{"sku":"A","list_price":{"minor":0,"currency":"USD"},"cost":{"minor":-1,"currency":"EUR"},
            "floor":{"minor":5,"currency":"USD"},"ceiling":{"minor":4,"currency":"USD"},"low_stock":{"at":5,"rearm":5}}"#;
        let texts: Vec<String> = product(line).problems().iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "list_price must be above zero, not 0.00 USD",
                "cost is in EUR, list_price in USD",
                "cost must not be negative, not -0.01 EUR",
                "floor 0.05 USD is above ceiling 0.04 USD",
                "low_stock.rearm 5 must be above low_stock.at 5",
            ]
        );
    }

    #[test]
    fn a_misspelt_field_is_refused() {
        let line = r#"{"sku":"A","list_prize":{"minor":1,"currency":"USD"}}"#;
        assert!(serde_json::from_str::<Product>(line).is_err());
    }
}
