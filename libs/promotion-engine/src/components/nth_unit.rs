use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::groups::{Filled, Groups};
use super::{Component, Declined, Draft, Foreseen, Given, GivenAway, Off, WorksOn, check_at_least};
use crate::thresholds::Thresholds;

/// Every second matching unit for less, or every third, ...: counted from the dearest, of equal price the earlier. The units
/// that are counted on the way are used up with it. A share is rounded for each unit by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NthUnit {
    /// 2 is every second; at least 2.
    pub nth: u32,
    /// What is taken off it.
    pub off: Off,
    /// Units that are reduced in one order, at most; at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_times: Option<u32>,
}

impl Component for NthUnit {
    fn works_on(&self) -> WorksOn {
        WorksOn::Sets
    }

    fn uses_up(&self) -> bool {
        true
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        check_at_least(reader, &format!("{path}.nth"), self.nth, 2);
        self.off.check(reader, &format!("{path}.off"));
        check_at_least(reader, &format!("{path}.max_times"), self.max_times.unwrap_or(1), 1);
    }

    fn amounts(&self) -> Vec<Money> {
        self.off.amount().into_iter().collect()
    }

    fn thresholds(&self, to: &mut Thresholds) {
        to.units(self.nth);
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        Groups { units: self.nth, reduced: 1, off: self.off, max_times: self.max_times, filled: Filled::Dearest }
            .apply(given, draft)
    }
}

impl Foreseen for NthUnit {
    fn takes_off_its_items(&self) -> bool {
        true
    }

    fn gives_away(&self) -> GivenAway {
        GivenAway::gifts_if(self.off.takes_all())
    }

    fn units_needed(&self) -> u64 {
        self.nth.into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{draft_of, off, off_with_room, problems_of, units};
    use super::*;
    use crate::rounding::Rounding;

    #[test]
    fn every_nth_is_reduced() {
        let half = r#"{"nth_unit":{"nth":2,"off":{"percent_bp":5000}}}"#;
        let third = r#"{"nth_unit":{"nth":3,"off":{"price":{"minor":1,"currency":"USD"}}}}"#;
        let once = r#"{"nth_unit":{"nth":2,"off":{"amount":{"minor":100,"currency":"USD"}},"max_times":1}}"#;
        for (json, of, expected, why) in [
            (half, &[(0, 333), (0, 333)][..], Ok(vec![0, 167]), "166.5 rounds up"),
            (half, &[(0, 100), (1, 900), (2, 500), (3, 300)], Ok(vec![50, 0, 250, 0]), "second and fourth, from the dearest"),
            (half, &[(0, 200), (1, 200), (2, 200)], Ok(vec![0, 100, 0]), "of equal price the earlier is counted first"),
            (third, &[(0, 500), (0, 500), (1, 300)], Ok(vec![0, 0, 299]), "the third for one cent"),
            (third, &[(0, 500), (0, 500), (1, 0)], Ok(vec![0, 0, 0]), "it costs nothing already"),
            (once, &[(0, 500), (0, 500), (1, 50), (1, 50)], Ok(vec![0, 100, 0, 0]), "up to its limit"),
            (once, &[(0, 500), (1, 50)], Ok(vec![0, 50]), "not below zero"),
            (third, &[(0, 500), (0, 500)], Err(Declined::TooFewUnits { actual: 2, needed: 3 }), "two are too few"),
        ] {
            assert_eq!(off(json, of), expected, "{why}: {json}");
        }
    }

    #[test]
    fn those_counted_on_the_way_are_used_and_the_rest_is_not() {
        let half = r#"{"nth_unit":{"nth":2,"off":{"percent_bp":5000}}}"#;
        assert_eq!(draft_of(half, &units(&[(0, 300), (1, 500), (2, 400)]), Rounding::BASKET).unwrap().used, [1, 2]);
    }

    #[test]
    fn a_floor_holds() {
        let half = r#"{"nth_unit":{"nth":2,"off":{"percent_bp":5000}}}"#;
        assert_eq!(off_with_room(half, &[(0, 1_000, 1_000), (1, 900, 100)]), (vec![0, 100], 350));
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        let json = r#"{"nth_unit":{"nth":1,"off":{"percent_bp":0},"max_times":0}}"#;
        assert_eq!(problems_of(json), ["effect.nth", "effect.off.percent_bp", "effect.max_times"]);
    }
}
