use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::HashMap;
use jiff::Timestamp;
use pricestream_documents::ContentHash;
use pricestream_domain::{Money, Sku};
use schemars::JsonSchema;
use serde::Serialize;

use crate::answer::AnsweredRisk;
use crate::basket::{Basket, BasketError, Context};
use crate::candidates::Candidates;
use crate::compile::RuleSet;
use crate::degraded::Degraded;
use crate::edge::{AtEdge, Edge};
use crate::evaluate::evaluate;
use crate::quote::Quote;
use crate::record::Outcome;
use crate::request::Found;
use crate::rounding::Mode;
use crate::scenario::Scenario;
use crate::thresholds::Thresholds;
use crate::usage::LimitAsked;

/// Items of one call, at most.
pub const MAX_BROWSED: usize = 1_000;

/// Quantities of an item that are tried for its lowest average price, at most.
const MAX_TRIED: usize = 16;

/// What items cost, each by itself: the answer to a list, a detail page or a recommendation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BrowseAnswer {
    /// Hash of the rule set that they were priced under.
    #[schemars(with = "String")]
    pub rule_set: ContentHash,
    /// The instant that they were priced at.
    pub at: Timestamp,
    /// In the order in which they were asked for.
    pub items: Vec<Browsed>,
}

/// What became of an item: one that cannot be priced leaves the others alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Browsed {
    /// It has a price.
    Priced(Box<BrowsedPrice>),
    /// It has none.
    Refused(Refused),
}

/// What one unit costs in a basket of its own: to the minor unit what a quote says of that basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BrowsedPrice {
    /// What it is of.
    pub sku: Sku,
    /// Before promotions.
    pub original: Money,
    /// After them.
    pub payable: Money,
    /// Tax in `payable`, or on top of it.
    pub tax: Money,
    /// What is applied, in the order in which they run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub promotions: Vec<Arc<str>>,
    /// Until when that holds while nothing but the time changes: the next time that the window of a promotion opens or closes
    /// which concerns the item. Absent: no such time is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What it costs from: absent when more units are no cheaper, or nobody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<FromPrice>,
    /// Components that it does without although promotions of theirs would have been tried.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<Degraded>,
    /// Guards that it passed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<AnsweredRisk>,
    /// Whether it may be shown for sale.
    pub sellable: bool,
}

/// The lowest price of a unit on average, "from 1.67 each when you buy 3".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FromPrice {
    /// The fewest units that earn it.
    pub quantity: u32,
    /// What they cost together, exactly.
    pub payable: Money,
    /// What that is for each, half up to the minor unit; below what one unit costs alone.
    pub each: Money,
}

/// An item that cannot be priced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Refused {
    /// Which.
    pub sku: Sku,
    /// Why.
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "String")]
    pub error: BrowseError,
}

/// Why an item cannot be priced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrowseError {
    /// It comes after as many as one call may have.
    #[error("{0} items are more than {MAX_BROWSED}: ask for the others in another call")]
    TooManyItems(usize),
    /// A basket of it cannot be priced.
    #[error(transparent)]
    Basket(#[from] BasketError),
}

impl Browsed {
    /// The price, or why there is none.
    pub fn price(&self) -> Result<&BrowsedPrice, &Refused> {
        match self {
            Self::Priced(price) => Ok(price),
            Self::Refused(refused) => Err(refused),
        }
    }
}

impl RuleSet {
    /// What one unit of each of `items` costs in a basket of its own, without postage, whatever scenario `context` names. At most
    /// [`MAX_BROWSED`] items; those beyond are refused.
    ///
    /// `with_from`: also the lowest average price over small quantities. Tried are the quantities at which what the promotions
    /// ask for is reached (units of a set, tiers, amounts to spend at the price of one unit), the smallest 16 of them, up to 100
    /// units and to what is left in stock; then, until there are 16, those at which an amount to spend is reached at the lowest
    /// average found so far. Of those that may be sold the lowest average counts, to the minor unit, and of equal averages the
    /// fewest units.
    ///
    /// An item may itself be a gift: [`Context::gift_stock`] counts the units that are browsed.
    pub fn browse(&self, items: &[Found], context: &Context, with_from: bool) -> BrowseAnswer {
        self.bare().browse(items, context, with_from)
    }

    /// The limited promotions that some of `items` concern: what is left of each belongs into [`Context::left`] before they are
    /// browsed. Of an item that cannot be priced there are none.
    pub fn limits_browsed(&self, items: &[Found], context: &Context) -> Vec<LimitAsked> {
        if !self.is_limited() {
            return Vec::new();
        }
        let asked = items.iter().filter_map(|item| self.limits_asked(&Basket::of_one(item), context).ok()).flatten();
        let by_promotion: BTreeMap<Arc<str>, LimitAsked> = asked.map(|asked| (Arc::clone(&asked.promotion), asked)).collect();
        by_promotion.into_values().collect()
    }
}

impl<E: Edge> AtEdge<'_, E> {
    /// As [`RuleSet::browse`].
    pub fn browse(self, items: &[Found], context: &Context, with_from: bool) -> BrowseAnswer {
        let context = Context { scenario: Scenario::Browsing, ..context.clone() };
        let mut changes = Changes::default();
        let price = |(place, item): (usize, &Found)| {
            let priced = if place < MAX_BROWSED {
                self.browse_one(item, &context, with_from, &mut changes).map_err(BrowseError::from)
            } else {
                Err(BrowseError::TooManyItems(items.len()))
            };
            match priced {
                Ok(price) => Browsed::Priced(Box::new(price)),
                Err(error) => Browsed::Refused(Refused { sku: item.product.sku.clone(), error }),
            }
        };
        BrowseAnswer { rule_set: self.rules.hash, at: context.at, items: items.iter().enumerate().map(price).collect() }
    }

    fn browse_one(
        self,
        item: &Found,
        context: &Context,
        with_from: bool,
        changes: &mut Changes,
    ) -> Result<BrowsedPrice, BasketError> {
        let mut basket = Basket::of_one(item);
        let of_one = without_bought(context, &basket);
        let sheet = self.rules.sheet(&basket, &of_one)?;
        let candidates = Candidates::of(&sheet);
        let quote = self.rules.write(&sheet, evaluate(&sheet, &candidates, &candidates.all, self.edge));
        let until = changes.next(self.rules, &candidates, context.at);
        let from = with_from.then(|| self.lowest_average(&mut basket, context, &candidates, quote.lines[0].payable)).flatten();
        let money = |minor| Money::new(minor, quote.currency);
        let line = &quote.lines[0];
        let applied = quote.decisions.iter().filter(|decision| matches!(decision.outcome, Outcome::Applied { .. }));
        Ok(BrowsedPrice {
            sku: line.sku.clone(),
            original: money(line.original),
            payable: money(line.payable),
            tax: money(line.tax),
            promotions: applied.map(|decision| Arc::clone(&decision.promotion)).collect(),
            until,
            from,
            risks: quote.risks.iter().map(|risk| risk.answer(quote.currency)).collect(),
            sellable: quote.sellable,
            degraded: quote.degraded,
        })
    }

    /// The lowest average, if it is lower than `one`, which one unit costs.
    fn lowest_average(self, basket: &mut Basket, context: &Context, candidates: &Candidates, one: i64) -> Option<FromPrice> {
        let rules = self.rules;
        let line = &basket.lines[0];
        let stock_left = line.stock_left.unwrap_or(u64::MAX);
        let mut thresholds = Thresholds::new(line.unit_price.minor, one, line.product.list_price.minor);
        for candidate in &candidates.all {
            let promotion = &rules.promotions[candidate.promotion as usize].document;
            if promotion.window.as_ref().is_none_or(|window| window.at(context.at, &rules.zone).open) {
                promotion.effect.thresholds(&mut thresholds);
                promotion.when.iter().for_each(|condition| thresholds.condition(condition));
            }
        }
        let in_stock = |units: &u32| u64::from(*units) <= stock_left;
        let each = |together: i64, quantity: u32| Mode::HalfUp.ratio(together.into(), quantity.into());
        let mut best: Option<FromUnits> = None;
        let mut tried = BTreeSet::new();
        let mut next: Vec<u32> = thresholds.in_units().filter(in_stock).take(MAX_TRIED).collect();
        while !next.is_empty() {
            for quantity in next {
                tried.insert(quantity);
                basket.lines[0].quantity = quantity;
                // Of so many units the worth may be beyond 64 bits.
                let context = without_bought(context, basket);
                let Ok(sheet) = rules.sheet(basket, &context) else { continue };
                let quote: Quote = rules.write(&sheet, evaluate(&sheet, candidates, &candidates.all, self.edge));
                let found = FromUnits { each: each(quote.lines[0].payable, quantity), quantity, payable: quote.lines[0].payable };
                if quote.sellable && found.each < one && best.as_ref().is_none_or(|best| found < *best) {
                    best = Some(found);
                }
            }
            // At the lowest average so far an amount to spend takes more units than at the price of one.
            let (units, payable) = best.as_ref().map_or((1, one), |best| (best.quantity, best.payable));
            let more = thresholds.spent_at(units, payable).filter(in_stock).filter(|units| !tried.contains(units));
            next = more.take(MAX_TRIED - tried.len()).collect();
            next.dedup();
        }
        let FromUnits { each, quantity, payable } = best?;
        let money = |minor| Money::new(minor, basket.currency);
        Some(FromPrice { quantity, payable: money(payable), each: money(each) })
    }
}

/// What some units cost: less is better, and of equal averages fewer units.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct FromUnits {
    each: i64,
    quantity: u32,
    payable: i64,
}

/// What a basket of a gift holds of it cannot be given too.
fn without_bought<'a>(context: &'a Context, basket: &Basket) -> Cow<'a, Context> {
    let line = &basket.lines[0];
    let Some(left) = context.gift_stock.get(&line.product.sku) else { return Cow::Borrowed(context) };
    let left = left.saturating_sub(line.quantity.into());
    let mut context = context.clone();
    context.gift_stock.insert(line.product.sku.clone(), left);
    Cow::Owned(context)
}

/// When the windows of promotions open or close next, each looked up once for all items.
#[derive(Default)]
struct Changes(HashMap<u32, Option<Timestamp>>);

impl Changes {
    /// The first of them.
    fn next(&mut self, rules: &RuleSet, candidates: &Candidates, at: Timestamp) -> Option<Timestamp> {
        let next = |promotion: u32| {
            let compiled = &rules.promotions[promotion as usize];
            if compiled.document.window.is_none() && compiled.condition.is_none() {
                return None;
            }
            *self.0.entry(promotion).or_insert_with(|| compiled.opening(at, &rules.zone).1)
        };
        candidates.all.iter().map(|candidate| candidate.promotion).filter_map(next).min()
    }
}

fn as_text<S: serde::Serializer>(error: &BrowseError, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(error)
}
