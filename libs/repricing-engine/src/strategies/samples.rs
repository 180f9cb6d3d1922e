//! What the tables of the strategies share.

use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{Currency, FullLevel, Money, Stock, StockVersion};

use super::{Situation, Strategy};
use pricestream_documents::Zone;

pub(super) fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().expect("a sample is legal")
}

/// `on_hand` of `full`, restocked on a morning.
pub(super) fn stock(on_hand: u64, full: u64) -> Stock {
    let at = at("2026-05-04T06:00:00Z");
    Stock { on_hand, version: StockVersion(7), full: FullLevel { on_hand: full, at }, sold: 0, changed_at: None }
}

/// The price at some instant that does not matter, in minor units.
pub(super) fn price(strategy: &Strategy, list_price: Money, stock: Option<&Stock>) -> i64 {
    let zone = Zone::UTC;
    let situation = Situation::plain(at("2026-05-04T12:00:00Z"), list_price, stock, &zone);
    strategy.propose(&situation, None).price(list_price).expect("a sample is small").minor
}

/// The price of 20.00 USD at `from`, and at each instant that is due after it, up to `most`. One microsecond before an
/// instant that is due the price is still the one before.
pub(super) fn walk(strategy: &Strategy, stock: Option<&Stock>, zone: &str, from: &str, most: usize) -> Vec<(String, i64)> {
    let (list_price, zone) = (usd(2_000), Zone::named(zone).expect("a sample is legal"));
    let propose = |now| {
        let proposal = strategy.propose(&Situation::plain(now, list_price, stock, &zone), None);
        (proposal.price(list_price).expect("a sample is small").minor, proposal.next_due)
    };
    let mut walked = Vec::new();
    let mut next = Some(at(from));
    while let Some(now) = next.filter(|_| walked.len() < most) {
        let (price, due) = propose(now);
        walked.push((now.to_string(), price));
        if let Some(due) = due {
            assert!(due > now, "what is due lies ahead: {due} at {now}");
            let (just_before, still_due) = propose(due - SignedDuration::from_micros(1));
            assert_eq!((just_before, still_due), (price, Some(due)), "a microsecond before {due}");
        }
        next = due;
    }
    walked
}

/// For comparing with what was [walked](walk).
pub(super) fn steps(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
    expected.iter().map(|(at, price)| ((*at).to_owned(), *price)).collect()
}
