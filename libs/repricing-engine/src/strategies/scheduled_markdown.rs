use jiff::Timestamp;
use jiff::civil::Time;
use pricestream_domain::RelativeChange;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fired, Proposal, Situation, check_change, check_tiers};
use crate::Problem;

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
            let midnight = begun.and_then(|_| situation.zone.next_midnight(now));
            next_due = [next_due, later, midnight].into_iter().flatten().min();
        }
        let (change, fired) = in_force.map_or((RelativeChange(0), Fired::Nothing), |(change, at)| (change, Fired::Since(at)));
        Proposal { change, fired, next_due }
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
