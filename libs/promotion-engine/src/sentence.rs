use std::collections::BTreeSet;
use std::fmt::{self, Write};

use pricestream_domain::{Currency, Money, Sku};

use crate::components::{Declined, GiftItem, Gifts, OpenChoice};
use crate::condition::Unmet;
use crate::coupons::{CouponStatus, QuotedCoupon};
use crate::document::condition::{Condition, Numbers, Over, Quantity};
use crate::near_miss;
use crate::record::{Decision, Limited, Outcome, Reason};

impl Outcome {
    /// What became of a promotion, in words; amounts are in `currency`.
    pub fn sentence(&self, currency: Currency) -> String {
        let mut sentence = String::new();
        self.write_sentence(currency, &mut sentence).expect("text takes every write");
        sentence
    }

    /// Appends [`Self::sentence`].
    pub(crate) fn write_sentence(&self, currency: Currency, out: &mut dyn Write) -> fmt::Result {
        let money = |minor: i64| Money::new(minor, currency);
        match self {
            Self::Applied { gifts: Some(gifts), .. } => out.write_str(&gifts.sentence()),
            Self::Applied { off, unfit: 0, .. } => write!(out, "takes {} off", money(*off)),
            Self::Applied { off, unfit, .. } => {
                write!(out, "takes {} off, and would have taken {} more: prices are at their floors", money(*off), money(*unfit))
            }
            Self::Declined(reason) => reason.write_sentence(currency, out),
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
            Self::UnitsTaken { .. } => "units_taken",
            Self::UsedUp { what: Limited::Budget, .. } => "budget",
            Self::UsedUp { .. } => "limit",
            Self::Excluded { .. } => "excluded",
            Self::Beaten { .. } => "beaten",
        }
    }

    fn write_sentence(&self, currency: Currency, out: &mut dyn Write) -> fmt::Result {
        let money = |minor: i64| Money::new(minor, currency);
        match self {
            Self::Window { opens: Some(opens) } => write!(out, "is not on now: it is from {opens}"),
            Self::Window { opens: None } => out.write_str("is over"),
            Self::Unmet(unmet) => unmet.write_sentence(currency, out),
            Self::NoItems => out.write_str("is for nothing in this basket"),
            Self::Component(declined) => declined.write_sentence(currency, out),
            Self::UnitsTaken { by, declined } => {
                declined.write_sentence(currency, out)?;
                write!(out, ": {by} has used up others")
            }
            Self::Floor { unfit } => write!(out, "would take {} off, but prices are at their floors", money(*unfit)),
            Self::OtherCurrency(other) => write!(out, "is in {other}, the basket in {currency}"),
            Self::SwitchedOff => out.write_str("is switched off"),
            Self::TooCostly { steps } => write!(out, "is left out: its component took more than {steps} steps"),
            Self::Failed => out.write_str("is left out: its component failed"),
            Self::Resting => out.write_str("is left out for a while: its component has failed lately"),
            Self::UsedUp { what: Limited::Uses, .. } => out.write_str("has been used as often as it may"),
            Self::UsedUp { what: Limited::Coupons, .. } => out.write_str("needs a code that is not used up: the codes given are"),
            Self::UsedUp { what: Limited::Units, left: 0, .. } => out.write_str("has no units left"),
            Self::UsedUp { what: Limited::Units, left, needed } => {
                let units = if *left == 1 { "unit" } else { "units" };
                write!(out, "has {left} {units} left, and this basket would take {needed}")
            }
            Self::UsedUp { what: Limited::Budget, left, needed } => {
                write!(out, "has {} of its budget left, and would take {} off", money(*left), money(*needed))
            }
            Self::Excluded { by } => write!(out, "does not apply together with {by}"),
            Self::Beaten { by, by_amount: 0 } => write!(out, "is no better than {by}, which comes first"),
            Self::Beaten { by, by_amount } if *by_amount > 0 => {
                write!(out, "loses to {by}, which takes {} more off", money(*by_amount))
            }
            Self::Beaten { by, by_amount } => {
                write!(out, "loses to {by}, which has the higher priority, though it takes {} less off", money(-by_amount))
            }
        }
    }
}

impl Declined {
    fn write_sentence(&self, currency: Currency, out: &mut dyn Write) -> fmt::Result {
        let money = |minor: i64| Money::new(minor, currency);
        match self {
            Self::TooFewUnits { actual, needed } => write!(out, "needs {needed} units, and there are {actual}"),
            Self::Incomplete { actual, needed, missing } => {
                write!(out, "needs {needed} units, and there are {actual}: add {}", near_miss::listed(missing))
            }
            Self::TooLittleSpent { actual, needed } => {
                write!(out, "needs {} to be spent, and {} is", money(*needed), money(*actual))
            }
            Self::NothingToTake => out.write_str("would take nothing off"),
            Self::NothingHeld => out.write_str("pays with what the customer does not hold"),
            Self::NoneLeft { of } => {
                write!(out, "has nothing left to give: too few are left of {}", listed(of.iter().map(Sku::to_string)))
            }
            Self::NotChosen(gifts) => out.write_str(&gifts.sentence()),
            Self::NoPostage => out.write_str("is about postage, which is not known"),
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
    fn write_sentence(&self, currency: Currency, out: &mut dyn Write) -> fmt::Result {
        let money = |minor: i64| Money::new(minor, currency);
        match self {
            Self::Spend { actual, needed } => {
                write!(out, "needs {} to be spent, and {} is: {} more", money(*needed), money(*actual), money(needed - actual))
            }
            Self::SpentTooMuch { actual, below } => {
                write!(out, "is for less than {}, and {} is spent", money(*below), money(*actual))
            }
            Self::Quantity { actual, needed } => write!(out, "needs {needed} units, and there are {actual}"),
            Self::TooManyUnits { actual, at_most } => write!(out, "is for {at_most} units at most, and there are {actual}"),
            Self::Groups { needed } => write!(out, "is for {}, to which the customer does not belong", group_of(needed)),
            Self::Customers => out.write_str("is for other customers"),
            Self::Coupons => out.write_str("needs a code that was not given"),
            Self::OrderNumber { actual, needed } => {
                write!(out, "is for order number {} of a customer, and this is number {actual}", range(needed))
            }
            Self::OneOf { field, actual, needed } => {
                let field = field.name().replace('_', " ");
                let needed = listed(needed.iter().map(|value| format!("{value:?}")));
                match actual {
                    Some(actual) => write!(out, "is not for {field} {actual:?}, but for {needed}"),
                    None => write!(out, "needs a {field}, which was not named: {needed}"),
                }
            }
            Self::Window { opens: Some(opens) } => write!(out, "is not on now: it is from {opens}"),
            Self::Window { opens: None } => out.write_str("is over"),
            Self::StockLeft { actual: Some(actual), needed } => {
                write!(out, "is for items of which {} are left, and of one there are {actual}", range(needed))
            }
            Self::StockLeft { actual: None, needed } => {
                write!(out, "is for items of which {} are left, and of one that is not known", range(needed))
            }
            Self::Not { holds } => write!(out, "is not for this basket: it must not hold that {holds}"),
        }
    }
}

impl Condition {
    /// What holds when it holds, in words; without codes and ids of customers.
    pub(crate) fn words(&self) -> String {
        let any = |of: &BTreeSet<String>| match of.len() {
            1 => listed(of.iter().cloned()),
            _ => format!("one of {}", listed(of.iter().cloned())),
        };
        let joined = |of: &[Self], word: &str| {
            let parts = of.iter().map(|condition| match condition {
                Self::All(_) | Self::Any(_) => format!("({})", condition.words()),
                _ => condition.words(),
            });
            parts.collect::<Vec<_>>().join(word)
        };
        match self {
            Self::All(of) => joined(of, " and "),
            Self::Any(of) => joined(of, " or "),
            Self::Not(condition) => format!("not ({})", condition.words()),
            Self::Spend(spend) => {
                let below = spend.below.map(|below| format!(" and less than {below}")).unwrap_or_default();
                format!("{}{below} is spent on {}", spend.at_least, spend.over.words())
            }
            Self::Quantity(Quantity { over, at_least, at_most }) => {
                let most = at_most.map_or_else(|| " or more".to_owned(), |most| format!(" to {most}"));
                format!("{at_least}{most} units are bought of {}", over.words())
            }
            Self::Groups(groups) => format!("the customer belongs to {}", group_of(groups)),
            Self::Customers(_) => "it is one of some customers".to_owned(),
            Self::Coupons(_) => "a code of it was given".to_owned(),
            Self::OrderNumber(numbers) => format!("it is order number {} of the customer", range(numbers)),
            Self::Channels(of) => format!("the channel is {}", any(of)),
            Self::Regions(of) => format!("the region is {}", any(of)),
            Self::PaymentMethods(of) => format!("the payment method is {}", any(of)),
            Self::PostageMethods(of) => format!("the postage method is {}", any(of)),
            Self::Window(_) => "its window is open".to_owned(),
            Self::StockLeft(numbers) => format!("{} are left of each item", range(numbers)),
        }
    }
}

impl Over {
    fn words(&self) -> &'static str {
        match self {
            Self::Matching => "what the promotion is for",
            Self::Order => "the whole order",
            Self::Items(_) => "some items",
        }
    }
}

fn group_of(groups: &BTreeSet<String>) -> String {
    let names = listed(groups.iter().cloned());
    if groups.len() == 1 { format!("group {names}") } else { format!("one of the groups {names}") }
}

fn range(numbers: &Numbers) -> String {
    match (numbers.at_least, numbers.at_most) {
        (Some(least), Some(most)) if least == most => least.to_string(),
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (Some(least), None) => format!("{least} or more"),
        (None, Some(most)) => format!("{most} or fewer"),
        (None, None) => "any number".to_owned(),
    }
}
