//! The live stream beside the least that axum can do: a broadcast channel whose frames every connection writes as they are. A
//! thousand connections that hear of everything; the publisher runs on the serving thread, as in the floor.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use futures_util::StreamExt;
use jiff::Timestamp;
use pricestream_domain::{Currency, Money, PriceVersion};
use pricestream_ports::memory::Memory;
use pricestream_ports::{CacheEntry, SettingsSnapshot};
use pricestream_price_api::StreamHub;
use rustix::process::{Resource, Rlimit};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::sync::broadcast;

use crate::measured::{cpu_seconds, median};
use crate::price_read::sku;
use crate::world::{Shared, hub, routes};
use crate::{count, report};

const CONNECTIONS: usize = 1_000;

/// Rounds of each kind, by turns; the medians count.
const ROUNDS: usize = 5;

/// Frames of a round.
const FRAMES: usize = 100;

/// Time between two frames.
const APART: Duration = Duration::from_millis(20);

/// Changes that come together.
const TOGETHER: usize = 10;

/// SKUs that change in turn.
const SKUS: usize = 100;

pub(crate) fn run(wanted: bool) {
    let (connections, frames, rounds) = if wanted { (CONNECTIONS, FRAMES, ROUNDS) } else { (3, 3, 1) };
    let one = |source: fn() -> Source, together| move || round(source(), connections, frames, together);
    let floor = Source::floor as fn() -> Source;
    let kinds = [one(floor, 1), one(Source::ours, 1), one(Source::ours, TOGETHER), one(floor, TOGETHER)];
    // Two ends of each connection are in this process.
    let most = rustix::process::getrlimit(Resource::Nofile);
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: most.maximum, ..most })
        .expect("it may be raised to what it may be");
    let measured: Vec<[f64; 4]> = (0..rounds).map(|_| kinds.map(|kind| kind())).collect();
    if !wanted {
        return;
    }
    let [floor, ours, coalesced, floor_coalesced] =
        [0, 1, 2, 3].map(|which| 1.0 / median(measured.iter().map(|round| round[which])));
    let rates = |ours: f64| format!("{ours:.0} against {floor:.0} deliveries per CPU second");
    let goal = "stream to 1,000 connections: at least 0.9 x the deliveries of axum and a broadcast channel (CPU time)";
    report(goal, &rates(ours), ours / floor, 0.9);
    println!("10 changes in a frame: ours {coalesced:.0} deliveries per CPU second, the floor {floor_coalesced:.0}");
    let goal = "stream to 1,000 connections, 10 changes together: at least 5 x the floor one by one (CPU time)";
    report(goal, &rates(coalesced), coalesced / floor, 5.0);
}

/// Where changes come from.
enum Source {
    Floor(broadcast::Sender<Bytes>),
    Ours { hub: Arc<StreamHub>, router: Router },
}

impl Source {
    fn floor() -> Self {
        Self::Floor(broadcast::channel(4_096).0)
    }

    fn ours() -> Self {
        let (metrics, hub) = hub(CONNECTIONS);
        let router = routes(Shared::default(), Memory::default(), SettingsSnapshot::frozen(), (metrics, Arc::clone(&hub)));
        Self::Ours { hub, router }
    }

    fn router(&self) -> Router {
        async fn events(State(sender): State<broadcast::Sender<Bytes>>) -> Response {
            let told = futures_util::stream::unfold(sender.subscribe(), |mut told| async move {
                let frame = told.recv().await.ok()?;
                Some((Ok::<_, std::convert::Infallible>(frame), told))
            });
            let response = Response::builder().header("content-type", "text/event-stream").header("cache-control", "no-store");
            response.body(Body::from_stream(told.boxed())).expect("the headers are legal")
        }
        match self {
            Self::Floor(sender) => Router::new().route("/v1/stream", get(events)).with_state(sender.clone()),
            Self::Ours { router, .. } => router.clone(),
        }
    }

    fn publish(&self, first: usize, together: usize) {
        match self {
            Self::Floor(sender) => {
                let mut frame = String::new();
                for number in first..first + together {
                    let (sku, version) = (sku(number % SKUS), number / SKUS + 1);
                    let data = json!({ "sku": sku, "price": Money::new(19_99, Currency::EUR), "list_price": Money::new(24_99, Currency::EUR),
                        "price_version": version, "since": "2026-11-22T08:00:00.123456Z" });
                    write!(frame, "event: price\nid: {sku}:{version}\ndata: {data}\n\n").expect("text takes every write");
                }
                let _nobody_listens = sender.send(frame.into());
            }
            Self::Ours { hub, .. } => (first..first + together).for_each(|number| hub.publish(&Arc::new(entry(number)))),
        }
    }
}

fn entry(number: usize) -> CacheEntry {
    CacheEntry {
        sku: sku(number % SKUS),
        price_version: PriceVersion((number / SKUS + 1) as u64),
        price: Some(Money::new(19_99, Currency::EUR)),
        list_price: Some(Money::new(24_99, Currency::EUR)),
        since: "2026-11-22T08:00:00.123456Z".parse::<Timestamp>().expect("a sample is legal"),
        lane: None,
    }
}

/// CPU seconds of the serving thread for one delivery.
fn round(source: Source, connections: usize, frames: usize, together: usize) -> f64 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let (begin, heard) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let serving = {
        let (begin, heard) = (Arc::clone(&begin), Arc::clone(&heard));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
            runtime.block_on(async move {
                listener.set_nonblocking(true).expect("a socket can be");
                let listener = tokio::net::TcpListener::from_std(listener).expect("it is one");
                let router = source.router();
                tokio::spawn(async move { axum::serve(listener, router).await });
                while !begin.load(Ordering::Acquire) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                let began = cpu_seconds();
                let mut turn = tokio::time::interval(APART);
                turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                for frame in 0..frames {
                    turn.tick().await;
                    source.publish(frame * together, together);
                }
                // What is still on its way counts too.
                while heard.load(Ordering::Acquire) < connections * frames * together {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                cpu_seconds() - began
            })
        })
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        let ready = Arc::new(AtomicUsize::new(0));
        for _ in 0..connections {
            let mut stream = TcpStream::connect(address).expect("it listens");
            stream.write_all(b"GET /v1/stream HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("the server reads");
            stream.set_nonblocking(true).expect("a socket can be");
            let stream = tokio::net::TcpStream::from_std(stream).expect("it is one");
            tokio::spawn(listen(stream, Arc::clone(&ready), Arc::clone(&heard)));
        }
        while ready.load(Ordering::Acquire) < connections {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        begin.store(true, Ordering::Release);
        while heard.load(Ordering::Acquire) < connections * frames * together {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    serving.join().expect("it serves") / count(connections * frames * together)
}

/// Counts the changes that it is told of. No SKU may ever be shown at an older price, nor one be left out: none came so fast.
async fn listen(mut stream: tokio::net::TcpStream, ready: Arc<AtomicUsize>, heard: Arc<AtomicUsize>) {
    let (mut buffer, mut text, mut shown) = (vec![0; 65_536], Vec::new(), [0_u64; SKUS]);
    let mut open = false;
    loop {
        let Ok(read @ 1..) = stream.read(&mut buffer).await else { return };
        text.extend_from_slice(&buffer[..read]);
        if !open {
            // The headers, and of ours an opening frame.
            open = true;
            ready.fetch_add(1, Ordering::AcqRel);
        }
        let (mut events, mut done) = (0, 0);
        while let Some(line) = text[done..].iter().position(|byte| *byte == b'\n') {
            if let Some(id) = text[done..done + line].strip_prefix(b"id: SKU-") {
                let id = str::from_utf8(id).expect("it is text");
                let (sku, version) = id.split_once(':').expect("sku:version");
                let (sku, version): (usize, u64) = (sku.parse().expect("a number"), version.parse().expect("a number"));
                assert_eq!(version, shown[sku] + 1, "SKU {sku}");
                shown[sku] = version;
                events += 1;
            }
            done += line + 1;
        }
        text.drain(..done);
        heard.fetch_add(events, Ordering::AcqRel);
    }
}
