use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Foreseen, Given, OffEach, WorksOn, check_positive};

/// An amount off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AmountOff {
    /// Above zero; a price below it becomes zero.
    pub amount: Money,
    /// Off what.
    pub per: Per,
}

/// What an amount is taken off, once each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Every matching unit.
    Unit,
    /// Every matching line: shared among its units.
    Line,
    /// All matching items together: shared among them in proportion to their prices.
    Matching,
    /// The order: as `matching`, and where promotions compete it competes for the order as a whole.
    Order,
}

impl Component for AmountOff {
    fn works_on(&self) -> WorksOn {
        match self.per {
            Per::Unit | Per::Line => WorksOn::Lines,
            Per::Matching => WorksOn::Sets,
            Per::Order => WorksOn::Order,
        }
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        check_positive(reader, &format!("{path}.amount"), self.amount);
    }

    fn amounts(&self) -> Vec<Money> {
        vec![self.amount]
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let amount = self.amount.minor;
        match self.per {
            Per::Unit => (0..).zip(given.units).for_each(|(place, _)| draft.take(given, place, amount)),
            Per::Line => {
                let mut first = 0;
                for line in given.lines() {
                    let places: Vec<u32> = (first..).take(line.len()).collect();
                    draft.spread_among(given, &places, amount);
                    first += u32::try_from(line.len()).expect("a basket is small");
                }
            }
            Per::Matching | Per::Order => draft.spread(given, amount),
        }
        Ok(())
    }
}

impl Foreseen for AmountOff {
    fn takes_off_its_items(&self) -> bool {
        true
    }

    fn off_each(&self) -> Option<OffEach> {
        let amount = self.amount.minor;
        Some(if self.per == Per::Unit { OffEach::Amount(amount) } else { OffEach::AmountOfLine(amount) })
    }
}
