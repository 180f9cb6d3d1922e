//! Samples that the components' tests share.

use pricestream_documents::Reader;

use super::{Declined, Draft, Effect, Given, Unit};
use crate::rounding::Rounding;

/// Units of a sample, each its line and its price; they may be reduced to zero, and belong to the promotion's items.
pub(super) fn units(of: &[(u16, i64)]) -> Vec<Unit> {
    let unit = |(number, (line, price)): (u32, &(u16, i64))| Unit { number, line: *line, sets: 1, price: *price, room: *price };
    (0..).zip(of).map(unit).collect()
}

/// What the effect written as `json` takes off each unit, and off a postage of 500; with the default rounding of baskets.
pub(super) fn draft_of(json: &str, units: &[Unit], rounding: Rounding) -> Result<Draft, Declined> {
    let effect: Effect = serde_json::from_str(json).unwrap();
    assert_eq!(problems_of(json), Vec::<String>::new(), "{json}");
    let prices: Vec<i64> = units.iter().map(|unit| unit.price).collect();
    let given = Given { units, rounding, postage: Some(500), running: &prices, original: &prices, list: &prices };
    let mut draft = Draft::default();
    draft.begin(units.len());
    effect.apply(&given, &mut draft).map(|()| draft)
}

/// What it takes off each unit.
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
