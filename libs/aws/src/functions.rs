//! What each Lambda function reads of its environment, and may do: `terraform/contract.json` is made of it.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use pricestream_ports::PortError;

use crate::variables::{
    ADMIN_TOKEN_SHA256, ALERT_TOPIC, BUS, CACHE_NAME, CACHE_URL, CACHE_USER, DEAD_LETTER_QUEUES, INGEST_TOKEN_SHA256,
    QUEUE_PRICING, QUEUE_QUARANTINE, QUEUES, TABLE_ALERTS, TABLE_CATALOGUE, TABLE_DOCUMENTS, TABLE_HISTORY, TABLE_INVENTORY,
    TABLE_ORDERS, TABLE_PRICES, TABLE_USAGE,
};
use crate::{Environment, IamTokens, IamUser, Tables, ValkeyCache};

const URL: &[&str] = &["https", "http"];

/// Where the cache is, and how to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheAccess {
    url: String,
    user: Option<IamUser>,
}

impl CacheAccess {
    /// With both a user and a name, or with neither.
    pub fn read(read: &mut Environment) -> Self {
        let url = read.url(CACHE_URL, &["rediss", "redis"]);
        let user = match (read.maybe(CACHE_USER), read.maybe(CACHE_NAME)) {
            (Some(user), Some(cache)) => Some(IamUser { user, cache }),
            (None, None) => None,
            (Some(_), None) => {
                read.problem(CACHE_NAME, "is not set, though the user is: an IAM token is for one cache");
                None
            }
            (None, Some(_)) => {
                read.problem(CACHE_USER, "is not set, though the cache's name is: an IAM token is for one user");
                None
            }
        };
        Self { url, user }
    }

    /// Connects; where nobody answers now, the connection comes later.
    pub async fn open(&self, config: &SdkConfig) -> Result<ValkeyCache, PortError> {
        let tokens = match &self.user {
            Some(user) => {
                let none = || PortError::unavailable("cache", "there are no credentials or no region to sign in with");
                Some(IamTokens::new(user.clone(), config).ok_or_else(none)?)
            }
            None => None,
        };
        ValkeyCache::open(&self.url, tokens).await
    }
}

/// inventory-publisher.
#[derive(Clone, Debug)]
pub struct InventoryPublisher {
    /// Inventory and catalogue.
    pub tables: Tables,
    /// Name of the bus.
    pub bus: String,
    /// URL of the queue for input that is refused.
    pub quarantine: String,
    /// Whoever administers may send stock changes too.
    pub admin_token: Option<[u8; 32]>,
    /// Who may send stock changes; `None`: everybody.
    pub ingest_token: Option<[u8; 32]>,
}

impl InventoryPublisher {
    /// Actions that it calls.
    pub const ACTIONS: &[&str] = &["dynamodb:GetItem", "dynamodb:PutItem", "events:PutEvents", "sqs:SendMessage"];

    /// From the environment.
    pub fn read(read: &mut Environment) -> Self {
        Self {
            tables: read.tables(&[TABLE_INVENTORY, TABLE_CATALOGUE]),
            bus: read.text(BUS),
            quarantine: read.url(QUEUE_QUARANTINE, URL),
            admin_token: read.sha256(ADMIN_TOKEN_SHA256),
            ingest_token: read.sha256(INGEST_TOKEN_SHA256),
        }
    }
}

/// pricing-calculator.
#[derive(Clone, Debug)]
pub struct PricingCalculator {
    /// Inventory, prices, history, catalogue, documents.
    pub tables: Tables,
    /// Name of the bus.
    pub bus: String,
    /// URL of the queue for what no retry helps.
    pub quarantine: String,
}

impl PricingCalculator {
    /// Actions that it calls, its queue's aside.
    pub const ACTIONS: &[&str] = &[
        "dynamodb:BatchGetItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "events:PutEvents",
        "sqs:SendMessage",
    ];

    /// From the environment.
    pub fn read(read: &mut Environment) -> Self {
        Self {
            tables: read.tables(&[TABLE_INVENTORY, TABLE_PRICES, TABLE_HISTORY, TABLE_CATALOGUE, TABLE_DOCUMENTS]),
            bus: read.text(BUS),
            quarantine: read.url(QUEUE_QUARANTINE, URL),
        }
    }
}

/// cache-writer.
#[derive(Clone, Debug)]
pub struct CacheWriter {
    /// Prices.
    pub tables: Tables,
    /// URL of the queue for what no retry helps.
    pub quarantine: String,
    /// The cache.
    pub cache: CacheAccess,
}

impl CacheWriter {
    /// Actions that it calls, its queue's and its stream's aside.
    pub const ACTIONS: &[&str] = &["dynamodb:GetItem", "elasticache:Connect", "sqs:SendMessage"];

    /// From the environment.
    pub fn read(read: &mut Environment) -> Self {
        Self { tables: read.tables(&[TABLE_PRICES]), quarantine: read.url(QUEUE_QUARANTINE, URL), cache: CacheAccess::read(read) }
    }
}

/// low-stock-alert.
#[derive(Clone, Debug)]
pub struct LowStockAlert {
    /// Inventory, catalogue, alerts.
    pub tables: Tables,
    /// ARN of the topic.
    pub topic: String,
    /// URL of the queue for what no retry helps.
    pub quarantine: String,
}

impl LowStockAlert {
    /// Actions that it calls, its queue's aside.
    pub const ACTIONS: &[&str] = &["dynamodb:GetItem", "dynamodb:PutItem", "sns:Publish", "sqs:SendMessage"];

    /// From the environment.
    pub fn read(read: &mut Environment) -> Self {
        Self {
            tables: read.tables(&[TABLE_INVENTORY, TABLE_CATALOGUE, TABLE_ALERTS]),
            topic: read.arn(ALERT_TOPIC, "sns"),
            quarantine: read.url(QUEUE_QUARANTINE, URL),
        }
    }
}

/// reconciler.
#[derive(Clone, Debug)]
pub struct Reconciler {
    /// Inventory, prices, catalogue, documents, usage.
    pub tables: Tables,
    /// Name of the bus.
    pub bus: String,
    /// URL of pricing-calculator's queue.
    pub pricing: String,
    /// The cache.
    pub cache: CacheAccess,
}

impl Reconciler {
    /// Actions that it calls.
    pub const ACTIONS: &[&str] = &[
        "dynamodb:BatchGetItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "elasticache:Connect",
        "events:PutEvents",
        "sqs:SendMessage",
    ];

    /// From the environment.
    pub fn read(read: &mut Environment) -> Self {
        Self {
            tables: read.tables(&[TABLE_INVENTORY, TABLE_PRICES, TABLE_CATALOGUE, TABLE_DOCUMENTS, TABLE_USAGE]),
            bus: read.text(BUS),
            pricing: read.url(QUEUE_PRICING, URL),
            cache: CacheAccess::read(read),
        }
    }
}

/// price-api.
#[derive(Clone, Debug)]
pub struct PriceApi {
    /// All of them.
    pub tables: Tables,
    /// Name of the bus.
    pub bus: String,
    /// URLs of the work queues by their names.
    pub queues: BTreeMap<String, String>,
    /// URLs of the queues of dead letters, by the names of the queues that they are of.
    pub dead_letters: BTreeMap<String, String>,
    /// The cache.
    pub cache: CacheAccess,
    /// Opens administration; `None`: nobody may.
    pub admin_token: Option<[u8; 32]>,
    /// Opens orders; `None`: everybody may.
    pub ingest_token: Option<[u8; 32]>,
}

impl PriceApi {
    /// Actions that it calls.
    pub const ACTIONS: &[&str] = &[
        "dynamodb:BatchGetItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "elasticache:Connect",
        "events:PutEvents",
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
    ];

    /// From the environment.
    pub fn read(read: &mut Environment) -> Self {
        Self {
            tables: read.tables(&[
                TABLE_INVENTORY,
                TABLE_PRICES,
                TABLE_HISTORY,
                TABLE_CATALOGUE,
                TABLE_DOCUMENTS,
                TABLE_ALERTS,
                TABLE_USAGE,
                TABLE_ORDERS,
            ]),
            bus: read.text(BUS),
            queues: read.urls(QUEUES),
            dead_letters: read.urls(DEAD_LETTER_QUEUES),
            cache: CacheAccess::read(read),
            admin_token: read.sha256(ADMIN_TOKEN_SHA256),
            ingest_token: read.sha256(INGEST_TOKEN_SHA256),
        }
    }
}
