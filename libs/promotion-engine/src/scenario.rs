use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a price is asked for. It makes no difference to the price, but may make one to whether that price is sold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// To be looked at: a list, a detail page. An estimate of what a basket will cost.
    Browsing,
    /// The basket, while it is filled.
    #[default]
    Basket,
    /// The order, taken apart by seller, warehouse or delivery.
    Grouping,
    /// The order is placed: what is shown is charged.
    Order,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Browsing, Self::Basket, Self::Grouping, Self::Order];

    /// Its name in requests, answers and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Browsing => "browsing",
            Self::Basket => "basket",
            Self::Grouping => "grouping",
            Self::Order => "order",
        }
    }
}
