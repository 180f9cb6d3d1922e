use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request};
use axum::handler::Handler;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use jiff::Timestamp;
use pricestream_domain::Sku;
use pricestream_ports::{Cache, CacheEntry};
use pricestream_telemetry::RequestCounters;

use super::view::{write_number, write_price};
use super::withdrawn;
use crate::api::{Api, World};
use crate::extract::PathSku;
use crate::problem::Problem;

/// `GET /v1/prices/{sku}`. A handler by itself, not through extractors: it takes of the request what it needs, and
/// neither copies it nor moves it about.
#[derive(Clone)]
pub(super) struct ReadPrice {
    requests: Arc<RequestCounters>,
}

impl ReadPrice {
    pub(super) fn new(requests: RequestCounters) -> Self {
        Self { requests: Arc::new(requests) }
    }

    fn count(&self, response: Response) -> Response {
        self.requests.count(response.status().as_u16());
        response
    }
}

type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

impl<W: World> Handler<(), Arc<Api<W>>> for ReadPrice {
    type Future = Answer;

    fn call(self, mut request: Request, api: Arc<Api<W>>) -> Answer {
        let held = request.headers_mut().remove(header::IF_NONE_MATCH);
        let uri = std::mem::take(request.uri_mut());
        let sku = uri.path().rsplit_once('/').and_then(|(_, text)| Sku::new(text).ok());
        if let Some(sku) = sku {
            drop(request);
            return Box::pin(async move {
                let response = match api.cache.get(&sku).await {
                    Ok(Some(entry)) if entry.price.is_some() => respond(&entry, api.clock.now(), held.as_ref()),
                    // In a box, so that the future of a read that the cache answers stays small.
                    _ => Box::pin(read_slowly(&api, Ok(sku), held, uri)).await,
                };
                self.count(response)
            });
        }
        // It is spelled in a way that must be decoded, or is none.
        Box::pin(async move {
            let (mut parts, _) = request.into_parts();
            let sku = PathSku::from_request_parts(&mut parts, &()).await.map(|PathSku(sku)| sku);
            let response = read_slowly(&api, sku, held, uri).await;
            self.count(response)
        })
    }
}

async fn read_slowly<W: World>(api: &Api<W>, sku: Result<Sku, Problem>, held: Option<HeaderValue>, uri: Uri) -> Response {
    let entry = match sku {
        Ok(sku) => api.entry(&sku).await,
        Err(problem) => Err(problem),
    };
    match entry {
        Ok(entry) if entry.price.is_some() => respond(&entry, api.clock.now(), held.as_ref()),
        Ok(entry) => withdrawn(&entry).respond(uri.path()),
        Err(problem) => problem.respond(uri.path()),
    }
}

thread_local! {
    /// What is written before its length is known: then the answer is one allocation of that length.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.clear();
        write(scratch);
        Bytes::copy_from_slice(scratch)
    })
}

fn respond(entry: &CacheEntry, now: Timestamp, held: Option<&HeaderValue>) -> Response {
    let tag = written(|out| {
        out.push(b'"');
        write_number(entry.price_version.0, out);
        // Of one version, the slice of its lane: when the lane moves on, what is held no longer holds.
        if let Some(lane) = &entry.lane {
            out.push(b'.');
            write_number(lane.slices().partition_point(|slice| slice.from <= now) as u64, out);
        }
        out.push(b'"');
    });
    let mut response = if held.is_some_and(|held| holds(held.as_bytes(), &tag)) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let mut response = Response::new(Body::from(written(|out| write_price(entry, Some(now), out))));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    };
    let headers = response.headers_mut();
    // A shared cache may keep it, and asks each time whether it still holds.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::ETAG, HeaderValue::from_maybe_shared(tag).expect("digits and quotes are legal"));
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
