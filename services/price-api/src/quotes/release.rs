use axum::extract::{FromRequestParts, RawPathParams, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use pricestream_ports::ReservationKey;

use crate::api::World;
use crate::desk::Desk;
use crate::orders::OrderCommand;
use crate::problem::{Code, Problem};
use crate::routes::ApiState;

/// `text` as the name of a signed quote.
pub(super) fn quote_id(text: &str) -> Result<ReservationKey, Problem> {
    let bad = |_| {
        Problem::new(Code::BadQuoteId, "the name of a quote has 1 to 64 characters: take `signed.quote_id` as it was answered")
    };
    ReservationKey::new(text).map_err(bad)
}

/// The signed quote that the path names.
pub(super) struct PathQuote(ReservationKey);

impl<S: Send + Sync> FromRequestParts<S> for PathQuote {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let bad = |error: axum::extract::rejection::RawPathParamsRejection| Problem::new(Code::BadQuoteId, error.body_text());
        let parameters = RawPathParams::from_request_parts(parts, state).await.map_err(bad)?;
        let text = parameters.iter().find_map(|(name, value)| (name == "quote_id").then_some(value)).unwrap_or_default();
        quote_id(text).map(Self)
    }
}

pub(super) async fn release<W: World>(
    State(api): ApiState<W>,
    headers: HeaderMap,
    PathQuote(quote): PathQuote,
) -> Result<StatusCode, Problem> {
    api.tokens.admit_ingest(&headers)?;
    api.desk.order(OrderCommand::Release(quote)).await?;
    Ok(StatusCode::NO_CONTENT)
}
