//! Promotions that lose every competition.

use foldhash::{HashMap, HashSet};

use super::comparison::{on_each_line, on_the_order, on_the_same_units, takes_a_share, takes_something};
use super::implication::{Implication, covers_window};
use super::kin::Kin;
use super::report::Report;
use super::sets::{Key, first_keys, selector_keys};
use super::survey::{Subject, Survey, group};
use super::{Code, Finding, Severity};
use crate::components::WorksOn;
use crate::document::pipeline::{Keep, Take};
use crate::document::policies::ExclusiveBy;

/// Pairs that are held against each other, at most.
const MOST_PAIRS: usize = 1_000_000;

/// Says, of each promotion that always loses to another, to which.
pub(super) fn look<'s>(survey: &'s Survey<'_>, kin: &'s Kin<'s>, report: &mut Report) {
    let nodes = group(survey.live().map(|subject| (subject.compiled.node, subject)));
    let mut nodes: Vec<_> = nodes.into_iter().collect();
    nodes.sort_by_key(|(node, _)| *node);
    let mut pairs = 0;
    for (_, subjects) in nodes {
        let competition = Competition::of(survey, kin, &subjects);
        for subject in &subjects {
            let mut nearly = None;
            let mut always = None;
            for rival in competition.rivals(subject) {
                pairs += 1;
                if pairs > MOST_PAIRS {
                    report.cut("always_beaten: there are too many promotions for the same items to hold all against each other");
                    return;
                }
                match competition.beaten(subject, rival) {
                    Some(Beaten::Always) => {
                        always = Some(rival);
                        break;
                    }
                    Some(beaten) if nearly.is_none() => nearly = Some((rival, beaten)),
                    _ => {}
                }
            }
            if let Some(finding) = finding(subject, always, nearly) {
                report.add(finding);
            }
        }
    }
}

fn finding(subject: &Subject<'_>, always: Option<&Subject<'_>>, nearly: Option<(&Subject<'_>, Beaten)>) -> Option<Finding> {
    let id = &subject.promotion.id;
    let next = "remove it, or give one of them other items, another condition or a place where they stack";
    if let Some(rival) = always {
        let by = &rival.promotion.id;
        let message = format!(
            "{id} never applies: {by} is for all of its items, under no stricter condition, and always wins against it; {next}"
        );
        return Some(Finding::about(Code::AlwaysBeaten, Severity::Warning, &[subject, rival], message));
    }
    let (rival, beaten) = nearly?;
    let by = &rival.promotion.id;
    let but = match beaten {
        Beaten::ButForTies => "takes at least as much off: it applies only where both take the same",
        _ => "has the higher priority: it applies only where that one's share rounds to nothing",
    };
    let message =
        format!("{id} hardly ever applies: {by} is for all of its items, under no stricter condition, and {but}; {next}");
    Some(Finding::about(Code::NearlyAlwaysBeaten, Severity::Warning, &[subject, rival], message))
}

/// How a promotion loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beaten {
    Always,
    /// Where both take as much off, it wins.
    ButForTies,
    /// Where the other takes nothing off, since so little rounds to nothing, it wins.
    ButForPennies,
}

/// The promotions of a node.
struct Competition<'s, 'a> {
    survey: &'s Survey<'a>,
    kin: &'s Kin<'s>,
    /// Those that may beat others, by a key of each of their selectors.
    by_key: HashMap<Key<'a>, Vec<&'s Subject<'a>>>,
    /// Those that may, and are for everything.
    for_everything: Vec<&'s Subject<'a>>,
    /// Of each unit whether its promotions work on lines alone, and how many there are.
    units: HashMap<u16, (bool, usize)>,
}

impl<'s, 'a> Competition<'s, 'a> {
    fn of(survey: &'s Survey<'a>, kin: &'s Kin<'s>, subjects: &[&'s Subject<'a>]) -> Self {
        let strong = || subjects.iter().copied().filter(|subject| !subject.is_limited());
        let with_keys = strong().flat_map(|subject| {
            let selectors = subject.promotion.items.include.iter();
            selectors.flat_map(selector_keys).map(move |key| (key, subject))
        });
        // What a unit has besides may still be in its way, so those that never apply count too.
        let all = group(survey.subjects.iter().map(|subject| ((subject.compiled.node, subject.compiled.unit), subject.compiled)));
        let node = subjects.first().map(|subject| subject.compiled.node);
        let units = all
            .into_iter()
            .filter(|((of, _), _)| Some(*of) == node)
            .map(|((_, unit), of)| (unit, (of.iter().all(|compiled| compiled.works_on == WorksOn::Lines), of.len())));
        Self {
            survey,
            kin,
            by_key: group(with_keys),
            for_everything: strong().filter(|subject| subject.promotion.items.include.is_empty()).collect(),
            units: units.collect(),
        }
    }

    /// Those that may be for all that `subject` is for.
    fn rivals(&self, subject: &'s Subject<'a>) -> impl Iterator<Item = &'s Subject<'a>> {
        let keys = self.kin.with_others(&subject.promotion.items.include.first().map(first_keys).unwrap_or_default());
        let by_key: Vec<&'s Subject<'a>> = keys.iter().filter_map(|key| self.by_key.get(key)).flatten().copied().collect();
        let mut seen = HashSet::from_iter([subject.number]);
        self.for_everything.iter().copied().chain(by_key).filter(move |rival| seen.insert(rival.number))
    }

    fn beaten(&self, subject: &'s Subject<'a>, rival: &'s Subject<'a>) -> Option<Beaten> {
        let (mine, theirs) = (subject.compiled, rival.compiled);
        if !runs_in_turn(self.survey, subject) {
            return None;
        }
        let same_unit = mine.unit == theirs.unit;
        let how = if same_unit { self.within_unit(subject, rival)? } else { self.between_units(subject, rival)? };
        (self.reaches(subject, rival)).then_some(how)
    }

    /// Whether `rival` is considered wherever `subject` is: nothing keeps it away that does not keep the other away too.
    fn reaches(&self, subject: &'s Subject<'a>, rival: &'s Subject<'a>) -> bool {
        let (mine, theirs) = (&subject.promotion, &rival.promotion);
        let zone = &self.survey.document.time_zone;
        let within = |few: &[u64], many: &[u64]| few.iter().zip(many).all(|(few, many)| few & !many == 0);
        let excludes = rival.compiled.excludes.iter().zip(&subject.compiled.excludes);
        let implication =
            Implication { same_items: mine.items == theirs.items, case: self.survey.document.policies.coupon_case, zone };
        self.survey.same_currency(subject, rival)
            && excludes.into_iter().all(|(theirs, mine)| within(theirs, mine))
            && covers_window(theirs.window.as_ref(), mine.window.as_ref(), zone)
            && self.kin.covers(&theirs.items, &mine.items)
            && implication.holds(mine.when.as_ref(), theirs.when.as_ref())
    }

    /// In a unit that takes the best the higher discount wins, of equal ones that which comes first.
    fn within_unit(&self, subject: &Subject<'_>, rival: &Subject<'_>) -> Option<Beaten> {
        if self.survey.unit(subject).take != Take::Best {
            return None;
        }
        let (mine, theirs) = (subject.compiled, rival.compiled);
        // Whether they are given the same units.
        let same = || {
            mine.excludes == theirs.excludes
                && mine.document.items == theirs.document.items
                && mine.document.effect.sets() == theirs.document.effect.sets()
        };
        let at_least = match (mine.works_on, theirs.works_on) {
            (WorksOn::Lines, WorksOn::Lines) => on_each_line(theirs, mine),
            (WorksOn::Order, WorksOn::Order) => on_the_order(theirs, mine, same()),
            (WorksOn::Sets, WorksOn::Sets) => same() && on_the_same_units(theirs, mine),
            _ => false,
        };
        let first = rival.order < subject.order;
        match (at_least, first, mine.works_on) {
            (true, true, _) => Some(Beaten::Always),
            (true, false, WorksOn::Lines) => Some(Beaten::ButForTies),
            _ => None,
        }
    }

    /// In a node that keeps the best, line by line: the higher priority wins, of equal priority the higher discount, of equal ones
    /// the unit that comes first. Only a unit that works on lines alone certainly has its best on every line.
    fn between_units(&self, subject: &Subject<'_>, rival: &Subject<'_>) -> Option<Beaten> {
        let survey = self.survey;
        let (mine, theirs) = (subject.compiled, rival.compiled);
        let single = |subject: &Subject<'_>| {
            survey.unit(subject).take == Take::Best
                || self.units.get(&subject.compiled.unit).is_some_and(|(_, count)| *count == 1)
        };
        let by_lines = self.units.get(&theirs.unit).is_some_and(|(lines, _)| *lines);
        if survey.node(subject).keep != Keep::Best || !single(rival) || !by_lines {
            return None;
        }
        let (my_unit, their_unit) = (survey.unit(subject), survey.unit(rival));
        if their_unit.priority > my_unit.priority {
            // Line by line units may be used up on lines off which nothing is taken.
            if !takes_off_its_items(subject) || (mine.works_on == WorksOn::Lines && subject.promotion.effect.uses_up()) {
                return None;
            }
            return if takes_something(theirs) {
                Some(Beaten::Always)
            } else {
                (takes_a_share(theirs)).then_some(Beaten::ButForPennies)
            };
        }
        let comparable = their_unit.priority == my_unit.priority
            && mine.works_on == WorksOn::Lines
            && single(subject)
            && !subject.promotion.effect.uses_up();
        let by_lines = self.units.get(&mine.unit).is_some_and(|(lines, _)| *lines);
        if !comparable || !by_lines || !on_each_line(theirs, mine) {
            return None;
        }
        Some(if theirs.unit < mine.unit { Beaten::Always } else { Beaten::ButForTies })
    }
}

/// Whether it waits for its place in the pipeline: by the policy an exclusive one may go before all others.
pub(super) fn runs_in_turn(survey: &Survey<'_>, subject: &Subject<'_>) -> bool {
    survey.document.policies.exclusive_by == ExclusiveBy::Turn || subject.promotion.exclusive.is_none()
}

/// Whether all that it takes off, it takes off its own items.
fn takes_off_its_items(subject: &Subject<'_>) -> bool {
    subject.promotion.effect.foreseen().takes_off_its_items() && !subject.has_own_sets()
}
