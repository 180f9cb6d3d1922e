use pricestream_documents::Reader;
use pricestream_domain::{BasisPoints, Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Audience, Component, Declined, Draft, Foreseen, Given, GivenAway, Off, OffEach, WorksOn};

/// A fixed price or a share off for each matching unit, one of the two. Who is a member is a `groups` condition.
///
/// The price is what a unit costs in the end, whatever the promotion's stack base: a unit that costs less already is left alone.
/// The share is rounded as the promotion's policy says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberPrice {
    /// What one unit costs, not negative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// The share that is taken off, above zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off_bp: Option<BasisPoints>,
}

impl MemberPrice {
    fn off(&self) -> Option<Off> {
        self.price.map(Off::Price).or(self.off_bp.map(Off::PercentBp))
    }
}

impl Component for MemberPrice {
    fn works_on(&self) -> WorksOn {
        WorksOn::Lines
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        if self.price.is_some() == self.off_bp.is_some() {
            reader.problem(path, "must have price or off_bp, and one alone");
        }
        if self.price.is_some_and(|price| price.minor < 0) {
            reader.problem(&format!("{path}.price"), "must not be negative");
        }
        if self.off_bp == Some(BasisPoints::default()) {
            reader.problem(&format!("{path}.off_bp"), "must be above zero");
        }
    }

    fn amounts(&self) -> Vec<Money> {
        self.price.into_iter().collect()
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        if let Some(off) = self.off() {
            draft.take_alike(given, &given.places(), off);
        }
        Ok(())
    }
}

impl Foreseen for MemberPrice {
    fn takes_off_its_items(&self) -> bool {
        true
    }

    fn gives_away(&self) -> GivenAway {
        GivenAway::goods_if(self.off().is_some_and(Off::takes_all))
    }

    fn off_each(&self) -> Option<OffEach> {
        self.off().map(OffEach::from)
    }

    fn audience(&self) -> Audience {
        Audience::Members
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{draft_of, off, off_after, off_with_room, problems_of, units};
    use crate::rounding::Rounding;

    const AT_15: &str = r#"{"member_price":{"price":{"minor":1500,"currency":"USD"}}}"#;
    const LESS: &str = r#"{"member_price":{"off_bp":1500}}"#;

    #[test]
    fn members_pay_a_price_or_a_share_less() {
        for (json, of, expected, why) in [
            (AT_15, &[(0, 2_000), (0, 2_000), (1, 1_400), (2, 0)][..], vec![500, 500, 0, 0], "what is cheaper is left alone"),
            (LESS, &[(0, 1_990), (1, 0)], vec![299, 0], "298.5 rounds up"),
            (LESS, &[(0, 1_990), (0, 1_990)], vec![299, 298], "the line is rounded as one: 597"),
        ] {
            assert_eq!(off(json, of), Ok(expected), "{why}");
        }
        let draft = draft_of(LESS, &units(&[(0, 1_990), (0, 1_990)]), Rounding::CATALOGUE).unwrap();
        assert_eq!(draft.off, [298, 298], "1691.5 is left of each, so 1692");
    }

    #[test]
    fn it_is_the_price_in_the_end_and_no_floor_is_passed() {
        assert_eq!(off_after(AT_15, &[(0, 2_000), (1, 2_000)], &[1_800, 1_400]), [300, 0]);
        assert_eq!(off_with_room(AT_15, &[(0, 2_000, 300), (1, 2_000, 2_000)]), (vec![300, 500], 200));
        assert_eq!(off_with_room(LESS, &[(0, 2_000, 100), (1, 2_000, 0)]), (vec![100, 0], 500));
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        for (json, expected) in [
            (r#"{"member_price":{}}"#, &["effect"][..]),
            (
                r#"{"member_price":{"price":{"minor":-1,"currency":"USD"},"off_bp":0}}"#,
                &["effect", "effect.price", "effect.off_bp"],
            ),
        ] {
            assert_eq!(problems_of(json), expected, "{json}");
        }
    }
}
