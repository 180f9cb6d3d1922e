//! What a function tells of itself: once its answer is sent, and in a form that machines read.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};

use pricestream_domain::{SourceSeq, StockVersion};
use pricestream_event_schema::{StockChangedV1, TraceContext, encode};
use serde_json::{Value, json};

use crate::process::{Lambda, Running, alone, program_of};
use crate::support::{Cloud, PATIENCE, repository};

/// A collector of spans that takes whatever comes: its address, and the bodies.
fn collector() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = format!("http://{}", listener.local_addr().expect("it has an address"));
    let (sender, received) = channel();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut reader = BufReader::new(connection);
            let (mut length, mut line) = (0, String::new());
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap_or_default();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            if reader.read_exact(&mut body).is_ok() {
                let answer =
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                let _it_left = reader.get_mut().write_all(answer.as_bytes());
                let _nobody_listens_any_more = sender.send(String::from_utf8_lossy(&body).into_owned());
            }
        }
    });
    (address, received)
}

#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn metrics_and_spans_are_told_after_the_answer_and_every_line_is_json() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let folder = cloud.folder("telling");
    let Some(program) = program_of("pricing-calculator", &folder) else { return };
    let sku = cloud.new_items("told", 1).remove(0);
    cloud.until_quiet();
    let now = jiff::Timestamp::now();
    let event = StockChangedV1 {
        sku: pricestream_domain::Sku::new(&sku).expect("it is a SKU"),
        stock_version: StockVersion(1),
        on_hand: 100,
        quantity: None,
        cause: None,
        origin: "default".to_owned(),
        source_seq: SourceSeq(1),
        unit_price: None,
        occurred_at: now,
        committed_at: now,
    };
    let message = encode(&event, &TraceContext::root("told")).body().to_owned();
    let record = json!({ "messageId": "1", "body": message, "attributes": { "ApproximateReceiveCount": "1" } });
    let poison = json!({ "messageId": "2", "body": "poison", "attributes": { "ApproximateReceiveCount": "1" } });
    let lambda = Lambda::giving(json!({ "Records": [record, poison] }).to_string());
    let (endpoint, spans) = collector();
    let outputs = cloud.outputs();
    let mut variables: Vec<(String, String)> = outputs
        .tables
        .iter()
        .map(|(name, table)| (format!("PRICESTREAM_TABLE_{}", name.to_uppercase()), table.clone()))
        .collect();
    variables.extend(
        [
            ("PRICESTREAM_STAGE", "local"),
            ("PRICESTREAM_BUS", &outputs.bus_name),
            ("PRICESTREAM_QUEUE_QUARANTINE", &outputs.dead_letter_queues["quarantine"]),
            ("PRICESTREAM_LOG", "info"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("AWS_ENDPOINT_URL", cloud.endpoint()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let mut child = alone(&program, &lambda, &variables).stderr(Stdio::null()).spawn().expect("the program can be run");
    let lines = BufReader::new(child.stdout.take().expect("it is read here")).lines();
    let _calculator = Running(child);
    let mut metrics = BTreeSet::new();
    for line in lines.map_while(Result::ok) {
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("a line is no JSON: {line}"));
        let Some(directives) = told["_aws"]["CloudWatchMetrics"].as_array() else { continue };
        for directive in directives {
            assert_eq!(directive["Namespace"], "pricestream", "{line}");
            for metric in directive["Metrics"].as_array().expect("a directive has metrics") {
                let name = metric["Name"].as_str().expect("a metric has a name");
                assert!(!told[name].is_null(), "{name} has no value: {line}");
                metrics.insert(name.to_owned());
            }
        }
        if metrics.contains("pricestream_messages_quarantined") && metrics.contains("pricestream_decisions") {
            break;
        }
    }
    let asked = lambda.so_far();
    let answered = asked.iter().any(|(request, body)| request.starts_with("POST") && body.contains("batchItemFailures"));
    assert!(answered, "the metrics {metrics:?} were told before the answer: {asked:?}");
    let contract = std::fs::read_to_string(repository().join("terraform/contract.json")).expect("the contract is there");
    for name in &metrics {
        assert!(contract.contains(&format!("\"{name}\"")), "{name} is unknown to terraform/contract.json");
    }
    let span = spans.recv_timeout(PATIENCE).expect("spans are sent before the next event is asked for");
    assert!(span.contains("pricing-calculator") && span.contains(&sku), "{span}");
}
