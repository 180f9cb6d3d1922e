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
                    draft.spread_among(given, (first..).take(line.len()), amount);
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

#[cfg(test)]
mod tests {
    use super::super::samples::{off, off_with_room, problems_of};
    use super::*;

    fn off_per(per: &str, minor: i64) -> String {
        format!(r#"{{"amount_off":{{"amount":{{"minor":{minor},"currency":"USD"}},"per":"{per}"}}}}"#)
    }

    #[test]
    fn the_amount_is_taken_once_off_each_of_what_it_is_per() {
        for (per, minor, of, expected, why) in [
            ("unit", 100, &[(0, 500), (0, 500), (1, 500)][..], vec![100, 100, 100], "each unit"),
            ("unit", 100, &[(0, 80), (1, 500), (2, 0)], vec![80, 100, 0], "no more than it costs"),
            ("line", 100, &[(0, 500), (0, 500), (0, 500), (1, 500)], vec![34, 33, 33, 100], "33.33 each, and the odd one first"),
            ("line", 100, &[(0, 300), (0, 100), (1, 60)], vec![75, 25, 60], "in proportion, and no more than the line costs"),
            ("line", 5, &[(0, 500), (0, 500)], vec![3, 2], "2.5 each: of equal remainders the earlier"),
            ("matching", 100, &[(0, 500), (1, 250)], vec![67, 33], "66.67 and 33.33"),
            ("matching", 5, &[(0, 500), (1, 500)], vec![3, 2], "2.5 each: of equal remainders the earlier"),
            ("matching", 100, &[(0, 500), (0, 500), (1, 500)], vec![34, 33, 33], "67 for the first line: 33.5 each"),
            ("order", 100, &[(0, 500), (1, 250)], vec![67, 33], "as of all matching"),
            ("order", 100, &[(0, 500), (1, 0)], vec![100, 0], "nothing of nothing"),
            ("order", 1_000, &[(0, 300), (1, 100)], vec![300, 100], "no more than they cost"),
        ] {
            assert_eq!(off(&off_per(per, minor), of), Ok(expected), "{minor} per {per}: {why}");
        }
    }

    #[test]
    fn what_a_floor_keeps_is_shared_again_within_what_it_is_per() {
        for (per, of, expected, unfit) in [
            ("unit", &[(0, 500, 30), (0, 500, 500)][..], vec![30, 100], 70),
            ("line", &[(0, 500, 30), (0, 500, 500), (1, 500, 40)], vec![30, 70, 40], 60),
            ("matching", &[(0, 500, 30), (1, 500, 500)], vec![30, 70], 0),
            ("order", &[(0, 500, 30), (1, 500, 40)], vec![30, 40], 30),
        ] {
            assert_eq!(off_with_room(&off_per(per, 100), of), (expected, unfit), "{per}");
        }
    }

    #[test]
    fn what_it_is_per_says_what_it_competes_for() {
        for (per, expected) in
            [("unit", WorksOn::Lines), ("line", WorksOn::Lines), ("matching", WorksOn::Sets), ("order", WorksOn::Order)]
        {
            let effect: super::super::Effect = serde_json::from_str(&off_per(per, 1)).unwrap();
            assert_eq!(effect.works_on(), expected, "{per}");
        }
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        for minor in [0, -1] {
            assert_eq!(problems_of(&off_per("unit", minor)), ["effect.amount"], "{minor}");
        }
    }
}
