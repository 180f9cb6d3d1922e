use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{MAX_ON_HAND, RelativeChange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Ask, Fired, Proposal, Situation, check_change, check_tiers};
use pricestream_documents::{Problem, Zone};

/// Changes by pace: the share of stock left over the share of time left (a booking curve). Below 1 the stock sells out
/// early, above 1 some will be left over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaceTiers {
    /// When the stock is to be sold. The time runs from the last replenishment; after the end the list price holds.
    pub ends: PaceEnd,
    /// Ascending; the lowest bound that the ratio is below counts.
    #[serde(default)]
    pub below: Vec<PaceTier>,
    /// Ascending; the highest bound that the ratio is above counts.
    #[serde(default)]
    pub above: Vec<PaceTier>,
}

/// When stock is to be sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaceEnd {
    /// At one instant.
    At(#[schemars(with = "String")] Timestamp),
    /// So many minutes after each replenishment.
    AfterFullMinutes(u32),
    /// When this time of day next strikes after each replenishment, in the policy's time zone.
    DailyAt(#[schemars(with = "String")] Time),
}

/// One tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaceTier {
    /// Bound of the ratio: 10000 is on pace, 5000 sells twice as fast as time passes.
    pub ratio_bp: u32,
    /// From the list price.
    pub change_bp: RelativeChange,
}

impl PaceEnd {
    /// When what began at `start` ends.
    pub(super) fn after(&self, start: Timestamp, zone: &Zone) -> Option<Timestamp> {
        match self {
            Self::At(end) => Some(*end),
            Self::AfterFullMinutes(minutes) => start.checked_add(SignedDuration::from_mins(i64::from(*minutes))).ok(),
            Self::DailyAt(time) => {
                let day = zone.day(start);
                zone.at(day, *time).filter(|end| *end > start).or_else(|| zone.at(day.tomorrow().ok()?, *time))
            }
        }
    }
}

impl PaceTiers {
    pub(super) fn propose(&self, situation: &Situation<'_>) -> Proposal {
        let Some(stock) = situation.stock else { return Proposal::list(Fired::StockUnknown) };
        let Some(end) = self.ends.after(stock.full.at, situation.zone) else { return Proposal::list(Fired::Nothing) };
        let full = i128::from(stock.full.on_hand.min(MAX_ON_HAND));
        let total = i128::from(end.as_microsecond()) - i128::from(stock.full.at.as_microsecond());
        let left = i128::from(end.as_microsecond()) - i128::from(situation.now.as_microsecond());
        if full == 0 || total <= 0 || left <= 0 {
            return Proposal::list(Fired::Nothing);
        }
        // ratio = (on_hand / full) / (left / total); compared crosswise, so that nothing is rounded.
        let progress = i128::from(stock.on_hand.min(MAX_ON_HAND)) * total * 10_000;
        let bar = |tier: &PaceTier| i128::from(tier.ratio_bp) * full;
        let below = self.below.iter().find(|tier| progress < bar(tier) * left);
        let above = self.above.iter().rev().find(|tier| progress > bar(tier) * left);
        let (change, fired) = match (below, above) {
            (Some(tier), _) => (tier.change_bp, Fired::PaceBelow(tier.ratio_bp)),
            (None, Some(tier)) => (tier.change_bp, Fired::PaceAbove(tier.ratio_bp)),
            (None, None) => (RelativeChange(0), Fired::Nothing),
        };
        // The ratio only rises while stock stands still: `below` ends once left <= progress / bar, `above` begins once
        // left < progress / bar.
        let ends = self.below.iter().map(|tier| progress.checked_div(bar(tier)));
        let begins =
            self.above.iter().map(|tier| progress.checked_div(bar(tier)).map(|_| (progress + bar(tier) - 1) / bar(tier) - 1));
        let turn = ends.chain(begins).flatten().filter(|at_left| (0..left).contains(at_left)).max().unwrap_or(0);
        let next_due = i64::try_from(turn).ok().and_then(|turn| Timestamp::from_microsecond(end.as_microsecond() - turn).ok());
        Proposal { ask: Ask::Change(change), ratio: None, fired, next_due: next_due.filter(|due| *due > situation.now) }
    }

    pub(super) fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.below.is_empty() && self.above.is_empty() {
            problems.push(Problem { path: path.to_owned(), message: "at least one tier in below or above is needed".to_owned() });
        }
        if self.ends == PaceEnd::AfterFullMinutes(0) {
            let path = format!("{path}.ends.after_full_minutes");
            problems.push(Problem { path, message: "the time to sell in must be above 0 minutes".to_owned() });
        }
        for (name, tiers) in [("below", &self.below), ("above", &self.above)] {
            for (position, tier) in tiers.iter().enumerate() {
                let path = format!("{path}.{name}[{position}]");
                check_change(tier.change_bp, &path, &mut problems);
                if tier.ratio_bp == 0 || tier.ratio_bp > 10_000_000 {
                    let message = format!("{} is outside 1..=10000000 (10000 is on pace)", tier.ratio_bp);
                    problems.push(Problem { path: format!("{path}.ratio_bp"), message });
                }
            }
            check_tiers(tiers, |tier| tier.ratio_bp, &format!("{path}.{name}"), &mut problems);
        }
        if let (Some(below), Some(above)) = (self.below.last(), self.above.first())
            && below.ratio_bp > above.ratio_bp
        {
            let message = "a ratio would be below one tier and above another".to_owned();
            problems.push(Problem { path: format!("{path}.above[0].ratio_bp"), message });
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use pricestream_domain::{FullLevel, Stock, StockVersion};

    use super::*;
    use crate::Strategy;
    use crate::strategies::samples::{at, price, steps, stock, usd, walk};

    fn tiers(tiers: &[(u32, i32)]) -> Vec<PaceTier> {
        tiers.iter().map(|(ratio_bp, change)| PaceTier { ratio_bp: *ratio_bp, change_bp: RelativeChange(*change) }).collect()
    }

    /// The booking curve of `design/dynamic-pricing.md`: below half the pace +15 %, below 0.8 of it +7 %, above 1.25 of it
    /// -7 %, above twice -15 %.
    fn pace(ends: PaceEnd) -> Strategy {
        let (below, above) = (tiers(&[(5_000, 1_500), (8_000, 700)]), tiers(&[(12_500, -700), (20_000, -1_500)]));
        Strategy::PaceTiers(PaceTiers { ends, below, above })
    }

    /// Restocked at 06:00, to be sold by 22:00.
    const SIXTEEN_HOURS: PaceEnd = PaceEnd::AfterFullMinutes(960);

    #[test]
    fn the_share_of_stock_is_held_against_the_share_of_time() {
        // At 12:00 ten of sixteen hours are left: 62.5 %.
        for (on_hand, full, expected, why) in [
            (Some(31), 100, 2_300, "0.496 of the pace"),
            (Some(32), 100, 2_140, "0.512"),
            (Some(49), 100, 2_140, "0.784"),
            (Some(50), 100, 2_000, "0.8, which is not below 0.8"),
            (Some(78), 100, 2_000, "1.248"),
            (Some(79), 100, 1_860, "1.264"),
            (Some(100), 100, 1_860, "1.6: nothing sold"),
            (Some(125), 100, 1_860, "2, which is not above 2"),
            (Some(126), 100, 1_700, "returns on top"),
            (Some(0), 100, 2_300, "sold out"),
            (Some(5), 16, 2_140, "0.5, which is not below 0.5"),
            (Some(25), 32, 2_000, "1.25, which is not above 1.25"),
            (Some(0), 0, 2_000, "never restocked"),
            (None, 0, 2_000, "stock not known yet"),
            (Some(u64::MAX), u64::MAX, 1_860, "nothing overflows"),
        ] {
            let stock = on_hand.map(|on_hand| stock(on_hand, full));
            assert_eq!(price(&pace(SIXTEEN_HOURS), usd(2_000), stock.as_ref()), expected, "{on_hand:?} of {full}: {why}");
        }
    }

    /// The price moves at the very microsecond that was foretold, and not one before.
    #[test]
    fn while_stock_stands_still_the_price_falls_when_it_is_due() {
        let from = "2026-05-04T06:00:00Z";
        let end = ("2026-05-04T22:00:00Z", 2_000);
        for (on_hand, full, expected, why) in [
            (
                49,
                100,
                &[
                    (from, 2_300),
                    ("2026-05-04T06:19:12Z", 2_140),        // 0.49 / 0.5: 98 % of the time is left
                    ("2026-05-04T12:12:00Z", 2_000),        // 0.49 / 0.8: 61.25 %
                    ("2026-05-04T15:43:40.800001Z", 1_860), // beyond 0.49 / 1.25: 39.2 %
                    ("2026-05-04T18:04:48.000001Z", 1_700), // beyond 0.49 / 2: 24.5 %
                    end,
                ][..],
                "from too fast to too slow, and the list price when it is over",
            ),
            (0, 100, &[(from, 2_300), end], "sold out stays dear to the end"),
            (
                100,
                100,
                &[(from, 2_000), ("2026-05-04T09:12:00.000001Z", 1_860), ("2026-05-04T14:00:00.000001Z", 1_700), end],
                "nothing sells",
            ),
            (200, 100, &[(from, 1_860), ("2026-05-04T06:00:00.000001Z", 1_700), end], "at twice the pace, then above it"),
            (
                1,
                3,
                &[
                    (from, 2_300),
                    ("2026-05-04T11:20:00Z", 2_140),        // two thirds of the time are left
                    ("2026-05-04T15:20:00Z", 2_000),        // five twelfths
                    ("2026-05-04T17:44:00.000001Z", 1_860), // 4/15
                    ("2026-05-04T19:20:00.000001Z", 1_700), // a sixth
                    end,
                ],
                "thirds",
            ),
            (
                3,
                7,
                &[
                    (from, 2_300),
                    ("2026-05-04T08:17:08.571429Z", 2_140), // 6/7 are left: 49371428571.4 microseconds
                    ("2026-05-04T13:25:42.857143Z", 2_000), // 15/28: 30857142857.1
                    ("2026-05-04T16:30:51.428572Z", 1_860), // 12/35: 19748571428.57
                    ("2026-05-04T18:34:17.142858Z", 1_700), // 3/14: 12342857142.86
                    end,
                ],
                "no instant is whole",
            ),
        ] {
            let walked = walk(&pace(SIXTEEN_HOURS), Some(&stock(on_hand, full)), "UTC", from, 9);
            assert_eq!(walked, steps(expected), "{on_hand} of {full}: {why}");
        }
    }

    #[test]
    fn the_end_is_an_instant_a_duration_or_a_time_of_day() {
        let clock = |hour, minute| PaceEnd::DailyAt(Time::new(hour, minute, 0, 0).unwrap());
        for (ends, zone, full_at, expected, why) in [
            (SIXTEEN_HOURS, "UTC", "2026-05-04T06:00:00Z", "2026-05-04T22:00:00Z", "a duration"),
            (PaceEnd::At(at("2026-06-01T00:00:00Z")), "UTC", "2026-05-04T06:00:00Z", "2026-06-01T00:00:00Z", "an instant"),
            (clock(22, 0), "Europe/Amsterdam", "2026-05-04T06:00:00Z", "2026-05-04T20:00:00Z", "this evening"),
            (clock(22, 0), "Europe/Amsterdam", "2026-05-04T20:30:00Z", "2026-05-05T20:00:00Z", "restocked later: tomorrow"),
            (clock(22, 0), "Europe/Amsterdam", "2026-03-28T21:00:00Z", "2026-03-29T20:00:00Z", "at the stroke: 23 hours"),
            (clock(22, 0), "Europe/Amsterdam", "2026-10-24T20:00:00Z", "2026-10-25T21:00:00Z", "25 hours"),
            (clock(2, 30), "Europe/Amsterdam", "2026-03-28T21:00:00Z", "2026-03-29T01:30:00Z", "skipped: at 03:30"),
            (clock(2, 30), "Europe/Amsterdam", "2026-10-24T21:00:00Z", "2026-10-25T00:30:00Z", "twice: the first"),
        ] {
            let full = FullLevel { on_hand: 10, at: at(full_at) };
            let stock = Stock { on_hand: 0, version: StockVersion(1), full, sold: 0, changed_at: None };
            let walked = walk(&pace(ends), Some(&stock), zone, full_at, 9);
            assert_eq!(walked, steps(&[(full_at, 2_300), (expected, 2_000)]), "{why}");
        }
    }

    #[test]
    fn outside_its_time_the_list_price_holds_and_nothing_is_due() {
        for (ends, now, why) in [
            (SIXTEEN_HOURS, "2026-05-04T22:00:00Z", "at the end"),
            (SIXTEEN_HOURS, "2027-01-01T00:00:00Z", "long after it"),
            (PaceEnd::At(at("2026-05-04T05:00:00Z")), "2026-05-04T07:00:00Z", "restocked after the end"),
            (PaceEnd::At(at("2026-05-04T06:00:00Z")), "2026-05-04T05:00:00Z", "restocked at the end, seen before it"),
        ] {
            let walked = walk(&pace(ends), Some(&stock(1, 100)), "UTC", now, 9);
            assert_eq!(walked, steps(&[(now, 2_000)]), "{why}");
        }
    }

    /// A source whose clock is ahead: more time is left than there ever was.
    #[test]
    fn before_it_was_restocked_the_pace_is_slower() {
        let walked = walk(&pace(SIXTEEN_HOURS), Some(&stock(100, 100)), "UTC", "2026-05-03T22:00:00Z", 3);
        let expected = [
            ("2026-05-03T22:00:00Z", 2_140), // 1 / 1.5
            ("2026-05-04T02:00:00Z", 2_000), // 1 / 1.25
            ("2026-05-04T09:12:00.000001Z", 1_860),
        ];
        assert_eq!(walked, steps(&expected));
    }

    #[test]
    fn fractions_of_a_microsecond_do_not_count() {
        let strategy = pace(PaceEnd::At(at("2026-05-04T22:00:00.000000700Z")));
        let walked = walk(&strategy, Some(&stock(0, 10)), "UTC", "2026-05-04T12:00:00.000000900Z", 9);
        assert_eq!(walked, steps(&[("2026-05-04T12:00:00.0000009Z", 2_300), ("2026-05-04T22:00:00Z", 2_000)]));
    }
}
