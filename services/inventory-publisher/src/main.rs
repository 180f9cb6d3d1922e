//! inventory-publisher as a Lambda function: `POST /v1/stock-changes` of the HTTP API.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use pricestream_aws::lambda::{Error, Function, run_router, warm};
use pricestream_aws::{Clients, DynamoStore, EventBridge, connect_queue, functions};
use pricestream_http::{Code, Problem, Token, Tokens, intake};
use pricestream_inventory_publisher::SERVICE;
use pricestream_inventory_publisher::door::Door;
use pricestream_telemetry::RequestCounters;

const PATH: &str = "/v1/stock-changes";

type Shared = Arc<(Door, Tokens, RequestCounters)>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (function, own) = Function::begin(SERVICE, functions::InventoryPublisher::read);
    let clients = Clients::of_environment();
    let records = DynamoStore::new(clients.dynamodb, own.tables);
    let bus = EventBridge::new(clients.eventbridge, own.bus);
    let (connected, (), ()) =
        tokio::join!(records.connect(), warm(bus.connect()), warm(connect_queue(&clients.sqs, &own.quarantine)));
    connected?;
    let tokens = Tokens { admin: own.admin_token.map(Token::of_sha256), ingest: own.ingest_token.map(Token::of_sha256) };
    let metrics = Arc::clone(&function.metrics);
    let requests = metrics.requests(PATH);
    let door = Door { records, bus, metrics, sqs: clients.sqs, quarantine: own.quarantine };
    let router = Router::new()
        .route(PATH, post(take))
        .fallback(async || Problem::new(Code::UnknownRoute, "this function takes stock changes alone").respond(PATH))
        .with_state(Arc::new((door, tokens, requests)));
    run_router(function, router).await
}

async fn take(State(shared): State<Shared>, request: Request) -> Response {
    let (door, tokens, requests) = &*shared;
    let taken = intake::take(door, tokens, &door.metrics, request).await;
    let response = taken.unwrap_or_else(|problem| problem.respond(PATH)).into_response();
    requests.count(response.status().as_u16());
    response
}
