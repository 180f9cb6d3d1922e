use pricestream_domain::BasisPoints;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Policy;

/// What a rollout means for one SKU that it concerns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Of the settings that the stage began with: with each stage accounts start anew.
    pub number: u64,
    /// Who sets the price.
    pub arm: Arm,
    /// What the candidate document says of the SKU; `None` when it names no strategy for it.
    pub candidate: Option<Box<Policy>>,
    /// See [`super::StopRules`].
    pub most_apart_bp: BasisPoints,
}

/// Who sets a SKU's price while a rollout is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// The strategies in force, as everywhere in this stage.
    Shadow,
    /// The strategies in force, beside SKUs that the candidate prices.
    Control,
    /// The candidate.
    Canary,
}

/// Why the candidate's price is no price to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Breach {
    /// It refuses one where the strategies in force give one.
    Refused,
    /// It lies too far from theirs.
    Apart,
}

/// The side of a trial that does not set the price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OtherSide {
    /// Who was meant to set the price.
    pub arm: Arm,
    /// What the other side would have set, in minor units, or where it was going if that is too far; absent when it refused.
    pub price: Option<i64>,
    /// Why the candidate's price is not used, or would not be.
    pub breach: Option<Breach>,
}

impl OtherSide {
    /// Whether the price is the candidate's.
    pub fn is_in_force(&self) -> bool {
        self.arm == Arm::Canary && self.breach.is_none()
    }
}

impl Trial {
    /// How far the candidate's price lies from that of the strategies in force, in hundredths of a percent of the latter, rounded toward
    /// zero.
    pub(crate) fn apart(candidate: i64, in_force: i64) -> i64 {
        let apart = (i128::from(candidate) - i128::from(in_force)) * 10_000 / i128::from(in_force.max(1));
        i64::try_from(apart).unwrap_or(i64::MAX)
    }

    /// Whether a price lies too far from that of the strategies in force.
    pub(crate) fn is_apart(&self, candidate: i64, in_force: i64) -> bool {
        // To the unit, where the rounded distance would be within.
        let (difference, most) = (i128::from(candidate) - i128::from(in_force), i128::from(self.most_apart_bp.get()));
        difference.abs() * 10_000 > most * i128::from(in_force)
    }
}
