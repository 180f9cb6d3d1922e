use std::cmp::Reverse;

use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Counted, Declined, Draft, Foreseen, Given, GivenAway, Off, Valued, WorksOn, check_at_least};
use crate::document::items::Items;
use crate::near_miss::{MissingUnits, Part};
use crate::thresholds::Thresholds;

/// Who buys so many of the matching items gets so many more for less. No unit counts twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BuyXGetY {
    /// Units to be bought at their price, at least 1.
    pub buy: u32,
    /// Units that are then reduced, at least 1.
    pub get: u32,
    /// What is taken off each of those.
    pub off: Off,
    /// What is reduced; the matching items when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub get_items: Option<Items>,
    /// Which of them.
    #[serde(default)]
    pub pick: Pick,
    /// What a reduced unit counts for.
    #[serde(default)]
    pub valued: Valued,
    /// How often in one order, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_times: Option<u32>,
    /// Which units count together: per line, who buys some of a line gets others of the same line.
    #[serde(default)]
    pub per: Counted,
    /// The last time, fewer than `get` are reduced too where there are no more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partly: bool,
}

/// Which units are reduced, where there are more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// The cheapest.
    #[default]
    Cheapest,
    /// The dearest.
    Dearest,
    /// Each time the dearest are those that are bought, and the dearest of those left are reduced.
    DearestLeft,
}

const BOUGHT: u16 = 1;
const GOT: u16 = 2;

impl Component for BuyXGetY {
    fn works_on(&self) -> WorksOn {
        match self.per {
            Counted::Line => WorksOn::Lines,
            Counted::Matching => WorksOn::Sets,
        }
    }

    fn uses_up(&self) -> bool {
        true
    }

    fn sets(&self) -> Vec<&Items> {
        self.get_items.iter().collect()
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        check_at_least(reader, &format!("{path}.buy"), self.buy, 1);
        check_at_least(reader, &format!("{path}.get"), self.get, 1);
        check_at_least(reader, &format!("{path}.max_times"), self.max_times.unwrap_or(1), 1);
        self.off.check(reader, &format!("{path}.off"));
        if let Some(items) = &self.get_items {
            items.check(reader, &format!("{path}.get_items"));
        }
    }

    fn amounts(&self) -> Vec<Money> {
        self.off.amount().into_iter().collect()
    }

    fn thresholds(&self, to: &mut Thresholds) {
        to.units(self.buy.saturating_add(self.get));
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let all = given.places();
        let groups = self.per.groups(given, &all);
        for places in &groups {
            let Chosen { reduced, bought } = match self.pick {
                Pick::Cheapest | Pick::Dearest => self.all_at_once(given, places),
                Pick::DearestLeft => self.one_by_one(given, places),
            };
            let worth = self.valued.of(given);
            for place in &reduced {
                draft.take(given, *place, self.off.of(worth(*place), given.rounding));
            }
            draft.used.extend(reduced);
            draft.used.extend(bought);
        }
        if draft.used.is_empty() {
            let most = groups.into_iter().max_by_key(|places| places.len()).unwrap_or_default();
            return Err(self.too_few(given, most));
        }
        Ok(())
    }
}

impl Foreseen for BuyXGetY {
    fn takes_off_its_items(&self) -> bool {
        true
    }

    fn gives_away(&self) -> GivenAway {
        GivenAway::gifts_if(self.off.takes_all())
    }

    fn units_needed(&self) -> u64 {
        u64::from(self.buy) + if self.partly { 1 } else { u64::from(self.get) }
    }

    fn path_of_set(&self, _place: usize) -> String {
        "get_items".to_owned()
    }
}

/// Units of all times that it goes.
#[derive(Default)]
struct Chosen {
    reduced: Vec<u32>,
    bought: Vec<u32>,
}

impl BuyXGetY {
    /// The set of what is reduced.
    fn got(&self) -> u16 {
        if self.get_items.is_some() { GOT } else { BOUGHT }
    }

    /// What is missing for it to go once.
    fn too_few(&self, given: &Given<'_>, places: &[u32]) -> Declined {
        let (buy, get) = (u64::from(self.buy), if self.partly { 1 } else { u64::from(self.get) });
        let needed = buy + get;
        if self.get_items.is_none() {
            return Declined::TooFewUnits { actual: places.len() as u64, needed };
        }
        let of =
            |sets: u16| places.iter().filter(|place| given.units[**place as usize].sets & (BOUGHT | GOT) == sets).count() as u64;
        // What could be either is bought first.
        let (to_buy, to_get) = (buy.saturating_sub(of(BOUGHT)), get.saturating_sub(of(GOT)));
        let either = of(BOUGHT | GOT);
        let bought = to_buy.saturating_sub(either);
        let reduced = to_get.saturating_sub(either.saturating_sub(to_buy));
        let missing = [(Part::Bought, bought, BOUGHT), (Part::Reduced, reduced, GOT)].into_iter();
        let missing = missing.filter(|(_, units, _)| *units > 0);
        let missing = missing.map(|(part, units, set)| MissingUnits { part, units, each: given.cheapest(set) }).collect();
        Declined::Incomplete { actual: needed - (bought + reduced), needed, missing }
    }

    /// The cheapest, or the dearest, of all units that can be reduced, as often as it goes.
    fn all_at_once(&self, given: &Given<'_>, places: &[u32]) -> Chosen {
        let got = self.got();
        let price = |place: &u32| given.units[*place as usize].price;
        let may = |place: u32, set: u16| given.units[place as usize].sets & set != 0;
        let mut places = places.to_vec();
        if self.pick == Pick::Cheapest {
            places.sort_by_key(|place| (price(place), *place));
        } else {
            places.sort_by_key(|place| (Reverse(price(place)), *place));
        }
        let count = |of: &dyn Fn(u32) -> bool| places.iter().filter(|place| of(**place)).count() as u64;
        let (only_bought, only_got) = (count(&|place| !may(place, got)), count(&|place| !may(place, BOUGHT)));
        let either = places.len() as u64 - only_bought - only_got;
        let (buy, get) = (u64::from(self.buy), u64::from(self.get));
        let bought_of_either = |times: u64| (times * buy).saturating_sub(only_bought);
        let reduced = |times: u64| (times * get).min((only_got + either).saturating_sub(bought_of_either(times)));
        let goes = |times: &u64| {
            let enough = if self.partly { (times - 1) * get + 1 } else { times * get };
            bought_of_either(*times) <= either && reduced(*times) >= enough
        };
        let most = ((only_bought + either) / buy).min(self.max_times.unwrap_or(u32::MAX).into());
        let most = most.min((only_got + either).div_ceil(get));
        let Some(times) = (1..=most).rev().find(goes) else { return Chosen::default() };
        // Units that could be either are reduced only as far as enough remain to be bought.
        let mut spare = either - bought_of_either(times);
        let mut left = reduced(times);
        let mut chosen = Chosen::default();
        let mut is_reduced = vec![false; given.units.len()];
        for place in places.iter().copied().filter(|place| may(*place, got)) {
            let either = may(place, BOUGHT);
            if left == 0 || (either && spare == 0) {
                continue;
            }
            spare -= u64::from(either);
            left -= 1;
            is_reduced[place as usize] = true;
            chosen.reduced.push(place);
        }
        // Those that only count as bought first: what could be reduced by another promotion stays free for it.
        chosen.bought = places.into_iter().filter(|place| may(*place, BOUGHT) && !is_reduced[*place as usize]).collect();
        chosen.bought.sort_by_key(|place| (may(*place, got), Reverse(price(place)), *place));
        chosen.bought.truncate(usize::try_from(times * buy).expect("a basket is small"));
        chosen
    }

    /// Time after time: the dearest that are left are bought, the dearest of the rest reduced.
    fn one_by_one(&self, given: &Given<'_>, places: &[u32]) -> Chosen {
        let mut places = places.to_vec();
        places.sort_by_key(|place| (Reverse(given.units[*place as usize].price), *place));
        let mut taken = vec![false; places.len()];
        let mut chosen = Chosen::default();
        let (mut next_bought, mut next_got) = (0, 0);
        let mut take = |set: u16, most: u32, next: &mut usize, to: &mut Vec<u32>| {
            let before = to.len();
            while *next < places.len() && to.len() - before < most as usize {
                if !taken[*next] && given.units[places[*next] as usize].sets & set != 0 {
                    taken[*next] = true;
                    to.push(places[*next]);
                }
                *next += 1;
            }
            to.len() - before
        };
        for _ in 0..self.max_times.unwrap_or(u32::MAX) {
            let before = (chosen.bought.len(), chosen.reduced.len());
            let bought = take(BOUGHT, self.buy, &mut next_bought, &mut chosen.bought);
            let reduced = take(self.got(), self.get, &mut next_got, &mut chosen.reduced);
            let enough = if self.partly { 1 } else { self.get as usize };
            if bought < self.buy as usize || reduced < enough {
                chosen.bought.truncate(before.0);
                chosen.reduced.truncate(before.1);
                break;
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{draft_of, off, problems_of, units};
    use super::*;
    use crate::rounding::Rounding;

    #[test]
    fn who_buys_some_gets_others_for_less() {
        let two_and_one = r#"{"buy_x_get_y":{"buy":2,"get":1,"off":"free"}}"#;
        let half = r#"{"buy_x_get_y":{"buy":1,"get":1,"off":{"percent_bp":5000}}}"#;
        let once = r#"{"buy_x_get_y":{"buy":1,"get":1,"off":"free","max_times":1}}"#;
        let dearest = r#"{"buy_x_get_y":{"buy":2,"get":1,"off":"free","pick":"dearest"}}"#;
        let left = r#"{"buy_x_get_y":{"buy":1,"get":1,"off":"free","pick":"dearest_left"}}"#;
        let partly = r#"{"buy_x_get_y":{"buy":1,"get":5,"off":"free","partly":true}}"#;
        let of_a_line = r#"{"buy_x_get_y":{"buy":1,"get":1,"off":"free","per":"line"}}"#;
        let by_cheapest = r#"{"buy_x_get_y":{"buy":2,"get":1,"off":"free","valued":"cheapest"}}"#;
        for (json, of, expected, why) in [
            (two_and_one, &[(0, 500), (0, 500), (0, 500)][..], Ok(vec![500, 0, 0]), "one of three is free"),
            (two_and_one, &[(0, 500), (1, 300), (2, 900)], Ok(vec![0, 300, 0]), "the cheapest"),
            (dearest, &[(0, 500), (1, 300), (2, 900)], Ok(vec![0, 0, 900]), "or the dearest"),
            (two_and_one, &[(0, 5), (0, 5), (0, 5), (0, 5), (0, 5), (0, 5), (0, 5)], Ok(vec![5, 5, 0, 0, 0, 0, 0]), "it repeats"),
            (once, &[(0, 5), (0, 5), (0, 5), (0, 5)], Ok(vec![5, 0, 0, 0]), "up to its limit"),
            (half, &[(0, 333), (0, 333)], Ok(vec![167, 0]), "166.5 rounds up"),
            (
                by_cheapest,
                &[(0, 900), (0, 900), (0, 900), (1, 100), (1, 900), (1, 900)],
                Ok(vec![100, 0, 0, 100, 0, 0]),
                "valued alike",
            ),
            (
                left,
                &[(0, 1_000), (1, 800), (2, 600), (3, 400), (4, 9)],
                Ok(vec![0, 800, 0, 400, 0]),
                "each time the next dearest",
            ),
            (left, &[(0, 500)], Err(Declined::TooFewUnits { actual: 1, needed: 2 }), "which takes two"),
            (partly, &[(0, 7); 4], Ok(vec![7, 7, 7, 0]), "as many as there are"),
            (partly, &[(0, 7); 8], Ok(vec![7, 7, 7, 7, 7, 7, 0, 0]), "the last time"),
            (partly, &[(0, 7); 7], Ok(vec![7, 7, 7, 7, 7, 0, 0]), "which needs one more than what is bought"),
            (partly, &[(0, 7)], Err(Declined::TooFewUnits { actual: 1, needed: 2 }), "none is left"),
            (of_a_line, &[(0, 9), (0, 9), (0, 9), (1, 5), (2, 3), (2, 3)], Ok(vec![9, 0, 0, 0, 3, 0]), "each line by itself"),
            (two_and_one, &[(0, 500), (0, 500)], Err(Declined::TooFewUnits { actual: 2, needed: 3 }), "two are too few"),
        ] {
            assert_eq!(off(json, of), expected, "{why}: {json}");
        }
    }

    #[test]
    fn no_unit_counts_twice() {
        let json = r#"{"buy_x_get_y":{"buy":1,"get":1,"off":"free","get_items":{"include":[{"tags":["toy"]}]}}}"#;
        // Bought, either, either, reduced alone.
        let mut given = units(&[(0, 100), (1, 200), (2, 300), (3, 400)]);
        for (unit, sets) in given.iter_mut().zip([BOUGHT, BOUGHT | GOT, BOUGHT | GOT, GOT]) {
            unit.sets = sets;
        }
        let draft = draft_of(json, &given, Rounding::BASKET).unwrap();
        assert_eq!(draft.off, [0, 200, 0, 400], "two are bought, two are free");
        let mut used = draft.used.clone();
        used.sort_unstable();
        assert_eq!(used, [0, 1, 2, 3]);
    }

    #[test]
    fn what_is_missing_is_told_by_parts() {
        let json = r#"{"buy_x_get_y":{"buy":2,"get":1,"off":"free","get_items":{"include":[{"tags":["toy"]}]}}}"#;
        let either = BOUGHT | GOT;
        for (of, actual, expected, why) in [
            (&[(BOUGHT, 100), (BOUGHT, 300)][..], 2, &[(Part::Reduced, 1, None)][..], "none that could be reduced"),
            (&[(GOT, 400)], 1, &[(Part::Bought, 2, None)], "none that was bought"),
            (&[(BOUGHT, 300), (GOT, 400)], 2, &[(Part::Bought, 1, Some(300))], "one is bought"),
            (&[(either, 300), (either, 200)], 2, &[(Part::Reduced, 1, Some(200))], "what could be either is bought first"),
            (&[(either, 300)], 1, &[(Part::Bought, 1, Some(300)), (Part::Reduced, 1, Some(300))], "one of each"),
            (&[(BOUGHT, 90), (GOT, 80), (GOT, 70)], 2, &[(Part::Bought, 1, Some(90))], "two to be reduced are one too many"),
        ] {
            let mut given = units(&of.iter().map(|(_, price)| (0, *price)).collect::<Vec<_>>());
            for (unit, (sets, _)) in given.iter_mut().zip(of) {
                unit.sets = *sets;
            }
            let missing =
                |(part, units, each): &(Part, u64, Option<i64>)| MissingUnits { part: part.clone(), units: *units, each: *each };
            let missing = expected.iter().map(missing).collect();
            let found = draft_of(json, &given, Rounding::BASKET).map(|draft| draft.off);
            assert_eq!(found, Err(Declined::Incomplete { actual, needed: 3, missing }), "{why}");
        }
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        let json = r#"{"buy_x_get_y":{"buy":0,"get":0,"off":{"percent_bp":0},"max_times":0}}"#;
        assert_eq!(problems_of(json), ["effect.buy", "effect.get", "effect.max_times", "effect.off.percent_bp"]);
    }
}
