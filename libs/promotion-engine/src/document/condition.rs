//! What must hold for a promotion to apply.

use std::collections::BTreeSet;

use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::items::Items;
use super::window::Window;
use crate::basket::MAX_CODE_LENGTH;

/// What must hold for a promotion to apply. Combined freely; at most [`DEEPEST`] levels deep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Every one of these.
    All(Vec<Condition>),
    /// At least one of these.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// Items are bought for so much.
    Spend(Spend),
    /// So many units are bought.
    Quantity(Quantity),
    /// The customer belongs to one of these groups.
    Groups(BTreeSet<String>),
    /// The customer is one of these.
    Customers(BTreeSet<String>),
    /// Which order of the customer it is, counted from 1.
    OrderNumber(Numbers),
    /// The shop is seen through one of these.
    Channels(BTreeSet<String>),
    /// It is sent to one of these.
    Regions(BTreeSet<String>),
    /// It is paid with one of these.
    PaymentMethods(BTreeSet<String>),
    /// It is sent by one of these.
    PostageMethods(BTreeSet<String>),
    /// One of these codes was given.
    Coupons(BTreeSet<String>),
    /// It is now.
    Window(Window),
    /// Every matching line has so much stock left; a line whose stock is unknown has not.
    StockLeft(Numbers),
}

/// How deep conditions may be combined.
pub const DEEPEST: usize = 16;

/// Whose money or units count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// The items of the promotion.
    #[default]
    Matching,
    /// The whole order.
    Order,
    /// These items.
    Items(Items),
}

/// At which price items count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// What they cost after the promotions that came before.
    #[default]
    Running,
    /// Their current price, before all promotions.
    Original,
    /// What the merchant set.
    List,
}

/// Items are bought for at least, and for less than, so much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spend {
    /// Whose money counts.
    #[serde(default)]
    pub over: Over,
    /// At which price.
    #[serde(default)]
    pub basis: Basis,
    /// So much or more.
    pub at_least: Money,
    /// Less than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<Money>,
}

/// At least, and at most, so many units are bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quantity {
    /// Whose units count.
    #[serde(default)]
    pub over: Over,
    /// So many or more.
    pub at_least: u32,
    /// So many or fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u32>,
}

/// A range of whole numbers, both ends in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Numbers {
    /// The least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u64>,
    /// The greatest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u64>,
}

impl Numbers {
    /// Whether `number` is in it.
    pub fn contain(&self, number: u64) -> bool {
        self.at_least.is_none_or(|least| number >= least) && self.at_most.is_none_or(|most| number <= most)
    }
}

impl Condition {
    pub(crate) fn check(&self, reader: &mut Reader, path: &str, depth: usize) {
        if depth > DEEPEST {
            return reader.problem(path, format!("is more than {DEEPEST} levels deep"));
        }
        let among = |reader: &mut Reader, field: &str, values: &BTreeSet<String>| {
            if values.is_empty() {
                reader.problem(&format!("{path}.{field}"), "must name at least one");
            }
        };
        match self {
            Self::All(conditions) | Self::Any(conditions) => {
                let field = if matches!(self, Self::All(_)) { "all" } else { "any" };
                if conditions.is_empty() {
                    reader.problem(&format!("{path}.{field}"), "must hold at least one condition");
                }
                for (position, condition) in conditions.iter().enumerate() {
                    condition.check(reader, &format!("{path}.{field}[{position}]"), depth + 1);
                }
            }
            Self::Not(condition) => condition.check(reader, &format!("{path}.not"), depth + 1),
            Self::Spend(spend) => {
                let at = format!("{path}.spend");
                spend.over.check(reader, &at);
                if spend.at_least.minor < 0 {
                    reader.problem(&format!("{at}.at_least"), "must not be negative");
                }
                if spend
                    .below
                    .is_some_and(|below| below.currency != spend.at_least.currency || below.minor <= spend.at_least.minor)
                {
                    reader.problem(&format!("{at}.below"), "must be above at_least, in its currency");
                }
            }
            Self::Quantity(quantity) => {
                let at = format!("{path}.quantity");
                quantity.over.check(reader, &at);
                if quantity.at_most.is_some_and(|most| most < quantity.at_least) {
                    reader.problem(&format!("{at}.at_most"), "must not be below at_least");
                }
            }
            Self::Groups(values) => among(reader, "groups", values),
            Self::Customers(values) => among(reader, "customers", values),
            Self::Channels(values) => among(reader, "channels", values),
            Self::Regions(values) => among(reader, "regions", values),
            Self::PaymentMethods(values) => among(reader, "payment_methods", values),
            Self::PostageMethods(values) => among(reader, "postage_methods", values),
            Self::Coupons(values) => {
                among(reader, "coupons", values);
                let cannot_be_given = |code: &&String| code.trim().is_empty() || code.chars().nth(MAX_CODE_LENGTH).is_some();
                if let Some(code) = values.iter().find(cannot_be_given) {
                    let message = format!("a code has 1 to {MAX_CODE_LENGTH} characters, and {code:?} has not");
                    reader.problem(&format!("{path}.coupons"), message);
                }
            }
            Self::Window(window) => window.check(reader, &format!("{path}.window")),
            Self::OrderNumber(numbers) => numbers.check(reader, &format!("{path}.order_number")),
            Self::StockLeft(numbers) => numbers.check(reader, &format!("{path}.stock_left")),
        }
    }

    /// Codes that it asks for; not those that must not be given.
    pub(crate) fn codes(&self) -> Vec<&str> {
        match self {
            Self::All(conditions) | Self::Any(conditions) => conditions.iter().flat_map(Self::codes).collect(),
            Self::Coupons(codes) => codes.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Every amount of money in it.
    pub(crate) fn amounts(&self) -> Vec<Money> {
        match self {
            Self::All(conditions) | Self::Any(conditions) => conditions.iter().flat_map(Self::amounts).collect(),
            Self::Not(condition) => condition.amounts(),
            Self::Spend(spend) => std::iter::once(spend.at_least).chain(spend.below).collect(),
            _ => Vec::new(),
        }
    }
}

impl Over {
    fn check(&self, reader: &mut Reader, path: &str) {
        if let Self::Items(items) = self {
            items.check(reader, &format!("{path}.over.items"));
        }
    }
}

impl Numbers {
    fn check(&self, reader: &mut Reader, path: &str) {
        match (self.at_least, self.at_most) {
            (None, None) => reader.problem(path, "must have at_least or at_most"),
            (Some(least), Some(most)) if most < least => {
                reader.problem(&format!("{path}.at_most"), "must not be below at_least");
            }
            _ => {}
        }
    }
}
