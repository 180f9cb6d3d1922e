use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::{Currency, Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::basket::{Basket, BasketError, Context};
use crate::candidates::{Candidate, Candidates};
use crate::compile::{Compiled, RuleSet};
use crate::evaluate::{Evaluated, evaluate};
use crate::record::Outcome;
use crate::state::Sheet;

/// What a basket costs from one instant until another, for one customer: their lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// In order of time, without gaps; two that follow each other differ.
    pub slices: Vec<Slice>,
    /// There would have been more slices than were asked for: the last one ends early.
    pub cut: bool,
}

/// A time in which nothing changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
    /// What goods cost, after promotions, in minor units.
    pub goods: i64,
    /// What postage costs, after promotions; `None` while nobody knows.
    pub postage: Option<i64>,
    /// What is applied, in the order in which it is.
    pub promotions: Vec<Arc<str>>,
}

impl Slice {
    /// Goods and postage together.
    pub fn payable(&self) -> i64 {
        self.goods + self.postage.unwrap_or(0)
    }
}

impl Timeline {
    /// The first of the slices in which the basket costs least.
    pub fn lowest(&self) -> Option<&Slice> {
        self.slices.iter().min_by_key(|slice| slice.payable())
    }
}

impl RuleSet {
    /// What `basket` costs at each instant from `from` until `until`: the same calculation as [`RuleSet::quote`], at the
    /// instants at which a window of a promotion that concerns the basket opens or closes, and at no others. At most `most`
    /// slices.
    pub fn timeline(
        &self,
        basket: &Basket,
        context: &Context,
        from: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> Result<Timeline, BasketError> {
        let mut timeline = Timeline { slices: Vec::new(), cut: false };
        self.sweep(basket, context, from, until, |slice, _| {
            let full = timeline.slices.len() == most;
            match timeline.slices.last_mut() {
                Some(last) if last.same_as(&slice) => last.until = slice.until,
                _ if full => {
                    timeline.cut = true;
                    return ControlFlow::Break(());
                }
                _ => timeline.slices.push(slice),
            }
            ControlFlow::Continue(())
        })?;
        Ok(timeline)
    }

    /// Visits what `basket` costs between any two instants at which a window opens or closes, in order of time, until `visit` breaks
    /// off; it is told besides whether any window changes after that, be it after `until`.
    pub(crate) fn sweep(
        &self,
        basket: &Basket,
        context: &Context,
        from: Timestamp,
        until: Timestamp,
        mut visit: impl FnMut(Slice, bool) -> ControlFlow<()>,
    ) -> Result<(), BasketError> {
        let mut sheet = self.sheet(basket, context)?;
        let candidates = Candidates::of(&sheet);
        let mut sweep = Sweep::new(&sheet, &candidates, from);
        let mut open = Vec::new();
        let mut now = from;
        while now < until {
            sheet.at = now;
            let change = sweep.next_change();
            let next = change.filter(|next| *next < until).unwrap_or(until);
            sweep.open_candidates(&mut open);
            let slice = slice(&sheet, &evaluate(&sheet, &candidates, &open), now, next);
            if visit(slice, change.is_some()).is_break() {
                break;
            }
            now = next;
            sweep.advance(now);
        }
        Ok(())
    }
}

impl Slice {
    fn same_as(&self, other: &Self) -> bool {
        (self.goods, self.postage, &self.promotions) == (other.goods, other.postage, &other.promotions)
    }
}

fn slice(sheet: &Sheet<'_>, evaluated: &Evaluated, from: Timestamp, until: Timestamp) -> Slice {
    let applied = evaluated.outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Applied { .. }));
    let promotions = applied.map(|(promotion, _)| Arc::clone(&sheet.rules.promotions[*promotion as usize].id)).collect();
    Slice { from, until, goods: evaluated.state.total, postage: evaluated.state.postage, promotions }
}

/// A timeline as a shop reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineAnswer {
    /// In order of time, without gaps; two that follow each other differ.
    pub slices: Vec<AnsweredSlice>,
    /// The first of the slices in which the basket costs least; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowest: Option<AnsweredSlice>,
    /// There are more slices than were asked for: the last one ends early.
    pub cut: bool,
}

/// A time in which nothing changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnsweredSlice {
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
    /// Goods and postage together.
    pub payable: Money,
    /// What is applied, in the order in which it is.
    pub promotions: Vec<String>,
}

impl Timeline {
    /// As a shop reads it; its amounts are in `currency`.
    pub fn answer(&self, currency: Currency) -> TimelineAnswer {
        let told = |slice: &Slice| AnsweredSlice {
            from: slice.from,
            until: slice.until,
            payable: Money::new(slice.payable(), currency),
            promotions: slice.promotions.iter().map(ToString::to_string).collect(),
        };
        TimelineAnswer { slices: self.slices.iter().map(told).collect(), lowest: self.lowest().map(told), cut: self.cut }
    }
}

/// The windows of the candidates, moved along in time: each is looked at again when it changes, and not before.
struct Sweep<'a> {
    rules: &'a RuleSet,
    all: &'a [Candidate],
    open: Vec<bool>,
    /// When each candidate changes next.
    changes: BinaryHeap<Reverse<(Timestamp, usize)>>,
}

impl<'a> Sweep<'a> {
    fn new(sheet: &Sheet<'a>, candidates: &'a Candidates, from: Timestamp) -> Self {
        let all = &candidates.all;
        let mut sweep = Self { rules: sheet.rules, all, open: vec![false; all.len()], changes: BinaryHeap::new() };
        (0..all.len()).for_each(|place| sweep.look_at(place, from));
        sweep
    }

    fn look_at(&mut self, place: usize, now: Timestamp) {
        let promotion: &Compiled = &self.rules.promotions[self.all[place].promotion as usize];
        let (open, next) = promotion.opening(now, &self.rules.zone);
        self.open[place] = open;
        self.changes.extend(next.map(|next| Reverse((next, place))));
    }

    fn next_change(&self) -> Option<Timestamp> {
        self.changes.peek().map(|Reverse((at, _))| *at)
    }

    fn advance(&mut self, now: Timestamp) {
        while let Some(Reverse((at, place))) = self.changes.peek().copied()
            && at <= now
        {
            self.changes.pop();
            self.look_at(place, now);
        }
    }

    fn open_candidates(&self, to: &mut Vec<Candidate>) {
        to.clear();
        to.extend(self.all.iter().zip(&self.open).filter(|(_, open)| **open).map(|(candidate, _)| candidate.clone()));
    }
}
