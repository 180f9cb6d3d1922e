use pricestream_domain::{BasisPoints, MAX_ON_HAND, RelativeChange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fired, Proposal, Situation, check_change, check_tiers};
use pricestream_documents::Problem;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Strategy;
    use crate::strategies::samples::{price, stock, usd, walk};

    fn tiers(tiers: &[(u32, i32)]) -> Strategy {
        let tier = |(share, change): &(u32, i32)| StockTier {
            at_most_bp: BasisPoints::new(*share).unwrap(),
            change_bp: RelativeChange(*change),
        };
        Strategy::StockTiers(StockTiers { tiers: tiers.iter().map(tier).collect() })
    }

    #[test]
    fn the_lowest_tier_that_holds_counts() {
        let usual = [(1_000, 2_000), (2_500, 1_000), (5_000, 500)];
        for (on_hand, full, expected, why) in [
            (Some(40), 40, 2_000, "all of it left"),
            (Some(21), 40, 2_000, "52.5 %, just above a half"),
            (Some(20), 40, 2_100, "a half"),
            (Some(11), 40, 2_100, "27.5 %, just above a quarter"),
            (Some(10), 40, 2_200, "a quarter"),
            (Some(5), 40, 2_200, "12.5 %, just above a tenth"),
            (Some(4), 40, 2_400, "a tenth"),
            (Some(1), 40, 2_400, "the last one"),
            (Some(0), 40, 2_400, "sold out"),
            (Some(60), 40, 2_000, "more than full: a return"),
            (Some(1), 2, 2_100, "a half of two"),
            (Some(1), 3, 2_100, "a third"),
            (Some(2), 3, 2_000, "two thirds"),
            (Some(0), 0, 2_000, "never restocked: no level to take a share of"),
            (Some(7), 0, 2_000, "nor with some left"),
            (None, 0, 2_000, "stock not known yet"),
            (Some(MAX_ON_HAND / 4), MAX_ON_HAND, 2_200, "a quarter of the most that there is"),
            (Some(u64::MAX), u64::MAX, 2_000, "beyond it nothing overflows"),
        ] {
            let stock = on_hand.map(|on_hand| stock(on_hand, full));
            assert_eq!(price(&tiers(&usual), usd(2_000), stock.as_ref()), expected, "{on_hand:?} of {full}: {why}");
        }
    }

    #[test]
    fn tiers_may_reduce_too_and_may_be_for_the_sold_out_alone() {
        let overstock = tiers(&[(0, 0), (5_000, -500), (10_000, -2_000)]);
        for (on_hand, list, expected, why) in [
            (0, 1_990, 1_990, "sold out"),
            (5, 1_990, 1_891, "1890.5 rounds away from zero"),
            (6, 1_990, 1_592, "above a half"),
            (10, 1_990, 1_592, "all of it left"),
            (11, 1_990, 1_990, "more than full is in no tier"),
        ] {
            assert_eq!(price(&overstock, usd(list), Some(&stock(on_hand, 10))), expected, "{on_hand} of 10: {why}");
        }
    }

    #[test]
    fn time_alone_moves_nothing() {
        assert_eq!(walk(&tiers(&[(5_000, 500)]), Some(&stock(1, 10)), "UTC", "2026-05-04T12:00:00Z", 2).len(), 1);
    }
}
