//! The ports on AWS: records in DynamoDB, events through EventBridge and SQS, alerts through SNS, the cache in Valkey or Redis.
//!
//! Where it runs is told by the environment alone ([`Environment`]): an emulator is an endpoint, no code of its own.

mod alerts;
mod bus;
pub mod cache;
mod clients;
mod dead_letters;
pub mod dynamo;
mod environment;
pub mod functions;
#[cfg(feature = "lambda")]
pub mod lambda;
mod queues;
mod roots;

pub use alerts::SnsAlerts;
pub use aws_sdk_sqs::Client as SqsClient;
pub use bus::EventBridge;
pub use cache::{IamTokens, IamUser, ValkeyCache};
pub use clients::Clients;
pub use dead_letters::{DeadLetter, DeadLetters, QUARANTINE, depth};
pub use dynamo::{DynamoStore, Tables};
pub use environment::{Environment, Problems, variables};
pub use queues::{Queues, connect_queue, quarantine};
