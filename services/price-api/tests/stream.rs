//! The live stream over the router: snapshot, changes, frames, heartbeat.

mod support;

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{Method, Request, header};
use pricestream_domain::Sku;
use pricestream_ports::{Cache, CacheEntry};
use support::{Server, server};
use tokio::time::{Instant, timeout};

struct Stream(Body);

impl Stream {
    async fn open(server: &Server, path: &str) -> Self {
        let response = server.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Self(response.into_body())
    }

    async fn frame(&mut self) -> Option<String> {
        let frame = poll_fn(|context| Pin::new(&mut self.0).poll_frame(context)).await?;
        Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
    }

    async fn nothing(&mut self, time: Duration) -> bool {
        timeout(time, self.frame()).await.is_err()
    }
}

/// `(event, id)` of each event of a frame.
fn events(frame: &str) -> Vec<(&str, &str)> {
    let mut events = Vec::new();
    for event in frame.split("\n\n") {
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("");
        if !field("event: ").is_empty() {
            events.push((field("event: "), field("id: ")));
        }
    }
    events
}

#[tokio::test(start_paused = true)]
async fn a_stream_opens_with_a_snapshot_in_one_frame_and_then_sends_changes() {
    let server = server().await;
    let mut all = Stream::open(&server, "/v1/stream").await;
    let first = all.frame().await.unwrap();
    let retry: u64 = first.lines().next().unwrap().strip_prefix("retry: ").unwrap().parse().unwrap();
    assert!((1_000..5_000).contains(&retry), "{retry}");
    let mut got = events(&first);
    got.sort_unstable();
    assert_eq!(got, [("price", "A:1"), ("price", "B:1"), ("price", "C:1"), ("price", "D:1")]);
    let data = first.lines().find_map(|line| line.strip_prefix("data: ").filter(|data| data.contains("\"A\""))).unwrap();
    let mut read = server.get("/v1/prices/A").await.1;
    read.as_object_mut().unwrap().remove("payable"); // of an instant: the stream gives the lane
    assert_eq!(serde_json::from_str::<serde_json::Value>(data).unwrap(), read);

    server.set_price("A", 2_000).await;
    server.admin(Method::DELETE, "/v1/admin/catalogue/B", "").await;
    assert_eq!(events(&all.frame().await.unwrap()), [("price", "A:2"), ("withdrawn", "B:2")], "together in one frame");
    assert!(all.nothing(Duration::from_secs(1)).await);
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_some_skus_names_the_unknown_ones_and_hears_of_no_other() {
    let server = server().await;
    let mut some = Stream::open(&server, "/v1/stream?skus=A,ZZZ,N").await;
    let first = some.frame().await.unwrap();
    assert_eq!(events(&first), [("unknown", ""), ("price", "A:1")]);
    assert!(first.contains(r#""skus":["ZZZ"]"#), "{first}");
    server.set_price("B", 2_000).await;
    assert!(some.nothing(Duration::from_secs(1)).await);
    server.set_price("N", 3_000).await; // with a floor now
    assert_eq!(events(&some.frame().await.unwrap()), [("price", "N:1")], "a first price comes when there is one");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_the_newest_only_and_its_loss_is_counted() {
    let server = server().await;
    let mut slow = Stream::open(&server, "/v1/stream?skus=A").await;
    slow.frame().await.unwrap();
    for minor in 2_001..=2_050 {
        server.set_price("A", minor).await;
    }
    let frame = slow.frame().await.unwrap();
    assert_eq!(events(&frame), [("price", "A:51")]);
    assert!(frame.contains("\"minor\":2050"), "{frame}");
    assert_eq!(server.metrics.stream_conflated.get(), 49);
    assert_eq!(server.metrics.stream_connections.get(), 1);
    drop(slow);
    assert_eq!(server.metrics.stream_connections.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_first_change_of_a_burst_goes_out_at_once_and_the_rest_together() {
    let server = server().await;
    let mut stream = Stream::open(&server, "/v1/stream?skus=A,B").await;
    stream.frame().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.set_price("A", 2_000).await;
    let began = Instant::now();
    assert_eq!(events(&stream.frame().await.unwrap()), [("price", "A:2")]);
    assert_eq!(began.elapsed(), Duration::ZERO);
    server.set_price("A", 3_000).await;
    assert!(stream.nothing(Duration::from_millis(3)).await);
    server.set_price("B", 3_000).await;
    assert_eq!(events(&stream.frame().await.unwrap()), [("price", "A:3"), ("price", "B:2")]);
    assert!(began.elapsed() < Duration::from_millis(10), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_changes_while_the_snapshot_is_read_is_in_it() {
    let server = server().await;
    let held = server.cache.get(&Sku::new("A").unwrap()).await.unwrap().unwrap();
    let newer = CacheEntry { price_version: held.price_version.next(), ..(*held).clone() };
    *server.cache.meanwhile.lock().unwrap() = Some(newer);
    let mut stream = Stream::open(&server, "/v1/stream?skus=A").await;
    assert_eq!(events(&stream.frame().await.unwrap()), [("price", "A:2")]);
    assert!(stream.nothing(Duration::from_secs(1)).await, "and what the snapshot read of the past is not shown");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_says_so_every_fifteen_seconds() {
    let server = server().await;
    let mut quiet = Stream::open(&server, "/v1/stream?skus=A").await;
    quiet.frame().await.unwrap();
    for _ in 0..3 {
        let began = Instant::now();
        assert_eq!(quiet.frame().await.unwrap(), ":\n\n");
        assert_eq!(began.elapsed().as_secs(), 15);
    }
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops() {
    let server = server().await;
    let mut stream = Stream::open(&server, "/v1/stream").await;
    stream.frame().await.unwrap();
    server.hub.close();
    assert_eq!(stream.frame().await, None);
}

/// Whoever connects while prices move ends with every newest price, and never saw one go back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_between_subscribing_and_the_snapshot() {
    let server = std::sync::Arc::new(server().await);
    let writer = tokio::spawn({
        let server = server.clone();
        async move {
            for round in 0..150 {
                for sku in ["A", "B", "C", "D"] {
                    server.set_price(sku, 2_000 + round).await;
                }
                tokio::task::yield_now().await;
            }
        }
    });
    let reader = |number: usize| {
        let server = server.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(number as u64)).await;
            let path = if number.is_multiple_of(2) { "/v1/stream" } else { "/v1/stream?skus=A,B,C,D" };
            let mut stream = Stream::open(&server, path).await;
            let mut held = HashMap::<String, u64>::new();
            while held.values().filter(|version| **version == 151).count() < 4 {
                let frame = timeout(Duration::from_secs(30), stream.frame()).await.expect("a change was lost").unwrap();
                for (_, id) in events(&frame) {
                    let (sku, version) = id.split_once(':').unwrap();
                    let version = version.parse().unwrap();
                    let before = held.insert(sku.to_owned(), version);
                    assert!(before.is_none_or(|before| before < version), "{sku}: {before:?} then {version}");
                }
            }
        }
    };
    let readers: Vec<_> = (0..40).map(|number| tokio::spawn(reader(number))).collect();
    writer.await.unwrap();
    for reader in readers {
        reader.await.unwrap();
    }
    assert_eq!(server.stored_version("A").await, 151);
}
