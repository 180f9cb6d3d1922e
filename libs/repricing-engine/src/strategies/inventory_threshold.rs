use pricestream_domain::RelativeChange;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fired, Proposal, Situation, check_change};
use crate::Problem;

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
