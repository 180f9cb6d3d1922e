//! The ports on an emulator of the cloud, in an account of their own.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType,
};
use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use pricestream_aws::{DynamoStore, EventBridge, Tables, ValkeyCache, quarantine};
use pricestream_ports::contract::{MAX_RECEIVE_COUNT, SampleSubscriber, VISIBILITY, World};
use pricestream_ports::{BatchOutcome, Bus, Cache, Delivery, Documents, MessageId, Orders, PriceRecord, Records, Usage};
use tokio::runtime::Runtime;

/// What the contract calls thirty seconds; an emulator has no clock to turn.
const REAL_VISIBILITY: Duration = Duration::from_secs(2);

/// Databases of the cache's server: each test that writes there takes one of its own.
const CACHE_TESTS: [&str; 5] = [
    "r5_the_cache_takes_only_what_is_newer",
    "r5_versions_beyond_2_to_the_53_are_told_apart",
    "r6_a_tombstone_keeps_an_older_price_out",
    "r6_an_absent_key_is_reported_and_then_filled_from_the_record",
    "many_entries_are_written_by_one_call",
];

/// Where the emulator and the cache are; `None`: there are none.
pub(crate) fn cloud() -> Option<(String, String)> {
    let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    Some((read("PRICESTREAM_CLOUD_ENDPOINT")?, read("PRICESTREAM_CLOUD_CACHE")?))
}

pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime can be made")
    })
}

pub(crate) fn block_on(future: impl Future<Output = ()>) {
    runtime().block_on(future);
}

/// The ports, and what it takes to look behind them.
pub(crate) struct CloudWorld {
    pub(crate) store: DynamoStore,
    bus: EventBridge,
    pub(crate) cache: ValkeyCache,
    dynamodb: aws_sdk_dynamodb::Client,
    streams: aws_sdk_dynamodbstreams::Client,
    sqs: aws_sdk_sqs::Client,
    queues: HashMap<String, String>,
    dead: HashMap<String, String>,
    quarantine: String,
    handles: Mutex<BTreeMap<MessageId, String>>,
    prices: String,
}

/// A configuration for `account`, twelve digits: an emulator keeps each account apart.
pub(crate) fn configuration(endpoint: &str, account: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-west-1"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(Credentials::new(
            account, "secret", None, None, "test",
        )))
        .sleep_impl(aws_sdk_dynamodb::config::SharedAsyncSleep::new(aws_smithy_async::rt::sleep::TokioSleep::new()))
        .build()
}

/// An account that no other test of this moment has.
fn new_account() -> String {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is after 1970").as_nanos();
    let apart = (nanos / 1_000) % 90_000_000 + u128::from(std::process::id()) * 7_919;
    format!("{:012}", 100_000_000_000 + apart % 800_000_000_000)
}

impl CloudWorld {
    /// Everything made anew.
    pub(crate) async fn new(endpoint: &str, cache: &str) -> Self {
        let config = configuration(endpoint, &new_account());
        let dynamodb = aws_sdk_dynamodb::Client::new(&config);
        let tables = make_tables(&dynamodb).await;
        let sqs = aws_sdk_sqs::Client::new(&config);
        let eventbridge = aws_sdk_eventbridge::Client::new(&config);
        eventbridge.create_event_bus().name("pricestream").send().await.expect("a bus can be made");
        let (mut queues, mut dead) = (HashMap::new(), HashMap::new());
        for SampleSubscriber { queue, pattern } in SampleSubscriber::ALL {
            let (dead_url, dead_arn) = make_queue(&sqs, &format!("{queue}-dlq"), &[]).await;
            let redrive = format!(r#"{{"deadLetterTargetArn":"{dead_arn}","maxReceiveCount":"{MAX_RECEIVE_COUNT}"}}"#);
            let visibility = REAL_VISIBILITY.as_secs().to_string();
            let attributes = [(QueueAttributeName::RedrivePolicy, redrive), (QueueAttributeName::VisibilityTimeout, visibility)];
            let (url, arn) = make_queue(&sqs, queue, &attributes).await;
            let rule = eventbridge.put_rule().name(queue).event_bus_name("pricestream").event_pattern(pattern);
            rule.send().await.expect("a rule can be made");
            let target = Target::builder().id(queue).arn(arn).build().expect("it is whole");
            let targets = eventbridge.put_targets().rule(queue).event_bus_name("pricestream").targets(target);
            targets.send().await.expect("a rule can have a target");
            queues.insert(queue.to_owned(), url);
            dead.insert(queue.to_owned(), dead_url);
        }
        let (quarantine, _) = make_queue(&sqs, "quarantine", &[]).await;
        let name = std::thread::current().name().unwrap_or_default().rsplit("::").next().unwrap_or_default().to_owned();
        let database = CACHE_TESTS.iter().position(|test| *test == name).unwrap_or(CACHE_TESTS.len());
        let cache = ValkeyCache::connect(&format!("{cache}/{database}"), None).await.expect("the cache answers");
        if database < CACHE_TESTS.len() {
            cache.wipe().await.expect("it can be emptied");
        }
        Self {
            store: DynamoStore::new(dynamodb.clone(), tables.clone()),
            bus: EventBridge::new(eventbridge, "pricestream"),
            cache,
            dynamodb,
            streams: aws_sdk_dynamodbstreams::Client::new(&config),
            sqs,
            queues,
            dead,
            quarantine,
            handles: Mutex::default(),
            prices: tables.prices,
        }
    }

    async fn drain(&self, url: &str) -> Vec<String> {
        let mut bodies = Vec::new();
        loop {
            let call = self.sqs.receive_message().queue_url(url).max_number_of_messages(10).visibility_timeout(0);
            let found = call.send().await.expect("a queue can be read").messages.unwrap_or_default();
            if found.is_empty() {
                return bodies;
            }
            for message in found {
                let handle = message.receipt_handle.unwrap_or_default();
                self.sqs.delete_message().queue_url(url).receipt_handle(handle).send().await.expect("a message can be deleted");
                bodies.push(message.body.unwrap_or_default());
            }
        }
    }
}

async fn make_queue(sqs: &aws_sdk_sqs::Client, name: &str, attributes: &[(QueueAttributeName, String)]) -> (String, String) {
    let attributes: HashMap<_, _> = attributes.iter().cloned().collect();
    let made = sqs.create_queue().queue_name(name).set_attributes(Some(attributes)).send().await.expect("a queue can be made");
    let url = made.queue_url.expect("it has a URL");
    let call = sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::QueueArn);
    let told = call.send().await.expect("it tells its ARN").attributes.unwrap_or_default();
    (url, told[&QueueAttributeName::QueueArn].clone())
}

/// Keys, and an index with its keys, of a table; numbers are marked.
type Layout = (&'static str, &'static [&'static str], Option<(&'static str, [&'static str; 2], ProjectionType)>);

const NUMBERS: [&str; 5] = ["due_at", "record_rev", "at", "expires_at", "part_number"];

/// As `terraform/modules/tables` has them.
async fn make_tables(client: &aws_sdk_dynamodb::Client) -> Tables {
    let layouts: [Layout; 8] = [
        ("inventory", &["sku"], None),
        ("prices", &["sku"], Some(("due", ["due_shard", "due_at"], ProjectionType::KeysOnly))),
        ("history", &["sku", "record_rev"], None),
        ("catalogue", &["sku", "part"], Some(("skus", ["list", "sku"], ProjectionType::KeysOnly))),
        ("documents", &["name", "part"], None),
        ("alerts", &["sku", "part"], Some(("told", ["list", "at"], ProjectionType::All))),
        ("usage", &["name", "part"], Some(("held", ["held_shard", "expires_at"], ProjectionType::All))),
        ("orders", &["name"], None),
    ];
    for (table, keys, index) in layouts {
        let is_number = |name: &str| NUMBERS.contains(&name) || (table, name) == ("documents", "part");
        let schema = |keys: &[&str]| -> Vec<KeySchemaElement> {
            let kinds = [KeyType::Hash, KeyType::Range];
            let element =
                |(name, kind): (&&str, KeyType)| KeySchemaElement::builder().attribute_name(*name).key_type(kind).build();
            keys.iter().zip(kinds).map(|pair| element(pair).expect("it is whole")).collect()
        };
        let mut names: Vec<&str> = keys.to_vec();
        names.extend(index.iter().flat_map(|(_, keys, _)| keys));
        names.sort_unstable();
        names.dedup();
        let definition = |name: &str| {
            let kind = if is_number(name) { ScalarAttributeType::N } else { ScalarAttributeType::S };
            AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().expect("it is whole")
        };
        let mut call = client
            .create_table()
            .table_name(table)
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some(names.iter().map(|name| definition(name)).collect()))
            .set_key_schema(Some(schema(keys)));
        if let Some((name, keys, projection)) = index {
            let projection = Projection::builder().projection_type(projection).build();
            let index =
                GlobalSecondaryIndex::builder().index_name(name).set_key_schema(Some(schema(&keys))).projection(projection);
            call = call.global_secondary_indexes(index.build().expect("it is whole"));
        }
        if table == "prices" {
            let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewImage).build();
            call = call.stream_specification(stream.expect("it is whole"));
        }
        call.send().await.expect("a table can be made");
    }
    let name = |table: &str| table.to_owned();
    Tables {
        inventory: name("inventory"),
        prices: name("prices"),
        history: name("history"),
        catalogue: name("catalogue"),
        documents: name("documents"),
        alerts: name("alerts"),
        usage: name("usage"),
        orders: name("orders"),
    }
}

impl World for CloudWorld {
    fn records(&self) -> &impl Records {
        &self.store
    }
    fn documents(&self) -> &impl Documents {
        &self.store
    }
    fn usage(&self) -> &impl Usage {
        &self.store
    }
    fn orders(&self) -> &impl Orders {
        &self.store
    }
    fn bus(&self) -> &impl Bus {
        &self.bus
    }
    fn cache(&self) -> &impl Cache {
        &self.cache
    }
    fn wipe_cache(&self) {
        tokio::task::block_in_place(|| runtime().handle().block_on(self.cache.wipe())).expect("the cache can be emptied");
    }
    async fn receive(&self, queue: &str, most: usize) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        while deliveries.len() < most {
            let most = i32::try_from((most - deliveries.len()).min(10)).expect("it is ten at most");
            let call = self
                .sqs
                .receive_message()
                .queue_url(&self.queues[queue])
                .max_number_of_messages(most)
                .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount);
            let found = call.send().await.expect("a queue can be read").messages.unwrap_or_default();
            if found.is_empty() {
                break;
            }
            for message in found {
                let mut handles = self.handles.lock().expect("no panic while held");
                let id = MessageId(handles.len() as u64);
                handles.insert(id, message.receipt_handle.unwrap_or_default());
                let attributes = message.attributes.unwrap_or_default();
                let count = attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount);
                deliveries.push(Delivery {
                    id,
                    body: message.body.unwrap_or_default().into(),
                    receive_count: count.and_then(|count| count.parse().ok()).unwrap_or(1),
                });
            }
        }
        deliveries
    }
    async fn finish(&self, queue: &str, batch: Vec<Delivery>, outcome: BatchOutcome) {
        for delivery in batch {
            if outcome.retry.contains(&delivery.id) {
                continue;
            }
            if let Some(set_aside) = outcome.quarantined.iter().find(|set_aside| set_aside.id == delivery.id) {
                let body = delivery.body.text();
                let kept = quarantine(&self.sqs, &self.quarantine, queue, body, &set_aside.reason, delivery.receive_count);
                kept.await.expect("it is kept aside");
            }
            let handle = self.handles.lock().expect("no panic while held")[&delivery.id].clone();
            let call = self.sqs.delete_message().queue_url(&self.queues[queue]).receipt_handle(handle);
            call.send().await.expect("a message can be deleted");
        }
    }
    async fn pass(&self, time: Duration) {
        tokio::time::sleep(REAL_VISIBILITY.mul_f64(time.as_secs_f64() / VISIBILITY.as_secs_f64()) + Duration::from_millis(200))
            .await;
    }
    async fn dead_letters(&self, queue: &str) -> Vec<String> {
        let mut bodies = self.drain(&self.dead[queue]).await;
        bodies.extend(self.drain(&self.quarantine).await);
        bodies
    }
    async fn images(&self) -> Vec<PriceRecord> {
        let table = self.dynamodb.describe_table().table_name(&self.prices).send().await.expect("the table is there").table;
        let stream = table.and_then(|table| table.latest_stream_arn).expect("it has a stream");
        let described = self.streams.describe_stream().stream_arn(&stream).send().await.expect("it can be described");
        let mut images = Vec::new();
        for shard in described.stream_description.and_then(|stream| stream.shards).unwrap_or_default() {
            let call = self
                .streams
                .get_shard_iterator()
                .stream_arn(&stream)
                .shard_id(shard.shard_id.unwrap_or_default())
                .shard_iterator_type(aws_sdk_dynamodbstreams::types::ShardIteratorType::TrimHorizon);
            let iterator = call.send().await.expect("a shard can be read").shard_iterator;
            let found = self.streams.get_records().set_shard_iterator(iterator).send().await.expect("its records can be read");
            for record in found.records.unwrap_or_default() {
                let image = record.dynamodb.and_then(|change| change.new_image).unwrap_or_default();
                images.push(serde_dynamo::from_item(image).expect("it is a price record"));
            }
        }
        images
    }
}
