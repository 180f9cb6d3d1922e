use pricestream_documents::Reader;
use pricestream_domain::{BasisPoints, Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Given, WorksOn, check_positive};

/// A share off every matching unit; with a cap, at most so much together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PercentOff {
    /// Above zero.
    pub off_bp: BasisPoints,
    /// What it takes off at most, all units together: beyond it, the cap is shared in proportion to the prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Money>,
}

impl Component for PercentOff {
    fn works_on(&self) -> WorksOn {
        if self.cap.is_some() { WorksOn::Sets } else { WorksOn::Lines }
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        if self.off_bp == BasisPoints::default() {
            reader.problem(&format!("{path}.off_bp"), "must be above zero");
        }
        if let Some(cap) = self.cap {
            check_positive(reader, &format!("{path}.cap"), cap);
        }
    }

    fn amounts(&self) -> Vec<Money> {
        self.cap.into_iter().collect()
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        match self.cap {
            Some(cap) => draft.percent_together(given, self.off_bp, Some(cap.minor)),
            None => draft.percent(given, self.off_bp),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{draft_of, off, off_after, off_with_room, problems_of, units};
    use crate::rounding::{Level, Mode, Of, Rounding};

    #[test]
    fn each_matching_unit_is_reduced_by_the_share() {
        let percent = r#"{"percent_off":{"off_bp":1500}}"#;
        for (of, expected, why) in [
            (&[(0, 1_990), (1, 1_990)][..], vec![299, 299], "298.5 rounds up in each line"),
            (&[(0, 1_990), (0, 1_990)], vec![299, 298], "597 for the line"),
            (&[(0, 3), (1, 4), (2, 0)], vec![0, 1, 0], "0.45 and 0.6"),
            (&[(0, 10), (1, 30)], vec![2, 5], "1.5 and 4.5"),
        ] {
            assert_eq!(off(percent, of), Ok(expected), "{why}");
        }
        assert_eq!(off(r#"{"percent_off":{"off_bp":10000}}"#, &[(0, 999), (1, 0)]), Ok(vec![999, 0]), "all of it");
        assert_eq!(off_after(percent, &[(0, 1_990)], &[200]), [200], "299 of the price before promotions, of which 200 are left");
    }

    #[test]
    fn a_share_is_rounded_at_the_level_of_the_policy() {
        let half = r#"{"percent_off":{"off_bp":5000}}"#;
        for (level, of, expected) in [
            (Level::Unit, &[(0, 5), (0, 5), (1, 5)][..], [3, 3, 3]), // 2.5 each
            (Level::Line, &[(0, 5), (0, 5), (1, 5)], [3, 2, 3]),     // 5 and 2.5
            (Level::Order, &[(0, 5), (0, 5), (1, 5)], [3, 2, 3]),    // 7.5: 5.33 and 2.67
            (Level::Unit, &[(0, 5), (1, 5), (2, 5)], [3, 3, 3]),
            (Level::Line, &[(0, 5), (1, 5), (2, 5)], [3, 3, 3]),
            (Level::Order, &[(0, 5), (1, 5), (2, 5)], [3, 3, 2]), // 7.5: 2.67 each
        ] {
            let rounding = Rounding { level, ..Rounding::BASKET };
            assert_eq!(draft_of(half, &units(of), rounding).unwrap().off, expected, "{level:?} of {of:?}");
        }
    }

    #[test]
    fn half_a_cent_goes_to_the_side_of_the_policy() {
        let percent = r#"{"percent_off":{"off_bp":1500}}"#;
        for (of, mode, expected) in [
            (Of::Discount, Mode::HalfUp, 299), // 298.5
            (Of::Discount, Mode::HalfDown, 298),
            (Of::Discount, Mode::HalfEven, 298),
            (Of::Discount, Mode::Up, 299),
            (Of::Discount, Mode::Down, 298),
            (Of::Price, Mode::HalfUp, 298), // 1691.5 are left
            (Of::Price, Mode::HalfDown, 299),
            (Of::Price, Mode::HalfEven, 298),
        ] {
            let rounding = Rounding { of, mode, ..Rounding::BASKET };
            assert_eq!(draft_of(percent, &units(&[(0, 1_990)]), rounding).unwrap().off, [expected], "{of:?} {mode:?}");
        }
    }

    #[test]
    fn a_cap_is_for_all_units_together() {
        let capped = r#"{"percent_off":{"off_bp":1500,"cap":{"minor":100,"currency":"USD"}}}"#;
        for (of, expected, why) in [
            (&[(0, 200), (1, 400)][..], vec![30, 60], "90 is below the cap"),
            (&[(0, 200), (1, 467)], vec![30, 70], "100.05 rounds to the cap"),
            (&[(0, 2_000), (1, 4_000)], vec![33, 67], "100 in proportion: 33.33 and 66.67"),
            (&[(0, 500), (0, 500)], vec![50, 50], "75 each: 50 of the cap"),
            (&[(0, 335), (1, 335)], vec![50, 50], "50.25 each: below the cap when rounded"),
            (&[(0, 670), (1, 670), (2, 670)], vec![34, 33, 33], "of equal remainders the earlier"),
        ] {
            assert_eq!(off(capped, of), Ok(expected), "{why}");
        }
        assert_eq!(
            off_with_room(capped, &[(0, 2_000, 10), (1, 4_000, 4_000)]),
            (vec![10, 90], 0),
            "a floor leaves it to the other"
        );
    }

    #[test]
    fn a_floor_holds_and_what_does_not_fit_stays_in_its_line() {
        let half = r#"{"percent_off":{"off_bp":5000}}"#;
        assert_eq!(off_with_room(half, &[(0, 500, 100), (0, 500, 500), (1, 500, 100)]), (vec![100, 400, 100], 150));
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        let json = r#"{"percent_off":{"off_bp":0,"cap":{"minor":0,"currency":"USD"}}}"#;
        assert_eq!(problems_of(json), ["effect.off_bp", "effect.cap"]);
    }
}
