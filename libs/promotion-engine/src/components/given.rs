use super::{Off, Shelf};
use crate::document::condition::Basis;
use crate::rounding::Rounding;

/// A unit that a component may work on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    /// Its place in the basket.
    pub(crate) number: u32,
    /// Its line's place, by the lines' ids.
    pub(crate) line: u16,
    /// Which of the promotion's sets of items it belongs to: bit 0 is `items`, the component's own follow.
    pub(crate) sets: u16,
    /// The price to work from, by the promotion's stack base.
    pub(crate) price: i64,
    /// What may be taken off it at most.
    pub(crate) room: i64,
}

/// What a component is given to work on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<'a> {
    /// Lines in the order of their ids, the units of a line together.
    pub(crate) units: &'a [Unit],
    /// How shares are rounded.
    pub(crate) rounding: Rounding,
    /// What postage costs, by the promotion's stack base; `None` while nobody knows.
    pub(crate) postage: Option<i64>,
    /// What may be taken off the postage at most.
    pub(crate) postage_room: i64,
    /// What the customer wants to pay with besides money.
    pub(crate) wallet: Wallet<'a>,
    /// What gifts are taken from.
    pub(crate) shelf: Shelf<'a>,
    /// Prices of all units of the basket, by their places: now, ...
    pub(crate) running: &'a [i64],
    /// ... before promotions, ...
    pub(crate) original: &'a [i64],
    /// ... and as the merchant set them.
    pub(crate) list: &'a [i64],
}

/// What a customer wants to pay with besides money, as far as nothing has used it yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wallet<'a> {
    /// What is left in each red packet.
    pub(crate) packets: &'a [i64],
    /// Points.
    pub(crate) points: u64,
}

impl<'a> Given<'a> {
    /// The units of each line.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &'a [Unit]> + use<'a> {
        self.units.chunk_by(|one, other| one.line == other.line)
    }

    /// What the units cost together, at the price to work from.
    pub(crate) fn total(&self) -> i64 {
        self.units.iter().map(|unit| unit.price).sum()
    }

    /// What the units cost together by `basis`.
    pub(crate) fn spent(&self, basis: Basis) -> i64 {
        let prices = match basis {
            Basis::Running => self.running,
            Basis::Original => self.original,
            Basis::List => self.list,
        };
        self.units.iter().map(|unit| prices[unit.number as usize]).sum()
    }

    /// The cheapest unit of one of these sets, before promotions; `None`: there is none.
    pub(crate) fn cheapest(&self, sets: u16) -> Option<i64> {
        let of_sets = self.units.iter().filter(|unit| unit.sets & sets != 0);
        of_sets.map(|unit| self.original[unit.number as usize]).min()
    }

    /// All places in `units`.
    pub(crate) fn places(&self) -> Vec<u32> {
        (0..u32::try_from(self.units.len()).expect("a basket is small")).collect()
    }

    /// The price of a unit that `off` is worked out from. Where it says what is left to pay, that is what the unit costs now,
    /// whatever the stack base: what is cheaper already stays so.
    pub(crate) fn price_for(&self, off: Off, place: u32) -> i64 {
        let unit = self.units[place as usize];
        match off {
            Off::PercentBp(_) | Off::Amount(_) => unit.price,
            Off::Price(_) | Off::Free => self.running[unit.number as usize],
        }
    }

    /// Places in `units`, the dearest first, of equal price the earlier.
    pub(crate) fn dearest_first(&self) -> Vec<u32> {
        let mut places = self.places();
        places.sort_by_key(|place| std::cmp::Reverse(self.units[*place as usize].price));
        places
    }
}
