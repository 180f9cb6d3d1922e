use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{MAX_ON_HAND, RelativeChange, Stock};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fired, Proposal, Situation, check_change, check_tiers};
use crate::{Problem, Zone};

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
    fn of(&self, stock: &Stock, zone: &Zone) -> Option<Timestamp> {
        let start = stock.full.at;
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
        let Some(end) = self.ends.of(stock, situation.zone) else { return Proposal::list(Fired::Nothing) };
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
        let next_due = i64::try_from(turn).ok().and_then(|turn| end.checked_sub(SignedDuration::from_micros(turn)).ok());
        Proposal { change, fired, next_due: next_due.filter(|due| *due > situation.now) }
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
