use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fired, Proposal};

/// The list price, always.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FixedList {}

impl FixedList {
    #[allow(clippy::unused_self, reason = "every strategy is asked alike")]
    pub(super) fn propose(&self) -> Proposal {
        Proposal::list(Fired::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Strategy;
    use crate::strategies::samples::{price, stock, usd, walk};

    #[test]
    fn neither_stock_nor_time_moves_it() {
        let strategy = Strategy::FixedList(FixedList {});
        for stock in [None, Some(stock(0, 0)), Some(stock(1, 100)), Some(stock(u64::MAX, u64::MAX))] {
            assert_eq!(price(&strategy, usd(1_999), stock.as_ref()), 1_999, "{stock:?}");
            assert_eq!(walk(&strategy, stock.as_ref(), "UTC", "2026-05-04T12:00:00Z", 2).len(), 1, "never due");
        }
    }
}
