use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Foreseen, Given, GivenAway, WorksOn};
use crate::document::condition::Basis;

/// All matching goods together for one price, whatever the promotion's stack base; shared among them in proportion to their
/// prices. It does not apply where they cost no more already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderFixedPrice {
    /// What they cost, postage apart; not negative.
    pub price: Money,
}

impl Component for OrderFixedPrice {
    fn works_on(&self) -> WorksOn {
        WorksOn::Order
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
        let saved = given.spent(Basis::Running) - self.price.minor;
        if saved <= 0 {
            return Err(Declined::NothingToTake);
        }
        draft.spread(given, saved);
        Ok(())
    }
}

impl Foreseen for OrderFixedPrice {
    fn takes_off_its_items(&self) -> bool {
        true
    }

    fn gives_away(&self) -> GivenAway {
        GivenAway::goods_if(self.price.minor == 0)
    }

    fn spend_needed(&self, _base: Basis) -> Option<(Basis, i64)> {
        Some((Basis::Running, self.price.minor.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{off, off_after, off_with_room, problems_of};
    use super::*;

    const AT_10: &str = r#"{"order_fixed_price":{"price":{"minor":1000,"currency":"USD"}}}"#;

    #[test]
    fn the_goods_together_cost_the_price() {
        for (of, expected, why) in [
            (&[(0, 1_500), (1, 500)][..], Ok(vec![750, 250]), "1000 of 2000, in proportion"),
            (&[(0, 367), (1, 367), (2, 367)], Ok(vec![34, 34, 33]), "101: of equal remainders the earlier"),
            (&[(0, 1_001), (1, 0)], Ok(vec![1, 0]), "what costs nothing gets nothing"),
            (&[(0, 600), (1, 400)], Err(Declined::NothingToTake), "they cost it already"),
            (&[(0, 600)], Err(Declined::NothingToTake), "or less"),
        ] {
            assert_eq!(off(AT_10, of), expected, "{why}");
        }
    }

    #[test]
    fn it_is_the_price_in_the_end_and_no_floor_is_passed() {
        assert_eq!(off_after(AT_10, &[(0, 1_000), (1, 1_000)], &[700, 500]), [100, 100]);
        assert_eq!(
            off_with_room(AT_10, &[(0, 1_000, 100), (1, 1_000, 1_000)]),
            (vec![100, 900], 0),
            "what does not fit is shared"
        );
        assert_eq!(off_with_room(AT_10, &[(0, 1_000, 100), (1, 1_000, 200)]), (vec![100, 200], 700));
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        assert_eq!(problems_of(r#"{"order_fixed_price":{"price":{"minor":-1,"currency":"USD"}}}"#), ["effect.price"]);
    }
}
