use jiff::Timestamp;
use pricestream_ports::{
    Committed, Conditional, Order, OrderId, OrderReads, Orders, PortError, Refusal, Released, Reservation, ReservationKey,
    Reserved, Usage, chain,
};
use pricestream_promotion_engine::Limited;
use pricestream_telemetry::Metrics;
use serde_json::{Value, json};

use crate::desk::DeskError;
use crate::problem::{Code, Problem};
use crate::signed_quote::QuoteClaims;

/// What is asked of the writer about quotes and orders.
#[derive(Clone, Debug, PartialEq)]
pub enum OrderCommand {
    /// Holds what a quote promises.
    Reserve(Reservation),
    /// Gives back what a quote holds.
    Release(ReservationKey),
    /// Places an order: redeems a quote.
    Place {
        /// The shop's name of it.
        order: OrderId,
        /// What was signed. The signature was checked, the expiry was not.
        claims: Box<QuoteClaims>,
    },
    /// Cancels an order, and gives back what it used unless its rule set says that it stays used.
    Cancel {
        /// Which.
        order: OrderId,
    },
}

/// What it came to.
#[derive(Clone, Debug, PartialEq)]
pub enum OrderDone {
    /// It is held until then.
    Held {
        /// From this instant on it is not.
        until: Timestamp,
    },
    /// It holds nothing.
    Released,
    /// The order as it stands now.
    Order(Box<Order>),
}

/// Why it was not done. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// Too little is left of a promotion.
    #[error("{}", refused_text(.0))]
    Limit(Refusal),
    /// The key names another quote.
    #[error(
        "the key names quote {0}, for another customer, of other lines or at another price: take another key, and name that quote \
         in `replaces`"
    )]
    KeyTaken(ReservationKey),
    /// The key's quote is over.
    #[error("quote {0}, which the key names, has expired or was given back: take another key")]
    KeyEnded(ReservationKey),
    /// An order redeemed the quote that is to be given back.
    #[error("order {0} redeemed the quote: cancel the order, which gives back what it used")]
    Ordered(OrderId),
    /// The quote is too old.
    #[error("the quote expired at {0}: ask for a new one")]
    Expired(Timestamp),
    /// Nothing is held for the quote any more.
    #[error("nothing is held for this quote any more: ask for a new one")]
    NotHeld,
    /// Another order redeemed the quote.
    #[error("order {0} redeemed this quote already: ask for a new one")]
    Redeemed(OrderId),
    /// The order redeemed another quote.
    #[error("order {order} redeemed quote {quote}: give this one another order id")]
    OtherQuote {
        /// Which order.
        order: OrderId,
        /// What it redeemed.
        quote: String,
    },
    /// There is no such order.
    #[error("there is no order {0}: place it by POST /v1/orders")]
    UnknownOrder(OrderId),
    /// Somebody else was faster.
    #[error("the order is written by two at once: try again")]
    Contended,
    /// The store failed.
    #[error("it could not be stored")]
    Failed(#[from] PortError),
}

impl From<OrderError> for DeskError {
    fn from(error: OrderError) -> Self {
        let code = match &error {
            OrderError::Failed(error) => return Self::Failed(chain(error)),
            OrderError::Limit(_) => Code::LimitReached,
            OrderError::Expired(_) | OrderError::NotHeld | OrderError::KeyEnded(_) => Code::QuoteExpired,
            OrderError::Redeemed(_) | OrderError::Ordered(_) => Code::QuoteRedeemed,
            OrderError::KeyTaken(_) => Code::IdempotencyKeyTaken,
            OrderError::OtherQuote { .. } => Code::OtherQuote,
            OrderError::UnknownOrder(_) => Code::UnknownOrder,
            OrderError::Contended => Code::Contended,
        };
        let problem = Problem::new(code, error.to_string());
        Self::Refused(match error {
            OrderError::Limit(refusal) => {
                problem.with("promotion", &*refusal.promotion).with("limit", limited(refusal.what)).with("left", left(&refusal))
            }
            OrderError::Redeemed(order) | OrderError::Ordered(order) => problem.with("order_id", order.as_str()),
            OrderError::KeyTaken(quote) | OrderError::KeyEnded(quote) => problem.with("quote_id", quote.as_str()),
            OrderError::OtherQuote { quote, .. } => problem.with("quote_id", quote),
            _ => problem,
        })
    }
}

/// Carries out `command` at `now`. Doing it twice changes nothing the second time, and gives the same answer.
pub async fn execute_order(
    command: OrderCommand,
    usage: &impl Usage,
    orders: &impl Orders,
    metrics: &Metrics,
    now: Timestamp,
) -> Result<OrderDone, OrderError> {
    match command {
        OrderCommand::Reserve(reservation) => reserve(&reservation, usage, orders, metrics, now).await,
        OrderCommand::Release(quote) => release(&quote, usage, orders, now).await,
        OrderCommand::Place { order, claims } => {
            let placed = place(order, &claims, usage, orders, metrics, now).await;
            if placed.is_err() {
                metrics.orders.refused.inc();
            }
            placed.map(|order| OrderDone::Order(Box::new(order)))
        }
        OrderCommand::Cancel { order } => {
            cancel(&order, usage, orders, metrics, now).await.map(|order| OrderDone::Order(Box::new(order)))
        }
    }
}

async fn reserve(
    reservation: &Reservation,
    usage: &impl Usage,
    orders: &impl OrderReads,
    metrics: &Metrics,
    now: Timestamp,
) -> Result<OrderDone, OrderError> {
    if let Some(replaced) = reservation.instead_of() {
        not_ordered(replaced, orders).await?;
    }
    match usage.reserve(reservation, now).await? {
        Reserved::Granted { expires_at } => {
            metrics.reservations.granted.inc();
            Ok(OrderDone::Held { until: expires_at })
        }
        Reserved::Refused(refusal) => {
            metrics.reservations.refused.inc();
            Err(OrderError::Limit(refusal))
        }
        ended @ (Reserved::Conflict | Reserved::Ended(_)) => {
            let quote = reservation.key().clone();
            Err(match orders.order_of_quote(quote.as_str()).await? {
                Some(order) => OrderError::Redeemed(order.id),
                None if ended == Reserved::Conflict => OrderError::KeyTaken(quote),
                None => OrderError::KeyEnded(quote),
            })
        }
    }
}

async fn release(
    quote: &ReservationKey,
    usage: &impl Usage,
    orders: &impl OrderReads,
    now: Timestamp,
) -> Result<OrderDone, OrderError> {
    not_ordered(quote, orders).await?;
    if usage.release_held(quote, now).await? == Released::Kept {
        // Somebody is placing its order at this moment.
        not_ordered(quote, orders).await?;
        return Err(OrderError::Contended);
    }
    Ok(OrderDone::Released)
}

/// What an order uses is given back with the order, and not otherwise.
async fn not_ordered(quote: &ReservationKey, orders: &impl OrderReads) -> Result<(), OrderError> {
    match orders.order_of_quote(quote.as_str()).await? {
        Some(order) if order.cancelled_at.is_none() => Err(OrderError::Ordered(order.id)),
        _ => Ok(()),
    }
}

async fn place(
    id: OrderId,
    claims: &QuoteClaims,
    usage: &impl Usage,
    orders: &impl Orders,
    metrics: &Metrics,
    now: Timestamp,
) -> Result<Order, OrderError> {
    if let Some(known) = orders.order(&id).await? {
        if known.quote != claims.id {
            return Err(OrderError::OtherQuote { order: id, quote: known.quote });
        }
        metrics.orders.repeated.inc();
        return Ok(known);
    }
    if let Some(other) = orders.order_of_quote(&claims.id).await? {
        return Err(OrderError::Redeemed(other.id));
    }
    let expired = claims.expires_at <= now;
    let key = ReservationKey::new(&claims.id).map_err(|_| OrderError::NotHeld)?;
    match usage.commit(&key, now).await? {
        // Of an expired quote only one that began in time and did not come to its end is committed.
        Committed::Done => {}
        _ if expired => return Err(OrderError::Expired(claims.expires_at)),
        // One that takes nothing may have been held all the same: then it may have been given back.
        Committed::Unknown if claims.uses.is_empty() => {}
        Committed::Ended(_) | Committed::Unknown => return Err(OrderError::NotHeld),
    }
    let signed = serde_json::to_string(claims).expect("claims have text for keys");
    let (quote, payable) = (claims.id.clone(), claims.payable);
    let order = Order { id, quote, payable, placed_at: now, cancelled_at: None, claims: signed.into() };
    if orders.put_order(&order).await? == Conditional::Superseded {
        return Err(OrderError::Contended);
    }
    metrics.orders.placed.inc();
    Ok(order)
}

async fn cancel(
    id: &OrderId,
    usage: &impl Usage,
    orders: &impl Orders,
    metrics: &Metrics,
    now: Timestamp,
) -> Result<Order, OrderError> {
    let order = orders.order(id).await?.ok_or_else(|| OrderError::UnknownOrder(id.clone()))?;
    if order.cancelled_at.is_some() {
        return Ok(order);
    }
    // Before the order says so: whatever comes between, asking again gives it back once.
    if let Ok(key) = ReservationKey::new(&order.quote) {
        let _one_that_held_nothing_is_unknown = usage.release(&key, now).await?;
    }
    if orders.cancel_order(id, now).await? == Conditional::Superseded {
        // By somebody else, or by a try of ours whose answer was lost.
        let order = orders.order(id).await?.ok_or_else(|| OrderError::UnknownOrder(id.clone()))?;
        return if order.cancelled_at.is_some() { Ok(order) } else { Err(OrderError::Contended) };
    }
    metrics.orders.cancelled.inc();
    Ok(Order { cancelled_at: Some(now), ..order })
}

fn refused_text(refusal: &Refusal) -> String {
    let what = match refusal.what {
        Limited::Uses => "has been used as often as it may",
        Limited::Coupons => "has no unused code among those that were given",
        Limited::Units => "has fewer units left than the basket would get",
        Limited::Budget => "has less of its budget left than it would give",
    };
    format!("promotion {:?} {what}: price the basket again", refusal.promotion)
}

fn limited(what: Limited) -> &'static str {
    match what {
        Limited::Uses => "uses",
        Limited::Coupons => "coupons",
        Limited::Units => "units",
        Limited::Budget => "budget",
    }
}

/// Of each limit that there is.
fn left(refusal: &Refusal) -> Value {
    let left = refusal.left;
    let mut all = json!({ "uses": left.uses, "coupons": left.coupons, "units": left.units, "budget": left.budget });
    if let Some(fields) = all.as_object_mut() {
        fields.retain(|_, left| !left.is_null());
    }
    all
}
