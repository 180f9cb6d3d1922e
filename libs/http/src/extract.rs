//! What requests are read as.

use std::fmt::Display;
use std::future::poll_fn;
use std::ops::RangeInclusive;
use std::pin::Pin;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use http_body::Body as _;
use pricestream_domain::Sku;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::problem::{Code, Problem};

/// Longest body, in bytes.
const MAX_BODY: usize = 8 * 1_024 * 1_024;

/// Longest body that is read to its end though it is too long, in bytes.
const MAX_DISCARDED: usize = 8 * MAX_BODY;

/// The SKU that the path names.
#[derive(Debug)]
pub struct PathSku(pub Sku);

impl<S: Send + Sync> FromRequestParts<S> for PathSku {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let bad = |text: String| Problem::new(Code::BadSku, text);
        let parameters = RawPathParams::from_request_parts(parts, state).await.map_err(|error| bad(error.body_text()))?;
        let text = parameters.iter().find_map(|(name, value)| (name == "sku").then_some(value)).unwrap_or_default();
        Sku::new(text).map(Self).map_err(|error| bad(error.to_string()))
    }
}

/// The query, every field of which is known.
#[derive(Debug)]
pub struct QueryOf<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryOf<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let read = Query::try_from_uri(&parts.uri);
        read.map(|Query(query)| Self(query)).map_err(|error| Problem::new(Code::BadQuery, error.body_text()))
    }
}

/// A number of a query, if it is within its bounds.
pub fn bounded<T: PartialOrd + Display>(name: &str, number: T, bounds: RangeInclusive<T>) -> Result<T, Problem> {
    if bounds.contains(&number) {
        return Ok(number);
    }
    let (least, most) = bounds.into_inner();
    Err(Problem::new(Code::BadQuery, format!("{name} must be {least} to {most}, not {number}")))
}

/// A body of JSON or lines of JSON, unread. Its type must be named: a browser asks a server before it sends that to
/// another site, so no page that an operator visits can post to a server on this machine.
#[derive(Debug)]
pub struct JsonBytes(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBytes {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                Code::BadMediaType,
                "send `Content-Type: application/json` (or `application/x-ndjson` for lines)",
            ));
        }
        read(request.into_body()).await.map(Self)
    }
}

/// All of `body`. What is too long is read on, up to [`MAX_DISCARDED`], and dropped: a client that is still sending
/// when the connection closes would not see the answer.
async fn read(mut body: Body) -> Result<Bytes, Problem> {
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|error| Problem::new(Code::BadBody, format!("the body broke off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length <= MAX_BODY {
            bytes.extend_from_slice(&data);
        } else if length > MAX_DISCARDED {
            break;
        }
    }
    if length > MAX_BODY {
        return Err(Problem::new(Code::TooLarge, format!("a body may have {MAX_BODY} bytes: send it in parts")));
    }
    Ok(bytes.into())
}

/// A body that is one JSON value.
#[derive(Debug)]
pub struct JsonOf<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonOf<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let JsonBytes(body) = JsonBytes::from_request(request, state).await?;
        from_json(&body).map(Self).map_err(|text| Problem::new(Code::BadBody, text))
    }
}

/// Reads one JSON value; the text says where it is wrong.
pub fn from_json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| match error.path().to_string().as_str() {
        "." => error.into_inner().to_string(),
        path => format!("{path}: {}", error.inner()),
    })?;
    json.end().map_err(|error| error.to_string())?;
    Ok(value)
}

fn is_json(headers: &HeaderMap) -> bool {
    const TYPES: [&str; 4] = ["application/json", "application/x-ndjson", "application/ndjson", "application/jsonl"];
    let Some(text) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = text.split(';').next().unwrap_or_default().trim();
    TYPES.iter().any(|known| essence.eq_ignore_ascii_case(known))
}
