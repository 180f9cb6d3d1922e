//! Which of two effects takes more off, whatever they are given.

use crate::compile::Compiled;
use crate::components::{Counted, Effect, Off, OffEach, Per, QuantityTier, Steps, Tier, WorksOn};
use crate::document::condition::Basis;
use crate::rounding::Level;

/// Whether `one` takes at least as much off each line as `other` does, where both are given its units at the same prices. Both
/// work on lines.
pub(super) fn on_each_line(one: &Compiled, other: &Compiled) -> bool {
    if let (Effect::QuantityTiers(mine), Effect::QuantityTiers(theirs)) = (&one.document.effect, &other.document.effect) {
        return mine.per == Counted::Line
            && theirs.per == Counted::Line
            && same_prices(one, other)
            && quantity_tiers(one, other, &mine.tiers, &theirs.tiers);
    }
    let (Some(mine), Some(theirs)) = (each(one), each(other)) else { return false };
    let running = one.document.stack_base == Basis::Running;
    match (mine, theirs) {
        _ if takes_all(one) => true,
        (OffEach::Percent(mine), OffEach::Percent(theirs)) => {
            mine >= theirs && same_prices(one, other) && one.rounding == other.rounding && one.rounding.level != Level::Order
        }
        (OffEach::Amount(mine), OffEach::Amount(theirs)) => mine >= theirs && (running || same_prices(one, other)),
        (OffEach::Amount(mine), OffEach::AmountOfLine(theirs)) => mine >= theirs && running,
        (OffEach::AmountOfLine(mine), OffEach::AmountOfLine(theirs)) => mine >= theirs && same_prices(one, other),
        (OffEach::Price(mine), OffEach::Price(theirs)) => mine <= theirs,
        _ => false,
    }
}

/// Whether it takes something off every line of its items that has not reached its floor.
pub(super) fn takes_something(of: &Compiled) -> bool {
    let running = of.document.stack_base == Basis::Running;
    takes_all(of) || (running && matches!(each(of), Some(OffEach::Amount(_) | OffEach::AmountOfLine(_))))
}

/// Whether it takes something off every line of its items, but for prices so low that its share of them rounds to nothing.
pub(super) fn takes_a_share(of: &Compiled) -> bool {
    matches!(each(of), Some(OffEach::Percent(_)))
}

/// Whether `one` takes at least as much off the order as `other` does, where it is given at least the same units at the same
/// prices, and `same` says that they are just the same. Both work on the order, under the same component.
pub(super) fn on_the_order(one: &Compiled, other: &Compiled, same: bool) -> bool {
    if !same_prices(one, other) {
        return false;
    }
    match (&one.document.effect, &other.document.effect) {
        (Effect::Coupon(mine), Effect::Coupon(theirs)) => {
            let capped = mine.cap.is_none_or(|cap| theirs.cap.is_some_and(|theirs| cap.minor >= theirs.minor));
            capped && off(one, other, mine.off, theirs.off)
        }
        (Effect::AmountOff(mine), Effect::AmountOff(theirs)) => {
            (mine.per, theirs.per) == (Per::Order, Per::Order) && mine.amount.minor >= theirs.amount.minor
        }
        (Effect::PostageOff(mine), Effect::PostageOff(theirs)) => off(one, other, mine.off, theirs.off),
        (Effect::GoodsAndPostage(mine), Effect::GoodsAndPostage(theirs)) => off(one, other, mine.off, theirs.off),
        (Effect::OrderFixedPrice(mine), Effect::OrderFixedPrice(theirs)) => mine.price.minor <= theirs.price.minor,
        (Effect::SpendAndSave(mine), Effect::SpendAndSave(theirs)) if mine.basis == theirs.basis => {
            match (&mine.steps, &theirs.steps) {
                (Steps::Tiers(mine), Steps::Tiers(theirs)) => same && spend_tiers(one, other, mine, theirs),
                (Steps::EveryFull(mine), Steps::EveryFull(theirs)) => {
                    let times = mine.max_times.is_none_or(|times| theirs.max_times.is_some_and(|theirs| times >= theirs));
                    mine.spend == theirs.spend && mine.off.minor >= theirs.off.minor && times
                }
                _ => false,
            }
        }
        // Which gifts there are is up to the customer and the stock.
        (mine, theirs) => mine == theirs && mine.gifts().is_empty() && one.rounding == other.rounding && same,
    }
}

/// Whether `one` takes at least as much off as `other` does, off the same lines, and uses the same units up, where both are
/// given the same units at the same prices.
pub(super) fn on_the_same_units(one: &Compiled, other: &Compiled) -> bool {
    if !same_prices(one, other) {
        return false;
    }
    match (&one.document.effect, &other.document.effect) {
        (mine, theirs) if mine == theirs => one.rounding == other.rounding,
        (Effect::BuyXGetY(mine), Effect::BuyXGetY(theirs)) => {
            let alike = crate::components::BuyXGetY { off: mine.off, ..theirs.clone() };
            *mine == alike && off(one, other, mine.off, theirs.off)
        }
        (Effect::CheapestUnits(mine), Effect::CheapestUnits(theirs)) => {
            let alike = crate::components::CheapestUnits { off: mine.off, ..theirs.clone() };
            *mine == alike && off(one, other, mine.off, theirs.off)
        }
        _ => false,
    }
}

/// What an effect takes off each unit, if it works on lines.
fn each(of: &Compiled) -> Option<OffEach> {
    let effect = &of.document.effect;
    effect.foreseen().off_each().filter(|_| effect.works_on() == WorksOn::Lines)
}

/// Whether it takes all that there is off every line of its items.
fn takes_all(of: &Compiled) -> bool {
    match each(of) {
        Some(OffEach::Free | OffEach::Price(0)) => true,
        Some(OffEach::Percent(10_000)) => of.document.stack_base == Basis::Running,
        _ => false,
    }
}

fn same_prices(one: &Compiled, other: &Compiled) -> bool {
    one.document.stack_base == other.document.stack_base
}

/// Whether `mine` takes at least as much as `theirs`, of equal sums.
fn off(one: &Compiled, other: &Compiled, mine: Off, theirs: Off) -> bool {
    match (mine, theirs) {
        (Off::PercentBp(mine), Off::PercentBp(theirs)) => mine >= theirs && one.rounding == other.rounding,
        (Off::Amount(mine), Off::Amount(theirs)) => mine.minor >= theirs.minor,
        (Off::Price(mine), Off::Price(theirs)) => mine.minor <= theirs.minor,
        (Off::Free, Off::Free) => true,
        _ => false,
    }
}

/// Whether from each quantity on that reaches a tier of theirs, mine take at least as much.
fn quantity_tiers(one: &Compiled, other: &Compiled, mine: &[QuantityTier], theirs: &[QuantityTier]) -> bool {
    let reached = |tiers: &[QuantityTier], from: u32| tiers.iter().rev().find(|tier| from >= tier.from).map(|tier| tier.off);
    let mut steps = mine.iter().chain(theirs).map(|tier| tier.from);
    one.rounding.level != Level::Order
        && steps.all(|from| match (reached(mine, from), reached(theirs, from)) {
            (_, None) => true,
            (Some(mine), Some(theirs)) => off(one, other, mine, theirs),
            (None, Some(_)) => false,
        })
}

/// Whether from each sum on that reaches a tier of theirs, mine take at least as much.
fn spend_tiers(one: &Compiled, other: &Compiled, mine: &[Tier], theirs: &[Tier]) -> bool {
    let reached = |tiers: &[Tier], from: i64| tiers.iter().rev().find(|tier| from >= tier.from.minor).map(|tier| tier.off);
    let mut steps = mine.iter().chain(theirs).map(|tier| tier.from.minor);
    steps.all(|from| match (reached(mine, from), reached(theirs, from)) {
        (_, None) => true,
        (Some(mine), Some(theirs)) => off(one, other, mine, theirs),
        (None, Some(_)) => false,
    })
}
