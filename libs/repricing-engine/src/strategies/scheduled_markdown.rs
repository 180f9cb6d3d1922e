use jiff::Timestamp;
use jiff::civil::Time;
use pricestream_domain::RelativeChange;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Ask, Fired, Proposal, Situation, check_change, check_tiers};
use pricestream_documents::Problem;

/// Reductions at set times: once and for all, or every day until midnight (the bakery's last hours).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduledMarkdown {
    /// Ascending; the last that has begun counts.
    #[serde(default)]
    pub steps: Vec<DatedStep>,
    /// Ascending, in the policy's time zone; the last that has begun today counts, until midnight.
    #[serde(default)]
    pub daily: Vec<DailyStep>,
}

/// From an instant on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatedStep {
    /// When it begins.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// From the list price; not above 0.
    pub change_bp: RelativeChange,
}

/// From a time of day until midnight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DailyStep {
    /// When it begins.
    #[schemars(with = "String")]
    pub from: Time,
    /// From the list price; not above 0.
    pub change_bp: RelativeChange,
}

impl ScheduledMarkdown {
    pub(super) fn propose(&self, situation: &Situation<'_>) -> Proposal {
        let now = situation.now;
        let mut in_force = self.steps.iter().rev().find(|step| step.at <= now).map(|step| (step.change_bp, step.at));
        let mut next_due = self.steps.iter().map(|step| step.at).find(|at| *at > now);
        if !self.daily.is_empty() {
            let today = situation.zone.day(now);
            let begin = |step: &DailyStep| situation.zone.at(today, step.from);
            let begun =
                self.daily.iter().rev().find_map(|step| begin(step).filter(|at| *at <= now).map(|at| (step.change_bp, at)));
            // When both apply, the lower price.
            in_force = [in_force, begun].into_iter().flatten().min_by_key(|(change, _)| *change);
            let later = self.daily.iter().filter_map(begin).filter(|at| *at > now).min();
            let midnight = begun.and_then(|_| situation.zone.midnight_after(today, now));
            next_due = [next_due, later, midnight].into_iter().flatten().min();
        }
        let (change, fired) = in_force.map_or((RelativeChange(0), Fired::Nothing), |(change, at)| (change, Fired::Since(at)));
        Proposal { ask: Ask::Change(change), ratio: None, fired, next_due }
    }

    pub(super) fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.steps.is_empty() && self.daily.is_empty() {
            problems.push(Problem { path: path.to_owned(), message: "at least one step in steps or daily is needed".to_owned() });
        }
        let dated = self.steps.iter().enumerate().map(|(position, step)| (format!("{path}.steps[{position}]"), step.change_bp));
        let daily = self.daily.iter().enumerate().map(|(position, step)| (format!("{path}.daily[{position}]"), step.change_bp));
        for (path, change) in dated.chain(daily) {
            if change.0 > 0 {
                let message = format!("{} is a rise: a markdown only reduces", change.0);
                problems.push(Problem { path: format!("{path}.change_bp"), message });
            }
            check_change(change, &path, &mut problems);
        }
        check_tiers(&self.steps, |step| step.at, &format!("{path}.steps"), &mut problems);
        check_tiers(&self.daily, |step| step.from, &format!("{path}.daily"), &mut problems);
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Strategy;
    use crate::strategies::samples::{at, steps, walk};

    fn markdown(dated: &[(&str, i32)], daily: &[(&str, i32)]) -> Strategy {
        let dated = dated.iter().map(|(from, change)| DatedStep { at: at(from), change_bp: RelativeChange(*change) });
        let daily =
            daily.iter().map(|(from, change)| DailyStep { from: from.parse().unwrap(), change_bp: RelativeChange(*change) });
        Strategy::ScheduledMarkdown(ScheduledMarkdown { steps: dated.collect(), daily: daily.collect() })
    }

    const EVENING: [(&str, i32); 2] = [("18:00", -2_000), ("20:00", -4_000)];

    #[test]
    fn dated_steps_follow_each_other_for_good() {
        let strategy =
            markdown(&[("2026-05-04T10:00:00Z", -1_000), ("2026-05-05T10:00:00Z", -2_500), ("2026-05-06T10:00:00Z", 0)], &[]);
        let expected = [
            ("2026-05-04T00:00:00Z", 2_000),
            ("2026-05-04T10:00:00Z", 1_800),
            ("2026-05-05T10:00:00Z", 1_500),
            ("2026-05-06T10:00:00Z", 2_000), // the step of nothing ends it; nothing is due after it
        ];
        assert_eq!(walk(&strategy, None, "UTC", "2026-05-04T00:00:00Z", 9), steps(&expected));
        assert_eq!(walk(&strategy, None, "UTC", "2026-05-04T09:59:59.999999Z", 1)[0].1, 2_000, "just before");
        assert_eq!(walk(&strategy, None, "UTC", "2026-05-04T10:00:00.000001Z", 1)[0].1, 1_800, "just after");
    }

    /// Twenty per cent off from six, forty from eight, the list price again at midnight: by the clock on the wall.
    #[test]
    fn daily_steps_keep_to_the_clock_on_the_wall() {
        for (zone, from, expected, why) in [
            (
                "Europe/Amsterdam",
                "2026-03-28T12:00:00Z",
                &[
                    ("2026-03-28T12:00:00Z", 2_000),
                    ("2026-03-28T17:00:00Z", 1_600),
                    ("2026-03-28T19:00:00Z", 1_200),
                    ("2026-03-28T23:00:00Z", 2_000), // midnight; three hours later the clock is put forward
                    ("2026-03-29T16:00:00Z", 1_600),
                    ("2026-03-29T18:00:00Z", 1_200),
                    ("2026-03-29T22:00:00Z", 2_000),
                    ("2026-03-30T16:00:00Z", 1_600),
                ][..],
                "summer time begins",
            ),
            (
                "Europe/Amsterdam",
                "2026-10-24T12:00:00Z",
                &[
                    ("2026-10-24T12:00:00Z", 2_000),
                    ("2026-10-24T16:00:00Z", 1_600),
                    ("2026-10-24T18:00:00Z", 1_200),
                    ("2026-10-24T22:00:00Z", 2_000), // midnight; three hours later the clock is put back
                    ("2026-10-25T17:00:00Z", 1_600),
                    ("2026-10-25T19:00:00Z", 1_200),
                    ("2026-10-25T23:00:00Z", 2_000),
                    ("2026-10-26T17:00:00Z", 1_600),
                ],
                "summer time ends",
            ),
            (
                "Africa/Cairo",
                "2026-04-23T19:00:00Z",
                &[
                    ("2026-04-23T19:00:00Z", 1_200),
                    ("2026-04-23T22:00:00Z", 2_000), // the day begins at 01:00: there is no midnight
                    ("2026-04-24T15:00:00Z", 1_600),
                ],
                "the clock is put forward at midnight",
            ),
        ] {
            assert_eq!(walk(&markdown(&[], &EVENING), None, zone, from, expected.len()), steps(expected), "{why}");
        }
    }

    #[test]
    fn a_step_in_the_hour_that_is_skipped_or_struck_twice_begins_once() {
        let night = markdown(&[], &[("02:30", -5_000)]);
        for (from, expected, why) in [
            (
                "2026-03-28T23:00:00Z",
                [("2026-03-28T23:00:00Z", 2_000), ("2026-03-29T01:30:00Z", 1_000), ("2026-03-29T22:00:00Z", 2_000)],
                "02:30 is skipped: an hour later, at 03:30",
            ),
            (
                "2026-10-24T22:00:00Z",
                [("2026-10-24T22:00:00Z", 2_000), ("2026-10-25T00:30:00Z", 1_000), ("2026-10-25T23:00:00Z", 2_000)],
                "02:30 strikes twice: from the first on",
            ),
        ] {
            assert_eq!(walk(&night, None, "Europe/Amsterdam", from, 3), steps(&expected), "{why}");
        }
    }

    #[test]
    fn a_step_at_midnight_never_ends() {
        let walked = walk(&markdown(&[], &[("00:00", -1_000)]), None, "UTC", "2026-05-04T12:00:00Z", 3);
        let expected = [("2026-05-04T12:00:00Z", 1_800), ("2026-05-05T00:00:00Z", 1_800), ("2026-05-06T00:00:00Z", 1_800)];
        assert_eq!(walked, steps(&expected));
    }

    #[test]
    fn of_a_dated_and_a_daily_step_the_lower_price_counts() {
        let both = markdown(&[("2026-05-04T12:00:00Z", -3_000), ("2026-05-05T12:00:00Z", -500)], &EVENING);
        let expected = [
            ("2026-05-04T00:00:00Z", 2_000),
            ("2026-05-04T12:00:00Z", 1_400),
            ("2026-05-04T18:00:00Z", 1_400), // 20 % is less than the 30 % that run
            ("2026-05-04T20:00:00Z", 1_200), // 40 % is more
            ("2026-05-05T00:00:00Z", 1_400),
            ("2026-05-05T12:00:00Z", 1_900),
            ("2026-05-05T18:00:00Z", 1_600),
        ];
        assert_eq!(walk(&both, None, "UTC", "2026-05-04T00:00:00Z", 7), steps(&expected));
    }
}
