use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Foreseen, ForeseenTier, Given, GivenAway, Off, Reached, WorksOn, check_at_least};
use crate::thresholds::Thresholds;

/// The more units are bought, the less each of them costs: the last tier that is reached counts for all of them.
///
/// A share is rounded as the promotion's policy says; counted per line, each line by itself, since lines may reach different
/// tiers. A fixed price is what a unit costs in the end, whatever the stack base: a unit that costs less already is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuantityTiers {
    /// At least one, in rising order of `from`.
    pub tiers: Vec<QuantityTier>,
    /// Which units are counted together.
    #[serde(default)]
    pub per: Counted,
}

/// A tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuantityTier {
    /// Units from which on it counts, at least 1.
    pub from: u32,
    /// What is taken off each matching unit.
    pub off: Off,
}

/// Which units are counted together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Those of each line.
    Line,
    /// All that match.
    #[default]
    Matching,
}

impl Counted {
    /// The places of the units that are counted together, of all of them.
    pub(super) fn groups<'a>(self, given: &Given<'_>, all: &'a [u32]) -> Vec<&'a [u32]> {
        let line = |place: u32| given.units[place as usize].line;
        match self {
            Self::Line => all.chunk_by(|one, other| line(*one) == line(*other)).collect(),
            Self::Matching => vec![all],
        }
    }
}

impl QuantityTiers {
    fn reached(&self, units: usize) -> Option<&QuantityTier> {
        self.tiers.iter().rev().find(|tier| units >= tier.from as usize)
    }
}

impl Component for QuantityTiers {
    fn works_on(&self) -> WorksOn {
        match self.per {
            Counted::Line => WorksOn::Lines,
            Counted::Matching => WorksOn::Sets,
        }
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        let path = format!("{path}.tiers");
        if self.tiers.is_empty() {
            reader.problem(&path, "must hold at least one");
        }
        for (position, tier) in self.tiers.iter().enumerate() {
            check_at_least(reader, &format!("{path}[{position}].from"), tier.from, 1);
            tier.off.check(reader, &format!("{path}[{position}].off"));
        }
        if !self.tiers.is_sorted_by(|lower, upper| lower.from < upper.from) {
            reader.problem(&path, "must rise from one to the next");
        }
    }

    fn amounts(&self) -> Vec<Money> {
        self.tiers.iter().filter_map(|tier| tier.off.amount()).collect()
    }

    fn thresholds(&self, to: &mut Thresholds) {
        self.tiers.iter().for_each(|tier| to.units(tier.from));
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let all = given.places();
        let mut groups = self.per.groups(given, &all);
        let most = groups.iter().map(|places| places.len()).max().unwrap_or(0);
        groups.retain(|places| self.reached(places.len()).is_some());
        if groups.is_empty() {
            let needed = self.tiers.first().map_or(0, |tier| tier.from);
            return Err(Declined::TooFewUnits { actual: most as u64, needed: needed.into() });
        }
        for places in groups {
            if let Some(tier) = self.reached(places.len()) {
                draft.take_alike(given, places, tier.off);
            }
        }
        Ok(())
    }
}

impl Foreseen for QuantityTiers {
    fn takes_off_its_items(&self) -> bool {
        true
    }

    fn gives_away(&self) -> GivenAway {
        GivenAway::goods_if(self.tiers.iter().any(|tier| tier.off.takes_all()))
    }

    fn greatest_share(&self) -> u16 {
        self.tiers.iter().map(|tier| tier.off.share()).max().unwrap_or(0)
    }

    fn units_needed(&self) -> u64 {
        self.tiers.first().map_or(1, |tier| tier.from.into())
    }

    fn tiers(&self) -> Vec<ForeseenTier> {
        let tier = |(place, tier): (usize, &QuantityTier)| ForeseenTier {
            path: format!("tiers[{place}]"),
            from: Reached::Units(tier.from),
            off: tier.off,
        };
        self.tiers.iter().enumerate().map(tier).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{draft_of, off, off_with_room, problems_of, units};
    use super::*;
    use crate::rounding::{Level, Rounding};

    const TIERS: &str = r#"[{"from":2,"off":{"percent_bp":500}},{"from":4,"off":{"percent_bp":1000}}]"#;

    #[test]
    fn the_last_tier_that_is_reached_counts_for_each_unit() {
        let matching = &format!(r#"{{"quantity_tiers":{{"tiers":{TIERS}}}}}"#);
        let line = &format!(r#"{{"quantity_tiers":{{"tiers":{TIERS},"per":"line"}}}}"#);
        let price = r#"{"quantity_tiers":{"tiers":[{"from":2,"off":{"price":{"minor":400,"currency":"USD"}}}]}}"#;
        let amount = r#"{"quantity_tiers":{"tiers":[{"from":1,"off":{"amount":{"minor":300,"currency":"USD"}}}]}}"#;
        for (json, of, expected, why) in [
            (&**matching, &[(0, 1_000), (1, 500)][..], Ok(vec![50, 25]), "two units, whichever"),
            (matching, &[(0, 1_000), (0, 1_000), (1, 500)], Ok(vec![50, 50, 25]), "three are in the first tier still"),
            (matching, &[(0, 1_000), (0, 1_000), (1, 500), (1, 500)], Ok(vec![100, 100, 50, 50]), "four reach the second"),
            (matching, &[(0, 105), (0, 105), (1, 105)], Ok(vec![6, 5, 5]), "10.5 rounds up in the line of two, 5.25 down"),
            (matching, &[(0, 1_000)], Err(Declined::TooFewUnits { actual: 1, needed: 2 }), "one is too few"),
            (line, &[(0, 1_000), (0, 1_000), (1, 500)], Ok(vec![50, 50, 0]), "each line by itself"),
            (
                line,
                &[(0, 100), (0, 100), (0, 100), (0, 100), (1, 100), (1, 100)],
                Ok(vec![10, 10, 10, 10, 5, 5]),
                "in its own tier",
            ),
            (line, &[(0, 1_000), (1, 500)], Err(Declined::TooFewUnits { actual: 1, needed: 2 }), "one each is too few"),
            (price, &[(0, 500), (1, 300), (2, 0)], Ok(vec![100, 0, 0]), "what is cheaper already is left alone"),
            (amount, &[(0, 500), (1, 200), (2, 0)], Ok(vec![300, 200, 0]), "not below zero"),
        ] {
            assert_eq!(off(json, of), expected, "{why}: {json}");
        }
    }

    #[test]
    fn a_share_is_rounded_at_the_level_of_the_policy() {
        let half = r#"{"quantity_tiers":{"tiers":[{"from":2,"off":{"percent_bp":5000}}]}}"#;
        let half_line = r#"{"quantity_tiers":{"tiers":[{"from":2,"off":{"percent_bp":5000}}],"per":"line"}}"#;
        for (json, level, expected) in [
            (half, Level::Unit, [3, 3, 3, 3, 3]),      // 2.5 each
            (half, Level::Line, [3, 2, 3, 2, 3]),      // 5, 5 and 2.5
            (half, Level::Order, [3, 2, 3, 2, 3]),     // 12.5 in all
            (half_line, Level::Unit, [3, 3, 3, 3, 0]), // one unit reaches no tier
            (half_line, Level::Order, [3, 2, 3, 2, 0]),
        ] {
            let rounding = Rounding { level, ..Rounding::BASKET };
            let draft = draft_of(json, &units(&[(0, 5), (0, 5), (1, 5), (1, 5), (2, 5)]), rounding).unwrap();
            assert_eq!(draft.off, expected, "{level:?}: {json}");
        }
    }

    #[test]
    fn a_floor_holds_and_what_does_not_fit_stays_in_its_line() {
        let half = r#"{"quantity_tiers":{"tiers":[{"from":2,"off":{"percent_bp":5000}}]}}"#;
        assert_eq!(off_with_room(half, &[(0, 1_000, 200), (1, 1_000, 1_000)]), (vec![200, 500], 300));
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        assert_eq!(problems_of(r#"{"quantity_tiers":{"tiers":[]}}"#), ["effect.tiers"]);
        let json =
            r#"{"quantity_tiers":{"tiers":[{"from":2,"off":"free"},{"from":2,"off":{"percent_bp":0}},{"from":0,"off":"free"}]}}"#;
        assert_eq!(problems_of(json), ["effect.tiers[1].off.percent_bp", "effect.tiers[2].from", "effect.tiers"]);
    }
}
