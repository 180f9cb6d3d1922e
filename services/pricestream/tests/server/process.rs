use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::http::{HeaderMap, Method, Request};

pub(crate) const ADMIN: &str = "the-admin-token";

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Five percent more below ten units; half the list price is the floor.
pub(crate) const PLUS_FIVE: &str = r#"{"version":1,"strategies":{"plus-five":{"kind":"inventory_threshold","below":10,"change_bp":500},
    "steady":{"kind":"fixed_list"}},"default":{"strategy":"plus-five","floor_percent_of_list":50},"categories":{"CALM":{"strategy":"steady"}}}"#;

/// The program, told nothing by the environment of whoever runs the tests.
pub(crate) fn pricestream() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pricestream"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PRICESTREAM_") || name.starts_with("OTEL_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// Files of one test: a store, a catalogue, a strategies document.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    /// With a catalogue of `skus` at 10.00 EUR.
    pub(crate) fn with(skus: &[&str]) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        let lines = skus.iter().fold(String::new(), |mut lines, sku| {
            writeln!(lines, "{}", line(sku)).unwrap();
            lines
        });
        files.write("catalogue.ndjson", &lines);
        files.write("strategies.json", PLUS_FIVE);
        files
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> String {
        std::fs::write(self.path(name), content).unwrap();
        self.text(name)
    }

    /// `up` on the store, with catalogue and strategies.
    pub(crate) fn up(&self) -> Command {
        let mut command = self.up_on(&self.path("store"));
        command.arg("--catalogue").arg(self.path("catalogue.ndjson")).arg("--strategies").arg(self.path("strategies.json"));
        command
    }

    pub(crate) fn up_on(&self, store: &Path) -> Command {
        let mut command = pricestream();
        command.args(["up", "--json", "--listen", "127.0.0.1:0", "--data"]).arg(store);
        let log = std::fs::File::options().create(true).append(true).open(self.path("log")).unwrap();
        command.env("PRICESTREAM_ADMIN_TOKEN", ADMIN).env("PRICESTREAM_LOG", "warn").stderr(log);
        command
    }

    /// What servers complained of so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub(crate) fn start(&self) -> Server {
        Server::start(self.up())
    }
}

/// A catalogue line at 10.00 EUR.
pub(crate) fn line(sku: &str) -> Value {
    json!({ "sku": sku, "name": format!("Sample {sku}"), "list_price": { "minor": 1_000, "currency": "EUR" } })
}

/// A change that occurs now.
pub(crate) fn change(sku: &str, seq: u64, on_hand: u64) -> Value {
    json!({ "sku": sku, "on_hand": on_hand, "source_seq": seq, "occurred_at": jiff::Timestamp::now() })
}

/// A running server; ends with the test.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    agent: ureq::Agent,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// What a server says to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The kind of problem that it is.
    pub(crate) fn kind(&self) -> &str {
        kind(&self.body)
    }

    /// A problem of this kind, as RFC 9457 has it.
    pub(crate) fn assert_problem(&self, status: u16, kind: &str, what: &str) {
        assert_eq!((self.status, self.kind()), (status, kind), "{what}: {}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json", "{what}");
        assert_eq!(self.body["status"], status, "{what}");
        for (field, least) in [("title", 5), ("detail", 10), ("instance", 1)] {
            assert!(self.body[field].as_str().is_some_and(|text| text.len() >= least), "{what}: {field} of {}", self.body);
        }
    }
}

pub(crate) fn kind(problem: &Value) -> &str {
    problem["type"].as_str().unwrap_or("-").trim_start_matches("urn:pricestream:problem:")
}

impl Server {
    /// Starts `command`, which is an `up`, and waits until it listens.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().map(Result::unwrap).unwrap_or_default();
            let said: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = said["listening"].as_str() {
                break address.to_owned();
            }
            assert!(!line.is_empty(), "the server ended: {:?}", child.wait());
        };
        // A server that refuses a request unread may close its connection: each request has one of its own.
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).max_idle_connections(0);
        Self { child, address, agent: config.build().into() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The answer; an error when the server is gone.
    pub(crate) fn try_ask(&self, request: Request<Vec<u8>>) -> Result<Answer, ureq::Error> {
        let mut response = self.agent.run(request)?;
        let text = response.body_mut().with_config().limit(64 << 20).read_to_string()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), body })
    }

    pub(crate) fn request(&self, method: &Method, path: &str, body: impl Into<Vec<u8>>) -> Request<Vec<u8>> {
        let request = Request::builder().method(method.clone()).uri(self.url(path));
        request.header("content-type", "application/json").body(body.into()).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        // ureq sends no body with a GET, not even an empty one.
        let mut response = self.agent.get(self.url(path)).call().unwrap();
        let text = response.body_mut().with_config().limit(64 << 20).read_to_string().unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }

    pub(crate) fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.try_ask(self.request(&Method::POST, path, body)).unwrap()
    }

    /// Posts one stock change.
    pub(crate) fn change(&self, change: &Value) -> Answer {
        self.post("/v1/stock-changes", change.to_string())
    }

    pub(crate) fn admin(&self, method: &Method, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        let mut request = self.request(method, path, body);
        request.headers_mut().insert("authorization", format!("Bearer {ADMIN}").parse().unwrap());
        self.try_ask(request).unwrap()
    }

    pub(crate) fn admin_get(&self, path: &str) -> Value {
        let request = self.agent.get(self.url(path)).header("authorization", format!("Bearer {ADMIN}"));
        let text = request.call().unwrap().body_mut().read_to_string().unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// The command line, told to ask this server.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Output {
        self.plain(&[arguments, &["--json"]].concat())
    }

    /// The same for a person to read.
    pub(crate) fn plain(&self, arguments: &[&str]) -> Output {
        let target = self.url("");
        pricestream().args(arguments).args(["--target", &target, "--admin-token", ADMIN]).output().unwrap()
    }

    /// The same; it must succeed.
    pub(crate) fn done(&self, arguments: &[&str]) -> Value {
        let output = self.cli(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The current price in minor units.
    pub(crate) fn price(&self, sku: &str) -> Option<i64> {
        self.get(&format!("/v1/prices/{sku}")).body["price"]["minor"].as_i64()
    }

    /// Waits until the price is `expected`.
    pub(crate) fn shows(&self, sku: &str, expected: i64, limit: Duration) {
        within(limit, || self.price(sku) == Some(expected), || format!("{sku} costs {:?}, not {expected}", self.price(sku)));
    }

    /// The decisions about `sku`, newest first.
    pub(crate) fn decisions(&self, sku: &str) -> Vec<Value> {
        self.get(&format!("/v1/prices/{sku}/history?limit=500")).body["decisions"].as_array().unwrap().clone()
    }

    /// A metric by its name and labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").body.as_str().unwrap().to_owned();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.trim().parse().unwrap())
    }

    /// Sends `signal` to the process.
    pub(crate) fn signal(&self, signal: &str) {
        let told = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status();
        assert!(told.unwrap().success());
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// As the machine does when the process is in its way: at once.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended.
    pub(crate) fn ended(&mut self, limit: Duration) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < limit, "the server does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.signal("TERM");
        self.ended(PATIENCE)
    }

    /// The lines of a price stream, as they come.
    pub(crate) fn stream(&self, path: &str) -> Receiver<String> {
        let agent = ureq::Agent::config_builder().timeout_global(None).build().new_agent();
        let body = agent.get(self.url(path)).call().unwrap().into_body();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(body.into_reader()).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return; // the test has moved on
                }
            }
        });
        lines
    }
}

/// Waits until `holds`.
pub(crate) fn within(limit: Duration, mut holds: impl FnMut() -> bool, or_else: impl FnOnce() -> String) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < limit, "{}", or_else());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// `verify` on the store of a server that has ended.
pub(crate) fn assert_clean(store: &Path) -> Value {
    let output = pricestream().args(["verify", "--json", "--data"]).arg(store).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["findings"], 0, "{report}");
    report
}
