use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Foreseen, Given, GivenAway, Off, WorksOn, check_at_least};
use crate::thresholds::Thresholds;

/// One thing off the first matching unit, another off each further one; at least one of the two. The first is the dearest, of
/// equal price the earlier. A share is rounded for each unit by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstAndAdditional {
    /// What is taken off the dearest unit; nothing when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Off>,
    /// What is taken off each other; nothing when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional: Option<Off>,
    /// Units of an order that get it at most, the first among them; at least 1, and all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_units: Option<u32>,
}

impl Component for FirstAndAdditional {
    fn works_on(&self) -> WorksOn {
        WorksOn::Sets
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        if self.first.is_none() && self.additional.is_none() {
            reader.problem(path, "must have first or additional");
        }
        for (field, off) in [("first", self.first), ("additional", self.additional)] {
            if let Some(off) = off {
                off.check(reader, &format!("{path}.{field}"));
            }
        }
        check_at_least(reader, &format!("{path}.max_units"), self.max_units.unwrap_or(1), 1);
    }

    fn amounts(&self) -> Vec<Money> {
        [self.first, self.additional].into_iter().flatten().filter_map(Off::amount).collect()
    }

    fn thresholds(&self, to: &mut Thresholds) {
        to.units(2);
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let needed = if self.first.is_some() { 1 } else { 2 };
        if given.units.len() < needed {
            return Err(Declined::TooFewUnits { actual: given.units.len() as u64, needed: needed as u64 });
        }
        let mut places = given.dearest_first();
        places.truncate(self.max_units.map_or(usize::MAX, |most| most.max(1) as usize));
        let (first, additional) = places.split_at(1);
        for (places, off) in [(first, self.first), (additional, self.additional)] {
            if let Some(off) = off {
                draft.take_each(given, places, off);
            }
        }
        Ok(())
    }
}

impl Foreseen for FirstAndAdditional {
    fn takes_off_its_items(&self) -> bool {
        true
    }

    fn gives_away(&self) -> GivenAway {
        let all = |off: Option<Off>| off.is_some_and(Off::takes_all);
        if all(self.first) { GivenAway::Goods } else { GivenAway::gifts_if(all(self.additional)) }
    }

    fn units_needed(&self) -> u64 {
        if self.first.is_some() { 1 } else { 2 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{off, off_with_room, problems_of};
    use super::*;

    #[test]
    fn the_dearest_is_the_first_and_the_others_are_additional() {
        let both = r#"{"first_and_additional":{"first":{"percent_bp":1000},"additional":{"percent_bp":5000}}}"#;
        let first = r#"{"first_and_additional":{"first":{"amount":{"minor":300,"currency":"USD"}}}}"#;
        let additional = r#"{"first_and_additional":{"additional":"free"}}"#;
        let two = r#"{"first_and_additional":{"first":{"percent_bp":1000},"additional":"free","max_units":2}}"#;
        for (json, of, expected, why) in [
            (both, &[(0, 100), (1, 905), (2, 201)][..], Ok(vec![50, 91, 101]), "90.5 and 100.5 round up"),
            (both, &[(0, 333), (0, 333), (0, 333)], Ok(vec![33, 167, 167]), "of equal price the earlier; each rounded by itself"),
            (both, &[(0, 100)], Ok(vec![10]), "one unit is the first"),
            (both, &[(0, 0), (1, 0)], Ok(vec![0, 0]), "nothing of nothing"),
            (first, &[(0, 200), (1, 100)], Ok(vec![200, 0]), "not below zero"),
            (additional, &[(0, 200), (1, 100)], Ok(vec![0, 100]), "the others alone"),
            (two, &[(0, 5), (0, 5), (0, 5)], Ok(vec![1, 5, 0]), "up to its limit"),
            (additional, &[(0, 200)], Err(Declined::TooFewUnits { actual: 1, needed: 2 }), "which takes two"),
            (first, &[], Err(Declined::TooFewUnits { actual: 0, needed: 1 }), "none at all"),
        ] {
            assert_eq!(off(json, of), expected, "{why}: {json}");
        }
    }

    #[test]
    fn a_floor_holds() {
        let both = r#"{"first_and_additional":{"first":{"percent_bp":5000},"additional":"free"}}"#;
        assert_eq!(off_with_room(both, &[(0, 1_000, 100), (1, 300, 200), (2, 200, 0)]), (vec![100, 200, 0], 700));
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        assert_eq!(problems_of(r#"{"first_and_additional":{}}"#), ["effect"]);
        let json = r#"{"first_and_additional":{"first":{"percent_bp":0},"additional":{"amount":{"minor":0,"currency":"USD"}},"max_units":0}}"#;
        assert_eq!(problems_of(json), ["effect.first.percent_bp", "effect.additional.amount", "effect.max_units"]);
    }
}
