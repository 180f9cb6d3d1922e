use std::cmp::Reverse;

use crate::application::{Application, Made};
use crate::components::WorksOn;
use crate::state::Sheet;

/// What takes part in a competition: a unit's snapshot, or a promotion within a unit.
pub(crate) struct Entry {
    /// The higher goes first.
    pub(crate) priority: i32,
    /// With the places of their candidates.
    pub(crate) applications: Vec<(usize, Application)>,
}

/// How a competition ended.
pub(crate) struct Resolved {
    /// What stands, in the order of the candidates; what lost some of its lines is without them.
    pub(crate) won: Vec<(usize, Application)>,
    /// What lost everything.
    pub(crate) lost: Vec<Lost>,
}

/// What lost everything, to whom, by how much.
pub(crate) struct Lost {
    pub(crate) place: usize,
    pub(crate) by: u32,
    pub(crate) by_amount: i64,
}

/// Gifts of which nobody has chosen one yet. They give nothing, so that nothing may lose to them; but they are told only where they
/// would stand if somebody chose.
pub(crate) struct Open {
    /// With its entry and that one's priority.
    gifts: Vec<(usize, i32, (usize, Application))>,
    /// Of each other application, by its place, entry and priority.
    others: Vec<(usize, usize, i32)>,
}

impl Open {
    /// Takes them out of the competition; `None`: there are none.
    pub(crate) fn set_apart(entries: &mut Vec<Entry>) -> Option<Self> {
        if !entries.iter().flat_map(|entry| &entry.applications).any(|(_, application)| application.is_open()) {
            return None;
        }
        let mut open = Self { gifts: Vec::new(), others: Vec::new() };
        for (number, entry) in entries.iter_mut().enumerate() {
            let of_entry = std::mem::take(&mut entry.applications);
            let (gifts, others) = of_entry.into_iter().partition(|(_, application)| application.is_open());
            entry.applications = others;
            open.gifts.extend(Vec::into_iter(gifts).map(|gift| (number, entry.priority, gift)));
            open.others.extend(entry.applications.iter().map(|(place, _)| (*place, number, entry.priority)));
        }
        entries.retain(|entry| !entry.applications.is_empty());
        Some(open)
    }

    /// Each beside what stands, unless that would stand against it too if it gave something: a higher priority, of equal priority
    /// something off, else the earlier.
    pub(crate) fn join(self, resolved: &mut Resolved) {
        let mut stand = Vec::new();
        for (entry, priority, (place, application)) in self.gifts {
            let rank = |(at, other): &&(usize, Application)| {
                let of_other = self.others.iter().find(|(place, ..)| place == at).filter(|(_, number, _)| *number != entry);
                of_other.map(|(at, _, priority)| (*priority, other.total, Reverse(*at)))
            };
            let rival = resolved.won.iter().max_by_key(rank).filter(|won| rank(won) > Some((priority, 0, Reverse(place))));
            match rival {
                Some((_, rival)) => resolved.lost.push(Lost { place, by: rival.promotion, by_amount: rival.total }),
                None => stand.push((place, application)),
            }
        }
        resolved.won.extend(stand);
        resolved.won.sort_by_key(|(place, _)| *place);
    }
}

/// What stands or falls together: what an entry does on one line, or on several that it cannot be divided among.
struct Atom {
    entry: usize,
    priority: i32,
    /// In rising order; the line after the last stands for the order itself.
    lines: Vec<u16>,
    off: i64,
    stands: bool,
}

/// Decides, line by line, whose snapshot stands: the higher priority, of equal priority the lower price, of equal prices the
/// earlier. What covers several lines stands if it takes more off than what would stand there without it: of all that may stand
/// together what takes the most off.
pub(crate) fn resolve(sheet: &Sheet<'_>, entries: Vec<Entry>, made: &mut Made) -> Resolved {
    let order = sheet.line_numbers().end;
    let mut atoms: Vec<Atom> = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        divide(sheet, number, entry, made, &mut atoms);
    }
    let mut owner: Vec<Option<usize>> = vec![None; usize::from(order) + 1];
    let mut by_rank: Vec<usize> = (0..atoms.len()).collect();
    by_rank.sort_by_key(|at| (Reverse(atoms[*at].priority), atoms[*at].lines.len() > 1, Reverse(atoms[*at].off), *at));
    let priorities: Vec<i32> = by_rank.iter().map(|at| atoms[*at].priority).collect();
    let mut first = 0;
    while first < by_rank.len() {
        let last = first + priorities[first..].partition_point(|priority| *priority == priorities[first]);
        let level = &by_rank[first..last];
        // Those of one line come first, the best of them first; then those of several, which may take their places.
        for at in level {
            let settled = |line: &u16| owner[usize::from(*line)];
            let holders: Vec<usize> = sorted(atoms[*at].lines.iter().filter_map(settled));
            let higher = holders.iter().any(|holder| atoms[*holder].priority > atoms[*at].priority);
            let held: i64 = holders.iter().map(|holder| atoms[*holder].off).sum();
            if higher || (!holders.is_empty() && held >= atoms[*at].off) {
                continue;
            }
            for holder in holders {
                atoms[holder].stands = false;
                owner.iter_mut().filter(|owner| **owner == Some(holder)).for_each(|owner| *owner = None);
            }
            atoms[*at].stands = true;
            for line in &atoms[*at].lines {
                owner[usize::from(*line)] = Some(*at);
            }
        }
        improve(&mut atoms, level, &mut owner);
        // What was displaced may have left lines to others.
        for at in level {
            if !atoms[*at].stands && atoms[*at].lines.iter().all(|line| owner[usize::from(*line)].is_none()) {
                atoms[*at].stands = true;
                for line in &atoms[*at].lines {
                    owner[usize::from(*line)] = Some(*at);
                }
            }
        }
        first = last;
    }
    settle(sheet, entries, made, &atoms, &owner)
}

/// Steps that a search may take; what it has found by then counts.
const MOST_STEPS: u32 = 20_000;

/// One after the other, those of several lines may keep out two others that take more off together. So what stands is replaced by
/// what takes the most off of all that may stand together, if that is more.
fn improve(atoms: &mut [Atom], level: &[usize], owner: &mut [Option<usize>]) {
    let priority = atoms[level[0]].priority;
    let of_higher = |line: &u16| owner[usize::from(*line)].is_some_and(|holder| atoms[holder].priority > priority);
    let free = |at: &&usize| !atoms[**at].lines.iter().any(of_higher);
    let (of_several, of_one): (Vec<usize>, Vec<usize>) = level.iter().filter(free).partition(|at| atoms[**at].lines.len() > 1);
    if of_several.len() < 2 {
        return;
    }
    let mut alone = vec![0; owner.len()];
    for at in &of_one {
        let best = &mut alone[usize::from(atoms[*at].lines[0])];
        *best = atoms[*at].off.max(*best);
    }
    // What each adds to what its lines have off alone; the greatest first.
    let gain = |at: &usize| atoms[*at].off - atoms[*at].lines.iter().map(|line| alone[usize::from(*line)]).sum::<i64>();
    let mut gains: Vec<(i64, usize)> = of_several.iter().map(|at| (gain(at), *at)).filter(|(gain, _)| *gain > 0).collect();
    if gains.len() < 2 {
        return;
    }
    gains.sort_by_key(|(gain, _)| Reverse(*gain));
    let stands: i64 = level.iter().filter(|at| atoms[**at].stands).map(|at| atoms[*at].off).sum();
    let mut search =
        Search { atoms, gains: &gains, taken: vec![false; owner.len()], chosen: Vec::new(), best: None, steps: MOST_STEPS };
    search.go(0, 0, stands - alone.iter().sum::<i64>());
    let Some((_, chosen)) = search.best else { return };
    for at in level {
        atoms[*at].stands = false;
    }
    for holder in owner.iter_mut() {
        if holder.is_some_and(|at| atoms[at].priority == priority) {
            *holder = None;
        }
    }
    for at in chosen.into_iter().chain(of_one) {
        if atoms[at].lines.iter().all(|line| owner[usize::from(*line)].is_none()) {
            atoms[at].stands = true;
            for line in &atoms[at].lines {
                owner[usize::from(*line)] = Some(at);
            }
        }
    }
}

/// Tries which of several may stand together.
struct Search<'a> {
    atoms: &'a [Atom],
    gains: &'a [(i64, usize)],
    /// Lines.
    taken: Vec<bool>,
    chosen: Vec<usize>,
    best: Option<(i64, Vec<usize>)>,
    steps: u32,
}

impl Search<'_> {
    /// From the gain at `next` on, with `gained` so far; only more than `known` counts.
    fn go(&mut self, next: usize, gained: i64, known: i64) {
        let known = self.best.as_ref().map_or(known, |(best, _)| *best);
        if gained > known {
            self.best = Some((gained, self.chosen.clone()));
        }
        let Some((gain, at)) = self.gains.get(next).copied() else { return };
        let possible: i64 = self.gains[next..].iter().map(|(gain, _)| gain).sum();
        if self.steps == 0 || gained + possible <= known {
            return;
        }
        self.steps -= 1;
        let lines = &self.atoms[at].lines;
        if !lines.iter().any(|line| self.taken[usize::from(*line)]) {
            for line in lines {
                self.taken[usize::from(*line)] = true;
            }
            self.chosen.push(at);
            self.go(next + 1, gained + gain, known);
            self.chosen.pop();
            for line in lines {
                self.taken[usize::from(*line)] = false;
            }
        }
        self.go(next + 1, gained, known);
    }
}

/// Joins the lines that an entry's applications tie together.
fn divide(sheet: &Sheet<'_>, number: usize, entry: &Entry, made: &Made, atoms: &mut Vec<Atom>) {
    let order = sheet.line_numbers().end;
    let mut parts: Vec<(Vec<u16>, i64)> = Vec::new();
    for (_, application) in &entry.applications {
        let works_on = sheet.rules.promotions[application.promotion as usize].works_on;
        match works_on {
            WorksOn::Lines => parts.extend(made.shares(application).map(|(line, off, _)| (vec![line], off))),
            WorksOn::Sets => parts.push((made.lines(application).to_vec(), application.total)),
            WorksOn::Order => parts.push(((0..=order).collect(), application.total)),
        }
    }
    // An entry's parts that share a line are one.
    let mut joined: Vec<(Vec<u16>, i64)> = Vec::new();
    for (mut lines, mut off) in parts {
        let mut apart = Vec::new();
        for (other, of_other) in joined {
            if other.iter().any(|line| lines.contains(line)) {
                lines.extend(other);
                off += of_other;
            } else {
                apart.push((other, of_other));
            }
        }
        apart.push((sorted(lines.into_iter()), off));
        joined = apart;
    }
    let atom = |(lines, off)| Atom { entry: number, priority: entry.priority, lines, off, stands: false };
    atoms.extend(joined.into_iter().map(atom));
}

fn settle(sheet: &Sheet<'_>, entries: Vec<Entry>, made: &mut Made, atoms: &[Atom], owner: &[Option<usize>]) -> Resolved {
    let mut resolved = Resolved { won: Vec::new(), lost: Vec::new() };
    let first_of: Vec<u32> = entries.iter().map(|entry| entry.applications[0].1.promotion).collect();
    let order = sheet.line_numbers().end;
    for (number, entry) in entries.into_iter().enumerate() {
        let mine: Vec<&Atom> = atoms.iter().filter(|atom| atom.entry == number).collect();
        for (place, mut application) in entry.applications {
            let lines = made.lines(&application);
            let covers = |atom: &&&Atom| match lines {
                [] => atom.lines.contains(&order),
                lines => lines.iter().any(|line| atom.lines.contains(line)),
            };
            let (kept, gone): (Vec<&&Atom>, Vec<&&Atom>) = mine.iter().filter(covers).partition(|atom| atom.stands);
            // Where all that stands are units that it uses up, what it gave was beaten, and it must not use them.
            let gives_nothing = || application.gifts.is_none() && kept.iter().all(|atom| atom.off == 0);
            if kept.is_empty() || (!gone.is_empty() && gives_nothing()) {
                let lines = gone.iter().flat_map(|atom| &atom.lines);
                let rivals = sorted(lines.filter_map(|line| owner[usize::from(*line)]));
                let best = rivals.iter().copied().max_by_key(|rival| (atoms[*rival].off, Reverse(*rival)));
                let theirs: i64 = rivals.iter().map(|rival| atoms[*rival].off).sum();
                let ours: i64 = gone.iter().map(|atom| atom.off).sum();
                let by = best.map_or(application.promotion, |rival| first_of[atoms[rival].entry]);
                resolved.lost.push(Lost { place, by, by_amount: theirs - ours });
                continue;
            }
            if !gone.is_empty() {
                let stands = |line| kept.iter().any(|atom| atom.lines.contains(&line));
                application = made.keep(&application, |line| sheet.units_of(line), stands);
            }
            resolved.won.push((place, application));
        }
    }
    resolved.won.sort_by_key(|(place, _)| *place);
    resolved
}

fn sorted<T: Ord>(of: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = of.collect();
    all.sort_unstable();
    all.dedup();
    all
}
