use std::cmp::Reverse;

use pricestream_domain::BasisPoints;

use super::given::{Given, Unit};
use super::odd_cents;
use super::step_count::StepCount;
use super::{Gifts, Off};
use crate::document::policies::OddCents;
use crate::rounding::Level;

/// What a component would take off. Nothing is taken below a unit's room, and what does not fit is shared again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    /// By place in the units given.
    pub(crate) off: Vec<i64>,
    /// Units that are used up by it, by place in the units given.
    pub(crate) used: Vec<u32>,
    /// Off the postage.
    pub(crate) postage: i64,
    /// Out of which red packet how much, by their places.
    pub(crate) packets: Vec<(u16, i64)>,
    /// Points that it spends.
    pub(crate) points: u64,
    /// What it gives for nothing, or would if somebody chose.
    pub(crate) gifts: Option<Box<Gifts>>,
    /// Wanted, and not taken for want of room; at most what 64 bits hold.
    pub(crate) unfit: i64,
    /// Where the cents go that do not divide.
    odd_cents: OddCents,
    /// What it takes to work it out; a draft that has passed its budget is thrown away, whatever it says.
    pub(crate) steps: StepCount,
    /// Scratch: for lines, ...
    lines: Shares,
    /// ... and for units.
    single: Shares,
}

/// Those that a total is shared to.
#[derive(Clone, Debug, Default)]
struct Shares {
    of: Vec<Share>,
    /// Scratch: remainders and places of those that may take a cent more.
    order: Vec<(u64, u32)>,
}

/// One that a total is shared to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    /// Place in the units given; the first of a line, when a line shares.
    place: u32,
    /// Units that it stands for.
    units: u32,
    pub(super) weight: i64,
    pub(super) cap: i64,
    pub(super) quota: i64,
    /// Of what is shared this time round, in whole cents, ...
    part: i64,
    /// ... and what remains.
    remainder: u64,
}

impl Share {
    fn of(place: u32, units: u32, weight: i64, cap: i64) -> Self {
        Self { place, units, weight, cap, quota: 0, part: 0, remainder: 0 }
    }

    /// Whether it may take more.
    pub(super) fn is_open(&self) -> bool {
        self.weight > 0 && self.quota < self.cap
    }
}

impl Draft {
    /// One that gives the cents that do not divide to whom the policy says.
    pub(crate) fn with(odd_cents: OddCents) -> Self {
        Self { odd_cents, ..Self::default() }
    }

    /// Makes it fit for `units` units; steps go on being counted.
    pub(crate) fn begin(&mut self, units: usize) {
        self.off.clear();
        self.off.resize(units, 0);
        self.used.clear();
        self.packets.clear();
        self.points = 0;
        self.postage = 0;
        self.unfit = 0;
        self.gifts = None;
    }

    /// Everything that it takes off.
    pub(crate) fn total(&self) -> i64 {
        self.off.iter().sum::<i64>() + self.postage
    }

    /// Gives of what was taken so far no more than `most`: by largest remainder, of equal remainders the earlier; the postage
    /// last.
    pub(crate) fn reduce_to(&mut self, most: i64) {
        let share_of = |(place, off): (u32, &i64)| Share::of(place, 1, *off, *off);
        let mut shares = Shares::of((0..).zip(&self.off).map(share_of));
        self.postage = shares.share(most, self.odd_cents, &mut StepCount::default()).min(self.postage);
        for Share { place, quota, .. } in shares.of {
            self.off[place as usize] = quota;
        }
    }

    /// Takes `amount` off one unit, or as much of it as it has room for.
    pub(crate) fn take(&mut self, given: &Given<'_>, place: u32, amount: i64) {
        let place = place as usize;
        let fit = amount.clamp(0, given.units[place].room - self.off[place]);
        self.unfit = self.unfit.saturating_add(amount - fit);
        self.off[place] += fit;
    }

    /// Takes `amount` off the postage, or as much of it as there is.
    pub(crate) fn take_postage(&mut self, given: &Given<'_>, amount: i64) {
        let fit = amount.clamp(0, given.postage_room - self.postage);
        self.unfit = self.unfit.saturating_add(amount - fit);
        self.postage += fit;
    }

    /// Takes `off` off each of some units, a share rounded for each by itself. Gives what it took.
    pub(crate) fn take_each(&mut self, given: &Given<'_>, places: &[u32], off: Off) -> i64 {
        let unfit = self.unfit;
        let mut wanted = 0;
        for place in places {
            let amount = off.of(given.price_for(off, *place), given.rounding);
            self.take(given, *place, amount);
            wanted += amount;
        }
        wanted - (self.unfit - unfit)
    }

    /// Takes `off` off each of some units, which are in rising order; a share rounded as the promotion's policy says, on the
    /// sums of these units.
    pub(crate) fn take_alike(&mut self, given: &Given<'_>, places: &[u32], off: Off) {
        let Off::PercentBp(rate) = off else {
            self.take_each(given, places, off);
            return;
        };
        if places.len() == given.units.len() {
            return self.percent(given, rate);
        }
        let unit = |place: u32| given.units[place as usize];
        let discount = |of: &[u32]| given.rounding.discount(of.iter().map(|place| unit(*place).price).sum(), rate.get());
        match given.rounding.level {
            Level::Unit => {
                self.take_each(given, places, off);
            }
            Level::Line => {
                for of_line in places.chunk_by(|one, other| unit(*one).line == unit(*other).line) {
                    self.spread_among(given, of_line.iter().copied(), discount(of_line));
                }
            }
            Level::Order => self.spread_among(given, places.iter().copied(), discount(places)),
        }
    }

    /// Takes `rate` off every unit given, rounded as the promotion's policy says.
    pub(crate) fn percent(&mut self, given: &Given<'_>, rate: BasisPoints) {
        let rate = rate.get();
        match given.rounding.level {
            Level::Unit => {
                for (place, unit) in (0..).zip(given.units) {
                    self.take(given, place, given.rounding.discount(unit.price, rate));
                }
            }
            Level::Line => {
                let mut first = 0;
                for line in given.lines() {
                    let total = line.iter().map(|unit| unit.price).sum();
                    self.spread_in_line(given, first, line, given.rounding.discount(total, rate));
                    first += u32::try_from(line.len()).expect("a basket is small");
                }
            }
            Level::Order => self.spread_by_lines(given, given.rounding.discount(given.total(), rate), false),
        }
    }

    /// The same off all units given together, `cap` at most: what some of them have no room for is shared among the others.
    pub(crate) fn percent_together(&mut self, given: &Given<'_>, rate: BasisPoints, cap: Option<i64>) {
        let unfit = self.unfit;
        self.percent(given, rate);
        let beyond = self.unfit - unfit;
        let wanted = self.total().saturating_add(beyond);
        match cap.filter(|cap| wanted > *cap) {
            Some(cap) => {
                self.begin(given.units.len());
                self.spread(given, cap);
            }
            None if beyond > 0 => {
                self.unfit = unfit;
                self.spread(given, beyond);
            }
            None => {}
        }
    }

    /// Shares `total` among the units given in proportion to their prices: first among the lines, then within each, by largest
    /// remainder, of equal remainders the earlier.
    pub(crate) fn spread(&mut self, given: &Given<'_>, total: i64) {
        self.spread_by_lines(given, total, true);
    }

    /// `again`: what a line has no room for is shared among the others.
    fn spread_by_lines(&mut self, given: &Given<'_>, total: i64, again: bool) {
        let mut shares = std::mem::take(&mut self.lines);
        shares.of.clear();
        let mut place = 0;
        for line in given.lines() {
            let units = u32::try_from(line.len()).expect("a basket is small");
            let weight = line.iter().map(|unit| unit.price).sum();
            let room = || line.iter().zip(&self.off[place as usize..]).map(|(unit, off)| unit.room - off).sum();
            let cap = if again { room() } else { i64::MAX };
            shares.of.push(Share::of(place, units, weight, cap));
            place += units;
        }
        self.unfit = self.unfit.saturating_add(shares.share(total, self.odd_cents, &mut self.steps));
        for Share { place, units, quota, .. } in shares.of.iter().copied() {
            let line = &given.units[place as usize..(place + units) as usize];
            self.spread_in_line(given, place, line, quota);
        }
        self.lines = shares;
    }

    /// Shares `total` between the units given, all together, and the postage, in proportion to what they cost; what one of them
    /// has no room for goes to the other. By largest remainder, of equal remainders to the units; then among them.
    pub(crate) fn spread_with_postage(&mut self, given: &Given<'_>, total: i64) {
        let share_with = |weight, cap| Share::of(0, 0, weight, cap);
        let room = |(unit, off): (&Unit, &i64)| if unit.price > 0 { unit.room - off } else { 0 };
        let goods = share_with(given.total(), given.units.iter().zip(&self.off).map(room).sum());
        let postage = share_with(given.postage.unwrap_or(0), given.postage_room - self.postage);
        let mut shares = Shares::of([goods, postage].into_iter());
        self.unfit = self.unfit.saturating_add(shares.share(total, self.odd_cents, &mut self.steps));
        self.postage += shares.of[1].quota;
        self.spread(given, shares.of[0].quota);
    }

    /// Shares `total` among some of the units given.
    pub(crate) fn spread_among(&mut self, given: &Given<'_>, places: impl IntoIterator<Item = u32>, total: i64) {
        let mut shares = std::mem::take(&mut self.single);
        shares.of.clear();
        shares.of.extend(places.into_iter().map(|place| self.share_of(given, place)));
        self.unfit = self.unfit.saturating_add(shares.share(total, self.odd_cents, &mut self.steps));
        for Share { place, quota, .. } in &shares.of {
            self.off[*place as usize] += quota;
        }
        self.single = shares;
    }

    fn share_of(&self, given: &Given<'_>, place: u32) -> Share {
        let unit = given.units[place as usize];
        Share::of(place, 1, unit.price, unit.room - self.off[place as usize])
    }

    fn spread_in_line(&mut self, given: &Given<'_>, first: u32, line: &[Unit], total: i64) {
        if total == 0 {
            return;
        }
        let off = &mut self.off[first as usize..first as usize + line.len()];
        let units = i64::try_from(line.len()).expect("a basket is small");
        let (each, more) = (total / units, total % units);
        let price = line[0].price;
        let plain = |(unit, off): (&Unit, &i64)| unit.price == price && unit.room - off > each;
        if price > 0 && line.iter().zip(&*off).all(plain) {
            for (off, place) in off.iter_mut().zip(0..) {
                *off += each + i64::from(place < more);
            }
            return;
        }
        self.spread_among(given, (first..).take(line.len()), total);
    }
}

impl Shares {
    fn of(shares: impl Iterator<Item = Share>) -> Self {
        Self { of: shares.collect(), order: Vec::new() }
    }

    /// Shares `total` in proportion to the weights, none above its cap; gives what does not fit. A zero weight gets nothing; of
    /// equal remainders the earlier goes first. Each time round looks at all of them, and there may be as many times as there are
    /// caps.
    fn share(&mut self, total: i64, odd: OddCents, steps: &mut StepCount) -> i64 {
        let Self { of: shares, order } = self;
        let mut left = total;
        let open = Share::is_open;
        while left > 0 && steps.count(shares.len()) {
            let weights: i64 = shares.iter().filter(|share| open(share)).map(|share| share.weight).sum();
            if weights == 0 {
                return left;
            }
            let part = left;
            let mut over = false;
            for share in shares.iter_mut().filter(|share| open(share)) {
                (share.part, share.remainder) = quota_of(part, share.weight, weights);
                if share.part > share.cap - share.quota {
                    // It is full, and the others share what is left anew.
                    left -= share.cap - share.quota;
                    share.quota = share.cap;
                    over = true;
                }
            }
            if over {
                continue;
            }
            if odd != OddCents::LargestRemainder {
                left -= odd_cents::give(shares, odd, part, weights);
                continue;
            }
            order.clear();
            for (at, share) in (0..).zip(&mut *shares).filter(|(_, share)| open(share)) {
                share.quota += share.part;
                left -= share.part;
                if share.is_open() {
                    order.push((share.remainder, at));
                }
            }
            // Fewer are left than share: each takes one more at most, those of the largest remainders.
            let number = usize::try_from(left).expect("fewer are left than share");
            if (1..order.len()).contains(&number) {
                order.select_nth_unstable_by_key(number, |(remainder, at)| (Reverse(*remainder), *at));
            }
            for (_, at) in order.iter().take(number) {
                shares[*at as usize].quota += 1;
                left -= 1;
            }
        }
        left
    }
}

/// `part * weight / weights` and what remains.
fn quota_of(part: i64, weight: i64, weights: i64) -> (i64, u64) {
    if let Some(exact) = part.checked_mul(weight) {
        return (exact / weights, (exact % weights).unsigned_abs());
    }
    let exact = i128::from(part) * i128::from(weight);
    let within = "a share is at most the total";
    (i64::try_from(exact / i128::from(weights)).expect(within), u64::try_from(exact % i128::from(weights)).expect(within))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shared(total: i64, of: &[(i64, i64)], odd: OddCents) -> (Vec<i64>, i64) {
        let share_of = |(weight, cap): &(i64, i64)| Share::of(0, 1, *weight, *cap);
        let mut shares = Shares::of(of.iter().map(share_of));
        let unfit = shares.share(total, odd, &mut StepCount::default());
        (shares.of.iter().map(|share| share.quota).collect(), unfit)
    }

    #[test]
    fn what_does_not_fit_is_shared_again() {
        for (total, of, expected, unfit) in [
            (100, &[(1, 100), (1, 100), (1, 100)][..], &[34, 33, 33][..], 0),
            (100, &[(1, 10), (1, 100), (1, 100)], &[10, 45, 45], 0),
            (100, &[(1, 10), (1, 20), (1, 100)], &[10, 20, 70], 0),
            (100, &[(1, 10), (1, 20)], &[10, 20], 70),
            (10, &[(0, 10), (3, 10), (1, 10)], &[0, 8, 2], 0),
            (5, &[(0, 10)], &[0], 5),
        ] {
            assert_eq!(shared(total, of, OddCents::default()), (expected.to_vec(), unfit), "{total} by {of:?}");
        }
    }

    #[test]
    fn sharing_stops_where_the_steps_end() {
        // Each time round one more is full.
        let of: Vec<(i64, i64)> = (1..=100).map(|cap| (1, cap * 1_000)).collect();
        let share_of = |(weight, cap): &(i64, i64)| Share::of(0, 1, *weight, *cap);
        let taken = |most: u64| {
            let mut steps = StepCount { taken: 0, most };
            Shares::of(of.iter().map(share_of)).share(5_000_000, OddCents::LargestRemainder, &mut steps);
            (steps.taken, steps.passed())
        };
        let (whole, _) = taken(u64::MAX);
        assert!(whole > 300, "{whole}");
        assert_eq!(taken(whole), (whole, false));
        assert_eq!(taken(150), (200, true), "it is told after the time round that passes it");
    }

    proptest! {
        #[test]
        fn a_shared_total_is_conserved_and_no_cap_is_passed(
            total in 0..1_000_000_i64,
            of in prop::collection::vec((0..10_000_i64, 0..50_000_i64), 1..20),
            odd in prop::sample::select(OddCents::ALL.to_vec()),
        ) {
            let (quotas, unfit) = shared(total, &of, odd);
            prop_assert_eq!(quotas.iter().sum::<i64>() + unfit, total);
            for (quota, (weight, cap)) in quotas.iter().zip(&of) {
                prop_assert!((0..=*cap).contains(quota));
                prop_assert!(*weight > 0 || *quota == 0, "a zero weight gets nothing");
            }
            let room: i64 = of.iter().filter(|(weight, _)| *weight > 0).map(|(_, cap)| cap).sum();
            prop_assert_eq!(unfit, (total - room).max(0), "only what has no room anywhere is left");
        }
    }
}
