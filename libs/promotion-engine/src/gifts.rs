use std::sync::Arc;

use pricestream_domain::{Money, Sku};

use crate::basket::{Basket, Context};
use crate::compile::RuleSet;
use crate::components::{Declined, Gifts, OpenChoice};
use crate::record::{Decision, Outcome, Reason};
use crate::request::Found;

/// Goods that the shop adds to the order for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotedGift {
    /// Which promotion gives it.
    pub promotion: Arc<str>,
    /// Of what.
    pub sku: Sku,
    /// Units.
    pub quantity: u64,
    /// The customer chose it.
    pub chosen: bool,
    /// What the units would cost, in minor units, where that is known. It is no discount: nobody would have bought them.
    pub worth: Option<i64>,
}

impl RuleSet {
    /// Every SKU that some promotion gives for nothing.
    pub fn gift_skus(&self) -> impl Iterator<Item = &Sku> {
        self.gift_skus.iter()
    }

    /// Adds to `context` what `find` knows of the stock and the price of gifts, where it does not say so itself. Units that the
    /// basket holds cannot be given.
    pub fn find_gifts(&self, basket: &Basket, context: &mut Context, mut find: impl FnMut(&Sku) -> Option<Found>) {
        for sku in &self.gift_skus {
            if context.gift_stock.contains_key(sku) && context.gift_worth.contains_key(sku) {
                continue;
            }
            let Some(found) = find(sku) else { continue };
            if let Some(left) = found.stock_left {
                let of_sku = basket.lines.iter().filter(|line| line.product.sku == *sku);
                let bought: u64 = of_sku.map(|line| u64::from(line.quantity)).sum();
                context.gift_stock.entry(sku.clone()).or_insert(left.saturating_sub(bought));
            }
            context.gift_worth.entry(sku.clone()).or_insert(found.unit_price);
        }
    }
}

impl Gifts {
    /// Of a decision, whether it was made or is open.
    fn of(decision: &Decision) -> Option<&Self> {
        match &decision.outcome {
            Outcome::Applied { gifts, .. } => gifts.as_deref(),
            Outcome::Declined(Reason::Component(Declined::NotChosen(gifts))) => Some(gifts),
            Outcome::Declined(_) => None,
        }
    }
}

/// Everything that is given.
pub(crate) fn given(decisions: &[Decision], basket: &Basket, context: &Context) -> Vec<QuotedGift> {
    let of_decision = |decision: &'_ Decision| {
        let promotion = Arc::clone(&decision.promotion);
        let given = Gifts::of(decision).map_or(&[][..], |gifts| &gifts.given).to_vec();
        given.into_iter().map(move |gift| (Arc::clone(&promotion), gift))
    };
    let quoted = |(promotion, gift): (Arc<str>, crate::components::GivenGift)| QuotedGift {
        promotion,
        quantity: gift.quantity,
        chosen: gift.chosen,
        worth: worth(&gift.sku, gift.quantity, basket, context),
        sku: gift.sku,
    };
    decisions.iter().flat_map(of_decision).map(quoted).collect()
}

/// What customers may still choose, with the promotions.
pub(crate) fn open(decisions: &[Decision]) -> impl Iterator<Item = (&Decision, &OpenChoice)> {
    decisions.iter().filter_map(|decision| Some((decision, Gifts::of(decision)?.open.as_ref()?)))
}

fn worth(sku: &Sku, quantity: u64, basket: &Basket, context: &Context) -> Option<i64> {
    let in_basket = || basket.lines.iter().find(|line| line.product.sku == *sku).map(|line| line.unit_price);
    let of_unit: Money = context.gift_worth.get(sku).copied().or_else(in_basket)?;
    let of_all = of_unit.minor.checked_mul(i64::try_from(quantity).ok()?);
    of_all.filter(|_| of_unit.currency == basket.currency)
}
