use jiff::{SignedDuration, Timestamp};
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::Serialize;

/// One step of a SKU's price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceChange {
    /// What it became; `None` when it was withdrawn.
    pub price: Option<Money>,
    /// When.
    pub since: Timestamp,
}

/// The lowest price that a reduction must be announced with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Lowest {
    /// The lowest price that was in force in the window; `None` when none was.
    pub lowest: Option<Money>,
    /// Since when that price was in force: it may be before the window opens.
    pub since: Option<Timestamp>,
    /// Until when it was; `None` while it still is.
    pub until: Option<Timestamp>,
    /// What was looked at.
    pub window: Window,
    /// The reduction that is on; `None` when the price is not a reduced one.
    pub reduction: Option<Reduction>,
    /// The history reaches back to the opening of the window. False for a SKU that is younger than the window.
    pub covers_window: bool,
    /// Older history could not change the answer.
    #[serde(skip)]
    pub settled: bool,
}

/// The days that were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Window {
    /// Its first instant.
    pub from: Timestamp,
    /// The instant after its last.
    pub to: Timestamp,
}

/// A reduction that is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reduction {
    /// When it began.
    pub since: Timestamp,
    /// What the price was just before.
    pub from_price: Money,
    /// What it is now.
    pub price: Money,
}

/// Works out the lowest price of the `days` before the reduction that is on at `now`. `changes` come newest first;
/// `None` when there is no price now.
///
/// The rule is that of Directive 98/6/EC, article 6a (as of 2019/2161): a reduction is announced with the "prior price",
/// the lowest of at least the 30 days before it is applied, and it is worked out from that price (CJEU C-330/23, Aldi
/// Süd). So:
///
/// - A reduction is on when the last change of the price lowered it. It began at that change or, with `progressive`
///   (article 6a (5): a reduction that grows without interruption), at the first of the unbroken run of changes that
///   each lowered the price. Being withdrawn for a while does not break the run.
/// - The window is the `days` before that beginning. The price in force when it opens counts, whenever it was set; the
///   reduced price itself does not. A price that ended in the very instant at which the window opens does not.
/// - When the last change raised the price, or there was none, no reduction is on: then the window is the `days` to
///   `now` and the present price counts.
/// - A day is 24 hours. Prices in another currency than today's are not compared: history begins after them.
pub fn lowest_price(changes: &[PriceChange], now: Timestamp, days: u16, progressive: bool) -> Option<Lowest> {
    let current = changes.first()?.price?;
    let foreign = changes.iter().position(|change| change.price.is_some_and(|price| price.currency != current.currency));
    let changes = &changes[..foreign.unwrap_or(changes.len())];

    // What the price was, and when it became that; a withdrawal in between changes neither.
    let mut prices: Vec<(Money, Timestamp)> = Vec::new();
    for (price, since) in changes.iter().filter_map(|change| Some((change.price?, change.since))) {
        match prices.last_mut() {
            Some((newer, began)) if *newer == price => *began = since,
            _ => prices.push((price, since)),
        }
    }
    let falls = prices.windows(2).take_while(|pair| pair[1].0.minor > pair[0].0.minor).count();
    let steps = if progressive { falls } else { falls.min(1) };
    let reduction = (steps > 0).then(|| Reduction { since: prices[steps - 1].1, from_price: prices[steps].0, price: current });
    let run_is_known = foreign.is_some() || prices.len() > steps + usize::from(progressive || steps == 0);
    Some(within(changes, now, days, reduction, run_is_known))
}

fn within(changes: &[PriceChange], now: Timestamp, days: u16, reduction: Option<Reduction>, settled: bool) -> Lowest {
    let to = reduction.map_or(now, |reduction| reduction.since);
    let from = to.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN);
    let mut best: Option<(Money, Timestamp, Option<Timestamp>)> = None;
    let mut until = None;
    for change in changes {
        let in_force = (change.since < to || reduction.is_none()) && until.is_none_or(|until| until > from);
        if let Some(price) = change.price
            && in_force
            && best.is_none_or(|(lowest, ..)| price.minor < lowest.minor)
        {
            best = Some((price, change.since, until));
        }
        until = Some(change.since);
    }
    let covers_window = until.is_some_and(|oldest| oldest <= from);
    Lowest {
        lowest: best.map(|(price, ..)| price),
        since: best.map(|(_, since, _)| since),
        until: best.and_then(|(_, _, until)| until),
        window: Window { from, to },
        reduction,
        covers_window,
        settled: settled && covers_window,
    }
}

#[cfg(test)]
mod tests {
    use pricestream_domain::Currency;

    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400).unwrap()
    }

    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::USD)
    }

    /// Oldest first, as people write it; a price of 0 is a withdrawal.
    fn changes(steps: &[(i64, i64)]) -> Vec<PriceChange> {
        let step = |&(at, minor): &(i64, i64)| PriceChange { price: (minor > 0).then(|| usd(minor)), since: day(at) };
        steps.iter().rev().map(step).collect()
    }

    /// Lowest price, day on which it came into force, day on which the reduction began, history reaches back.
    type Expected = (i64, i64, Option<i64>, bool);

    /// The rule, the steps of the price, today, whether a growing reduction is one, and what comes out.
    type Case<'a> = (&'a str, &'a [(i64, i64)], i64, bool, Expected);

    #[test]
    fn the_lowest_price_is_that_of_the_days_before_the_reduction() {
        let (all, last) = (true, false);
        let table: &[Case<'_>] = &[
            ("one reduction", &[(0, 100), (50, 80)], 60, all, (100, 0, Some(50), true)),
            ("the reduced price itself does not count", &[(0, 100), (50, 1)], 60, all, (100, 0, Some(50), true)),
            ("a dip within the window counts", &[(0, 100), (30, 70), (32, 100), (50, 80)], 60, all, (70, 30, Some(50), true)),
            ("a dip before the window does not", &[(0, 100), (5, 70), (8, 100), (50, 80)], 60, all, (100, 8, Some(50), true)),
            ("the price in force at the opening counts", &[(0, 70), (25, 100), (50, 80)], 60, all, (70, 0, Some(50), true)),
            ("one that ended in that instant does not", &[(0, 70), (20, 100), (50, 80)], 60, all, (100, 20, Some(50), true)),
            ("a younger SKU has the days it has", &[(40, 100), (50, 80)], 60, all, (100, 40, Some(50), false)),
            ("a growing reduction is one", &[(0, 100), (50, 90), (55, 80), (58, 70)], 60, all, (100, 0, Some(50), true)),
            ("or each for itself", &[(0, 100), (50, 90), (55, 80), (58, 70)], 60, last, (80, 55, Some(58), true)),
            ("a rise breaks it", &[(0, 100), (40, 90), (45, 95), (50, 80)], 60, all, (90, 40, Some(50), true)),
            ("a price set anew breaks nothing", &[(0, 100), (50, 90), (52, 90), (55, 80)], 60, all, (100, 0, Some(50), true)),
            ("nor does a withdrawal", &[(0, 100), (50, 90), (52, 0), (55, 80)], 60, all, (100, 0, Some(50), true)),
            ("withdrawn days have no price", &[(0, 70), (10, 0), (30, 100), (50, 80)], 60, all, (100, 30, Some(50), true)),
            ("after a rise there is none", &[(0, 100), (50, 80), (55, 90)], 60, all, (80, 50, None, true)),
            ("without a reduction today counts", &[(0, 90), (50, 100), (55, 95), (56, 99)], 60, all, (90, 0, None, true)),
            ("no change, no reduction", &[(0, 100)], 60, all, (100, 0, None, true)),
            ("a first price today", &[(60, 100)], 60, all, (100, 60, None, false)),
            ("a long reduction looks before its beginning", &[(0, 100), (50, 80)], 500, all, (100, 0, Some(50), true)),
        ];
        for (rule, steps, now, progressive, (minor, since, reduction, covers)) in table {
            let found = lowest_price(&changes(steps), day(*now), 30, *progressive).unwrap();
            assert_eq!(found.lowest, Some(usd(*minor)), "{rule}: {found:?}");
            assert_eq!(found.since, Some(day(*since)), "{rule}: {found:?}");
            assert_eq!(found.reduction.map(|reduction| reduction.since), reduction.map(day), "{rule}: {found:?}");
            assert_eq!(found.covers_window, *covers, "{rule}: {found:?}");
        }
    }

    #[test]
    fn a_withdrawn_or_absent_price_has_no_lowest() {
        assert_eq!(lowest_price(&[], day(1), 30, true), None);
        assert_eq!(lowest_price(&changes(&[(0, 100), (5, 0)]), day(6), 30, true), None);
    }

    #[test]
    fn prices_of_another_currency_are_not_compared() {
        let mut steps = changes(&[(0, 10), (40, 100), (50, 80)]);
        steps[2].price = Some(Money::new(10, Currency::EUR));
        let found = lowest_price(&steps, day(60), 30, true).unwrap();
        assert_eq!((found.lowest, found.covers_window), (Some(usd(100)), false));
    }

    #[test]
    fn more_history_never_changes_a_settled_answer() {
        // Every sequence of 7 prices out of 3, one a week: whatever is settled early is the same in the end.
        for code in 0..3_u32.pow(7) {
            let steps: Vec<(i64, i64)> =
                (0..7).map(|week| (week * 7, 100 + i64::from(code / 3_u32.pow(u32::try_from(week).unwrap()) % 3))).collect();
            let steps = changes(&steps);
            for (days, progressive) in [(14, true), (14, false)] {
                let whole = lowest_price(&steps, day(45), days, progressive).unwrap();
                for known in 1..=steps.len() {
                    let early = lowest_price(&steps[..known], day(45), days, progressive).unwrap();
                    if early.settled {
                        let same = (early.lowest, early.window, early.reduction) == (whole.lowest, whole.window, whole.reduction);
                        assert!(same, "{known} of {steps:?}: {early:?} {whole:?}");
                    }
                }
            }
        }
    }
}
