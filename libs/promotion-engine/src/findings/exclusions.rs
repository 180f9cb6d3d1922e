//! Exclusions that contradict or repeat themselves.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt};

use super::facts::told;
use super::report::Report;
use super::survey::{Subject, Survey};
use super::{Code, Finding, Severity};
use crate::document::pipeline::{Keep, Take};
use crate::document::promotion::{Scope, Side};

/// Says which exclusions hold of themselves, are named twice or form a cycle.
pub(super) fn look(survey: &Survey<'_>, report: &mut Report) {
    let links = Links::of(survey);
    for link in &links.all {
        of_itself(survey, &links, link, report);
    }
    named_twice(&links, report);
    cycles(survey, &links, report);
}

/// Two sides that do not apply together.
struct Link {
    path: String,
    /// Places among the sides.
    of: usize,
    with: usize,
    scope: Scope,
}

/// All that is excluded by name: by the conflicts of units, and by exclusions.
struct Links<'a> {
    sides: Vec<Side>,
    all: Vec<Link>,
    /// By side: places of the promotions that it holds.
    members: Vec<Vec<usize>>,
    known: HashMap<Side, usize>,
    survey: &'a Survey<'a>,
}

impl<'a> Links<'a> {
    fn of(survey: &'a Survey<'a>) -> Self {
        let mut links = Self { sides: Vec::new(), all: Vec::new(), members: Vec::new(), known: HashMap::new(), survey };
        for (position, exclusion) in survey.document.exclusions.iter().enumerate() {
            links.add(format!("exclusions[{position}]"), &exclusion.of, &exclusion.with, exclusion.scope);
        }
        for (node, (_, units)) in survey.document.pipeline.iter().enumerate() {
            for (place, unit) in units.iter().enumerate() {
                for other in &unit.conflicts {
                    let side = |name: &String| Side::Component(name.clone());
                    let path = format!("pipeline[{node}][{place}].conflicts");
                    links.add(path, &side(&unit.component), &side(other), Scope::Line);
                }
            }
        }
        // By name, so that many exclusions of many promotions are looked up and not searched.
        let mut members = vec![Vec::new(); links.sides.len()];
        for subject in &survey.subjects {
            let promotion = subject.promotion;
            let own = [Side::Component(promotion.effect.component().to_owned()), Side::Promotion(promotion.id.clone())];
            let groups = promotion.groups.iter().cloned().map(Side::Group);
            let labels = promotion.labels.iter().cloned().map(Side::Label);
            for side in own.into_iter().chain(groups).chain(labels) {
                if let Some(side) = links.known.get(&side) {
                    members[*side].push(subject.number);
                }
            }
        }
        links.members = members;
        links
    }

    fn add(&mut self, path: String, of: &Side, with: &Side, scope: Scope) {
        let mut place = |side: &Side| {
            *self.known.entry(side.clone()).or_insert_with(|| {
                self.sides.push(side.clone());
                self.sides.len() - 1
            })
        };
        let (of, with) = (place(of), place(with));
        self.all.push(Link { path, of, with, scope });
    }

    fn tell(&self, side: usize) -> String {
        match &self.sides[side] {
            Side::Component(name) => format!("component {name}"),
            Side::Promotion(id) => format!("promotion {id}"),
            Side::Group(name) => format!("group {name}"),
            Side::Label(name) => format!("label {name}"),
        }
    }

    /// When the first of its promotions runs.
    fn first(&self, side: usize) -> Option<&Subject<'a>> {
        self.members[side].iter().map(|number| &self.survey.subjects[*number]).min_by_key(|subject| subject.order)
    }
}

/// Both sides hold the same promotions.
fn of_itself(survey: &Survey<'_>, links: &Links<'_>, link: &Link, report: &mut Report) {
    let (of, with) = (&links.members[link.of], &links.members[link.with]);
    let both: Vec<&Subject<'_>> =
        of.iter().filter(|number| with.binary_search(number).is_ok()).map(|number| &survey.subjects[*number]).collect();
    if both.is_empty() {
        return;
    }
    let ids = told(both.iter().map(|subject| subject.promotion.id.as_str()), "and");
    let side = links.tell(link.of);
    let (severity, message) = if link.of != link.with {
        let other = links.tell(link.with);
        (
            Severity::Warning,
            format!("{ids} is on both sides, {side} and {other}: it excludes others of both; give it to one side"),
        )
    } else if both.len() == 1 {
        (
            Severity::Warning,
            format!("{side} excludes itself, which changes nothing: {ids} applies once anyway; name another side"),
        )
    } else {
        let meant = "of those that meet the first alone applies; leave it if that is meant";
        (Severity::Note, format!("{side} excludes itself: {meant} ({ids})"))
    };
    let paths = vec![link.path.clone()];
    report.add(Finding::about(Code::ExcludesItself, severity, &both, message).in_places(paths));
}

/// Two exclusions of the same sides, whichever is named first.
fn named_twice(links: &Links<'_>, report: &mut Report) {
    let mut seen: BTreeMap<(usize, usize), Vec<&Link>> = BTreeMap::new();
    for link in &links.all {
        seen.entry((link.of.min(link.with), link.of.max(link.with))).or_default().push(link);
    }
    for same in seen.values().filter(|same| same.len() > 1) {
        let (one, other) = (links.tell(same[0].of), links.tell(same[0].with));
        let paths = same.iter().map(|link| link.path.clone()).collect();
        let widest = same.iter().map(|link| link.scope).max().unwrap_or(Scope::Line);
        let (severity, message) = if same.iter().all(|link| link.scope == widest) {
            (
                Severity::Note,
                format!("that {one} and {other} exclude each other is said twice; once is enough, it works both ways"),
            )
        } else {
            let widest = format!("{widest:?}").to_lowercase();
            let message = format!(
                "{one} and {other} exclude each other at different scopes: the widest, {widest}, holds, and the others change nothing; keep one"
            );
            (Severity::Warning, message)
        };
        report.add(Finding::at(Code::ExclusionNamedTwice, severity, paths, message));
    }
}

/// A excludes B, B excludes C, C excludes A: since exclusions work both ways, and the earlier stands, the order in which they run
/// decides.
fn cycles(survey: &Survey<'_>, links: &Links<'_>, report: &mut Report) {
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); links.sides.len()];
    for link in links.all.iter().filter(|link| link.of != link.with) {
        next[link.of].push(link.with);
    }
    for mut cycle in knots(&next) {
        cycle.retain(|side| !links.members[*side].is_empty());
        cycle.sort_by_key(|side| (links.first(*side).map(|first| first.order), *side));
        if cycle.len() < 3 || compete(survey, links, &cycle) {
            continue;
        }
        let within: Vec<&Link> = links
            .all
            .iter()
            .filter(|link| link.of != link.with && cycle.contains(&link.of) && cycle.contains(&link.with))
            .collect();
        let mut stand: Vec<usize> = Vec::new();
        for side in &cycle {
            let against = |other: &usize| {
                within.iter().any(|link| [link.of, link.with] == [*side, *other] || [link.with, link.of] == [*side, *other])
            };
            if !stand.iter().any(against) {
                stand.push(*side);
            }
        }
        let names = |of: &[usize]| of.iter().map(|side| links.tell(*side)).collect::<Vec<String>>();
        let (all, standing) = (names(&cycle), names(&stand));
        let message = format!(
            "{} exclude each other in a cycle: where all of them concern the same things the order in which they run decides, and {} \
             stands; leave out an exclusion, or say with priorities which is meant",
            told(all.iter().map(String::as_str), "and"),
            told(standing.iter().map(String::as_str), "with"),
        );
        let paths = within.iter().map(|link| link.path.clone()).collect();
        report.add(Finding::at(Code::ExclusionCycle, Severity::Warning, paths, message));
    }
}

/// Whether all of them run in one node that keeps the best: there not their order decides, but who is better.
fn compete(survey: &Survey<'_>, links: &Links<'_>, cycle: &[usize]) -> bool {
    let subjects = || cycle.iter().flat_map(|side| &links.members[*side]).map(|number| &survey.subjects[*number]);
    let Some(first) = subjects().next() else { return true };
    let one_unit = subjects().all(|subject| subject.compiled.unit == first.compiled.unit);
    let best = if one_unit { survey.unit(first).take == Take::Best } else { survey.node(first).keep == Keep::Best };
    best && subjects().all(|subject| subject.compiled.node == first.compiled.node)
}

/// Groups of places each of which leads to each other (Tarjan's strongly connected components), of three and more.
fn knots(next: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const UNSEEN: usize = usize::MAX;
    let (mut number, mut low) = (vec![UNSEEN; next.len()], vec![0; next.len()]);
    let mut on_stack = vec![false; next.len()];
    let (mut stack, mut knots, mut count) = (Vec::new(), Vec::new(), 0);
    for start in 0..next.len() {
        let mut way = if number[start] == UNSEEN { vec![(start, 0)] } else { Vec::new() };
        while let Some((place, taken)) = way.pop() {
            if taken == 0 {
                number[place] = count;
                low[place] = count;
                count += 1;
                stack.push(place);
                on_stack[place] = true;
            } else {
                let from = next[place][taken - 1];
                if on_stack[from] {
                    low[place] = low[place].min(low[from]);
                }
            }
            if let Some(to) = next[place].get(taken).copied() {
                way.push((place, taken + 1));
                if number[to] == UNSEEN {
                    way.push((to, 0));
                }
            } else if low[place] == number[place] {
                let begin = stack.iter().rposition(|other| *other == place).unwrap_or(0);
                let knot = stack.split_off(begin);
                for other in &knot {
                    on_stack[*other] = false;
                }
                if knot.len() > 2 {
                    knots.push(knot);
                }
            }
        }
    }
    knots
}

#[cfg(test)]
mod tests {
    use super::knots;

    #[test]
    fn places_that_lead_to_each_other_are_one_knot() {
        for (next, expected) in [
            (vec![vec![1], vec![2], vec![0]], vec![vec![0, 1, 2]]),
            (vec![vec![1], vec![2], vec![]], vec![]),
            (vec![vec![1], vec![0]], vec![]), // two are no knot
            (vec![vec![1, 2], vec![2], vec![0, 3], vec![4], vec![5], vec![3]], vec![vec![0, 1, 2], vec![3, 4, 5]]),
            (vec![vec![1], vec![2, 3], vec![1], vec![1]], vec![vec![1, 2, 3]]),
        ] {
            let mut found = knots(&next);
            for knot in &mut found {
                knot.sort_unstable();
            }
            found.sort_unstable();
            assert_eq!(found, expected, "{next:?}");
        }
    }
}
