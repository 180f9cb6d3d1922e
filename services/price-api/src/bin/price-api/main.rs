//! price-api as a Lambda function: everything of the HTTP API but the live stream, which needs connections that stay open.

mod desk;
mod ledger;
mod reconcile;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pricestream_aws::lambda::{Error, Function, run_router, warm};
use pricestream_aws::{Clients, DeadLetters, DynamoStore, EventBridge, Queues, ValkeyCache, functions};
use pricestream_http::{Token, Tokens};
use pricestream_inventory_publisher::door::Door;
use pricestream_ports::{PolledSettings, SystemClock};
use pricestream_price_api::{Api, Circuit, Items, QuoteKey, StreamHub, World, router};

use crate::desk::PortsDesk;
use crate::ledger::PortsLedger;

const SERVICE: &str = "price-api";

/// The API on AWS.
struct Cloud;

impl World for Cloud {
    type Records = DynamoStore;
    type Documents = DynamoStore;
    type Settings = PolledSettings<DynamoStore>;
    type Cache = ValkeyCache;
    type Usage = DynamoStore;
    type Desk = PortsDesk;
    type Ledger = PortsLedger;
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (function, own) = Function::begin(SERVICE, functions::PriceApi::read);
    let clients = Clients::of_environment();
    let records = DynamoStore::new(clients.dynamodb, own.tables);
    let bus = EventBridge::new(clients.eventbridge, own.bus);
    let settings = Arc::new(PolledSettings::new(records.clone(), PolledSettings::<DynamoStore>::EVERY));
    let queues = Queues::new(clients.sqs.clone(), own.queues);
    let (quote_key, cache, (), (), ()) = tokio::join!(
        quote_key(&records),
        own.cache.open(&clients.config),
        function.poll(&settings),
        warm(bus.connect()),
        warm(queues.connect()),
    );
    let (quote_key, cache) = (quote_key?, Arc::new(cache?));

    let metrics = Arc::clone(&function.metrics);
    let dead_letters = DeadLetters::new(clients.sqs.clone(), own.dead_letters);
    let quarantine = dead_letters.quarantine().unwrap_or_default().to_owned();
    let door = Door { records: records.clone(), bus: bus.clone(), metrics: Arc::clone(&metrics), sqs: clients.sqs, quarantine };
    let desk = PortsDesk {
        door,
        records: records.clone(),
        bus,
        cache: Arc::clone(&cache),
        settings: Arc::clone(&settings),
        queues: queues.clone(),
        dead_letters: dead_letters.clone(),
        metrics: Arc::clone(&metrics),
    };
    let (cached, in_force) = (Arc::clone(&cache), Arc::clone(&settings));
    let ledger = PortsLedger { records: records.clone(), cache: cached, settings: in_force, queues, dead_letters };
    let records = Arc::new(records);
    let api = router::<Cloud>(Api {
        records: Arc::clone(&records),
        documents: Arc::clone(&records),
        settings: Arc::clone(&settings),
        items: Items::default(),
        circuit: Circuit::new(Arc::clone(&metrics)),
        cache,
        usage: records,
        desk: Arc::new(desk),
        ledger: Arc::new(ledger),
        hub: Arc::new(StreamHub::new(Arc::clone(&metrics), 0)),
        metrics,
        clock: Arc::new(SystemClock),
        quote_key,
        tokens: Tokens { admin: own.admin_token.map(Token::of_sha256), ingest: own.ingest_token.map(Token::of_sha256) },
        ready: Arc::new(AtomicBool::new(true)),
    });
    let polled = from_fn_with_state((function.clone(), settings), poll);
    run_router(function, api.layer(polled)).await
}

/// Settings are read anew before a request is answered, if it is time.
async fn poll(
    State((function, settings)): State<(Function, Arc<PolledSettings<DynamoStore>>)>,
    request: Request,
    next: Next,
) -> Response {
    function.poll(&settings).await;
    next.run(request).await
}

/// The key that all instances sign quotes with; the first instance of all makes it.
async fn quote_key(records: &DynamoStore) -> anyhow::Result<QuoteKey> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| anyhow::anyhow!("{error}")).context("making a key for quotes")?;
    let secrets = records.quote_secrets(|| STANDARD.encode(secret)).await?;
    let bytes = |text: &str| STANDARD.decode(text).context("the key for quotes is not base64: see terraform/README.md");
    let key = QuoteKey::new(&bytes(&secrets.current)?)?;
    match secrets.previous {
        Some(previous) => Ok(key.with_previous(&bytes(&previous)?)?),
        None => Ok(key),
    }
}
