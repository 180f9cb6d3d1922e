use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use pricestream_promotion_engine::{Quote, QuoteAnswer, QuoteRequest, Scenario};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::bad_basket;
use super::release::quote_id;
use crate::api::World;
use crate::extract::{JsonOf, QueryOf, bounded};
use crate::orders::{Hold, IdempotencyKey, hold};
use crate::problem::{Code, Problem};
use crate::routes::ApiState;

/// How long a signed quote is held when nobody says.
const HELD_SECONDS: u32 = 600;

/// What is to be told.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "QuoteAsked")]
pub(super) struct Asked {
    /// Record every promotion of the rule set, not only those that concern the basket; false when absent.
    #[serde(default)]
    all: bool,
    /// Sign it, so that it can be ordered at this price, and hold what it uses of limited promotions; needs the ingest token.
    #[serde(default)]
    sign: bool,
    /// Seconds that a signed quote is held: 1 to 86400, 600 when absent.
    #[schemars(range(min = 1, max = 86_400))]
    hold_seconds: Option<u32>,
    /// The `quote_id` of a signed quote whose place this one takes: what that holds is free for this one, and is given back when
    /// this one is signed. Needs the ingest token too.
    #[schemars(length(min = 1, max = 64))]
    replaces: Option<String>,
}

/// A quote.
#[derive(JsonSchema)]
#[schemars(rename = "QuoteAnswered")]
#[allow(dead_code, reason = "it describes what `answered` writes")]
pub(super) struct Answer {
    #[serde(flatten)]
    quote: QuoteAnswer,
    /// What to order it with; absent unless it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<Signed>,
}

fn answered(quote: &Quote, signed: Option<&Signed>) -> Response {
    let mut json = quote.answer_json();
    if let Some(signed) = signed {
        // Into the same object.
        json.pop();
        json.extend_from_slice(b",\"signed\":");
        serde_json::to_writer(&mut json, signed).expect("memory takes every write");
        json.push(b'}');
    }
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}

/// A signature, and until when it holds.
#[derive(Serialize, JsonSchema)]
struct Signed {
    /// The quote's name.
    quote_id: String,
    /// What `POST /v1/orders` takes: a compact JWS.
    quote: String,
    /// From this instant on it cannot be ordered any more.
    expires_at: Timestamp,
}

pub(super) async fn quote<W: World>(
    State(api): ApiState<W>,
    QueryOf(Asked { all, sign, hold_seconds, replaces }): QueryOf<Asked>,
    headers: HeaderMap,
    JsonOf(mut request): JsonOf<QuoteRequest>,
) -> Result<Response, Problem> {
    let held_seconds = bounded("hold_seconds", hold_seconds.unwrap_or(HELD_SECONDS), 1..=86_400)?;
    let mut how = Hold {
        ttl: SignedDuration::from_secs(held_seconds.into()),
        key: None,
        replaces: replaces.map(|name| quote_id(&name)).transpose()?,
    };
    if sign || how.replaces.is_some() {
        // Whoever signs takes from what is left for others; what others hold is not everybody's business either.
        api.tokens.admit_ingest(&headers)?;
    }
    if sign {
        how.key = IdempotencyKey::of(&headers)?;
        request.scenario = Scenario::Order;
    }
    let asked = api.asked(request, &how.freed()).await?;
    let (basket, context) = (&asked.basket, &asked.context);
    let quote = if all { asked.rules().explain(basket, context) } else { asked.rules().quote(basket, context) };
    let quote = quote.map_err(|error| bad_basket(&error))?;
    api.count(&quote);
    if !sign {
        return Ok(answered(&quote, None));
    }
    if !quote.sellable {
        let answer = quote.answer();
        let text = "a guard blocks it or a component is missing: see `risks` and `degraded`, or ask without `sign`";
        let problem = Problem::new(Code::NotSellable, text);
        return Err(problem.with("risks", json!(answer.risks)).with("degraded", json!(answer.degraded)));
    }
    let signed = hold(&api, &quote, &asked.published.rules, context, how).await?;
    let signed = Signed { quote_id: signed.claims.id, quote: signed.token, expires_at: signed.claims.expires_at };
    Ok(answered(&quote, Some(&signed)))
}
