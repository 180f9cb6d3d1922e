use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_documents::{Problem, Reader, parse};
use pricestream_domain::{Currency, Money, Product, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::basket::{Basket, BasketError, Context, Customer, Line, MAX_LINES, Place, Postage, RedPacket};
use crate::grouping::GroupBy;
use crate::scenario::Scenario;

/// A basket as a shop asks for its price: the input of every scenario, from one unit on a detail page to an order. Products and
/// current prices are looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteRequest {
    /// The instant to price; now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What is bought.
    pub lines: Vec<RequestedLine>,
    /// What sending it costs before promotions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postage: Option<RequestedPostage>,
    /// Who buys; a guest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<RequestedCustomer>,
    /// Where the shop is seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Where it is sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// How it is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    /// Codes that the customer gave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupons: Vec<String>,
    /// Red packets to use, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub red_packets: Vec<RequestedPacket>,
    /// Points to spend at most.
    #[serde(default)]
    pub points: u64,
    /// What it is asked for, which makes no difference to the price; `basket` when absent.
    #[serde(default)]
    pub scenario: Scenario,
    /// Gifts that the customer chose among what was offered, by the ids of promotions; the same SKU again for each time that it
    /// is wanted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gift_choices: BTreeMap<String, Vec<Sku>>,
    /// Units that are left to give, by SKU; where absent, what is known of the SKU's stock counts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gift_stock: BTreeMap<Sku, u64>,
    /// Splits the answer into the orders that the shop makes of the basket; no price depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_by: Option<GroupBy>,
}

/// Some units of one SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestedLine {
    /// Unique in the basket; the SKU when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Which.
    pub sku: Sku,
    /// Units, 1 when absent.
    #[serde(default = "RequestedLine::one")]
    pub quantity: u32,
    /// What a unit cost when the customer last saw it; makes no difference to the price, but may be flagged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_price: Option<Money>,
    /// Which of several deliveries it belongs to, for `group_by`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
}

/// What sending costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestedPostage {
    /// Before promotions.
    pub amount: Money,
    /// How it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

/// A red packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestedPacket {
    /// Its id.
    pub id: String,
    /// What is in it.
    pub amount: Money,
}

/// Who buys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RequestedCustomer {
    /// Absent for a guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Groups that they belong to.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// Orders placed before this one.
    pub orders_placed: u32,
}

/// What is known of a SKU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its catalogue line.
    pub product: Arc<Product>,
    /// Its current price.
    pub unit_price: Money,
    /// Sellable units in stock, when known.
    pub stock_left: Option<u64>,
    /// What a unit cost when the customer last saw it, when that is kept; a request may say it better.
    pub last_price: Option<Money>,
}

/// One reason why a request cannot be priced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {error}")]
pub struct RequestFault {
    /// Where in the request: a JSON path, such as `lines[2].quantity`.
    pub path: String,
    /// What.
    pub error: RequestError,
}

/// Why a request cannot be priced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Nothing is known of a SKU, or it has no price.
    #[error("line {line:?}: {sku} has no price: import it into the catalogue, or leave the line out")]
    NoPrice {
        /// Which line.
        line: String,
        /// Which SKU.
        sku: Sku,
    },
    /// The basket cannot be priced.
    #[error(transparent)]
    Basket(#[from] BasketError),
}

impl Basket {
    /// One unit of `item`, without postage.
    pub(crate) fn of_one(item: &Found) -> Self {
        let Found { product, unit_price, stock_left, last_price } = item;
        let line = Line {
            id: product.sku.as_str().into(),
            product: Arc::clone(product),
            quantity: 1,
            unit_price: *unit_price,
            stock_left: *stock_left,
            last_price: *last_price,
            delivery: None,
        };
        Self { currency: unit_price.currency, lines: vec![line], postage: None }
    }
}

impl RequestedLine {
    /// One unit of `sku`, as a line of that id.
    pub fn of(sku: Sku) -> Self {
        Self { id: None, sku, quantity: 1, last_price: None, delivery: None }
    }

    const fn one() -> u32 {
        1
    }

    fn id(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.sku)
    }
}

impl QuoteRequest {
    /// Reads a request. Errors: every problem that it has, each with its path.
    pub fn from_json(text: &str) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::default();
        let read = match parse(text, &mut reader.problems) {
            Some(value) if value.is_object() => reader.read::<Self>("", value),
            Some(_) => {
                reader.problem("", "a request must be an object with `lines`");
                None
            }
            None => None,
        };
        let problems = reader.problems.into_iter();
        let problems: Vec<Problem> =
            problems.map(|problem| Problem { path: problem.path.trim_start_matches('.').to_owned(), ..problem }).collect();
        read.filter(|_| problems.is_empty()).ok_or(problems)
    }

    /// The basket and its context, with what `find` knows of each SKU. `now` is the instant to price unless the request names
    /// one. Errors: everything for which it cannot be priced; one that passes can be.
    pub fn resolve(
        self,
        now: Timestamp,
        mut find: impl FnMut(&Sku) -> Option<Found>,
    ) -> Result<(Basket, Context), Vec<RequestFault>> {
        if self.lines.len() > MAX_LINES {
            let error = BasketError::TooManyLines(self.lines.len());
            return Err(vec![RequestFault { path: Place::Lines.to_string(), error: error.into() }]);
        }
        let mut lines = Vec::with_capacity(self.lines.len());
        let mut faults = Vec::new();
        // Where the lines of the basket are in the request.
        let mut places = Vec::with_capacity(self.lines.len());
        for (place, line) in self.lines.iter().enumerate() {
            let Some(Found { product, unit_price, stock_left, last_price }) = find(&line.sku) else {
                let error = RequestError::NoPrice { line: line.id().to_owned(), sku: line.sku.clone() };
                faults.push(RequestFault { path: Place::Line(place, "sku").to_string(), error });
                continue;
            };
            places.push(place);
            lines.push(Line {
                id: line.id().into(),
                product,
                quantity: line.quantity,
                unit_price,
                stock_left,
                last_price: line.last_price.or(last_price),
                delivery: line.delivery.as_deref().map(Arc::from),
            });
        }
        let currency = lines.first().map_or(Currency::EUR, |line| line.unit_price.currency);
        let postage = self.postage.map(|postage| Postage { amount: postage.amount, method: postage.method });
        let basket = Basket { currency, lines, postage };
        let customer = self.customer.unwrap_or_default();
        let context = Context {
            at: self.at.unwrap_or(now),
            customer: Customer { id: customer.id, groups: customer.groups, orders_placed: customer.orders_placed },
            channel: self.channel,
            region: self.region,
            payment_method: self.payment_method,
            coupons: self.coupons,
            red_packets: self.red_packets.into_iter().map(|packet| RedPacket { id: packet.id, amount: packet.amount }).collect(),
            points: self.points,
            scenario: self.scenario,
            gift_choices: self.gift_choices,
            gift_stock: self.gift_stock,
            group_by: self.group_by,
            ..Context::default()
        };
        let of_request = |(place, error): (Place, BasketError)| {
            let place = match place {
                Place::Line(place, field) => Place::Line(places[place], field),
                place => place,
            };
            RequestFault { path: place.to_string(), error: error.into() }
        };
        // It has lines, none of which is known.
        let is_told = |error: &BasketError| *error == BasketError::Empty && !self.lines.is_empty();
        faults.extend(basket.all_faults(&context).into_iter().filter(|(_, error)| !is_told(error)).map(of_request));
        if faults.is_empty() { Ok((basket, context)) } else { Err(faults) }
    }
}
