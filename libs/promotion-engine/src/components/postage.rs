use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Foreseen, Given, Off, WorksOn};

/// Postage for less: a share, an amount, a fixed price or nothing. "Free above" is this with a `spend` condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostageOff {
    /// What is taken off.
    pub off: Off,
}

impl Component for PostageOff {
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
        draft.take_postage(given, self.off.of(postage, given.rounding));
        Ok(())
    }
}

impl Foreseen for PostageOff {}

#[cfg(test)]
mod tests {
    use super::super::samples::{draft_given, draft_of, draft_with, problems_of, units};
    use super::super::{Shelf, Wallet};
    use super::*;
    use crate::rounding::{Level, Rounding};

    /// Of `off`, written as JSON.
    fn postage(off: &str) -> String {
        format!(r#"{{"postage":{{"off":{off}}}}}"#)
    }

    #[test]
    fn postage_is_reduced_and_the_goods_are_not() {
        // It is 500.
        for (off, expected, why) in [
            (r#"{"percent_bp":5000}"#, 250, "half of it"),
            (r#"{"percent_bp":3333}"#, 167, "166.65"),
            (r#"{"percent_bp":30}"#, 2, "1.5 rounds up"),
            (r#"{"percent_bp":10}"#, 1, "0.5 rounds up"),
            (r#"{"percent_bp":9}"#, 0, "0.45"),
            (r#"{"amount":{"minor":200,"currency":"USD"}}"#, 200, "an amount"),
            (r#"{"amount":{"minor":700,"currency":"USD"}}"#, 500, "no more than it costs"),
            (r#"{"price":{"minor":295,"currency":"USD"}}"#, 205, "down to a fixed price"),
            (r#"{"price":{"minor":500,"currency":"USD"}}"#, 0, "it costs no more"),
            (r#""free""#, 500, "free"),
        ] {
            for level in [Level::Unit, Level::Line, Level::Order] {
                let draft = draft_of(&postage(off), &units(&[(0, 100)]), Rounding { level, ..Rounding::BASKET }).unwrap();
                assert_eq!((draft.postage, draft.off), (expected, vec![0]), "{off}: {why}");
            }
        }
    }

    #[test]
    fn no_more_is_taken_than_is_left_of_it() {
        let (units, prices, rounding) = (&units(&[(0, 100)]), &[100], Rounding::BASKET);
        // It was 500, and others took 380 off.
        for (off, expected) in [
            (r#""free""#, 120),
            (r#"{"percent_bp":2000}"#, 100),
            (r#"{"percent_bp":5000}"#, 120),
            (r#"{"amount":{"minor":119,"currency":"USD"}}"#, 119),
        ] {
            let given = Given {
                units,
                rounding,
                postage: Some(500),
                postage_room: 120,
                wallet: Wallet::default(),
                shelf: Shelf::default(),
                running: prices,
                original: prices,
                list: prices,
            };
            assert_eq!(draft_given(&postage(off), &given).unwrap().postage, expected, "{off}");
        }
    }

    #[test]
    fn it_needs_to_know_the_postage() {
        let draft = draft_with(&postage(r#""free""#), &units(&[(0, 100)]), Wallet::default());
        assert_eq!(draft.map(|draft| draft.postage), Err(Declined::NoPostage));
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        for (off, expected) in [
            (r#"{"percent_bp":0}"#, "effect.off.percent_bp"),
            (r#"{"amount":{"minor":0,"currency":"USD"}}"#, "effect.off.amount"),
            (r#"{"price":{"minor":-1,"currency":"USD"}}"#, "effect.off.price"),
        ] {
            assert_eq!(problems_of(&postage(off)), [expected], "{off}");
        }
    }
}
