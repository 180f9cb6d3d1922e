use pricestream_domain::{BasisPoints, MAX_ON_HAND, RelativeChange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fired, Proposal, Situation, check_change, check_tiers};
use crate::Problem;

/// Changes by the share of stock left since the last replenishment: 50/25/10 % left, +5/+10/+20 %.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StockTiers {
    /// Ascending; the lowest that holds counts.
    pub tiers: Vec<StockTier>,
}

/// One tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StockTier {
    /// Share of the full level that is left, at most.
    pub at_most_bp: BasisPoints,
    /// From the list price.
    pub change_bp: RelativeChange,
}

impl StockTiers {
    pub(super) fn propose(&self, situation: &Situation<'_>) -> Proposal {
        let Some(stock) = situation.stock else { return Proposal::list(Fired::StockUnknown) };
        let (left, full) = (u128::from(stock.on_hand.min(MAX_ON_HAND)), u128::from(stock.full.on_hand.min(MAX_ON_HAND)));
        if full == 0 {
            return Proposal::list(Fired::Nothing);
        }
        let holds = |tier: &&StockTier| left * 10_000 <= u128::from(tier.at_most_bp.get()) * full;
        match self.tiers.iter().find(holds) {
            Some(tier) => Proposal::steady(tier.change_bp, Fired::StockAtMost(tier.at_most_bp.get())),
            None => Proposal::list(Fired::Nothing),
        }
    }

    pub(super) fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.tiers.is_empty() {
            problems.push(Problem { path: format!("{path}.tiers"), message: "at least one tier is needed".to_owned() });
        }
        for (position, tier) in self.tiers.iter().enumerate() {
            check_change(tier.change_bp, &format!("{path}.tiers[{position}]"), &mut problems);
        }
        check_tiers(&self.tiers, |tier| tier.at_most_bp, &format!("{path}.tiers"), &mut problems);
        problems
    }
}
