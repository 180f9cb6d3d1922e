use pricestream_domain::RelativeChange;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fired, Proposal, Situation, check_change};
use pricestream_documents::Problem;

/// One change below one threshold: "stock < 10: +5 %". It never compounds, whatever the number of events below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InventoryThreshold {
    /// In sellable units: fewer than this and the change applies.
    pub below: u64,
    /// From the list price.
    pub change_bp: RelativeChange,
}

impl InventoryThreshold {
    pub(super) fn propose(&self, situation: &Situation<'_>) -> Proposal {
        match situation.stock {
            None => Proposal::list(Fired::StockUnknown),
            Some(stock) if stock.on_hand < self.below => Proposal::steady(self.change_bp, Fired::Below(self.below)),
            Some(_) => Proposal::list(Fired::Nothing),
        }
    }

    pub(super) fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        check_change(self.change_bp, path, &mut problems);
        if self.below == 0 {
            problems.push(Problem { path: format!("{path}.below"), message: "no stock is below 0".to_owned() });
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use pricestream_domain::{Currency, Money};

    use super::*;
    use crate::Strategy;
    use crate::strategies::samples::{price, stock, usd, walk};

    fn below_10(change: i32) -> Strategy {
        Strategy::InventoryThreshold(InventoryThreshold { below: 10, change_bp: RelativeChange(change) })
    }

    #[test]
    fn fewer_than_the_threshold_changes_the_price() {
        let (jpy, kwd) = (|minor| Money::new(minor, Currency::JPY), |minor| Money::new(minor, Currency::KWD));
        for (on_hand, change, list, expected, why) in [
            (Some(11), 500, usd(1_999), 1_999, "just above"),
            (Some(10), 500, usd(1_999), 1_999, "at the threshold"),
            (Some(9), 500, usd(1_999), 2_099, "just below: 2098.95 rounds up"),
            (Some(0), 500, usd(1_999), 2_099, "sold out is below as well"),
            (Some(u64::MAX), 500, usd(1_999), 1_999, "more than any shop holds"),
            (None, 500, usd(1_999), 1_999, "stock not known yet"),
            (Some(9), 500, usd(10), 11, "10.5 rounds away from zero"),
            (Some(9), 500, usd(30), 32, "31.5 too, so not to even"),
            (Some(9), -500, usd(10), 10, "9.5 as well: the price is rounded, not the reduction"),
            (Some(9), -500, usd(1_999), 1_899, "1899.05 rounds down"),
            (Some(9), 500, jpy(1_999), 2_099, "yen have no decimals: 2098.95"),
            (Some(9), 500, jpy(110), 116, "115.5 yen"),
            (Some(9), 500, kwd(1_990), 2_090, "dinars have three: 2.0895 rounds up"),
            (Some(9), -9_999, usd(1), 0, "the floor is the guardrails' to hold"),
            (Some(9), 0, usd(1_999), 1_999, "a change of nothing"),
        ] {
            let stock = on_hand.map(|on_hand| stock(on_hand, 100));
            assert_eq!(price(&below_10(change), list, stock.as_ref()), expected, "{on_hand:?} left, {change} on {list}: {why}");
        }
    }

    /// "+5 % on each event below 10" would be 1.05 to the ninth, +55 %.
    #[test]
    fn nine_sales_below_the_threshold_give_one_price() {
        let prices: Vec<i64> =
            (0..12).rev().map(|on_hand| price(&below_10(500), usd(1_999), Some(&stock(on_hand, 12)))).collect();
        assert_eq!(prices, [1_999, 1_999, 2_099, 2_099, 2_099, 2_099, 2_099, 2_099, 2_099, 2_099, 2_099, 2_099]);
    }

    #[test]
    fn time_alone_moves_nothing() {
        assert_eq!(walk(&below_10(500), Some(&stock(9, 10)), "UTC", "2026-05-04T12:00:00Z", 2).len(), 1);
    }
}
