use pricestream_documents::Reader;
use pricestream_domain::{BasisPoints, Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check_positive;
use crate::rounding::Rounding;

/// What is taken off something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Off {
    /// A share of it.
    PercentBp(BasisPoints),
    /// So much, and no more than it costs.
    Amount(Money),
    /// What it costs above this.
    Price(Money),
    /// All of it.
    Free,
}

impl Off {
    /// What is taken off `price` minor units.
    pub(crate) fn of(self, price: i64, rounding: Rounding) -> i64 {
        match self {
            Self::PercentBp(rate) => rounding.discount(price, rate.get()),
            Self::Amount(amount) => amount.minor.min(price),
            Self::Price(to) => (price - to.minor).max(0),
            Self::Free => price,
        }
    }

    pub(crate) fn check(self, reader: &mut Reader, path: &str) {
        match self {
            Self::PercentBp(rate) if rate == BasisPoints::default() => {
                reader.problem(&format!("{path}.percent_bp"), "must be above zero");
            }
            Self::Amount(amount) => check_positive(reader, &format!("{path}.amount"), amount),
            Self::Price(price) if price.minor < 0 => reader.problem(&format!("{path}.price"), "must not be negative"),
            Self::PercentBp(_) | Self::Price(_) | Self::Free => {}
        }
    }

    /// The share of a price that it takes off at any price, in basis points.
    pub(crate) fn share(self) -> u16 {
        match self {
            Self::PercentBp(rate) => rate.get(),
            Self::Price(price) if price.minor == 0 => 10_000,
            Self::Free => 10_000,
            Self::Amount(_) | Self::Price(_) => 0,
        }
    }

    /// Whether it takes everything off at any price.
    pub(crate) fn takes_all(self) -> bool {
        self.share() == 10_000
    }

    pub(crate) fn amount(self) -> Option<Money> {
        match self {
            Self::Amount(money) | Self::Price(money) => Some(money),
            Self::PercentBp(_) | Self::Free => None,
        }
    }
}
