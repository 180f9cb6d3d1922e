//! Promotions that can never apply, and tiers that nothing reaches.

use super::facts::{Clash, clash, of_tiers, units_needed, ways};
use super::report::Report;
use super::sets::is_empty;
use super::survey::{Standing, Subject, Survey};
use super::{Code, Finding, Severity, Witness};
use crate::components::{Effect, Off, Steps};
use crate::document::condition::Basis;
use crate::document::items::Items;

/// Says which promotions can never apply, each for one reason; then which tiers. The standing of each subject.
pub(super) fn look<'a>(survey: &Survey<'a>, report: &mut Report) -> Vec<Standing<'a>> {
    survey.subjects.iter().map(|subject| standing(survey, subject, report)).collect()
}

fn standing<'a>(survey: &Survey<'a>, subject: &Subject<'a>, report: &mut Report) -> Standing<'a> {
    if let Some(finding) = without_condition(survey, subject) {
        report.add(finding);
        return Standing::Dead;
    }
    let Some(ways) = ways(subject, survey.document.policies.coupon_case) else {
        report.cut(format!("{}.when: it may hold in too many ways to look at each", subject.path));
        return Standing::Live(Vec::new());
    };
    let clashes: Vec<Option<Clash>> = ways.iter().map(|way| clash(way, subject, &survey.clock)).collect();
    if clashes.iter().all(Option::is_some) {
        let first = clashes.into_iter().flatten().next();
        let (paths, why) = first.map_or_else(
            || (vec![format!("{}.when", subject.path)], "its condition holds of nothing".to_owned()),
            |clash| (clash.paths, clash.why),
        );
        let all = if ways.len() > 1 { " (and so in every other way in which its condition may hold)" } else { "" };
        let message = format!("{} never applies: {why}{all}; change one of them, or remove it", subject.promotion.id);
        report.add(Finding::about(Code::ConditionNeverHolds, Severity::Warning, &[subject], message).in_places(paths));
        return Standing::Dead;
    }
    let possible: Vec<_> = ways.into_iter().zip(&clashes).filter(|(_, clash)| clash.is_none()).map(|(way, _)| way).collect();
    for (place, tier) in of_tiers(subject).into_iter().enumerate().skip(1) {
        let reached = |way: &Vec<_>| clash(&[&way[..], std::slice::from_ref(&tier)].concat(), subject, &survey.clock);
        let clashes: Vec<Option<Clash>> = possible.iter().map(reached).collect();
        if let Some(Some(first)) = clashes.iter().find(|_| clashes.iter().all(Option::is_some)) {
            let id = &subject.promotion.id;
            let message =
                format!("tier {} of {id} is never reached: {}; remove the tier, or change one of them", place + 1, first.why);
            let paths = vec![tier.path.to_string()];
            report.add(Finding::about(Code::TierNeverReached, Severity::Warning, &[subject], message).in_places(paths));
        }
    }
    tiers_that_take_less(subject, report);
    Standing::Live(possible.into_iter().next().unwrap_or_default())
}

/// Why it never applies, whatever its condition says.
fn without_condition(survey: &Survey<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let id = &subject.promotion.id;
    let finding = |code, path: String, message: String| {
        Some(Finding::about(code, Severity::Warning, &[subject], message).in_places(vec![path]))
    };
    if let Some(limit) = &subject.promotion.limit {
        let numbers = [
            ("uses", limit.uses),
            ("uses_per_customer", limit.uses_per_customer),
            ("units", limit.units),
            ("units_per_customer", limit.units_per_customer),
            ("budget", limit.budget.map(|budget| budget.minor.unsigned_abs())),
        ];
        if let Some((field, _)) = numbers.iter().find(|(_, number)| *number == Some(0)) {
            let message = format!("{id} never applies: its limit {field} is 0; raise it, or remove the promotion");
            return finding(Code::NothingLeft, format!("{}.limit.{field}", subject.path), message);
        }
        let needed = units_needed(&subject.promotion.effect);
        let quotas = [("units", limit.units), ("units_per_customer", limit.units_per_customer)];
        if let Some((field, Some(quota))) = quotas.into_iter().find(|(_, quota)| quota.is_some_and(|quota| quota < needed)) {
            let message = format!(
                "{id} never applies: it needs {needed} units at a time, and its limit {field} is {quota}; raise the limit"
            );
            return finding(Code::QuotaTooSmall, format!("{}.limit.{field}", subject.path), message);
        }
    }
    if let Some(window) = &subject.promotion.window
        && survey.clock.meeting(&[(window, true)]) == super::meeting::Meeting::Never
    {
        let message =
            format!("{id} never applies: its window has no day and hour between its first and its last instant; change either");
        let span = window.from.map(|from| Witness::Time { from, until: window.until });
        return finding(Code::WindowNeverOpens, format!("{}.window", subject.path), message)
            .map(|finding| finding.shown_by(span));
    }
    let (path, _) = item_sets(subject).into_iter().find(|(_, items)| is_empty(items))?;
    let message = format!("{id} never applies: everything that {path} includes it excludes again; exclude less");
    finding(Code::MatchesNothing, path, message)
}

/// The sets of items that it needs something of, with their paths.
pub(super) fn item_sets<'a>(subject: &Subject<'a>) -> Vec<(String, &'a Items)> {
    let effect = subject.effect_path();
    match &subject.promotion.effect {
        Effect::Bundle(bundle) => {
            let slot =
                |(place, slot): (usize, &'a crate::components::Slot)| (format!("{effect}.slots[{place}].items"), &slot.items);
            bundle.slots.iter().enumerate().map(slot).collect()
        }
        of => {
            let own = of.sets().into_iter().map(|items| (format!("{effect}.get_items"), items));
            std::iter::once((format!("{}.items", subject.path), &subject.promotion.items)).chain(own).collect()
        }
    }
}

/// Tiers that take no more off than the one before: who buys more gets no more, or less.
fn tiers_that_take_less(subject: &Subject<'_>, report: &mut Report) {
    let rounding = subject.compiled.rounding;
    let (path, offs): (String, Vec<(i64, Off)>) = match &subject.promotion.effect {
        Effect::QuantityTiers(of) => {
            (format!("{}.tiers", subject.effect_path()), of.tiers.iter().map(|tier| (i64::from(tier.from), tier.off)).collect())
        }
        Effect::SpendAndSave(of) => match &of.steps {
            Steps::Tiers(tiers) => {
                let path = format!("{}.steps.tiers", subject.effect_path());
                (path, tiers.iter().map(|tier| (tier.from.minor, tier.off)).collect())
            }
            Steps::EveryFull(_) => return,
        },
        _ => return,
    };
    // Where what is spent is what is taken off from, tiers of different kinds can be held against each other where one begins.
    let by_spending = matches!(&subject.promotion.effect, Effect::SpendAndSave(of) if of.basis == Basis::Running)
        && subject.promotion.stack_base == Basis::Running;
    for (place, pair) in offs.windows(2).enumerate() {
        let [(_, before), (from, after)] = [pair[0], pair[1]];
        let compared = match (before, after) {
            (Off::PercentBp(before), Off::PercentBp(after)) => after.cmp(&before),
            (Off::Amount(before), Off::Amount(after)) => after.minor.cmp(&before.minor),
            (Off::Price(before), Off::Price(after)) => before.minor.cmp(&after.minor),
            (Off::Free, Off::Free) => std::cmp::Ordering::Equal,
            _ if by_spending => after.of(from, rounding).cmp(&before.of(from, rounding)),
            _ => continue,
        };
        if compared.is_gt() {
            continue;
        }
        let (severity, says) = if compared.is_lt() {
            (Severity::Warning, "less off than the one before: who buys more gets less; raise it, or remove it")
        } else {
            (Severity::Note, "as much off as the one before: it changes nothing; raise it, or remove it")
        };
        let message = format!("tier {} of {} takes {says}", place + 2, subject.promotion.id);
        let paths = vec![format!("{path}[{}].off", place + 1)];
        report.add(Finding::about(Code::TierTakesLess, severity, &[subject], message).in_places(paths));
    }
}
