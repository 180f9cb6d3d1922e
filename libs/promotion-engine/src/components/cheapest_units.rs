use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Foreseen, Given, GivenAway, Off, WorksOn, check_at_least};
use crate::thresholds::Thresholds;

/// Less for the cheapest matching units, once in an order; of equal price the earlier. A share is rounded for each unit by
/// itself.
///
/// They are used up with as many of the others as had to be bought: the dearest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheapestUnits {
    /// Units that are reduced, at least 1.
    pub units: u32,
    /// What is taken off each of them.
    pub off: Off,
    /// Units that have to be bought, those reduced among them; at least and when absent `units`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_at_least: Option<u32>,
}

impl Component for CheapestUnits {
    fn works_on(&self) -> WorksOn {
        WorksOn::Sets
    }

    fn uses_up(&self) -> bool {
        true
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        check_at_least(reader, &format!("{path}.units"), self.units, 1);
        self.off.check(reader, &format!("{path}.off"));
        if self.of_at_least.is_some_and(|least| least < self.units) {
            reader.problem(&format!("{path}.of_at_least"), "must not be below units");
        }
    }

    fn amounts(&self) -> Vec<Money> {
        self.off.amount().into_iter().collect()
    }

    fn thresholds(&self, to: &mut Thresholds) {
        to.units(self.of_at_least.unwrap_or(self.units));
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let (units, needed) = (self.units as usize, self.of_at_least.unwrap_or(self.units));
        if given.units.len() < needed as usize {
            return Err(Declined::TooFewUnits { actual: given.units.len() as u64, needed: needed.into() });
        }
        let mut places = given.places();
        places.sort_by_key(|place| given.units[*place as usize].price);
        let (reduced, others) = places.split_at(units);
        draft.take_each(given, reduced, self.off);
        draft.used.extend_from_slice(reduced);
        let mut others = others.to_vec();
        others.sort_by_key(|place| (std::cmp::Reverse(given.units[*place as usize].price), *place));
        draft.used.extend(others.into_iter().take(needed as usize - units));
        Ok(())
    }
}

impl Foreseen for CheapestUnits {
    fn takes_off_its_items(&self) -> bool {
        true
    }

    fn gives_away(&self) -> GivenAway {
        if self.of_at_least.is_none_or(|least| least == self.units) {
            GivenAway::goods_if(self.off.takes_all())
        } else {
            GivenAway::gifts_if(self.off.takes_all())
        }
    }

    fn units_needed(&self) -> u64 {
        self.of_at_least.unwrap_or(self.units).into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{draft_of, off, off_with_room, problems_of, units};
    use super::*;
    use crate::rounding::Rounding;

    #[test]
    fn the_cheapest_are_reduced() {
        let half = r#"{"cheapest_units":{"units":2,"off":{"percent_bp":5000}}}"#;
        let of_three = r#"{"cheapest_units":{"units":1,"off":"free","of_at_least":3}}"#;
        let amount = r#"{"cheapest_units":{"units":1,"off":{"amount":{"minor":300,"currency":"USD"}}}}"#;
        for (json, of, expected, why) in [
            (half, &[(0, 333), (1, 900), (2, 101)][..], Ok(vec![167, 0, 51]), "166.5 and 50.5 round up"),
            (half, &[(0, 300), (0, 300), (0, 300)], Ok(vec![150, 150, 0]), "of equal price the earlier"),
            (half, &[(0, 300), (1, 0)], Ok(vec![150, 0]), "what costs nothing is the cheapest too"),
            (half, &[(0, 300)], Err(Declined::TooFewUnits { actual: 1, needed: 2 }), "one is too few"),
            (of_three, &[(0, 300); 7], Ok(vec![300, 0, 0, 0, 0, 0, 0]), "once"),
            (of_three, &[(0, 300), (0, 300)], Err(Declined::TooFewUnits { actual: 2, needed: 3 }), "of at least three"),
            (amount, &[(0, 400), (1, 200)], Ok(vec![0, 200]), "not below zero"),
        ] {
            assert_eq!(off(json, of), expected, "{why}: {json}");
        }
    }

    #[test]
    fn they_are_used_with_the_dearest_of_the_others() {
        let of_three = r#"{"cheapest_units":{"units":1,"off":"free","of_at_least":3}}"#;
        let draft = draft_of(of_three, &units(&[(0, 300), (1, 100), (2, 200), (3, 300), (4, 400)]), Rounding::BASKET).unwrap();
        assert_eq!(draft.used, [1, 4, 0]);
    }

    #[test]
    fn a_floor_holds() {
        let half = r#"{"cheapest_units":{"units":2,"off":{"percent_bp":5000}}}"#;
        assert_eq!(off_with_room(half, &[(0, 1_000, 100), (1, 900, 0), (2, 2_000, 2_000)]), (vec![100, 0, 0], 850));
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        let json = r#"{"cheapest_units":{"units":0,"off":{"percent_bp":0},"of_at_least":0}}"#;
        assert_eq!(problems_of(json), ["effect.units", "effect.off.percent_bp"]);
        assert_eq!(problems_of(r#"{"cheapest_units":{"units":3,"off":"free","of_at_least":2}}"#), ["effect.of_at_least"]);
    }
}
