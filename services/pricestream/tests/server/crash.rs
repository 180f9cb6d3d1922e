//! The process ends: asked to, or at once in the middle of everything.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use ureq::http::Method;

use crate::process::{Files, PATIENCE, Server, assert_clean, change, within};

#[test]
fn asked_to_end_it_finishes_what_was_begun_and_says_goodbye_to_the_streams() {
    for signal in ["TERM", "INT"] {
        let files = Files::with(&["A"]);
        let mut server = files.start();
        let stream = server.stream("/v1/stream");
        assert!(stream.recv_timeout(PATIENCE).is_ok(), "it is open");
        let mut idle = TcpStream::connect(&server.address).unwrap();
        for seq in 1..=50 {
            assert_eq!(server.change(&change("A", seq, 50 - seq)).status, 200);
        }
        let began = Instant::now();
        server.signal(signal);
        let status = server.ended(PATIENCE);
        assert_eq!(status.code(), Some(0), "{signal}");
        assert!(began.elapsed() < Duration::from_secs(5), "{signal}: {:?}", began.elapsed());
        assert!(stream.iter().all(|line| line.is_empty() || line.contains(':')), "the stream ended between two events");
        assert!(matches!(idle.read(&mut [0]), Ok(0) | Err(_)));
        assert_clean(&files.path("store"));
        let server = files.start();
        assert_eq!((server.price("A"), &server.decisions("A")[0]["stock_version"]), (Some(1_050), &50.into()));
    }
}

#[test]
fn a_client_that_never_finishes_its_request_does_not_keep_it_from_ending() {
    let files = Files::with(&["A"]);
    let mut server = files.start();
    let mut slow = TcpStream::connect(&server.address).unwrap();
    slow.write_all(
        b"POST /v1/stock-changes HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{",
    )
    .unwrap();
    let mut slower = TcpStream::connect(&server.address).unwrap();
    slower.write_all(b"GET /v1/prices/A HTTP/1.1\r\nho").unwrap();
    assert_eq!(server.change(&change("A", 1, 9)).status, 200);
    server.signal("TERM");
    assert_eq!(server.ended(Duration::from_secs(20)).code(), Some(0));
    drop((slow, slower));
    assert_clean(&files.path("store"));
}

const SKUS: [&str; 8] = ["S0", "S1", "S2", "S3", "S4", "S5", "S6", "S7"];

/// A source of one SKU: it sends each change until that is answered, then the next.
#[derive(Debug)]
struct Source {
    sku: &'static str,
    /// Changes with an answer of success.
    answered: u64,
    /// The one that is on its way, without an answer.
    pending: Option<Value>,
}

/// The body of change number `seq`: the same each time it is made, but for its time, which is kept.
fn on_hand(seq: u64) -> u64 {
    (seq * 7) % 25
}

impl Source {
    /// Sends until the server is gone, or until `last` is answered.
    fn send(&mut self, server: &Server, last: u64, answered: &AtomicUsize) {
        while self.answered < last {
            let next = self.answered + 1;
            let body = self.pending.get_or_insert_with(|| change(self.sku, next, on_hand(next)));
            let request = server.request(&Method::POST, "/v1/stock-changes", body.to_string());
            let Ok(answer) = server.try_ask(request) else { return };
            assert_eq!(answer.status, 200, "{}", answer.body);
            let result = answer.body["result"].as_str().unwrap().to_owned();
            assert!(["applied", "repeated"].contains(&&*result), "{result}");
            assert_eq!(answer.body["stock_version"], next, "each number is taken once: {}", self.sku);
            (self.answered, self.pending) = (next, None);
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn killed_in_a_burst_of_posts_nothing_that_was_answered_is_lost() {
    const LAST: u64 = 120;
    let files = Files::with(&SKUS);
    let sources: Vec<Mutex<Source>> = SKUS.map(|sku| Mutex::new(Source { sku, answered: 0, pending: None })).into();
    let mut random = fastrand::Rng::with_seed(27);
    for kill in 0..6 {
        let server = files.start();
        // What was answered before the kill is there, before anything is sent again.
        for source in &sources {
            let Source { sku, answered, ref pending, .. } = *source.lock().unwrap();
            if answered == 0 {
                continue;
            }
            let stored = server.decisions(sku)[0]["stock_version"].as_u64().unwrap();
            let most = answered + u64::from(pending.is_some());
            assert!((answered..=most).contains(&stored), "{sku}: {answered} were answered, {stored} are there");
            let expected = if on_hand(stored) < 10 { 1_050 } else { 1_000 };
            assert_eq!(server.price(sku), Some(expected), "{sku} at {stored}");
        }
        let answered = AtomicUsize::new(0);
        let last = if kill == 5 { LAST } else { u64::MAX };
        std::thread::scope(|scope| {
            for source in &sources {
                let (server, answered) = (&server, &answered);
                scope.spawn(move || source.lock().unwrap().send(server, last, answered));
            }
            if kill < 5 {
                let enough = random.usize(20..100);
                within(PATIENCE, || answered.load(Ordering::Relaxed) >= enough, || format!("{answered:?} answers"));
                server.signal("KILL");
            }
        });
        if kill == 5 {
            assert!(server.terminate().success());
        }
        assert_clean(&files.path("store"));
    }
    let server = files.start();
    for source in &sources {
        let source = source.lock().unwrap();
        let newest = server.decisions(source.sku).remove(0);
        let expected = (source.answered, on_hand(source.answered));
        assert_eq!((newest["stock_version"].as_u64().unwrap(), newest["on_hand"].as_u64().unwrap()), expected, "{}", source.sku);
        assert!(source.pending.is_none() && source.answered >= LAST, "{source:?}");
    }
    assert_eq!(server.done(&["verify"])["findings"], 0);
}
