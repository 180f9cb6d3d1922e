use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Foreseen, Given, GivenAway, Valued, WorksOn, check_at_least};
use crate::thresholds::Thresholds;

/// Any so many units of the matching items for one price, as often as it goes: the dearest first, as long as that saves
/// something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NForPrice {
    /// Units of one set, at least 1.
    pub units: u32,
    /// What the set costs.
    pub price: Money,
    /// What a unit of a set counts for.
    #[serde(default)]
    pub valued: Valued,
    /// Sets of one order, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_times: Option<u32>,
}

impl Component for NForPrice {
    fn works_on(&self) -> WorksOn {
        WorksOn::Sets
    }

    fn uses_up(&self) -> bool {
        true
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        check_at_least(reader, &format!("{path}.units"), self.units, 1);
        check_at_least(reader, &format!("{path}.max_times"), self.max_times.unwrap_or(1), 1);
        if self.price.minor < 0 {
            reader.problem(&format!("{path}.price"), "must not be negative");
        }
    }

    fn amounts(&self) -> Vec<Money> {
        vec![self.price]
    }

    fn thresholds(&self, to: &mut Thresholds) {
        to.units(self.units);
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let set = self.units as usize;
        if given.units.len() < set {
            return Err(Declined::TooFewUnits { actual: given.units.len() as u64, needed: self.units.into() });
        }
        let times = self.max_times.map_or(usize::MAX, |times| times as usize);
        let worth = self.valued.of(given);
        for places in given.dearest_first().chunks_exact(set).take(times) {
            let saved = places.iter().map(|place| worth(*place)).sum::<i64>() - self.price.minor;
            if saved <= 0 {
                break;
            }
            draft.spread_among(given, places.iter().copied(), saved);
            draft.used.extend_from_slice(places);
        }
        if draft.used.is_empty() { Err(Declined::NothingToTake) } else { Ok(()) }
    }
}

impl Foreseen for NForPrice {
    fn takes_off_its_items(&self) -> bool {
        true
    }

    fn gives_away(&self) -> GivenAway {
        GivenAway::goods_if(self.price.minor == 0)
    }

    fn units_needed(&self) -> u64 {
        self.units.into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{draft_of, off, off_with_room, problems_of, units};
    use super::*;
    use crate::rounding::Rounding;

    fn three_for_ten(more: &str) -> String {
        format!(r#"{{"n_for_price":{{"units":3,"price":{{"minor":1000,"currency":"USD"}}{more}}}}}"#)
    }

    #[test]
    fn any_so_many_cost_the_price_the_dearest_first() {
        let (any, once, cheapest) =
            (three_for_ten(""), three_for_ten(r#","max_times":1"#), three_for_ten(r#","valued":"cheapest""#));
        let two = r#"{"n_for_price":{"units":2,"price":{"minor":995,"currency":"USD"}}}"#;
        let one = r#"{"n_for_price":{"units":1,"price":{"minor":300,"currency":"USD"}}}"#;
        for (json, of, expected, why) in [
            (any.as_str(), &[(0, 500), (0, 500), (0, 500)][..], vec![167, 167, 166], "500 saved: 166.67 each"),
            (&any, &[(0, 500); 7], vec![167, 167, 166, 167, 167, 166, 0], "twice, and one is left over"),
            (&once, &[(0, 500); 7], vec![167, 167, 166, 0, 0, 0, 0], "once"),
            (&any, &[(0, 900), (1, 300), (2, 600), (3, 500)], vec![450, 0, 300, 250], "the cheapest is left over"),
            (&any, &[(0, 500), (1, 500), (2, 500), (3, 300), (4, 300), (5, 300)], vec![167, 167, 166, 0, 0, 0], "900 is less"),
            (&any, &[(0, 400), (1, 400), (2, 201)], vec![1, 0, 0], "1 saved: 0.4, 0.4 and 0.2"),
            (two, &[(0, 500), (1, 500)], vec![3, 2], "5 saved: 2.5 each, of equal remainders the earlier"),
            (one, &[(0, 500), (0, 500), (1, 250)], vec![200, 200, 0], "a set of one"),
            (
                &cheapest,
                &[(0, 900), (1, 600), (2, 400)],
                vec![95, 63, 42],
                "three times 400: 200 in proportion, 94.7, 63.2, 42.1",
            ),
        ] {
            assert_eq!(off(json, of), Ok(expected), "{why}: {json}");
        }
    }

    #[test]
    fn it_needs_a_whole_set_that_saves_something() {
        let any = three_for_ten("");
        for (of, expected) in [
            (&[(0, 500), (0, 500)][..], Declined::TooFewUnits { actual: 2, needed: 3 }),
            (&[(0, 400), (0, 400), (1, 200)], Declined::NothingToTake), // they cost 1000
        ] {
            assert_eq!(off(&any, of), Err(expected), "{of:?}");
        }
    }

    #[test]
    fn units_of_a_set_are_used_up_and_what_is_left_over_is_not() {
        let draft = draft_of(&three_for_ten(""), &units(&[(0, 300), (1, 900), (2, 600), (3, 500)]), Rounding::BASKET).unwrap();
        assert_eq!(draft.used, [1, 2, 3]);
    }

    #[test]
    fn a_floor_holds_and_the_rest_of_the_set_takes_it_over() {
        let of = &[(0, 500, 0), (1, 500, 500), (2, 500, 500)];
        assert_eq!(off_with_room(&three_for_ten(""), of), (vec![0, 250, 250], 0));
        assert_eq!(off_with_room(&three_for_ten(""), &[(0, 500, 0), (1, 500, 100), (2, 500, 100)]), (vec![0, 100, 100], 300));
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        let json = r#"{"n_for_price":{"units":0,"price":{"minor":-1,"currency":"USD"},"max_times":0}}"#;
        assert_eq!(problems_of(json), ["effect.units", "effect.max_times", "effect.price"]);
        assert_eq!(problems_of(r#"{"n_for_price":{"units":1,"price":{"minor":0,"currency":"USD"}}}"#), Vec::<String>::new());
    }
}
