//! What promotions have to do with each other's items, as far as a catalogue says: one for a SKU and one for its category are
//! for the same product, though they name nothing in common.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt, HashSet};
use pricestream_domain::Product;

use super::sets::{self, Key, all_keys, holds, meet, product_keys, selector_keys};
use super::survey::Survey;
use crate::document::items::Items;

/// The products that the promotions' items name, as far as they are known.
pub(super) struct Kin<'s> {
    products: &'s [Arc<Product>],
    /// Of each key that is named, the products that have it, by their places, ...
    places: HashMap<Key<'s>, Vec<usize>>,
    /// ... and the categories, tags, attributes and sellers named that these have besides.
    others: HashMap<Key<'s>, BTreeSet<Key<'s>>>,
    /// Products that may still be looked at.
    looks: Cell<usize>,
}

const MOST_LOOKS: usize = 5_000_000;

impl<'s> Kin<'s> {
    /// Without a catalogue nothing is known but what the names say.
    pub(super) fn of(survey: &'s Survey<'_>) -> Self {
        let products = survey.products.as_deref().unwrap_or_default();
        let included = survey.subjects.iter().flat_map(|subject| &subject.promotion.items.include);
        let named: HashSet<Key<'s>> = included.flat_map(all_keys).collect();
        let mut places: HashMap<Key<'s>, Vec<usize>> = HashMap::new();
        let mut others: HashMap<Key<'s>, BTreeSet<Key<'s>>> = HashMap::new();
        for (place, product) in products.iter().enumerate() {
            let keys: Vec<Key<'s>> = product_keys(product).filter(|key| named.contains(key)).collect();
            for key in &keys {
                places.entry(*key).or_default().push(place);
                let besides = keys.iter().filter(|other| *other != key && !matches!(other, Key::Sku(_)));
                others.entry(*key).or_default().extend(besides);
            }
        }
        Self { products, places, others, looks: Cell::new(MOST_LOOKS) }
    }

    /// Whether products were left out, because there are too many.
    pub(super) fn is_exhausted(&self) -> bool {
        self.looks.get() == 0
    }

    /// `keys`, and those that products with one of them have besides, but for SKUs.
    pub(super) fn with_others(&self, keys: &[Key<'s>]) -> Vec<Key<'s>> {
        let others = keys.iter().filter_map(|key| self.others.get(key)).flatten();
        let mut all: Vec<Key<'s>> = keys.iter().chain(others).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether everything that belongs to `small` belongs to `big`: certainly, or of all that is sold.
    pub(super) fn covers(&self, big: &Items, small: &'s Items) -> bool {
        sets::covers(big, small) || {
            let mut any = false;
            let mut of_small = self.products_of(small).inspect(|_| any = true);
            of_small.all(|product| holds(big, product)) && !self.is_exhausted() && any
        }
    }

    /// Whether something belongs to both: certainly, or of what is sold.
    pub(super) fn meet(&self, one: &'s Items, other: &'s Items) -> bool {
        let (few, many) = if self.count(one) <= self.count(other) { (one, other) } else { (other, one) };
        meet(one, other) || self.products_of(few).any(|product| holds(many, product))
    }

    /// Products that belong to `items`, of which some are named, as long as there is time.
    fn products_of(&self, items: &'s Items) -> impl Iterator<Item = &'s Product> {
        let places = items.include.iter().flat_map(selector_keys).filter_map(|key| self.places.get(&key)).flatten();
        let in_time = places.take_while(|_| {
            self.looks.set(self.looks.get().saturating_sub(1));
            !self.is_exhausted()
        });
        in_time.map(|place| &*self.products[*place]).filter(|product| holds(items, product))
    }

    fn count(&self, items: &'s Items) -> usize {
        let of = |key: Key<'s>| self.places.get(&key).map_or(0, Vec::len);
        if items.include.is_empty() { usize::MAX } else { items.include.iter().flat_map(selector_keys).map(of).sum() }
    }
}
