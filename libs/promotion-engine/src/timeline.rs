use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::{Currency, Money};
use schemars::JsonSchema;
use serde::Serialize;

use crate::basket::{Basket, BasketError, Context};
use crate::candidates::{Candidate, Candidates};
use crate::compile::{Compiled, RuleSet};
use crate::degraded::{Degraded, degraded};
use crate::edge::{AtEdge, Edge};
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
    /// Components that some slice does without although promotions of theirs would have been tried, in the order of their names.
    pub degraded: Vec<Degraded>,
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
        self.bare().timeline(basket, context, from, until, most)
    }
}

impl<E: Edge> AtEdge<'_, E> {
    /// As [`RuleSet::timeline`].
    pub fn timeline(
        self,
        basket: &Basket,
        context: &Context,
        from: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> Result<Timeline, BasketError> {
        let mut timeline = Timeline { slices: Vec::new(), cut: false, degraded: Vec::new() };
        let mut degraded = Vec::new();
        self.sweep(basket, context, from, until, |slice, missed, _| {
            degraded.extend(missed);
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
        degraded.sort_unstable();
        degraded.dedup();
        timeline.degraded = degraded;
        Ok(timeline)
    }

    /// Visits what `basket` costs between any two instants at which a window opens or closes, in order of time, until `visit` breaks
    /// off; it is told besides what is done without, and whether any window changes after that, be it after `until`.
    pub(crate) fn sweep(
        self,
        basket: &Basket,
        context: &Context,
        from: Timestamp,
        until: Timestamp,
        mut visit: impl FnMut(Slice, Vec<Degraded>, bool) -> ControlFlow<()>,
    ) -> Result<(), BasketError> {
        let mut sheet = self.rules.sheet(basket, context)?;
        let candidates = Candidates::of(&sheet);
        let mut sweep = Sweep::new(&sheet, &candidates, from);
        let mut now = from;
        while now < until {
            sheet.at = now;
            let change = sweep.next_change();
            let next = change.filter(|next| *next < until).unwrap_or(until);
            let evaluated = evaluate(&sheet, &candidates, &sweep.open, self.edge);
            let missed = missed(&sheet, &evaluated);
            if visit(slice(&sheet, &evaluated, now, next), missed, change.is_some()).is_break() {
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

/// What an instant does without.
fn missed(sheet: &Sheet<'_>, evaluated: &Evaluated) -> Vec<Degraded> {
    let component = |promotion: u32| sheet.rules.promotions[promotion as usize].document.effect.component();
    degraded(&evaluated.out, evaluated.outcomes.iter().map(|(promotion, outcome)| (component(*promotion), outcome)))
}

fn slice(sheet: &Sheet<'_>, evaluated: &Evaluated, from: Timestamp, until: Timestamp) -> Slice {
    let applied = evaluated.outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Applied { .. }));
    let promotions = applied.map(|(promotion, _)| Arc::clone(&sheet.rules.promotions[*promotion as usize].id)).collect();
    Slice { from, until, goods: evaluated.state.total, postage: evaluated.state.postage, promotions }
}

/// A timeline as a shop reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TimelineAnswer {
    /// In order of time, without gaps; two that follow each other differ.
    pub slices: Vec<AnsweredSlice>,
    /// The first of the slices in which the basket costs least; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lowest: Option<AnsweredSlice>,
    /// There are more slices than were asked for: the last one ends early.
    pub cut: bool,
    /// Components that some slice does without although promotions of theirs would have been tried.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<Degraded>,
}

/// A time in which nothing changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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
        TimelineAnswer {
            slices: self.slices.iter().map(told).collect(),
            lowest: self.lowest().map(told),
            cut: self.cut,
            degraded: self.degraded.clone(),
        }
    }
}

/// The windows of the candidates, moved along in time: each is looked at again when it changes, and not before.
struct Sweep<'a> {
    rules: &'a RuleSet,
    all: &'a [Candidate],
    /// Those that are open, in their order.
    open: Vec<Candidate>,
    /// When each candidate changes next.
    changes: BinaryHeap<Reverse<(Timestamp, usize)>>,
}

impl<'a> Sweep<'a> {
    fn new(sheet: &Sheet<'a>, candidates: &'a Candidates, from: Timestamp) -> Self {
        let all = &candidates.all;
        let mut sweep = Self { rules: sheet.rules, all, open: Vec::new(), changes: BinaryHeap::new() };
        (0..all.len()).for_each(|place| sweep.look_at(place, from));
        sweep
    }

    fn look_at(&mut self, place: usize, now: Timestamp) {
        let candidate = &self.all[place];
        let promotion: &Compiled = &self.rules.promotions[candidate.promotion as usize];
        let (open, next) = promotion.opening(now, &self.rules.zone);
        match self.open.binary_search_by_key(&candidate.promotion, |open| open.promotion) {
            Ok(at) if !open => drop(self.open.remove(at)),
            Err(at) if open => self.open.insert(at, candidate.clone()),
            Ok(_) | Err(_) => {}
        }
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
}
