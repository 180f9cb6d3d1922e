//! The fault proxy by itself, before a stand-in for the emulator: it does to calls what it is told, and nothing else.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use pricestream_e2e::{Cable, Fault, Proxy, Rule, Rules, serve_calls, serve_valkey};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A proxy, and how many calls arrived behind it.
struct World {
    _runtime: Runtime,
    address: SocketAddr,
    rules: Arc<Rules>,
    arrived: Arc<AtomicUsize>,
}

/// Says of each event of a call that it was taken.
async fn take(State(arrived): State<Arc<AtomicUsize>>, body: Bytes) -> String {
    arrived.fetch_add(1, Ordering::SeqCst);
    let call: Value = serde_json::from_slice(&body).unwrap_or_default();
    let entries: Vec<Value> =
        call["Entries"].as_array().into_iter().flatten().map(|entry| json!({ "EventId": entry["Detail"] })).collect();
    json!({ "FailedEntryCount": 0, "Entries": entries }).to_string()
}

impl World {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let (rules, arrived) = (Arc::<Rules>::default(), Arc::<AtomicUsize>::default());
        let emulator = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let proxy = Proxy::new(emulator.local_addr().unwrap().to_string().parse().unwrap(), Arc::clone(&rules));
        let router = Router::new().fallback(take).with_state(Arc::clone(&arrived));
        runtime.spawn(async move { axum::serve(emulator, router).await });
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(serve_calls(listener, proxy));
        Self { _runtime: runtime, address, rules, arrived }
    }

    fn rule(&self, times: Option<u32>, fault: Fault) {
        self.rules.add(Rule { operations: vec!["PutEvents".to_owned()], containing: String::new(), times, fault });
    }

    /// Publishes these events; the status and the answer, or why there is none.
    fn publish(&self, details: &[&str]) -> Result<(u16, Value), ureq::Error> {
        let entries: Vec<Value> = details.iter().map(|detail| json!({ "Detail": detail })).collect();
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let call = agent.post(format!("http://{}/", self.address)).header("x-amz-target", "AWSEvents.PutEvents");
        let mut answer = call.send(json!({ "Entries": entries }).to_string())?;
        let text = answer.body_mut().read_to_string()?;
        Ok((answer.status().as_u16(), serde_json::from_str(&text).unwrap_or_default()))
    }

    fn arrived(&self) -> usize {
        self.arrived.swap(0, Ordering::SeqCst)
    }
}

#[test]
fn without_a_rule_a_call_passes_as_it_is() {
    let world = World::new();
    let (status, answer) = world.publish(&["a"]).unwrap();
    assert_eq!((status, answer, world.arrived()), (200, json!({ "FailedEntryCount": 0, "Entries": [{ "EventId": "a" }] }), 1));
}

#[test]
fn a_throttled_call_is_not_passed_on_and_the_next_one_is() {
    let world = World::new();
    world.rule(Some(1), Fault::Throttle);
    let (status, answer) = world.publish(&["a"]).unwrap();
    assert_eq!((status, world.arrived()), (400, 0));
    assert!(answer["__type"].as_str().unwrap().ends_with("#ThrottlingException"), "{answer}");
    assert_eq!((world.publish(&["a"]).unwrap().0, world.arrived()), (200, 1));
}

#[test]
fn every_other_event_is_refused_and_the_others_arrive() {
    let world = World::new();
    world.rule(None, Fault::RefuseEveryOtherEvent);
    let (_, answer) = world.publish(&["a", "b", "c", "d"]).unwrap();
    let codes: Vec<_> =
        answer["Entries"].as_array().unwrap().iter().map(|entry| (&entry["ErrorCode"], &entry["EventId"])).collect();
    let (refused, none) = (json!("InternalFailure"), Value::Null);
    assert_eq!(codes, [(&refused, &none), (&none, &json!("b")), (&refused, &none), (&none, &json!("d"))]);
    assert_eq!((answer["FailedEntryCount"].as_u64(), world.arrived()), (Some(2), 1));
    // Of a single event nothing is left to be passed on.
    assert_eq!((world.publish(&["a"]).unwrap().1["FailedEntryCount"].as_u64(), world.arrived()), (Some(1), 0));
}

#[test]
fn a_cut_breaks_the_connection_before_or_after_the_effect() {
    let world = World::new();
    world.rule(Some(1), Fault::CutBefore);
    assert!(world.publish(&["a"]).is_err());
    assert_eq!(world.arrived(), 0);
    world.rule(Some(1), Fault::CutAfter);
    assert!(world.publish(&["a"]).is_err());
    assert_eq!(world.arrived(), 1);
    assert!(world.publish(&["a"]).is_ok());
}

#[test]
fn a_delayed_call_arrives_late() {
    let world = World::new();
    world.rule(Some(1), Fault::Delay(200));
    let begun = Instant::now();
    assert_eq!(world.publish(&["a"]).unwrap().0, 200);
    assert!(begun.elapsed() >= Duration::from_millis(200));
}

#[test]
fn a_pulled_cable_breaks_what_is_connected_and_takes_nobody_until_it_is_plugged_again() {
    let runtime = Runtime::new().unwrap();
    let bind = || runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let (server, listener, cable) = (bind(), bind(), Arc::<Cable>::default());
    let (far, near) = (server.local_addr().unwrap().to_string(), listener.local_addr().unwrap());
    // Gives back what it is given.
    runtime.spawn(async move {
        loop {
            let (mut connection, _) = server.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut from, mut to) = connection.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    runtime.spawn(serve_valkey(listener, far, Arc::clone(&cable)));
    let connect = || {
        let connection = TcpStream::connect(near).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        connection
    };
    let echoed = |connection: &mut TcpStream| {
        let mut buffer = [0; 4];
        connection.write_all(b"ping").and_then(|()| connection.read_exact(&mut buffer)).map(|()| buffer)
    };
    // The proxy's tasks hear of it a moment later.
    let breaks = |connection: &mut TcpStream| {
        (0..2_000).any(|_| {
            std::thread::sleep(Duration::from_millis(1));
            echoed(connection).is_err()
        })
    };
    let mut connection = connect();
    assert_eq!(&echoed(&mut connection).unwrap(), b"ping");
    cable.plug(false);
    assert!(breaks(&mut connection));
    assert!(echoed(&mut connect()).is_err());
    cable.plug(true);
    cable.delay(50);
    let begun = Instant::now();
    let mut connection = connect();
    assert_eq!(&echoed(&mut connection).unwrap(), b"ping");
    assert!(begun.elapsed() >= Duration::from_millis(100), "there and back");
    cable.cut();
    assert!(breaks(&mut connection));
    assert!(echoed(&mut connect()).is_ok());
}
