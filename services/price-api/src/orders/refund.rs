use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use pricestream_ports::{OrderId, OrderReads};
use pricestream_promotion_engine::{OrderRefund, RefundError};
use schemars::JsonSchema;
use serde::Deserialize;

use super::routes::{OrderView, PathOrder, unknown};
use crate::api::World;
use crate::extract::JsonOf;
use crate::problem::{Code, Problem};
use crate::routes::ApiState;

/// Units of an order that come back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefundAsked {
    /// Units that came back before, by line id; none when absent. The shop keeps count of them.
    #[serde(default)]
    returned: BTreeMap<String, u32>,
    /// Units that come back now, by line id.
    lines: BTreeMap<String, u32>,
}

/// Works a refund out and keeps nothing of it: the same request is the same answer, and whether the order was cancelled is not
/// asked.
pub(super) async fn refund<W: World>(
    State(api): ApiState<W>,
    PathOrder(id): PathOrder,
    request: Request,
) -> Result<Json<OrderRefund>, Problem> {
    api.tokens.admit_ingest(request.headers())?;
    let JsonOf(RefundAsked { returned, lines }) = JsonOf::from_request(request, &api).await?;
    let order = OrderView::of(api.usage.order(&id).await?.ok_or_else(|| unknown(&id))?)?;
    let paid = order.claims.paid().ok_or_else(|| no_unit_prices(&id))?;
    paid.refund(&returned, &lines).map(Json).map_err(|error| refused(&error))
}

fn no_unit_prices(order: &OrderId) -> Problem {
    let text = format!("the quote of order {order} does not say what a unit cost: see `units` of the answer that the shop kept");
    Problem::new(Code::NoUnitPrices, text)
}

fn refused(error: &RefundError) -> Problem {
    let problem = |code| Problem::new(code, error.to_string());
    match error {
        RefundError::Nothing => problem(Code::BadBody),
        RefundError::UnknownLine(line) => problem(Code::UnknownLine).with("line", line.as_str()),
        RefundError::TooManyUnits { line, .. } => problem(Code::TooManyUnits).with("line", line.as_str()),
    }
}
