//! Promotions that can never apply, and tiers that nothing reaches.

use super::facts::{Clash, clash, of_tiers, ways};
use super::report::Report;
use super::sets::is_empty;
use super::survey::{Standing, Subject, Survey};
use super::{Code, Finding, Severity, Witness};
use crate::components::{ForeseenTier, Off, Reached};
use crate::document::condition::Basis;
use crate::document::items::Items;
use crate::document::promotion::BeyondUnits;

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
        // A stock of units that is given as a whole or not at all counts those that get something, which may be fewer than are
        // needed; and of gifts it counts what is given.
        let counts = limit.beyond_units == BeyondUnits::Partial && subject.promotion.effect.gifts().is_empty();
        let needed = if counts { subject.promotion.effect.foreseen().units_needed() } else { 1 };
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
    let (path, effect) = (subject.effect_path(), &subject.promotion.effect);
    let of_promotion = (format!("{}.items", subject.path), &subject.promotion.items);
    let own = effect.sets().into_iter().enumerate();
    let own = own.map(|(place, items)| (format!("{path}.{}", effect.foreseen().path_of_set(place)), items));
    Some(of_promotion).filter(|_| !effect.has_only_own_sets()).into_iter().chain(own).collect()
}

/// Tiers that take no more off than the one before: who buys more gets no more, or less.
fn tiers_that_take_less(subject: &Subject<'_>, report: &mut Report) {
    let rounding = subject.compiled.rounding;
    let path = subject.effect_path();
    for (place, pair) in subject.promotion.effect.foreseen().tiers().windows(2).enumerate() {
        let [ForeseenTier { off: before, .. }, ForeseenTier { from, off: after, path: of }] = pair else { continue };
        let (before, after) = (*before, *after);
        let compared = match (before, after) {
            (Off::PercentBp(before), Off::PercentBp(after)) => after.cmp(&before),
            (Off::Amount(before), Off::Amount(after)) => after.minor.cmp(&before.minor),
            (Off::Price(before), Off::Price(after)) => before.minor.cmp(&after.minor),
            (Off::Free, Off::Free) => std::cmp::Ordering::Equal,
            // Where what is spent is what is taken off from, tiers of different kinds can be held against each other where one begins.
            _ => match (from, subject.promotion.stack_base) {
                (Reached::Spent(Basis::Running, from), Basis::Running) => {
                    after.of(*from, rounding).cmp(&before.of(*from, rounding))
                }
                _ => continue,
            },
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
        let paths = vec![format!("{path}.{of}.off")];
        report.add(Finding::about(Code::TierTakesLess, severity, &[subject], message).in_places(paths));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{Code, Document, RuleSet, findings};

    /// Whether a promotion for everything in a category is said to never apply under a condition.
    fn never_holds(when: &Value) -> bool {
        let promotion = json!({ "id": "p", "when": when, "effect": { "percent_off": { "off_bp": 1000 } },
            "items": { "include": [{ "categories": ["a"] }] } });
        let document = Document::from_json(&json!({ "version": 1, "promotions": [promotion] }).to_string()).unwrap();
        let found = findings(&document, &RuleSet::compile(&document), None);
        found.findings.iter().any(|finding| finding.code == Code::ConditionNeverHolds)
    }

    #[test]
    fn a_condition_never_holds_only_where_that_is_certain() {
        let spend = |over: &str, basis: &str, least: i64| json!({ "spend": { "over": over, "basis": basis, "at_least": { "minor": least, "currency": "EUR" } } });
        let units = |over: &str, least: u32| json!({ "quantity": { "over": over, "at_least": least } });
        let not = |of: Value| json!({ "not": of });
        let all = |one: Value, other: Value| json!({ "all": [one, other] });
        let any = |one: Value, other: Value| json!({ "any": [one, other] });
        let (order, original, list) = (
            |least| spend("order", "running", least),
            |least| spend("order", "original", least),
            |least| spend("order", "list", least),
        );
        let matching = |least| spend("matching", "running", least);
        let (a, b) = (json!({ "groups": ["a"] }), json!({ "groups": ["b"] }));
        let window = |json: &str| json!({ "window": serde_json::from_str::<Value>(json).unwrap() });
        for (when, expected) in [
            (all(order(100), not(order(100))), true),
            (all(order(100), not(order(101))), false),   // exactly 100
            (all(matching(100), not(order(100))), true), // the order holds what matches
            (all(order(100), not(matching(100))), false),
            (all(order(100), not(original(100))), true), // promotions only take away
            (all(original(100), not(order(100))), false),
            (all(order(100), not(list(100))), false), // the current price may be above the list price
            (not(order(0)), true),
            (all(units("matching", 3), not(units("order", 3))), true),
            (all(units("order", 3), not(units("matching", 3))), false),
            (not(units("matching", 1)), true), // it is for at least one unit
            (all(units("order", 2), not(units("order", 3))), false),
            (json!({ "order_number": { "at_least": 4_294_967_296_u64 } }), false),
            (json!({ "order_number": { "at_least": 4_294_967_297_u64 } }), true),
            (not(json!({ "order_number": { "at_least": 1 } })), true),
            (all(json!({ "stock_left": { "at_most": 4 } }), json!({ "stock_left": { "at_least": 5 } })), true),
            (all(json!({ "stock_left": { "at_most": 5 } }), json!({ "stock_left": { "at_least": 5 } })), false),
            (all(json!({ "stock_left": { "at_most": 4 } }), not(json!({ "stock_left": { "at_most": 5 } }))), true),
            (not(json!({ "stock_left": { "at_least": 0 } })), false), // nobody may know it
            (all(a.clone(), b.clone()), false),                       // a customer may belong to both
            (all(json!({ "groups": ["a", "b"] }), all(not(a.clone()), not(b.clone()))), true),
            (all(json!({ "customers": ["a"] }), json!({ "customers": ["b"] })), true),
            (all(json!({ "customers": ["a", "c"] }), json!({ "customers": ["b", "c"] })), false),
            (all(json!({ "regions": ["NL", "BE"] }), not(json!({ "regions": ["NL"] }))), false),
            (all(json!({ "payment_methods": ["card"] }), not(json!({ "payment_methods": ["card", "cash"] }))), true),
            (not(json!({ "channels": ["app"] })), false), // there may be none
            (all(json!({ "coupons": ["SAVE"] }), not(json!({ "coupons": [" save"] }))), true),
            (any(all(a.clone(), not(a.clone())), b.clone()), false),
            (any(all(a.clone(), not(a.clone())), all(b.clone(), not(b.clone()))), true),
            (not(any(a.clone(), not(a.clone()))), true),
            (not(all(a.clone(), b.clone())), false),
            (all(window(r#"{"weekdays":["monday"]}"#), window(r#"{"weekdays":["friday"]}"#)), true),
            (all(window(r#"{"weekdays":["monday"]}"#), not(window(r#"{"weekdays":["friday"]}"#))), false),
        ] {
            assert_eq!(never_holds(&when), expected, "{when}");
        }
    }

    #[test]
    fn a_condition_with_too_many_ways_is_said_to_be_left_out() {
        let any = |number: usize| json!({ "any": [{ "groups": [format!("a{number}")] }, { "groups": [format!("b{number}")] }] });
        let promotion = |parts: usize| json!({ "id": "p", "when": { "all": (0..parts).map(any).collect::<Vec<_>>() }, "effect": { "percent_off": { "off_bp": 1000 } } });
        let cut = |parts: usize| {
            let document = Document::from_json(&json!({ "version": 1, "promotions": [promotion(parts)] }).to_string()).unwrap();
            findings(&document, &RuleSet::compile(&document), None).cut
        };
        assert!(cut(6).is_empty(), "64 ways");
        assert_eq!(cut(7), ["promotions[0].when: it may hold in too many ways to look at each"]);
    }
}
