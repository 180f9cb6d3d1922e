use pricestream_documents::Reader;
use pricestream_domain::{BasisPoints, Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Given, WorksOn, check_positive};

/// A share off every matching unit; with a cap, at most so much together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PercentOff {
    /// Above zero.
    pub off_bp: BasisPoints,
    /// What it takes off at most, all units together: beyond it, the cap is shared in proportion to the prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Money>,
}

impl Component for PercentOff {
    fn works_on(&self) -> WorksOn {
        if self.cap.is_some() { WorksOn::Sets } else { WorksOn::Lines }
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        if self.off_bp == BasisPoints::default() {
            reader.problem(&format!("{path}.off_bp"), "must be above zero");
        }
        if let Some(cap) = self.cap {
            check_positive(reader, &format!("{path}.cap"), cap);
        }
    }

    fn amounts(&self) -> Vec<Money> {
        self.cap.into_iter().collect()
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        match self.cap {
            Some(cap) => draft.percent_together(given, self.off_bp, Some(cap.minor)),
            None => draft.percent(given, self.off_bp),
        }
        Ok(())
    }
}
