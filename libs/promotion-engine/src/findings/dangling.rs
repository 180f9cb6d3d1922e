//! Names of what is not there, and what nobody names.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashMapExt, HashSet};
use pricestream_domain::Currency;

use super::baskets::Shop;
use super::facts::told;
use super::report::Report;
use super::sets::{Key, product_keys};
use super::survey::{Subject, Survey};
use super::unreachable::item_sets;
use super::{Code, Finding, Severity};
use crate::document::condition::{Condition, Over};
use crate::document::items::{Items, Selector};
use crate::document::promotion::Side;
use crate::keys::spelled;

/// Says what the catalogue, if one was given, does not have; and which codes, groups, labels and units stand alone, or do not.
pub(super) fn look(survey: &Survey<'_>, report: &mut Report) {
    if let Some(shop) = Shop::of(survey) {
        not_in_the_catalogue(&shop, report);
    }
    codes(survey, report);
    lone_in_exclusions(survey, report);
    units(survey, report);
}

fn not_in_the_catalogue(shop: &Shop<'_, '_>, report: &mut Report) {
    let known: HashSet<Key<'_>> = shop.products.iter().flat_map(|product| product_keys(product)).collect();
    let currencies: BTreeSet<&str> = shop.products.iter().map(|product| code_of(&product.list_price.currency)).collect();
    for subject in &shop.survey.subjects {
        let id = &subject.promotion.id;
        let mut sets = item_sets(subject);
        if let Some(condition) = &subject.promotion.when {
            of_condition(condition, &format!("{}.when", subject.path), &mut sets);
        }
        let mut complete = true;
        for (path, items) in &sets {
            for (path, missing) in missing(path, items, &known) {
                complete = false;
                let message = format!(
                    "{id} names {}, which the catalogue does not have, or sells no more; import it, or correct the name",
                    told(missing.iter().map(String::as_str), "and")
                );
                report.add(Finding::about(Code::UnknownItem, Severity::Warning, &[subject], message).in_places(vec![path]));
            }
        }
        for (position, gift) in subject.promotion.effect.gifts().iter().enumerate() {
            if !known.contains(&Key::Sku(gift.sku.as_str())) {
                let path = format!("{}.gifts[{position}].sku", subject.effect_path());
                let message = format!(
                    "{id} gives SKU {}, which the catalogue does not have, or sells no more; import it, or give another",
                    gift.sku
                );
                report.add(Finding::about(Code::UnknownItem, Severity::Warning, &[subject], message).in_places(vec![path]));
            }
        }
        let nothing = |(_, items): &&(String, &Items)| shop.products_of(items).is_some_and(|places| places.is_empty());
        let live = matches!(shop.survey.standing[subject.number], super::survey::Standing::Live(_));
        if let Some((path, _)) = item_sets(subject).iter().find(nothing).filter(|_| complete && live) {
            let message =
                format!("{id} never applies: no product of the catalogue is for {path}; give it other items, or remove it");
            report.add(
                Finding::about(Code::MatchesNoProduct, Severity::Warning, &[subject], message).in_places(vec![path.clone()]),
            );
        }
        if let Some(currency) = subject.compiled.currency.filter(|currency| !currencies.contains(code_of(currency))) {
            let message =
                format!("{id} never applies: it is in {currency}, and no product of the catalogue is; correct its amounts");
            report.add(Finding::about(Code::UnknownCurrency, Severity::Warning, &[subject], message));
        }
    }
}

fn code_of(currency: &Currency) -> &str {
    currency.code()
}

/// What a set names that is not known, by its place.
fn missing(path: &str, items: &Items, known: &HashSet<Key<'_>>) -> Vec<(String, BTreeSet<String>)> {
    let mut all = Vec::new();
    for (field, selectors) in [("include", &items.include), ("exclude", &items.exclude)] {
        for (position, selector) in selectors.iter().enumerate() {
            for (name, keys) in named(selector) {
                let missing: BTreeSet<String> = keys.into_iter().filter(|key| !known.contains(key)).map(tell).collect();
                if !missing.is_empty() {
                    all.push((format!("{path}.{field}[{position}].{name}"), missing));
                }
            }
        }
    }
    all
}

fn named(selector: &Selector) -> Vec<(String, Vec<Key<'_>>)> {
    let fields = [
        ("skus", selector.skus.iter().map(|sku| Key::Sku(sku.as_str())).collect()),
        ("categories", selector.categories.iter().map(|name| Key::Category(name)).collect()),
        ("tags", selector.tags.iter().map(|name| Key::Tag(name)).collect()),
        ("sellers", selector.sellers.iter().map(|name| Key::Seller(name)).collect()),
    ];
    let attributes = selector
        .attributes
        .iter()
        .map(|(name, values)| (format!("attributes.{name}"), values.iter().map(|value| Key::Attribute(name, value)).collect()));
    fields.into_iter().map(|(name, keys)| (name.to_owned(), keys)).chain(attributes).collect()
}

fn tell(key: Key<'_>) -> String {
    match key {
        Key::Sku(name) => format!("SKU {name}"),
        Key::Category(name) => format!("category {name:?}"),
        Key::Tag(name) => format!("tag {name:?}"),
        Key::Seller(name) => format!("seller {name:?}"),
        Key::Attribute(name, value) => format!("{name} {value:?}"),
    }
}

/// The sets of items that a condition counts over.
fn of_condition<'a>(condition: &'a Condition, path: &str, to: &mut Vec<(String, &'a Items)>) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            let field = if matches!(condition, Condition::All(_)) { "all" } else { "any" };
            for (position, part) in parts.iter().enumerate() {
                of_condition(part, &format!("{path}.{field}[{position}]"), to);
            }
        }
        Condition::Not(part) => {
            of_condition(part, &format!("{path}.not"), to);
        }
        Condition::Spend(spend) => to.extend(of_over(&spend.over).map(|items| (format!("{path}.spend.over.items"), items))),
        Condition::Quantity(quantity) => {
            to.extend(of_over(&quantity.over).map(|items| (format!("{path}.quantity.over.items"), items)));
        }
        _ => {}
    }
}

fn of_over(over: &Over) -> Option<&Items> {
    if let Over::Items(items) = over { Some(items) } else { None }
}

/// Codes that two promotions ask for, and codes that people will take for each other.
fn codes(survey: &Survey<'_>, report: &mut Report) {
    let case = survey.document.policies.coupon_case;
    let mut by_code: BTreeMap<String, (String, Vec<&Subject<'_>>)> = BTreeMap::new();
    for subject in &survey.subjects {
        let mut codes = BTreeSet::new();
        if let Some(condition) = &subject.promotion.when {
            codes_of(condition, &mut codes);
        }
        for code in codes {
            let (_, asked_by) = by_code.entry(spelled(code, case)).or_insert_with(|| (code.to_owned(), Vec::new()));
            if asked_by.last().is_none_or(|last| last.number != subject.number) {
                asked_by.push(subject);
            }
        }
    }
    let mut alike: HashMap<String, (&String, &Subject<'_>)> = HashMap::new();
    for (code, asked_by) in by_code.values() {
        let first = asked_by[0];
        if asked_by.len() > 1 {
            let ids = told(asked_by.iter().map(|subject| subject.promotion.id.as_str()), "and");
            let message =
                format!("{ids} ask for the same code {code:?}: who gives it gets each that applies; leave it if that is meant");
            report.add(Finding::about(Code::CodeShared, Severity::Note, asked_by, message));
        }
        let bare: String = code.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).collect();
        match alike.entry(bare) {
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert((code, first));
            }
            std::collections::hash_map::Entry::Occupied(entry) => {
                let (other, subject) = entry.get();
                let message = format!(
                    "the codes {other:?} of {} and {code:?} of {} differ in case or spaces alone, and are two codes; name one differently",
                    subject.promotion.id, first.promotion.id
                );
                let about = if subject.number == first.number { vec![first] } else { vec![*subject, first] };
                report.add(Finding::about(Code::CodesNearlyEqual, Severity::Warning, &about, message));
            }
        }
    }
}

fn codes_of<'a>(condition: &'a Condition, to: &mut BTreeSet<&'a str>) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| codes_of(part, to)),
        Condition::Coupons(codes) => to.extend(codes.iter().map(String::as_str)),
        _ => {}
    }
}

/// Groups and labels of exclusions that hold one promotion alone: it may have been meant to hold more.
fn lone_in_exclusions(survey: &Survey<'_>, report: &mut Report) {
    let mut carried: HashMap<Side, Vec<usize>> = HashMap::new();
    for subject in &survey.subjects {
        let groups = subject.promotion.groups.iter().cloned().map(Side::Group);
        for side in groups.chain(subject.promotion.labels.iter().cloned().map(Side::Label)) {
            carried.entry(side).or_default().push(subject.number);
        }
    }
    for (position, exclusion) in survey.document.exclusions.iter().enumerate() {
        for (field, side) in [("of", &exclusion.of), ("with", &exclusion.with)] {
            let Some([number]) = carried.get(side).map(Vec::as_slice) else { continue };
            let (what, name) = match side {
                Side::Group(name) => ("group", name),
                Side::Label(name) => ("label", name),
                Side::Component(_) | Side::Promotion(_) => continue,
            };
            let subject = &survey.subjects[*number];
            let message = format!(
                "{} alone has the {what} {name:?} that an exclusion names; see that no other promotion was meant to have it",
                subject.promotion.id
            );
            let paths = vec![format!("exclusions[{position}].{field}"), subject.path.clone()];
            report.add(Finding::about(Code::LoneInExclusion, Severity::Note, &[subject], message).in_places(paths));
        }
    }
}

/// Units that run nothing. A document without a pipeline has one of every component, and names none of them.
fn units(survey: &Survey<'_>, report: &mut Report) {
    if survey.document.names_no_pipeline() {
        return;
    }
    let used: BTreeSet<(usize, usize)> =
        survey.subjects.iter().map(|subject| (usize::from(subject.compiled.node), usize::from(subject.compiled.unit))).collect();
    for (node, (_, units)) in survey.document.pipeline.iter().enumerate() {
        for (place, unit) in units.iter().enumerate().filter(|(place, _)| !used.contains(&(node, *place))) {
            let paths = vec![format!("pipeline[{node}][{place}]")];
            let component = &unit.component;
            report.add(match &unit.label {
                Some(label) => {
                    let message = format!(
                        "no {component} promotion has the label {label:?} of its unit; correct the label, or remove the unit"
                    );
                    Finding::at(Code::LabelUnused, Severity::Warning, paths, message)
                }
                None => {
                    let message = format!("no promotion is a {component}; leave the unit if some are to come");
                    Finding::at(Code::UnitUnused, Severity::Note, paths, message)
                }
            });
        }
    }
}
