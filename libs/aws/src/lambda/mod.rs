//! The services as Lambda functions: events in, the handlers' deliveries, partial batch answers out.
//!
//! What is wrong with the environment ends the process before it asks for its first event. What a function has to tell about itself
//! (metrics, what it did) it tells once the answer is on its way, so that nobody waits for it.

mod batch;
#[cfg(feature = "lambda-http")]
mod http;
mod images;
mod scheduled;
mod told;

use std::fmt;
use std::future::Future;
use std::process::exit;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

pub use lambda_runtime::Error;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use pricestream_ports::{Clock, Documents, PolledSettings, PortError, SystemClock, Unsettled};
use pricestream_telemetry::{Flusher, HopLayer, Metrics, collector};
use serde_json::Value;
use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub use self::batch::{Aside, run_batches};
#[cfg(feature = "lambda-http")]
pub use self::http::run_router;
pub use self::images::run_batches_and_images;
pub use self::scheduled::run_scheduled;
use self::told::Told;
use crate::{Environment, variables};

/// How long a start waits for a connection that it can go on without.
const WARM: Duration = Duration::from_millis(500);

/// Opens a connection before the first event comes, unless that takes long: then the first event that needs it opens it.
pub async fn warm(connecting: impl Future<Output = ()>) {
    if tokio::time::timeout(WARM, connecting).await.is_err() {
        tracing::warn!("a service does not answer yet");
    }
}

/// How long an event waits for the settings to be read.
const POLL: Duration = Duration::from_secs(1);

/// What each function has, whatever it does.
#[derive(Clone)]
pub struct Function {
    /// The service's name.
    pub service: &'static str,
    /// Counts; told after each event.
    pub metrics: Arc<Metrics>,
    spans: Option<Flusher>,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("service", &self.service).finish_non_exhaustive()
    }
}

impl Function {
    /// The first thing that a function does: sets up the log, and reads the environment by `read`. All that is wrong with it is
    /// told at once, and ends the process.
    pub fn begin<T>(service: &'static str, read: impl FnOnce(&mut Environment) -> T) -> (Self, T) {
        let mut environment = Environment::of_process();
        environment.text(variables::STAGE);
        let filter = environment.maybe(variables::LOG).unwrap_or_else(|| "info".to_owned());
        let filter = filter.parse::<Targets>().unwrap_or_else(|error| {
            environment.problem(variables::LOG, &format!("is no filter such as info,pricestream=debug: {error}"));
            Targets::new()
        });
        let spans = environment.maybe(variables::OTLP_ENDPOINT).and_then(|endpoint| match collector(&endpoint) {
            Ok(spans) => Some(spans),
            Err(_) => {
                environment.problem(variables::OTLP_ENDPOINT, "is no URL such as http://127.0.0.1:4318");
                None
            }
        });
        let value = read(&mut environment);
        match environment.finish(value) {
            Ok(value) => {
                let log = tracing_subscriber::fmt::layer().json().with_current_span(true).with_span_list(false);
                let log = log.with_writer(std::io::stdout).with_filter(filter);
                let flusher = spans.as_ref().map(HopLayer::flusher);
                let hops = Targets::new().with_target("pricestream_telemetry", Level::INFO);
                tracing_subscriber::registry().with(log).with(spans.map(|spans| spans.with_filter(hops))).init();
                (Self { service, metrics: Arc::new(Metrics::default()), spans: flusher }, value)
            }
            Err(problems) => {
                eprintln!("{service} cannot start: {problems}");
                exit(1);
            }
        }
    }

    /// Reads settings that are older than allowed anew; what cannot be read in time, or used, leaves the last good ones in force.
    pub async fn poll(&self, settings: &PolledSettings<impl Documents>) {
        let polled = tokio::time::timeout(POLL, settings.poll(SystemClock.now())).await;
        let error: Box<dyn std::error::Error + Send + Sync> = match polled {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                if matches!(error, Unsettled::Invalid(_) | Unsettled::Port(PortError::Corrupt { .. })) {
                    self.metrics.settings_refused.inc();
                }
                error.into()
            }
            Err(late) => late.into(),
        };
        tracing::error!(error = &*error as &dyn std::error::Error, "the settings stay as they were");
    }

    /// Answers events, one after the other, until the process is ended.
    async fn run(self, handle: impl AsyncFn(Value) -> Result<Value, Error> + 'static) -> Result<(), Error> {
        let handle = Rc::new(handle);
        let one = move |event: LambdaEvent<Value>| {
            let handle = Rc::clone(&handle);
            async move { handle(event.payload).await }
        };
        Runtime::new(service_fn(one)).layer(self.told()).run().await
    }

    fn told(&self) -> Told {
        Told::new(self.service, Arc::clone(&self.metrics), self.spans.clone())
    }
}

/// A client of a port where nobody listens.
#[cfg(test)]
fn nowhere() -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_sqs::config::Region::new("eu-west-1"))
        .credentials_provider(aws_credential_types::Credentials::new("a", "b", None, None, "test"))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .endpoint_url("http://127.0.0.1:1")
        .build();
    aws_sdk_sqs::Client::from_conf(config)
}
