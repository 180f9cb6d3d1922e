use std::collections::BTreeSet;

use jiff::Timestamp;
use pricestream_domain::{Currency, Money, Sku};
use schemars::JsonSchema;
use serde::Serialize;

use crate::components::Declined;
use crate::condition::{Field, Unmet};
use crate::document::condition::Numbers;
use crate::near_miss::NearPart;
use crate::record::{Limited, Reason};

/// Why a promotion was not applied, with every value that its sentence names. Codes of coupons and ids of other customers are
/// never told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the variants say what was compared, the fields the values of it")]
pub enum Because {
    /// It is not on now; `opens` is absent when it is over.
    Window {
        #[serde(skip_serializing_if = "Option::is_none")]
        opens: Option<Timestamp>,
    },
    /// Too little is spent on what counts.
    Spend { actual: Money, needed: Money },
    /// As much as `below` is spent, or more.
    SpentTooMuch { actual: Money, below: Money },
    /// Too few units; `taken_by` has used up some that are there.
    Quantity {
        actual: u64,
        needed: u64,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        missing: Vec<NearPart>,
        #[serde(skip_serializing_if = "Option::is_none")]
        taken_by: Option<String>,
    },
    /// More units than it is for.
    TooManyUnits { actual: u64, at_most: u64 },
    /// The customer is in none of these groups.
    Groups { needed: Vec<String> },
    /// It is for other customers.
    Customers,
    /// None of its codes was given.
    Coupons,
    /// It is for other orders of the customer, counted from 1.
    OrderNumber { actual: u64, needed: Numbers },
    /// A field of the request is none of these; `actual` is absent when it was not named.
    Field {
        field: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        actual: Option<String>,
        needed: Vec<String>,
    },
    /// An item has another stock, or nobody knows it.
    StockLeft {
        #[serde(skip_serializing_if = "Option::is_none")]
        actual: Option<u64>,
        needed: Numbers,
    },
    /// This holds, and must not.
    Not { holds: String },
    /// Nothing in the basket is for it.
    NoItems,
    /// Nothing can be taken off.
    NothingToTake,
    /// Nobody said what postage costs.
    NoPostage,
    /// The customer holds nothing of what it pays with.
    NothingHeld,
    /// Too few are left of what it could give.
    NoneLeft { of: Vec<Sku> },
    /// The customer has not chosen yet.
    NotChosen,
    /// Prices are at their floors.
    Floor { unfit: Money },
    /// Its amounts are in this currency.
    OtherCurrency { currency: Currency },
    /// Its component is switched off.
    SwitchedOff,
    /// Its component passed its budget of steps.
    TooCostly { steps: u64 },
    /// Its component failed.
    Failed,
    /// Its component has failed lately, and is not tried for a while.
    Resting,
    /// Too little is left of a limit: of `uses`, `coupons` or `units`.
    Limit { what: &'static str, left: u64, needed: u64 },
    /// Too little is left of its budget.
    Budget { left: Money, needed: Money },
    /// It does not apply together with another.
    Excluded { by: String },
    /// Another takes more off, or, `by_priority`, goes first though it takes less.
    Beaten { by: String, by_amount: Money, by_priority: bool },
}

impl Reason {
    /// The same with its values, for machines; amounts are in `currency`.
    pub(crate) fn because(&self, currency: Currency) -> Because {
        let money = |minor| Money::new(minor, currency);
        match self {
            Self::Window { opens } => Because::Window { opens: *opens },
            Self::Unmet(unmet) => unmet.because(currency),
            Self::NoItems => Because::NoItems,
            Self::Component(declined) => of_declined(declined, None, currency),
            Self::UnitsTaken { by, declined } => of_declined(declined, Some(by.to_string()), currency),
            Self::Floor { unfit } => Because::Floor { unfit: money(*unfit) },
            Self::OtherCurrency(currency) => Because::OtherCurrency { currency: *currency },
            Self::SwitchedOff => Because::SwitchedOff,
            Self::TooCostly { steps } => Because::TooCostly { steps: *steps },
            Self::Failed => Because::Failed,
            Self::Resting => Because::Resting,
            Self::UsedUp { what: Limited::Budget, left, needed } => {
                Because::Budget { left: money(*left), needed: money(*needed) }
            }
            Self::UsedUp { what, left, needed } => {
                let what = match what {
                    Limited::Uses => "uses",
                    Limited::Coupons => "coupons",
                    Limited::Units | Limited::Budget => "units",
                };
                Because::Limit { what, left: left.unsigned_abs(), needed: needed.unsigned_abs() }
            }
            Self::Excluded { by } => Because::Excluded { by: by.to_string() },
            Self::Beaten { by, by_amount } => {
                Because::Beaten { by: by.to_string(), by_amount: money(by_amount.abs()), by_priority: *by_amount < 0 }
            }
        }
    }
}

impl Unmet {
    fn because(&self, currency: Currency) -> Because {
        let money = |minor| Money::new(minor, currency);
        let names = |of: &BTreeSet<String>| of.iter().cloned().collect();
        match self {
            Self::Spend { actual, needed } => Because::Spend { actual: money(*actual), needed: money(*needed) },
            Self::SpentTooMuch { actual, below } => Because::SpentTooMuch { actual: money(*actual), below: money(*below) },
            Self::Quantity { actual, needed } => {
                Because::Quantity { actual: *actual, needed: (*needed).into(), missing: Vec::new(), taken_by: None }
            }
            Self::TooManyUnits { actual, at_most } => Because::TooManyUnits { actual: *actual, at_most: (*at_most).into() },
            Self::Groups { needed } => Because::Groups { needed: names(needed) },
            Self::Customers => Because::Customers,
            Self::Coupons => Because::Coupons,
            Self::OrderNumber { actual, needed } => Because::OrderNumber { actual: *actual, needed: (**needed).clone() },
            Self::OneOf { field, actual, needed } => {
                Because::Field { field: field.name(), actual: actual.as_deref().map(str::to_owned), needed: names(needed) }
            }
            Self::Window { opens } => Because::Window { opens: *opens },
            Self::StockLeft { actual, needed } => Because::StockLeft { actual: *actual, needed: (**needed).clone() },
            Self::Not { holds } => Because::Not { holds: holds.to_string() },
        }
    }
}

impl Field {
    /// Its name in a request.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Region => "region",
            Self::PaymentMethod => "payment_method",
            Self::PostageMethod => "postage_method",
        }
    }
}

fn of_declined(declined: &Declined, taken_by: Option<String>, currency: Currency) -> Because {
    let money = |minor| Money::new(minor, currency);
    match declined {
        Declined::TooFewUnits { actual, needed } => {
            Because::Quantity { actual: *actual, needed: *needed, missing: Vec::new(), taken_by }
        }
        Declined::Incomplete { actual, needed, missing } => {
            let missing = missing.iter().map(|part| NearPart { part: part.part.name().to_owned(), units: part.units }).collect();
            Because::Quantity { actual: *actual, needed: *needed, missing, taken_by }
        }
        Declined::TooLittleSpent { actual, needed } => Because::Spend { actual: money(*actual), needed: money(*needed) },
        Declined::NothingToTake => Because::NothingToTake,
        Declined::NoPostage => Because::NoPostage,
        Declined::NothingHeld => Because::NothingHeld,
        Declined::NoneLeft { of } => Because::NoneLeft { of: of.clone() },
        Declined::NotChosen(_) => Because::NotChosen,
    }
}
