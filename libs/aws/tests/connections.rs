//! No handler opens a connection: each was opened before the first event (a TLS handshake takes most of a second on a small function).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use axum::http::StatusCode;
use axum::serve::ListenerExt;
use pricestream_aws::{DynamoStore, EventBridge, Queues, SnsAlerts, Tables, quarantine};
use pricestream_domain::Sku;
use pricestream_event_schema::{LowStockV1, RepriceRequestedV1, TraceContext, encode};
use pricestream_ports::{Alerts, Bus, RecordReads};
use serde_json::json;

/// Something that speaks HTTP and refuses everything; counts the connections that it accepts.
async fn refusing() -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepted = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&accepted);
    let listener = listener.tap_io(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let refuse = || async { (StatusCode::BAD_REQUEST, r#"{"__type":"ValidationException","message":"no"}"#) };
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(refuse)).await });
    (format!("http://{address}"), accepted)
}

fn config(endpoint: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(Credentials::new(
            "a", "b", None, None, "test",
        )))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

#[tokio::test]
async fn what_was_connected_at_the_start_opens_no_connection_later() {
    let sku = Sku::new("A").unwrap();
    let (endpoint, accepted) = refusing().await;
    let tables = Tables { prices: "prices".to_owned(), ..Tables::default() };
    let records = DynamoStore::new(aws_sdk_dynamodb::Client::new(&config(&endpoint)), tables);
    records.connect().await.unwrap_err();
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
    records.price(&sku).await.unwrap_err();
    assert_eq!(accepted.load(Ordering::SeqCst), 1, "DynamoDB");

    let (endpoint, accepted) = refusing().await;
    let bus = EventBridge::new(aws_sdk_eventbridge::Client::new(&config(&endpoint)), "bus");
    bus.connect().await;
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
    let request = json!({ "sku": "A", "cause": "due", "record_rev": 1, "requested_at": "2026-11-22T08:00:00Z" });
    let request: RepriceRequestedV1 = serde_json::from_value(request).unwrap();
    bus.publish(&[encode(&request, &TraceContext::root("test"))]).await.unwrap_err();
    assert_eq!(accepted.load(Ordering::SeqCst), 1, "EventBridge");

    let (endpoint, accepted) = refusing().await;
    let client = aws_sdk_sqs::Client::new(&config(&endpoint));
    let queues = Queues::new(client.clone(), [("pricing-calculator".to_owned(), format!("{endpoint}/queue"))].into());
    queues.connect().await;
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
    queues.send("pricing-calculator", "{}", Duration::ZERO).await.unwrap_err();
    quarantine(&client, &format!("{endpoint}/quarantine"), "queue", "{}", "why", 1).await.unwrap_err();
    assert_eq!(accepted.load(Ordering::SeqCst), 1, "SQS");

    let (endpoint, accepted) = refusing().await;
    let alerts = SnsAlerts::new(aws_sdk_sns::Client::new(&config(&endpoint)), "arn:aws:sns:eu-west-1:0:low", records);
    alerts.connect().await;
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
    let alert = json!({
        "sku": "A", "name": "", "episode": 1, "on_hand": 3, "at": 5, "stock_version": 2, "occurred_at": "2026-11-22T08:00:00Z",
    });
    let alert: LowStockV1 = serde_json::from_value(alert).unwrap();
    alerts.notify(&alert).await.unwrap_err();
    assert_eq!(accepted.load(Ordering::SeqCst), 1, "SNS");
}
