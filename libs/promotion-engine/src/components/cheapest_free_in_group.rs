use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::groups::{Filled, Groups};
use super::{Component, Declined, Draft, Foreseen, Given, GivenAway, Off, WorksOn, check_at_least};
use crate::thresholds::Thresholds;

/// Of every full group of matching units, the cheapest for nothing: "3 for 2". The dearest units make the first group, of equal
/// price the earlier, so that what is free in it is as dear as can be; units beyond the last full group keep their price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheapestFreeInGroup {
    /// Units of a group, more than are free of it.
    pub units: u32,
    /// Units of a group that are free, at least 1.
    #[serde(default = "CheapestFreeInGroup::one")]
    pub free: u32,
    /// Groups of one order, at most; at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_times: Option<u32>,
}

impl CheapestFreeInGroup {
    const fn one() -> u32 {
        1
    }
}

impl Component for CheapestFreeInGroup {
    fn works_on(&self) -> WorksOn {
        WorksOn::Sets
    }

    fn uses_up(&self) -> bool {
        true
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        check_at_least(reader, &format!("{path}.units"), self.units, 2);
        check_at_least(reader, &format!("{path}.free"), self.free, 1);
        if self.units >= 2 && self.free >= self.units {
            reader.problem(&format!("{path}.free"), "must be below units");
        }
        check_at_least(reader, &format!("{path}.max_times"), self.max_times.unwrap_or(1), 1);
    }

    fn amounts(&self) -> Vec<Money> {
        Vec::new()
    }

    fn thresholds(&self, to: &mut Thresholds) {
        to.units(self.units);
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let Self { units, free, max_times } = *self;
        Groups { units, reduced: free, off: Off::Free, max_times, filled: Filled::Dearest }.apply(given, draft)
    }
}

impl Foreseen for CheapestFreeInGroup {
    fn takes_off_its_items(&self) -> bool {
        true
    }

    fn gives_away(&self) -> GivenAway {
        GivenAway::Gifts
    }

    fn units_needed(&self) -> u64 {
        self.units.into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{draft_of, off, off_after, off_with_room, problems_of, units};
    use super::*;
    use crate::rounding::Rounding;

    #[test]
    fn the_cheapest_of_each_group_are_free() {
        let three = r#"{"cheapest_free_in_group":{"units":3}}"#;
        let two_of_four = r#"{"cheapest_free_in_group":{"units":4,"free":2,"max_times":1}}"#;
        for (json, of, expected, why) in [
            (three, &[(0, 500), (1, 300), (2, 900)][..], Ok(vec![0, 300, 0]), "one of three"),
            (
                three,
                &[(0, 100), (1, 200), (2, 300), (3, 400), (4, 500), (5, 600)],
                Ok(vec![100, 0, 0, 400, 0, 0]),
                "600, 500, 400 and 300, 200, 100",
            ),
            (
                three,
                &[(0, 500), (0, 500), (0, 500), (0, 500)],
                Ok(vec![0, 0, 500, 0]),
                "of equal price the earlier make the group",
            ),
            (three, &[(0, 500), (1, 300), (2, 0)], Ok(vec![0, 0, 0]), "what costs nothing is the cheapest too"),
            (two_of_four, &[(0, 7), (1, 8), (2, 9), (3, 6), (3, 6)], Ok(vec![7, 0, 0, 6, 0]), "two of four, once"),
            (three, &[(0, 500), (1, 300)], Err(Declined::TooFewUnits { actual: 2, needed: 3 }), "two are too few"),
        ] {
            assert_eq!(off(json, of), expected, "{why}: {json}");
        }
    }

    #[test]
    fn full_groups_are_used_up() {
        let two = r#"{"cheapest_free_in_group":{"units":2}}"#;
        let of = [(0, 300), (1, 500), (2, 400), (3, 0), (4, 0)];
        assert_eq!(draft_of(two, &units(&of), Rounding::BASKET).unwrap().used, [1, 2], "300 and 0 would save nothing");
    }

    #[test]
    fn what_is_free_is_what_it_costs_now() {
        let two = r#"{"cheapest_free_in_group":{"units":2}}"#;
        assert_eq!(off_after(two, &[(0, 500), (1, 300)], &[500, 250]), [0, 250]);
        assert_eq!(off_with_room(two, &[(0, 500, 500), (1, 300, 100)]), (vec![0, 100], 200), "a floor holds");
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        for (json, expected) in [
            (r#"{"cheapest_free_in_group":{"units":1,"max_times":0}}"#, &["effect.units", "effect.max_times"][..]),
            (r#"{"cheapest_free_in_group":{"units":3,"free":0}}"#, &["effect.free"]),
            (r#"{"cheapest_free_in_group":{"units":3,"free":3}}"#, &["effect.free"]),
        ] {
            assert_eq!(problems_of(json), expected, "{json}");
        }
    }
}
