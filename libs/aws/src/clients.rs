use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext};

use crate::roots::Roots;

/// Attempts of the SDK at one call; beyond them the queue's redelivery is the retry.
const ATTEMPTS: u32 = 3;

/// The one configuration that every client shares: credentials, connections and trust store are set up once. All of it is in the
/// variables that Lambda sets, so no file is read and nobody is asked for credentials.
///
/// Timeouts are short, since whoever waits is a function that is paid for: 1 s to connect, 2 s an attempt, 5 s in all.
fn configuration() -> SdkConfig {
    let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(5))
        .build();
    let trusted = TlsContext::builder().with_trust_store(Roots::of_environment().trust_store()).build();
    let https = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(trusted.expect("a trust store is all that it takes"))
        .build_https();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(read("AWS_REGION").or_else(|| read("AWS_DEFAULT_REGION")).map(Region::new))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .http_client(https)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
    if let Some(endpoint) = read("AWS_ENDPOINT_URL") {
        config = config.endpoint_url(endpoint);
    }
    config.build()
}

/// The clients of a function, made of one configuration.
#[derive(Clone, Debug)]
pub struct Clients {
    /// What all of them share.
    pub config: SdkConfig,
    /// Records.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Events.
    pub eventbridge: aws_sdk_eventbridge::Client,
    /// Queues.
    pub sqs: aws_sdk_sqs::Client,
    /// Alerts.
    pub sns: aws_sdk_sns::Client,
}

impl Clients {
    /// From the environment.
    pub fn of_environment() -> Self {
        let config = configuration();
        Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            eventbridge: aws_sdk_eventbridge::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            sns: aws_sdk_sns::Client::new(&config),
            config,
        }
    }
}
