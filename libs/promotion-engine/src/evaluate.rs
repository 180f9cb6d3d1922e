use std::sync::Arc;

use crate::application::{Application, Made};
use crate::candidates::{Candidate, Candidates};
use crate::compete::{Entry, resolve};
use crate::compile::Compiled;
use crate::components::{Declined, Draft, Given, Unit, Wallet};
use crate::document::condition::Basis;
use crate::document::pipeline::{Keep, Take};
use crate::document::promotion::{BeyondBudget, BeyondUnits};
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
}

/// Runs the pipeline over some of the candidates.
pub(crate) fn evaluate(sheet: &Sheet<'_>, candidates: &Candidates, all: &[Candidate]) -> Evaluated {
    let units = sheet.original.len();
    let mut run = Run {
        sheet,
        candidates,
        all,
        scratch: Scratch { units: Vec::with_capacity(units), draft: Draft::default() },
        outcomes: vec![None; all.len()],
        applied: Vec::with_capacity(all.len()),
        made: Made::with_room(units, sheet.lines.len()),
    };
    let mut state = State::of(sheet);
    let promotions = &sheet.rules.promotions;
    let node_of = |place: usize| promotions[all[place].promotion as usize].node;
    let mut first = 0;
    while first < all.len() {
        let node = node_of(first);
        let last = (first..all.len()).find(|place| node_of(*place) != node).unwrap_or(all.len());
        run.node(&mut state, usize::from(node), first..last);
        first = last;
    }
    let outcomes = run.outcomes.into_iter().zip(all);
    let outcomes =
        outcomes.map(|(outcome, candidate)| (candidate.promotion, outcome.expect("every candidate was decided"))).collect();
    Evaluated { state, applied: run.applied, made: run.made, outcomes }
}

struct Run<'a> {
    sheet: &'a Sheet<'a>,
    candidates: &'a Candidates,
    all: &'a [Candidate],
    scratch: Scratch,
    outcomes: Vec<Option<Outcome>>,
    applied: Vec<(u32, Application)>,
    made: Made,
}

struct Scratch {
    units: Vec<Unit>,
    draft: Draft,
}

type Places = std::ops::Range<usize>;

impl Run<'_> {
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
            units.sort_by_key(|(unit, _)| (std::cmp::Reverse(document_of(*unit).priority), *unit));
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
        // Each unit makes its snapshot of the same state; then the snapshots compete.
        let mut entries = Vec::new();
        for (unit, places) in units {
            let made = match document_of(unit).take {
                Take::Best => self.best(state, places),
                Take::Stack => {
                    let mut snapshot = state.clone();
                    let before = self.applied.len();
                    self.stack(&mut snapshot, places);
                    self.applied.split_off(before).into_iter().map(|(place, application)| (place as usize, application)).collect()
                }
            };
            if !made.is_empty() {
                entries.push(Entry { priority: document_of(unit).priority, applications: made });
            }
        }
        for (place, application) in self.compete(entries) {
            self.commit(state, place, application);
        }
    }

    /// Each upon the other.
    fn stack(&mut self, state: &mut State, places: Places) {
        for place in places {
            match self.attempt(state, place) {
                Ok(application) => self.commit(state, place, application),
                Err(reason) => self.outcomes[place] = Some(Outcome::Declined(reason)),
            }
        }
    }

    /// Each upon the same state; what is best of them, where they meet.
    fn best(&mut self, state: &State, places: Places) -> Vec<(usize, Application)> {
        let mut entries = Vec::new();
        for place in places {
            match self.attempt(state, place) {
                Ok(application) => entries.push(Entry { priority: 0, applications: vec![(place, application)] }),
                Err(reason) => self.outcomes[place] = Some(Outcome::Declined(reason)),
            }
        }
        if entries.len() < 2 { entries.into_iter().flat_map(|entry| entry.applications).collect() } else { self.compete(entries) }
    }

    fn compete(&mut self, entries: Vec<Entry>) -> Vec<(usize, Application)> {
        let promotions = &self.sheet.rules.promotions;
        let resolved = resolve(self.sheet, entries, &mut self.made);
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
        self.outcomes[place] = Some(Outcome::Applied { off: application.total, unfit: application.unfit });
        state.commit(self.sheet, &application, &self.made);
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
        if !context.switched_off.is_empty() && context.switched_off.contains(promotion.document.effect.component()) {
            return Err(Reason::SwitchedOff);
        }
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
        if let Some(test) = &promotion.condition {
            test.check(&Now { sheet, state, lines }).map_err(Reason::Unmet)?;
        }
        let allowed;
        let lines = if sheet.rules.words == 0 {
            lines
        } else {
            allowed = allowed_lines(sheet, state, promotion, lines)
                .map_err(|by| Reason::Excluded { by: Arc::clone(&sheet.rules.promotions[by as usize].id) })?;
            &allowed
        };
        let left = if context.left.is_empty() { None } else { context.left.get(&*promotion.id) };
        if left.is_some_and(|left| left.uses == Some(0)) {
            return Err(Reason::UsedUp(Limited::Uses));
        }
        if left.is_some_and(|left| left.coupons == Some(0)) {
            return Err(Reason::UsedUp(Limited::Coupons));
        }
        let Scratch { units, draft } = &mut self.scratch;
        state.units(sheet, promotion, lines, units);
        let limit = promotion.document.limit.as_ref();
        let quota = left.and_then(|left| left.units).map(|quota| usize::try_from(quota).unwrap_or(usize::MAX));
        if let Some(quota) = quota {
            if quota == 0 {
                return Err(Reason::UsedUp(Limited::Units));
            }
            if limit.is_none_or(|limit| limit.beyond_units == BeyondUnits::Partial) {
                keep_dearest(units, quota);
            }
        }
        let given = Given {
            units,
            rounding: promotion.rounding,
            postage: match promotion.document.stack_base {
                Basis::Running => state.postage,
                Basis::Original | Basis::List => sheet.basket.postage.as_ref().map(|postage| postage.amount.minor),
            },
            postage_room: state.postage.unwrap_or(0),
            wallet: Wallet { packets: &state.packets, points: state.points },
            running: &state.running,
            original: &sheet.original,
            list: &sheet.list,
        };
        draft.begin(units.len());
        promotion.document.effect.apply(&given, draft).map_err(Reason::Component)?;
        if quota.is_some_and(|quota| draft.off.iter().filter(|off| **off > 0).count() > quota) {
            return Err(Reason::UsedUp(Limited::Units));
        }
        if let Some(budget) = left.and_then(|left| left.budget).filter(|budget| draft.total() > *budget) {
            let beyond = limit.map(|limit| limit.beyond_budget);
            if budget <= 0 || beyond != Some(BeyondBudget::Partial) {
                return Err(Reason::UsedUp(Limited::Budget));
            }
            draft.reduce_to(budget);
        }
        let application = self.made.add(candidate.promotion, units, draft);
        match application {
            Application { total: 0, unfit: 0, .. } => Err(Reason::Component(Declined::NothingToTake)),
            Application { total: 0, unfit, .. } => Err(Reason::Floor { unfit }),
            application => Ok(application),
        }
    }
}

/// Of units of equal price the earlier.
fn keep_dearest(units: &mut Vec<Unit>, most: usize) {
    if units.len() > most {
        units.sort_by_key(|unit| std::cmp::Reverse(unit.price));
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
