use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use jiff::Timestamp;
use pricestream_domain::Money;
use pricestream_ports::{Order, OrderId, OrderReads, PortError};
use pricestream_promotion_engine::OrderRefund;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::refund::{RefundAsked, refund};
use super::{OrderCommand, OrderDone};
use crate::api::{Api, World};
use crate::desk::Desk;
use crate::extract::JsonOf;
use crate::openapi::Operation;
use crate::problem::{Code, Problem};
use crate::routes::{ApiState, Routes};
use crate::signed_quote::{QuoteClaims, SignedQuoteError};

pub(crate) fn routes<W: World>(routes: &mut Routes<W>) {
    const STORES: [Code; 4] = [Code::Unauthorized, Code::Busy, Code::NotStored, Code::Contended];
    let operation = Operation::new("orders", "Places an order: redeems a signed quote, once. What it charges is what was signed")
        .reads::<OrderAsked>()
        .answers::<OrderView>(200, "The order; the same again when it was placed before")
        .fails(&[Code::BadQuote, Code::OtherKey, Code::BadSignature, Code::QuoteExpired, Code::QuoteRedeemed, Code::OtherQuote])
        .fails(&STORES);
    routes.add(&Method::POST, "/v1/orders", place::<W>, operation);
    let operation = Operation::new("orders", "An order").answers::<OrderView>(200, "The order as it stands").fails(&[
        Code::BadOrderId,
        Code::UnknownOrder,
        Code::Unauthorized,
        Code::Unavailable,
    ]);
    routes.add(&Method::GET, "/v1/orders/{order_id}", order::<W>, operation);
    let operation = Operation::new("orders", "Cancels an order, and gives back what it used unless its rule set keeps it")
        .answers::<OrderView>(200, "The order, cancelled; the same again when it was cancelled before")
        .fails(&[Code::BadOrderId, Code::UnknownOrder])
        .fails(&STORES);
    routes.add(&Method::DELETE, "/v1/orders/{order_id}", cancel::<W>, operation);
    let operation = Operation::new(
        "orders",
        "What is paid back for units of an order that come back. Works it out and keeps nothing: the shop keeps what came back",
    )
    .reads::<RefundAsked>()
    .answers::<OrderRefund>(200, "What is paid back now. All refunds of an order add up to what was paid for it")
    .fails(&[Code::BadOrderId, Code::UnknownOrder, Code::UnknownLine, Code::TooManyUnits, Code::NoUnitPrices])
    .fails(&[Code::Unauthorized, Code::Unavailable]);
    routes.add(&Method::POST, "/v1/orders/{order_id}/refunds", refund::<W>, operation);
}

/// An order to be placed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OrderAsked {
    /// The signed quote, as it was answered.
    quote: String,
    /// The shop's name of the order: 1 to 64 of `[A-Za-z0-9._-]`. Sent again, it is the same order.
    #[schemars(with = "String", length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9._-]+$"))]
    order_id: OrderId,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Order")]
pub struct OrderView {
    /// The shop's name of it.
    #[schemars(with = "String")]
    pub order_id: OrderId,
    /// The quote that it redeemed.
    pub quote_id: String,
    /// Whether it stands.
    pub state: OrderState,
    /// What is charged.
    pub payable: Money,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When it was cancelled; absent while it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Timestamp>,
    /// What was signed.
    pub claims: QuoteClaims,
}

/// Whether an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// It does.
    Placed,
    /// It was cancelled.
    Cancelled,
}

impl OrderView {
    pub(super) fn of(order: Order) -> Result<Self, Problem> {
        let claims = serde_json::from_str(&order.claims).map_err(|error| PortError::corrupt("store", error))?;
        Ok(Self {
            order_id: order.id,
            quote_id: order.quote,
            state: if order.cancelled_at.is_some() { OrderState::Cancelled } else { OrderState::Placed },
            payable: order.payable,
            placed_at: order.placed_at,
            cancelled_at: order.cancelled_at,
            claims,
        })
    }
}

async fn place<W: World>(State(api): ApiState<W>, request: Request) -> Result<Json<OrderView>, Problem> {
    api.tokens.admit_ingest(request.headers())?;
    let JsonOf(OrderAsked { quote, order_id }) = JsonOf::from_request(request, &api).await?;
    // Whether it has expired is asked where it is redeemed: an order that was placed in time is the same later.
    let claims = api.quote_key.read(&quote).map_err(|error| {
        api.metrics.orders.refused.inc();
        let code = match error {
            SignedQuoteError::Malformed(_) => Code::BadQuote,
            SignedQuoteError::OtherKey(_) => Code::OtherKey,
            SignedQuoteError::BadSignature => Code::BadSignature,
            SignedQuoteError::Expired(_) => Code::QuoteExpired,
        };
        Problem::new(code, error.to_string())
    })?;
    carry_out(&api, OrderCommand::Place { order: order_id, claims: Box::new(claims) }).await
}

async fn order<W: World>(
    State(api): ApiState<W>,
    headers: HeaderMap,
    PathOrder(order): PathOrder,
) -> Result<Json<OrderView>, Problem> {
    api.tokens.admit_ingest(&headers)?;
    OrderView::of(api.usage.order(&order).await?.ok_or_else(|| unknown(&order))?).map(Json)
}

pub(super) fn unknown(order: &OrderId) -> Problem {
    Problem::new(Code::UnknownOrder, format!("there is no order {order}: place it by POST /v1/orders"))
}

async fn cancel<W: World>(
    State(api): ApiState<W>,
    headers: HeaderMap,
    PathOrder(order): PathOrder,
) -> Result<Json<OrderView>, Problem> {
    api.tokens.admit_ingest(&headers)?;
    carry_out(&api, OrderCommand::Cancel { order }).await
}

async fn carry_out<W: World>(api: &Api<W>, command: OrderCommand) -> Result<Json<OrderView>, Problem> {
    match api.desk.order(command).await? {
        OrderDone::Order(order) => OrderView::of(*order).map(Json),
        OrderDone::Held { .. } | OrderDone::Released => unreachable!("an order is no reservation"),
    }
}

/// The order that the path names.
pub(super) struct PathOrder(pub(super) OrderId);

impl<S: Send + Sync> FromRequestParts<S> for PathOrder {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let bad = |text: String| Problem::new(Code::BadOrderId, text);
        let parameters = RawPathParams::from_request_parts(parts, state).await.map_err(|error| bad(error.body_text()))?;
        let text = parameters.iter().find_map(|(name, value)| (name == "order_id").then_some(value)).unwrap_or_default();
        OrderId::new(text).map(Self).map_err(|error| bad(error.to_string()))
    }
}
