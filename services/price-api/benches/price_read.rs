//! What a read of a price costs beside two axum handlers of the same route and the same bytes: one that answers them as
//! they are and looks at nothing, the least that axum can do; and one that looks the price up and serialises it.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode, header};
use axum::routing::get;
use axum::{Json, Router};
use criterion::{Criterion, criterion_group, criterion_main};
use pricestream_domain::{Currency, Money, PriceVersion, Sku};
use pricestream_event_schema::{LowStockV1, StockChange, TraceContext};
use pricestream_ports::memory::Memory;
use pricestream_ports::{Cache, CacheEntry, CacheWrite, IfAbsent, PortError, SystemClock};
use pricestream_price_api::{
    Api, Command, DeadLetterView, Desk, DeskError, Done, Ledger, PriceView, StockOutcome, StoreStatus, StreamHub, Tokens, World,
    router,
};
use pricestream_telemetry::Metrics;
use rustix::time::{ClockId, clock_gettime};
use tower::{Service, ServiceExt};

const SKUS: usize = 1_000;

/// Rounds of each handler, by turns; the medians count.
const ROUNDS: usize = 9;

/// A round is this many runs ...
const RUNS: usize = 100;

/// ... of this many reads, timed at once.
const RUN: usize = 500;

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
    async fn verify(&self) -> Result<pricestream_price_api::Verification, PortError> {
        Ok(pricestream_price_api::Verification::default())
    }
    async fn status(&self) -> Result<StoreStatus, PortError> {
        Ok(StoreStatus::default())
    }
}

fn sku(number: usize) -> Sku {
    Sku::new(&format!("SKU-{number:06}")).expect("a sample is legal")
}

fn cache() -> Shared {
    let entry = |number| CacheEntry {
        sku: sku(number),
        price_version: PriceVersion(1_234),
        price: Some(Money::new(19_99, Currency::EUR)),
        list_price: Some(Money::new(24_99, Currency::EUR)),
        since: "2026-11-22T08:00:00.123456Z".parse().expect("a sample is legal"),
    };
    Shared(std::sync::RwLock::new((0..SKUS).map(|number| (sku(number), Arc::new(entry(number)))).collect()))
}

fn ours() -> Router {
    let metrics = Arc::new(Metrics::default());
    router(Api::<Bench> {
        records: Arc::new(Memory::default()),
        documents: Arc::new(Memory::default()),
        cache: Arc::new(cache()),
        desk: Arc::new(Nobody),
        ledger: Arc::new(Nobody),
        hub: Arc::new(StreamHub::new(Arc::clone(&metrics), 1)),
        metrics,
        clock: Arc::new(SystemClock),
        tokens: Tokens::default(),
        ready: Arc::new(AtomicBool::new(true)),
    })
}

/// Answers bytes that were made beforehand.
fn fixed(body: &'static str) -> Router {
    let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], body) };
    Router::new().route("/v1/prices/{sku}", get(answer)).route("/healthz", get(|| async { "ok" }))
}

/// Looks the price up in a map, as anyone would write it.
fn plain() -> Router {
    async fn answer(State(cache): State<Arc<Shared>>, Path(sku): Path<Sku>) -> Result<Json<PriceView>, StatusCode> {
        let entry = cache.0.read().expect("no panic while held").get(&sku).cloned();
        entry.and_then(|entry| PriceView::of(&entry)).map(Json).ok_or(StatusCode::NOT_FOUND)
    }
    Router::new().route("/v1/prices/{sku}", get(answer)).with_state(Arc::new(cache()))
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
    let ours = ours();
    let response = ready(ours.clone().oneshot(request(0))).expect("infallible");
    let bytes = ready(axum::body::to_bytes(response.into_body(), 4_096)).expect("it fits");
    let body: &'static str = String::from_utf8(bytes.to_vec()).expect("JSON is UTF-8").leak();
    let mut routers = [("fixed bytes", fixed(body)), ("plain handler", plain()), ("GET /v1/prices/{sku}", ours)];
    let mut group = criterion.benchmark_group("price_read");
    group.sample_size(50).measurement_time(Duration::from_secs(3));
    for (name, router) in &mut routers {
        group.bench_function(*name, |bencher| bencher.iter_custom(|n| time(router, usize::try_from(n).expect("it fits"))));
    }
    group.finish();
    // `cargo test --all-targets` runs this without the argument, and wants to know only that it works.
    if !std::env::args().any(|argument| argument == "--bench") {
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
    let [fixed, plain, ours] = [0, 1, 2].map(|which| {
        let mut seconds = rounds.map(|round| round[which]);
        seconds.sort_by(f64::total_cmp);
        #[allow(clippy::cast_precision_loss, reason = "a small count")]
        let requests = (RUNS * RUN) as f64;
        requests / seconds[ROUNDS / 2]
    });
    let ratio = ours / fixed;
    println!("requests per CPU second: fixed bytes {fixed:.0}, plain handler {plain:.0}, ours {ours:.0}");
    println!("price read: {ratio:.2} x the rate of fixed bytes, {:.2} x that of the plain handler", ours / plain);
    let met = if ratio >= 0.7 { "met" } else { "MISSED" };
    println!(
        "BENCH\tprice read: at least 0.7 x the requests of a minimal axum handler (CPU time)\t{ours:.0} against {fixed:.0} per CPU second\t{ratio:.2}\t{met}"
    );
}

/// CPU seconds of this thread for `requests` reads, whose making is not counted.
fn cpu_time(router: &mut Router, requests: usize) -> f64 {
    let made: Vec<_> = (0..requests).map(request).collect();
    let began = clock_gettime(ClockId::ThreadCPUTime);
    for request in made {
        black_box(read(router, request));
    }
    let ended = clock_gettime(ClockId::ThreadCPUTime);
    #[allow(clippy::cast_precision_loss, reason = "a run is short")]
    let (seconds, nanos) = ((ended.tv_sec - began.tv_sec) as f64, (ended.tv_nsec - began.tv_nsec) as f64);
    seconds + nanos / 1e9
}

criterion_group!(benches, compare);
criterion_main!(benches);
