use std::collections::BTreeMap;
use std::sync::Arc;

use pricestream_domain::{Currency, Money};
use schemars::JsonSchema;
use serde::Serialize;

use crate::quote::{Quote, UnitPrice};

/// What is paid back for units that come back, in minor units of the quote's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refund {
    /// What the units cost after promotions.
    pub payable: i64,
    /// The tax in it, or on top of it.
    pub tax: i64,
}

/// What was paid for an order, as far as its refunds need it. Amounts are minor units of `currency`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// Of every amount.
    pub currency: Currency,
    /// In all: goods and postage, and the tax where it comes on top.
    pub payable: i64,
    /// In the order of the basket.
    pub lines: Vec<PaidLine>,
    /// What is paid back for postage once nothing of the order is left; `None` when none was charged.
    pub postage: Option<Refund>,
}

/// A line that was paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidLine {
    /// Its id.
    pub id: Arc<str>,
    /// What its units cost after promotions, the dearest first.
    pub units: Vec<UnitPrice>,
    /// The tax in that, or on top of it.
    pub tax: i64,
}

/// What is paid back for units of an order that come back together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OrderRefund {
    /// Lines of which units come back, in the order of the basket.
    pub lines: Vec<RefundedLine>,
    /// Postage: with the return after which nothing of the order is left. Absent before, and when none was charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postage: Option<RefundedPostage>,
    /// Tax in `total`.
    pub tax: Money,
    /// What is paid back: lines and postage, and the tax where it came on top.
    pub total: Money,
}

/// Units of a line that come back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RefundedLine {
    /// Its id.
    pub id: String,
    /// How many.
    pub quantity: u32,
    /// What they cost after promotions.
    pub payable: Money,
    /// Tax in that, or on top of it.
    pub tax: Money,
}

/// Postage that is paid back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RefundedPostage {
    /// What it cost after promotions.
    pub payable: Money,
    /// Tax in that, or on top of it.
    pub tax: Money,
}

/// Why units cannot come back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefundError {
    /// None of any line.
    #[error("no units come back: name lines, and how many units of each")]
    Nothing,
    /// Of a line that the order does not have.
    #[error("there is no line {0:?}: name lines by their ids in the basket")]
    UnknownLine(String),
    /// More than are still out.
    #[error("line {line:?} has {quantity} units, of which {returned} came back before: {asked} more cannot come back")]
    TooManyUnits {
        /// Its id.
        line: String,
        /// Units of it that were ordered.
        quantity: u64,
        /// Units of it that came back before.
        returned: u32,
        /// Units that are to come back now.
        asked: u32,
    },
}

impl Quote {
    /// What is paid back for `quantity` more units of the line in this place, after `returned` of them came back before: the
    /// dearest first. All refunds of a line add up to what was paid for it, in whatever parts it comes back. `None`: there is no
    /// such line, or it has not so many units.
    pub fn refund(&self, line: usize, returned: u32, quantity: u32) -> Option<Refund> {
        let tax = self.lines.get(line)?.tax;
        part(self.units(line), tax, returned, quantity)
    }

    /// What is paid for an order of it.
    pub fn paid(&self) -> Paid {
        let line = |(place, line): (usize, &crate::quote::QuotedLine)| PaidLine {
            id: Arc::clone(&line.id),
            units: self.units(place).to_vec(),
            tax: line.tax,
        };
        Paid {
            currency: self.currency,
            payable: self.totals.payable,
            lines: self.lines.iter().enumerate().map(line).collect(),
            postage: self.postage.as_ref().map(|postage| Refund { payable: postage.payable, tax: postage.tax }),
        }
    }
}

impl Paid {
    /// What is paid back for units of `lines`, by line id, after those of `returned` came back before. All refunds of an order
    /// add up to what was paid for it, in whatever parts it comes back.
    pub fn refund(&self, returned: &BTreeMap<String, u32>, lines: &BTreeMap<String, u32>) -> Result<OrderRefund, RefundError> {
        if lines.values().all(|units| *units == 0) {
            return Err(RefundError::Nothing);
        }
        let known: BTreeMap<&str, &PaidLine> = self.lines.iter().map(|line| (&*line.id, line)).collect();
        if let Some(id) = returned.keys().chain(lines.keys()).find(|id| !known.contains_key(id.as_str())) {
            return Err(RefundError::UnknownLine(id.clone()));
        }
        let money = |minor| Money::new(minor, self.currency);
        let (mut refunded, mut sum, mut out) = (Vec::with_capacity(lines.len()), Refund::default(), 0);
        for line in &self.lines {
            let of = |units: &BTreeMap<String, u32>| units.get(&*line.id).copied().unwrap_or(0);
            let (before, now) = (of(returned), of(lines));
            let quantity: u64 = line.units.iter().map(|price| u64::from(price.quantity)).sum();
            let Some(refund) = part(&line.units, line.tax, before, now) else {
                return Err(RefundError::TooManyUnits { line: line.id.to_string(), quantity, returned: before, asked: now });
            };
            out += quantity - u64::from(before) - u64::from(now);
            if now > 0 {
                let (payable, tax) = (money(refund.payable), money(refund.tax));
                refunded.push(RefundedLine { id: line.id.to_string(), quantity: now, payable, tax });
                sum = sum.and(refund);
            }
        }
        // Something comes back now, so nothing is out for the first time.
        let postage = self.postage.filter(|_| out == 0);
        sum = sum.and(postage.unwrap_or_default());
        Ok(OrderRefund {
            lines: refunded,
            postage: postage.map(|Refund { payable, tax }| RefundedPostage { payable: money(payable), tax: money(tax) }),
            tax: money(sum.tax),
            total: money(if self.tax_comes_on_top() { sum.payable + sum.tax } else { sum.payable }),
        })
    }

    /// Whether more was paid than goods and postage cost.
    fn tax_comes_on_top(&self) -> bool {
        let goods: i64 = self.lines.iter().map(|line| cost(&line.units, u32::MAX)).sum();
        self.payable > goods + self.postage.map_or(0, |postage| postage.payable)
    }
}

impl Refund {
    fn and(self, other: Self) -> Self {
        Self { payable: self.payable + other.payable, tax: self.tax + other.tax }
    }
}

/// What is paid back for `quantity` more of a line's units, after `returned` of them; `None`: there are not so many.
fn part(units: &[UnitPrice], tax: i64, returned: u32, quantity: u32) -> Option<Refund> {
    let last = returned.checked_add(quantity)?;
    if u64::from(last) > units.iter().map(|price| u64::from(price.quantity)).sum() {
        return None;
    }
    let (before, after, all) = (cost(units, returned), cost(units, last), cost(units, u32::MAX));
    // Of what has come back in all, so that no part of the tax is lost between parts.
    let tax = |paid: i64| {
        let exact = i128::from(tax) * i128::from(paid);
        i64::try_from(exact / i128::from(all.max(1))).expect("a share of the tax is at most the tax")
    };
    Some(Refund { payable: after - before, tax: tax(after) - tax(before) })
}

/// What the first so many units of a line cost together, the dearest first.
fn cost(units: &[UnitPrice], first: u32) -> i64 {
    let mut left = first;
    let mut cost = 0;
    for price in units {
        let of_these = price.quantity.min(left);
        cost += price.payable * i64::from(of_these);
        left -= of_these;
    }
    cost
}
