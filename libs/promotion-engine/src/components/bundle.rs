use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Foreseen, Given, GivenAway, Off, StepCount, WorksOn, check_at_least};
use crate::document::items::Items;
use crate::near_miss::{MissingUnits, Part};
use crate::thresholds::Thresholds;

/// Some of this and some of that for less together: a camera, a lens and two cards. Its slots say which items; the promotion's
/// `items` make no difference to it.
///
/// No unit counts twice, and one that fits several slots goes where it lets the most be saved: as many bundles as can be filled,
/// for a fixed price as many as save the most, of the dearest units that fill them, of equal price the earlier. In each slot the
/// dearest units make the first bundle. What is taken off is worked out once for each bundle, a share rounded on the bundle's
/// sum, and shared among its units in proportion to their prices. A fixed price is what a bundle costs in the end, whatever the
/// stack base.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// What is in it: 1 to 15 slots, each with a name of its own.
    pub slots: Vec<Slot>,
    /// What is taken off the bundle as a whole.
    pub off: Off,
    /// Bundles of one order, at most; at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_times: Option<u32>,
}

/// A part of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// Unique in the bundle, not empty.
    pub name: String,
    /// What fits it.
    pub items: Items,
    /// Units of it in one bundle, at least 1.
    #[serde(default = "Slot::one")]
    pub quantity: u32,
}

/// A unit has a bit for each set of items that it belongs to, and the first is the promotion's `items`.
const MOST_SLOTS: usize = 15;

impl Slot {
    const fn one() -> u32 {
        1
    }
}

impl Component for Bundle {
    fn works_on(&self) -> WorksOn {
        WorksOn::Sets
    }

    fn has_only_own_sets(&self) -> bool {
        true
    }

    fn sets(&self) -> Vec<&Items> {
        self.slots.iter().map(|slot| &slot.items).collect()
    }

    fn uses_up(&self) -> bool {
        true
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        if !(1..=MOST_SLOTS).contains(&self.slots.len()) {
            reader.problem(&format!("{path}.slots"), format!("must hold 1 to {MOST_SLOTS}"));
        }
        let mut names = BTreeSet::new();
        for (position, slot) in self.slots.iter().enumerate() {
            let at = format!("{path}.slots[{position}]");
            if slot.name.is_empty() {
                reader.problem(&format!("{at}.name"), "must not be empty");
            } else if !names.insert(&slot.name) {
                reader.problem(&format!("{at}.name"), format!("{:?} is the name of another slot too", slot.name));
            }
            slot.items.check(reader, &format!("{at}.items"));
            check_at_least(reader, &format!("{at}.quantity"), slot.quantity, 1);
        }
        self.off.check(reader, &format!("{path}.off"));
        check_at_least(reader, &format!("{path}.max_times"), self.max_times.unwrap_or(1), 1);
    }

    fn amounts(&self) -> Vec<Money> {
        self.off.amount().into_iter().collect()
    }

    fn thresholds(&self, to: &mut Thresholds) {
        to.units(u32::try_from(self.units()).unwrap_or(u32::MAX));
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let worth = |place: u32| given.price_for(self.off, place);
        let order = |place: &u32| (Reverse(worth(*place)), *place);
        let mut places = given.places();
        places.retain(|place| self.fits(given, *place) != 0);
        places.sort_by_key(order);
        let steps = &mut draft.steps;
        let mut fill = |times: u64| Filling::of(self, given, &places, times, steps);

        let needed = self.units();
        let first = fill(1);
        if first.filled < needed {
            return Err(Declined::Incomplete { actual: first.filled, needed, missing: self.missing(given, &first) });
        }
        let fit = |slot: usize| places.iter().filter(|place| self.fits(given, **place) >> slot & 1 == 1).count() as u64;
        let full = self.slots.iter().enumerate().map(|(position, slot)| fit(position) / u64::from(slot.quantity));
        let mut most = full.chain([places.len() as u64 / needed, self.max_times.unwrap_or(u32::MAX).into()]).min().unwrap_or(0);
        // What one more bundle adds to the worth of all never grows with their number: the units of a smaller number of bundles
        // are among those of a greater one. So the last that can be filled, and saves something, can be searched by halves;
        // mostly it is the greatest.
        let mut saves = |times: u64| {
            let filling = fill(times);
            let mut adds = || filling.worth(&worth) - fill(times - 1).worth(&worth);
            filling.filled == times * needed && if let Off::Price(price) = self.off { adds() > price.minor } else { true }
        };
        let mut times = 0;
        let mut next = most;
        while times < most {
            if saves(next) {
                times = next;
            } else {
                most = next - 1;
            }
            next = times + (most - times).div_ceil(2);
        }
        if times == 0 {
            return Err(Declined::NothingToTake);
        }

        let mut slots = fill(times).slots;
        for slot in &mut slots {
            slot.sort_by_key(order);
        }
        let mut chunks: Vec<_> = slots.iter().zip(&self.slots).map(|(held, slot)| held.chunks(slot.quantity as usize)).collect();
        for _ in 0..times {
            let mut bundle: Vec<u32> = chunks.iter_mut().filter_map(Iterator::next).flatten().copied().collect();
            bundle.sort_unstable();
            let wanted = self.off.of(bundle.iter().map(|place| worth(*place)).sum(), given.rounding);
            let unfit = draft.unfit;
            draft.spread_among(given, bundle.iter().copied(), wanted);
            // A bundle off which nothing can be taken leaves its units for others.
            if wanted > draft.unfit - unfit {
                draft.used.extend(bundle);
            }
        }
        Ok(())
    }
}

impl Foreseen for Bundle {
    fn gives_away(&self) -> GivenAway {
        GivenAway::goods_if(self.off.takes_all())
    }

    fn units_needed(&self) -> u64 {
        self.units()
    }

    fn path_of_set(&self, place: usize) -> String {
        format!("slots[{place}].items")
    }
}

impl Bundle {
    /// Units of one bundle.
    fn units(&self) -> u64 {
        self.slots.iter().map(|slot| u64::from(slot.quantity)).sum()
    }

    /// What a bundle that is filled so far lacks, by its slots.
    fn missing(&self, given: &Given<'_>, filling: &Filling) -> Vec<MissingUnits> {
        let lacks = |(place, (slot, held)): (usize, (&Slot, &Vec<u32>))| {
            let units = u64::from(slot.quantity) - held.len() as u64;
            let part = || Part::Slot(slot.name.clone());
            (units > 0).then(|| MissingUnits { part: part(), units, each: given.cheapest(2 << place) })
        };
        self.slots.iter().zip(&filling.slots).enumerate().filter_map(lacks).collect()
    }

    /// The slots that a unit fits, as bits.
    fn fits(&self, given: &Given<'_>, place: u32) -> u16 {
        (given.units[place as usize].sets >> 1) & (u16::MAX >> (16 - self.slots.len().min(MOST_SLOTS)))
    }
}

/// Units in the slots of several bundles.
struct Filling {
    /// Of each slot.
    slots: Vec<Vec<u32>>,
    /// Units in all slots.
    filled: u64,
}

impl Filling {
    /// Fills the slots of `times` bundles, as far as it goes, from `places`, the dearest first. Each unit that can have a place
    /// gets one and keeps it, though others may have to change their slot for it: so the units that have one are together the
    /// dearest that can (the sets of units that fit are a transversal matroid, for which taking the best first is exact). It
    /// stops where the steps end.
    fn of(bundle: &Bundle, given: &Given<'_>, places: &[u32], times: u64, steps: &mut StepCount) -> Self {
        let mut open: Vec<u64> = bundle.slots.iter().map(|slot| u64::from(slot.quantity) * times).collect();
        let mut left = bundle.units() * times;
        let mut held: Vec<Held> = vec![Held::new(); open.len()];
        // Slots that are full for good: their units fit no other slots than these.
        let mut closed = 0_u16;
        let mut filled = 0;
        for place in places {
            let fits = bundle.fits(given, *place);
            if left == 0 || !steps.count(1) {
                break;
            }
            if fits & !closed == 0 {
                continue;
            }
            match way(fits, &open, &held, steps) {
                Ok(slots) => {
                    make_way(&slots, &mut held);
                    held[slots[0]].entry(fits).or_default().push(*place);
                    open[slots[slots.len() - 1]] -= 1;
                    filled += 1;
                    left -= 1;
                }
                Err(seen) => closed |= seen,
            }
        }
        Self { slots: held.into_iter().map(|held| held.into_values().flatten().collect()).collect(), filled }
    }

    fn worth(&self, worth: &impl Fn(u32) -> i64) -> i64 {
        self.slots.iter().flatten().map(|place| worth(*place)).sum()
    }
}

/// Units of a slot, by the slots that they fit.
type Held = BTreeMap<u16, Vec<u32>>;

/// The shortest way to an open slot for a unit that `fits`: it takes the first slot, a unit of which moves to the next, and so
/// on. Errors: all slots that could be reached, as bits; none of them is open.
fn way(fits: u16, open: &[u64], held: &[Held], steps: &mut StepCount) -> Result<Vec<usize>, u16> {
    let slots = |bits: u16| (0..open.len()).filter(move |slot| bits >> slot & 1 == 1);
    let mut queue: Vec<(usize, Option<usize>)> = slots(fits).map(|slot| (slot, None)).collect();
    let mut seen = fits;
    let mut next = 0;
    while next < queue.len() {
        let (slot, _) = queue[next];
        if open[slot] > 0 {
            let mut at = Some(next);
            let back = std::iter::from_fn(|| {
                let (slot, before) = queue[at?];
                at = before;
                Some(slot)
            });
            let mut way: Vec<usize> = back.collect();
            way.reverse();
            return Ok(way);
        }
        steps.count(held[slot].len());
        let further = held[slot].keys().fold(0, |all, fits| all | fits) & !seen;
        seen |= further;
        queue.extend(slots(further).map(|slot| (slot, Some(next))));
        next += 1;
    }
    Err(seen)
}

/// Moves a unit of each slot of the way to the next, from the last on.
fn make_way(slots: &[usize], held: &mut [Held]) {
    for step in slots.windows(2).rev() {
        let (from, to) = (step[0], step[1]);
        let Some(fits) = held[from].keys().copied().find(|fits| fits >> to & 1 == 1) else { continue };
        let units = held[from].entry(fits).or_default();
        let moved = units.pop();
        if units.is_empty() {
            held[from].remove(&fits);
        }
        held[to].entry(fits).or_default().extend(moved);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples::{draft_given, draft_of, problems_of, units_with_room};
    use super::super::{Effect, Unit};
    use super::super::{Shelf, Wallet};
    use super::*;
    use crate::rounding::Rounding;

    const A: u16 = 0b01;
    const B: u16 = 0b10;
    const C: u16 = 0b100;
    const AB: u16 = A | B;

    /// A bundle of so many units of each slot.
    fn bundle(quantities: &[u32], off: &str) -> String {
        let slot = |(name, quantity): (usize, &u32)| {
            format!(r#"{{"name":"{name}","items":{{"include":[{{"tags":["{name}"]}}]}},"quantity":{quantity}}}"#)
        };
        let slots: Vec<String> = quantities.iter().enumerate().map(slot).collect();
        format!(r#"{{"bundle":{{"slots":[{}],"off":{off}}}}}"#, slots.join(","))
    }

    /// Units, each with the slots that it fits, its price and its room.
    fn fitting(of: &[(u16, i64, i64)]) -> Vec<Unit> {
        let lines: Vec<(u16, i64, i64)> = (0..).zip(of).map(|(line, (_, price, room))| (line, *price, *room)).collect();
        let mut units = units_with_room(&lines);
        for (unit, (fits, ..)) in units.iter_mut().zip(of) {
            unit.sets = fits << 1;
        }
        units
    }

    fn off(json: &str, of: &[(u16, i64)]) -> Result<Vec<i64>, Declined> {
        let of: Vec<(u16, i64, i64)> = of.iter().map(|(fits, price)| (*fits, *price, *price)).collect();
        draft_of(json, &fitting(&of), Rounding::BASKET).map(|draft| draft.off)
    }

    const HALF: &str = r#"{"percent_bp":5000}"#;
    const HUNDRED: &str = r#"{"amount":{"minor":100,"currency":"USD"}}"#;
    const AT_500: &str = r#"{"price":{"minor":500,"currency":"USD"}}"#;

    /// So many of so many units, and what is missing of which slot, at which price of the cheapest like it.
    fn few(actual: u64, needed: u64, missing: &[(&str, u64, Option<i64>)]) -> Result<Vec<i64>, Declined> {
        let part = |(name, units, each): &(&str, u64, Option<i64>)| MissingUnits {
            part: Part::Slot((*name).to_owned()),
            units: *units,
            each: *each,
        };
        Err(Declined::Incomplete { actual, needed, missing: missing.iter().map(part).collect() })
    }

    #[test]
    fn a_full_bundle_is_reduced_as_a_whole() {
        for (quantities, off_what, of, expected, why) in [
            (&[1, 1][..], HALF, &[(A, 201), (B, 100)][..], Ok(vec![101, 50]), "150.5 rounds up to 151: 100.83 and 50.17"),
            (&[1, 1], HALF, &[(A, 101), (B, 100)], Ok(vec![51, 50]), "100.5 rounds up once: 50.75 and 50.25"),
            (&[1, 1], HUNDRED, &[(A, 300), (B, 100)], Ok(vec![75, 25]), "in proportion"),
            (&[1, 1], HUNDRED, &[(A, 60), (B, 0)], Ok(vec![60, 0]), "not below zero, and nothing of nothing"),
            (&[1, 1], AT_500, &[(A, 600), (B, 400)], Ok(vec![300, 200]), "500 of 1000"),
            (&[1, 1], "\"free\"", &[(A, 600), (B, 400)], Ok(vec![600, 400]), "all of it"),
            (&[1, 2], HALF, &[(A, 100), (B, 100), (B, 300), (B, 200)], Ok(vec![50, 0, 150, 100]), "the dearest of each slot"),
            (&[1, 1], HALF, &[(A, 100), (A, 100), (B, 100)], Ok(vec![50, 0, 50]), "of equal price the earlier"),
            (&[1, 1], HUNDRED, &[(A, 200), (B, 200), (A, 200), (B, 200)], Ok(vec![50, 50, 50, 50]), "it repeats"),
            (
                &[1, 1],
                AT_500,
                &[(A, 400), (A, 300), (B, 300), (B, 200)],
                Ok(vec![114, 0, 86, 0]),
                "as long as it saves something",
            ),
            (&[1, 1], AT_500, &[(A, 300), (B, 200)], Err(Declined::NothingToTake), "which it does not here"),
            (&[2, 1], HALF, &[(A, 100), (A, 100)], few(2, 3, &[("1", 1, None)]), "a slot is empty"),
            (&[1, 1], HALF, &[(A, 5); 9], few(1, 2, &[("1", 1, None)]), "however many fit the other"),
            (&[2, 1], HALF, &[(A, 300), (AB, 200), (B, 500)], Ok(vec![150, 100, 250]), "one goes where it is needed"),
            (&[1, 2], HALF, &[(A, 300), (B, 500), (AB, 200)], Ok(vec![150, 250, 100]), "the other way round"),
            (
                &[1, 3],
                HALF,
                &[(A, 300), (B, 500), (AB, 200)],
                few(3, 4, &[("1", 1, Some(200))]),
                "one more, as cheap as what fits",
            ),
            (&[1, 1], HALF, &[(AB, 100)], few(1, 2, &[("1", 1, Some(100))]), "no unit counts twice"),
            (&[1], HALF, &[(0, 100), (A, 50)], Ok(vec![0, 25]), "what fits no slot is left alone"),
            (
                &[4_000_000_000, 1],
                HALF,
                &[(A, 100)],
                few(1, 4_000_000_001, &[("0", 3_999_999_999, Some(100)), ("1", 1, None)]),
                "too many",
            ),
        ] {
            assert_eq!(off(&bundle(quantities, off_what), of), expected, "{why}: {quantities:?} {off_what}");
        }
    }

    #[test]
    fn a_unit_that_fits_several_slots_goes_where_it_is_needed() {
        for (quantities, of, expected, why) in [
            (&[1, 1][..], &[(AB, 900), (A, 100)][..], vec![450, 50], "the dear one makes way for what fits one slot alone"),
            (&[1, 1], &[(AB, 900), (AB, 800), (A, 700)], vec![450, 400, 0], "the dearest that fill it"),
            (&[1, 1, 1], &[(AB, 900), (B | C, 800), (A, 10)], vec![450, 400, 5], "two make way for the third"),
            (&[1, 1, 1], &[(A | C, 900), (AB, 800), (A, 700), (B, 600), (C, 1)], vec![450, 400, 350, 0, 0], "no more than fit"),
            (&[1, 1], &[(AB, 900), (AB, 800), (A, 20), (A, 10)], vec![450, 400, 10, 5], "two bundles rather than a dear one"),
        ] {
            assert_eq!(off(&bundle(quantities, HALF), of), Ok(expected), "{why}");
        }
        let dear = [(AB, 900), (AB, 800), (A, 20), (A, 10)];
        assert_eq!(off(&bundle(&[1, 1], AT_500), &dear), Ok(vec![635, 565, 0, 0]), "for a fixed price, what saves the most");
    }

    #[test]
    fn it_repeats_up_to_its_limit_and_uses_its_units_up() {
        let once = bundle(&[1, 1], HUNDRED).replace(r#""off""#, r#""max_times":1,"off""#);
        let units = fitting(&[(A, 200, 200), (B, 200, 200), (A, 300, 300), (B, 100, 100)]);
        let draft = draft_of(&once, &units, Rounding::BASKET).unwrap();
        assert_eq!((draft.off, draft.used), (vec![0, 40, 60, 0], vec![1, 2]));
    }

    #[test]
    fn a_floor_holds_and_a_bundle_that_saves_nothing_is_not_used() {
        let json = bundle(&[1, 1], HALF);
        let draft = draft_of(&json, &fitting(&[(A, 600, 100), (B, 400, 400)]), Rounding::BASKET).unwrap();
        assert_eq!((draft.off, draft.unfit), (vec![100, 400], 0), "what does not fit is shared again");
        let units = fitting(&[(A, 600, 0), (B, 400, 0), (A, 200, 200), (B, 100, 100)]);
        let draft = draft_of(&json, &units, Rounding::BASKET).unwrap();
        assert_eq!((draft.off, draft.used, draft.unfit), (vec![0, 0, 100, 50], vec![2, 3], 500));
    }

    #[test]
    fn a_price_is_the_price_in_the_end() {
        let (units, rounding) = (&fitting(&[(A, 1_000, 700), (B, 1_000, 300)]), Rounding::BASKET);
        let (running, original) = (&[700, 300], &[1_000, 1_000]);
        let given = Given {
            units,
            rounding,
            postage: None,
            postage_room: 0,
            wallet: Wallet::default(),
            shelf: Shelf::default(),
            running,
            original,
            list: original,
        };
        assert_eq!(draft_given(&bundle(&[1, 1], AT_500), &given).unwrap().off, [250, 250]);
    }

    #[test]
    fn a_search_stops_where_the_steps_end() {
        // 3,000 units of either slot for a price: the number of bundles is searched for, each time over all units.
        let units = fitting(&vec![(AB, 400, 400); 3_000]);
        let effect: Effect = serde_json::from_str(&bundle(&[1, 1], AT_500)).unwrap();
        let steps = |most: u64| {
            let mut draft = Draft::default();
            draft.steps = StepCount { taken: 0, most };
            draft.begin(units.len());
            let prices = vec![400; 3_000];
            let given = Given {
                units: &units,
                rounding: Rounding::BASKET,
                postage: None,
                postage_room: 0,
                wallet: Wallet::default(),
                shelf: Shelf::default(),
                running: &prices,
                original: &prices,
                list: &prices,
            };
            let _whatever_it_says = effect.apply(&given, &mut draft);
            (draft.steps.taken, draft.steps.passed())
        };
        let (whole, passed) = steps(u64::MAX);
        assert!(whole > 4 * 3_000 && !passed, "{whole}");
        assert_eq!(steps(whole), (whole, false), "just enough");
        for most in [0, 1, 1_000, 4_000, whole / 2] {
            let (taken, passed) = steps(most);
            assert!(passed && taken < most + 50, "{taken} of {most}");
        }
    }

    #[test]
    fn each_slot_is_a_set_of_items() {
        let effect: Effect = serde_json::from_str(&bundle(&[1, 1, 1], HALF)).unwrap();
        assert_eq!(effect.sets().len(), 3);
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        assert_eq!(problems_of(&bundle(&[], HALF)), ["effect.slots"]);
        assert_eq!(problems_of(&bundle(&[1; 15], HALF)), Vec::<String>::new());
        assert_eq!(problems_of(&bundle(&[1; 16], HALF)), ["effect.slots"]);
        let json = r#"{"bundle":{"slots":[
            {"name":"a","items":{}},{"name":"a","items":{"include":[{}]},"quantity":0},{"name":"","items":{}}
        ],"off":{"percent_bp":0},"max_times":0}}"#;
        let expected = [
            "effect.slots[1].name",
            "effect.slots[1].items.include[0]",
            "effect.slots[1].quantity",
            "effect.slots[2].name",
            "effect.off.percent_bp",
            "effect.max_times",
        ];
        assert_eq!(problems_of(json), expected);
    }

    /// Whether the units can fill one bundle, tried in every way.
    fn can_fill(fits: &[u16], open: &mut [u32]) -> bool {
        let Some((unit, others)) = fits.split_first() else { return open.iter().all(|open| *open == 0) };
        (0..open.len()).any(|slot| {
            if unit >> slot & 1 == 0 || open[slot] == 0 {
                return false;
            }
            open[slot] -= 1;
            let can = can_fill(others, open);
            open[slot] += 1;
            can
        })
    }

    /// The most that disjoint bundles can save, tried in every way.
    fn most_saved(of: &[(u16, i64)], quantities: &[u32], saved: impl Fn(i64) -> i64) -> i64 {
        let units = |set: usize| (0..of.len()).filter(move |unit| set >> unit & 1 == 1);
        let needed = quantities.iter().sum::<u32>();
        let alone: Vec<i64> = (0..1_usize << of.len())
            .map(|set| {
                let fits: Vec<u16> = units(set).map(|unit| of[unit].0).collect();
                let full = set.count_ones() == needed && can_fill(&fits, &mut quantities.to_vec());
                if full { saved(units(set).map(|unit| of[unit].1).sum()) } else { 0 }
            })
            .collect();
        let mut best = vec![0; alone.len()];
        for set in 1..alone.len() {
            let mut part = set;
            while part > 0 {
                best[set] = best[set].max(alone[part] + best[set ^ part]);
                part = (part - 1) & set;
            }
        }
        best[alone.len() - 1]
    }

    proptest! {
        #[test]
        fn no_other_filling_saves_more(
            of in prop::collection::vec((1..8_u16, 100..1_000_i64), 1..8),
            quantities in prop::collection::vec(1..3_u32, 1..4),
            by_price: bool,
        ) {
            let saved = |sum: i64| if by_price { (sum - 500).max(0) } else { 100 };
            let json = bundle(&quantities, if by_price { AT_500 } else { HUNDRED });
            let total = off(&json, &of).map_or(0, |off| off.iter().sum::<i64>());
            prop_assert_eq!(total, most_saved(&of, &quantities, saved));
        }
    }
}
