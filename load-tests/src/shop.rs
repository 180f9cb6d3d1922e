//! What the driver knows of each SKU: which changes it sent, and which of them a shopper has seen.
//!
//! Every unit less moves the price by a tenth of a percent, so that a price tells which stock it was made of: of a full hundred at
//! 100.00, 99 left cost 100.10, and one left 109.90. When one is left the next change brings a hundred back.

use std::collections::VecDeque;
use std::time::Instant;

use serde_json::{Value, json};

/// Units of a full shelf.
pub(crate) const FULL: u64 = 100;

/// Minor units of the list price.
pub(crate) const LIST: i64 = 10_000;

/// The price of a SKU with so many units left.
pub(crate) fn price(on_hand: u64) -> i64 {
    LIST + LIST / 1_000 * i64::try_from(FULL - on_hand.min(FULL)).unwrap_or(0)
}

/// The strategies document that prices so.
pub(crate) fn strategies() -> String {
    let tiers: Vec<Value> =
        (1..FULL).map(|left| json!({ "at_most_bp": left * 10_000 / FULL, "change_bp": (FULL - left) * 10 })).collect();
    json!({
        "version": 1,
        "strategies": { "a-tenth-a-unit": { "kind": "stock_tiers", "tiers": tiers } },
        "default": { "strategy": "a-tenth-a-unit", "floor_percent_of_list": 50 },
    })
    .to_string()
}

/// A change that was sent and was not seen yet.
#[derive(Clone, Copy, Debug)]
struct Sent {
    price: i64,
    at: Instant,
}

/// One SKU.
#[derive(Debug)]
pub(crate) struct Shelf {
    /// Its key.
    pub sku: String,
    seq: u64,
    on_hand: u64,
    sent: VecDeque<Sent>,
}

impl Shelf {
    /// Nothing known of it.
    pub(crate) fn new(sku: String) -> Self {
        Self { sku, seq: 0, on_hand: 0, sent: VecDeque::new() }
    }

    /// The next change as the shop's system posts it; `at` is when it is meant to arrive.
    pub(crate) fn change(&mut self, at: Instant, restock: bool) -> String {
        let refill = restock || self.on_hand <= 1;
        let before = self.expected();
        self.on_hand = if refill { FULL } else { self.on_hand - 1 };
        self.seq += 1;
        let price = price(self.on_hand);
        // What moves no price is seen by nobody; the first is there before the load begins.
        if before.is_some_and(|before| before != price) {
            self.sent.push_back(Sent { price, at });
        }
        json!({
            "sku": self.sku, "on_hand": self.on_hand, "source_seq": self.seq, "occurred_at": jiff::Timestamp::now(),
            "cause": if refill { "restock" } else { "sale" },
        })
        .to_string()
    }

    /// A price that a shopper sees at `now`: how old each change is that it shows for the first time, in nanoseconds. Of equal prices the
    /// earliest is meant, so that no change is taken to be seen before it was.
    pub(crate) fn seen(&mut self, price: i64, now: Instant, mut aged: impl FnMut(Instant, u64)) {
        let Some(place) = self.sent.iter().position(|sent| sent.price == price) else { return };
        for sent in self.sent.drain(..=place) {
            let nanos = now.saturating_duration_since(sent.at).as_nanos();
            aged(sent.at, u64::try_from(nanos).unwrap_or(u64::MAX));
        }
    }

    /// Changes that nobody has seen yet.
    pub(crate) fn unseen(&self) -> usize {
        self.sent.len()
    }

    /// The price that it must have in the end; `None` before its first change.
    pub(crate) fn expected(&self) -> Option<i64> {
        (self.seq > 0).then(|| price(self.on_hand))
    }

    /// Changes sent.
    pub(crate) fn changes(&self) -> u64 {
        self.seq
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_price_tells_which_changes_it_shows() {
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let mut shelf = Shelf::new("A".into());
        shelf.change(at(0), false);
        assert_eq!((shelf.unseen(), shelf.expected()), (0, Some(10_000)), "the first is there before the load begins");
        for millis in [10, 20, 30] {
            shelf.change(at(millis), false);
        }
        let mut ages = Vec::new();
        // Two changes are priced in one go.
        shelf.seen(price(98), at(50), |_, age| ages.push(age / 1_000_000));
        assert_eq!((ages.as_slice(), shelf.unseen()), (&[40, 30][..], 1));
        shelf.seen(price(50), at(60), |_, _| unreachable!("nobody sent that"));
        assert_eq!(shelf.expected(), Some(price(97)));
    }

    #[test]
    fn what_moves_no_price_is_not_waited_for() {
        let mut shelf = Shelf::new("A".into());
        shelf.change(Instant::now(), true);
        shelf.change(Instant::now(), true);
        assert_eq!(shelf.unseen(), 0, "it was full");
        shelf.change(Instant::now(), false);
        shelf.change(Instant::now(), true);
        assert_eq!(shelf.unseen(), 2);
    }

    #[test]
    fn a_shelf_is_refilled_and_each_unit_has_its_price() {
        let mut shelf = Shelf::new("A".into());
        let mut prices = Vec::new();
        for _ in 0..=100 {
            shelf.change(Instant::now(), false);
            prices.push(shelf.expected().unwrap());
        }
        assert_eq!((prices[0], prices[1], prices[99], prices[100]), (10_000, 10_010, 10_990, 10_000));
    }
}
