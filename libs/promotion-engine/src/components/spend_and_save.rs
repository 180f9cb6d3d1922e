use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Foreseen, ForeseenTier, Given, GivenAway, Off, Reached, WorksOn, check_positive};
use crate::document::condition::Basis;
use crate::thresholds::Thresholds;

/// The more is spent on the matching items, the more is taken off them together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpendAndSave {
    /// The price that counts as spent.
    #[serde(default)]
    pub basis: Basis,
    /// Steps, the greatest that is reached counts.
    pub steps: Steps,
}

/// How saving grows with spending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Steps {
    /// From so much on, so much off: the last that is reached, in rising order.
    Tiers(Vec<Tier>),
    /// For every full amount spent, so much off.
    EveryFull(EveryFull),
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Spent at least.
    pub from: Money,
    /// Off all matching items together.
    pub off: Off,
}

/// "10 off for every full 100".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EveryFull {
    /// Above zero.
    pub spend: Money,
    /// Above zero.
    pub off: Money,
    /// How often, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_times: Option<u32>,
}

impl Component for SpendAndSave {
    fn works_on(&self) -> WorksOn {
        WorksOn::Order
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        match &self.steps {
            Steps::Tiers(tiers) => {
                let path = format!("{path}.steps.tiers");
                if tiers.is_empty() {
                    reader.problem(&path, "must hold at least one");
                }
                for (position, tier) in tiers.iter().enumerate() {
                    tier.off.check(reader, &format!("{path}[{position}].off"));
                    if tier.from.minor < 0 {
                        reader.problem(&format!("{path}[{position}].from"), "must not be negative");
                    }
                }
                if !tiers.is_sorted_by(|lower, upper| lower.from.minor < upper.from.minor) {
                    reader.problem(&path, "must rise from one to the next");
                }
            }
            Steps::EveryFull(every) => {
                check_positive(reader, &format!("{path}.steps.every_full.spend"), every.spend);
                check_positive(reader, &format!("{path}.steps.every_full.off"), every.off);
            }
        }
    }

    fn amounts(&self) -> Vec<Money> {
        match &self.steps {
            Steps::Tiers(tiers) => tiers.iter().flat_map(|tier| std::iter::once(tier.from).chain(tier.off.amount())).collect(),
            Steps::EveryFull(every) => vec![every.spend, every.off],
        }
    }

    fn thresholds(&self, to: &mut Thresholds) {
        match &self.steps {
            Steps::Tiers(tiers) => tiers.iter().for_each(|tier| to.spend(tier.from.minor, self.basis)),
            // What is spent beyond the last full amount saves nothing: some multiples leave less of it than others.
            Steps::EveryFull(every) => {
                for times in 1..=every.max_times.map_or(4, i64::from).min(4) {
                    to.spend(every.spend.minor.saturating_mul(times), self.basis);
                }
            }
        }
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let spent = given.spent(self.basis);
        let off = match &self.steps {
            Steps::Tiers(tiers) => {
                let Some(tier) = tiers.iter().rev().find(|tier| spent >= tier.from.minor) else {
                    let needed = tiers.first().map_or(0, |tier| tier.from.minor);
                    return Err(Declined::TooLittleSpent { actual: spent, needed });
                };
                tier.off.of(given.total(), given.rounding)
            }
            Steps::EveryFull(every) => {
                let times = (spent / every.spend.minor).min(every.max_times.map_or(i64::MAX, i64::from));
                if times == 0 {
                    return Err(Declined::TooLittleSpent { actual: spent, needed: every.spend.minor });
                }
                times.saturating_mul(every.off.minor).min(given.total())
            }
        };
        draft.spread(given, off);
        Ok(())
    }
}

impl Foreseen for SpendAndSave {
    fn takes_off_its_items(&self) -> bool {
        true
    }

    fn gives_away(&self) -> GivenAway {
        GivenAway::goods_if(self.tiers().iter().any(|tier| tier.off.takes_all()))
    }

    fn greatest_share(&self) -> u16 {
        self.tiers().iter().map(|tier| tier.off.share()).max().unwrap_or(0)
    }

    fn spend_needed(&self, _base: Basis) -> Option<(Basis, i64)> {
        let needed = match &self.steps {
            Steps::Tiers(tiers) => tiers.first()?.from,
            Steps::EveryFull(every) => every.spend,
        };
        Some((self.basis, needed.minor))
    }

    fn tiers(&self) -> Vec<ForeseenTier> {
        let Steps::Tiers(tiers) = &self.steps else { return Vec::new() };
        let tier = |(place, tier): (usize, &Tier)| ForeseenTier {
            path: format!("steps.tiers[{place}]"),
            from: Reached::Spent(self.basis, tier.from.minor),
            off: tier.off,
        };
        tiers.iter().enumerate().map(tier).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{draft_of, off, off_after, off_with_room, problems_of, units};
    use super::*;
    use crate::rounding::{Level, Rounding};

    /// 5.00 off from 50.00, 10 % from 100.00.
    fn tiers(basis: &str) -> String {
        format!(
            r#"{{"spend_and_save":{{"basis":"{basis}","steps":{{"tiers":[
            {{"from":{{"minor":5000,"currency":"USD"}},"off":{{"amount":{{"minor":500,"currency":"USD"}}}}}},
            {{"from":{{"minor":10000,"currency":"USD"}},"off":{{"percent_bp":1000}}}}]}}}}}}"#
        )
    }

    fn every(spend: i64, off: i64, more: &str) -> String {
        format!(
            r#"{{"spend_and_save":{{"steps":{{"every_full":{{"spend":{{"minor":{spend},"currency":"USD"}},
            "off":{{"minor":{off},"currency":"USD"}}{more}}}}}}}}}"#
        )
    }

    #[test]
    fn the_last_tier_that_is_reached_counts_for_all_goods_together() {
        for (of, expected, why) in [
            (&[(0, 5_000)][..], vec![500], "just reached"),
            (&[(0, 3_000), (1, 2_000)], vec![300, 200], "in proportion"),
            (&[(0, 9_999)], vec![500], "a cent is missing of the next"),
            (&[(0, 10_000)], vec![1_000], "the next"),
            (&[(0, 10_005)], vec![1_001], "1000.5 rounds up"),
            (&[(0, 5_005), (1, 5_000)], vec![501, 500], "1001 of 10005: 500.75 and 500.25"),
            (&[(0, 2_500), (0, 2_500), (1, 5_010)], vec![250, 250, 501], "a share of the sum"),
        ] {
            assert_eq!(off(&tiers("running"), of), Ok(expected), "{why}");
        }
        let too_little = Declined::TooLittleSpent { actual: 4_999, needed: 5_000 };
        assert_eq!(off(&tiers("running"), &[(0, 2_999), (1, 2_000)]), Err(too_little));
    }

    #[test]
    fn so_much_is_taken_off_for_every_full_amount() {
        let (any, thrice) = (every(10_000, 1_500, ""), every(10_000, 1_500, r#","max_times":3"#));
        for (json, of, expected, why) in [
            (&any, &[(0, 10_000)][..], vec![1_500], "once"),
            (&any, &[(0, 19_999)], vec![1_500], "a cent is missing of the second"),
            (&any, &[(0, 12_000), (1, 8_000)], vec![1_800, 1_200], "twice, in proportion"),
            (&any, &[(0, 5_000), (1, 5_000), (2, 5_000)], vec![500, 500, 500], "of 15000 once"),
            (&any, &[(0, 45_000)], vec![6_000], "four times"),
            (&thrice, &[(0, 29_999)], vec![3_000], "twice"),
            (&thrice, &[(0, 45_000)], vec![4_500], "three times at most"),
            (&every(100, 5, ""), &[(0, 50), (1, 50)], vec![3, 2], "2.5 each: of equal remainders the earlier"),
            (&every(100, 150, ""), &[(0, 250)], vec![250], "no more than it costs"),
        ] {
            assert_eq!(off(json, of), Ok(expected), "{why}");
        }
        assert_eq!(off(&any, &[(0, 9_999)]), Err(Declined::TooLittleSpent { actual: 9_999, needed: 10_000 }));
    }

    #[test]
    fn tiers_may_say_what_is_left_to_pay() {
        let to = |off: &str| {
            format!(r#"{{"spend_and_save":{{"steps":{{"tiers":[{{"from":{{"minor":100,"currency":"USD"}},"off":{off}}}]}}}}}}"#)
        };
        for (tier, of, expected, why) in [
            (r#"{"price":{"minor":400,"currency":"USD"}}"#, &[(0, 300), (1, 200)][..], vec![60, 40], "down to 400"),
            (r#"{"price":{"minor":500,"currency":"USD"}}"#, &[(0, 300), (1, 200)], vec![0, 0], "they cost no more"),
            (r#"{"amount":{"minor":700,"currency":"USD"}}"#, &[(0, 300), (1, 200)], vec![300, 200], "no more than they cost"),
            (r#""free""#, &[(0, 300), (1, 200)], vec![300, 200], "everything"),
        ] {
            assert_eq!(off(&to(tier), of), Ok(expected), "{why}");
        }
    }

    #[test]
    fn a_share_is_rounded_on_the_sum_at_every_level() {
        for level in [Level::Unit, Level::Line, Level::Order] {
            let draft = draft_of(&tiers("running"), &units(&[(0, 5_005), (1, 5_000)]), Rounding { level, ..Rounding::BASKET });
            assert_eq!(draft.unwrap().off, [501, 500], "{level:?}");
        }
    }

    #[test]
    fn the_basis_says_which_price_counts_as_spent() {
        // They were 10010 before promotions, and are 9000 now.
        let (of, running) = (&[(0, 6_006), (1, 4_004)], &[5_000, 4_000]);
        for (basis, expected) in [("running", [300, 200]), ("original", [601, 400]), ("list", [601, 400])] {
            assert_eq!(off_after(&tiers(basis), of, running), expected, "{basis}");
        }
    }

    #[test]
    fn what_a_floor_keeps_is_shared_again() {
        assert_eq!(off_with_room(&tiers("running"), &[(0, 3_000, 100), (1, 2_000, 2_000)]), (vec![100, 400], 0));
        assert_eq!(off_with_room(&tiers("running"), &[(0, 3_000, 100), (1, 2_000, 50)]), (vec![100, 50], 350));
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        let falling = r#"{"spend_and_save":{"steps":{"tiers":[
            {"from":{"minor":200,"currency":"USD"},"off":"free"},{"from":{"minor":-1,"currency":"USD"},"off":{"percent_bp":0}}]}}}"#;
        for (json, expected) in [
            (r#"{"spend_and_save":{"steps":{"tiers":[]}}}"#, &["effect.steps.tiers"][..]),
            (falling, &["effect.steps.tiers[1].off.percent_bp", "effect.steps.tiers[1].from", "effect.steps.tiers"]),
            (&every(0, 0, ""), &["effect.steps.every_full.spend", "effect.steps.every_full.off"]),
        ] {
            assert_eq!(problems_of(json), expected, "{json}");
        }
    }
}
