//! Caps, budgets and limits of promotions that are on at the same time, and add up.

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use jiff::Timestamp;
use pricestream_domain::Money;

use super::facts::{Fact, What, clash, windows};
use super::kin::Kin;
use super::meeting::Meeting;
use super::report::Report;
use super::sets::{Key, first_keys, selector_keys};
use super::survey::{Subject, Survey};
use super::{Code, Finding, Severity, Witness};

/// Pairs that are held against each other, at most.
const MOST_PAIRS: usize = 1_000_000;

/// Says, of each promotion with a cap or a limit of its own, the first other one that it adds up with.
pub(super) fn look<'s, 'a>(survey: &'s Survey<'a>, kin: &'s Kin<'s>, report: &mut Report) {
    let capped: Vec<&'s Subject<'a>> =
        survey.live().filter(|subject| !caps(subject).is_empty() && !subject.has_own_sets()).collect();
    // Only those before it in the document, so that a pair is told once: by what they name, and by what their products have besides.
    let mut by_key: HashMap<Key<'s>, Vec<&'s Subject<'a>>> = HashMap::new();
    let mut by_others: HashMap<Key<'s>, Vec<&'s Subject<'a>>> = HashMap::new();
    let mut for_everything: Vec<&'s Subject<'a>> = Vec::new();
    let mut pairs = 0;
    for (place, subject) in capped.iter().enumerate() {
        let keys = keys_of(subject);
        let with_others = kin.with_others(&keys);
        let everything = subject.promotion.items.include.is_empty();
        let alike = with_others.iter().filter_map(|key| by_key.get(key)).chain(keys.iter().filter_map(|key| by_others.get(key)));
        let rivals: Vec<&'s Subject<'a>> =
            if everything { capped[..place].to_vec() } else { for_everything.iter().chain(alike.flatten()).copied().collect() };
        let mut seen = HashSet::new();
        for rival in rivals.into_iter().filter(|rival| seen.insert(rival.number)) {
            pairs += 1;
            if pairs > MOST_PAIRS {
                report.cut("caps_add_up: there are too many promotions for the same items to hold all against each other");
                return;
            }
            if let Some(finding) = add_up(survey, kin, rival, subject) {
                report.add(finding);
                break;
            }
        }
        if everything {
            for_everything.push(subject);
        }
        for key in with_others {
            let named = keys.binary_search(&key).is_ok();
            (if named { &mut by_key } else { &mut by_others }).entry(key).or_default().push(subject);
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

fn add_up<'s>(survey: &Survey<'_>, kin: &Kin<'s>, one: &'s Subject<'_>, other: &'s Subject<'_>) -> Option<Finding> {
    let flash = |subject: &Subject<'_>| subject.promotion.effect.foreseen().sells_a_quota();
    let quotas = flash(one) && flash(other);
    let (of_one, of_other) = (caps(one), caps(other));
    let wanted = |field: &str| if quotas { field.starts_with("units") } else { field != "units" };
    let mut both = of_one.iter().filter(|(field, ..)| wanted(field));
    let (field, mine, theirs) =
        both.find_map(|(field, mine)| Some((*field, *mine, of_other.iter().find(|(of, _)| of == field)?.1)))?;
    // Money adds up whatever gives it; how often something is used does where it is the same thing.
    let stacks = survey.stack(one, other) && (matches!(field, "cap" | "budget") || alike(one, other));
    if !(quotas || stacks) || one.excludes(other) || !share_items(kin, one, other) {
        return None;
    }
    let (from, until) = together(survey, &[one, other])?;
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

/// Whether both may be for one item of a basket.
pub(super) fn share_items<'s>(kin: &Kin<'s>, one: &'s Subject<'_>, other: &'s Subject<'_>) -> bool {
    let currency = |subject: &Subject<'_>| subject.compiled.currency;
    let same_currency = currency(one).zip(currency(other)).is_none_or(|(one, other)| one == other);
    same_currency && kin.meet(&one.promotion.items, &other.promotion.items)
}

/// When all can apply to one customer's order: from an instant until another; without the first always.
pub(super) fn together(survey: &Survey<'_>, subjects: &[&Subject<'_>]) -> Option<(Option<Timestamp>, Option<Timestamp>)> {
    // What each says of its own items says nothing of the others'.
    let common = |fact: &&Fact<'_>| !matches!(fact.what, What::Spent { .. } | What::Units { .. } | What::StockLeft { .. });
    let facts: Vec<Fact<'_>> = subjects.iter().flat_map(|subject| survey.facts(subject)).filter(common).cloned().collect();
    if clash(&facts, subjects.first()?, &survey.clock).is_some() {
        return None;
    }
    let windows = windows(&facts);
    if windows.is_empty() {
        return Some((None, None));
    }
    let Meeting::At(from) = survey.clock.meeting(&windows) else { return None };
    Some((Some(from), survey.clock.lasts(&windows, from)))
}
