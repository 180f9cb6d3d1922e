use axum::Json;
use axum::extract::State;
use pricestream_promotion_engine::{QuoteAnswer, QuoteRequest};
use schemars::JsonSchema;
use serde::Deserialize;

use super::bad_basket;
use crate::api::World;
use crate::extract::{JsonOf, QueryOf};
use crate::problem::Problem;
use crate::routes::ApiState;

/// What is to be told.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "QuoteAsked")]
pub(super) struct Asked {
    /// Record every promotion of the rule set, not only those that concern the basket; false when absent.
    #[serde(default)]
    all: bool,
}

pub(super) async fn quote<W: World>(
    State(api): ApiState<W>,
    QueryOf(Asked { all }): QueryOf<Asked>,
    JsonOf(request): JsonOf<QuoteRequest>,
) -> Result<Json<QuoteAnswer>, Problem> {
    let asked = api.asked(request).await?;
    let (basket, context) = (&asked.basket, &asked.context);
    let quote = if all { asked.rules().explain(basket, context) } else { asked.rules().quote(basket, context) };
    let quote = quote.map_err(|error| bad_basket(&error))?;
    api.count(&quote);
    Ok(Json(quote.answer()))
}
