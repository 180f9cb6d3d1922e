use std::fmt;
use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::Money;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{Conditional, PortError};

/// The shop's name of an order: 1 to 64 of `[A-Za-z0-9._-]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct OrderId(Arc<str>);

/// The text is no order id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no order id: it has 1 to 64 of A-Z a-z 0-9 . _ -")]
pub struct InvalidOrderId(String);

impl OrderId {
    /// `text` as an order id.
    pub fn new(text: &str) -> Result<Self, InvalidOrderId> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(legal);
        if fits { Ok(Self(text.into())) } else { Err(InvalidOrderId(text.chars().take(80).collect())) }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for OrderId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// An order as placed: its amounts are those of the quote that the shop redeemed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its name.
    pub id: OrderId,
    /// The quote that it redeemed; no other order has the same.
    pub quote: String,
    /// What is charged.
    pub payable: Money,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When it was cancelled; `None` while it was not.
    pub cancelled_at: Option<Timestamp>,
    /// What was signed, as JSON.
    pub claims: Arc<str>,
}

/// Reads of the orders. Each sees every write acknowledged before it.
pub trait OrderReads: Send + Sync {
    /// An order.
    fn order(&self, id: &OrderId) -> impl Future<Output = Result<Option<Order>, PortError>> + Send;

    /// The order that redeemed a quote.
    fn order_of_quote(&self, quote: &str) -> impl Future<Output = Result<Option<Order>, PortError>> + Send;
}

/// The orders.
pub trait Orders: OrderReads {
    /// Stores a new order IF neither its id nor its quote is another order's.
    fn put_order(&self, order: &Order) -> impl Future<Output = Result<Conditional, PortError>> + Send;

    /// Notes that an order was cancelled IF there is one, and it was not cancelled before.
    fn cancel_order(&self, id: &OrderId, at: Timestamp) -> impl Future<Output = Result<Conditional, PortError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_is_short_and_fits_into_a_path() {
        let (longest, too_long) = ("x".repeat(64), "x".repeat(65));
        for (text, expected) in [
            ("2026-11.11_A", true),
            (&*longest, true),
            (&*too_long, false),
            ("", false),
            ("a/b", false),
            ("a b", false),
            ("ä", false),
        ] {
            assert_eq!(OrderId::new(text).is_ok(), expected, "{text:?}");
            assert_eq!(serde_json::from_value::<OrderId>(text.into()).is_ok(), expected, "{text:?}");
        }
    }
}
