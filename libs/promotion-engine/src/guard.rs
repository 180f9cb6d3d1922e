use std::sync::Arc;

use pricestream_domain::Currency;
use schemars::JsonSchema;
use serde::Serialize;

use crate::answer::amount;
use crate::basket::Basket;
use crate::document::guards::{Action, Guards};
use crate::quote::Quote;

/// What watches over quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// No unit is sold below the cost of its product.
    BelowCost,
    /// Promotions take no more than a share off the goods.
    DiscountShare,
    /// No more than so many promotions meet on a line.
    StackDepth,
    /// A unit costs about what was shown last.
    PriceJump,
}

/// A guard that a quote passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Risk {
    /// Which.
    pub guard: Guard,
    /// What the policy says is done.
    pub action: Action,
    /// The line that it is about; `None`: the order.
    pub line: Option<Arc<str>>,
    /// Of the guard's own kind: minor units that the cheapest unit of the line costs; the share that is taken off, in basis
    /// points; promotions on the line; how far the price has moved, in basis points, below zero when it fell. Shares are rounded
    /// away from zero.
    pub actual: i64,
    /// What would have been in order, in the same.
    pub limit: i64,
}

impl Guard {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::BelowCost, Self::DiscountShare, Self::StackDepth, Self::PriceJump];

    /// Its name in policies, answers and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::BelowCost => "below_cost",
            Self::DiscountShare => "discount_share",
            Self::StackDepth => "stack_depth",
            Self::PriceJump => "price_jump",
        }
    }
}

impl Risk {
    /// What is risky, in words; amounts are in `currency`.
    pub fn sentence(&self, currency: Currency) -> String {
        let (actual, limit) = (self.actual, self.limit);
        match self.guard {
            Guard::BelowCost => {
                format!("a unit is sold at {}, and it costs the shop {}", amount(actual, currency), amount(limit, currency))
            }
            Guard::DiscountShare => format!("{} is taken off the goods, more than {}", percent(actual), percent(limit)),
            Guard::StackDepth => format!("{actual} promotions apply, more than {limit}"),
            Guard::PriceJump => {
                let which_way = if actual < 0 { "below" } else { "above" };
                format!("a unit costs {} {which_way} what was shown last, more than {}", percent(actual), percent(limit))
            }
        }
    }
}

/// The guards that `quote` passes, guard by guard, in the order of the basket.
pub(crate) fn risks(guards: &Guards, basket: &Basket, quote: &Quote) -> Vec<Risk> {
    let mut risks = Vec::new();
    if *guards == Guards::default() {
        return risks;
    }
    let lines = || basket.lines.iter().zip(&quote.lines).enumerate();
    if let Some(below_cost) = guards.below_cost {
        for (place, (line, _)) in lines() {
            let cheapest = quote.units(place).last().map(|units| units.payable);
            if let (Some(cost), Some(actual)) = (line.product.cost, cheapest)
                && actual < cost.minor
            {
                let (guard, action, limit) = (Guard::BelowCost, below_cost.action, cost.minor);
                risks.push(Risk { guard, action, line: Some(Arc::clone(&line.id)), actual, limit });
            }
        }
    }
    if let Some(share) = guards.discount_share {
        let (off, goods) = (quote.totals.goods_off, quote.totals.goods);
        let limit = i64::from(share.most_bp.get());
        if i128::from(off) * 10_000 > i128::from(goods) * i128::from(limit) {
            let (guard, action) = (Guard::DiscountShare, share.action);
            risks.push(Risk { guard, action, line: None, actual: basis_points(off.into(), goods.into()), limit });
        }
    }
    if let Some(depth) = guards.stack_depth {
        // One share of a promotion on a line is all that it takes off it.
        let mut promotions = vec![0; quote.lines.len()];
        for line in quote.shares.iter().filter_map(|share| share.line) {
            promotions[line as usize] += 1;
        }
        let limit = i64::from(depth.most);
        for (place, (line, _)) in lines().filter(|(place, _)| promotions[*place] > limit) {
            let (guard, action, actual) = (Guard::StackDepth, depth.action, promotions[place]);
            risks.push(Risk { guard, action, line: Some(Arc::clone(&line.id)), actual, limit });
        }
    }
    if let Some(jump) = guards.price_jump {
        let limit = i64::from(jump.most_bp);
        for (_, (line, quoted)) in lines() {
            let Some(last) = line.last_price else { continue };
            let units = i128::from(line.quantity);
            let moved = i128::from(quoted.payable) - i128::from(last.minor) * units;
            let base = i128::from(last.minor.max(1)) * units;
            if moved.abs() * 10_000 > base * i128::from(limit) {
                let (guard, action, actual) = (Guard::PriceJump, jump.action, basis_points(moved, base));
                risks.push(Risk { guard, action, line: Some(Arc::clone(&line.id)), actual, limit });
            }
        }
    }
    risks
}

/// `part` of `whole`, which is above zero, rounded away from zero: so it is beyond every limit that it is beyond.
fn basis_points(part: i128, whole: i128) -> i64 {
    let exact = part * 10_000;
    let away = exact / whole + (exact % whole).signum();
    i64::try_from(away).unwrap_or(if away < 0 { i64::MIN } else { i64::MAX })
}

/// A share, in words, whichever way it goes.
fn percent(basis_points: i64) -> String {
    let (whole, rest) = (basis_points.unsigned_abs() / 100, basis_points.unsigned_abs() % 100);
    if rest == 0 { format!("{whole} %") } else { format!("{whole}.{rest:02} %") }
}
