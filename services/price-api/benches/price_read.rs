//! What a read of a price costs beside two axum handlers of the same route and the same bytes: one that answers them as
//! they are and looks at nothing, the least that axum can do; and one that looks the price up and serialises it. First
//! the handlers alone, called without a socket; then served over HTTP.

use std::cell::RefCell;
use std::future::Future;
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
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
use pricestream_ports::{Cache, CacheEntry, CacheWrite, Clock, IfAbsent, PolledSettings, PortError, SystemClock};
use pricestream_price_api::{
    Api, Circuit, Command, DeadLetterView, Desk, DeskError, Done, Intake, Items, Ledger, OrderCommand, OrderDone, PriceView,
    QuoteKey, StockOutcome, StoreStatus, StreamHub, Tokens, World, router,
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
    type Settings = PolledSettings<Memory>;
    type Cache = Shared;
    type Usage = Memory;
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

impl Intake for Nobody {
    async fn stock_changes(&self, _: Vec<StockChange>, _: Option<TraceContext>) -> Result<Vec<StockOutcome>, DeskError> {
        Err(DeskError::Busy)
    }
    async fn quarantine(&self, _: Vec<(Vec<u8>, String)>) -> Result<(), DeskError> {
        Err(DeskError::Busy)
    }
}

impl Desk for Nobody {
    async fn order(&self, _: OrderCommand) -> Result<OrderDone, DeskError> {
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
    async fn verify(&self, _: Option<pricestream_domain::Sku>) -> Result<pricestream_price_api::Verification, PortError> {
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
        lane: None,
    };
    Shared(std::sync::RwLock::new((0..SKUS).map(|number| (sku(number), Arc::new(entry(number)))).collect()))
}

fn ours() -> Router {
    let metrics = Arc::new(Metrics::default());
    router(Api::<Bench> {
        records: Arc::new(Memory::default()),
        documents: Arc::new(Memory::default()),
        settings: Arc::new(PolledSettings::new(Memory::default(), PolledSettings::<Memory>::EVERY)),
        items: Items::default(),
        circuit: Circuit::new(Arc::clone(&metrics)),
        cache: Arc::new(cache()),
        usage: Arc::new(Memory::default()),
        desk: Arc::new(Nobody),
        ledger: Arc::new(Nobody),
        hub: Arc::new(StreamHub::new(Arc::clone(&metrics), 1)),
        metrics,
        clock: Arc::new(SystemClock),
        quote_key: QuoteKey::new(&[0; 32]).expect("it is long enough"),
        tokens: Tokens::default(),
        ready: Arc::new(AtomicBool::new(true)),
    })
}

/// Answers the bytes of our own answer, which were made beforehand: body and headers.
fn fixed(body: &'static str) -> Router {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache"), (header::ETAG, "\"1234\"")];
    let answer = move || async move { (headers, body) };
    Router::new().route("/v1/prices/{sku}", get(answer)).route("/healthz", get(|| async { "ok" }))
}

/// Looks the price up in a map, as anyone would write it.
fn plain() -> Router {
    async fn answer(State(cache): State<Arc<Shared>>, Path(sku): Path<Sku>) -> Result<Json<PriceView>, StatusCode> {
        let entry = cache.0.read().expect("no panic while held").get(&sku).cloned();
        entry.and_then(|entry| PriceView::at(&entry, SystemClock.now())).map(Json).ok_or(StatusCode::NOT_FOUND)
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
    println!("handlers alone, requests per CPU second: fixed bytes {fixed:.0}, plain handler {plain:.0}, ours {ours:.0}");
    println!("handlers alone: {ratio:.2} x the rate of fixed bytes, {:.2} x that of the plain handler", ours / plain);
    report("price read, handlers alone without HTTP: at least 0.7 x a minimal one (CPU time)", ours, fixed);

    let [fixed, _, ours] = routers.map(|(_, router)| Served::start(router));
    let rounds: [[f64; 2]; ROUNDS] = std::array::from_fn(|_| [&fixed, &ours].map(Served::seconds_a_request));
    let [fixed, ours] = [0, 1].map(|which| {
        let mut seconds = rounds.map(|round| round[which]);
        seconds.sort_by(f64::total_cmp);
        1.0 / seconds[ROUNDS / 2]
    });
    report("price read over HTTP: at least 0.7 x the requests of a minimal axum handler (CPU time)", ours, fixed);
}

/// A line of the table that `make bench` ends with.
fn report(goal: &str, ours: f64, fixed: f64) {
    let ratio = ours / fixed;
    let met = if ratio >= 0.7 { "met" } else { "MISSED" };
    println!("BENCH\t{goal}\t{ours:.0} against {fixed:.0} per CPU second\t{ratio:.2}\t{met}");
}

/// Connections of a served round; each has one request under way.
const CONNECTIONS: usize = 32;

/// Requests of a connection in a round.
const REQUESTS: usize = 500;

/// A router behind a port, on a thread of its own whose CPU time `/cpu` tells.
struct Served {
    connections: RefCell<Vec<TcpStream>>,
}

impl Served {
    fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let router = router.route("/cpu", get(|| async { cpu_clock().to_string() }));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime starts");
            runtime.block_on(async move {
                listener.set_nonblocking(true).expect("a socket can be");
                let listener = tokio::net::TcpListener::from_std(listener).expect("it is one");
                axum::serve(listener, router).await.expect("it serves until the process ends");
            });
        });
        let connect = |_| TcpStream::connect(address).expect("it listens");
        Self { connections: RefCell::new((0..CONNECTIONS).map(connect).collect()) }
    }

    /// CPU seconds of the serving thread for one request: parsing, handling, and the calls of the system.
    fn seconds_a_request(&self) -> f64 {
        let mut connections = self.connections.borrow_mut();
        let mut buffer = [0; 2_048];
        let began = cpu_of(&mut connections[0], &mut buffer);
        for number in 0..REQUESTS {
            for (place, connection) in connections.iter_mut().enumerate() {
                let sku = (number * CONNECTIONS + place) % SKUS;
                let request = format!("GET /v1/prices/SKU-{sku:06} HTTP/1.1\r\nhost: localhost\r\n\r\n");
                connection.write_all(request.as_bytes()).expect("the server reads");
            }
            for connection in connections.iter_mut() {
                let read = connection.read(&mut buffer).expect("the server answers");
                assert!(buffer[..read].starts_with(b"HTTP/1.1 200") && buffer[..read].ends_with(b"}"), "one whole answer");
            }
        }
        let ended = cpu_of(&mut connections[0], &mut buffer);
        #[allow(clippy::cast_precision_loss, reason = "a small count")]
        let requests = (REQUESTS * CONNECTIONS) as f64;
        (ended - began) / requests
    }
}

fn cpu_of(connection: &mut TcpStream, buffer: &mut [u8]) -> f64 {
    connection.write_all(b"GET /cpu HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("the server reads");
    let read = connection.read(buffer).expect("the server answers");
    let answer = str::from_utf8(&buffer[..read]).expect("it is text");
    answer.rsplit("\r\n").next().and_then(|body| body.parse().ok()).expect("it is a number")
}

/// CPU seconds of this thread for `requests` reads, whose making is not counted.
fn cpu_time(router: &mut Router, requests: usize) -> f64 {
    let made: Vec<_> = (0..requests).map(request).collect();
    let began = cpu_clock();
    for request in made {
        black_box(read(router, request));
    }
    cpu_clock() - began
}

/// CPU seconds of this thread so far.
fn cpu_clock() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    #[allow(clippy::cast_precision_loss, reason = "a thread of a benchmark is young")]
    let (seconds, nanos) = (time.tv_sec as f64, time.tv_nsec as f64);
    seconds + nanos / 1e9
}

criterion_group!(benches, compare);
criterion_main!(benches);
