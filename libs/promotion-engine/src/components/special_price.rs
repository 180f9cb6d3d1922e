use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Foreseen, Given, GivenAway, Off, OffEach, WorksOn};

/// A fixed price for each matching unit, whatever the promotion's stack base; a unit that costs less already is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpecialPrice {
    /// What one unit costs, not negative.
    pub price: Money,
}

impl Component for SpecialPrice {
    fn works_on(&self) -> WorksOn {
        WorksOn::Lines
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        if self.price.minor < 0 {
            reader.problem(&format!("{path}.price"), "must not be negative");
        }
    }

    fn amounts(&self) -> Vec<Money> {
        vec![self.price]
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        draft.take_each(given, &given.places(), Off::Price(self.price));
        Ok(())
    }
}

impl Foreseen for SpecialPrice {
    fn takes_off_its_items(&self) -> bool {
        true
    }

    fn gives_away(&self) -> GivenAway {
        GivenAway::goods_if(self.price.minor == 0)
    }

    fn off_each(&self) -> Option<OffEach> {
        Some(OffEach::Price(self.price.minor))
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{off, off_after, off_with_room, problems_of};

    const AT_15: &str = r#"{"special_price":{"price":{"minor":1500,"currency":"USD"}}}"#;

    #[test]
    fn a_unit_costs_its_special_price_and_no_more_than_it_did() {
        for (of, expected, why) in [
            (&[(0, 2_000), (0, 2_000), (1, 1_501)][..], vec![500, 500, 1], "each costs 1500"),
            (&[(0, 1_500), (1, 1_499), (2, 0)], vec![0, 0, 0], "what is as cheap or cheaper is left alone"),
        ] {
            assert_eq!(off(AT_15, of), Ok(expected), "{why}");
        }
        let free = r#"{"special_price":{"price":{"minor":0,"currency":"USD"}}}"#;
        assert_eq!(off(free, &[(0, 2_000), (1, 0)]), Ok(vec![2_000, 0]));
    }

    #[test]
    fn it_is_the_price_in_the_end_whatever_the_stack_base() {
        assert_eq!(off_after(AT_15, &[(0, 2_000), (1, 2_000), (2, 2_000)], &[2_000, 1_800, 1_400]), [500, 300, 0]);
    }

    #[test]
    fn a_floor_above_it_holds() {
        assert_eq!(off_with_room(AT_15, &[(0, 2_000, 300), (1, 2_000, 0), (2, 1_000, 1_000)]), (vec![300, 0, 0], 700));
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        assert_eq!(problems_of(r#"{"special_price":{"price":{"minor":-1,"currency":"USD"}}}"#), ["effect.price"]);
    }
}
