use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Money;

/// The kill switch of repricing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Strategies set prices.
    #[default]
    Run,
    /// Every price stays where it is; a SKU that has none gets none.
    Freeze,
    /// Every price goes to its list price.
    ListPrice,
    /// Strategies are worked out and recorded, prices stay where they are; a SKU that has none gets its list price.
    Shadow,
}

impl Mode {
    /// Its name in JSON, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Freeze => "freeze",
            Self::ListPrice => "list-price",
            Self::Shadow => "shadow",
        }
    }
}

/// The text names no mode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no mode: run, freeze, list-price or shadow")]
pub struct UnknownMode(pub String);

impl FromStr for Mode {
    type Err = UnknownMode;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Run, Self::Freeze, Self::ListPrice, Self::Shadow]
            .into_iter()
            .find(|mode| mode.name() == text)
            .ok_or_else(|| UnknownMode(text.chars().take(32).collect()))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A price that a person set for one SKU. It wins over mode and strategy until it expires; hard guardrails bind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// The price.
    pub price: Money,
    /// From this instant on the strategy rules again.
    #[schemars(with = "String")]
    pub expires_at: Timestamp,
    /// Who set it, for the audit.
    pub by: String,
    /// Why, for the audit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Where a SKU's current price stands, and what the soft guardrails need of its past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// The current price.
    pub price: Money,
    /// Since when it is that.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// The price that the largest step is measured from.
    pub step_from: Money,
    /// When that measure began.
    #[schemars(with = "String")]
    pub step_since: Timestamp,
    /// The calendar day, in the policy's time zone, that `changes` counts.
    #[schemars(with = "String")]
    pub day: Date,
    /// How often the price changed on that day.
    pub changes: u32,
}

/// What made a price be worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Stock changed.
    Stock,
    /// The catalogue line changed.
    Product,
    /// The strategies document changed what rules the SKU.
    Strategies,
    /// The rule set of promotions changed what it says of the SKU.
    Promotions,
    /// The mode changed.
    Mode,
    /// An override was set, lifted or expired.
    Override,
    /// The record said that it was due.
    Due,
    /// The reconciler found the record behind its inputs.
    Reconcile,
}

impl Cause {
    /// Its name in JSON, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Product => "product",
            Self::Strategies => "strategies",
            Self::Promotions => "promotions",
            Self::Mode => "mode",
            Self::Override => "override",
            Self::Due => "due",
            Self::Reconcile => "reconcile",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_ones_in_json() {
        for mode in [Mode::Run, Mode::Freeze, Mode::ListPrice, Mode::Shadow] {
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.name());
            assert_eq!(mode.name().parse(), Ok(mode));
        }
        assert!("off".parse::<Mode>().is_err());
        for cause in [
            Cause::Stock,
            Cause::Product,
            Cause::Strategies,
            Cause::Promotions,
            Cause::Mode,
            Cause::Override,
            Cause::Due,
            Cause::Reconcile,
        ] {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.name());
        }
    }
}
