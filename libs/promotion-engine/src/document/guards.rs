//! What a price is not trusted with.

use pricestream_domain::BasisPoints;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Watches over quotes: each guard may be set, and says what is done when it is passed. None of them changes a price.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Guards {
    /// A unit is sold below the `cost` of its product. Both are taken as they stand: of tax nothing is added or taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below_cost: Option<BelowCost>,
    /// Promotions take a large share off the goods of an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount_share: Option<DiscountShare>,
    /// Many promotions meet on a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_depth: Option<StackDepth>,
    /// What a unit of a line costs on average is far from the price that was shown last, up or down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_jump: Option<PriceJump>,
}

/// What is done when a guard is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The quote says so.
    Flag,
    /// It says so, and somebody is to be told.
    Alert,
    /// It says so, and is not sold.
    Block,
}

impl Action {
    /// Its name in policies, answers and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Alert => "alert",
            Self::Block => "block",
        }
    }
}

/// No unit below cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BelowCost {
    /// What is done when one is.
    pub action: Action,
}

/// No more than a share off the goods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscountShare {
    /// The most that is in order.
    pub most_bp: BasisPoints,
    /// What is done when it is more.
    pub action: Action,
}

/// No more than so many promotions on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StackDepth {
    /// As many as are in order.
    pub most: u32,
    /// What is done when there are more.
    pub action: Action,
}

/// No further than a share from the price that was shown last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceJump {
    /// The most that is in order, of the price that was shown last; a price of zero counts as one minor unit. Above 10000 for
    /// more than double.
    pub most_bp: u32,
    /// What is done when it is further.
    pub action: Action,
}
