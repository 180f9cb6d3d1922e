//! Promotions that an earlier one, which is always there, keeps from applying.

use foldhash::{HashMap, HashSet, HashSetExt};

use super::always_beaten::runs_in_turn;
use super::implication::covers_window;
use super::kin::Kin;
use super::report::Report;
use super::sets::{Key, first_keys, selector_keys};
use super::survey::{Subject, Survey, group};
use super::{Code, Finding, Severity};
use crate::components::WorksOn;
use crate::document::pipeline::{Keep, Take};
use crate::document::policies::ExclusiveBy;
use crate::document::promotion::Scope;

/// Pairs that are held against each other, at most.
const MOST_PAIRS: usize = 1_000_000;

/// Says which promotions apply only where an earlier one takes nothing off.
pub(super) fn look<'s, 'a>(survey: &'s Survey<'a>, kin: &'s Kin<'s>, report: &mut Report) {
    if survey.rules.words == 0 {
        return;
    }
    let alone = units_of_one(survey);
    // Only what is always there: without condition, limit or rival.
    let constant: Vec<&'s Subject<'a>> = survey
        .live()
        .filter(|subject| {
            let unopposed = survey.unit(subject).take == Take::Stack || alone(subject);
            let kept = survey.node(subject).keep == Keep::Stack
                || survey.document.pipeline[usize::from(subject.compiled.node)].1.len() == 1;
            let by_lines = subject.compiled.works_on == WorksOn::Lines;
            subject.promotion.when.is_none() && !subject.is_limited() && unopposed && kept && by_lines
        })
        .collect();
    let by_key: HashMap<Key<'s>, Vec<&'s Subject<'a>>> = group(constant.iter().flat_map(|subject| {
        let keys = subject.promotion.items.include.iter().flat_map(selector_keys);
        keys.map(|key| (key, *subject))
    }));
    let for_everything: Vec<&'s Subject<'a>> =
        constant.iter().copied().filter(|subject| subject.promotion.items.include.is_empty()).collect();
    let mut pairs = 0;
    for subject in survey.live().filter(|subject| !subject.has_own_sets()) {
        let keys = kin.with_others(&subject.promotion.items.include.first().map(first_keys).unwrap_or_default());
        let by_key = keys.iter().filter_map(|key| by_key.get(key)).flatten().copied();
        let mut seen = HashSet::new();
        for earlier in for_everything.iter().copied().chain(by_key).filter(|earlier| seen.insert(earlier.number)) {
            pairs += 1;
            if pairs > MOST_PAIRS {
                report.cut("always_shut_out: there are too many promotions for the same items to hold all against each other");
                return;
            }
            if shuts_out(survey, kin, earlier, subject) {
                report.add(finding(earlier, subject));
                break;
            }
        }
    }
}

fn finding(earlier: &Subject<'_>, subject: &Subject<'_>) -> Finding {
    let (by, id) = (&earlier.promotion.id, &subject.promotion.id);
    let message = format!(
        "{id} is shut out: {by} comes before it, is for all of its items at all times, and they exclude each other; {id} applies only \
         where {by} takes nothing off. Let {id} come first, or give {by} fewer items or a condition"
    );
    Finding::about(Code::AlwaysShutOut, Severity::Warning, &[subject, earlier], message)
}

/// An exclusive promotion that goes before others, if it does not wait for its turn: one of an order is weighed against them.
fn goes_ahead(survey: &Survey<'_>, subject: &Subject<'_>) -> bool {
    survey.document.policies.exclusive_by == ExclusiveBy::First || subject.promotion.exclusive != Some(Scope::Order)
}

fn shuts_out<'s>(survey: &Survey<'_>, kin: &Kin<'s>, earlier: &Subject<'_>, later: &'s Subject<'_>) -> bool {
    let (one, other) = (earlier.promotion, later.promotion);
    let apart = (earlier.compiled.node, earlier.compiled.unit) != (later.compiled.node, later.compiled.unit)
        || survey.unit(later).take == Take::Stack;
    earlier.order < later.order
        && (runs_in_turn(survey, earlier) || goes_ahead(survey, earlier))
        && runs_in_turn(survey, later)
        && survey.turn(earlier) < survey.turn(later)
        && apart
        && later.excludes(earlier)
        && survey.same_currency(later, earlier)
        && covers_window(one.window.as_ref(), other.window.as_ref(), &survey.document.time_zone)
        && kin.covers(&one.items, &other.items)
}

/// Whether a promotion is the only one of its unit.
fn units_of_one<'s>(survey: &'s Survey<'_>) -> impl Fn(&Subject<'_>) -> bool + 's {
    let units = group(survey.subjects.iter().map(|subject| ((subject.compiled.node, subject.compiled.unit), ())));
    move |subject| units.get(&(subject.compiled.node, subject.compiled.unit)).is_some_and(|of| of.len() == 1)
}
