//! Caps, budgets and limits of promotions that are on at the same time, and add up.

use foldhash::HashMap;
use jiff::Timestamp;
use pricestream_domain::Money;

use super::facts::{Fact, What, clash, windows};
use super::meeting::Meeting;
use super::report::Report;
use super::sets::{Key, first_keys, holds, meet, selector_keys};
use super::survey::{Subject, Survey, group};
use super::{Code, Finding, Severity, Witness};

/// Pairs that are held against each other, at most.
const MOST_PAIRS: usize = 1_000_000;

/// Says, of each promotion with a cap or a limit of its own, the first other one that it adds up with.
pub(super) fn look(survey: &Survey<'_>, report: &mut Report) {
    let capped: Vec<&Subject<'_>> =
        survey.live().filter(|subject| !caps(subject).is_empty() && !subject.has_own_sets()).collect();
    // Only those before it in the document, so that a pair is told once.
    let mut by_key: HashMap<Key<'_>, Vec<&Subject<'_>>> = group(std::iter::empty());
    let mut for_everything: Vec<&Subject<'_>> = Vec::new();
    let mut pairs = 0;
    for (place, subject) in capped.iter().enumerate() {
        let keys = keys_of(subject);
        let everything = subject.promotion.items.include.is_empty();
        let by_key_found = keys.iter().filter_map(|key| by_key.get(key)).flatten();
        let rivals: Vec<&Subject<'_>> =
            if everything { capped[..place].to_vec() } else { for_everything.iter().chain(by_key_found).copied().collect() };
        for rival in rivals {
            pairs += 1;
            if pairs > MOST_PAIRS {
                report.cut("caps_add_up: there are too many promotions for the same items to hold all against each other");
                return;
            }
            if let Some(finding) = add_up(survey, rival, subject) {
                report.add(finding);
                break;
            }
        }
        if everything {
            for_everything.push(subject);
        }
        for key in keys {
            by_key.entry(key).or_default().push(subject);
        }
    }
}

/// Keys of everything that it is for.
fn keys_of<'a>(subject: &Subject<'a>) -> Vec<Key<'a>> {
    let selectors = subject.promotion.items.include.iter();
    let mut keys: Vec<Key<'a>> =
        selectors.flat_map(|selector| selector_keys(selector).into_iter().chain(first_keys(selector))).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn add_up(survey: &Survey<'_>, one: &Subject<'_>, other: &Subject<'_>) -> Option<Finding> {
    let flash = |subject: &Subject<'_>| subject.promotion.effect.foreseen().sells_a_quota();
    let quotas = flash(one) && flash(other);
    let (of_one, of_other) = (caps(one), caps(other));
    let wanted = |field: &str| if quotas { field.starts_with("units") } else { field != "units" };
    let mut both = of_one.iter().filter(|(field, ..)| wanted(field));
    let (field, mine, theirs) =
        both.find_map(|(field, mine)| Some((*field, *mine, of_other.iter().find(|(of, _)| of == field)?.1)))?;
    let stacks = survey.stack(one, other) && alike(one, other);
    if !(quotas || stacks) || one.excludes(other) || !share_items(survey, one, other) {
        return None;
    }
    let (from, until) = together(survey, one, other)?;
    let when = from.map_or_else(|| "always".to_owned(), |from| survey.clock.tell_span(from, until));
    let (first, second) = (&one.promotion.id, &other.promotion.id);
    let currency = one.compiled.currency.filter(|_| matches!(field, "cap" | "budget"));
    let tell = |of: i64| currency.map_or_else(|| of.to_string(), |currency| Money::new(of, currency).to_string());
    let sum = format!("{} and {}, together {}", tell(mine), tell(theirs), tell(mine.saturating_add(theirs)));
    let (code, message) = if quotas {
        let message = format!(
            "{first} and {second} sell the same items in a flash sale at the same time ({when}), each with its own {field}: {sum}; \
             make it one sale, or let one end before the other begins"
        );
        (Code::QuotasAddUp, message)
    } else {
        let message = format!(
            "{first} and {second} apply one upon the other on the same items ({when}), each with its own {field}: {sum}; exclude \
             them, let their unit take the best, or move one of the windows"
        );
        (Code::CapsAddUp, message)
    };
    let place = |subject: &Subject<'_>| match field {
        "cap" => format!("{}.cap", subject.effect_path()),
        _ => format!("{}.limit.{field}", subject.path),
    };
    let finding = Finding::about(code, Severity::Warning, &[one, other], message).in_places(vec![place(one), place(other)]);
    Some(finding.shown_by(from.map(|from| Witness::Time { from, until })))
}

/// What a promotion gives at most: in one order, to one customer, or in all.
fn caps(subject: &Subject<'_>) -> Vec<(&'static str, i64)> {
    let of_effect = subject.promotion.effect.foreseen().cap();
    let mut caps: Vec<(&'static str, i64)> = of_effect.map(|cap| ("cap", cap.minor)).into_iter().collect();
    if let Some(limit) = &subject.promotion.limit {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        caps.extend(limit.budget.map(|budget| ("budget", budget.minor)));
        caps.extend(limit.uses_per_customer.map(|uses| ("uses_per_customer", number(uses))));
        caps.extend(limit.units_per_customer.map(|units| ("units_per_customer", number(units))));
        caps.extend(limit.units.map(|units| ("units", number(units))));
    }
    caps
}

/// Of one component, group or label.
fn alike(one: &Subject<'_>, other: &Subject<'_>) -> bool {
    let (one, other) = (one.promotion, other.promotion);
    one.effect.component() == other.effect.component()
        || !one.groups.is_disjoint(&other.groups)
        || !one.labels.is_disjoint(&other.labels)
}

fn share_items(survey: &Survey<'_>, one: &Subject<'_>, other: &Subject<'_>) -> bool {
    let currency = |subject: &Subject<'_>| subject.compiled.currency;
    let same_currency = currency(one).zip(currency(other)).is_none_or(|(one, other)| one == other);
    let (one, other) = (&one.promotion.items, &other.promotion.items);
    let sold = |products: &Vec<std::sync::Arc<pricestream_domain::Product>>| {
        products.iter().take(10_000).any(|product| holds(one, product) && holds(other, product))
    };
    same_currency && (meet(one, other) || survey.products.as_ref().is_some_and(sold))
}

/// When both can apply to one customer's order: from an instant until another; without the first always.
fn together(survey: &Survey<'_>, one: &Subject<'_>, other: &Subject<'_>) -> Option<(Option<Timestamp>, Option<Timestamp>)> {
    // What each says of its own items says nothing of the other's.
    let common = |fact: &&Fact<'_>| !matches!(fact.what, What::Spent { .. } | What::Units { .. } | What::StockLeft { .. });
    let facts: Vec<Fact<'_>> = survey.facts(one).iter().chain(survey.facts(other)).filter(common).cloned().collect();
    if clash(&facts, one, &survey.clock).is_some() {
        return None;
    }
    let windows = windows(&facts);
    if windows.is_empty() {
        return Some((None, None));
    }
    let Meeting::At(from) = survey.clock.meeting(&windows) else { return None };
    Some((Some(from), survey.clock.lasts(&windows, from)))
}
