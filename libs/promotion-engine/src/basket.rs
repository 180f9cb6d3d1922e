use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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
    /// Whether it can be priced at all.
    pub fn check(&self) -> Result<(), BasketError> {
        if self.lines.is_empty() {
            return Err(BasketError::Empty);
        }
        if self.lines.len() > MAX_LINES {
            return Err(BasketError::TooManyLines(self.lines.len()));
        }
        let mut units = 0_u64;
        let mut worth = 0_i64;
        for line in &self.lines {
            let product = &line.product;
            let others = [product.promotion_floor, product.cost, line.last_price];
            for price in [line.unit_price, product.list_price].into_iter().chain(others.into_iter().flatten()) {
                self.own(&line.id, price)?;
            }
            if line.quantity == 0 {
                return Err(BasketError::NoQuantity(Arc::clone(&line.id)));
            }
            units += u64::from(line.quantity);
            for price in [line.unit_price, line.product.list_price] {
                let of_line = price.minor.checked_mul(i64::from(line.quantity));
                worth = of_line.and_then(|of_line| worth.checked_add(of_line)).ok_or(BasketError::Overflow)?;
            }
        }
        if units > u64::from(MAX_UNITS) {
            return Err(BasketError::TooManyUnits(units));
        }
        if let Some(postage) = &self.postage {
            self.own("postage", postage.amount)?;
            worth = worth.checked_add(postage.amount.minor).ok_or(BasketError::Overflow)?;
        }
        if worth > MOST_WORTH {
            return Err(BasketError::Overflow);
        }
        Ok(())
    }

    /// Whether it can be paid with these.
    fn check_packets(&self, packets: &[RedPacket]) -> Result<(), BasketError> {
        if packets.len() > MAX_RED_PACKETS {
            return Err(BasketError::TooManyRedPackets(packets.len()));
        }
        let of_basket = |packet: &&RedPacket| packet.amount.currency == self.currency && packet.amount.minor >= 0;
        if let Some(packet) = packets.iter().find(|packet| !of_basket(packet)) {
            return Err(BasketError::RedPacket(packet.id.clone()));
        }
        // They are few.
        let mut others = packets.iter().enumerate().map(|(place, packet)| (packet, &packets[..place]));
        if let Some((packet, _)) = others.find(|(packet, others)| others.iter().any(|other| other.id == packet.id)) {
            return Err(BasketError::TwiceTheSamePacket(packet.id.clone()));
        }
        let total = packets.iter().try_fold(0_i64, |sum, packet| sum.checked_add(packet.amount.minor));
        total.map(|_| ()).ok_or(BasketError::Overflow)
    }

    /// Whether so much can be asked for besides.
    pub(crate) fn check_context(&self, context: &Context) -> Result<(), BasketError> {
        self.check_packets(&context.red_packets)?;
        if context.coupons.len() > MAX_COUPONS {
            return Err(BasketError::TooManyCoupons(context.coupons.len()));
        }
        let long = |code: &&String| code.chars().nth(MAX_CODE_LENGTH).is_some();
        if let Some(code) = context.coupons.iter().find(long) {
            return Err(BasketError::LongCoupon(code.chars().take(MAX_CODE_LENGTH).collect()));
        }
        let chosen = context.gift_choices.values().map(Vec::len).sum();
        if chosen > MAX_GIFT_CHOICES {
            return Err(BasketError::TooManyGiftChoices(chosen));
        }
        Ok(())
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
