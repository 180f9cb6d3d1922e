use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::Money;

use crate::basket::Context;
use crate::document::condition::{Basis, Condition, Numbers, Over};
use crate::document::window::Window;
use crate::keys::{ItemSet, Keys, meet};
use crate::near_miss::Shortfall;

/// A condition, ready to be tested.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    /// With what must not hold, in words.
    Not(Box<Test>, Arc<str>),
    Spend {
        over: Whose,
        basis: Basis,
        at_least: Money,
        below: Option<Money>,
    },
    Quantity {
        over: Whose,
        at_least: u32,
        at_most: Option<u32>,
    },
    Groups(Vec<u32>, Arc<BTreeSet<String>>),
    Customers(Vec<u32>),
    Coupons(Vec<u32>),
    OrderNumber(Arc<Numbers>),
    StockLeft(Arc<Numbers>),
    OneOf(Field, Arc<BTreeSet<String>>),
    Window(Window),
}

/// Whose money or units count.
#[derive(Clone, Debug)]
pub(crate) enum Whose {
    Matching,
    Order,
    Items(ItemSet),
}

/// A field of the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Where the shop is seen.
    Channel,
    /// Where the basket goes to.
    Region,
    /// How it is paid.
    PaymentMethod,
    /// How it is sent.
    PostageMethod,
}

/// Why a condition does not hold: the first part that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// Too little is spent.
    Spend {
        /// Minor units.
        actual: i64,
        /// Minor units.
        needed: i64,
    },
    /// As much or more is spent than may be.
    SpentTooMuch {
        /// Minor units.
        actual: i64,
        /// Minor units; less than this.
        below: i64,
    },
    /// Too few units.
    Quantity {
        /// Units.
        actual: u64,
        /// Units.
        needed: u32,
    },
    /// Too many units.
    TooManyUnits {
        /// Units.
        actual: u64,
        /// Units.
        at_most: u32,
    },
    /// The customer is in none of its groups.
    Groups {
        /// Those.
        needed: Arc<BTreeSet<String>>,
    },
    /// It is not for this customer.
    Customers,
    /// None of its codes was given.
    Coupons,
    /// Another order of the customer would be.
    OrderNumber {
        /// Counted from 1.
        actual: u64,
        /// Those that it is for.
        needed: Arc<Numbers>,
    },
    /// Another one would be.
    OneOf {
        /// Which field.
        field: Field,
        /// What it is.
        actual: Option<Box<str>>,
        /// What it has to be one of.
        needed: Arc<BTreeSet<String>>,
    },
    /// Another time would be.
    Window {
        /// When it opens next.
        opens: Option<Timestamp>,
    },
    /// The stock of an item is outside its bounds, or unknown.
    StockLeft {
        /// Units, when known.
        actual: Option<u64>,
        /// The bounds.
        needed: Arc<Numbers>,
    },
    /// Something holds that must not.
    Not {
        /// What, in words.
        holds: Arc<str>,
    },
}

/// Units in stock, when known.
pub(crate) type StockLeft = Option<u64>;

/// What a condition is tested on.
pub(crate) trait Situation {
    fn context(&self) -> &Context;
    /// The instant that is priced.
    fn at(&self) -> Timestamp;
    /// Keys of who buys and of the coupons.
    fn context_keys(&self) -> &[u32];
    fn postage_method(&self) -> Option<&str>;
    fn zone(&self) -> &pricestream_documents::Zone;
    /// Minor units spent on these items.
    fn spent(&self, over: &Whose, basis: Basis) -> i64;
    /// Units of these items.
    fn units(&self, over: &Whose) -> u64;
    /// What the cheapest unit of these items costs before promotions; `None`: there is none, or nobody knows.
    fn cheapest(&self, _over: &Whose) -> Option<i64> {
        None
    }
    /// The first matching line whose stock is not in `numbers`.
    fn stock_outside(&self, numbers: &Numbers) -> Option<StockLeft>;
}

impl Test {
    pub(crate) fn of(condition: &Condition, keys: &mut Keys) -> Self {
        let one_of = |field, values: &BTreeSet<String>| Self::OneOf(field, Arc::new(values.clone()));
        match condition {
            Condition::All(of) => Self::All(of.iter().map(|condition| Self::of(condition, keys)).collect()),
            Condition::Any(of) => Self::Any(of.iter().map(|condition| Self::of(condition, keys)).collect()),
            Condition::Not(condition) => Self::Not(Box::new(Self::of(condition, keys)), condition.words().into()),
            Condition::Spend(spend) => {
                let over = Whose::of(&spend.over, keys);
                Self::Spend { over, basis: spend.basis, at_least: spend.at_least, below: spend.below }
            }
            Condition::Quantity(quantity) => {
                let over = Whose::of(&quantity.over, keys);
                Self::Quantity { over, at_least: quantity.at_least, at_most: quantity.at_most }
            }
            Condition::Groups(groups) => Self::Groups(keys.groups(groups), Arc::new(groups.clone())),
            Condition::Customers(customers) => Self::Customers(keys.customers(customers)),
            Condition::Coupons(codes) => Self::Coupons(keys.coupons(codes)),
            Condition::OrderNumber(numbers) => Self::OrderNumber(Arc::new(numbers.clone())),
            Condition::StockLeft(numbers) => Self::StockLeft(Arc::new(numbers.clone())),
            Condition::Channels(values) => one_of(Field::Channel, values),
            Condition::Regions(values) => one_of(Field::Region, values),
            Condition::PaymentMethods(values) => one_of(Field::PaymentMethod, values),
            Condition::PostageMethods(values) => one_of(Field::PostageMethod, values),
            Condition::Window(window) => Self::Window(window.clone()),
        }
    }

    /// What must hold of `kind` whatever else holds: it, or a part of it that all of it needs.
    pub(crate) fn needs(&self, kind: fn(&Self) -> Option<&Vec<u32>>) -> Option<&Vec<u32>> {
        match self {
            Self::All(of) => of.iter().find_map(|test| test.needs(kind)),
            test => kind(test),
        }
    }

    /// Codes that may help it to hold.
    pub(crate) fn codes(&self, to: &mut Vec<u32>) {
        match self {
            Self::All(of) | Self::Any(of) => of.iter().for_each(|test| test.codes(to)),
            Self::Coupons(codes) => to.extend(codes),
            _ => {}
        }
    }

    /// When one of its windows opens or closes next after `now`.
    pub(crate) fn next_change(&self, now: Timestamp, zone: &pricestream_documents::Zone) -> Option<Timestamp> {
        match self {
            Self::All(of) | Self::Any(of) => of.iter().filter_map(|test| test.next_change(now, zone)).min(),
            Self::Not(test, _) => test.next_change(now, zone),
            Self::Window(window) => window.at(now, zone).until,
            _ => None,
        }
    }

    /// What would have to be bought besides for it to hold, at the least; nothing when it does. `None`: more goods would not
    /// help, or there are none yet of what it counts.
    pub(crate) fn missing(&self, now: &impl Situation) -> Option<Shortfall> {
        match self {
            Self::All(of) => of.iter().try_fold(Shortfall::default(), |sum, test| Some(sum.and(test.missing(now)?))),
            Self::Any(of) => of.iter().filter_map(|test| test.missing(now)).min_by_key(Shortfall::rank),
            Self::Spend { over, .. } | Self::Quantity { over, .. } => match self.check(now) {
                Ok(()) => Some(Shortfall::default()),
                Err(unmet) => over.missing(&unmet, now),
            },
            test => test.check(now).is_ok().then(Shortfall::default),
        }
    }

    /// The same, once it is known that it does not hold, and why not.
    pub(crate) fn missing_after(&self, unmet: &Unmet, now: &impl Situation) -> Option<Shortfall> {
        match self {
            Self::Spend { over, .. } | Self::Quantity { over, .. } => over.missing(unmet, now),
            Self::All(_) | Self::Any(_) => self.missing(now),
            _ => None,
        }
    }

    /// Whether it holds, or the first part that does not.
    pub(crate) fn check(&self, now: &impl Situation) -> Result<(), Unmet> {
        let context = now.context();
        let need = |holds: bool, unmet: Unmet| if holds { Ok(()) } else { Err(unmet) };
        match self {
            Self::All(of) => of.iter().try_for_each(|test| test.check(now)),
            Self::Any(of) => {
                let mut first = Ok(());
                for test in of {
                    match test.check(now) {
                        Ok(()) => return Ok(()),
                        unmet => first = if first.is_ok() { unmet } else { first },
                    }
                }
                first
            }
            Self::Not(test, holds) => match test.check(now) {
                Ok(()) => Err(Unmet::Not { holds: Arc::clone(holds) }),
                Err(_) => Ok(()),
            },
            Self::Spend { over, basis, at_least, below } => {
                let actual = now.spent(over, *basis);
                need(actual >= at_least.minor, Unmet::Spend { actual, needed: at_least.minor })?;
                below.map_or(Ok(()), |below| need(actual < below.minor, Unmet::SpentTooMuch { actual, below: below.minor }))
            }
            Self::Quantity { over, at_least, at_most } => {
                let actual = now.units(over);
                need(actual >= u64::from(*at_least), Unmet::Quantity { actual, needed: *at_least })?;
                at_most.map_or(Ok(()), |at_most| need(actual <= at_most.into(), Unmet::TooManyUnits { actual, at_most }))
            }
            Self::Groups(any, _) if meet(any, now.context_keys()) => Ok(()),
            Self::Groups(_, groups) => Err(Unmet::Groups { needed: Arc::clone(groups) }),
            Self::Customers(any) => need(meet(any, now.context_keys()), Unmet::Customers),
            Self::Coupons(any) => need(meet(any, now.context_keys()), Unmet::Coupons),
            Self::OrderNumber(numbers) => {
                let actual = u64::from(context.customer.orders_placed) + 1;
                if numbers.contain(actual) { Ok(()) } else { Err(Unmet::OrderNumber { actual, needed: Arc::clone(numbers) }) }
            }
            Self::StockLeft(numbers) => match now.stock_outside(numbers) {
                None => Ok(()),
                Some(actual) => Err(Unmet::StockLeft { actual, needed: Arc::clone(numbers) }),
            },
            Self::OneOf(field, values) => {
                let actual = match field {
                    Field::Channel => context.channel.as_deref(),
                    Field::Region => context.region.as_deref(),
                    Field::PaymentMethod => context.payment_method.as_deref(),
                    Field::PostageMethod => now.postage_method(),
                };
                if actual.is_some_and(|actual| values.contains(actual)) {
                    return Ok(());
                }
                Err(Unmet::OneOf { field: *field, actual: actual.map(Into::into), needed: Arc::clone(values) })
            }
            Self::Window(window) => {
                let opening = window.at(now.at(), now.zone());
                need(opening.open, Unmet::Window { opens: opening.until })
            }
        }
    }
}

impl Whose {
    fn missing(&self, unmet: &Unmet, now: &impl Situation) -> Option<Shortfall> {
        match *unmet {
            Unmet::Spend { actual, needed } if actual > 0 => Some(Shortfall::spend(needed - actual)),
            Unmet::Quantity { actual, needed } if actual > 0 => {
                Some(Shortfall::units(u64::from(needed) - actual, now.cheapest(self)))
            }
            _ => None,
        }
    }

    fn of(over: &Over, keys: &mut Keys) -> Self {
        match over {
            Over::Matching => Self::Matching,
            Over::Order => Self::Order,
            Over::Items(items) => Self::Items(keys.items(items)),
        }
    }
}
