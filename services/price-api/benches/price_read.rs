//! What a read of a price costs beside the least that axum can do: the same bytes from memory, same route.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use axum::routing::get;
use criterion::{Criterion, criterion_group, criterion_main};
use pricestream_domain::{Currency, Money, PriceVersion, Sku};
use pricestream_event_schema::{LowStockV1, StockChange, TraceContext};
use pricestream_ports::memory::Memory;
use pricestream_ports::{Cache, CacheEntry, CacheWrite, IfAbsent, PortError, SystemClock};
use pricestream_price_api::{
    Api, Command, DeadLetterView, Desk, DeskError, Done, Ledger, StockOutcome, StoreStatus, StreamHub, Tokens, World, router,
};
use pricestream_telemetry::Metrics;
use tower::{Service, ServiceExt};

const SKUS: usize = 1_000;

struct Bench;

impl World for Bench {
    type Records = Memory;
    type Documents = Memory;
    type Cache = Shared;
    type Desk = Nobody;
    type Ledger = Nobody;
}

/// A map behind a lock, as the embedded cache is.
struct Shared(std::sync::RwLock<std::collections::HashMap<Sku, Arc<CacheEntry>>>);

impl Cache for Shared {
    async fn get(&self, sku: &Sku) -> Result<Option<Arc<CacheEntry>>, PortError> {
        Ok(self.0.read().expect("no panic while held").get(sku).cloned())
    }
    async fn put_if_newer(&self, _: &CacheEntry, _: IfAbsent) -> Result<CacheWrite, PortError> {
        Ok(CacheWrite::Stale)
    }
}

struct Nobody;

impl Desk for Nobody {
    async fn stock_changes(&self, _: Vec<StockChange>, _: Option<TraceContext>) -> Result<Vec<StockOutcome>, DeskError> {
        Err(DeskError::Busy)
    }
    async fn quarantine(&self, _: Vec<(Vec<u8>, String)>) -> Result<(), DeskError> {
        Err(DeskError::Busy)
    }
    async fn command(&self, _: Command) -> Result<Done, DeskError> {
        Err(DeskError::Busy)
    }
}

impl Ledger for Nobody {
    async fn dead_letters(&self, _: Option<i64>, _: usize) -> Result<Vec<DeadLetterView>, PortError> {
        Ok(Vec::new())
    }
    async fn alerts(&self, _: usize) -> Result<Vec<LowStockV1>, PortError> {
        Ok(Vec::new())
    }
    async fn status(&self) -> Result<StoreStatus, PortError> {
        Ok(StoreStatus::default())
    }
}

fn sku(number: usize) -> Sku {
    Sku::new(&format!("SKU-{number:06}")).expect("a sample is legal")
}

fn ours() -> Router {
    let entry = |number| CacheEntry {
        sku: sku(number),
        price_version: PriceVersion(1_234),
        price: Some(Money::new(19_99, Currency::EUR)),
        list_price: Some(Money::new(24_99, Currency::EUR)),
        since: "2026-11-22T08:00:00.123456Z".parse().expect("a sample is legal"),
    };
    let entries = (0..SKUS).map(|number| (sku(number), Arc::new(entry(number)))).collect();
    let metrics = Arc::new(Metrics::default());
    router(Api::<Bench> {
        records: Arc::new(Memory::default()),
        documents: Arc::new(Memory::default()),
        cache: Arc::new(Shared(std::sync::RwLock::new(entries))),
        desk: Arc::new(Nobody),
        ledger: Arc::new(Nobody),
        hub: Arc::new(StreamHub::new(Arc::clone(&metrics), 1)),
        metrics,
        clock: Arc::new(SystemClock),
        tokens: Tokens::default(),
        ready: Arc::new(AtomicBool::new(true)),
    })
}

/// As many routes, one of which answers bytes that were made beforehand.
fn minimal(body: &'static str) -> Router {
    let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], body) };
    Router::new().route("/v1/prices/{sku}", get(answer)).route("/healthz", get(|| async { "ok" }))
}

fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing waits here"),
    }
}

fn request(number: usize) -> Request<Body> {
    let path = format!("/v1/prices/SKU-{:06}", number % SKUS);
    Request::get(path).header(header::HOST, "localhost").body(Body::empty()).expect("a sample is legal")
}

fn read(router: &mut Router, request: Request<Body>) -> usize {
    let response = ready(router.as_service().ready()).and_then(|service| ready(service.call(request))).expect("infallible");
    assert!(response.status().is_success());
    ready(axum::body::to_bytes(response.into_body(), 4_096)).expect("it fits").len()
}

/// Seconds for `requests` reads, whose making is not counted.
fn time(router: &mut Router, requests: usize) -> Duration {
    let made: Vec<_> = (0..requests).map(request).collect();
    let began = Instant::now();
    for request in made {
        black_box(read(router, request));
    }
    began.elapsed()
}

fn compare(criterion: &mut Criterion) {
    let mut ours = ours();
    let response = ready(ours.clone().oneshot(request(0))).expect("infallible");
    let bytes = ready(axum::body::to_bytes(response.into_body(), 4_096)).expect("it fits");
    let body: &'static str = String::from_utf8(bytes.to_vec()).expect("JSON is UTF-8").leak();
    let mut minimal = minimal(body);
    let mut group = criterion.benchmark_group("price_read");
    group.sample_size(50).measurement_time(Duration::from_secs(3));
    group.bench_function("minimal axum", |bencher| {
        bencher.iter_custom(|n| time(&mut minimal, usize::try_from(n).expect("it fits")))
    });
    group.bench_function("GET /v1/prices/{sku}", |bencher| {
        bencher.iter_custom(|n| time(&mut ours, usize::try_from(n).expect("it fits")))
    });
    group.finish();
    // By turns and in short runs, so that whatever else the machine does falls on both; the least of each is its cost.
    const RUN: usize = 500;
    let mut least = [Duration::MAX; 2];
    for _ in 0..2_000 {
        for (router, least) in [&mut minimal, &mut ours].into_iter().zip(&mut least) {
            *least = (*least).min(time(router, RUN));
        }
    }
    let [minimal, ours] = least.map(|time| time.as_secs_f64() / RUN as f64 * 1e9);
    println!("minimal {minimal:.0} ns, ours {ours:.0} ns, ratio {:.2} (at most 1.43)", ours / minimal);
}

criterion_group!(benches, compare);
criterion_main!(benches);
