use axum::Json;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use pricestream_domain::Money;
use pricestream_promotion_engine::{QuoteRequest, RequestedCustomer, RequestedLine, RequestedPostage, TimelineAnswer};
use schemars::JsonSchema;
use serde::Deserialize;

use super::bad_basket;
use crate::api::{Api, World};
use crate::extract::{JsonOf, PathSku, QueryOf, bounded};
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
    /// Orders that they placed before; 0 when absent.
    orders_placed: Option<u32>,
    /// Where the shop is seen.
    channel: Option<String>,
    /// Where it is sent to.
    region: Option<String>,
    /// How it is paid.
    payment_method: Option<String>,
    /// What sending it costs before promotions, in minor units of the SKU's currency; not known when absent, nothing when
    /// `postage_method` alone is named.
    #[schemars(range(min = 0))]
    postage: Option<i64>,
    /// How it is sent.
    postage_method: Option<String>,
    /// Codes that the customer gave, with commas between.
    coupons: Option<String>,
    /// Points to spend at most.
    points: Option<u64>,
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
    let postage = match (asked.postage, asked.postage_method) {
        (None, None) => None,
        (minor, method) => {
            let currency = api.item(&sku).await?.unit_price.currency;
            Some(RequestedPostage { amount: Money::new(minor.unwrap_or(0), currency), method })
        }
    };
    let request = QuoteRequest {
        lines: vec![RequestedLine { quantity: asked.quantity.unwrap_or(1), ..RequestedLine::of(sku) }],
        customer: Some(RequestedCustomer {
            id: asked.customer,
            groups: list(asked.groups).into_iter().collect(),
            orders_placed: asked.orders_placed.unwrap_or(0),
        }),
        postage,
        channel: asked.channel,
        region: asked.region,
        payment_method: asked.payment_method,
        coupons: list(asked.coupons),
        points: asked.points.unwrap_or(0),
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
    let most = bounded("most", between.most.unwrap_or(1_000), 1..=MOST)?;
    let asked = api.asked(request, &[]).await?;
    let timeline = asked.rules().timeline(&asked.basket, &asked.context, from, until, most);
    let timeline = timeline.map_err(|error| bad_basket(&error))?;
    api.circuit.note_degraded(&timeline.degraded);
    Ok(Json(timeline.answer(asked.basket.currency)))
}
