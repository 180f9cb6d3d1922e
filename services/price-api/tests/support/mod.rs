//! The API over the ports in memory, with the real handlers behind its desk.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use pricestream_cache_writer::CacheWriter;
use pricestream_domain::Sku;
use pricestream_event_schema::{LowStockV1, StockChange, TraceContext, patterns};
use pricestream_inventory_publisher::{TimeLimits, answer, publish};
use pricestream_ports::memory::Memory;
use pricestream_ports::{
    Cache, CacheEntry, CacheWrite, IfAbsent, PolledSettings, PortError, QueueSettings, RecordReads, Settings, Usage,
};
use pricestream_price_api::{
    Api, Circuit, Code, Command, DeadLetterView, Desk, DeskError, Done, Intake, Items, Ledger, OrderCommand, OrderDone, Problem,
    QuoteKey, StockOutcome, StoreStatus, StreamHub, Token, Tokens, Verification, Verify, World, execute, execute_order, router,
};
use pricestream_pricing_calculator::PricingCalculator;
use pricestream_reconciler::{Progress, Reconciler};
use pricestream_telemetry::Metrics;
use serde_json::{Value, json};
use tower::ServiceExt;

pub struct InMemory;

impl World for InMemory {
    type Records = Memory;
    type Documents = Memory;
    type Settings = PolledSettings<Memory>;
    type Cache = Listened;
    type Usage = Memory;
    type Desk = TestDesk;
    type Ledger = TestDesk;
}

/// The cache in memory, with the hub told of each entry that it takes.
#[derive(Clone)]
pub struct Listened {
    pub memory: Memory,
    pub hub: Arc<StreamHub>,
    /// Taken by the cache while the next read is on its way back.
    pub meanwhile: Arc<Mutex<Option<CacheEntry>>>,
}

impl Cache for Listened {
    async fn get(&self, sku: &Sku) -> Result<Option<Arc<CacheEntry>>, PortError> {
        let read = self.memory.get(sku).await;
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(entry) = meanwhile {
            self.put_if_newer(&entry, IfAbsent::Write).await?;
        }
        read
    }
    async fn put_if_newer(&self, entry: &CacheEntry, if_absent: IfAbsent) -> Result<CacheWrite, PortError> {
        let written = self.memory.put_if_newer(entry, if_absent).await?;
        if written == CacheWrite::Applied {
            self.hub.publish(&Arc::new(entry.clone()));
        }
        Ok(written)
    }
}

pub struct TestDesk {
    pub memory: Memory,
    pub cache: Listened,
    pub settings: Arc<PolledSettings<Memory>>,
    pub metrics: Arc<Metrics>,
    pub aside: Mutex<Vec<(Vec<u8>, String)>>,
    pub traces: Mutex<Vec<Option<TraceContext>>>,
    pub busy: AtomicBool,
    pub full: AtomicBool,
}

impl TestDesk {
    fn admit(&self) -> Result<(), DeskError> {
        if self.busy.load(Ordering::Relaxed) {
            return Err(DeskError::Busy);
        }
        if self.full.load(Ordering::Relaxed) { Err(DeskError::Failed("the disk is full".into())) } else { Ok(()) }
    }

    /// Handles everything that is in the queues.
    pub async fn settle(&self) {
        let calculator = PricingCalculator {
            records: &self.memory,
            bus: &self.memory,
            settings: &*self.settings,
            clock: &self.memory,
            metrics: &self.metrics,
        };
        let writer = CacheWriter { records: &self.memory, cache: &self.cache, clock: &self.memory, metrics: &self.metrics };
        loop {
            let (pricing, caching) = (self.memory.receive("pricing-calculator", 100), self.memory.receive("cache-writer", 100));
            if pricing.is_empty() && caching.is_empty() {
                return;
            }
            self.memory.finish("pricing-calculator", &pricing, &calculator.handle(&pricing).await);
            self.memory.finish("cache-writer", &caching, &writer.handle(&caching).await);
        }
    }

    async fn reconcile(&self) -> Done {
        let reconciler = Reconciler {
            records: &self.memory,
            bus: &self.memory,
            cache: &self.cache,
            settings: &*self.settings,
            clock: &self.memory,
            metrics: &self.metrics,
        };
        let Progress { findings: found, tally, .. } = reconciler.step(Progress::default(), Duration::ZERO).await.unwrap();
        self.settle().await;
        if let Some(tally) = tally
            && reconciler.stop_if_harmful(&tally, &self.memory).await.unwrap()
        {
            reconciler.run(Duration::ZERO).await.unwrap();
            self.settle().await;
        }
        let (looked_at, records_behind, cache_behind) = (found.looked_at, found.records_behind, found.cache_behind);
        Done::Reconciled { looked_at, records_behind, cache_behind, finished: true }
    }
}

impl Intake for TestDesk {
    async fn stock_changes(
        &self,
        changes: Vec<StockChange>,
        trace: Option<TraceContext>,
    ) -> Result<Vec<StockOutcome>, DeskError> {
        self.admit()?;
        self.traces.lock().unwrap().push(trace.clone());
        let limits = TimeLimits::live();
        let mut outcomes = Vec::new();
        for change in &changes {
            let published =
                publish(&self.memory, &self.memory, &self.memory, &self.metrics, Some(&limits), trace.as_ref(), change).await;
            outcomes.push(answer(published)?);
        }
        self.settle().await;
        Ok(outcomes)
    }

    async fn quarantine(&self, items: Vec<(Vec<u8>, String)>) -> Result<(), DeskError> {
        self.aside.lock().unwrap().extend(items);
        Ok(())
    }
}

impl Desk for TestDesk {
    async fn order(&self, command: OrderCommand) -> Result<OrderDone, DeskError> {
        self.admit()?;
        let now = self.memory.tables().now;
        self.metrics.reservations.expired.inc_by(self.memory.sweep(now, 100).await? as u64);
        Ok(execute_order(command, &self.memory, &self.memory, &self.metrics, now).await?)
    }

    async fn command(&self, command: Command) -> Result<Done, DeskError> {
        self.admit()?;
        let memory = &self.memory;
        match command {
            Command::Change(change) => {
                let done = execute(change, memory, memory, memory, &*self.settings, memory).await?;
                self.settle().await;
                if done.needs_reconcile() {
                    self.reconcile().await;
                }
                Ok(done)
            }
            Command::Redrive { id: 7 } => Ok(Done::Redriven { queue: "stock-changes".into() }),
            Command::Redrive { id } => {
                Err(DeskError::Refused(Problem::new(Code::UnknownDeadLetter, format!("{id} is no dead letter"))))
            }
            Command::Reconcile => Ok(self.reconcile().await),
        }
    }
}

impl Ledger for TestDesk {
    async fn dead_letters(&self, _: Option<i64>, most: usize) -> Result<Vec<DeadLetterView>, PortError> {
        let aside = self.aside.lock().unwrap();
        let letters = aside.iter().zip(1..).map(|((body, reason), id)| DeadLetterView {
            id,
            queue: "stock-changes".into(),
            body: String::from_utf8_lossy(body).into_owned(),
            reason: reason.clone(),
            receive_count: 0,
            at: self.memory.tables().now,
        });
        Ok(letters.take(most).collect())
    }
    async fn alerts(&self, _: usize) -> Result<Vec<LowStockV1>, PortError> {
        Ok(Vec::new())
    }
    async fn verify(&self, after: Option<Sku>) -> Result<Verification, PortError> {
        let (settings, now) = (self.settings.current(), self.memory.tables().now);
        let verify = Verify { records: &self.memory, cache: &self.cache, settings: &settings, now };
        verify.some(after, || true, Duration::ZERO).await
    }
    async fn status(&self) -> Result<StoreStatus, PortError> {
        let products = self.memory.tables().products.len() as u64;
        Ok(StoreStatus { products, ..StoreStatus::default() })
    }
}

pub struct Server {
    pub router: Router,
    pub memory: Memory,
    pub cache: Listened,
    pub desk: Arc<TestDesk>,
    pub hub: Arc<StreamHub>,
    pub metrics: Arc<Metrics>,
    pub ready: Arc<AtomicBool>,
    pub tokens: Tokens,
}

/// What the server signs with.
pub fn quote_key() -> QuoteKey {
    QuoteKey::new(b"a key that every test may know, 32").unwrap()
}

pub const ADMIN: &str = "the-admin-token";

/// With a strategies document and the SKUs `A` to `D` at a list price of 10.00 USD, `N` without a floor.
pub async fn server() -> Server {
    let server = bare(Tokens { admin: Some(Token::new(ADMIN)), ingest: None });
    assert_eq!(server.admin(Method::PUT, "/v1/admin/strategies?by=test", STRATEGIES).await.0, StatusCode::OK);
    let lines: Vec<Value> = ["A", "B", "C", "D"].iter().map(|sku| line(sku, 1_000)).collect();
    assert_eq!(server.admin(Method::POST, "/v1/admin/catalogue", &json!(lines).to_string()).await.0, StatusCode::OK);
    let without_floor = json!({ "sku": "N", "list_price": { "minor": 1_000, "currency": "USD" } });
    assert_eq!(server.admin(Method::POST, "/v1/admin/catalogue", &without_floor.to_string()).await.0, StatusCode::OK);
    server
}

pub const STRATEGIES: &str = r#"{"version":1,"strategies":{"steady":{"kind":"fixed_list"}},"default":{"strategy":"steady"}}"#;

/// With nothing in it.
pub fn bare(tokens: Tokens) -> Server {
    let memory = Memory::default();
    memory.tables().now = "2026-11-22T08:00:00Z".parse().unwrap();
    memory.subscribe("pricing-calculator", patterns::PRICING_CALCULATOR, QueueSettings::default());
    memory.subscribe("cache-writer", patterns::CACHE_WRITER, QueueSettings::default());
    let metrics = Arc::new(Metrics::default());
    let hub = Arc::new(StreamHub::new(Arc::clone(&metrics), 100));
    let cache = Listened { memory: memory.clone(), hub: Arc::clone(&hub), meanwhile: Arc::default() };
    let desk = Arc::new(TestDesk {
        memory: memory.clone(),
        cache: cache.clone(),
        settings: Arc::new(PolledSettings::new(memory.clone(), Duration::ZERO)),
        metrics: Arc::clone(&metrics),
        aside: Mutex::default(),
        traces: Mutex::default(),
        busy: AtomicBool::new(false),
        full: AtomicBool::new(false),
    });
    let ready = Arc::new(AtomicBool::new(false));
    let mut server = Server { router: Router::new(), memory, cache, desk, hub, metrics, ready, tokens };
    server.router = router(server.api());
    server
}

/// What a problem is of.
pub fn kind(answer: &Value) -> &str {
    answer["type"].as_str().unwrap_or("-").trim_start_matches("urn:pricestream:problem:")
}

/// A catalogue line with a floor.
pub fn line(sku: &str, list: i64) -> Value {
    let usd = |minor: i64| json!({ "minor": minor, "currency": "USD" });
    json!({ "sku": sku, "list_price": usd(list), "floor": usd(1) })
}

/// A stock change that occurs now.
pub fn change(sku: &str, seq: u64, on_hand: u64) -> Value {
    json!({ "sku": sku, "on_hand": on_hand, "source_seq": seq, "occurred_at": "2026-11-22T08:00:00Z" })
}

impl Server {
    /// What its routes work on.
    pub fn api(&self) -> Api<InMemory> {
        Api {
            records: Arc::new(self.memory.clone()),
            documents: Arc::new(self.memory.clone()),
            settings: Arc::clone(&self.desk.settings),
            items: Items::default(),
            circuit: Circuit::new(Arc::clone(&self.metrics)),
            cache: Arc::new(self.cache.clone()),
            usage: Arc::new(self.memory.clone()),
            desk: Arc::clone(&self.desk),
            ledger: Arc::clone(&self.desk),
            hub: Arc::clone(&self.hub),
            metrics: Arc::clone(&self.metrics),
            clock: Arc::new(self.memory.clone()),
            quote_key: quote_key(),
            tokens: self.tokens.clone(),
            ready: Arc::clone(&self.ready),
        }
    }

    pub async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub async fn json(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.send(request).await;
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned())))
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.json(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        self.json(Request::post(path).header(header::CONTENT_TYPE, "application/json").body(body.into()).unwrap()).await
    }

    pub async fn admin(&self, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
        let request = request.header(header::AUTHORIZATION, format!("Bearer {ADMIN}"));
        self.json(request.body(body.to_owned().into()).unwrap()).await
    }

    /// Changes the list price, so that the price follows.
    pub async fn set_price(&self, sku: &str, minor: i64) {
        let (status, answer) = self.admin(Method::POST, "/v1/admin/catalogue", &line(sku, minor).to_string()).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }

    pub async fn stored_version(&self, sku: &str) -> u64 {
        self.memory.price(&Sku::new(sku).unwrap()).await.unwrap().unwrap().price_version.0
    }
}
