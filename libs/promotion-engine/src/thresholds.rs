use std::collections::BTreeSet;

use crate::document::condition::{Basis, Condition};

/// How many units of one item, bought alone, it may take until a promotion gives something, or gives more.
#[derive(Debug)]
pub(crate) struct Thresholds {
    /// What a unit costs before promotions, ...
    original: i64,
    /// ... after those that one unit alone earns, ...
    running: i64,
    /// ... and as the merchant set it.
    list: i64,
    /// More than are looked at are not kept.
    found: BTreeSet<u32>,
    /// What must be spent at the prices that promotions leave.
    running_spends: BTreeSet<i64>,
}

impl Thresholds {
    /// The most units that are looked at.
    pub(crate) const MOST_UNITS: u32 = 100;

    pub(crate) fn new(original: i64, running: i64, list: i64) -> Self {
        Self { original, running, list, found: BTreeSet::new(), running_spends: BTreeSet::new() }
    }

    /// So many units.
    pub(crate) fn units(&mut self, units: u32) {
        if (2..=Self::MOST_UNITS).contains(&units) {
            self.found.insert(units);
        }
    }

    /// As many as cost `minor`. What a unit costs when a promotion's turn comes lies between its price before promotions and its
    /// price after them: either may be it.
    pub(crate) fn spend(&mut self, minor: i64, basis: Basis) {
        if basis == Basis::Running {
            self.running_spends.insert(minor);
        }
        let (one, other) = match basis {
            Basis::Running => (self.original, self.running),
            Basis::Original => (self.original, self.original),
            Basis::List => (self.list, self.list),
        };
        for price in [one, other].into_iter().filter(|price| *price > 0) {
            let units = minor / price + i64::from(minor % price > 0);
            self.units(u32::try_from(units).unwrap_or(u32::MAX));
        }
    }

    /// What a condition asks for.
    pub(crate) fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::All(conditions) | Condition::Any(conditions) => {
                for condition in conditions {
                    self.condition(condition);
                }
            }
            Condition::Not(condition) => self.condition(condition),
            Condition::Spend(spend) => self.spend(spend.at_least.minor, spend.basis),
            Condition::Quantity(quantity) => self.units(quantity.at_least),
            _ => {}
        }
    }

    /// In rising order.
    pub(crate) fn in_units(&self) -> impl Iterator<Item = u32> {
        self.found.iter().copied()
    }

    /// As many as reach each amount to spend when so many units cost `payable` together: what more units earn may leave less than
    /// one unit costs. In rising order.
    pub(crate) fn spent_at(&self, units: u32, payable: i64) -> impl Iterator<Item = u32> {
        let spends = self.running_spends.iter().filter(move |_| payable > 0);
        let needed =
            spends.map(move |minor| (i128::from(*minor) * i128::from(units) + i128::from(payable) - 1) / i128::from(payable));
        needed.filter_map(|units| u32::try_from(units).ok()).filter(|units| (2..=Self::MOST_UNITS).contains(units))
    }
}
