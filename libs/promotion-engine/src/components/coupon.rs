use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Given, Off, WorksOn, check_positive};

/// A share or an amount off all matching goods together, for who has a code: that is a `coupons` condition.
///
/// A share is rounded as the promotion's policy says. An amount, and a cap that is reached, is shared among the goods in
/// proportion to their prices, and is no more than they cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coupon {
    /// A share or an amount.
    pub off: Off,
    /// What it takes off at most, all units together; above zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Money>,
}

impl Component for Coupon {
    fn works_on(&self) -> WorksOn {
        WorksOn::Order
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        let at = format!("{path}.off");
        match self.off {
            Off::PercentBp(_) | Off::Amount(_) => self.off.check(reader, &at),
            Off::Price(_) | Off::Free => reader.problem(&at, "must be percent_bp or amount"),
        }
        if let Some(cap) = self.cap {
            check_positive(reader, &format!("{path}.cap"), cap);
        }
    }

    fn amounts(&self) -> Vec<Money> {
        self.off.amount().into_iter().chain(self.cap).collect()
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let cap = self.cap.map(|cap| cap.minor);
        match self.off {
            Off::PercentBp(rate) => draft.percent_together(given, rate, cap),
            off => {
                let wanted = off.of(given.total(), given.rounding);
                draft.spread(given, cap.map_or(wanted, |cap| wanted.min(cap)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{draft_of, off, off_with_room, problems_of, units};
    use crate::rounding::{Level, Rounding};

    #[test]
    fn the_goods_are_reduced_together() {
        let percent = r#"{"coupon":{"off":{"percent_bp":1500}}}"#;
        let capped = r#"{"coupon":{"off":{"percent_bp":1500},"cap":{"minor":100,"currency":"USD"}}}"#;
        let amount = r#"{"coupon":{"off":{"amount":{"minor":100,"currency":"USD"}}}}"#;
        let amount_capped = r#"{"coupon":{"off":{"amount":{"minor":100,"currency":"USD"}},"cap":{"minor":50,"currency":"USD"}}}"#;
        for (json, of, expected, why) in [
            (percent, &[(0, 1_990), (1, 1_990)][..], vec![299, 299], "298.5 rounds up in each line"),
            (percent, &[(0, 1_990), (1, 0)], vec![299, 0], "nothing of nothing"),
            (capped, &[(0, 200), (1, 400)], vec![30, 60], "90 is below the cap"),
            (capped, &[(0, 2_000), (1, 4_000)], vec![33, 67], "100 in proportion: 33.33 and 66.67"),
            (amount, &[(0, 500), (1, 500), (2, 500)], vec![34, 33, 33], "of equal remainders the earlier"),
            (amount, &[(0, 60), (1, 20), (2, 0)], vec![60, 20, 0], "not below zero"),
            (amount_capped, &[(0, 500), (1, 500)], vec![25, 25], "a cap below the amount"),
        ] {
            assert_eq!(off(json, of), Ok(expected), "{why}: {json}");
        }
    }

    #[test]
    fn a_share_is_rounded_at_the_level_of_the_policy() {
        let half = r#"{"coupon":{"off":{"percent_bp":5000}}}"#;
        for (level, expected) in [(Level::Unit, [3, 3, 3]), (Level::Line, [3, 2, 3]), (Level::Order, [3, 2, 3])] {
            let rounding = Rounding { level, ..Rounding::BASKET };
            assert_eq!(draft_of(half, &units(&[(0, 5), (0, 5), (1, 5)]), rounding).unwrap().off, expected, "{level:?}");
        }
    }

    #[test]
    fn what_a_floor_keeps_of_an_amount_is_shared_again() {
        let amount = r#"{"coupon":{"off":{"amount":{"minor":100,"currency":"USD"}}}}"#;
        assert_eq!(off_with_room(amount, &[(0, 500, 10), (1, 500, 500)]), (vec![10, 90], 0));
        assert_eq!(off_with_room(amount, &[(0, 500, 10), (1, 500, 20)]), (vec![10, 20], 70));
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        for (json, expected) in [
            (r#"{"coupon":{"off":"free"}}"#, &["effect.off"][..]),
            (r#"{"coupon":{"off":{"price":{"minor":1,"currency":"USD"}}}}"#, &["effect.off"]),
            (
                r#"{"coupon":{"off":{"percent_bp":0},"cap":{"minor":0,"currency":"USD"}}}"#,
                &["effect.off.percent_bp", "effect.cap"],
            ),
        ] {
            assert_eq!(problems_of(json), expected, "{json}");
        }
    }
}
