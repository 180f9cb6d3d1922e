//! The intake of stock changes.

use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use pricestream_event_schema::StockChange;
use pricestream_http::intake::{self, Answer};

use crate::api::World;
use crate::openapi::Operation;
use crate::problem::{Code, Problem};
use crate::routes::{ApiState, Routes};

pub(crate) fn routes<W: World>(routes: &mut Routes<W>) {
    let operation = Operation::new("stock", "Takes stock changes: one object, an array, or lines of JSON")
        .reads_lines::<StockChange>()
        .answers::<Answer>(200, "What became of the one change, or of all of them")
        .fails(&[Code::BadStockChange, Code::UnknownSku, Code::OtherOrigin, Code::Contradiction, Code::OtherTime])
        .fails(&[Code::BadBody, Code::Unauthorized, Code::Busy, Code::NotStored]);
    routes.add(&Method::POST, "/v1/stock-changes", take::<W>, operation);
}

async fn take<W: World>(State(api): ApiState<W>, request: Request) -> Result<Response, Problem> {
    intake::take(&*api.desk, &api.tokens, &api.metrics, request).await
}
