//! Samples that the components' tests share.

use pricestream_documents::Reader;

use super::{Declined, Draft, Effect, Given, Shelf, Unit, Wallet};
use crate::rounding::Rounding;

/// Units of a sample, each its line and its price; they may be reduced to zero, and belong to the promotion's items.
pub(super) fn units(of: &[(u16, i64)]) -> Vec<Unit> {
    let unit = |(number, (line, price)): (u32, &(u16, i64))| Unit { number, line: *line, sets: 1, price: *price, room: *price };
    (0..).zip(of).map(unit).collect()
}

/// Units of a sample, each its line, its price and what may be taken off it.
pub(super) fn units_with_room(of: &[(u16, i64, i64)]) -> Vec<Unit> {
    let unit = |(number, (line, price, room)): (u32, &(u16, i64, i64))| Unit {
        number,
        line: *line,
        sets: 1,
        price: *price,
        room: *room,
    };
    (0..).zip(of).map(unit).collect()
}

/// What the effect written as `json` takes off each unit, and off a postage of 500; with the default rounding of baskets.
pub(super) fn draft_of(json: &str, units: &[Unit], rounding: Rounding) -> Result<Draft, Declined> {
    let prices: Vec<i64> = units.iter().map(|unit| unit.price).collect();
    let running = &prices;
    draft_given(
        json,
        &Given {
            units,
            rounding,
            postage: Some(500),
            postage_room: 500,
            wallet: Wallet { packets: &[200, 300], points: 1_000 },
            shelf: Shelf::default(),
            running,
            original: &prices,
            list: &prices,
        },
    )
}

/// What it takes off with this wallet.
pub(super) fn draft_with(json: &str, units: &[Unit], wallet: Wallet<'_>) -> Result<Draft, Declined> {
    let prices: &[i64] = &units.iter().map(|unit| unit.price).collect::<Vec<_>>();
    let rounding = Rounding::BASKET;
    let shelf = Shelf::default();
    draft_given(
        json,
        &Given {
            units,
            rounding,
            postage: None,
            postage_room: 0,
            wallet,
            shelf,
            running: prices,
            original: prices,
            list: prices,
        },
    )
}

/// What it takes off of all that is given.
pub(super) fn draft_given(json: &str, given: &Given<'_>) -> Result<Draft, Declined> {
    let effect: Effect = serde_json::from_str(json).unwrap();
    assert_eq!(problems_of(json), Vec::<String>::new(), "{json}");
    let mut draft = Draft::default();
    draft.begin(given.units.len());
    effect.apply(given, &mut draft).map(|()| draft)
}

/// What it takes off each unit where units have a floor, each its line, its price and its room; and what does not fit.
pub(super) fn off_with_room(json: &str, of: &[(u16, i64, i64)]) -> (Vec<i64>, i64) {
    let draft = draft_of(json, &units_with_room(of), Rounding::BASKET).unwrap();
    (draft.off, draft.unfit)
}

/// What it takes off each unit where the prices to work from are those before promotions, `of`, and `running` is what each costs
/// now.
pub(super) fn off_after(json: &str, of: &[(u16, i64)], running: &[i64]) -> Vec<i64> {
    let with_room: Vec<(u16, i64, i64)> = of.iter().zip(running).map(|((line, price), now)| (*line, *price, *now)).collect();
    let original: &[i64] = &of.iter().map(|(_, price)| *price).collect::<Vec<_>>();
    let (units, rounding) = (&units_with_room(&with_room), Rounding::BASKET);
    let (wallet, shelf) = (Wallet::default(), Shelf::default());
    let given = Given { units, rounding, postage: None, postage_room: 0, wallet, shelf, running, original, list: original };
    draft_given(json, &given).unwrap().off
}

/// What it takes off each unit, with the default rounding of baskets.
pub(super) fn off(json: &str, of: &[(u16, i64)]) -> Result<Vec<i64>, Declined> {
    draft_of(json, &units(of), Rounding::BASKET).map(|draft| draft.off)
}

/// Paths of what is wrong with the effect written as `json`.
pub(super) fn problems_of(json: &str) -> Vec<String> {
    let effect: Effect = serde_json::from_str(json).unwrap();
    let mut reader = Reader::default();
    effect.check(&mut reader, "effect");
    reader.problems.into_iter().map(|problem| problem.path).collect()
}
