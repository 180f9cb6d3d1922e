use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::ops::Range;

use foldhash::{HashMap, HashMapExt};
use pricestream_domain::{Product, Sku};

use crate::basket::Context;
use crate::document::items::{Items, Selector};
use crate::document::policies::CouponCase;

/// A number for each SKU, category, tag, attribute value, seller, group, customer and coupon that the rule set names, so that a
/// basket is looked up once and then compared by numbers.
#[derive(Debug)]
pub(crate) struct Keys {
    next: u32,
    skus: HashMap<String, u32>,
    categories: HashMap<String, u32>,
    tags: HashMap<String, u32>,
    attributes: HashMap<String, HashMap<String, u32>>,
    sellers: HashMap<String, u32>,
    groups: HashMap<String, u32>,
    customers: HashMap<String, u32>,
    coupons: HashMap<String, u32>,
    coupon_case: CouponCase,
}

/// A set of items by numbers: any of `include` (or everything, if that is empty) and none of `exclude`.
#[derive(Clone, Debug, Default)]
pub(crate) struct ItemSet {
    pub(crate) include: Vec<Picks>,
    pub(crate) exclude: Vec<Picks>,
}

/// Every one of these, each of which is any of these numbers.
pub(crate) type Picks = Vec<Vec<u32>>;

impl Keys {
    pub(crate) fn new(coupon_case: CouponCase) -> Self {
        let map = HashMap::new;
        Self {
            next: 0,
            skus: map(),
            categories: map(),
            tags: map(),
            attributes: HashMap::new(),
            sellers: map(),
            groups: map(),
            customers: map(),
            coupons: map(),
            coupon_case,
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.next as usize
    }

    pub(crate) fn items(&mut self, items: &Items) -> ItemSet {
        let mut all = |selectors: &[Selector]| selectors.iter().map(|selector| self.picks(selector)).collect();
        ItemSet { include: all(&items.include), exclude: all(&items.exclude) }
    }

    /// The most telling field first: by it the promotion is found.
    fn picks(&mut self, selector: &Selector) -> Picks {
        let mut picks = Vec::new();
        let next = &mut self.next;
        let mut add = |known: &mut HashMap<String, u32>, values: &mut dyn Iterator<Item = &str>| {
            let mut numbers: Vec<u32> = values.map(|value| number(next, known, value)).collect();
            numbers.sort_unstable();
            if !numbers.is_empty() {
                picks.push(numbers);
            }
        };
        add(&mut self.skus, &mut selector.skus.iter().map(Sku::as_str));
        for (attribute, values) in &selector.attributes {
            let known = self.attributes.entry(attribute.clone()).or_default();
            add(known, &mut values.iter().map(String::as_str));
        }
        add(&mut self.tags, &mut selector.tags.iter().map(String::as_str));
        add(&mut self.categories, &mut selector.categories.iter().map(String::as_str));
        add(&mut self.sellers, &mut selector.sellers.iter().map(String::as_str));
        picks
    }

    pub(crate) fn groups(&mut self, groups: &BTreeSet<String>) -> Vec<u32> {
        sorted(groups.iter().map(|group| number(&mut self.next, &mut self.groups, group)))
    }

    pub(crate) fn customers(&mut self, customers: &BTreeSet<String>) -> Vec<u32> {
        sorted(customers.iter().map(|customer| number(&mut self.next, &mut self.customers, customer)))
    }

    pub(crate) fn coupons(&mut self, codes: &BTreeSet<String>) -> Vec<u32> {
        let case = self.coupon_case;
        sorted(codes.iter().map(|code| number(&mut self.next, &mut self.coupons, &spelled(code, case))))
    }

    /// The numbers of what `product` is, in rising order, added to `to`.
    pub(crate) fn of_product(&self, product: &Product, to: &mut Vec<u32>) {
        let begin = to.len();
        to.extend(self.skus.get(product.sku.as_str()));
        if let Some(category) = &product.category {
            to.extend(self.categories.get(category));
        }
        if !self.tags.is_empty() {
            to.extend(product.tags.iter().filter_map(|tag| self.tags.get(tag)));
        }
        if !self.attributes.is_empty() {
            let known = |(attribute, value): (&str, &str)| self.attributes.get(attribute)?.get(value).copied();
            to.extend(product.attributes.iter().filter_map(known));
        }
        if let Some(seller) = &product.seller {
            to.extend(self.sellers.get(seller));
        }
        to[begin..].sort_unstable();
    }

    /// The codes that were given.
    pub(crate) fn codes(&self, context: &Context) -> Codes {
        Codes::of(self, &context.coupons)
    }

    /// The numbers of who buys and of the coupons given, in rising order.
    pub(crate) fn of_context(&self, context: &Context, codes: &Codes) -> Vec<u32> {
        let groups = context.customer.groups.iter().filter_map(|group| self.groups.get(group)).copied();
        let customer = context.customer.id.iter().filter_map(|id| self.customers.get(id)).copied();
        sorted(groups.chain(customer).chain(codes.iter().filter_map(|(_, number)| number)))
    }
}

/// A code as it is compared.
pub(crate) fn spelled(code: &str, case: CouponCase) -> String {
    let mut spelled = String::with_capacity(code.len());
    spell(code, case, &mut spelled);
    spelled
}

fn spell(code: &str, case: CouponCase, to: &mut String) {
    let begin = to.len();
    match case {
        CouponCase::Insensitive if code.is_ascii() => {
            to.push_str(code.trim());
            to[begin..].make_ascii_lowercase();
        }
        CouponCase::Insensitive => to.push_str(&code.trim().to_lowercase()),
        CouponCase::Sensitive => to.push_str(code),
    }
}

/// The codes that a customer gave, looked up.
#[derive(Debug)]
pub(crate) struct Codes {
    /// As they are compared, one after the other.
    text: String,
    /// Each once, however often it is spelled otherwise.
    codes: Vec<Code>,
}

#[derive(Debug)]
struct Code {
    /// Where it is among those given.
    place: usize,
    /// Its text.
    text: Range<usize>,
    hash: u64,
    /// If a promotion names it.
    number: Option<u32>,
}

impl Codes {
    fn of(keys: &Keys, given: &[String]) -> Self {
        let mut all =
            Self { text: String::with_capacity(given.iter().map(String::len).sum()), codes: Vec::with_capacity(given.len()) };
        for (place, code) in given.iter().enumerate() {
            let begin = all.text.len();
            spell(code, keys.coupon_case, &mut all.text);
            let text = begin..all.text.len();
            let code = &all.text[begin..];
            let hash = keys.coupons.hasher().hash_one(code);
            if all.codes.iter().any(|other| other.hash == hash && all.text[other.text.clone()] == *code) {
                all.text.truncate(begin);
            } else {
                let number = keys.coupons.get(code).copied();
                all.codes.push(Code { place, text, hash, number });
            }
        }
        all
    }

    /// Each once: its place among those given, and its number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, Option<u32>)> {
        self.codes.iter().map(|code| (code.place, code.number))
    }
}

fn number(next: &mut u32, known: &mut HashMap<String, u32>, name: &str) -> u32 {
    if let Some(number) = known.get(name) {
        return *number;
    }
    let number = *next;
    *next += 1;
    known.insert(name.to_owned(), number);
    number
}

fn sorted(numbers: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut numbers: Vec<u32> = numbers.collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Whether two rising lists share a number.
pub(crate) fn meet(one: &[u32], other: &[u32]) -> bool {
    let (few, many) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    few.iter().any(|number| many.binary_search(number).is_ok())
}

impl ItemSet {
    /// What belongs to at least one of `sets`, and maybe something that those exclude.
    pub(crate) fn any_of(sets: &[Self]) -> Self {
        if sets.iter().any(|set| set.include.is_empty()) {
            return Self::default();
        }
        Self { include: sets.iter().flat_map(|set| set.include.iter().cloned()).collect(), exclude: Vec::new() }
    }

    /// Whether something with these numbers belongs to it.
    pub(crate) fn holds(&self, of: &[u32]) -> bool {
        let picked = |picks: &Picks| picks.iter().all(|any| meet(any, of));
        (self.include.is_empty() || self.include.iter().any(picked)) && !self.exclude.iter().any(picked)
    }

    pub(crate) fn everything(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }
}
