use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{BasisPoints, Money, Standing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use pricestream_documents::Zone;

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

/// The hard bounds of one decision, in minor units; floor at most ceiling, and both above zero.
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
    /// Lowest and highest price that it lets through.
    pub(crate) fn bounds(&self) -> (i64, i64) {
        let Range { low, high } = self.range();
        (low, high)
    }

    fn range(&self) -> Range {
        let outer = Range { low: self.floor, high: self.ceiling.unwrap_or(i64::MAX) };
        let Some((low, high)) = self.band else { return outer };
        // A band that lies wholly outside floor and ceiling gives way to them: what is nearest to it is left.
        let nearest = outer.clamp(low);
        outer.meets(Range { low, high }).unwrap_or(Range { low: nearest, high: nearest })
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
        if let Some((low, high)) = self.band {
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
    /// When the interval ends in which steps are measured from `step_from`.
    step_ends: Option<Timestamp>,
    /// Without a largest step the price would be another.
    stepped: bool,
    /// When a price that may not change now may.
    rested: Option<Timestamp>,
}

impl Held {
    /// A price that nothing soft had a say in.
    pub(crate) fn fixed(price: i64, now: Timestamp) -> Self {
        Self { price, step_from: price, step_since: now, step_ends: None, stepped: false, rested: None }
    }

    /// When time alone may change what the chain makes of the same proposal, while the price stands at `stands` (in shadow
    /// not where the chain would have it). An interval that starts anew from where it started before changes nothing.
    pub(crate) fn next_due(&self, stands: i64) -> Option<Timestamp> {
        let step_matters = stands != self.step_from && (self.stepped || stands != self.price);
        [self.step_ends.filter(|_| step_matters), self.rested].into_iter().flatten().min()
    }
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
        let mut step_ends = None;
        let mut allowed = hard.range();
        let mut price = proposed;
        let (mut step_from, mut step_since) = previous.map_or((proposed, now), |standing| (standing.price.minor, now));
        if let (Some(step), Some(previous)) = (&self.max_step, previous) {
            let per = SignedDuration::from_mins(i64::from(step.per_minutes));
            let ends = previous.step_since.checked_add(per).unwrap_or(Timestamp::MAX);
            if now < ends {
                (step_from, step_since) = (previous.step_from.minor, previous.step_since);
            }
            step_ends = step_since.checked_add(per).ok();
            let distance = distance(step_from, step.change_bp).max(1);
            let range = Range { low: step_from.saturating_sub(distance), high: step_from.saturating_add(distance) };
            let within = range.clamp(price);
            if within != price {
                effects.push(Effect { guardrail: Guardrail::MaxStep, from: price, to: within });
            }
            price = within;
            allowed = allowed.meets(range).unwrap_or(allowed);
        }
        let mut later = Vec::new();
        let ended = self.end(hard.hold(price, &mut later), allowed, &mut later);
        // Also a price ending may lie beyond the step.
        let stepless = self.end(hard.hold(proposed, &mut Vec::new()), hard.range(), &mut Vec::new());
        let stepped = ended != stepless;
        // A price that may not change now stays: unless it breaks a hard guardrail, which nothing does.
        if let Some(standing) = previous.filter(|standing| hard.hold(standing.price.minor, &mut Vec::new()) != ended)
            && let Some((guardrail, rested)) = self.resting(standing, zone, now)
        {
            effects.push(Effect { guardrail, from: price, to: standing.price.minor });
            let price = hard.hold(standing.price.minor, effects);
            return Held { price, step_from, step_since, step_ends, stepped, rested };
        }
        effects.append(&mut later);
        Held { price: ended, step_from, step_since, step_ends, stepped, rested: None }
    }

    /// The guardrail by which a price may not change now, and until when.
    fn resting(&self, standing: &Standing, zone: &Zone, now: Timestamp) -> Option<(Guardrail, Option<Timestamp>)> {
        if let Some(minutes) = self.cooldown_minutes {
            // A clock that was ahead when the price moved does not prolong the rest.
            let since = standing.since.min(now);
            let until = since.checked_add(SignedDuration::from_mins(i64::from(minutes))).unwrap_or(Timestamp::MAX);
            if now < until {
                return Some((Guardrail::Cooldown, Some(until)));
            }
        }
        let most = self.changes_per_day?;
        let day = counted_day(standing, zone.day(now))?;
        (standing.changes >= most).then(|| (Guardrail::ChangesPerDay, zone.midnight_after(day, now)))
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

/// The day whose changes count `today`, if `standing` counts them: also tomorrow, which a clock ahead of this one, or one
/// that is put back over midnight, has seen already. A day further ahead was a defect of a clock, and holds nothing.
pub(crate) fn counted_day(standing: &Standing, today: Date) -> Option<Date> {
    [Some(today), today.tomorrow().ok()].into_iter().flatten().find(|day| *day == standing.day)
}

/// The hard bounds that rule a price; `None` where floor and ceiling leave nothing.
pub(crate) fn hard(floor: Money, ceiling: Option<Money>, list: Money, guardrails: &Guardrails) -> Option<Hard> {
    let floor = floor.minor.max(1);
    let ceiling = ceiling.map(|ceiling| ceiling.minor);
    let hard = Hard { floor, ceiling, band: guardrails.band_bp.map(|share| band(list.minor, share)) };
    ceiling.is_none_or(|ceiling| floor <= ceiling).then_some(hard)
}

#[cfg(test)]
mod tests {
    use Guardrail::{Band, Ceiling, ChangesPerDay, Cooldown, Floor, MaxStep as Step};
    use pricestream_domain::Currency;
    use serde_json::{Value, json};

    use super::*;

    /// Of 20.00 USD, whatever the price is.
    const LIST: i64 = 2_000;
    const NOON: &str = "2026-05-04T12:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::USD)
    }

    fn rails(json: Value) -> Guardrails {
        serde_json::from_value(json).unwrap()
    }

    /// A price since `since`, the first change of its day, from which steps are measured.
    fn standing(price: i64, since: &str) -> Standing {
        let (price, since) = (usd(price), at(since));
        Standing { price, since, step_from: price, step_since: since, day: Zone::UTC.day(since), changes: 1 }
    }

    struct Chain {
        rails: Guardrails,
        floor: i64,
        ceiling: Option<i64>,
        zone: &'static str,
    }

    impl Chain {
        fn new(rails_json: Value) -> Self {
            Self { rails: rails(rails_json), floor: 1, ceiling: None, zone: "UTC" }
        }

        fn within(self, floor: i64, ceiling: Option<i64>) -> Self {
            Self { floor, ceiling, ..self }
        }

        fn hold(&self, proposed: i64, previous: Option<&Standing>, now: &str) -> (Held, Vec<Effect>) {
            let hard = hard(usd(self.floor), self.ceiling.map(usd), usd(LIST), &self.rails).unwrap();
            let mut effects = Vec::new();
            let zone = Zone::named(self.zone).unwrap();
            let held = self.rails.hold(proposed, previous, &hard, &zone, at(now), &mut effects);
            (held, effects)
        }

        /// The price, who changed it to what, and when time alone may change it again.
        fn told(&self, proposed: i64, previous: Option<&Standing>, now: &str) -> (i64, Vec<(Guardrail, i64)>, Option<String>) {
            let (held, effects) = self.hold(proposed, previous, now);
            let mut from = proposed;
            for effect in &effects {
                assert_eq!(effect.from, from, "each takes what the one before left: {effects:?}");
                from = effect.to;
            }
            assert!(effects.iter().all(|effect| effect.from != effect.to), "what changed nothing is not told: {effects:?}");
            let due = held.next_due(held.price).map(|due| due.to_string());
            (held.price, effects.iter().map(|effect| (effect.guardrail, effect.to)).collect(), due)
        }
    }

    #[test]
    fn band_then_floor_then_ceiling() {
        for (band, floor, ceiling, proposed, expected, effects, why) in [
            (None, 1, None, i64::MAX, i64::MAX, &[][..], "no guardrail lets everything through"),
            (None, 0, None, 0, 1, &[(Floor, 1)], "but a price of nothing"),
            (None, 0, None, -5, 1, &[(Floor, 1)], "or less"),
            (None, 1_200, None, 1_200, 1_200, &[], "at the floor"),
            (None, 1_200, None, 1_199, 1_200, &[(Floor, 1_200)], "just below"),
            (None, 1, Some(2_600), 2_600, 2_600, &[], "at the ceiling"),
            (None, 1, Some(2_600), 2_601, 2_600, &[(Ceiling, 2_600)], "just above"),
            (None, 1_500, Some(1_500), 2_000, 1_500, &[(Ceiling, 1_500)], "floor and ceiling may be one"),
            (Some(1_000), 1, None, 1_800, 1_800, &[], "at the lower end of the band"),
            (Some(1_000), 1, None, 1_799, 1_800, &[(Band, 1_800)], "just below"),
            (Some(1_000), 1, None, 2_201, 2_200, &[(Band, 2_200)], "just above the upper end"),
            (Some(0), 1, None, 2_001, 2_000, &[(Band, 2_000)], "no way at all"),
            (Some(10_000), 1, None, 0, 1, &[(Floor, 1)], "all the way down, which is still not nothing"),
            (Some(1_000), 1_900, Some(2_100), 1_700, 1_900, &[(Band, 1_800), (Floor, 1_900)], "the floor is nearer"),
            (Some(1_000), 1_900, Some(2_100), 2_300, 2_100, &[(Band, 2_200), (Ceiling, 2_100)], "the ceiling is nearer"),
            (Some(1_000), 2_300, None, 2_000, 2_300, &[(Floor, 2_300)], "a floor above the band wins"),
            (Some(1_000), 2_300, None, 2_400, 2_300, &[(Band, 2_200), (Floor, 2_300)], "and is as near as the price gets"),
            (Some(1_000), 1, Some(1_500), 2_000, 1_500, &[(Ceiling, 1_500)], "so does a ceiling below it"),
            (Some(1_000), 1, Some(1_500), 1_400, 1_500, &[(Band, 1_800), (Ceiling, 1_500)], "from below as well"),
        ] {
            let chain = Chain::new(json!({ "band_bp": band })).within(floor, ceiling);
            assert_eq!(chain.told(proposed, None, NOON), (expected, effects.to_vec(), None), "{proposed}: {why}");
        }
    }

    #[test]
    fn the_band_is_rounded_inward() {
        for (list, share, expected) in [
            (1_999, 333, (1_933, 2_065)), // 66.5667 either way
            (1_999, 10_000, (0, 3_998)),
            (3, 3_333, (3, 3)), // 0.9999
            (i64::MAX, 10_000, (0, i64::MAX)),
        ] {
            assert_eq!(band(list, BasisPoints::new(share).unwrap()), expected, "{list} by {share}");
        }
    }

    #[test]
    fn floor_above_ceiling_leaves_no_price() {
        let none = Guardrails::default();
        assert!(hard(usd(1_501), Some(usd(1_500)), usd(LIST), &none).is_none());
        assert!(hard(usd(0), Some(usd(0)), usd(LIST), &none).is_none(), "and nothing is no price");
    }

    #[test]
    fn endings_are_the_nearest_inside_the_other_guardrails() {
        for ((modulo, remainder), floor, ceiling, proposed, expected, why) in [
            ((100, 99), 1, None, 2_099, 2_099, "ends so already"),
            ((100, 99), 1, None, 2_048, 1_999, "nearer below"),
            ((100, 99), 1, None, 2_049, 1_999, "a tie goes down"),
            ((100, 99), 1, None, 2_050, 2_099, "nearer above"),
            ((100, 99), 1_999, None, 2_000, 1_999, "as low as the floor"),
            ((100, 99), 2_000, None, 2_001, 2_099, "not below the floor"),
            ((100, 99), 1, Some(2_099), 2_098, 2_099, "as high as the ceiling"),
            ((100, 99), 1, Some(2_098), 2_098, 1_999, "not above the ceiling"),
            ((100, 99), 2_000, Some(2_098), 2_050, 2_050, "none fits: unrounded"),
            ((100, 99), 1, None, 20, 99, "not below zero"),
            ((100, 0), 1, None, 49, 100, "nor zero"),
            ((10, 8), 1, None, 1_983, 1_978, "yen ending in eight, a tie"),
            ((10, 8), 1, None, 1_984, 1_988, "one nearer"),
            ((50, 45), 1, None, 1_999, 1_995, "two endings in a hundred"),
            ((1, 0), 1, None, 1_999, 1_999, "every price ends so"),
            ((100, 99), 1, None, i64::MAX, i64::MAX - 8, "...807 ends in .99 eight below"),
        ] {
            let chain = Chain::new(json!({ "ending": { "modulo": modulo, "remainder": remainder } })).within(floor, ceiling);
            assert_eq!(chain.told(proposed, None, NOON).0, expected, "{proposed} to {remainder} of {modulo}: {why}");
        }
    }

    #[test]
    fn endings_keep_to_band_and_step() {
        let missed = Chain::new(json!({ "band_bp": 1_000, "ending": { "modulo": 100, "remainder": 99 } })).within(2_300, None);
        assert_eq!(missed.told(2_000, None, NOON).0, 2_300, "a floor above the band: no further from it than need be");
        let with = |rails: Value, proposed| Chain::new(rails).told(proposed, Some(&standing(LIST, "2026-05-04T11:30:00Z")), NOON);
        let ending = json!({ "modulo": 100, "remainder": 99 });
        let half_past = Some("2026-05-04T12:30:00Z".to_owned());
        for (rails, proposed, expected, why) in [
            (json!({ "band_bp": 400, "ending": ending }), 2_070, (1_999, vec![(Guardrail::Ending, 1_999)], None), "2080 at most"),
            (
                json!({ "max_step": { "change_bp": 400, "per_minutes": 60 }, "ending": ending }),
                2_070,
                (1_999, vec![(Guardrail::Ending, 1_999)], half_past.clone()),
                "2080 at most in this interval, 2099 perhaps in the next: so it says when that begins",
            ),
            (
                json!({ "max_step": { "change_bp": 400, "per_minutes": 60 }, "ending": { "modulo": 1_000, "remainder": 0 } }),
                3_000,
                (2_000, vec![(Step, 2_080), (Guardrail::Ending, 2_000)], None),
                "endings further apart than a step: the next interval would start from 20.00 and end like this one",
            ),
        ] {
            assert_eq!(with(rails, proposed), expected, "{why}");
        }
    }

    /// At most a tenth in an hour, from 20.00 at 11:30.
    #[test]
    fn a_step_is_measured_from_where_its_interval_began() {
        let chain = Chain::new(json!({ "max_step": { "change_bp": 1_000, "per_minutes": 60 } })).within(1_200, Some(2_600));
        let (half_past, one) = (Some("2026-05-04T12:30:00Z"), Some("2026-05-04T13:00:00Z"));
        let began = standing(2_000, "2026-05-04T11:30:00Z");
        let moved = Standing { price: usd(2_150), since: at("2026-05-04T11:45:00Z"), ..began };
        let late = Some("2026-05-04T13:30:00Z");
        for (previous, now, proposed, expected, due, why) in [
            (None, NOON, 9_999, 2_600, None, "a first price has nothing to step from"),
            (Some(began), NOON, 2_200, 2_200, None, "a whole step"),
            (Some(began), NOON, 2_201, 2_200, half_past, "just more"),
            (Some(began), NOON, 1_800, 1_800, None, "a whole step down"),
            (Some(began), NOON, 1_799, 1_800, half_past, "just more"),
            (Some(moved), NOON, 2_600, 2_200, half_past, "still from where the interval began, not from 21.50"),
            (Some(moved), NOON, 1_000, 1_800, half_past, "and back again"),
            (Some(moved), "2026-05-04T12:29:59.999999Z", 2_600, 2_200, half_past, "to the last microsecond"),
            (Some(moved), "2026-05-04T12:30:00Z", 2_600, 2_365, late, "then a new one begins, from 21.50"),
            (Some(standing(2_000, "2026-05-04T11:00:00Z")), NOON, 2_600, 2_200, one, "at the very end as well"),
            (Some(standing(2_599, "2026-05-04T11:30:00Z")), NOON, 9_999, 2_600, None, "what the ceiling holds no time frees"),
        ] {
            let (price, _, next) = chain.told(proposed, previous.as_ref(), now);
            assert_eq!((price, next.as_deref()), (expected, due), "{proposed} at {now}: {why}");
        }
    }

    #[test]
    fn a_step_is_rounded_inward_but_one_minor_unit_is_always_allowed() {
        for (from, share, proposed, expected, why) in [
            (1_999, 333, 9_999, 2_065, "66.57 is 66"),
            (1_999, 333, 1, 1_933, "down as well"),
            (9, 1_000, 20, 10, "0.9 is one"),
            (9, 1_000, 1, 8, "down as well"),
            (1, 1, 20, 2, "0.0001 is one"),
            (1, 10_000, 0, 1, "the floor is still one"),
            (i64::MAX, 10_000, i64::MAX, i64::MAX, "nothing overflows"),
        ] {
            let chain = Chain::new(json!({ "max_step": { "change_bp": share, "per_minutes": 60 } }));
            let began = standing(from, "2026-05-04T11:30:00Z");
            assert_eq!(chain.told(proposed, Some(&began), NOON).0, expected, "{proposed} from {from}: {why}");
        }
    }

    #[test]
    fn hard_guardrails_win_over_soft_ones() {
        let step = json!({ "change_bp": 1_000, "per_minutes": 60 });
        let soft = json!({ "max_step": step, "cooldown_minutes": 60, "changes_per_day": 1 });
        let before = standing(2_000, "2026-05-04T11:30:00Z");
        for (rails, (floor, ceiling), proposed, expected, due, why) in [
            (
                soft.clone(),
                (2_100, None),
                2_600,
                (2_100, vec![(Step, 2_200), (Cooldown, 2_000), (Floor, 2_100)]),
                true,
                "a new floor lifts a price at rest at once, and no further",
            ),
            (
                soft.clone(),
                (2_500, None),
                2_600,
                (2_500, vec![(Step, 2_200), (Floor, 2_500)]),
                true,
                "beyond the step the rest makes no difference, and is not told",
            ),
            (soft, (1, Some(1_500)), 1_500, (1_500, vec![(Step, 1_800), (Ceiling, 1_500)]), false, "a new ceiling presses it"),
            (
                json!({ "cooldown_minutes": 60, "band_bp": 1_000 }),
                (1, Some(1_900)),
                1_000,
                (1_900, vec![(Cooldown, 2_000), (Ceiling, 1_900)]),
                true,
                "what rests is held inside, not what was proposed",
            ),
        ] {
            let (price, effects, next) = Chain::new(rails).within(floor, ceiling).told(proposed, Some(&before), NOON);
            assert_eq!((price, effects), expected, "{why}");
            assert_eq!(next.as_deref(), due.then_some("2026-05-04T12:30:00Z"), "{why}");
        }
        // Beyond the step without rest: as near as the floor allows.
        let stepped = Chain::new(json!({ "max_step": { "change_bp": 1_000, "per_minutes": 60 } })).within(2_500, None);
        assert_eq!(stepped.told(2_400, Some(&before), NOON), (2_500, vec![(Step, 2_200), (Floor, 2_500)], None));
    }

    /// The price stood at 20.00 since half past eleven; 21.00 is proposed.
    #[test]
    fn a_price_rests_after_a_change() {
        for (cooldown, now, expected, due, why) in [
            (60, "2026-05-04T12:29:59.999999Z", 2_000, Some("2026-05-04T12:30:00Z"), "a microsecond too early"),
            (60, "2026-05-04T12:30:00Z", 2_100, None, "an hour after"),
            (0, "2026-05-04T11:30:00Z", 2_100, None, "no rest at all"),
            (60, "2026-05-04T11:29:00Z", 2_000, Some("2026-05-04T12:29:00Z"), "by a clock behind the one that moved it"),
            (0, "2026-05-04T11:29:00Z", 2_100, None, "which prolongs nothing"),
        ] {
            let before = standing(2_000, "2026-05-04T11:30:00Z");
            let (price, effects, next) = Chain::new(json!({ "cooldown_minutes": cooldown })).told(2_100, Some(&before), now);
            assert_eq!((price, next.as_deref()), (expected, due), "{cooldown} minutes, at {now}: {why}");
            assert_eq!(effects, if expected == 2_000 { vec![(Cooldown, 2_000)] } else { vec![] }, "{why}");
        }
        let before = standing(2_000, "2026-05-04T11:30:00Z");
        let told = Chain::new(json!({ "cooldown_minutes": 60 })).told(2_000, Some(&before), NOON);
        assert_eq!(told, (2_000, vec![], None), "what would not change does not rest");
    }

    /// Two changes a day; the price stands at 20.00 and 21.00 is proposed.
    #[test]
    fn changes_are_counted_by_the_day_of_the_zone() {
        for (zone, changes, day, now, expected, due, why) in [
            ("UTC", 1, "2026-05-04", NOON, 2_100, None, "the second"),
            ("UTC", 2, "2026-05-04", NOON, 2_000, Some("2026-05-05T00:00:00Z"), "no third"),
            ("UTC", 3, "2026-05-04", NOON, 2_000, Some("2026-05-05T00:00:00Z"), "nor when overrides made more of them"),
            ("UTC", 9, "2026-05-03", NOON, 2_100, None, "yesterday's do not count"),
            ("Europe/Amsterdam", 2, "2026-05-04", "2026-05-04T21:59:59Z", 2_000, Some("2026-05-04T22:00:00Z"), "before midnight"),
            ("Europe/Amsterdam", 2, "2026-05-04", "2026-05-04T22:00:00Z", 2_100, None, "midnight in Amsterdam"),
            ("Europe/Amsterdam", 2, "2026-03-29", "2026-03-29T00:30:00Z", 2_000, Some("2026-03-29T22:00:00Z"), "23 hours"),
            ("Europe/Amsterdam", 2, "2026-10-25", "2026-10-25T00:30:00Z", 2_000, Some("2026-10-25T23:00:00Z"), "25 hours"),
            ("Africa/Cairo", 2, "2026-04-23", "2026-04-23T20:00:00Z", 2_000, Some("2026-04-23T22:00:00Z"), "no midnight: 01:00"),
        ] {
            let before = Standing { day: day.parse().unwrap(), changes, ..standing(2_000, "2026-01-01T00:00:00Z") };
            let chain = Chain { zone, ..Chain::new(json!({ "changes_per_day": 2 })) };
            let (price, effects, next) = chain.told(2_100, Some(&before), now);
            assert_eq!((price, next.as_deref()), (expected, due), "{changes} on {day}, at {now} in {zone}: {why}");
            assert_eq!(effects, if expected == 2_000 { vec![(ChangesPerDay, 2_000)] } else { vec![] }, "{why}");
        }
    }

    /// One change a day. Two machines, or one whose clock was put right, decide in turn on both sides of midnight.
    #[test]
    fn a_clock_behind_midnight_gives_no_second_change() {
        for (day, now, expected, due, why) in [
            ("2026-05-05", "2026-05-04T23:59:59.98Z", 2_000, Some("2026-05-06T00:00:00Z"), "behind the one that moved it"),
            ("2026-05-05", "2026-05-05T00:00:00Z", 2_000, Some("2026-05-06T00:00:00Z"), "level with it"),
            ("2026-05-06", "2026-05-04T23:59:59.98Z", 2_100, None, "days ahead was a defect, and holds nothing"),
        ] {
            let before = Standing { day: day.parse().unwrap(), ..standing(2_000, "2026-01-01T00:00:00Z") };
            let (price, _, next) = Chain::new(json!({ "changes_per_day": 1 })).told(2_100, Some(&before), now);
            assert_eq!((price, next.as_deref()), (expected, due), "{day}, at {now}: {why}");
        }
    }

    /// A minute past midnight the clock went back to 23:01 (St John's, until 2011).
    #[test]
    fn a_midnight_that_comes_twice_is_due_twice() {
        for (now, due, why) in [
            ("2010-11-07T02:29:00Z", "2010-11-07T02:30:00Z", "before the first"),
            ("2010-11-07T02:45:00Z", "2010-11-07T03:30:00Z", "between the two"),
        ] {
            let before = Standing { day: "2010-11-06".parse().unwrap(), ..standing(2_000, "2010-01-01T00:00:00Z") };
            let chain = Chain { zone: "America/St_Johns", ..Chain::new(json!({ "changes_per_day": 1 })) };
            let (price, _, next) = chain.told(2_100, Some(&before), now);
            assert_eq!((price, next.as_deref()), (2_000, Some(due)), "{why}");
        }
    }

    #[test]
    fn soft_guardrails_come_in_their_order_and_the_first_to_end_is_due() {
        let step = json!({ "change_bp": 1_000, "per_minutes": 45 });
        let before = Standing { changes: 5, ..standing(2_000, "2026-05-04T11:30:00Z") };
        let (midnight, half_past) = ("2026-05-05T00:00:00Z", "2026-05-04T12:30:00Z");
        for (rails, proposed, effects, due, why) in [
            (
                json!({ "max_step": step, "cooldown_minutes": 60, "changes_per_day": 5 }),
                2_500,
                vec![(Step, 2_200), (Cooldown, 2_000)],
                half_past,
                "a step that starts anew from where it started frees nothing, so only the rest counts",
            ),
            (
                json!({ "max_step": step, "changes_per_day": 5 }),
                2_500,
                vec![(Step, 2_200), (ChangesPerDay, 2_000)],
                midnight,
                "without a rest the day",
            ),
            (json!({ "cooldown_minutes": 1, "changes_per_day": 5 }), 2_100, vec![(ChangesPerDay, 2_000)], midnight, "rested"),
        ] {
            let told = Chain::new(rails).told(proposed, Some(&before), NOON);
            assert_eq!(told, (2_000, effects, Some(due.to_owned())), "{why}");
        }
    }
}
