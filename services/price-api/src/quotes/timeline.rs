use axum::Json;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use pricestream_promotion_engine::{QuoteRequest, RequestedCustomer, RequestedLine, TimelineAnswer};
use schemars::JsonSchema;
use serde::Deserialize;

use super::bad_basket;
use crate::api::{Api, World};
use crate::extract::{JsonOf, PathSku, QueryOf};
use crate::problem::{Code, Problem};
use crate::routes::ApiState;

/// How far a timeline reaches when nobody says.
const DAYS: i64 = 30;

/// Slices, at most.
const MOST: usize = 10_000;

/// Which interval.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TimelineBetween")]
pub(super) struct Between {
    /// The first instant; now when absent.
    from: Option<Timestamp>,
    /// The instant after the last one; 30 days after the first when absent.
    until: Option<Timestamp>,
    /// At most so many slices: 1 to 10000, 1000 when absent.
    #[schemars(range(min = 1, max = 10_000))]
    most: Option<usize>,
}

/// For whom, and which interval.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TimelineAsked")]
pub(super) struct Asked {
    /// The first instant; now when absent.
    from: Option<Timestamp>,
    /// The instant after the last one; 30 days after the first when absent.
    until: Option<Timestamp>,
    /// At most so many slices: 1 to 10000, 1000 when absent.
    #[schemars(range(min = 1, max = 10_000))]
    most: Option<usize>,
    /// Units; 1 when absent.
    quantity: Option<u32>,
    /// The customer's id; a guest when absent.
    customer: Option<String>,
    /// Groups that they belong to, with commas between.
    groups: Option<String>,
    /// Where the shop is seen.
    channel: Option<String>,
    /// Where it is sent to.
    region: Option<String>,
    /// Codes that the customer gave, with commas between.
    coupons: Option<String>,
}

pub(super) async fn of_basket<W: World>(
    State(api): ApiState<W>,
    QueryOf(between): QueryOf<Between>,
    JsonOf(request): JsonOf<QuoteRequest>,
) -> Result<Json<TimelineAnswer>, Problem> {
    timeline(&api, request, between).await
}

pub(super) async fn of_sku<W: World>(
    State(api): ApiState<W>,
    PathSku(sku): PathSku,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Json<TimelineAnswer>, Problem> {
    let list = |text: Option<String>| {
        text.unwrap_or_default().split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let request = QuoteRequest {
        lines: vec![RequestedLine { quantity: asked.quantity.unwrap_or(1), ..RequestedLine::of(sku) }],
        customer: Some(RequestedCustomer {
            id: asked.customer,
            groups: list(asked.groups).into_iter().collect(),
            ..RequestedCustomer::default()
        }),
        channel: asked.channel,
        region: asked.region,
        coupons: list(asked.coupons),
        ..QuoteRequest::default()
    };
    timeline(&api, request, Between { from: asked.from, until: asked.until, most: asked.most }).await
}

async fn timeline<W: World>(api: &Api<W>, request: QuoteRequest, between: Between) -> Result<Json<TimelineAnswer>, Problem> {
    let from = between.from.or(request.at).unwrap_or_else(|| api.clock.now());
    let later = || from.checked_add(SignedDuration::from_hours(24 * DAYS)).unwrap_or(Timestamp::MAX);
    let until = between.until.unwrap_or_else(later);
    if until <= from {
        return Err(Problem::new(Code::BadQuery, format!("until {until} must come after from {from}")));
    }
    let most = between.most.unwrap_or(1_000).clamp(1, MOST);
    let asked = api.asked(request, &[]).await?;
    let timeline = asked.rules().timeline(&asked.basket, &asked.context, from, until, most);
    let timeline = timeline.map_err(|error| bad_basket(&error))?;
    api.circuit.note_degraded(&timeline.degraded);
    Ok(Json(timeline.answer(asked.basket.currency)))
}
