use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Foreseen, Given, GivenAway, Off, WorksOn};
use crate::document::condition::Basis;

/// Less for matching goods and postage together; it does not apply while nobody knows what postage costs.
///
/// A share is rounded once, on their sum, at every level of the policy. It is shared between goods and postage in proportion to
/// what they cost, by largest remainder, of equal remainders to the goods; then among the goods. What does not fit the goods,
/// which have floors, goes to the postage. A fixed price is what they cost together in the end, whatever the stack base.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GoodsAndPostage {
    /// What is taken off their sum.
    pub off: Off,
}

impl Component for GoodsAndPostage {
    fn works_on(&self) -> WorksOn {
        WorksOn::Order
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        self.off.check(reader, &format!("{path}.off"));
    }

    fn amounts(&self) -> Vec<Money> {
        self.off.amount().into_iter().collect()
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let postage = given.postage.ok_or(Declined::NoPostage)?;
        let sum = match self.off {
            Off::PercentBp(_) | Off::Amount(_) => given.total() + postage,
            Off::Price(_) | Off::Free => given.spent(Basis::Running) + given.postage_room,
        };
        draft.spread_with_postage(given, self.off.of(sum, given.rounding));
        Ok(())
    }
}

impl Foreseen for GoodsAndPostage {
    fn gives_away(&self) -> GivenAway {
        GivenAway::goods_if(self.off.takes_all())
    }

    fn greatest_share(&self) -> u16 {
        self.off.share()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{draft_given, draft_of, problems_of, units, units_with_room};
    use super::super::{Shelf, Wallet};
    use super::*;
    use crate::rounding::{Level, Rounding};

    #[test]
    fn the_sum_is_reduced_and_both_have_their_share() {
        let tenth = r#"{"goods_and_postage":{"off":{"percent_bp":1000}}}"#;
        let third = r#"{"goods_and_postage":{"off":{"percent_bp":1}}}"#;
        let amount = r#"{"goods_and_postage":{"off":{"amount":{"minor":700,"currency":"USD"}}}}"#;
        let price = r#"{"goods_and_postage":{"off":{"price":{"minor":1000,"currency":"USD"}}}}"#;
        let free = r#"{"goods_and_postage":{"off":"free"}}"#;
        // Postage is 500.
        for (json, of, goods, postage, why) in [
            (tenth, &[(0, 1_000), (1, 500)][..], vec![100, 50], 50, "a tenth of each"),
            (tenth, &[(0, 55)], vec![6], 50, "55.5 rounds up to 56: 5.55 and 50.45"),
            (tenth, &[(0, 495)], vec![50], 50, "99.5 rounds up to 100: 49.75 and 50.25"),
            (third, &[(0, 9_500)], vec![1], 0, "1: 0.95 and 0.05"),
            (amount, &[(0, 500)], vec![350], 350, "shared alike"),
            (amount, &[(0, 0)], vec![0], 500, "no more than they cost"),
            (amount, &[(0, 100)], vec![100], 500, "of 600 all"),
            (price, &[(0, 1_500), (1, 500)], vec![900, 300], 300, "1500 of 2500"),
            (price, &[(0, 500)], vec![0], 0, "they cost no more"),
            (free, &[(0, 1_500)], vec![1_500], 500, "everything"),
        ] {
            let draft = draft_of(json, &units(of), Rounding::BASKET).unwrap();
            assert_eq!((draft.off, draft.postage, draft.unfit), (goods, postage, 0), "{why}: {json}");
        }
        let half_each = r#"{"goods_and_postage":{"off":{"amount":{"minor":101,"currency":"USD"}}}}"#;
        let draft = draft_of(half_each, &units(&[(0, 500)]), Rounding::BASKET).unwrap();
        assert_eq!((draft.off, draft.postage), (vec![51], 50), "the odd one to the goods");
    }

    #[test]
    fn it_is_rounded_once_at_every_level() {
        let tenth = r#"{"goods_and_postage":{"off":{"percent_bp":1000}}}"#;
        for level in [Level::Unit, Level::Line, Level::Order] {
            let draft = draft_of(tenth, &units(&[(0, 5), (1, 5), (2, 5)]), Rounding { level, ..Rounding::BASKET }).unwrap();
            assert_eq!((draft.total(), draft.postage), (52, 50), "51.5 of 515, {level:?}");
        }
    }

    #[test]
    fn what_the_goods_have_no_room_for_goes_to_the_postage() {
        let amount = r#"{"goods_and_postage":{"off":{"amount":{"minor":600,"currency":"USD"}}}}"#;
        let draft = draft_of(amount, &units_with_room(&[(0, 500, 50), (1, 500, 100)]), Rounding::BASKET).unwrap();
        assert_eq!((draft.off, draft.postage, draft.unfit), (vec![50, 100], 450, 0));
        let free = r#"{"goods_and_postage":{"off":"free"}}"#;
        let draft = draft_of(free, &units_with_room(&[(0, 500, 50)]), Rounding::BASKET).unwrap();
        assert_eq!((draft.off, draft.postage, draft.unfit), (vec![50], 500, 450));
    }

    #[test]
    fn a_price_is_the_price_in_the_end() {
        let price = r#"{"goods_and_postage":{"off":{"price":{"minor":1000,"currency":"USD"}}}}"#;
        let (units, rounding) = (&units_with_room(&[(0, 2_000, 900)]), Rounding::BASKET);
        let (running, original) = (&[900], &[2_000]);
        let given = Given {
            units,
            rounding,
            postage: Some(500),
            postage_room: 400,
            wallet: Wallet::default(),
            shelf: Shelf::default(),
            running,
            original,
            list: original,
        };
        let draft = draft_given(price, &given).unwrap();
        assert_eq!((draft.off, draft.postage), (vec![240], 60), "300 of 1300, shared by the prices to work from");
    }

    #[test]
    fn it_needs_to_know_the_postage() {
        let tenth = r#"{"goods_and_postage":{"off":{"percent_bp":1000}}}"#;
        let units = &units(&[(0, 1_000)]);
        for (postage, expected) in [(None, Err(Declined::NoPostage)), (Some(0), Ok((vec![100], 0)))] {
            let (prices, rounding, postage_room) = (&[1_000], Rounding::BASKET, postage.unwrap_or(0));
            let given = Given {
                units,
                rounding,
                postage,
                postage_room,
                wallet: Wallet::default(),
                shelf: Shelf::default(),
                running: prices,
                original: prices,
                list: prices,
            };
            assert_eq!(draft_given(tenth, &given).map(|draft| (draft.off, draft.postage)), expected, "{postage:?}");
        }
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        let json = r#"{"goods_and_postage":{"off":{"amount":{"minor":0,"currency":"USD"}}}}"#;
        assert_eq!(problems_of(json), ["effect.off.amount"]);
    }
}
