//! One trace follows a stock change through every hop, to a collector.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;
use ureq::http::Method;

use crate::process::{Files, PATIENCE, Server, change};

/// A collector that keeps what it is sent.
fn collector() -> (String, Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, received) = channel();
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(&connection);
                loop {
                    let mut head = Vec::new();
                    loop {
                        let mut line = String::new();
                        if !reader.read_line(&mut line).is_ok_and(|read| read > 0) {
                            return;
                        }
                        if line == "\r\n" {
                            break;
                        }
                        head.push(line.trim().to_ascii_lowercase());
                    }
                    let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
                    let mut body = vec![0; length.parse().unwrap()];
                    reader.read_exact(&mut body).unwrap();
                    let told = sender.send((head[0].clone(), serde_json::from_slice(&body).unwrap()));
                    (&connection)
                        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
                        .unwrap();
                    if told.is_err() {
                        return; // the test has moved on
                    }
                }
            });
        }
    });
    (address, received)
}

/// A span as it was sent: its trace, its id, its parent's.
#[derive(Clone, Debug)]
struct Span {
    trace: String,
    id: String,
    parent: String,
}

fn spans(body: &Value) -> Vec<(String, String, Span)> {
    let each = |value: &Value, field: &str| value[field].as_array().cloned().unwrap_or_default();
    let resources = each(body, "resourceSpans");
    let scopes: Vec<Value> = resources.iter().flat_map(|resource| each(resource, "scopeSpans")).collect();
    let spans = scopes.iter().flat_map(|scope| each(scope, "spans"));
    spans
        .map(|span| {
            let text = |field: &str| span[field].as_str().unwrap_or_default().to_owned();
            let sku = span["attributes"][0]["value"]["stringValue"].as_str().unwrap_or_default().to_owned();
            (text("name"), sku, Span { trace: text("traceId"), id: text("spanId"), parent: text("parentSpanId") })
        })
        .collect()
}

#[test]
fn a_posted_trace_goes_through_every_hop_and_each_names_the_one_before() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const CALLER: &str = "00f067aa0ba902b7";
    let (address, received) = collector();
    let files = Files::with(&["A"]);
    let mut command = files.up();
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &address).env("OTEL_BSP_SCHEDULE_DELAY", "100");
    command.env("PRICESTREAM_LOG", "error"); // what is logged does not decide what is traced
    let server = Server::start(command);
    let mut request = server.request(&Method::POST, "/v1/stock-changes", change("A", 1, 9).to_string());
    request.headers_mut().insert("traceparent", format!("00-{TRACE}-{CALLER}-01").parse().unwrap());
    request.headers_mut().insert("tracestate", "shop=7".parse().unwrap());
    assert_eq!(server.try_ask(request).unwrap().status, 200);

    let hops = ["inventory-publisher", "pricing-calculator", "cache-writer"];
    let mut found = BTreeMap::new();
    while !hops.iter().all(|hop| found.contains_key(*hop)) {
        let (path, body) = received.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("only {found:?} came"));
        assert_eq!(path, "post /v1/traces http/1.1");
        for (name, sku, span) in spans(&body) {
            if span.trace == TRACE {
                assert_eq!(sku, "A");
                found.insert(name, span);
            }
        }
    }
    let mut parent = CALLER.to_owned();
    for hop in hops {
        let span = &found[hop];
        assert_eq!(span.parent, parent, "{hop} names the hop before: {found:?}");
        parent.clone_from(&span.id);
    }
    assert!(server.terminate().success());
}

#[test]
fn a_collector_that_is_not_there_costs_nothing() {
    let files = Files::with(&["A"]);
    let mut command = files.up();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(); // nobody listens there any more
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{port}")).env("OTEL_BSP_SCHEDULE_DELAY", "50");
    let server = Server::start(command);
    for seq in 1..=20 {
        assert_eq!(server.change(&change("A", seq, 20 - seq)).status, 200);
    }
    server.shows("A", 1_050, PATIENCE);
    assert!(server.terminate().success());
}
