use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::StockVersion;

/// More than any shop holds of one SKU; a larger count is taken for a defect of the source.
pub const MAX_ON_HAND: u64 = 1_000_000_000;

/// What is known of a SKU's stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stock {
    /// Sellable units.
    pub on_hand: u64,
    /// Which stock change brought it here.
    pub version: StockVersion,
    /// The level that shares of stock are taken of.
    pub full: FullLevel,
    /// Units sold since the record began; see where stock changes are accepted for what counts as sold.
    #[serde(default)]
    pub sold: u64,
    /// When it last changed, by the source's clock.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub changed_at: Option<Timestamp>,
}

/// The level after the last replenishment: what "30 % left" is 30 % of, and when the clock of a sell-through starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FullLevel {
    /// Sellable units just after it.
    pub on_hand: u64,
    /// When it occurred, by the source's clock.
    #[schemars(with = "String")]
    pub at: Timestamp,
}
