use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::Money;

/// What one unit of a SKU costs a guest after promotions, in a basket of that SKU alone: slice by slice, so that whoever
/// holds it switches at each change by their own clock. A SKU without a lane costs its current price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Lane {
    /// In order of time, without gaps, at least one; two that follow each other differ.
    slices: Vec<LaneSlice>,
    /// The first instant that it says nothing about; absent when its last slice has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

/// A time in which the payable price stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LaneSlice {
    /// Its first instant; it ends where the next begins.
    pub from: Timestamp,
    /// What one unit costs.
    pub payable: Money,
}

/// What is no lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaneError {
    /// Nothing in it.
    #[error("a lane needs a slice")]
    Empty,
    /// Times that do not rise.
    #[error("the slices of a lane follow each other in time, and end before `until`")]
    OutOfOrder,
    /// Amounts in two currencies.
    #[error("the slices of a lane are in one currency")]
    MixedCurrencies,
}

impl Lane {
    /// Of slices in order of time; those that follow each other at one price are joined.
    pub fn new(mut slices: Vec<LaneSlice>, until: Option<Timestamp>) -> Result<Self, LaneError> {
        let first = slices.first().ok_or(LaneError::Empty)?;
        let currency = first.payable.currency;
        let rises = slices.is_sorted_by(|one, other| one.from < other.from);
        if !rises || until.is_some_and(|until| slices.last().is_some_and(|last| last.from >= until)) {
            return Err(LaneError::OutOfOrder);
        }
        if slices.iter().any(|slice| slice.payable.currency != currency) {
            return Err(LaneError::MixedCurrencies);
        }
        slices.dedup_by(|later, earlier| later.payable == earlier.payable);
        Ok(Self { slices, until })
    }

    /// In order of time, at least one.
    pub fn slices(&self) -> &[LaneSlice] {
        &self.slices
    }

    /// The first instant that it says nothing about; `None` when its last slice has no end.
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// The slice that `at` lies in; `None` before the first and after the last.
    pub fn at(&self, at: Timestamp) -> Option<LaneSlice> {
        if self.until.is_some_and(|until| at >= until) {
            return None;
        }
        let after = self.slices.partition_point(|slice| slice.from <= at);
        after.checked_sub(1).map(|place| self.slices[place])
    }

    /// When the price changes next after `at`, as far as it says.
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        let after = self.slices.partition_point(|slice| slice.from <= at);
        self.slices.get(after).map(|slice| slice.from)
    }

    /// Whether both say the same of every instant from `from` on that both say something of.
    pub fn agrees_with(&self, other: &Self, from: Timestamp) -> bool {
        let ends = |lane: &Self| lane.until.unwrap_or(Timestamp::MAX);
        let end = ends(self).min(ends(other));
        let changes =
            |lane: &Self| lane.slices.iter().map(|slice| slice.from).filter(|at| *at > from && *at < end).collect::<Vec<_>>();
        std::iter::once(from).chain(changes(self)).chain(changes(other)).filter(|at| *at < end).all(|at| {
            let (mine, theirs) = (self.at(at), other.at(at));
            mine.map(|slice| slice.payable) == theirs.map(|slice| slice.payable)
        })
    }

    /// When to work it out anew, so that nobody ever reads past its end: halfway through it. `None`: it has no end.
    pub fn renew_at(&self) -> Option<Timestamp> {
        let from = self.slices[0].from;
        let half = self.until?.duration_since(from) / 2;
        from.checked_add(half).ok().map(|at| Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at))
    }
}

impl<'de> Deserialize<'de> for Lane {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            slices: Vec<LaneSlice>,
            #[serde(default)]
            until: Option<Timestamp>,
        }
        let Written { slices, until } = Written::deserialize(deserializer)?;
        Self::new(slices, until).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Currency;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn lane(slices: &[(i64, i64)], until: Option<i64>) -> Result<Lane, LaneError> {
        let slice = |&(from, minor): &(i64, i64)| LaneSlice { from: at(from), payable: Money::new(minor, Currency::EUR) };
        Lane::new(slices.iter().map(slice).collect(), until.map(at))
    }

    #[test]
    fn a_lane_gives_the_slice_of_an_instant_and_what_changes_next() {
        let lane = lane(&[(10, 500), (20, 300), (30, 300), (40, 500)], Some(50)).unwrap();
        assert_eq!(lane.slices().len(), 3, "equal neighbours are one");
        for (instant, payable, next) in [
            (9, None, Some(10)),
            (10, Some(500), Some(20)),
            (19, Some(500), Some(20)),
            (20, Some(300), Some(40)),
            (39, Some(300), Some(40)),
            (49, Some(500), None),
            (50, None, None),
        ] {
            assert_eq!(lane.at(at(instant)).map(|slice| slice.payable.minor), payable, "{instant}");
            assert_eq!(lane.next_change(at(instant)), next.map(at), "{instant}");
        }
        assert_eq!(lane.renew_at(), Some(at(30)));
        let text = serde_json::to_string(&lane).unwrap();
        assert_eq!(serde_json::from_str::<Lane>(&text).unwrap(), lane);
    }

    #[test]
    fn two_lanes_agree_where_both_say_something() {
        let long = lane(&[(0, 500), (20, 300), (40, 500)], None).unwrap();
        for (other, from, expected) in [
            (lane(&[(10, 500), (20, 300)], Some(40)), 10, true),
            (lane(&[(10, 500), (20, 300)], Some(41)), 10, false),
            (lane(&[(10, 500), (21, 300)], Some(40)), 10, false),
            (lane(&[(10, 400), (20, 300), (40, 500)], None), 10, false),
            (lane(&[(10, 400), (20, 300), (40, 500)], None), 20, true),
        ] {
            let other = other.unwrap();
            assert_eq!(long.agrees_with(&other, at(from)), expected, "{other:?}");
            assert_eq!(other.agrees_with(&long, at(from)), expected, "{other:?}");
        }
    }

    #[test]
    fn what_is_no_lane_is_refused() {
        assert_eq!(lane(&[], None), Err(LaneError::Empty));
        assert_eq!(lane(&[(2, 1), (1, 2)], None), Err(LaneError::OutOfOrder));
        assert_eq!(lane(&[(1, 1), (1, 2)], None), Err(LaneError::OutOfOrder));
        assert_eq!(lane(&[(5, 1)], Some(5)), Err(LaneError::OutOfOrder));
        let mixed = r#"{"slices":[{"from":"2026-01-01T00:00:00Z","payable":{"minor":1,"currency":"EUR"}},{"from":"2026-01-02T00:00:00Z","payable":{"minor":1,"currency":"USD"}}]}"#;
        assert!(serde_json::from_str::<Lane>(mixed).is_err());
    }
}
