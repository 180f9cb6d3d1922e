use std::cmp::Reverse;

use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Given, Off, Valued, WorksOn, check_at_least};
use crate::document::items::Items;
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
}

const BOUGHT: u16 = 1;
const GOT: u16 = 2;

impl Component for BuyXGetY {
    fn works_on(&self) -> WorksOn {
        WorksOn::Sets
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
        let got = if self.get_items.is_some() { GOT } else { BOUGHT };
        let may = |place: u32, set: u16| given.units[place as usize].sets & set != 0;
        let mut places = given.dearest_first();
        if self.pick == Pick::Cheapest {
            places.sort_by_key(|place| (given.units[*place as usize].price, *place));
        }
        let count = |of: &dyn Fn(u32) -> bool| places.iter().filter(|place| of(**place)).count() as u64;
        let (only_bought, only_got) = (count(&|place| !may(place, got)), count(&|place| !may(place, BOUGHT)));
        let either = places.len() as u64 - only_bought - only_got;
        let (buy, get) = (u64::from(self.buy), u64::from(self.get));
        let most = ((only_bought + either) / buy).min((only_got + either) / get);
        let goes = |times: &u64| (times * buy).saturating_sub(only_bought) + (times * get).saturating_sub(only_got) <= either;
        let times = (1..=most.min(self.max_times.unwrap_or(u32::MAX).into())).rev().find(goes);
        let Some(times) = times else {
            return Err(Declined::TooFewUnits { actual: places.len() as u64, needed: buy + get });
        };
        // Units that could be either are reduced only as far as enough remain to be bought.
        let mut spare = either - (times * buy).saturating_sub(only_bought);
        let mut left = times * get;
        let mut reduced = Vec::new();
        let mut is_reduced = vec![false; given.units.len()];
        for place in places.iter().copied().filter(|place| may(*place, got)) {
            let either = may(place, BOUGHT);
            if left == 0 || (either && spare == 0) {
                continue;
            }
            spare -= u64::from(either);
            left -= 1;
            reduced.push(place);
            is_reduced[place as usize] = true;
        }
        let worth = self.valued.of(given);
        for place in &reduced {
            draft.take(given, *place, self.off.of(worth(*place), given.rounding));
        }
        // Those that only count as bought first: what could be reduced by another promotion stays free for it.
        let mut bought: Vec<u32> =
            places.iter().copied().filter(|place| may(*place, BOUGHT) && !is_reduced[*place as usize]).collect();
        bought.sort_by_key(|place| (may(*place, got), Reverse(given.units[*place as usize].price), *place));
        bought.truncate(usize::try_from(times * buy).expect("a basket is small"));
        draft.used.extend(reduced);
        draft.used.extend(bought);
        Ok(())
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
    fn what_cannot_be_is_a_problem() {
        let json = r#"{"buy_x_get_y":{"buy":0,"get":0,"off":{"percent_bp":0},"max_times":0}}"#;
        assert_eq!(problems_of(json), ["effect.buy", "effect.get", "effect.max_times", "effect.off.percent_bp"]);
    }
}
