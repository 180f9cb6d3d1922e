use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Foreseen, Given, GivenAway, Valued, WorksOn, check_at_least};
use crate::thresholds::Thresholds;

/// Any so many units of the matching items for one price, as often as it goes: the dearest first, as long as that saves
/// something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NForPrice {
    /// Units of one set, at least 1.
    pub units: u32,
    /// What the set costs.
    pub price: Money,
    /// What a unit of a set counts for.
    #[serde(default)]
    pub valued: Valued,
    /// Sets of one order, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_times: Option<u32>,
}

impl Component for NForPrice {
    fn works_on(&self) -> WorksOn {
        WorksOn::Sets
    }

    fn uses_up(&self) -> bool {
        true
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        check_at_least(reader, &format!("{path}.units"), self.units, 1);
        check_at_least(reader, &format!("{path}.max_times"), self.max_times.unwrap_or(1), 1);
        if self.price.minor < 0 {
            reader.problem(&format!("{path}.price"), "must not be negative");
        }
    }

    fn amounts(&self) -> Vec<Money> {
        vec![self.price]
    }

    fn thresholds(&self, to: &mut Thresholds) {
        to.units(self.units);
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let set = self.units as usize;
        if given.units.len() < set {
            return Err(Declined::TooFewUnits { actual: given.units.len() as u64, needed: self.units.into() });
        }
        let times = self.max_times.map_or(usize::MAX, |times| times as usize);
        let worth = self.valued.of(given);
        for places in given.dearest_first().chunks_exact(set).take(times) {
            let saved = places.iter().map(|place| worth(*place)).sum::<i64>() - self.price.minor;
            if saved <= 0 {
                break;
            }
            draft.spread_among(given, places, saved);
            draft.used.extend_from_slice(places);
        }
        if draft.used.is_empty() { Err(Declined::NothingToTake) } else { Ok(()) }
    }
}

impl Foreseen for NForPrice {
    fn takes_off_its_items(&self) -> bool {
        true
    }

    fn gives_away(&self) -> GivenAway {
        GivenAway::goods_if(self.price.minor == 0)
    }

    fn units_needed(&self) -> u64 {
        self.units.into()
    }
}
