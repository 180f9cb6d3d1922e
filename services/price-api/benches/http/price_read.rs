//! A read of a price beside two axum handlers of the same route and the same bytes: one that answers them as they are and looks at
//! nothing, the least that axum can do; and one that looks the price up and serialises it. First the handlers alone, called
//! without a socket; then served over HTTP.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode, header};
use axum::routing::get;
use axum::{Json, Router};
use criterion::Criterion;
use pricestream_domain::{Currency, Money, PriceVersion, Sku};
use pricestream_ports::memory::Memory;
use pricestream_ports::{CacheEntry, Clock, SettingsSnapshot, SystemClock};
use pricestream_price_api::PriceView;
use tower::{Service, ServiceExt};

use crate::measured::{cpu_seconds, median};
use crate::served::Served;
use crate::world::{Shared, hub, routes};
use crate::{ROUNDS, count, report};

const SKUS: usize = 1_000;

/// A round is this many runs ...
const RUNS: usize = 100;

/// ... of this many reads, timed at once.
const RUN: usize = 500;

/// Requests of a connection in a round.
const REQUESTS: usize = 500;

pub(crate) fn sku(number: usize) -> Sku {
    Sku::new(&format!("SKU-{number:06}")).expect("a sample is legal")
}

/// The prices of the shop.
pub(crate) fn entries() -> impl Iterator<Item = CacheEntry> {
    (0..SKUS).map(|number| CacheEntry {
        sku: sku(number),
        price_version: PriceVersion(1_234),
        price: Some(Money::new(19_99, Currency::EUR)),
        list_price: Some(Money::new(24_99, Currency::EUR)),
        since: "2026-11-22T08:00:00.123456Z".parse().expect("a sample is legal"),
        lane: None,
    })
}

/// The bytes of a read.
pub(crate) fn asked(number: usize) -> String {
    format!("GET /v1/prices/SKU-{:06} HTTP/1.1\r\nhost: localhost\r\n\r\n", number % SKUS)
}

fn ours() -> Router {
    routes(Shared::of(entries()), Memory::default(), SettingsSnapshot::frozen(), hub(1))
}

/// Answers the bytes of our own answer, which were made beforehand: body and headers.
pub(crate) fn fixed() -> Router {
    let response = ready(ours().oneshot(request(0))).expect("infallible");
    let bytes = ready(axum::body::to_bytes(response.into_body(), 4_096)).expect("it fits");
    let body: &'static str = String::from_utf8(bytes.to_vec()).expect("JSON is UTF-8").leak();
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache"), (header::ETAG, "\"1234\"")];
    Router::new().route("/v1/prices/{sku}", get(move || async move { (headers, body) }))
}

/// Looks the price up in a map, as anyone would write it.
fn plain() -> Router {
    async fn answer(State(cache): State<Arc<Shared>>, Path(sku): Path<Sku>) -> Result<Json<PriceView>, StatusCode> {
        let entry = cache.0.read().expect("no panic while held").get(&sku).cloned();
        entry.and_then(|entry| PriceView::at(&entry, SystemClock.now())).map(Json).ok_or(StatusCode::NOT_FOUND)
    }
    Router::new().route("/v1/prices/{sku}", get(answer)).with_state(Arc::new(Shared::of(entries())))
}

pub(crate) fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing waits here"),
    }
}

fn request(number: usize) -> Request<Body> {
    let path = format!("/v1/prices/SKU-{:06}", number % SKUS);
    Request::get(path).header(header::HOST, "localhost").body(Body::empty()).expect("a sample is legal")
}

/// The length of the answer.
pub(crate) fn call(router: &mut Router, request: Request<Body>) -> usize {
    let response = ready(router.as_service().ready()).and_then(|service| ready(service.call(request))).expect("infallible");
    assert!(response.status().is_success());
    ready(axum::body::to_bytes(response.into_body(), 1 << 20)).expect("it fits").len()
}

/// Seconds for `requests` reads, whose making is not counted.
fn time(router: &mut Router, requests: usize) -> Duration {
    let made: Vec<_> = (0..requests).map(request).collect();
    let began = Instant::now();
    for request in made {
        black_box(call(router, request));
    }
    began.elapsed()
}

/// CPU seconds of this thread for `requests` reads, whose making is not counted.
fn cpu_time(router: &mut Router, requests: usize) -> f64 {
    let made: Vec<_> = (0..requests).map(request).collect();
    let began = cpu_seconds();
    for request in made {
        black_box(call(router, request));
    }
    cpu_seconds() - began
}

pub(crate) fn run(wanted: bool) {
    let mut routers = [("fixed bytes", fixed()), ("plain handler", plain()), ("GET /v1/prices/{sku}", ours())];
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("price_read");
    group.sample_size(50).measurement_time(Duration::from_secs(3));
    for (name, router) in &mut routers {
        group.bench_function(*name, |bencher| bencher.iter_custom(|n| time(router, usize::try_from(n).expect("it fits"))));
    }
    group.finish();
    // `cargo test --all-targets` runs this without the argument, and wants to know only that it works.
    if !wanted {
        return;
    }
    // By turns and in short runs, so that whatever else the machine does falls on all.
    let rounds: [[f64; 3]; ROUNDS] = std::array::from_fn(|_| {
        let mut seconds = [0.0; 3];
        for _ in 0..RUNS {
            for ((_, router), seconds) in routers.iter_mut().zip(&mut seconds) {
                *seconds += cpu_time(router, RUN);
            }
        }
        seconds
    });
    let [fixed, plain, ours] = [0, 1, 2].map(|which| count(RUNS * RUN) / median(rounds.iter().map(|round| round[which])));
    println!("handlers alone, requests per CPU second: fixed bytes {fixed:.0}, plain handler {plain:.0}, ours {ours:.0}");
    println!("handlers alone: {:.2} x the rate of fixed bytes, {:.2} x that of the plain handler", ours / fixed, ours / plain);
    let rates = |ours: f64, fixed: f64| format!("{ours:.0} against {fixed:.0} per CPU second");
    let goal = "price read, handlers alone without HTTP: at least 0.7 x a minimal one (CPU time)";
    report(goal, &rates(ours, fixed), ours / fixed, 0.7);

    let [fixed, _, ours] = routers.map(|(_, router)| Served::start(router));
    let rounds: Vec<_> = (0..ROUNDS).map(|_| [&fixed, &ours].map(|served| served.seconds_a_request(REQUESTS, asked))).collect();
    let [fixed, ours] = [0, 1].map(|which| 1.0 / median(rounds.iter().map(|round| round[which])));
    let goal = "price read over HTTP: at least 0.85 x the requests of a minimal axum handler (CPU time)";
    report(goal, &rates(ours, fixed), ours / fixed, 0.85);
}
