//! The cloud, as a shop, an administrator and a saboteur see it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sqs::types::QueueAttributeName;
use jiff::Timestamp;
use pricestream_e2e::{Fault, Rule, Standing};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::valkey::Valkey;

/// How long something may take before it counts as not happening. Nothing waits that long where all is well: it is for machines that
/// are busy with other things.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Every item lists at that, in cents.
pub(crate) const LIST: i64 = 1_000;
/// The price of the last ones: fewer than ten.
pub(crate) const SCARCE: i64 = 1_050;

const STRATEGIES: &str = r#"{
  "version": 1,
  "time_zone": "UTC",
  "strategies": { "last-ones": { "kind": "inventory_threshold", "below": 10, "change_bp": 500 } },
  "default": { "strategy": "last-ones", "floor_percent_of_list": 60 }
}"#;

/// What localstack/cloud wrote down.
#[derive(Deserialize)]
struct State {
    environment: BTreeMap<String, String>,
    outputs: Outputs,
    processes: BTreeMap<String, Process>,
    control: String,
    run: PathBuf,
}

#[derive(Deserialize)]
struct Process {
    pid: u32,
}

/// What terraform/live/local puts out.
#[derive(Deserialize)]
pub(crate) struct Outputs {
    pub(crate) alert_topic_arn: String,
    pub(crate) bus_name: String,
    pub(crate) dead_letter_queues: BTreeMap<String, String>,
    pub(crate) queues: BTreeMap<String, String>,
    pub(crate) tables: BTreeMap<String, String>,
}

pub(crate) struct Cloud {
    state: State,
    runtime: Runtime,
    agent: ureq::Agent,
    config: SdkConfig,
    /// Faults befall everybody: one test at a time.
    _alone: File,
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the crate lies in the repository")
}

/// What the price API answers for a SKU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Price {
    pub(crate) minor: i64,
    pub(crate) version: u64,
}

impl Cloud {
    /// The one that runs here, in order and without faults. `None`, and a line that says so, if none does.
    pub(crate) fn of_this_machine() -> Option<Self> {
        let folder = repository().join(".local/cloud");
        let Ok(text) = std::fs::read_to_string(folder.join("state.json")) else {
            println!("skipped: no local cloud is up (make cloud-up)");
            return None;
        };
        let state: State = match serde_json::from_str(&text) {
            Ok(state) => state,
            Err(error) => {
                println!("skipped: the local cloud is not up whole, or without the fault proxy ({error})");
                return None;
            }
        };
        let alone = File::create(folder.join("e2e.lock")).expect("the folder of the cloud can be written");
        alone.lock().expect("a file can be locked");
        let runtime = Runtime::new().expect("a runtime can be made");
        let credentials = Credentials::new("test", "test", None, None, "local");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(state.environment["AWS_REGION"].clone()))
            .endpoint_url(&state.environment["AWS_ENDPOINT_URL"])
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into();
        let cloud = Self { state, runtime, agent, config, _alone: alone };
        cloud.control("DELETE", "/rules", &Value::Null);
        cloud.control("PUT", "/cable", &json!({ "plugged": true, "delay_ms": 0 }));
        cloud.publish_strategies();
        cloud.set_mode("run");
        Some(cloud)
    }

    pub(crate) fn outputs(&self) -> &Outputs {
        &self.state.outputs
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.state.environment["AWS_ENDPOINT_URL"]
    }

    pub(crate) fn api(&self) -> &str {
        &self.state.environment["PRICESTREAM_CLOUD_API"]
    }

    pub(crate) fn admin_token(&self) -> &str {
        &self.state.environment["PRICESTREAM_ADMIN_TOKEN"]
    }

    pub(crate) fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// Waits for a call of the SDK.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// A SKU that no test has had before.
    pub(crate) fn new_sku(about: &str) -> String {
        format!("e2e-{about}-{}", Timestamp::now().as_microsecond())
    }

    /// New items in the catalogue: priced at their list price, and in stock, with a hundred each.
    pub(crate) fn new_items(&self, about: &str, count: usize) -> Vec<String> {
        let prefix = Self::new_sku(about);
        let skus: Vec<String> = (0..count).map(|place| format!("{prefix}-{place}")).collect();
        let line = |sku: &String| {
            let price = json!({ "minor": LIST, "currency": "EUR" });
            json!({ "sku": sku, "name": sku, "category": "E2E", "list_price": price, "low_stock": { "at": 4, "rearm": 20 } })
                .to_string()
        };
        let lines: Vec<String> = skus.iter().map(line).collect();
        let (status, answer) = self.ask("POST", "/v1/admin/catalogue", &lines.join("\n"));
        assert_eq!((status, &answer["changed"]), (200, &json!(count)), "{answer}");
        let (status, answer) = self.stock_lines(&skus.iter().map(|sku| (sku.as_str(), 1, 100)).collect::<Vec<_>>());
        assert_eq!(status, 200, "{answer}");
        for sku in &skus {
            self.until_priced(sku, LIST);
        }
        // A price is seen before it is announced: whatever a test breaks now must not meet what is still on its way.
        self.until_quiet();
        skus
    }

    /// A stock change, as the shop's system posts it: the SKU, its number at the source, what is there now.
    pub(crate) fn stock(&self, sku: &str, seq: u64, on_hand: u64) -> (u16, Value) {
        self.ask("POST", "/v1/stock-changes", &stock_line(sku, seq, on_hand))
    }

    pub(crate) fn stock_lines(&self, changes: &[(&str, u64, u64)]) -> (u16, Value) {
        let lines: Vec<String> = changes.iter().map(|(sku, seq, on_hand)| stock_line(sku, *seq, *on_hand)).collect();
        self.ask("POST", "/v1/stock-changes", &lines.join("\n"))
    }

    /// A stock change that must be taken.
    pub(crate) fn stock_applied(&self, sku: &str, seq: u64, on_hand: u64) {
        let (status, answer) = self.stock(sku, seq, on_hand);
        assert_eq!((status, answer["result"].as_str()), (200, Some("applied")), "{sku}: {answer}");
    }

    /// The price that shoppers see; `None` as long as there is none.
    pub(crate) fn price(&self, sku: &str) -> Option<Price> {
        let (status, answer) = self.ask("GET", &format!("/v1/prices/{sku}"), "");
        assert!(matches!(status, 200 | 404 | 409), "{sku}: {status} {answer}");
        Some(Price { minor: answer["price"]["minor"].as_i64()?, version: answer["price_version"].as_u64()? })
    }

    pub(crate) fn until_priced(&self, sku: &str, minor: i64) -> Price {
        until(&format!("{sku} costs {minor}"), || self.price(sku).filter(|price| price.minor == minor))
    }

    /// The decisions about a SKU, newest first.
    pub(crate) fn history(&self, sku: &str) -> Vec<Value> {
        let (status, answer) = self.ask("GET", &format!("/v1/prices/{sku}/history"), "");
        assert_eq!(status, 200, "{answer}");
        answer["decisions"].as_array().unwrap_or_else(|| panic!("a page of history has decisions: {answer}")).clone()
    }

    pub(crate) fn publish_strategies(&self) {
        let (status, answer) = self.ask("PUT", "/v1/admin/strategies?by=e2e", STRATEGIES);
        assert_eq!(status, 200, "{answer}");
    }

    pub(crate) fn set_mode(&self, mode: &str) {
        let body = json!({ "mode": mode, "by": "e2e" }).to_string();
        let (status, answer) = self.ask("PUT", "/v1/admin/mode", &body);
        assert_eq!(status, 200, "{answer}");
    }

    /// Asks the API, with the token that the route wants; an answer without JSON is text.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let token = if path.starts_with("/v1/admin/") { "PRICESTREAM_ADMIN_TOKEN" } else { "PRICESTREAM_INGEST_TOKEN" };
        let authorization = format!("Bearer {}", self.state.environment[token]);
        self.send(method, &format!("{}{path}", self.state.environment["PRICESTREAM_CLOUD_API"]), &authorization, body)
    }

    pub(crate) fn send(&self, method: &str, url: &str, authorization: &str, body: &str) -> (u16, Value) {
        let request = ureq::http::Request::builder().method(method).uri(url).header("authorization", authorization);
        let answer = if body.is_empty() {
            self.agent.run(request.body(()).expect("it is a request"))
        } else {
            self.agent.run(request.header("content-type", "application/json").body(body).expect("it is a request"))
        };
        let mut answer = answer.unwrap_or_else(|error| panic!("{method} {url}: {error}"));
        let text = answer.body_mut().read_to_string().expect("an answer is text");
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = self.send(method, &format!("{}{path}", self.state.control), "", &body);
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    /// Puts a fault into calls of these operations that hold a text, until what is returned is dropped.
    pub(crate) fn fault(&self, operations: &[&str], containing: &str, times: Option<u32>, fault: Fault) -> Faulty<'_> {
        let operations = operations.iter().map(|name| (*name).to_owned()).collect();
        let rule = Rule { operations, containing: containing.to_owned(), times, fault };
        let rule = serde_json::to_value(rule).expect("it is JSON");
        let id = self.control("POST", "/rules", &rule).as_u64().expect("a rule has a number");
        Faulty { cloud: self, id }
    }

    /// Breaks every connection of the functions to Valkey, once.
    pub(crate) fn cut_cable(&self) {
        self.control("POST", "/cable", &Value::Null);
    }

    /// Plugs the cable to Valkey, or pulls it.
    pub(crate) fn plug_cable(&self, plugged: bool) {
        self.control("PUT", "/cable", &json!({ "plugged": plugged }));
    }

    /// Valkey itself, not through the proxy.
    pub(crate) fn valkey(&self) -> Valkey {
        Valkey::of_url(&self.state.environment["PRICESTREAM_CLOUD_CACHE"])
    }

    /// `localstack/cloud COMMAND`.
    pub(crate) fn command(command: &str) {
        let output = Command::new(repository().join("localstack/cloud")).arg(command).output().expect("it can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Processes of a function that run now: children of the emulator that carry its name.
    fn processes_of(&self, function: &str) -> Vec<u32> {
        let name = format!("AWS_LAMBDA_FUNCTION_NAME=pricestream-local-{function}");
        let entries = std::fs::read_dir("/proc").expect("the emulator runs on Linux").flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let emulator = self.state.processes["ministack"].pid.to_string();
        let is_one = |pid: &u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            parent == Some(&emulator) && environment.split(|byte| *byte == 0).any(|variable| variable == name.as_bytes())
        };
        pids.filter(is_one).collect()
    }

    /// Kills them, in the middle of whatever they do; the next event finds a cold start.
    pub(crate) fn kill_processes_of(&self, function: &str) -> usize {
        let processes = self.processes_of(function);
        for process in &processes {
            // It may have ended by itself since.
            let _killed = Command::new("kill").args(["-9", &process.to_string()]).output().expect("there is kill");
        }
        processes.len()
    }

    /// A place for files of a test, which goes with the cloud.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.state.run.join("tmp").join(name);
        std::fs::create_dir_all(&folder).expect("the folder of the cloud can be written");
        folder
    }

    /// Has a queue give back what was not acknowledged after two seconds, not minutes, until what is returned is dropped.
    pub(crate) fn impatient<'a>(&'a self, queue: &'a str) -> Impatient<'a> {
        let before = self.visibility(queue);
        self.set_visibility(queue, "2");
        Impatient { cloud: self, queue, before }
    }

    fn visibility(&self, queue: &str) -> String {
        let name = QueueAttributeName::VisibilityTimeout;
        let told = self.wait(self.sqs().get_queue_attributes().queue_url(self.queue(queue)).attribute_names(name.clone()).send());
        told.expect("the queue is there").attributes.unwrap_or_default()[&name].clone()
    }

    fn set_visibility(&self, queue: &str, seconds: &str) {
        let call = self.sqs().set_queue_attributes().queue_url(self.queue(queue));
        self.wait(call.attributes(QueueAttributeName::VisibilityTimeout, seconds).send()).expect("the queue is there");
    }

    pub(crate) fn queue(&self, name: &str) -> &str {
        &self.state.outputs.queues[name]
    }

    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }

    /// Messages in a queue, those that are being handled included.
    pub(crate) fn depth(&self, url: &str) -> u64 {
        use QueueAttributeName::{ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible};
        let names = [ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible];
        let call = self.sqs().get_queue_attributes().queue_url(url).set_attribute_names(Some(names.to_vec()));
        let told = self.wait(call.send()).expect("the queue is there").attributes.unwrap_or_default();
        names.iter().filter_map(|name| told.get(name)?.parse::<u64>().ok()).sum()
    }

    /// Waits until nothing is on its way any more. A message that failed once comes again only when its queue's visibility
    /// timeout is over, which takes longer than anything else here.
    pub(crate) fn until_quiet(&self) {
        for (name, url) in &self.state.outputs.queues {
            let patience = PATIENCE + Duration::from_secs(self.visibility(name).parse().expect("a number of seconds"));
            until_within(patience, &format!("the queue of {name} is empty"), || (self.depth(url) == 0).then_some(()));
        }
    }
}

pub(crate) fn stock_line(sku: &str, seq: u64, on_hand: u64) -> String {
    json!({ "sku": sku, "source_seq": seq, "on_hand": on_hand, "occurred_at": Timestamp::now() }).to_string()
}

/// Asks again and again until there is an answer.
pub(crate) fn until<T>(what: &str, answer: impl FnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, answer)
}

fn until_within<T>(patience: Duration, what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(begun.elapsed() < patience, "within {patience:?} it did not happen that {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A fault that is in place.
pub(crate) struct Faulty<'a> {
    cloud: &'a Cloud,
    id: u64,
}

impl Faulty<'_> {
    /// How many calls it has befallen.
    pub(crate) fn met(&self) -> u32 {
        let rules: Vec<Standing> =
            serde_json::from_value(self.cloud.control("GET", "/rules", &Value::Null)).expect("these are rules");
        rules.iter().find(|standing| standing.id == self.id).map_or(0, |standing| standing.met)
    }

    pub(crate) fn until_met(&self, times: u32) {
        until(&format!("{times} calls meet the fault"), || (self.met() >= times).then_some(()));
    }
}

impl Drop for Faulty<'_> {
    fn drop(&mut self) {
        self.cloud.control("DELETE", &format!("/rules/{}", self.id), &Value::Null);
    }
}

/// A queue that does not wait long.
pub(crate) struct Impatient<'a> {
    cloud: &'a Cloud,
    queue: &'a str,
    before: String,
}

impl Drop for Impatient<'_> {
    fn drop(&mut self) {
        self.cloud.set_visibility(self.queue, &self.before);
    }
}
