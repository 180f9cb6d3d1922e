use pricestream_domain::{Currency, Sku};

use crate::answer::amount;
use crate::components::{Declined, GiftItem, Gifts, OpenChoice};
use crate::condition::{Field, Unmet};
use crate::coupons::{CouponStatus, QuotedCoupon};
use crate::near_miss;
use crate::record::{Decision, Limited, Outcome, Reason};

impl Outcome {
    /// What became of a promotion, in words; amounts are in `currency`.
    pub fn sentence(&self, currency: Currency) -> String {
        let money = |minor: i64| amount(minor, currency);
        match self {
            Self::Applied { gifts: Some(gifts), .. } => gifts.sentence(),
            Self::Applied { off, unfit: 0, .. } => format!("takes {} off", money(*off)),
            Self::Applied { off, unfit, .. } => {
                format!("takes {} off, and would have taken {} more: prices are at their floors", money(*off), money(*unfit))
            }
            Self::Declined(reason) => reason.sentence(currency),
        }
    }
}

impl Reason {
    /// Stable, for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Window { .. } => "window",
            Self::Unmet(_) => "condition",
            Self::NoItems => "no_items",
            Self::Component(Declined::TooFewUnits { .. } | Declined::Incomplete { .. }) => "too_few_units",
            Self::Component(Declined::TooLittleSpent { .. }) => "too_little_spent",
            Self::Component(Declined::NothingToTake) => "nothing_to_take",
            Self::Component(Declined::NoPostage) => "no_postage",
            Self::Component(Declined::NothingHeld) => "nothing_held",
            Self::Component(Declined::NoneLeft { .. }) => "none_left",
            Self::Component(Declined::NotChosen(_)) => "not_chosen",
            Self::Floor { .. } => "floor",
            Self::OtherCurrency(_) => "other_currency",
            Self::SwitchedOff => "switched_off",
            Self::TooCostly { .. } => "too_costly",
            Self::Failed => "failed",
            Self::Resting => "resting",
            Self::UsedUp(Limited::Uses | Limited::Coupons | Limited::Units) => "limit",
            Self::UsedUp(Limited::Budget) => "budget",
            Self::Excluded { .. } => "excluded",
            Self::Beaten { .. } => "beaten",
        }
    }

    fn sentence(&self, currency: Currency) -> String {
        let money = |minor: i64| amount(minor, currency);
        match self {
            Self::Window { opens: Some(opens) } => format!("is not on now: it is from {opens}"),
            Self::Window { opens: None } => "is over".to_owned(),
            Self::Unmet(unmet) => unmet.sentence(currency),
            Self::NoItems => "is for nothing in this basket".to_owned(),
            Self::Component(Declined::TooFewUnits { actual, needed }) => format!("needs {needed} units, and there are {actual}"),
            Self::Component(Declined::Incomplete { actual, needed, missing }) => {
                format!("needs {needed} units, and there are {actual}: add {}", near_miss::listed(missing))
            }
            Self::Component(Declined::TooLittleSpent { actual, needed }) => {
                format!("needs {} to be spent, and {} is", money(*needed), money(*actual))
            }
            Self::Component(Declined::NothingToTake) => "would take nothing off".to_owned(),
            Self::Component(Declined::NothingHeld) => "pays with what the customer does not hold".to_owned(),
            Self::Component(Declined::NoneLeft { of }) => {
                format!("has nothing left to give: too few are left of {}", listed(of.iter().map(Sku::to_string)))
            }
            Self::Component(Declined::NotChosen(gifts)) => gifts.sentence(),
            Self::Component(Declined::NoPostage) => "is about postage, which is not known".to_owned(),
            Self::Floor { unfit } => format!("would take {} off, but prices are at their floors", money(*unfit)),
            Self::OtherCurrency(other) => format!("is in {other}, the basket in {currency}"),
            Self::SwitchedOff => "is switched off".to_owned(),
            Self::TooCostly { steps } => format!("is left out: its component took more than {steps} steps"),
            Self::Failed => "is left out: its component failed".to_owned(),
            Self::Resting => "is left out for a while: its component has failed lately".to_owned(),
            Self::UsedUp(Limited::Uses) => "has been used as often as it may".to_owned(),
            Self::UsedUp(Limited::Coupons) => "needs a code that is not used up: the codes given are".to_owned(),
            Self::UsedUp(Limited::Units) => "has too few units left".to_owned(),
            Self::UsedUp(Limited::Budget) => "has too little of its budget left".to_owned(),
            Self::Excluded { by } => format!("does not apply together with {by}"),
            Self::Beaten { by, by_amount: 0 } => format!("is no better than {by}, which comes first"),
            Self::Beaten { by, by_amount } if *by_amount > 0 => {
                format!("loses to {by}, which takes {} more off", money(*by_amount))
            }
            Self::Beaten { by, .. } => format!("loses to {by}, which has the higher priority"),
        }
    }
}

impl QuotedCoupon {
    /// What became of it, in words.
    pub(crate) fn sentence(&self, decisions: &[Decision], currency: Currency) -> String {
        let told = self.decisions.iter().map(|at| &decisions[*at as usize]);
        let told = told.map(|decision| format!("{} {}", decision.promotion, decision.outcome.sentence(currency)));
        match (self.status, &self.decisions[..]) {
            (CouponStatus::Unknown, _) => "no promotion knows this code".to_owned(),
            (CouponStatus::UsedUp, _) => "this code has been used as often as it may".to_owned(),
            (_, []) => "promotions name this code only to be left out by it".to_owned(),
            _ => told.collect::<Vec<_>>().join("; "),
        }
    }
}

impl Gifts {
    /// What is given, what may be chosen, and what cannot be had.
    fn sentence(&self) -> String {
        let mut parts = Vec::new();
        if !self.given.is_empty() {
            let given = listed(self.given.iter().map(|gift| units_of(gift.quantity, &gift.sku)));
            let chosen = if self.given.iter().all(|gift| gift.chosen) { ", as chosen" } else { "" };
            parts.push(format!("gives {given}{chosen}"));
        }
        if let Some(OpenChoice { choose, among }) = &self.open {
            let more = if self.given.is_empty() { "" } else { " more" };
            let choose = if *choose == 1 { "one".to_owned() } else { choose.to_string() };
            let among = listed(among.iter().map(|GiftItem { sku, quantity }| units_of((*quantity).into(), sku)));
            parts.push(format!("choose {choose}{more} of {among}"));
        }
        for (skus, what) in [(&self.out_of_stock, "too few are left of"), (&self.refused, "this cannot be chosen:")] {
            if !skus.is_empty() {
                parts.push(format!("{what} {}", listed(skus.iter().map(Sku::to_string))));
            }
        }
        parts.join("; ")
    }
}

fn units_of(quantity: u64, sku: &Sku) -> String {
    if quantity == 1 { sku.to_string() } else { format!("{quantity} x {sku}") }
}

fn listed(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

impl Unmet {
    fn sentence(&self, currency: Currency) -> String {
        let money = |minor: i64| amount(minor, currency);
        match self {
            Self::Spend { actual, needed } => {
                format!("needs {} to be spent, and {} is: {} more", money(*needed), money(*actual), money(needed - actual))
            }
            Self::SpentTooMuch { actual, below } => {
                format!("is for less than {}, and {} is spent", money(*below), money(*actual))
            }
            Self::Quantity { actual, needed } => format!("needs {needed} units, and there are {actual}"),
            Self::TooManyUnits { actual, at_most } => format!("is for {at_most} units at most, and there are {actual}"),
            Self::Groups => "is for a group that the customer does not belong to".to_owned(),
            Self::Customers => "is for other customers".to_owned(),
            Self::Coupons => "needs a code that was not given".to_owned(),
            Self::OrderNumber { actual } => format!("is not for order number {actual} of a customer"),
            Self::OneOf { field, actual } => {
                let field = match field {
                    Field::Channel => "channel",
                    Field::Region => "region",
                    Field::PaymentMethod => "payment method",
                    Field::PostageMethod => "postage method",
                };
                match actual {
                    Some(actual) => format!("is not for {field} {actual:?}"),
                    None => format!("needs a {field}, which was not named"),
                }
            }
            Self::Window { opens: Some(opens) } => format!("is not on now: it is from {opens}"),
            Self::Window { opens: None } => "is over".to_owned(),
            Self::StockLeft { actual: Some(actual) } => format!("is not for items of which {actual} are left"),
            Self::StockLeft { actual: None } => "depends on stock that is not known".to_owned(),
            Self::Not => "is not for this basket: something holds that must not".to_owned(),
        }
    }
}
