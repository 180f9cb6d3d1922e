use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use foldhash::{HashSet, HashSetExt};
use jiff::Timestamp;
use pricestream_domain::{Currency, Money, Product, Sku};

use crate::grouping::GroupBy;
use crate::scenario::Scenario;

/// Lines of a basket, at most.
pub const MAX_LINES: usize = 1_000;

/// Units of a basket, at most: the quantities of all lines together.
pub const MAX_UNITS: u32 = 100_000;

/// Minor units that a basket is worth at most, at its prices and at list prices together with the postage: a tax on top of it
/// then fits 64 bits too.
const MOST_WORTH: i64 = i64::MAX / 2;

/// Red packets of an order, at most.
pub const MAX_RED_PACKETS: usize = 100;

/// Codes of an order, at most.
pub const MAX_COUPONS: usize = 100;

/// Characters of a code, at most.
pub const MAX_CODE_LENGTH: usize = 64;

/// Gifts that a customer chooses in one order, at most.
pub const MAX_GIFT_CHOICES: usize = 1_000;

/// What is to be priced. The order of the lines makes no difference: they have ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basket {
    /// Of every amount in it.
    pub currency: Currency,
    /// 1 to [`MAX_LINES`], each with an id of its own.
    pub lines: Vec<Line>,
    /// What sending it costs before promotions; `None` while nobody knows.
    pub postage: Option<Postage>,
}

/// Some units of one product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Unique in the basket.
    pub id: Arc<str>,
    /// As the catalogue has it.
    pub product: Arc<Product>,
    /// Units, at least 1; all lines together at most [`MAX_UNITS`].
    pub quantity: u32,
    /// The current price of one unit, before promotions.
    pub unit_price: Money,
    /// Sellable units in stock, when known.
    pub stock_left: Option<u64>,
    /// What a unit cost when the customer last saw it, when known: it makes no difference to the price.
    pub last_price: Option<Money>,
    /// Which of several deliveries it belongs to; no price depends on it.
    pub delivery: Option<Arc<str>>,
}

/// What sending the basket costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Postage {
    /// Before promotions.
    pub amount: Money,
    /// How it is sent.
    pub method: Option<String>,
}

/// Everything else that a price may depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The instant that is priced.
    pub at: Timestamp,
    /// Who buys; a guest has no id, no groups and no orders.
    pub customer: Customer,
    /// Where the shop is seen: `app`, `web`, ...
    pub channel: Option<String>,
    /// Where the basket goes to.
    pub region: Option<String>,
    /// How it is paid.
    pub payment_method: Option<String>,
    /// Codes that the customer gave.
    pub coupons: Vec<String>,
    /// Red packets that the customer wants to use, in this order.
    pub red_packets: Vec<RedPacket>,
    /// Points that the customer wants to spend at most.
    pub points: u64,
    /// Gifts that the customer chose, by the ids of promotions; the same SKU again for each time that it is wanted.
    pub gift_choices: BTreeMap<String, Vec<Sku>>,
    /// Units that are left to give, by SKU; of one that is not named there are enough.
    pub gift_stock: BTreeMap<Sku, u64>,
    /// What a unit of a gift would cost, to tell its worth.
    pub gift_worth: BTreeMap<Sku, Money>,
    /// What is left of limited promotions, by their ids; one that is not named has all of it left.
    pub left: BTreeMap<String, Left>,
    /// What the quote is split by, for a shop that makes several orders of a basket; no price depends on it.
    pub group_by: Option<GroupBy>,
    /// Components that are switched off, by their names: the quote says that it is degraded.
    pub switched_off: BTreeSet<String>,
    /// Components that have failed lately and are not to be tried for a while, by their names: the quote says so.
    pub resting: BTreeSet<String>,
    /// What the price is asked for, which makes no difference to it.
    pub scenario: Scenario,
}

/// Who buys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Customer {
    /// `None` for a guest.
    pub id: Option<String>,
    /// Groups that they belong to.
    pub groups: BTreeSet<String>,
    /// Orders placed before this one.
    pub orders_placed: u32,
}

/// Money that only buys: used in part, it keeps the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedPacket {
    /// Its id.
    pub id: String,
    /// What is in it.
    pub amount: Money,
}

/// What is left of a limited promotion for this customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Orders that may still use it.
    pub uses: Option<u64>,
    /// Units that may still get it.
    pub units: Option<u64>,
    /// Orders that may still use the codes of it that the customer gave, together; `None` when its codes are not limited.
    pub coupons: Option<u64>,
    /// Which of those codes no order may use any more: a bit of each, by its place among them.
    pub spent_coupons: u128,
    /// Money that it may still give, in minor units of its budget's currency.
    pub budget: Option<i64>,
}

/// Why a basket cannot be priced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BasketError {
    /// None.
    #[error("a basket needs a line")]
    Empty,
    /// Too many.
    #[error("{0} lines are more than {MAX_LINES}: price the basket in parts")]
    TooManyLines(usize),
    /// Two of the same id.
    #[error("two lines have the id {0:?}: give each its own")]
    TwiceTheSameId(Arc<str>),
    /// Nothing of it.
    #[error("line {0:?} has the quantity 0: leave it out")]
    NoQuantity(Arc<str>),
    /// More than anybody buys.
    #[error("{0} units are more than {MAX_UNITS}: price the basket in parts")]
    TooManyUnits(u64),
    /// An amount in another currency.
    #[error("line {line:?} is in {found}, the basket in {currency}: a basket has one currency")]
    MixedCurrencies {
        /// Which line; `postage` for that.
        line: String,
        /// The line's.
        found: Currency,
        /// The basket's.
        currency: Currency,
    },
    /// An amount below zero.
    #[error("line {0:?} has a price below zero")]
    Negative(String),
    /// A red packet in another currency, or below zero.
    #[error("red packet {0:?} holds no amount of the basket's currency")]
    RedPacket(String),
    /// Two of the same id: it would pay twice.
    #[error("two red packets have the id {0:?}: name each once")]
    TwiceTheSamePacket(String),
    /// More than anybody holds.
    #[error("{0} red packets are more than {MAX_RED_PACKETS}")]
    TooManyRedPackets(usize),
    /// More than anybody has.
    #[error("{0} coupon codes are more than {MAX_COUPONS}")]
    TooManyCoupons(usize),
    /// No shop prints such a code.
    #[error("a coupon code has more than {MAX_CODE_LENGTH} characters: {0:?} ...")]
    LongCoupon(String),
    /// More than anybody chooses.
    #[error("{0} chosen gifts are more than {MAX_GIFT_CHOICES}")]
    TooManyGiftChoices(usize),
    /// Amounts too large to add.
    #[error("the basket is worth more than 64 bits of minor units hold with its taxes: price it in parts")]
    Overflow,
}

impl Basket {
    /// Whether it can be priced at all: the first reason why not.
    pub fn check(&self) -> Result<(), BasketError> {
        first(self.faults(&mut |_, error| ControlFlow::Break(error)))
    }

    /// Whether so much can be asked for besides: the first reason why not.
    pub(crate) fn check_context(&self, context: &Context) -> Result<(), BasketError> {
        first(self.faults_of_context(context, &mut |_, error| ControlFlow::Break(error)))
    }

    /// Everything for which it cannot be priced in `context`, with the place of each: what [`crate::RuleSet::quote`] says the
    /// first of.
    pub(crate) fn all_faults(&self, context: &Context) -> Vec<(Place, BasketError)> {
        let mut faults = Vec::new();
        let mut tell = |place: Place, error: BasketError| {
            faults.push((place, error));
            ControlFlow::<Infallible>::Continue(())
        };
        let ControlFlow::Continue(()) = self.faults(&mut tell);
        if self.lines.len() <= MAX_LINES {
            let mut ids = HashSet::with_capacity(self.lines.len());
            for (place, line) in self.lines.iter().enumerate().filter(|(_, line)| !ids.insert(&line.id)) {
                let ControlFlow::Continue(()) = tell(Place::Line(place, "id"), BasketError::TwiceTheSameId(Arc::clone(&line.id)));
            }
        }
        let ControlFlow::Continue(()) = self.faults_of_context(context, &mut tell);
        faults
    }

    /// Tells why it cannot be priced, reason by reason, until `tell` breaks off.
    fn faults<B>(&self, tell: &mut impl FnMut(Place, BasketError) -> ControlFlow<B>) -> ControlFlow<B> {
        if self.lines.is_empty() {
            return tell(Place::Lines, BasketError::Empty);
        }
        if self.lines.len() > MAX_LINES {
            return tell(Place::Lines, BasketError::TooManyLines(self.lines.len()));
        }
        let mut units = 0_u64;
        let mut worth = Some(0_i64);
        for (place, line) in self.lines.iter().enumerate() {
            let product = &line.product;
            let others = [product.promotion_floor, product.cost];
            let mut prices = [line.unit_price, product.list_price].into_iter().chain(others.into_iter().flatten());
            // All of them come with the SKU: one fault is enough.
            if let Some(error) = prices.find_map(|price| self.own(&line.id, price).err()) {
                tell(Place::Line(place, "sku"), error)?;
            }
            if let Some(error) = line.last_price.and_then(|price| self.own(&line.id, price).err()) {
                tell(Place::Line(place, "last_price"), error)?;
            }
            if line.quantity == 0 {
                tell(Place::Line(place, "quantity"), BasketError::NoQuantity(Arc::clone(&line.id)))?;
            }
            units += u64::from(line.quantity);
            for price in [line.unit_price, line.product.list_price] {
                let of_line = price.minor.checked_mul(i64::from(line.quantity));
                worth = worth.zip(of_line).and_then(|(worth, of_line)| worth.checked_add(of_line));
            }
        }
        if units > u64::from(MAX_UNITS) {
            tell(Place::Lines, BasketError::TooManyUnits(units))?;
        }
        if let Some(postage) = &self.postage {
            if let Err(error) = self.own("postage", postage.amount) {
                tell(Place::Postage, error)?;
            }
            worth = worth.and_then(|worth| worth.checked_add(postage.amount.minor));
        }
        if worth.is_none_or(|worth| worth > MOST_WORTH) {
            tell(Place::Lines, BasketError::Overflow)?;
        }
        ControlFlow::Continue(())
    }

    fn faults_of_context<B>(
        &self,
        context: &Context,
        tell: &mut impl FnMut(Place, BasketError) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let packets = &context.red_packets;
        if packets.len() > MAX_RED_PACKETS {
            tell(Place::RedPackets, BasketError::TooManyRedPackets(packets.len()))?;
        } else {
            for (place, packet) in packets.iter().enumerate() {
                if packet.amount.currency != self.currency || packet.amount.minor < 0 {
                    tell(Place::RedPacket(place, "amount"), BasketError::RedPacket(packet.id.clone()))?;
                }
                // They are few.
                if packets[..place].iter().any(|other| other.id == packet.id) {
                    tell(Place::RedPacket(place, "id"), BasketError::TwiceTheSamePacket(packet.id.clone()))?;
                }
            }
            if packets.iter().try_fold(0_i64, |sum, packet| sum.checked_add(packet.amount.minor)).is_none() {
                tell(Place::RedPackets, BasketError::Overflow)?;
            }
        }
        let codes = &context.coupons;
        if codes.len() > MAX_COUPONS {
            tell(Place::Coupons, BasketError::TooManyCoupons(codes.len()))?;
        } else {
            for (place, code) in codes.iter().enumerate().filter(|(_, code)| is_long(code)) {
                tell(Place::Coupon(place), BasketError::LongCoupon(code.chars().take(MAX_CODE_LENGTH).collect()))?;
            }
        }
        let chosen = context.gift_choices.values().map(Vec::len).sum();
        if chosen > MAX_GIFT_CHOICES {
            tell(Place::GiftChoices, BasketError::TooManyGiftChoices(chosen))?;
        }
        ControlFlow::Continue(())
    }

    fn own(&self, line: &str, price: Money) -> Result<(), BasketError> {
        if price.currency != self.currency {
            return Err(BasketError::MixedCurrencies { line: line.to_owned(), found: price.currency, currency: self.currency });
        }
        if price.minor < 0 {
            return Err(BasketError::Negative(line.to_owned()));
        }
        Ok(())
    }
}

/// A code of so few bytes has no more characters.
fn is_long(code: &str) -> bool {
    code.len() > MAX_CODE_LENGTH && code.chars().nth(MAX_CODE_LENGTH).is_some()
}

fn first(told: ControlFlow<BasketError>) -> Result<(), BasketError> {
    match told {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// Where in a request a fault is; as text a JSON path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Lines,
    /// A field of a line.
    Line(usize, &'static str),
    Postage,
    RedPackets,
    /// A field of a red packet.
    RedPacket(usize, &'static str),
    Coupons,
    Coupon(usize),
    GiftChoices,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lines => f.write_str("lines"),
            Self::Line(place, field) => write!(f, "lines[{place}].{field}"),
            Self::Postage => f.write_str("postage.amount"),
            Self::RedPackets => f.write_str("red_packets"),
            Self::RedPacket(place, field) => write!(f, "red_packets[{place}].{field}"),
            Self::Coupons => f.write_str("coupons"),
            Self::Coupon(place) => write!(f, "coupons[{place}]"),
            Self::GiftChoices => f.write_str("gift_choices"),
        }
    }
}
