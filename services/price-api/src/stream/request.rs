use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;
use pricestream_domain::Sku;
use pricestream_ports::RecordReads;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::body::{StreamBody, retry_ms};
use super::hub::Interest;
use crate::api::{Api, World};
use crate::extract::{JsonOf, QueryOf};
use crate::openapi::Operation;
use crate::problem::{Code, Problem};
use crate::routes::{ApiState, Routes};

pub(crate) fn routes<W: World>(routes: &mut Routes<W>) {
    let operation = |summary| {
        Operation::new("stream", summary)
            .answers_any(200, "Events `price`, `withdrawn` (id: `sku:price_version`) and `unknown`", "text/event-stream")
            .fails(&[Code::BadSku, Code::TooManySkus, Code::TooManyStreams, Code::Unavailable])
    };
    let get = operation("Prices as they change: a snapshot, then changes (server-sent events)").query::<InQuery>();
    routes.add(&Method::GET, "/v1/stream", by_query::<W>, get);
    let post = operation("The same, for SKUs that do not fit a query").reads::<InBody>();
    routes.add(&Method::POST, "/v1/stream", by_body::<W>, post);
}

/// Which SKUs a stream is about.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct InQuery {
    /// With commas in between; all when absent.
    skus: Option<String>,
}

/// Which SKUs a stream is about.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "StreamAsked")]
struct InBody {
    /// Up to 1000; all when absent.
    skus: Option<Vec<Sku>>,
}

async fn by_query<W: World>(State(api): ApiState<W>, QueryOf(InQuery { skus }): QueryOf<InQuery>) -> Result<Response, Problem> {
    let sku = |text: &str| Sku::new(text.trim()).map_err(|error| Problem::new(Code::BadSku, error.to_string()));
    let skus = match skus {
        Some(list) => Some(list.split(',').map(sku).collect::<Result<Vec<_>, _>>()?),
        None => None,
    };
    open(&api, skus).await
}

async fn by_body<W: World>(State(api): ApiState<W>, JsonOf(InBody { skus }): JsonOf<InBody>) -> Result<Response, Problem> {
    open(&api, skus).await
}

/// Most SKUs of one stream; a shop that needs more takes all.
const MOST: usize = 1_000;

async fn open<W: World>(api: &Api<W>, skus: Option<Vec<Sku>>) -> Result<Response, Problem> {
    if let Some(skus) = skus.as_ref().filter(|skus| skus.len() > MOST) {
        let how = format!("{} SKUs are more than {MOST}: ask for all, by naming none, or open several streams", skus.len());
        return Err(Problem::new(Code::TooManySkus, how));
    }
    let interest = skus.clone().map_or(Interest::All, Interest::Skus);
    // First: whatever the cache takes from here on reaches the subscription, so the snapshot can miss nothing.
    let subscription = api
        .hub
        .subscribe(interest)
        .map_err(|error| Problem::new(Code::TooManyStreams, format!("{error}: try again later, or ask POST /v1/prices:batch")))?;
    let mut opening = format!("retry: {}\n\n", retry_ms()).into_bytes();
    match skus {
        Some(skus) => {
            let unknown = offer_some(api, &skus).await?;
            if !unknown.is_empty() {
                let data = json!({ "type": Code::UnknownSku.uri(), "skus": unknown });
                opening.extend_from_slice(format!("event: unknown\ndata: {data}\n\n").as_bytes());
            }
        }
        None => offer_all(api).await?,
    }
    let mut response = Response::new(Body::new(StreamBody::new(subscription, opening)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Tells the hub what there is of `skus`; gives those that the catalogue does not have.
async fn offer_some<W: World>(api: &Api<W>, skus: &[Sku]) -> Result<Vec<Sku>, Problem> {
    let mut unknown = Vec::new();
    for sku in skus {
        match api.entry(sku).await {
            Ok(entry) => api.hub.offer(&entry),
            Err(problem) if problem.code() == Code::UnknownSku => unknown.push(sku.clone()),
            Err(problem) if problem.code() == Code::NoPrice => {} // it comes when there is one
            Err(problem) => return Err(problem),
        }
    }
    Ok(unknown)
}

/// How long the hub is taken to know every price; it hears of each change as well, so this mends what a cache lost.
const COMPLETE_FOR: Duration = Duration::from_secs(30);

/// Records read at a time.
const PAGE: usize = 200;

/// Tells the hub every price there is, unless it was told a moment ago: then many that reconnect at once cost one look.
async fn offer_all<W: World>(api: &Api<W>) -> Result<(), Problem> {
    if api.hub.is_complete(COMPLETE_FOR) {
        return Ok(());
    }
    let (began, mut after) = (Instant::now(), None);
    loop {
        let page = api.records.page(after.as_ref(), PAGE).await?;
        for entry in page.iter().filter_map(|state| state.price.as_ref()?.cache_entry()) {
            api.hub.offer(&Arc::new(entry));
        }
        if page.len() < PAGE {
            break;
        }
        after = page.into_iter().last().map(|state| state.sku);
        tokio::task::yield_now().await;
    }
    api.hub.completed(began);
    Ok(())
}
