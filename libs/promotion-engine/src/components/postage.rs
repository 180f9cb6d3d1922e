use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Foreseen, Given, Off, WorksOn};

/// Postage for less: a share, an amount, a fixed price or nothing. "Free above" is this with a `spend` condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostageOff {
    /// What is taken off.
    pub off: Off,
}

impl Component for PostageOff {
    fn works_on(&self) -> WorksOn {
        WorksOn::Order
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        self.off.check(reader, &format!("{path}.off"));
    }

    fn amounts(&self) -> Vec<Money> {
        self.off.amount().into_iter().collect()
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let postage = given.postage.ok_or(Declined::NoPostage)?;
        draft.take_postage(given, self.off.of(postage, given.rounding));
        Ok(())
    }
}

impl Foreseen for PostageOff {}
