//! Baskets of catalogue products that the promotions of a rule set concern.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::HashMap;
use jiff::Timestamp;
use pricestream_domain::{Money, Product, Sku};

use super::facts::{Asked, Fact, What, Whose, windows};
use super::meeting::{Meeting, SOME_INSTANT};
use super::sets::{Key, holds, product_keys, selector_keys};
use super::survey::{Subject, Survey, group};
use super::unreachable::item_sets;
use crate::basket::{Basket, Context};
use crate::candidates::Candidates;
use crate::document::items::Items;
use crate::edge::Bare;
use crate::evaluate::evaluate;
use crate::quote::Quote;
use crate::request::{Found, QuoteRequest, RequestedCustomer, RequestedLine, RequestedPostage};

/// The products that are sold, found by what they are.
pub(super) struct Shop<'s, 'a> {
    pub(super) survey: &'s Survey<'a>,
    pub(super) products: &'s [Arc<Product>],
    by_key: HashMap<Key<'s>, Vec<usize>>,
    by_sku: HashMap<&'s Sku, usize>,
    /// Products that may still be looked at.
    looks: Cell<usize>,
    /// Promotions that may still be weighed in quotes.
    weighed: Cell<usize>,
}

/// A basket that was priced.
pub(super) struct Priced {
    pub(super) request: QuoteRequest,
    pub(super) basket: Basket,
    context: Context,
    pub(super) quote: Quote,
}

const MOST_LOOKS: usize = 5_000_000;
const MOST_WEIGHED: usize = 1_000_000;
const MOST_UNITS: u64 = 1_000;

impl<'s, 'a> Shop<'s, 'a> {
    /// `None` without a catalogue.
    pub(super) fn of(survey: &'s Survey<'a>) -> Option<Self> {
        let products = survey.products.as_deref()?;
        let keys = products.iter().enumerate().flat_map(|(place, product)| product_keys(product).map(move |key| (key, place)));
        Some(Self {
            survey,
            products,
            by_key: group(keys),
            by_sku: products.iter().enumerate().map(|(place, product)| (&product.sku, place)).collect(),
            looks: Cell::new(MOST_LOOKS),
            weighed: Cell::new(MOST_WEIGHED),
        })
    }

    /// Whether more may be looked at and priced.
    pub(super) fn has_time(&self) -> bool {
        self.looks.get() > 0 && self.weighed.get() > 0
    }

    /// Places of the products that belong to `items`, in rising order; `None` when it takes too long to find them all.
    pub(super) fn products_of(&self, items: &Items) -> Option<Vec<usize>> {
        let mut places: Vec<usize> = if items.include.is_empty() {
            (0..self.products.len()).collect()
        } else {
            let keys = items.include.iter().flat_map(selector_keys);
            keys.filter_map(|key| self.by_key.get(&key)).flatten().copied().collect()
        };
        let Some(looks) = self.looks.get().checked_sub(places.len()) else {
            self.looks.set(0);
            return None;
        };
        self.looks.set(looks);
        places.retain(|place| holds(items, &self.products[*place]));
        places.sort_unstable();
        places.dedup();
        Some(places)
    }

    /// When a promotion is on; `None`: nobody knows.
    pub(super) fn instant(&self, subject: &Subject<'_>) -> Option<Timestamp> {
        let windows = windows(self.survey.facts(subject));
        if windows.is_empty() {
            return Some(SOME_INSTANT);
        }
        if let Meeting::At(at) = self.survey.clock.meeting(&windows) { Some(at) } else { None }
    }

    /// What is bought for a promotion, of `product` as far as that is for it: as many units as its condition and its effect need.
    pub(super) fn lines_for(&self, subject: &Subject<'_>, product: usize) -> Option<BTreeMap<usize, u32>> {
        let facts = self.survey.facts(subject);
        let price = self.products[product].list_price.minor.max(1).unsigned_abs();
        let units_for = |of: &dyn Fn(&Whose<'_>) -> bool, price: u64| {
            let needed = |fact: &Fact<'_>| match &fact.what {
                What::Units { over, from, .. } if of(over) => *from,
                What::Spent { over, from, .. } if of(over) => from.unsigned_abs().div_ceil(price),
                _ => 0,
            };
            facts.iter().map(needed).max().unwrap_or(1).max(1)
        };
        let mut lines: BTreeMap<usize, u64> = BTreeMap::new();
        let own = units_for(&|over| !matches!(over, Whose::Items(_)), price);
        *lines.entry(product).or_default() += own;
        let sets = item_sets(subject);
        if subject.has_own_sets() {
            for (_, items) in &sets {
                let place = if holds(items, &self.products[product]) { product } else { *self.products_of(items)?.first()? };
                *lines.entry(place).or_default() += own;
            }
        }
        for fact in facts {
            if let What::Units { over: Whose::Items(items), .. } | What::Spent { over: Whose::Items(items), .. } = &fact.what {
                let place = *self.products_of(items)?.first()?;
                let price = self.products[place].list_price.minor.max(1).unsigned_abs();
                let units = units_for(&|over| *over == Whose::Items(items), price);
                let line = lines.entry(place).or_default();
                *line = (*line).max(units);
            }
        }
        let fits = |units: u64| u32::try_from(units).ok().filter(|_| units <= MOST_UNITS);
        lines.into_iter().map(|(place, units)| Some((place, fits(units)?))).collect()
    }

    /// What is asked for so that the conditions of `subjects` hold, as far as that can be.
    pub(super) fn request(&self, lines: &BTreeMap<usize, u32>, at: Timestamp, subjects: &[&Subject<'_>]) -> QuoteRequest {
        let line = |(place, quantity): (&usize, &u32)| RequestedLine {
            quantity: *quantity,
            ..RequestedLine::of(self.products[*place].sku.clone())
        };
        let facts = || subjects.iter().flat_map(|subject| self.survey.facts(subject));
        let named = |field: Asked| {
            let among = |wanted: bool| {
                facts().filter(
                    move |fact| matches!(&fact.what, What::Among { field: of, among, .. } if *of == field && *among == wanted),
                )
            };
            let not: BTreeSet<&String> = among(false).flat_map(Fact::values).collect();
            let first = |fact: &Fact<'_>| fact.values().find(|value| !not.contains(value)).cloned();
            among(true).filter_map(first).collect::<BTreeSet<String>>()
        };
        let one = |field: Asked| named(field).into_iter().next();
        let orders =
            facts().filter_map(|fact| if let What::OrderNumber { from, .. } = fact.what { from.checked_sub(1) } else { None });
        let customer = RequestedCustomer {
            id: one(Asked::Customers),
            groups: named(Asked::Groups),
            orders_placed: orders.max().and_then(|orders| u32::try_from(orders).ok()).unwrap_or(0),
        };
        let currency = lines.keys().next().map(|place| self.products[*place].list_price.currency);
        let postage = one(Asked::PostageMethods).zip(currency);
        QuoteRequest {
            at: Some(at),
            lines: lines.iter().map(line).collect(),
            postage: postage
                .map(|(method, currency)| RequestedPostage { amount: Money::new(500, currency), method: Some(method) }),
            customer: Some(customer).filter(|customer| *customer != RequestedCustomer::default()),
            channel: one(Asked::Channels),
            region: one(Asked::Regions),
            payment_method: one(Asked::PaymentMethods),
            coupons: named(Asked::Coupons).into_iter().collect(),
            ..QuoteRequest::default()
        }
    }

    /// Prices it at list prices; `None` when it cannot be, or when there is no time.
    pub(super) fn price(&self, request: QuoteRequest) -> Option<Priced> {
        if !self.has_time() {
            return None;
        }
        let found = |sku: &Sku| {
            let product = Arc::clone(&self.products[*self.by_sku.get(sku)?]);
            Some(Found { unit_price: product.list_price, product, stock_left: None, last_price: None })
        };
        let (basket, context) = request.clone().resolve(SOME_INSTANT, found).ok()?;
        let quote = self.survey.rules.quote(&basket, &context).ok()?;
        self.weighed.set(self.weighed.get().saturating_sub(quote.decisions.len() + 1));
        Some(Priced { request, basket, context, quote })
    }

    /// What the units of a line cost where of all promotions only some apply; empty when it cannot be priced.
    pub(super) fn units_under(&self, priced: &Priced, line: usize, some: &BTreeSet<usize>) -> Vec<i64> {
        let rules = self.survey.rules;
        let Ok(sheet) = rules.sheet(&priced.basket, &priced.context) else { return Vec::new() };
        let candidates = Candidates::of(&sheet);
        let orders: BTreeSet<usize> = some.iter().map(|number| self.survey.subjects[*number].order).collect();
        let mut few = candidates.all.clone();
        few.retain(|candidate| orders.contains(&(candidate.promotion as usize)));
        self.weighed.set(self.weighed.get().saturating_sub(few.len() + 1));
        let evaluated = evaluate(&sheet, &candidates, &few, &Bare);
        sheet.numbers().get(line).map_or_else(Vec::new, |number| evaluated.state.running[sheet.units_of(*number)].to_vec())
    }
}
