use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Foreseen, Given, GivenAway, Off, OffEach, WorksOn, check_at_least};

/// Less for each matching unit, for so many units of an order: the dearest, of equal price the earlier. How many it is for in
/// all, and for one customer, is the promotion's limit.
///
/// A share is rounded as the promotion's policy says, on the sums of the units that get it. A fixed price is what a unit costs
/// in the end, whatever the stack base: a unit that costs less already is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlashSale {
    /// What is taken off each unit.
    pub off: Off,
    /// Units of one order that get it at most, at least 1; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units_per_order: Option<u32>,
}

impl Component for FlashSale {
    fn works_on(&self) -> WorksOn {
        if self.units_per_order.is_some() { WorksOn::Sets } else { WorksOn::Lines }
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        self.off.check(reader, &format!("{path}.off"));
        check_at_least(reader, &format!("{path}.units_per_order"), self.units_per_order.unwrap_or(1), 1);
    }

    fn amounts(&self) -> Vec<Money> {
        self.off.amount().into_iter().collect()
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let mut places = given.dearest_first();
        if let Some(most) = self.units_per_order {
            places.truncate(most as usize);
        }
        places.sort_unstable();
        draft.take_alike(given, &places, self.off);
        Ok(())
    }
}

impl Foreseen for FlashSale {
    fn takes_off_its_items(&self) -> bool {
        true
    }

    fn gives_away(&self) -> GivenAway {
        GivenAway::goods_if(self.off.takes_all())
    }

    fn off_each(&self) -> Option<OffEach> {
        Some(self.off.into())
    }

    fn sells_a_quota(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{draft_of, off, off_after, off_with_room, problems_of, units};
    use crate::rounding::{Level, Rounding};

    #[test]
    fn each_unit_is_reduced_up_to_so_many_of_an_order() {
        let percent = r#"{"flash_sale":{"off":{"percent_bp":1500}}}"#;
        let two = r#"{"flash_sale":{"off":{"percent_bp":1500},"units_per_order":2}}"#;
        let amount = r#"{"flash_sale":{"off":{"amount":{"minor":300,"currency":"USD"}}}}"#;
        let price = r#"{"flash_sale":{"off":{"price":{"minor":990,"currency":"USD"}},"units_per_order":1}}"#;
        for (json, of, expected, why) in [
            (percent, &[(0, 1_990), (1, 1_999)][..], vec![299, 300], "298.5 rounds up, 299.85 too"),
            (percent, &[(0, 1_990), (0, 1_990)], vec![299, 298], "a line is rounded as one: 597"),
            (two, &[(0, 1_990), (0, 1_990)], vec![299, 298], "a limit that is not passed changes nothing"),
            (two, &[(0, 100), (1, 200), (2, 300)], vec![0, 30, 45], "the dearest two"),
            (two, &[(0, 200), (1, 200), (2, 200)], vec![30, 30, 0], "of equal price the earlier"),
            (two, &[(0, 1_990), (0, 1_990), (0, 1_990)], vec![299, 298, 0], "of a part of a line the part is rounded as one"),
            (two, &[(0, 1_000)], vec![150], "fewer units than it would be for"),
            (amount, &[(0, 1_000), (1, 200), (2, 0)], vec![300, 200, 0], "no price goes below zero"),
            (price, &[(0, 1_000), (1, 1_000)], vec![10, 0], "one unit at a price"),
            (price, &[(0, 980)], vec![0], "which is cheaper already"),
        ] {
            assert_eq!(off(json, of), Ok(expected), "{why}: {json}");
        }
    }

    #[test]
    fn a_share_is_rounded_at_the_level_of_the_policy() {
        let two = r#"{"flash_sale":{"off":{"percent_bp":5000},"units_per_order":2}}"#;
        for (level, expected) in [
            (Level::Unit, [3, 3, 0]),  // 2.5 each
            (Level::Line, [3, 3, 0]),  // 2.5 in each line
            (Level::Order, [3, 2, 0]), // 5 in all
        ] {
            let rounding = Rounding { level, ..Rounding::BASKET };
            assert_eq!(draft_of(two, &units(&[(0, 5), (1, 5), (2, 5)]), rounding).unwrap().off, expected, "{level:?}");
        }
    }

    #[test]
    fn a_price_is_the_price_in_the_end() {
        let price = r#"{"flash_sale":{"off":{"price":{"minor":1500,"currency":"USD"}}}}"#;
        assert_eq!(off_after(price, &[(0, 2_000), (1, 2_000)], &[1_800, 1_400]), [300, 0]);
    }

    #[test]
    fn a_floor_holds() {
        let half = r#"{"flash_sale":{"off":{"percent_bp":5000}}}"#;
        assert_eq!(off_with_room(half, &[(0, 1_000, 200), (1, 1_000, 1_000)]), (vec![200, 500], 300));
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        let json = r#"{"flash_sale":{"off":{"percent_bp":0},"units_per_order":0}}"#;
        assert_eq!(problems_of(json), ["effect.off.percent_bp", "effect.units_per_order"]);
    }
}
