use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{BasisPoints, Money, Standing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Zone;

/// What no strategy can pass by. Soft ones first (step, cooldown, changes a day), then hard ones (band, floor, ceiling),
/// then the price ending; each absent one lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Guardrails {
    /// Soft: how far the price may move in a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_step: Option<MaxStep>,
    /// Soft: minutes that a price stays after a change, at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown_minutes: Option<u32>,
    /// Soft: changes in a calendar day of the policy's time zone, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_per_day: Option<u32>,
    /// Hard: distance from the list price, either way, at most; the bounds are rounded inward.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub band_bp: Option<BasisPoints>,
    /// Hard: the ceiling of a product that states none, in percent of its list price, at least 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling_percent_of_list: Option<u32>,
    /// Prices end like this, where such a price lies inside the other guardrails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
}

/// Within each interval the price stays this near to where it stood when the interval began; at least one minor unit
/// either way, so that small prices can move at all. It does not matter how many events arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaxStep {
    /// Either way; the bounds are rounded inward.
    pub change_bp: BasisPoints,
    /// Length of the interval; a new one begins with the first change after it.
    pub per_minutes: u32,
}

/// Price endings: `{"modulo": 100, "remainder": 99}` is x.99 in dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ending {
    /// In minor units, above 0.
    pub modulo: i64,
    /// In minor units, below `modulo`.
    pub remainder: i64,
}

/// A guardrail by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Guardrail {
    /// Soft.
    MaxStep,
    /// Soft.
    Cooldown,
    /// Soft.
    ChangesPerDay,
    /// Hard.
    Band,
    /// Hard.
    Floor,
    /// Hard.
    Ceiling,
    /// Last.
    Ending,
}

impl Guardrail {
    /// Its name in JSON, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxStep => "max_step",
            Self::Cooldown => "cooldown",
            Self::ChangesPerDay => "changes_per_day",
            Self::Band => "band",
            Self::Floor => "floor",
            Self::Ceiling => "ceiling",
            Self::Ending => "ending",
        }
    }
}

/// What a guardrail did to a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Effect {
    /// Which.
    pub guardrail: Guardrail,
    /// What came to it, in minor units.
    pub from: i64,
    /// What left it, in minor units.
    pub to: i64,
}

/// The hard bounds of one decision, in minor units; `low <= high`, and both above zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hard {
    pub(crate) floor: i64,
    pub(crate) ceiling: Option<i64>,
    pub(crate) band: Option<(i64, i64)>,
}

/// Where a price may lie, in minor units.
#[derive(Clone, Copy, Debug)]
struct Range {
    low: i64,
    high: i64,
}

impl Range {
    fn clamp(self, price: i64) -> i64 {
        price.max(self.low).min(self.high)
    }

    fn meets(self, other: Self) -> Option<Self> {
        let both = Self { low: self.low.max(other.low), high: self.high.min(other.high) };
        (both.low <= both.high).then_some(both)
    }
}

impl Hard {
    fn range(&self) -> Range {
        let outer = Range { low: self.floor, high: self.ceiling.unwrap_or(i64::MAX) };
        // A band that lies wholly outside floor and ceiling gives way to them.
        let band = self.band.and_then(|(low, high)| outer.meets(Range { low, high }));
        band.unwrap_or(outer)
    }

    /// `price` inside the bounds, each guardrail's effect noted.
    pub(crate) fn hold(&self, price: i64, effects: &mut Vec<Effect>) -> i64 {
        let mut at = price;
        let mut note = |guardrail, to: i64| {
            if to != at {
                effects.push(Effect { guardrail, from: at, to });
                at = to;
            }
            to
        };
        let mut held = price;
        if let Some((low, high)) = self.band.filter(|(low, high)| low <= high) {
            held = note(Guardrail::Band, Range { low, high }.clamp(held));
        }
        held = note(Guardrail::Floor, held.max(self.floor));
        if let Some(ceiling) = self.ceiling {
            held = note(Guardrail::Ceiling, held.min(ceiling));
        }
        held
    }
}

/// The distance that `share` is of `amount`, rounded down.
fn distance(amount: i64, share: BasisPoints) -> i64 {
    let distance = i128::from(amount) * i128::from(share.get()) / 10_000;
    i64::try_from(distance).expect("a share of a 64-bit amount fits 64 bits")
}

/// `list ± band`, rounded inward.
pub(crate) fn band(list: i64, share: BasisPoints) -> (i64, i64) {
    let distance = distance(list, share);
    (list - distance, list.saturating_add(distance))
}

/// What the chain made of a proposed price.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) price: i64,
    pub(crate) step_from: i64,
    pub(crate) step_since: Timestamp,
    pub(crate) next_due: Option<Timestamp>,
}

impl Guardrails {
    /// The whole chain: soft, hard, ending.
    pub(crate) fn hold(
        &self,
        proposed: i64,
        previous: Option<&Standing>,
        hard: &Hard,
        zone: &Zone,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Held {
        let mut next_due = None;
        let mut allowed = hard.range();
        let mut price = proposed;
        let (mut step_from, mut step_since) = previous.map_or((proposed, now), |standing| (standing.price.minor, now));
        if let (Some(step), Some(previous)) = (&self.max_step, previous) {
            let per = SignedDuration::from_mins(i64::from(step.per_minutes));
            let ends = previous.step_since.checked_add(per).unwrap_or(Timestamp::MAX);
            if now < ends {
                (step_from, step_since) = (previous.step_from.minor, previous.step_since);
            }
            let distance = distance(step_from, step.change_bp).max(1);
            let range = Range { low: step_from.saturating_sub(distance), high: step_from.saturating_add(distance) };
            let stepped = range.clamp(price);
            if stepped != price {
                effects.push(Effect { guardrail: Guardrail::MaxStep, from: price, to: stepped });
                next_due = step_since.checked_add(per).ok();
            }
            price = stepped;
            allowed = allowed.meets(range).unwrap_or(allowed);
        }
        let mut later = Vec::new();
        let held = hard.hold(price, &mut later);
        let ended = self.end(held, allowed, &mut later);
        // A price that may not change now stays: unless it breaks a hard guardrail, which nothing does.
        if let Some(standing) = previous.filter(|standing| standing.price.minor != ended)
            && let Some((guardrail, until)) = self.resting(standing, zone, now)
        {
            effects.push(Effect { guardrail, from: price, to: standing.price.minor });
            let price = hard.hold(standing.price.minor, effects);
            let next_due = [next_due, until].into_iter().flatten().min();
            return Held { price, step_from, step_since, next_due };
        }
        effects.append(&mut later);
        Held { price: ended, step_from, step_since, next_due }
    }

    /// The guardrail by which a price may not change now, and until when.
    fn resting(&self, standing: &Standing, zone: &Zone, now: Timestamp) -> Option<(Guardrail, Option<Timestamp>)> {
        if let Some(minutes) = self.cooldown_minutes {
            let until = standing.since.checked_add(SignedDuration::from_mins(i64::from(minutes))).unwrap_or(Timestamp::MAX);
            if now < until {
                return Some((Guardrail::Cooldown, Some(until)));
            }
        }
        let most = self.changes_per_day?;
        (standing.changes >= most && standing.day == zone.day(now)).then(|| (Guardrail::ChangesPerDay, zone.next_midnight(now)))
    }

    /// The nearest price with the ending inside `allowed`; a tie goes down; without any the price stays as it is.
    fn end(&self, price: i64, allowed: Range, effects: &mut Vec<Effect>) -> i64 {
        let Some(Ending { modulo, remainder }) = self.ending else { return price };
        let below = i128::from(price) - (i128::from(price) - i128::from(remainder)).rem_euclid(i128::from(modulo.max(1)));
        let inside = |candidate: i128| i64::try_from(candidate).ok().filter(|price| (allowed.low..=allowed.high).contains(price));
        let (below, above) = (inside(below), inside(below + i128::from(modulo.max(1))));
        let ended = match (below, above) {
            (Some(below), Some(above)) => {
                if above - price < price - below {
                    above
                } else {
                    below
                }
            }
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => price,
        };
        if ended != price {
            effects.push(Effect { guardrail: Guardrail::Ending, from: price, to: ended });
        }
        ended
    }
}

/// The hard bounds that rule a price; `None` where floor and ceiling leave nothing.
pub(crate) fn hard(floor: Money, ceiling: Option<Money>, list: Money, guardrails: &Guardrails) -> Option<Hard> {
    let floor = floor.minor.max(1);
    let ceiling = ceiling.map(|ceiling| ceiling.minor);
    let hard = Hard { floor, ceiling, band: guardrails.band_bp.map(|share| band(list.minor, share)) };
    ceiling.is_none_or(|ceiling| floor <= ceiling).then_some(hard)
}
