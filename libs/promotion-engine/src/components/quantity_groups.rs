use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::groups::{Filled, Groups};
use super::{Component, Declined, Draft, Foreseen, Given, GivenAway, Off, WorksOn, check_at_least};
use crate::thresholds::Thresholds;

/// Less for each unit of every full group of matching units, whichever: "6 or 12 or 18 bottles, 10 % off each". The dearest
/// units make the first group, unless `filled` says otherwise; units beyond the last full group keep their price. A share is
/// rounded for each unit by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuantityGroups {
    /// Units of a group, at least 1.
    pub units: u32,
    /// What is taken off each unit of a group.
    pub off: Off,
    /// Groups of one order, at most; at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_times: Option<u32>,
    /// Which units make the first group.
    #[serde(default)]
    pub filled: Filled,
}

impl Component for QuantityGroups {
    fn works_on(&self) -> WorksOn {
        WorksOn::Sets
    }

    fn uses_up(&self) -> bool {
        true
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        check_at_least(reader, &format!("{path}.units"), self.units, 1);
        self.off.check(reader, &format!("{path}.off"));
        check_at_least(reader, &format!("{path}.max_times"), self.max_times.unwrap_or(1), 1);
    }

    fn amounts(&self) -> Vec<Money> {
        self.off.amount().into_iter().collect()
    }

    fn thresholds(&self, to: &mut Thresholds) {
        to.units(self.units);
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let Self { units, off, max_times, filled } = *self;
        Groups { units, reduced: units, off, max_times, filled }.apply(given, draft)
    }
}

impl Foreseen for QuantityGroups {
    fn takes_off_its_items(&self) -> bool {
        true
    }

    fn gives_away(&self) -> GivenAway {
        GivenAway::goods_if(self.off.takes_all())
    }

    fn greatest_share(&self) -> u16 {
        self.off.share()
    }

    fn units_needed(&self) -> u64 {
        self.units.into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{draft_of, off, off_with_room, problems_of, units_with_room};
    use super::*;
    use crate::rounding::Rounding;

    #[test]
    fn each_unit_of_a_full_group_is_reduced() {
        let tenth = r#"{"quantity_groups":{"units":2,"off":{"percent_bp":1000}}}"#;
        let once = r#"{"quantity_groups":{"units":2,"off":{"amount":{"minor":100,"currency":"USD"}},"max_times":1}}"#;
        let price = r#"{"quantity_groups":{"units":2,"off":{"price":{"minor":400,"currency":"USD"}}}}"#;
        let by_line = r#"{"quantity_groups":{"units":2,"off":{"percent_bp":1000},"filled":"by_line"}}"#;
        for (json, of, expected, why) in [
            (tenth, &[(0, 205), (0, 205)][..], Ok(vec![21, 21]), "20.5 rounds up, each by itself"),
            (tenth, &[(0, 100), (1, 300), (2, 200)], Ok(vec![0, 30, 20]), "the dearest two; the third makes no group"),
            (by_line, &[(0, 100), (1, 300), (2, 200)], Ok(vec![10, 30, 0]), "or the first two"),
            (tenth, &[(0, 100), (1, 100), (2, 100)], Ok(vec![10, 10, 0]), "of equal price the earlier"),
            (tenth, &[(0, 100); 5], Ok(vec![10, 10, 10, 10, 0]), "it repeats"),
            (once, &[(0, 500), (0, 500), (0, 500), (0, 500)], Ok(vec![100, 100, 0, 0]), "up to its limit"),
            (once, &[(0, 50), (1, 0)], Ok(vec![50, 0]), "not below zero"),
            (price, &[(0, 500), (1, 300)], Ok(vec![100, 0]), "what is cheaper already counts and is left alone"),
            (tenth, &[(0, 500)], Err(Declined::TooFewUnits { actual: 1, needed: 2 }), "one is too few"),
        ] {
            assert_eq!(off(json, of), expected, "{why}: {json}");
        }
    }

    #[test]
    fn a_floor_holds_and_a_group_that_saves_nothing_is_not_used() {
        let once = r#"{"quantity_groups":{"units":2,"off":{"percent_bp":5000},"max_times":1}}"#;
        let of = [(0, 1_000, 0), (0, 1_000, 0), (1, 600, 600), (1, 600, 100)];
        assert_eq!(off_with_room(once, &of), (vec![0, 0, 300, 100], 1_200));
        assert_eq!(draft_of(once, &units_with_room(&of), Rounding::BASKET).unwrap().used, [2, 3]);
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        let json = r#"{"quantity_groups":{"units":0,"off":{"percent_bp":0},"max_times":0}}"#;
        assert_eq!(problems_of(json), ["effect.units", "effect.off.percent_bp", "effect.max_times"]);
    }
}
