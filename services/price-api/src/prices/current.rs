use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use pricestream_domain::Sku;
use pricestream_ports::{Cache, CacheEntry};

use super::view::{write_number, write_price};
use super::withdrawn;
use crate::api::{Api, World};
use crate::extract::PathSku;
use crate::problem::Problem;
use crate::routes::{ApiState, class};

pub(super) const PATH: &str = "/v1/prices/{sku}";

/// Longer than any price: a SKU of 64, two amounts, a version and a time.
const LENGTH: usize = 288;

/// By the request itself: what is not looked at is not copied.
pub(super) async fn price<W: World>(State(api): ApiState<W>, request: Request) -> Response {
    let response = match sku(&request) {
        Some(sku) => match api.cache.get(&sku).await {
            Ok(Some(entry)) if entry.price.is_some() => respond(&entry, request.headers().get(header::IF_NONE_MATCH)),
            // In a box: the future of a read that the cache answers stays small.
            _ => Box::pin(read_slowly(&api, Ok(sku), request)).await,
        },
        None => Box::pin(read_spelled_oddly(&api, request)).await,
    };
    api.metrics.request(PATH, class(response.status()));
    response
}

/// The SKU as the path spells it; `None` when it is spelled in a way that must be decoded, or is none.
fn sku(request: &Request) -> Option<Sku> {
    let (_, text) = request.uri().path().rsplit_once('/')?;
    Sku::new(text).ok()
}

async fn read_spelled_oddly<W: World>(api: &Api<W>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let sku = PathSku::from_request_parts(&mut parts, &()).await;
    read_slowly(api, sku.map(|PathSku(sku)| sku), Request::from_parts(parts, body)).await
}

async fn read_slowly<W: World>(api: &Api<W>, sku: Result<Sku, Problem>, request: Request) -> Response {
    let read = async {
        let entry = api.entry(&sku?).await?;
        if entry.price.is_some() {
            Ok(respond(&entry, request.headers().get(header::IF_NONE_MATCH)))
        } else {
            Err(withdrawn(&entry))
        }
    };
    read.await.unwrap_or_else(|problem: Problem| problem.respond(request.uri().path()))
}

fn respond(entry: &CacheEntry, held: Option<&HeaderValue>) -> Response {
    let mut tag = Vec::with_capacity(22);
    tag.push(b'"');
    write_number(entry.price_version.0, &mut tag);
    tag.push(b'"');
    let mut response = if held.is_some_and(|held| holds(held.as_bytes(), &tag)) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let mut body = Vec::with_capacity(LENGTH);
        write_price(entry, &mut body);
        let mut response = Response::new(Body::from(body));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    };
    let headers = response.headers_mut();
    // A shared cache may keep it, and asks each time whether it still holds.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::ETAG, HeaderValue::from_bytes(&tag).expect("digits and quotes are legal"));
    response
}

/// Whether `If-None-Match` names `tag` (RFC 9110, 13.1.2: compared weakly), or anything.
fn holds(held: &[u8], tag: &[u8]) -> bool {
    held.split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .any(|held| held == b"*" || held.strip_prefix(b"W/").unwrap_or(held) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_version_is_found_in_any_form_that_http_allows() {
        for (held, expected) in [
            ("\"7\"", true),
            ("W/\"7\"", true),
            ("*", true),
            ("\"6\", \"7\"", true),
            ("\"70\"", false),
            ("7", false),
            ("", false),
        ] {
            assert_eq!(holds(held.as_bytes(), b"\"7\""), expected, "{held}");
        }
    }
}
