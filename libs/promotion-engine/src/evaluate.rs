use std::cmp::Reverse;
use std::sync::Arc;

use crate::application::{Application, Made};
use crate::candidates::{Candidate, Candidates};
use crate::compete::{Entry, Open, resolve};
use crate::compile::Compiled;
use crate::components::{COMPONENTS, Declined, Draft, Given, Shelf, StepCount, Unit, Wallet};
use crate::degraded::{LeftOut, Out, left_out};
use crate::document::condition::Basis;
use crate::document::pipeline::{Keep, Take};
use crate::document::policies::ExclusiveBy;
use crate::document::promotion::{BeyondBudget, BeyondUnits, Scope};
use crate::edge::Edge;
use crate::near_miss::Shortfall;
use crate::record::{Limited, Outcome, Reason};
use crate::state::{Now, Sheet, State};

/// What the pipeline made of a basket.
#[derive(Debug)]
pub(crate) struct Evaluated {
    pub(crate) state: State,
    /// In the order in which they were applied, with the places of their outcomes.
    pub(crate) applied: Vec<(u32, Application)>,
    /// What those are made of.
    pub(crate) made: Made,
    /// Of each candidate, in their order.
    pub(crate) outcomes: Vec<(u32, Outcome)>,
    /// Of some of them, by their places, what would have to be bought besides.
    pub(crate) missing: Vec<(usize, Box<Shortfall>)>,
    /// Components that it was made without.
    pub(crate) out: Out,
}

/// Runs the pipeline over some of the candidates. When components fail or pass their budgets on the way, it is run again without
/// them: so what they gave before does not stand, and the price is the same as if they were switched off.
pub(crate) fn evaluate<E: Edge>(sheet: &Sheet<'_>, candidates: &Candidates, all: &[Candidate], edge: &E) -> Evaluated {
    let mut out = left_out(sheet.context);
    loop {
        let evaluated = without(sheet, candidates, all, edge, out);
        if evaluated.out == out {
            return evaluated;
        }
        out = evaluated.out;
    }
}

/// Runs it without the components that are `out`; more of them may be in the end.
fn without<E: Edge>(sheet: &Sheet<'_>, candidates: &Candidates, all: &[Candidate], edge: &E, out: Out) -> Evaluated {
    let run = |out| Run::of(sheet, candidates, all, edge, out);
    let document = |place: usize| &sheet.rules.promotions[all[place].promotion as usize].document;
    let exclusive: Vec<usize> = (0..all.len()).filter(|place| document(*place).exclusive.is_some()).collect();
    if exclusive.is_empty() {
        return run(out).whole(&[]);
    }
    let in_order = |place: &usize| document(*place).exclusive == Some(Scope::Order);
    match sheet.rules.policies.exclusive_by {
        ExclusiveBy::Turn => run(out).whole(&[]),
        ExclusiveBy::First => {
            let mut ahead = exclusive;
            ahead.sort_by_key(|place| (Reverse(document(*place).priority), *place));
            run(out).whole(&ahead)
        }
        ExclusiveBy::Priority => {
            let of_order: Vec<usize> = exclusive.into_iter().filter(in_order).collect();
            alone_or_others(run, out, &of_order, |place| document(place).priority)
        }
        ExclusiveBy::Value => alone_or_others(run, out, &exclusive.into_iter().filter(in_order).collect::<Vec<_>>(), |_| 0),
    }
}

/// The best exclusive promotion alone, or all others without those: what has the higher rank, of equal ranks what takes more off.
fn alone_or_others<'a, E: Edge + 'a>(
    run: impl Fn(Out) -> Run<'a, E>,
    out: Out,
    exclusive: &[usize],
    rank: impl Fn(usize) -> i32,
) -> Evaluated {
    let mut others = run(out);
    let state = State::of(others.sheet);
    let mut alone: Vec<(i32, i64, usize)> = Vec::new();
    for place in exclusive {
        others.outcomes[*place] = match others.attempt(&state, *place) {
            // What nobody has chosen yet stands in nobody's way.
            Ok(application) if application.is_open() => None,
            Ok(application) => {
                alone.push((rank(*place), application.total, *place));
                Some(Outcome::Declined(Reason::Component(Declined::NothingToTake)))
            }
            Err(reason) => Some(Outcome::Declined(reason)),
        };
    }
    let mut others = others.whole(&[]);
    let off = others.applied.iter().map(|(_, application)| application.total).sum::<i64>();
    let highest = others.applied.iter().map(|(place, _)| rank(*place as usize)).max().unwrap_or(i32::MIN);
    let best = alone.iter().copied().max_by_key(|(rank, total, place)| (*rank, *total, Reverse(*place)));
    if let Some((_, _, place)) = best.filter(|(rank, total, _)| (*rank, *total) > (highest, off)) {
        let mut best = run(others.out).whole(&[place]);
        // It may be the best for want of these alone.
        for (outcome, of_others) in best.outcomes.iter_mut().zip(others.outcomes) {
            if matches!(&of_others.1, Outcome::Declined(reason) if reason.is_degraded()) {
                *outcome = of_others;
            }
        }
        return best;
    }
    let most =
        others.applied.iter().max_by_key(|(place, application)| (rank(*place as usize), application.total, Reverse(*place)));
    let id = |promotion: u32| Arc::clone(&run(out).sheet.rules.promotions[promotion as usize].id);
    if let Some(by) = most.map(|(_, application)| id(application.promotion)) {
        for (_, total, place) in alone {
            others.outcomes[place].1 = Outcome::Declined(Reason::Beaten { by: Arc::clone(&by), by_amount: off - total });
        }
    }
    others
}

struct Run<'a, E> {
    sheet: &'a Sheet<'a>,
    candidates: &'a Candidates,
    all: &'a [Candidate],
    edge: &'a E,
    out: Out,
    /// That each component took so far.
    steps: [u64; COMPONENTS],
    scratch: Scratch,
    outcomes: Vec<Option<Outcome>>,
    applied: Vec<(u32, Application)>,
    made: Made,
    missing: Vec<(usize, Box<Shortfall>)>,
}

struct Scratch {
    units: Vec<Unit>,
    draft: Draft,
}

type Places = std::ops::Range<usize>;

impl<'a, E: Edge> Run<'a, E> {
    fn of(sheet: &'a Sheet<'a>, candidates: &'a Candidates, all: &'a [Candidate], edge: &'a E, out: Out) -> Self {
        let units = sheet.original.len();
        Self {
            sheet,
            candidates,
            all,
            edge,
            out,
            steps: [0; COMPONENTS],
            scratch: Scratch { units: Vec::with_capacity(units), draft: Draft::with(sheet.rules.policies.odd_cents) },
            outcomes: vec![None; all.len()],
            applied: Vec::with_capacity(all.len()),
            made: Made::with_room(units, sheet.lines.len()),
            missing: Vec::new(),
        }
    }

    /// Some candidates ahead of the pipeline, then the others node by node; those that have been decided already stay so.
    fn whole(mut self, ahead: &[usize]) -> Evaluated {
        let all = self.all;
        let mut state = State::of(self.sheet);
        self.stack(&mut state, ahead.iter().copied());
        let promotions = &self.sheet.rules.promotions;
        let node_of = |place: usize| promotions[all[place].promotion as usize].node;
        let mut first = 0;
        while first < all.len() {
            let node = node_of(first);
            let last = (first..all.len()).find(|place| node_of(*place) != node).unwrap_or(all.len());
            self.node(&mut state, usize::from(node), first..last);
            first = last;
        }
        let outcomes = self.outcomes.into_iter().zip(all);
        let outcomes =
            outcomes.map(|(outcome, candidate)| (candidate.promotion, outcome.expect("every candidate was decided"))).collect();
        Evaluated { state, applied: self.applied, made: self.made, outcomes, missing: self.missing, out: self.out }
    }

    fn node(&mut self, state: &mut State, node: usize, places: Places) {
        let rules = self.sheet.rules;
        let unit_of = |run: &Self, place: usize| rules.promotions[run.all[place].promotion as usize].unit;
        let mut units: Vec<(u16, Places)> = Vec::new();
        for place in places {
            let unit = unit_of(self, place);
            match units.last_mut() {
                Some((last, of_unit)) if *last == unit => of_unit.end = place + 1,
                _ => units.push((unit, place..place + 1)),
            }
        }
        let node = &rules.nodes[node];
        let document_of = |unit: u16| &node.units[usize::from(unit)];
        if node.keep == Keep::Stack || units.len() == 1 {
            units.sort_by_key(|(unit, _)| (Reverse(document_of(*unit).priority), *unit));
            for (unit, places) in units {
                match document_of(unit).take {
                    Take::Stack => self.stack(state, places),
                    Take::Best => {
                        for (place, application) in self.best(state, places) {
                            self.commit(state, place, application);
                        }
                    }
                }
            }
            return;
        }
        // Each unit makes its snapshot of the same state; then the snapshots compete. Of a unit of which the best stands each
        // promotion competes by itself: else one could win within its unit, lose outside, and leave its lines without the others.
        let mut entries = Vec::new();
        for (unit, places) in units {
            let priority = document_of(unit).priority;
            match document_of(unit).take {
                Take::Best => self.each(state, places, priority, &mut entries),
                Take::Stack => {
                    let mut snapshot = state.clone();
                    let before = self.applied.len();
                    self.stack(&mut snapshot, places);
                    let made = self.applied.split_off(before).into_iter();
                    let applications: Vec<_> = made.map(|(place, application)| (place as usize, application)).collect();
                    if !applications.is_empty() {
                        entries.push(Entry { priority, applications });
                    }
                }
            }
        }
        for (place, application) in self.compete(entries) {
            self.commit(state, place, application);
        }
    }

    /// Each upon the other.
    fn stack(&mut self, state: &mut State, places: impl Iterator<Item = usize>) {
        for place in places {
            if self.outcomes[place].is_some() {
                continue;
            }
            match self.attempt(state, place) {
                Ok(application) => self.commit(state, place, application),
                Err(reason) => self.outcomes[place] = Some(Outcome::Declined(reason)),
            }
        }
    }

    /// Each upon the same state; what is best of them, where they meet.
    fn best(&mut self, state: &State, places: Places) -> Vec<(usize, Application)> {
        let mut entries = Vec::new();
        self.each(state, places, 0, &mut entries);
        if entries.len() < 2 { entries.into_iter().flat_map(|entry| entry.applications).collect() } else { self.compete(entries) }
    }

    fn each(&mut self, state: &State, places: Places, priority: i32, entries: &mut Vec<Entry>) {
        for place in places {
            if self.outcomes[place].is_some() {
                continue;
            }
            match self.attempt(state, place) {
                Ok(application) => entries.push(Entry { priority, applications: vec![(place, application)] }),
                Err(reason) => self.outcomes[place] = Some(Outcome::Declined(reason)),
            }
        }
    }

    fn compete(&mut self, mut entries: Vec<Entry>) -> Vec<(usize, Application)> {
        let promotions = &self.sheet.rules.promotions;
        let open = Open::set_apart(&mut entries);
        let mut resolved = resolve(self.sheet, entries, &mut self.made);
        if let Some(open) = open {
            open.join(&mut resolved);
        }
        for lost in resolved.lost {
            let by = Arc::clone(&promotions[lost.by as usize].id);
            self.outcomes[lost.place] = Some(Outcome::Declined(Reason::Beaten { by, by_amount: lost.by_amount }));
        }
        resolved.won
    }

    fn commit(&mut self, state: &mut State, place: usize, application: Application) {
        // Winners of one node may exclude each other elsewhere in the order.
        let promotion = &self.sheet.rules.promotions[application.promotion as usize];
        let against = || {
            let of_order = state.excluded(self.sheet, promotion);
            of_order
                .or_else(|| self.made.lines(&application).iter().find_map(|line| state.excluded_on(self.sheet, promotion, *line)))
        };
        if let Some(by) = against() {
            self.outcomes[place] = Some(self.excluded_by(by));
            return;
        }
        let Application { total: off, unfit, .. } = application;
        match &application.gifts {
            // Nobody has chosen: it stands, and changes nothing.
            Some(gifts) if application.is_open() => {
                self.outcomes[place] = Some(Outcome::Declined(Reason::Component(Declined::NotChosen(gifts.clone()))));
            }
            gifts => {
                self.outcomes[place] = Some(Outcome::Applied { off, unfit, gifts: gifts.clone() });
                state.commit(self.sheet, &application, &self.made);
            }
        }
        self.applied.push((u32::try_from(place).expect("candidates are few"), application));
    }

    fn excluded_by(&self, by: u32) -> Outcome {
        Outcome::Declined(Reason::Excluded { by: Arc::clone(&self.sheet.rules.promotions[by as usize].id) })
    }

    /// What a promotion would take off now, or why nothing.
    fn attempt(&mut self, state: &State, place: usize) -> Result<Application, Reason> {
        let sheet = self.sheet;
        let candidates = self.candidates;
        let candidate = &self.all[place];
        let promotion = &sheet.rules.promotions[candidate.promotion as usize];
        let context = sheet.context;
        if let Some(window) = &promotion.document.window {
            let opening = window.at(sheet.at, &sheet.rules.zone);
            if !opening.open {
                return Err(Reason::Window { opens: opening.until });
            }
        }
        if let Some(currency) = promotion.currency.filter(|currency| *currency != sheet.basket.currency) {
            return Err(Reason::OtherCurrency(currency));
        }
        let lines = candidates.lines(candidate);
        if lines.is_empty() {
            return Err(Reason::NoItems);
        }
        let left = if context.left.is_empty() { None } else { context.left.get(&*promotion.id) };
        if let Some(test) = &promotion.condition {
            let now = Now { sheet, state, lines };
            if let Err(unmet) = test.check(&now) {
                if left.is_none_or(|left| left.uses != Some(0) && left.units != Some(0))
                    && state.excluded(sheet, promotion).is_none()
                {
                    self.missing.extend(test.missing_after(&unmet, &now).map(|missing| (place, Box::new(missing))));
                }
                return Err(Reason::Unmet(unmet));
            }
        }
        let allowed;
        let lines = if sheet.rules.words == 0 {
            lines
        } else {
            allowed = allowed_lines(sheet, state, promotion, lines)
                .map_err(|by| Reason::Excluded { by: Arc::clone(&sheet.rules.promotions[by as usize].id) })?;
            &allowed
        };
        if left.is_some_and(|left| left.uses == Some(0)) {
            return Err(Reason::UsedUp { what: Limited::Uses, left: 0, needed: 1 });
        }
        if left.is_some_and(|left| left.coupons == Some(0)) {
            return Err(Reason::UsedUp { what: Limited::Coupons, left: 0, needed: 1 });
        }
        let limit = promotion.document.limit.as_ref();
        let quota = left.and_then(|left| left.units);
        if quota == Some(0) {
            return Err(Reason::UsedUp { what: Limited::Units, left: 0, needed: 1 });
        }
        state.units(sheet, promotion, lines, &mut self.scratch.units);
        if self.scratch.units.is_empty()
            && let Some(by) = state.excluded_on_units(sheet, promotion, lines)
        {
            return Err(Reason::Excluded { by: Arc::clone(&sheet.rules.promotions[by as usize].id) });
        }
        // Here it would be called: what is left out is missed by this promotion.
        let component = promotion.component;
        let most = sheet.rules.steps[component];
        if let Some(why) = self.out[component] {
            return Err(why.reason(most));
        }
        let Scratch { units, draft } = &mut self.scratch;
        let gives = !promotion.document.effect.gifts().is_empty();
        // Of what is given for nothing, the quota counts what is given.
        let of_units = quota.filter(|_| !gives).map(|quota| usize::try_from(quota).unwrap_or(usize::MAX));
        if let Some(quota) = of_units.filter(|_| limit.is_none_or(|limit| limit.beyond_units == BeyondUnits::Partial)) {
            keep_dearest(units, quota);
        }
        let shelf = || Shelf {
            chosen: context.gift_choices.get(&*promotion.id).map_or(&[], |chosen| chosen),
            stock: Some(&context.gift_stock),
            given: &state.given,
            quota,
        };
        let given = Given {
            units,
            rounding: promotion.rounding,
            postage: match promotion.document.stack_base {
                Basis::Running => state.postage,
                Basis::Original | Basis::List => sheet.basket.postage.as_ref().map(|postage| postage.amount.minor),
            },
            postage_room: state.postage.unwrap_or(0),
            wallet: Wallet { packets: &state.packets, points: state.points },
            shelf: if gives { shelf() } else { Shelf::default() },
            running: &state.running,
            original: &sheet.original,
            list: &sheet.list,
        };
        let effect = &promotion.document.effect;
        draft.begin(units.len());
        draft.steps = StepCount { taken: self.steps[component], most };
        if !draft.steps.count(units.len()) {
            return Err(self.leave_out(component, LeftOut::TooCostly));
        }
        let Some(applied) = self.edge.call(effect.component(), &promotion.id, || effect.apply(&given, draft)) else {
            // It may have left anything behind.
            *draft = Draft::with(sheet.rules.policies.odd_cents);
            return Err(self.leave_out(component, LeftOut::Failed));
        };
        self.steps[component] = draft.steps.taken;
        if draft.steps.passed() {
            return Err(self.leave_out(component, LeftOut::TooCostly));
        }
        if let Err(declined) = applied {
            // Beyond its quota more units would not help.
            if of_units.is_none_or(|quota| quota > units.len()) {
                let missing = Shortfall::of(&declined, || given.cheapest(u16::MAX));
                self.missing.extend(missing.map(|missing| (place, Box::new(missing))));
            }
            let lacks_units = matches!(declined, Declined::TooFewUnits { .. } | Declined::Incomplete { .. });
            return Err(match state.taken_by(sheet, promotion, lines).filter(|_| lacks_units) {
                Some(by) => {
                    let by = Arc::clone(&sheet.rules.promotions[by as usize].id);
                    Reason::UnitsTaken { by, declined: Box::new(declined) }
                }
                None => Reason::Component(declined),
            });
        }
        if let Some(quota) = of_units {
            let needed = draft.off.iter().filter(|off| **off > 0).count();
            if needed > quota {
                let of = |units: usize| i64::try_from(units).expect("a basket is small");
                return Err(Reason::UsedUp { what: Limited::Units, left: of(quota), needed: of(needed) });
            }
        }
        if let Some(budget) = left.and_then(|left| left.budget).filter(|budget| draft.total() > *budget) {
            let beyond = limit.map(|limit| limit.beyond_budget);
            if budget <= 0 || beyond != Some(BeyondBudget::Partial) {
                return Err(Reason::UsedUp { what: Limited::Budget, left: budget.max(0), needed: draft.total() });
            }
            draft.reduce_to(budget);
        }
        let application = self.made.add(candidate.promotion, units, draft);
        match application {
            application if application.gifts.is_some() => Ok(application),
            Application { total: 0, unfit: 0, .. } => Err(Reason::Component(Declined::NothingToTake)),
            Application { total: 0, unfit, .. } => Err(Reason::Floor { unfit }),
            application => Ok(application),
        }
    }

    /// Does without a component from here on.
    fn leave_out(&mut self, component: usize, why: LeftOut) -> Reason {
        self.out[component] = Some(why);
        why.reason(self.sheet.rules.steps[component])
    }
}

/// Of units of equal price the earlier.
fn keep_dearest(units: &mut Vec<Unit>, most: usize) {
    if units.len() > most {
        units.sort_by_key(|unit| Reverse(unit.price));
        units.truncate(most);
        units.sort_by_key(|unit| unit.number);
    }
}

/// The lines on which nothing stands against `promotion`. Errors: what stands against it on all of them.
fn allowed_lines(sheet: &Sheet<'_>, state: &State, promotion: &Compiled, lines: &[(u16, u16)]) -> Result<Vec<(u16, u16)>, u32> {
    if let Some(by) = state.excluded(sheet, promotion) {
        return Err(by);
    }
    let mut allowed = Vec::with_capacity(lines.len());
    let mut against = None;
    for (line, sets) in lines {
        match state.excluded_on(sheet, promotion, *line) {
            None => allowed.push((*line, *sets)),
            by => against = by,
        }
    }
    match against {
        Some(by) if allowed.is_empty() => Err(by),
        _ => Ok(allowed),
    }
}
