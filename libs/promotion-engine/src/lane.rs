use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pricestream_documents::ContentHash;
use pricestream_domain::{Lane, LaneSlice, Money, Product};
use serde::{Deserialize, Serialize};

use crate::basket::{Basket, BasketError, Context, Left};
use crate::compile::{Compiled, RuleSet, Set};
use crate::condition::Test;
use crate::request::Found;

/// How far a public lane looks ahead.
const HORIZON: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Slices of a public lane, at most: it ends before the next.
const MOST_SLICES: usize = 64;

/// What is left out of a rule set's public lanes for a while, the document unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Without {
    /// Promotions that have nothing left of their limits.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub used_up: BTreeSet<Arc<str>>,
    /// Components that are switched off.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub components: BTreeSet<String>,
}

impl Without {
    /// Nothing is left out.
    pub fn nothing(&self) -> bool {
        self.used_up.is_empty() && self.components.is_empty()
    }

    /// `context` without it: nothing is left of what is used up.
    pub fn apply_to(&self, context: &mut Context) {
        let nothing = Left { uses: Some(0), ..Left::default() };
        context.left.extend(self.used_up.iter().map(|promotion| (promotion.to_string(), nothing)));
        context.switched_off.extend(self.components.iter().cloned());
    }

    fn holds(&self, promotion: &Compiled) -> bool {
        self.used_up.contains(&promotion.id) || self.components.contains(promotion.document.effect.component())
    }
}

impl RuleSet {
    /// What one unit of `product` costs a guest, in a basket of it alone, through the default channel and without a code: at
    /// `from` and at every instant of the 30 days after it, or of as many of them as 64 slices hold. `unit_price` is the current
    /// price. `None`: it costs `unit_price`, and no window of a promotion ever changes that.
    pub fn public_lane(
        &self,
        product: &Arc<Product>,
        unit_price: Money,
        stock_left: Option<u64>,
        without: &Without,
        from: Timestamp,
    ) -> Result<Option<Lane>, BasketError> {
        if self.touching(product).is_empty() {
            return Ok(None);
        }
        let basket = Basket::of_one(&Found { product: Arc::clone(product), unit_price, stock_left, last_price: None });
        let mut context = Context { at: from, ..Context::default() };
        without.apply_to(&mut context);
        let until = from.checked_add(HORIZON).unwrap_or(Timestamp::MAX);
        let mut slices: Vec<LaneSlice> = Vec::new();
        let mut end = Some(until);
        self.bare().sweep(&basket, &context, from, until, |slice, _, changes_again| {
            let payable = Money::new(slice.goods, unit_price.currency);
            if slices.last().is_none_or(|last| last.payable != payable) {
                if slices.len() == MOST_SLICES {
                    end = Some(slice.from);
                    return ControlFlow::Break(());
                }
                slices.push(LaneSlice { from: slice.from, payable });
            }
            if !changes_again {
                end = None;
            }
            ControlFlow::Continue(())
        })?;
        let plain = end.is_none() && slices.iter().all(|slice| slice.payable == unit_price);
        Ok((!plain).then(|| Lane::new(slices, end).expect("slices follow each other in time")))
    }

    /// Hash of all that this rule set says of what a guest pays for `product`: its policies and pipeline, and the promotions that
    /// may concern it. `None`: nothing. A rule set that says the same of a product has the same hash for it.
    pub fn says_of(&self, product: &Product, without: &Without) -> Option<ContentHash> {
        let touching = self.touching(product);
        if touching.is_empty() {
            return None;
        }
        let mut said = Vec::with_capacity(16 * (touching.len() + 1));
        said.extend_from_slice(self.frame.as_bytes());
        for promotion in touching {
            let promotion = &self.promotions[promotion as usize];
            said.extend_from_slice(promotion.hash().as_bytes());
            said.push(u8::from(without.holds(promotion)));
        }
        Some(ContentHash::of(&said))
    }

    /// The promotions that may concern a guest who buys `product`, by their places.
    fn touching(&self, product: &Product) -> Vec<u32> {
        let mut keys = Vec::new();
        self.keys.of_product(product, &mut keys);
        let postings = keys.iter().flat_map(|key| &self.postings[*key as usize]);
        let holds = |promotion: u32, set: u16| self.promotions[promotion as usize].sets[usize::from(set)].holds(&keys);
        let mut found: Vec<u32> = postings
            .filter(|posting| match posting.set {
                Set::Certain(_) => true,
                Set::Possible(set) => holds(posting.promotion, set),
                Set::Context => false,
            })
            .map(|posting| posting.promotion)
            .chain(self.always.iter().copied().filter(|place| {
                let sets = &self.promotions[*place as usize].sets;
                sets.iter().any(|set| set.everything() || set.holds(&keys))
            }))
            .filter(|place| self.promotions[*place as usize].may_be_for_a_guest())
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Compiled {
    /// Whether it does not need a code, a customer or a group.
    fn may_be_for_a_guest(&self) -> bool {
        let needs = |test: &Test| {
            test.needs(|test| match test {
                Test::Coupons(any) | Test::Customers(any) | Test::Groups(any, _) => Some(any),
                _ => None,
            })
            .is_some()
        };
        !self.condition.as_ref().is_some_and(needs)
    }

    /// Of its document.
    fn hash(&self) -> ContentHash {
        *self.hash.get_or_init(|| ContentHash::of_json(&self.document))
    }
}
